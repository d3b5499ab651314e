// A model of GPT-2 small's shape with random weights, the same on every machine:  node tests/bench/model.mjs FOLDER
// Written as config.json and model.safetensors unless it is there.

import { createWriteStream, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../../models/random.mjs';

export const SHAPE = {
  model_type: 'hooked_transformer', model_name: 'random-gpt2-small', n_layers: 12, d_model: 768, n_heads: 12, d_head: 64, d_mlp: 3072,
  n_ctx: 1024, d_vocab: 50257, act_fn: 'gelu_new', normalization_type: 'LN', eps: 1e-5, seed: 5,
};

/** Every parameter: [name, shape, standard deviation, mean]; GPT-2's own first weights, but no bias is 0. */
export function parameters({ n_layers, d_model, n_heads, d_head, d_mlp, n_ctx, d_vocab }) {
  const out = [['embed.W_E', [d_vocab, d_model], 0.02], ['pos_embed.W_pos', [n_ctx, d_model], 0.02]];
  for (let l = 0; l < n_layers; l++) {
    const at = (name, shape, deviation = 0.02, mean = 0) => out.push([`blocks.${l}.${name}`, shape, deviation, mean]);
    for (const ln of ['ln1', 'ln2']) at(`${ln}.w`, [d_model], 0.02, 1), at(`${ln}.b`, [d_model]);
    for (const x of 'QKV') at(`attn.W_${x}`, [n_heads, d_model, d_head]), at(`attn.b_${x}`, [n_heads, d_head]);
    at('attn.W_O', [n_heads, d_head, d_model]), at('attn.b_O', [d_model]);
    at('mlp.W_in', [d_model, d_mlp]), at('mlp.b_in', [d_mlp]), at('mlp.W_out', [d_mlp, d_model]), at('mlp.b_out', [d_model]);
  }
  out.push(['ln_final.w', [d_model], 0.02, 1], ['ln_final.b', [d_model], 0.02]);
  out.push(['unembed.W_U', [d_model, d_vocab], 0.02], ['unembed.b_U', [d_vocab], 0.02]);
  return out;
}

/** Numbers of about a normal distribution: four uniform ones added. */
function numbers(count, { uniform }, deviation, mean = 0) {
  const scale = deviation * Math.sqrt(3);
  return Float32Array.from({ length: count }, () => mean + scale * (uniform() + uniform() + uniform() + uniform() - 2));
}

export async function write(folder, shape = SHAPE) {
  const [config, weights] = ['config.json', 'model.safetensors'].map((name) => join(folder, name));
  if (existsSync(config)) return; // the last that is written
  mkdirSync(folder, { recursive: true });
  const random = randomFrom(shape.seed), header = {};
  const all = parameters(shape).map(([name, axes, ...how]) => ({ name, axes, how, count: axes.reduce((a, b) => a * b) }));
  let bytes = 0;
  for (const { name, axes, count } of all) header[name] = { dtype: 'F32', shape: axes, data_offsets: [bytes, (bytes += 4 * count)] };
  const text = JSON.stringify(header), padded = text.padEnd(Math.ceil(text.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = createWriteStream(`${weights}.new`);
  file.write(Buffer.concat([length, Buffer.from(padded)]));
  for (const { how, count } of all)
    if (!file.write(new Uint8Array(numbers(count, random, ...how).buffer))) await once(file, 'drain');
  file.end();
  await once(file, 'finish');
  renameSync(`${weights}.new`, weights);
  writeFileSync(config, JSON.stringify(shape));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await write(process.argv[2]);
