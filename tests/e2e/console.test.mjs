// A researcher's doors: the examples of docs/engine.md, run as they stand there in the built page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after as atEnd, before, test } from 'node:test';
import { settled, start } from './lib/browser.mjs';
import { CONFIG, MODEL } from './lib/model.mjs';

const [inConsole, read, asModule] = [...readFileSync(new URL('../../docs/engine.md', import.meta.url), 'utf8').matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]);

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

/** What `code` leaves in the names of `results`. Through the debugger, as the console does, past the page's policy. */
const paste = (page, code, results) => page.evaluate(`(async () => {\n${code}\nreturn {${results}};\n})()`);

test('hookscope in the console: tokens, patterns, heads switched off', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { shape, sums, before, after, n } = await paste(page, inConsole, `
    shape, n: tokens.length,
    sums: Array.from({ length: shape[0] * shape[1] }, (_, row) => data.slice(row * shape[2], (row + 1) * shape[2]).reduce((a, b) => a + b, 0)),
    before: Array.from(plain.loss), after: Array.from(off.loss)`);
  assert.deepEqual(shape, [CONFIG.n_heads, n, n]);
  for (const sum of sums) assert.ok(Math.abs(sum - 1) < 1e-5, `a row of the pattern sums to ${sum}`);
  assert.equal(before.length, n - 1);
  assert.notDeepEqual(after, before);
  assert.deepEqual(complaints, []);
  await close();
});

test('hookscope in the console: what wrote a logit, and a text continued', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { parts, logit, n, end } = await paste(page, inConsole + read, `
    parts: ['values', 'heads'].flatMap((name) => Array.from(arrays.get(name).data)), logit: arrays.get('logit').data[0],
    n: told.tokens.length, end: told.end`);
  assert.equal(parts.length, 5 + CONFIG.n_layers * CONFIG.n_heads);
  assert.ok(Math.abs(parts.reduce((a, b) => a + b, 0) - logit) < 1e-4, `the parts of ${logit} are ${parts}`);
  assert.deepEqual([n, end], [20, 'max_new']);
  assert.deepEqual(complaints, []);
  await close();
});

test('engine.js as a module: an engine of one\'s own beside the page\'s', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { loaded, same } = await paste(page, asModule, `
    loaded: info,
    same: await (async () => {
      const ids = [0, 5, 6, 7, 5, 6];
      const [ours, theirs] = await Promise.all([engine.run({ ids }), hookscope.run({ ids })]);
      engine.close();
      return ours.logits.data.every((x, i) => Object.is(x, theirs.logits.data[i]));
    })()`);
  assert.equal(loaded.sha256, MODEL.files['model.safetensors'].sha256);
  assert.equal(loaded.config.n_layers, CONFIG.n_layers);
  assert.ok(same);
  assert.deepEqual(complaints, []);
  await close();
});
