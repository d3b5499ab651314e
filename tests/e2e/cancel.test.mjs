// Every study cancelled half-way in Chromium, by the page's engine: after the signal at most one unit is begun (counted in the
// worker), its memory is given back, and what is asked next has the numbers of `hs`. Fifty cancels leave the heap as it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareAll, compareBits, compareReading } from '../golden/compare.mjs';
import { native } from '../golden/native.mjs';
import { demand, modelFolder } from '../golden/walk.mjs';
import { DESK, newPage, served, settled } from './lib/browser.mjs';
import { paceUnits, unitsOf, watchUnits } from './lib/units.mjs';

const folder = modelFolder('stories-2l');
const ids = [0, 464, 318, 257, 1200, 31, 464, 318];
const pair = { clean: ids, corrupted: ids.map((id, i) => (i === 3 || i === 5 ? id + 40 : id)), metric: { kind: 'logit_diff', correct: 257, wrong: 300 } };
const push = Array.from({ length: 256 }, (_, i) => Math.sin(i));
const STUDIES = [
  { read: 'sweep', ...pair, what: ['z', 'pattern'], by: 'layer,position,head' },
  { read: 'ablate', prompts: [ids, pair.corrupted], over: [pair.corrupted, ids], metric: { kind: 'loss' }, what: 'z', by: 'layer,position,head', op: 'position_mean' },
  { read: 'path', ...pair, senders: 'all', receivers: 'all' },
  { read: 'attribute', ...pair, what: 'z', by: 'layer,head', steps: 3, compare: true },
  { read: 'edges', ...pair, steps: 3 },
  { read: 'circuit', ...pair, counts: [0, 10, 20] },
  { read: 'vector', recipe: { contrast: { positive: [ids, [3, 4, 5]], negative: [[7, 8], [9, 10, 11]] }, hook: '1_pre', method: 'pca' }, at: { hook: 'blocks.1.hook_resid_pre', prompt: ids } },
  { read: 'dose', prompts: [ids], steer: { hook: 'blocks.1.hook_resid_pre', value: push }, strengths: [0, 2], seeds: [1, 2], max_new: 6, random: 1 },
  { read: 'outcomes', base: ids, ways: [{ name: 'off', ids, edits: [{ hook: 'blocks.1.attn.hook_z', op: 'zero' }] }], max_new: 6 },
];
const UNIT = 150; // ms, at least, so that the page can come between
delete process.env.JITTER; // units are counted from the signal on, which must not be held back

const both = served();

/** The page under the query, its worker watched. */
async function visit(query) {
  const context = await both.browser.newContext({ ...DESK, serviceWorkers: 'block' });
  const { page, complaints } = await newPage(context);
  await watchUnits(page, { slow: STUDIES.map(({ read }) => read), unitMs: 0 });
  await page.goto(both.server.url + query);
  await settled(page);
  return { page, async close() {
    assert.deepEqual(complaints, []);
    await context.close();
  } };
}

const ask = async (page, document) => {
  const arrays = await page.evaluate(async (asked) => [...(await globalThis.hookscope.read(asked)).arrays.values()].map(({ name, shape, data }) => [name, shape, Array.from(data)]), document);
  return new Map(arrays.map(([name, shape, data]) => [name, { shape, data: Float32Array.from(data) }]));
};

/** The study begun and cancelled as soon as it told of itself `tellings` times -> when, and what came of it. */
const cancelled = (page, document, tellings) =>
  page.evaluate(async ([asked, n]) => {
    const controller = new AbortController();
    let heard = 0;
    let at = 0;
    const onProgress = () => {
      if (++heard !== n) return;
      controller.abort();
      at = performance.timeOrigin + performance.now(); // it is sent
    };
    const status = await globalThis.hookscope.read(asked, { signal: controller.signal, onProgress }).then(() => 'answered', (failure) => failure.status);
    await globalThis.hookscope.hooks(3); // answered once the study is over
    return { at, status, heard };
  }, [document, tellings]);

for (const [query, rule] of [['?wasm=baseline&threads=1', compareBits], ['?wasm=baseline&threads=2', compareBits], ['', compareReading]])
  test(`${query || 'as it comes'}: each study ends after at most one unit, and the next question has the numbers of hs`, async () => {
    const { page, close } = await visit(query);
    for (const study of STUDIES) {
      await paceUnits(page, UNIT);
      const seen = (await unitsOf(page)).length;
      const { at, status, heard } = await cancelled(page, study, 3); // at its beginning, and then every 100 ms
      assert.deepEqual([status, heard], ['EABORTED', 3], study.read);
      await paceUnits(page, 0);
      const log = (await unitsOf(page)).slice(seen);
      const units = log.filter(({ what, read }) => what === 'unit' && read === study.read);
      const late = units.filter((unit) => unit.at > at).length;
      assert.ok(units.length >= 3 && late <= 1, `${study.read}: ${late} of ${units.length} units began after the signal`);
      const [{ reading }] = units;
      assert.equal(log.filter((entry) => entry.what === 'free' && entry.reading === reading).length, 1, `${study.read}: its memory is given back`);

      const lens = { read: 'lens', ids: ids.map((id) => id + units.length) }; // never asked before
      for (const next of [lens, study]) demand(compareAll(native.read(folder, next).arrays, await ask(page, next), rule));
      const whole = (await unitsOf(page)).slice(seen + log.length).filter(({ what, read }) => what === 'unit' && read === study.read).length;
      assert.ok(whole > units.length + 2, `${study.read}: cancelled after ${units.length} of ${whole} units`);
    }
    await close();
  });

test('50 cancels of each study: every one gives its memory back, and the heap is no larger than after three', async () => {
  const { page, close } = await visit('?wasm=baseline&threads=1');
  await paceUnits(page, 2);
  for (const study of STUDIES) {
    const seen = (await unitsOf(page)).length;
    for (let i = 0; i < 50; i++) assert.equal((await cancelled(page, study, 1)).status, 'EABORTED');
    const log = (await unitsOf(page)).slice(seen);
    const freed = log.filter(({ what, read }) => what === 'free' && read === study.read);
    assert.equal(freed.length, 50, study.read);
    assert.ok(freed.every(({ heap }) => heap > 2 ** 20 && heap <= freed[2].heap), `${study.read}: ${freed.map(({ heap }) => heap)}`);
  }
  await close();
});
