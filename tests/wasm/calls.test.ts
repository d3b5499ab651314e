/** The worker's calls on a made-up model: what comes back, what is refused, what is cancelled, what is freed. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createCore, type Core } from '../../site/src/worker/core';
import { HOOKS } from '../../site/src/engine/abi.gen';
import type { Edit, RunRequest } from '../../site/src/engine/types';
import { createBare, quiet, steady, wasmBytes } from './core';
import { config, toy } from './toy';

let core: Core;
beforeAll(async () => {
  core = await createCore(wasmBytes);
  await core.load(toy());
});

const failure = (status: string, says = '') => expect.objectContaining({ status, detail: expect.stringContaining(says) });
const run = (request: RunRequest) => core.run(request, steady);
const ids = [0, 5, 6, 7, 5, 6, 7];

test('what was loaded, as its config.json says', async () => {
  const files = toy();
  const info = await core.load(files);
  const { model_type, ...fields } = config;
  expect(model_type).toBe('hooked_transformer');
  expect(info.config).toEqual({ ...fields, n_key_value_heads: 2, d_mlp: info.config.d_mlp, d_vocab_out: 402, act_fn: null, attn_scale: 2 });
  expect(info).toMatchObject({ id: 'toy', n_not_finite: 0, bytes: files.weights[0]?.data.byteLength });
  expect(info.n_params).toBe(8 * 4 * (2 * 8 * 4)); // layers x W_Q W_K W_V W_O x n_heads d_model d_head
  expect(info.parameters).toBe(info.n_params + 402 * 8 * 2 + 16 * 8 + 402 + 8 * (3 * 2 * 4 + 8)); // and embeddings, biases
});

describe('texts', () => {
  test('a beginning-of-text token stands first, unless it is not wanted', () => {
    const [first, ...rest] = core.tokenize({ text: 'the cat', special: false, bos: null }).ids;
    expect(core.tokens({ ids: [first ?? -1] })[0]).toMatchObject({ text: '<|endoftext|>', special: true });
    expect([...core.tokenize({ text: 'the cat', special: false, bos: false }).ids]).toEqual(rest);
    expect(core.tokens({ ids: rest }).map(({ text }) => text).join('')).toBe('the cat');
  });
  test('what is longer than the context is cut, and said', () => {
    const text = `${'x '.repeat(14)}the end 👍`;
    const { ids, tokens, cut } = core.tokenize({ text, special: false, bos: null });
    expect(ids.length).toBe(16);
    expect(tokens.length).toBe(16);
    expect(tokens.slice(1).map((token) => token.text).join('') + cut?.text).toBe(text);
    expect(cut?.tokens).toBe(core.tokenize({ text: cut?.text ?? '', special: false, bos: false }).ids.length);
    expect(core.tokenize({ text: 'x', special: false, bos: null }).cut).toBeNull();
  });
});

describe('runs', () => {
  test('the hooks asked for and no others, with the shapes that were told before', async () => {
    const { tensors, logits, bytes } = await run({ ids, capture: ['blocks.3.*', 'logits'] });
    const told = core.hooks({ nTokens: ids.length }).filter(({ name }) => name.startsWith('blocks.3.') || name === 'logits');
    expect([...tensors.values()].map(({ name, shape }) => ({ name, shape, bytes: 4 * shape.reduce((a, b) => a * b, 1) }))).toEqual(told);
    for (const { shape, data } of tensors.values()) expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
    expect(tensors.get('logits')).toBe(logits);
    expect(bytes).toBeGreaterThan(told.reduce((sum, hook) => sum + hook.bytes, 0));
  });
  test('every hook has the axes of hooks.def', () => {
    const sizes: Record<string, number> = { T: 7, T_src: 7, n_heads: 2, n_kv_heads: 2, d_model: 8, d_head: 4, d_vocab: 402, one: 1 };
    const told = new Map(core.hooks({ nTokens: 7 }).map(({ name, shape }) => [name, shape]));
    for (const { name, axes, exists } of HOOKS)
      if (exists === 'always') expect(told.get(name.replace('%d', '7')), name).toEqual(axes.map((axis) => sizes[axis]));
  });
  test('logits are left out where they are not wanted', async () => {
    const { logits, loss } = await run({ ids, logits: false });
    expect(logits).toEqual({ name: 'logits', shape: [0, 402], data: new Float32Array() });
    expect(loss).toEqual((await run({ ids })).loss);
  });
  test('the loss is -log p of each next token', async () => {
    const { loss, logits } = await run({ ids });
    expect(loss.length).toBe(ids.length - 1);
    loss.forEach((nats, t) => {
      const row = logits.data.subarray(t * 402, (t + 1) * 402);
      const sum = row.reduce((a, x) => a + Math.exp(x), 0);
      expect(nats).toBeCloseTo(Math.log(sum) - (row[ids[t + 1] ?? 0] ?? 0), 4);
    });
  });
  test('the detector reads the patterns of this run', async () => {
    const { heads, n_duplicates, tensors } = await run({ ids, capture: ['blocks.2.attn.hook_pattern'] });
    const pattern = tensors.get('blocks.2.attn.hook_pattern')?.data ?? new Float32Array();
    expect(heads.length).toBe(16);
    expect(n_duplicates).toBe(3);
    const previous = ids.slice(1).reduce((sum, _, t) => sum + (pattern[(7 + t + 1) * 7 + t] ?? 0), 0) / 6;
    const { previous: detected } = heads.find(({ layer, head }) => layer === 2 && head === 1) ?? { previous: -1 };
    expect(detected).toBeCloseTo(previous, 1);
  });
  test('an edit changes what follows it and nothing before', async () => {
    const edits: Edit[] = [{ hook: 'blocks.4.attn.hook_z', heads: [1], op: 'zero' }];
    const capture = ['blocks.*.hook_resid_post'];
    const [before, after] = [await run({ ids, capture }), await run({ ids, capture, edits })];
    expect(after.tensors.get('blocks.3.hook_resid_post')?.data).toEqual(before.tensors.get('blocks.3.hook_resid_post')?.data);
    expect(after.logits.data).not.toEqual(before.logits.data);
  });
  test('operands come from another run and from vectors', async () => {
    const vector = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const hook = 'blocks.7.hook_resid_post';
    const { tensors } = await run({
      ids, capture: [hook], runs: { B: Int32Array.of(0, 9, 9, 9, 9, 9, 9), unused: [0] }, vectors: { push: vector },
      edits: [{ hook, op: 'patch', value: { run: 'B' } }, { hook, positions: [1], op: 'add', scale: 3, value: { vector: 'push' } }],
    });
    const other = await run({ ids: [0, 9, 9, 9, 9, 9, 9], capture: [hook] });
    const wanted = Float32Array.from(other.tensors.get(hook)?.data ?? []);
    wanted[8] = (wanted[8] ?? 0) + 3;
    expect(tensors.get(hook)?.data).toEqual(wanted);
  });
  test('the last stream unembedded is the logits', async () => {
    const { tensors, logits } = await run({ ids, capture: ['blocks.7.hook_resid_post'] });
    const made = core.unembed({ vectors: tensors.get('blocks.7.hook_resid_post')?.data ?? new Float32Array(), lnFinal: true });
    expect(made.shape).toEqual(logits.shape);
    made.data.forEach((value, i) => expect(Math.abs(value - (logits.data[i] ?? 0))).toBeLessThan(1e-5));
  });
});

describe('what is refused, by name', () => {
  const requests: [string, RunRequest, string, string][] = [
    ['no token', { ids: [] }, 'ETOKENS', ''],
    ['more tokens than the context', { ids: Array(17).fill(1) }, 'ETOKENS', '16'],
    ['an id outside the vocabulary', { ids: [0, 402] }, 'ETOKENS', '402'],
    ['a negative id', { ids: [-1] }, 'ETOKENS', '-1'],
    ['half an id', { ids: [0, 1.5] }, 'ETOKENS', 'ids[1]'],
    ['an id beyond 32 bits', { ids: [2 ** 32] }, 'ETOKENS', 'ids[0]'],
    ['a hook that is none', { ids, capture: ['blocks.9.hook_resid_pre'] }, 'EHOOK', 'blocks.9.hook_resid_pre'],
    ['an empty glob', { ids, capture: [''] }, 'ESPEC', 'empty'],
    ['an edit of no hook', { ids, edits: [{ hook: 'nowhere', op: 'zero' }] }, 'EEDIT', 'hook'],
    ['an edit of a head too many', { ids, edits: [{ hook: 'blocks.0.attn.hook_z', heads: [2], op: 'zero' }] }, 'EEDIT', 'heads'],
    ['an edit with a run that is not there', { ids, edits: [{ hook: 'hook_embed', op: 'patch', value: { run: 'C' } }] }, 'EEDIT', 'C'],
    ['an edit with a vector of another length',
      { ids, edits: [{ hook: 'hook_embed', op: 'add', value: { vector: 'v' } }], vectors: { v: new Float32Array(3) } }, 'EEDIT', 'value'],
    ['a shape that is not filled',
      { ids, edits: [{ hook: 'hook_embed', op: 'add', value: { vector: 'v' } }], vectors: { v: { shape: [2, 8], data: new Float32Array(3) } } }, 'EEDIT', 'vectors.v'],
    ['a run of bad ids', { ids, edits: [{ hook: 'hook_embed', op: 'patch', value: { run: 'B' } }], runs: { B: [0.5] } }, 'ETOKENS', 'runs.B'],
  ];
  test.each(requests)('%s', async (_, request, status, says) => {
    await expect(run(request)).rejects.toThrow(failure(status, says));
    await expect(run({ ids })).resolves.toBeDefined();
  });

  test.each([0, 17, 2.5])('the hooks of %s tokens', (nTokens) => {
    expect(() => core.hooks({ nTokens })).toThrow(failure('ETOKENS', String(nTokens)));
  });
  test('vectors that are no streams', () => {
    expect(() => core.unembed({ vectors: new Float32Array(9), lnFinal: true })).toThrow(failure('ESPEC', '8 numbers'));
    expect(() => core.unembed({ vectors: new Float32Array(0), lnFinal: true })).toThrow(failure('ESPEC', '8 numbers'));
  });
  test('a gradient of no hook', () => {
    expect(() => core.gradient({ ids, metric: { kind: 'log_prob', position: -1, correct: 1 }, hooks: ['nowhere'] })).toThrow(failure('EHOOK', 'nowhere'));
  });
  test('a model that cannot be loaded leaves the one that is', async () => {
    const { weights } = toy();
    const cut = weights.map(({ name, data }) => ({ name, data: data.slice(0, -1) }));
    await expect(core.load(toy({ weights: cut }))).rejects.toThrow(failure('ETRUNC', 'model.safetensors'));
    await expect(core.load(toy({ fields: { gated_mlp: true } }))).rejects.toThrow(failure('ECONFIG', 'gated_mlp'));
    await expect(core.load(toy({ fields: { d_vocab: 401 } }))).rejects.toThrow(failure('EMISMATCH', 'embed.W_E'));
    await expect(run({ ids })).resolves.toBeDefined();
  });
  test('every call without a model', async () => {
    const empty = await createCore(wasmBytes);
    await expect(empty.run({ ids }, steady)).rejects.toThrow(failure('ESTATE', 'load'));
    expect(() => empty.tokenize({ text: '', special: false, bos: null })).toThrow(failure('ESTATE', 'load'));
  });
  test('texts for a model that came without a tokenizer; ids run', async () => {
    const bare = await createCore(wasmBytes);
    await bare.load(toy({ tokenizer: null }));
    expect(() => bare.tokenize({ text: 'a', special: false, bos: null })).toThrow(failure('ETOKENIZER', 'toy'));
    await expect(bare.run({ ids }, steady)).resolves.toBeDefined();
  });
});

test('a cancelled run stops at the next step', async () => {
  core.forget();
  const controller = new AbortController();
  let steps = 0;
  const pause = async () => {
    if (++steps === 3) controller.abort();
  };
  await expect(core.run({ ids }, { pause, signal: controller.signal })).rejects.toThrow(failure('EABORTED'));
  expect(steps).toBe(3);
});

/** The size of the heap, and how many blocks of 1 KiB it gives before it grows: a leak of a few bytes a
 *  cycle shows. */
