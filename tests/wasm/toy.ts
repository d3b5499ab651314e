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
