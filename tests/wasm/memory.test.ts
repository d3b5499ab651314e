/** A study in the .wasm takes the memory that it states before it begins: a full heap grows by that, within 5 percent. It
 *  grows by what is wanted in whole pages of 64 KiB, so each study is of 2 MiB at least. */
import { expect, test } from 'vitest';
import type { ReadRequest } from '../../site/src/engine/types';
import { STUDIES } from '../../site/src/engine/abi.gen';
import { createBare, quiet, steady } from './core';
import { madeUp } from './toy';

const SHAPE = { n_layers: 4, n_heads: 6, d_model: 144, d_head: 24, d_mlp: 576, d_vocab: 900, n_ctx: 160 };
const prompt = (shift: number, length = 144) => Array.from({ length }, (_, i) => (i * 37 + shift) % 900);
const other = prompt(0).map((id, i) => (i % 9 === 4 ? 899 - id : id));
const pair = { clean: prompt(0), corrupted: other, metric: { kind: 'logit_diff', correct: 1, wrong: 2 } };
const push = Array.from({ length: 144 }, (_, i) => Math.sin(i));

const documents: readonly ReadRequest[] = [
  { read: 'sweep', ...pair, what: 'resid_pre' },
  { read: 'sweep', ...pair, what: ['z', 'q', 'k', 'v', 'pattern'], by: 'layer,position,head', layers: [3], positions: [3, -1], direction: 'noise', metric: { kind: 'kl' } },
  { read: 'sweep', ...pair, what: 'direct_path' },
  { read: 'ablate', prompts: [prompt(0), other], over: [prompt(5), prompt(7, 40)], metric: { kind: 'loss' }, what: ['z', 'attn_out'], by: 'layer', op: 'mean' },
  { read: 'ablate', prompts: [prompt(0)], metric: { kind: 'loss' }, what: 'post', by: 'layer,neuron', layers: [3] },
  { read: 'path', ...pair, senders: 'all', receivers: 'all' },
  { read: 'attribute', ...pair, what: 'z', by: 'layer,head', steps: 2, compare: true },
  { read: 'edges', ...pair, steps: 2 },
  { read: 'circuit', ...pair, counts: [3, 20] },
  { read: 'vector', recipe: { contrast: { positive: [prompt(1), prompt(2)], negative: [prompt(3), prompt(4)] }, hook: '2_pre', method: 'pca' } },
  { read: 'vector', recipe: { token: 1 }, at: { hook: 'blocks.3.hook_resid_mid', prompt: prompt(0) } },
  { read: 'dose', prompts: [prompt(0, 60), prompt(1, 90)], steer: { hook: 'blocks.1.hook_resid_pre', value: push }, strengths: [0, 2], seeds: [1, 2], max_new: 30, frozen: true, random: 1 },
  { read: 'outcomes', base: prompt(0, 90), ways: [{ name: 'a', ids: prompt(3, 100), frozen: true, edits: [{ hook: '*hook_q_input', op: 'zero', heads: [1] }] }], max_new: 20 },
];

test('every study is here', () => expect(new Set(documents.map(({ read }) => read))).toEqual(new Set(STUDIES)));

test.each(documents.map((document) => [[document.read, document['what'], document['by']].flat().join(' '), document] as const))('%s', async (_, document) => {
  const { core, exports } = await createBare();
  await core.load(madeUp(SHAPE));
  const size = () => exports.memory.buffer.byteLength;
  const { hsw_read_new, hsw_read_begin, hs_read_step } = exports;
  let [before, stated, begun, peak] = [0, 0, 0, 0];
  exports.hsw_read_new = (...given) => {
    for (const block of [1 << 16, 1 << 12, 1 << 8]) for (const now = size(); size() === now; ) exports.malloc(block);
    before = size();
    return hsw_read_new(...given);
  };
  exports.hsw_read_begin = (at) => {
    stated = exports.hsw_read_bytes(at);
    const status = hsw_read_begin(at);
    begun = exports.hsw_read_bytes(at);
    return status;
  };
  exports.hs_read_step = (at) => {
    const more = hs_read_step(at);
    peak = size() - before;
    return more;
  };
  await core.read(document, steady, quiet);
  expect(begun).toBe(stated);
  expect(stated).toBeGreaterThan(2 * 2 ** 20);
  expect(Math.abs(peak / stated - 1), `stated ${stated}, the heap grew by ${peak}`).toBeLessThan(0.05);
});