async function heapAfter(cycles: number) {
  const { core: own, exports } = await createBare();
  const request = { ids, capture: ['*'], edits: [{ hook: 'hook_embed', op: 'patch', value: { run: 'B' } }], runs: { B: ids } } satisfies RunRequest;
  const { capture: _, ...generation } = request;
  for (let i = 0; i < cycles; i++) {
    await own.load(toy());
    await own.run(request, steady);
    await own.run(request, { ...steady, signal: AbortSignal.abort() }).catch(() => {});
    await own.run({ ids, capture: ['nowhere'] }, steady).catch(() => {});
    await own.load(toy({ fields: { d_vocab: 401 } })).catch(() => {});
    await own.read({ read: 'lens', ids, minus: { ids, edits: request.edits, runs: { B: ids } } }, steady, quiet);
    await own.read({ read: 'attention', ids, heads: [[9, 9]] }, steady, quiet).catch(() => {});
    await own.read({ read: 'detect', on: 'random', length: 4 }, { ...steady, signal: AbortSignal.abort() }, quiet).catch(() => {});
    await own.generate({ ...generation, max_new: 4, twin: true }, steady, quiet);
    await own.generate({ ...generation, k: -1 }, steady, quiet).catch(() => {});
    own.process({ names: ['center_unembed', 'fold_value_biases'] });
    own.gradient({ ids, metric: { kind: 'log_prob', position: -1, correct: 1 }, hooks: ['*'], weights: true });
    own.unload();
  }
  const { buffer } = exports.memory;
  const bytes = buffer.byteLength;
  let blocks = 0;
  while (exports.memory.buffer === buffer && exports.malloc(1024) !== 0) blocks++;
  return { bytes, blocks };
}

