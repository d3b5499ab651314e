/** A model made up for tests: eight layers, so that a run has ten steps; its tokenizer is tokenizer/small.json. */
import type { ModelFiles } from '../../site/src/worker/protocol';
import { writeTensors } from '../golden/st.mjs';
import { bytes, root } from './core';

const N_LAYERS = 8;
const D_VOCAB = 402;

export const config = {
  model_type: 'hooked_transformer', n_layers: N_LAYERS, d_model: 8, n_ctx: 16, n_heads: 2, d_head: 4, d_vocab: D_VOCAB,
  attn_only: true, normalization_type: 'LNPre', eps: 1e-5, positional_embedding_type: 'standard', default_prepend_bos: true,
};

/** Numbers in [-0.5, 0.5), the same every time. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function tensors() {
  const shapes: Record<string, number[]> = {
    'embed.W_E': [D_VOCAB, 8], 'pos_embed.W_pos': [16, 8], 'unembed.W_U': [8, D_VOCAB], 'unembed.b_U': [D_VOCAB],
  };
  for (let layer = 0; layer < N_LAYERS; layer++) {
    for (const name of ['W_Q', 'W_K', 'W_V']) shapes[`blocks.${layer}.attn.${name}`] = [2, 8, 4];
    shapes[`blocks.${layer}.attn.W_O`] = [2, 4, 8];
  }
  return new Map(Object.entries(shapes).map(([name, shape], i) =>
    [name, { shape, data: numbers(shape.reduce((a, b) => a * b, 1), i + 1) }] as const));
}

/** Files of a model with LayerNorms and MLPs, of any size, with random weights. */
export function madeUp(cfg: { n_layers: number; n_heads: number; d_model: number; d_head: number; d_mlp: number; d_vocab: number; n_ctx: number }): ModelFiles {
  const { n_layers, n_heads, d_model: d, d_head, d_mlp, d_vocab, n_ctx } = cfg;
  const shapes: [string, number[]][] = [
    ['embed.W_E', [d_vocab, d]], ['pos_embed.W_pos', [n_ctx, d]], ['ln_final.w', [d]], ['ln_final.b', [d]], ['unembed.W_U', [d, d_vocab]],
  ];
  for (let layer = 0; layer < n_layers; layer++) {
    const of = (name: string, shape: number[]) => shapes.push([`blocks.${layer}.${name}`, shape]);
    for (const name of ['W_Q', 'W_K', 'W_V']) of(`attn.${name}`, [n_heads, d, d_head]);
    of('attn.W_O', [n_heads, d_head, d]);
    for (const name of ['ln1.w', 'ln1.b', 'ln2.w', 'ln2.b']) of(name, [d]);
    of('mlp.W_in', [d, d_mlp]);
    of('mlp.W_out', [d_mlp, d]);
  }
  const made = new Map(shapes.map(([name, shape], i) => [name, { shape, data: numbers(shape.reduce((a, b) => a * b, 1), i + 1) }] as const));
  return {
    id: 'made up', sha256: '', tokenizer: null,
    config: utf8(JSON.stringify({ ...cfg, model_type: 'hooked_transformer', act_fn: 'gelu_new', normalization_type: 'LN' })),
    weights: [{ name: 'model.safetensors', data: writeTensors(made).slice().buffer as ArrayBuffer }],
  };
}

const weights = writeTensors(tensors());
const utf8 = (text: string): ArrayBuffer => new Uint8Array(new TextEncoder().encode(text)).buffer;

export function toy(change: Partial<ModelFiles> & { config?: never; fields?: object } = {}): ModelFiles {
  const { fields, ...files } = change;
  return {
    id: 'toy', sha256: '', config: utf8(JSON.stringify({ ...config, ...fields })),
    weights: [{ name: 'model.safetensors', data: weights.slice().buffer as ArrayBuffer }],
    tokenizer: bytes(`${root}tests/wasm/tokenizer/small.json`),
    ...files,
  };
}
