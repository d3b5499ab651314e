// What must hold of any run, without a reference: parts add up to the stream, and a prefix alone gives the
// same bits as in the longer prompt (so that results may be reused).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareBits, compareValues } from './compare.mjs';
import { native } from './native.mjs';
import { readTensors } from './st.mjs';
import { demand, modelFolder } from './walk.mjs';

const prompt = (model) => JSON.parse(readFileSync(new URL(`cases/${model}/hooks.json`, import.meta.url), 'utf8')).at(-1).ids;
const config = (model) => JSON.parse(readFileSync(join(modelFolder(model), 'config.json'), 'utf8'));

for (const model of ['odd_gelu_ln', 'attn_only_shortformer', 'none_gelu_new', 'lnpre_gelu_fast', 'wide'])
  test(`embeddings, heads, biases and MLPs sum to the stream: ${model}`, async () => {
    const { n_layers, d_model, positional_embedding_type } = config(model);
    const weights = readTensors(readFileSync(join(modelFolder(model), 'model.safetensors')));
    const run = await native.run(modelFolder(model), { ids: prompt(model), capture: ['*'] });
    const sum = Float64Array.from(run.get('hook_embed').data);
    const add = ({ data, shape }) => {
      const heads = shape.length === 3 ? shape[1] : 1;
      data.forEach((x, i) => (sum[Math.floor(i / (heads * d_model)) * d_model + (i % d_model)] += x));
    };
    if (positional_embedding_type !== 'shortformer') add(run.get('hook_pos_embed'));
    for (let layer = 0; layer < n_layers; layer++) {
      add(run.get(`blocks.${layer}.attn.hook_result`));
      const bias = weights.get(`blocks.${layer}.attn.b_O`); // absent from the file: zero
      if (bias) for (let i = 0; i < sum.length; i++) sum[i] += bias.data[i % d_model];
      if (run.has(`blocks.${layer}.hook_mlp_out`)) add(run.get(`blocks.${layer}.hook_mlp_out`));
    }
    const stream = run.get(`blocks.${n_layers - 1}.hook_resid_post`);
    const finding = compareValues('stream', stream, { shape: stream.shape, data: Float32Array.from(sum) });
    demand([{ ...finding, where: model }]);
    assert.ok(finding.ratio < 0.1, `off by ${finding.ratio} of the tolerance: more than rounding`);
  });

/** The first n positions of a tensor of a run of T: on each axis whose length is T. */
function prefixOf({ shape, data }, T, n, patternLike) {
  const kept = shape.map((length, axis) => ((patternLike ? axis > 0 : axis === 0) && length === T ? n : length));
  const out = [];
  const walk = (axis, offset) => {
    if (axis === shape.length) return void out.push(data[offset]);
    for (let i = 0; i < kept[axis]; i++) walk(axis + 1, offset * shape[axis] + i);
  };
  walk(0, 0);
  return { shape: kept, data: Float32Array.from(out) };
}

for (const [model, lengths] of [['odd_gelu_ln', [1, 4, 6]], ['wide', [2, 31, 32]], ['ln_solu_ln', [3]], ['attn_only_shortformer', [5]]])
  test(`a prefix alone gives the same bits: ${model}`, async () => {
    const ids = prompt(model);
    const whole = await native.run(modelFolder(model), { ids, capture: ['*'] });
    for (const n of lengths) {
      const part = await native.run(modelFolder(model), { ids: ids.slice(0, n), capture: ['*'] });
      const findings = [...whole].map(([name, tensor]) => {
        const expected = prefixOf(tensor, ids.length, n, /attn_scores$|pattern$/.test(name));
        return { ...compareBits(name, expected, part.get(name)), where: `${model}, ${n} of ${ids.length} tokens` };
      });
      demand(findings);
    }
  });