test('memory returns to where it was: 200 times load, run, edit, read, generate, process, cancel, fail', async () => {
  const once = await heapAfter(1);
  expect(once.blocks).toBeGreaterThan(1000);
  expect(await heapAfter(200)).toEqual(once);
});

describe('what a person at the console gets wrong is named', () => {
  const wrong: [string, unknown, string][] = [
    ['nothing at all', undefined, 'run: an object'],
    ['no ids', {}, 'ids'],
    ['a misspelt field', { ids, captures: ['*'] }, 'captures'],
    ['a name where a list is needed', { ids, capture: '*' }, 'capture'],
    ['one edit where a list is needed', { ids, edits: { hook: 'hook_embed', op: 'zero' } }, 'edits'],
    ['a run that is no list', { ids, runs: { B: 3 } }, 'runs.B'],
    ['a plain list as a vector', { ids, vectors: { p: [1, 2] } }, 'vectors.p'],
    ['a vector without its shape', { ids, vectors: { p: { data: new Float32Array(2) } } }, 'vectors.p.shape'],
  ];
  test.each(wrong)('%s', async (_what, request, field) => {
    await expect(run(request as RunRequest)).rejects.toEqual(failure('ESPEC', field));
  });
  test('a token that the model does not have', () => {
    expect(() => core.tokens({ ids: [402] })).toThrow('ids[0]: 402');
    expect(() => core.tokens({ ids: [-1] })).toThrow('ids[0]: -1');
  });
  test('a number as a text', () => {
    expect(() => core.tokenize({ text: 5 as unknown as string, special: false, bos: null })).toThrow('takes a text');
  });
});
