// The comparison itself is held: a planted fault of each kind must be found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareAll, compareArgmax, compareBits, compareGradients, compareValues } from './compare.mjs';
import { readTensors, writeTensors } from './st.mjs';
import { checkHooks, demand, models } from './walk.mjs';

const tensor = (shape, ...values) => ({ shape, data: Float32Array.from(values) });
const sure = (finding) => assert.equal(finding.problem, null);
const caught = (finding, pattern) => assert.match(finding.problem ?? 'nothing', pattern);

test('values: within the tolerance pass, beyond it fail', () => {
  const reference = tensor([2, 2], 0.5, -Infinity, 20, -3);
  sure(compareValues('x', reference, tensor([2, 2], 0.5019, -Infinity, 20, -3)));
  caught(compareValues('x', reference, tensor([2, 2], 0.5021, -Infinity, 20, -3)), /off by/);
});

test('values: NaN, infinities and shapes', () => {
  const reference = tensor([2, 2], 0.5, -Infinity, 2, -3);
  caught(compareValues('x', reference, tensor([2, 2], NaN, -Infinity, 2, -3)), /NaN/);
  caught(compareValues('x', reference, tensor([2, 2], 0.5, 0, 2, -3)), /-Infinity/);
  caught(compareValues('x', reference, tensor([2, 2], 0.5, -Infinity, Infinity, -3)), /Infinity/);
  caught(compareValues('x', reference, tensor([2, 2], 0.5, Infinity, 2, -3)), /Infinity/);
  caught(compareValues('x', reference, tensor([2, 2], 0.5, NaN, 2, -3)), /NaN/);
  caught(compareValues('x', reference, tensor([4], 0.5, -Infinity, 2, -3)), /shape/);
  caught(compareValues('x', reference, tensor([2], 0.5, -Infinity)), /shape/);
});

test('argmax: another token fails unless the two lead together', () => {
  const reference = tensor([2, 3], 1, 2, 0, 5, 5.001, 0);
  sure(compareArgmax('logits', reference, tensor([2, 3], 1, 2, 0, 5.001, 5, 0)));
  caught(compareArgmax('logits', reference, tensor([2, 3], 2, 1, 0, 5, 5.001, 0)), /row 0/);
});

test('gradients: relative to the largest, and absolute where the reference is zero', () => {
  const reference = tensor([3], 1e-6, 0, -2e-6);
  sure(compareGradients('g', reference, tensor([3], 1.0019e-6, 0, -2e-6)));
  caught(compareGradients('g', reference, tensor([3], 1.01e-6, 0, -2e-6)), /off by/);
  caught(compareGradients('g', reference, tensor([3], NaN, 0, -2e-6)), /NaN/);
  sure(compareGradients('g', tensor([1], 0), tensor([1], 9e-7)));
  caught(compareGradients('g', tensor([1], 0), tensor([1], 2e-6)), /off by/);
});

test('bits: the sign of zero counts', () => {
  sure(compareBits('x', tensor([2], -0, 1e-41), tensor([2], -0, 1e-41)));
  caught(compareBits('x', tensor([2], -0, 1), tensor([2], 0, 1)), /bit for bit/);
});

test('names: a missing and an extra hook fail', () => {
  const a = new Map([['hook_embed', tensor([1], 1)], ['logits', tensor([1, 2], 1, 2)]]);
  assert.throws(() => demand(compareAll(a, new Map([['logits', a.get('logits')]]), compareValues)), /hook_embed is missing/);
  assert.throws(() => demand(compareAll(new Map([['logits', a.get('logits')]]), a, compareValues)), /hook_embed is not in/);
  assert.throws(() => demand([]), /nothing/);
});

test('walking: one wrong number in one hook, and a run that fails, are found', async () => {
  const model = models[0];
  const right = new Map();
  const recorder = {
    run: (_, { ids }) => {
      if (!right.has(ids.join())) throw new Error('not recorded');
      return right.get(ids.join());
    },
  };
  assert.match((await checkHooks(recorder, model))[0].problem, /not recorded/);
  const { readFileSync } = await import('node:fs');
  const folder = new URL(`cases/${model}/`, import.meta.url);
  const documents = JSON.parse(readFileSync(new URL('hooks.json', folder), 'utf8'));
  for (const { ids } of documents) right.set(ids.join(), new Map());
  for (const [name, x] of readTensors(readFileSync(new URL('hooks.safetensors', folder))))
    right.get(documents[Number(name.split('/')[0])].ids.join()).set(name.split('/')[1], x);
  demand(await checkHooks(recorder, model));
  right.get(documents.at(-1).ids.join()).get('logits').data[1] += 0.01;
  assert.ok((await checkHooks(recorder, model)).some(({ problem }) => problem));
});

test('safetensors: what is written is read, unaligned data too', () => {
  const tensors = new Map([['a', tensor([2, 1], 1.5, -0)], ['bcd', tensor([], 3)]]);
  const back = readTensors(writeTensors(tensors));
  assert.deepEqual(back, tensors);
  assert.ok(Object.is(back.get('a').data[1], -0));
  assert.throws(() => readTensors(writeTensors(tensors).subarray(0, 60)), /header/);
});
