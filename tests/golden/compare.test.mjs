// The comparison itself is held: a planted fault of each kind must be found.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compareAll, compareArgmax, compareBits, compareGradients, compareReading, compareValues } from './compare.mjs';
import { readTensors, writeTensors } from './st.mjs';
import { checkHooks, demand, kindOf, models, modelsWith } from './walk.mjs';

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

test('readings: NaN where there is nothing to say, there and nowhere else', () => {
  const reference = tensor([3], NaN, -Infinity, 20);
  sure(compareReading('x', reference, tensor([3], NaN, -Infinity, 20.0019)));
  caught(compareReading('x', reference, tensor([3], 0, -Infinity, 20)), /x\[0\]: 0, the reference has NaN/);
  caught(compareReading('x', reference, tensor([3], NaN, NaN, 20)), /NaN, the reference has -Infinity/);
  caught(compareReading('x', reference, tensor([3], NaN, 0, 20)), /-Infinity/);
  caught(compareReading('x', reference, tensor([3], NaN, -Infinity, 20.0021)), /off by/);
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

test('the edit documents hold each op on each kind of hook, and each form of a selection', () => {
  const pairs = new Set();
  const forms = new Set();
  for (const model of modelsWith('edits'))
    for (const { ids, edits, runs } of JSON.parse(readFileSync(new URL(`cases/${model}/edits.json`, import.meta.url), 'utf8')))
      for (const { hook, op, value, ...selection } of edits) {
        pairs.add(`${op} ${kindOf(hook)}`);
        for (const field of Object.keys(selection)) forms.add(field);
        if (selection.positions?.some((p) => p < 0)) forms.add('a position from the end');
        if (value?.run) forms.add(['a shorter run', 'a run as long', 'a longer run'][1 + Math.sign(runs[value.run].length - ids.length)]);
        else if (value?.vector) forms.add('a vector');
        else if (value !== undefined) forms.add(Array.isArray(value) ? (Array.isArray(value[0]) ? 'a nested list' : 'a list') : 'a number');
      }
  const kinds = [
    'hook_embed', 'hook_pos_embed', 'ln_final.hook_normalized', 'logits',
    ...['resid_pre', 'attn_in', 'q_input', 'k_input', 'v_input', 'attn_out', 'resid_mid', 'mlp_in', 'mlp_out', 'resid_post'].map((k) => `blocks.*.hook_${k}`),
    ...['q', 'k', 'v', 'attn_scores', 'pattern', 'z', 'result'].map((k) => `blocks.*.attn.hook_${k}`),
    ...['pre', 'mid', 'post'].map((k) => `blocks.*.mlp.hook_${k}`),
    ...['ln1', 'ln2', 'mlp.ln'].map((k) => `blocks.*.${k}.hook_normalized`),
  ];
  const scales = ['ln_final', 'blocks.*.ln1', 'blocks.*.ln2', 'blocks.*.mlp.ln'].map((k) => `${k}.hook_scale`);
  const meant = kinds.flatMap((k) => ['zero', 'scale', 'set', 'add', 'mean', 'patch', 'project_out', 'clamp'].map((op) => `${op} ${k}`));
  // a scale of zero divides by zero: zero and project_out have no meaning there
  meant.push(...scales.flatMap((k) => ['scale', 'set', 'add', 'mean', 'patch', 'freeze', 'clamp'].map((op) => `${op} ${k}`)), 'freeze blocks.*.attn.hook_pattern');
  assert.deepEqual(meant.filter((pair) => !pairs.has(pair)), []);
  const said = ['heads', 'positions', 'sources', 'dims', 'from', 'scale', 'min', 'max', 'a position from the end', 'a shorter run', 'a run as long',
    'a longer run', 'a vector', 'a list', 'a nested list', 'a number'];
  assert.deepEqual(said.filter((form) => !forms.has(form)), []);
});
