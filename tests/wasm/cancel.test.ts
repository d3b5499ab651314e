/** Every study cancelled half-way, by a message from the page's side: no more than one unit is begun after it, what was taken is
 *  given back, and what is asked next has the numbers that it would have had. */
import { afterEach, expect, test } from 'vitest';
import { compareAll, compareBits } from '../golden/compare.mjs';
import { demand } from '../golden/walk.mjs';
import { connect } from '../../site/src/engine/client';
import { STUDIES } from '../../site/src/engine/abi.gen';
import type { ReadRequest, Reading } from '../../site/src/engine/types';
import { serve } from '../../site/src/worker/serve';
import type { FromWorker, Port, ToWorker } from '../../site/src/worker/protocol';
import { createBare, quiet, steady } from './core';
import { madeUp } from './toy';

const model = () => madeUp({ n_layers: 3, n_heads: 2, d_model: 16, d_head: 8, d_mlp: 40, d_vocab: 60, n_ctx: 24 });
const ids = [0, 5, 6, 7, 5, 6, 7, 9, 11, 13];
const pair = { clean: ids, corrupted: [...ids].reverse(), metric: { kind: 'logit_diff', correct: 1, wrong: 2 } };
const studies: readonly ReadRequest[] = [
  { read: 'sweep', ...pair, what: ['z', 'q', 'k', 'v', 'pattern'], by: 'layer,position,head' },
  { read: 'ablate', prompts: [ids, pair.corrupted], metric: { kind: 'loss' }, what: 'post', by: 'layer,neuron', op: 'mean' },
  { read: 'path', ...pair, senders: 'all', receivers: 'all' },
  { read: 'attribute', ...pair, what: 'z', by: 'layer,head', steps: 3, compare: true },
  { read: 'edges', ...pair, steps: 3 },
  { read: 'circuit', ...pair, counts: [0, 10, 20] },
  { read: 'vector', recipe: { contrast: { positive: [ids, [3, 4]], negative: [[7, 8], [9, 10]] }, hook: '2_pre', method: 'pca' }, at: { hook: 'blocks.1.hook_resid_pre', prompt: ids } },
  { read: 'dose', prompts: [ids], steer: { hook: 'blocks.1.hook_resid_pre', value: Array(16).fill(1) }, strengths: [0, 2], seeds: [1, 2], max_new: 6, random: 1 },
  { read: 'outcomes', base: ids, ways: [{ name: 'off', ids, edits: [{ hook: 'blocks.1.attn.hook_z', op: 'zero' }] },
    { name: 'patched', ids, edits: [{ hook: '*.hook_resid_pre', op: 'patch', value: { run: 'B' } }], runs: { A: [4, 5], B: pair.corrupted } }], max_new: 6 },
];

/** A core of its own whose units are counted, and the readings that are not freed; `onUnit` hears of each unit before it is done. */
async function counted() {
  const { core, exports } = await createBare();
  const counts = { units: 0, open: 0, onUnit: (): unknown => null };
  const { hsw_read_new, hs_read_step, hs_read_free } = exports;
  exports.hsw_read_new = (...given) => {
    const status = hsw_read_new(...given);
    counts.open += Number(status === 0);
    return status;
  };
  exports.hs_read_step = (at) => {
    counts.units++;
    counts.onUnit();
    return hs_read_step(at);
  };
  exports.hs_read_free = (at) => {
    counts.open--;
    hs_read_free(at);
  };
  await core.load(model());
  return { core, exports, counts };
}

const channels: MessageChannel[] = [];
afterEach(() => channels.splice(0).forEach(({ port1, port2 }) => (port1.close(), port2.close())));

/** That core behind the worker's loop, and the page's client of it. */
async function engine() {
  const made = await counted();
  const channel = new MessageChannel();
  channels.push(channel);
  const pause = () => new Promise<void>((done) => setImmediate(() => setImmediate(done)));
  serve(channel.port1 as unknown as Port<ToWorker, FromWorker>, async () => made.core, pause);
  return { ...made, client: connect(channel.port2 as unknown as Port<FromWorker, ToWorker>) };
}

test('every study is here', () => expect(studies.map(({ read }) => read)).toEqual([...STUDIES]));

/** What a core without a past says of it, and in how many units. */
async function truth(study: ReadRequest) {
  const { core, counts } = await counted();
  const reading = await core.read(study, steady, quiet);
  return { reading, units: counts.units };
}
const same = (wanted: Reading, got: Reading) => {
  demand(compareAll(wanted.arrays, got.arrays, compareBits));
  expect({ ...got, arrays: null }).toEqual({ ...wanted, arrays: null });
};

test.each(studies)('$read: at its first unit, in the middle and before its last, at most one unit is begun after the cancel', async (study) => {
  const { reading, units } = await truth(study);
  expect(units).toBeGreaterThan(20);
  const { client, counts } = await engine();
  const lens: ReadRequest = { read: 'lens', ids };
  for (const at of [1, 2, Math.floor(units / 4), Math.floor(units / 2), units - 2]) {
    counts.units = 0;
    const controller = new AbortController();
    let heard = 0;
    counts.onUnit = () => counts.units === at && controller.abort();
    const asked = client.ask('read', study, { signal: controller.signal, onProgress: () => heard++ });
    await expect(asked).rejects.toThrow(expect.objectContaining({ status: 'EABORTED' }));
    const [then, before] = [heard, counts.units];
    counts.onUnit = () => null;
    await client.ask('hooks', { nTokens: 3 }); // answered once the study is over
    expect(counts.units, `cancelled at unit ${at} of ${units}`).toBeLessThanOrEqual(at + 1);
    expect([heard, counts.open, before]).toEqual([then, 0, at]);
  }
  const other = studies[(studies.indexOf(study) + 1) % studies.length] ?? study;
  for (const next of [lens, other, study]) same(next === study ? reading : (await truth(next)).reading, await client.ask('read', next));
});

/** The bytes of a heap after so many cancels of a study, each at another of its units, and how many blocks fit in without growth. */
async function heapAfter(cancels: number, study: ReadRequest, units: number) {
  const { core, exports, counts } = await counted();
  for (let i = 0; i < cancels; i++) {
    const controller = new AbortController();
    counts.units = 0;
    counts.onUnit = () => counts.units === 1 + ((i * 7) % (units - 1)) && controller.abort();
    await expect(core.read(study, { ...steady, signal: controller.signal }, quiet)).rejects.toThrow(expect.objectContaining({ status: 'EABORTED' }));
  }
  expect(counts.open).toBe(0);
  const { buffer } = exports.memory;
  const bytes = buffer.byteLength;
  let blocks = 0;
  while (exports.memory.buffer === buffer && exports.malloc(256) !== 0) blocks++;
  return { bytes, blocks };
}

test.each(studies)('$read: cancelled 50 times, the heap is as it was after three', async (study) => {
  const { units } = await truth(study);
  const early = await heapAfter(3, study, units);
  expect(early.blocks).toBeGreaterThan(4000);
  expect(await heapAfter(50, study, units)).toEqual(early);
});
