// Builds and threads in the browser, under the headers of `make serve`: one .wasm is sent, and 1, 2 and 4 threads of the
// baseline build give the bits of hs, as the relaxed build gives its numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, hasWorkers, idsOf, newPage, served, settled } from './lib/browser.mjs';
import { hsRun } from './lib/model.mjs';

const both = served();

for (const [query, build, threads] of [
  ['?wasm=baseline&threads=1', 'hookscope', 1],
  ['?wasm=baseline&threads=2', 'hookscope-shared', 2],
  ['?wasm=baseline&threads=4', 'hookscope-shared', 4],
  ['?threads=1', 'hookscope-relaxed', 1],
  ['?threads=2', 'hookscope-relaxed-shared', 2],
])
  test(`${query}: ${build}, ${threads} thread${threads > 1 ? 's' : ''}`, async () => {
    const context = await both.browser.newContext({ ...DESK });
    const { page, complaints } = await newPage(context);
    const sent = [];
    context.on('response', (response) => sent.push(new URL(response.url()).pathname));
    await page.goto(both.server.url + query);
    await settled(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    const wasm = sent.flatMap((path) => /assets\/(hookscope.*)-.{8}\.wasm$/.exec(path)?.[1] ?? []);
    assert.deepEqual([...new Set(wasm)], [build]);
    await hasWorkers(page, threads);
    const ids = await idsOf(page);
    const logits = Float32Array.from(await page.evaluate(async (of) => Array.from((await globalThis.hookscope.run({ ids: of })).logits.data), ids));
    const { data } = hsRun(ids, { capture: ['logits'] }).tensors.get('logits');
    if (build.includes('relaxed')) assert.ok(logits.every((x, i) => Math.abs(x - data[i]) <= 1e-4 * Math.max(1, Math.abs(data[i]))));
    else assert.deepEqual(logits, data);
    assert.deepEqual(complaints, []);
    await context.close();
  });
