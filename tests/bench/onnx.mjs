// The model of model.mjs as an ONNX graph, for onnxruntime: the same weights, written by hand.
// Queries, keys and values are one product, LayerNorm and GELU one node each: the form that onnxruntime runs fastest.

const [FLOAT, INT64] = [1, 7];

/** Protocol buffers, as far as ONNX needs them: a message is a list of fields. */
const varint = (n) => {
  const out = [];
  for (let rest = BigInt.asUintN(64, BigInt(n)); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...out, Number(rest)]);
    out.push(Number(rest & 127n) | 128);
  }
};
const number = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const bytes = (field, data) => [Buffer.concat([varint((field << 3) | 2), varint(data.length)]), data];
const message = (field, parts) => {
  const all = parts.flat(Infinity);
  return [Buffer.concat([varint((field << 3) | 2), varint(all.reduce((sum, part) => sum + part.length, 0))]), ...all];
};
const text = (field, value) => bytes(field, Buffer.from(value));

const float32 = (value) => Buffer.from(new Float32Array([value]).buffer);
/** An attribute: a whole number, a list of them, a string, or a real number as { real }. */
const attribute = (name, value) => {
  const as = (type, ...fields) => message(5, [text(1, name), ...fields, number(20, type)]);
  if (Array.isArray(value)) return as(7, ...value.map((n) => number(8, n)));
  if (typeof value === 'string') return as(3, text(4, value));
  if (typeof value === 'object') return as(1, Buffer.concat([varint((2 << 3) | 5), float32(value.real)]));
  return as(2, number(3, value));
};
const tensor = (name, type, dims, data) => message(5, [...dims.map((n) => number(1, n)), number(2, type), text(8, name), bytes(9, data)]);
const value = (field, name, type, dims) =>
  message(field, [text(1, name), message(2, [message(1, [number(1, type), message(2, dims.map((n) => message(1, [number(1, n)])))])])]);

/** `get(name)` gives a parameter as Float32Array; the graph is for prompts of T tokens, in: ids [T], out: logits [T, d_vocab]. */
export function gpt2(shape, T, get) {
  const { n_layers, n_heads, d_head, d_model, d_vocab, eps } = shape;
  const nodes = [], initializers = [];
  let made = 0;
  const raw = (data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const constant = (name, dims, data) => {
    initializers.push(tensor(name, data instanceof Float32Array ? FLOAT : INT64, dims, raw(data)));
    return name;
  };
  const weight = (name, dims) => constant(name, dims, get(name));
  const ints = (name, ...list) => constant(name, [list.length], BigInt64Array.from(list, BigInt));
  const node = (op, inputs, attributes = {}, output = `x${made++}`) => {
    nodes.push(message(1, [
      ...inputs.map((name) => text(1, name)), text(2, output), text(4, op), ...Object.entries(attributes).map(([name, of]) => attribute(name, of)),
    ]));
    return output;
  };
  const linear = (x, w, b) => node('Add', [node('MatMul', [x, w]), b]);
  const norm = (x, name) =>
    node('LayerNormalization', [x, weight(`${name}.w`, [d_model]), weight(`${name}.b`, [d_model])], { axis: -1, epsilon: { real: eps } });

  const heads = ints('heads', T, 3 * n_heads, d_head), whole = ints('whole', T, d_model), thirds = ints('thirds', n_heads, n_heads, n_heads);
  const scale = constant('scale', [], new Float32Array([Math.sqrt(d_head)]));
  const mask = constant('mask', [T, T], Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -3e38 : 0)));
  const positions = constant('positions', [T, d_model], get('pos_embed.W_pos').subarray(0, T * d_model));
  let stream = node('Add', [node('Gather', [weight('embed.W_E', [d_vocab, d_model]), 'ids']), positions]);
  for (let l = 0; l < n_layers; l++) {
    const at = `blocks.${l}.`;
    // [n_heads, d_model, d_head] three times -> [d_model, 3 n_heads d_head]
    const width = 3 * d_model, qkv = new Float32Array(d_model * width), bias = new Float32Array(width);
    ['Q', 'K', 'V'].forEach((x, which) => {
      const W = get(`${at}attn.W_${x}`);
      for (let h = 0; h < n_heads; h++)
        for (let i = 0; i < d_model; i++)
          qkv.set(W.subarray((h * d_model + i) * d_head, (h * d_model + i + 1) * d_head), i * width + which * d_model + h * d_head);
      bias.set(get(`${at}attn.b_${x}`), which * d_model);
    });
    const x = linear(norm(stream, `${at}ln1`), constant(`${at}qkv`, [d_model, width], qkv), constant(`${at}qkv_b`, [width], bias));
    const split = [0, 1, 2].map((which) => `${at}split${which}`);
    nodes.push(message(1, [
      ...[node('Transpose', [node('Reshape', [x, heads])], { perm: [1, 0, 2] }), thirds].map((name) => text(1, name)),
      ...split.map((name) => text(2, name)), text(4, 'Split'), attribute('axis', 0),
    ]));
    const [q, k, v] = split;
    const scores = node('Div', [node('MatMul', [q, node('Transpose', [k], { perm: [0, 2, 1] })]), scale]);
    const pattern = node('Softmax', [node('Add', [scores, mask])], { axis: -1 });
    const z = node('Reshape', [node('Transpose', [node('MatMul', [pattern, v])], { perm: [1, 0, 2] }), whole]);
    stream = node('Add', [stream, linear(z, weight(`${at}attn.W_O`, [d_model, d_model]), weight(`${at}attn.b_O`, [d_model]))]);
    const { d_mlp } = shape;
    const pre = linear(norm(stream, `${at}ln2`), weight(`${at}mlp.W_in`, [d_model, d_mlp]), weight(`${at}mlp.b_in`, [d_mlp]));
    const post = node('Gelu', [pre], { approximate: 'tanh' });
    stream = node('Add', [stream, linear(post, weight(`${at}mlp.W_out`, [d_mlp, d_model]), weight(`${at}mlp.b_out`, [d_model]))]);
  }
  const logits = node('MatMul', [norm(stream, 'ln_final'), weight('unembed.W_U', [d_model, d_vocab])]);
  node('Add', [logits, weight('unembed.b_U', [d_vocab])], {}, 'logits');
  const graph = message(7, [
    ...nodes, text(2, 'gpt2'), ...initializers, value(11, 'ids', INT64, [T]), value(12, 'logits', FLOAT, [T, d_vocab]),
  ]);
  return Buffer.concat([number(1, 9), ...message(8, [text(1, ''), number(2, 20)]), ...graph].flat(Infinity));
}
