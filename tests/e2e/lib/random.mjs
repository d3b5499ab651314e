// A model of any shape with random weights, as files: one that the page has never seen.

/** The same numbers for the same seed: mulberry32, and two of them to a normal one. */
function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform());
}

/** Tensors as a safetensors file of F32. */
function safetensors(tensors) {
  let at = 0;
  const header = Object.fromEntries(
    tensors.map(({ name, shape, data }) => [name, { dtype: 'F32', shape, data_offsets: [at, (at += data.byteLength)] }]),
  );
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, ...tensors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))]);
}

/** `cfg`: HookedTransformerConfig's fields; with MLPs and LayerNorm. -> { config, weights } */
export function randomModel(cfg, seed) {
  const { n_layers, n_heads, d_head, d_model, d_mlp, n_ctx, d_vocab } = cfg;
  const normal = normals(seed);
  const tensors = [];
  const put = (name, shape, std, mean = 0) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + std * normal());
    tensors.push({ name, shape, data });
  };
  put('embed.W_E', [d_vocab, d_model], 0.6);
  put('pos_embed.W_pos', [n_ctx, d_model], 0.3);
  for (let l = 0; l < n_layers; l++) {
    const at = `blocks.${l}`;
    for (const ln of ['ln1', 'ln2']) {
      put(`${at}.${ln}.w`, [d_model], 0.1, 1);
      put(`${at}.${ln}.b`, [d_model], 0.05);
    }
    for (const name of ['Q', 'K', 'V']) {
      put(`${at}.attn.W_${name}`, [n_heads, d_model, d_head], 1.6 / Math.sqrt(d_model));
      put(`${at}.attn.b_${name}`, [n_heads, d_head], 0.05);
    }
    put(`${at}.attn.W_O`, [n_heads, d_head, d_model], 0.5 / Math.sqrt(n_heads * d_head));
    put(`${at}.attn.b_O`, [d_model], 0.02);
    put(`${at}.mlp.W_in`, [d_model, d_mlp], 1 / Math.sqrt(d_model));
    put(`${at}.mlp.b_in`, [d_mlp], 0.05);
    put(`${at}.mlp.W_out`, [d_mlp, d_model], 0.5 / Math.sqrt(d_mlp));
    put(`${at}.mlp.b_out`, [d_model], 0.02);
  }
  put('ln_final.w', [d_model], 0.1, 1);
  put('ln_final.b', [d_model], 0.05);
  put('unembed.W_U', [d_model, d_vocab], 1 / Math.sqrt(d_model));
  put('unembed.b_U', [d_vocab], 0.02);
  return { config: Buffer.from(JSON.stringify({ model_type: 'hooked_transformer', ...cfg })), weights: safetensors(tensors) };
}
