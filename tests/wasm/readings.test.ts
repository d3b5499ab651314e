/** Readings, generation and processed weights as calls: which runs they cost, what is refused, what stops them. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { READS } from '../../site/src/engine/abi.gen';
import type { Edit, GenerateRequest, ProcessName, ReadRequest } from '../../site/src/engine/types';
import { createBare, quiet, root, steady } from './core';
import { madeUp, toy } from './toy';

type Bare = Awaited<ReturnType<typeof createBare>>;
let core: Bare['core'];
let exports: Bare['exports'];
/** Steps of forward passes, units of readings and of generations, since the last look. */
let steps = { run: 0, read: 0, generate: 0 };
beforeEach(async () => {
  ({ core, exports } = await createBare());
  const { hs_run_step, hs_read_step, hs_generate_step } = exports;
  exports.hs_run_step = (at) => (steps.run++, hs_run_step(at));
  exports.hs_read_step = (at) => (steps.read++, hs_read_step(at));
  exports.hs_generate_step = (at) => (steps.generate++, hs_generate_step(at));
  await core.load(toy());
  steps = { run: 0, read: 0, generate: 0 };
});

const failure = (status: string, says = '') => expect.objectContaining({ status, detail: expect.stringContaining(says) });
const ids = [0, 5, 6, 7, 5, 6, 7];
const read = (request: ReadRequest) => core.read(request, steady, quiet);
/** Steps of forward passes that `work` took. */
async function passes(work: () => Promise<unknown>): Promise<number> {
  steps.run = 0;
  await work();
  return steps.run;
}
const ONE = 10; // embed, eight blocks, unembed

describe('a run is carried out once', () => {
  test('for ten readings of one prompt, and for the run itself', async () => {
    expect(await passes(() => read({ read: 'lens', ids }))).toBe(ONE);
    const again: ReadRequest[] = [
      { read: 'lens', ids, ln: 'cached' }, { read: 'states', ids: Int32Array.from(ids), vectors: true }, { read: 'attribution', ids, token: 3 },
      { read: 'decompose', ids, edits: [] }, { read: 'attention', ids, heads: [[0, 0]] }, { read: 'pair', ids, layer: 1, head: 1, dest: 3, src: 2 },
      { read: 'written', ids }, { read: 'detect', ids, error_measure: 'mul' }, { read: 'predictions', ids, minus: { ids } },
    ];
    for (const request of again) expect(await passes(() => read(request)), request.read).toBe(0);
    expect(await passes(() => core.run({ ids }, steady))).toBe(0);
  });
  test('a run serves the readings that follow it, and a run that captures no more', async () => {
    const request = { ids, capture: ['blocks.1.attn.hook_pattern'] };
    const { tensors } = await core.run(request, steady);
    expect(await passes(() => read({ read: 'lens', ids }))).toBe(0);
    steps.read = 0;
    expect(await passes(async () => expect((await core.run(request, steady)).tensors).toEqual(tensors))).toBe(0);
    expect(steps.read).toBe(0); // what its heads do is known, too
    expect(await passes(() => core.run({ ids, capture: ['*'] }, steady))).toBe(ONE);
    expect(await passes(() => core.run(request, steady))).toBe(ONE); // the last one is held under the globs that it was asked for
  });
  test('another token, edit, run or vector makes another run', async () => {
    const value = { vector: 'v' };
    const edits: Edit[] = [{ hook: 'blocks.2.hook_resid_pre', positions: [2], op: 'set', value }];
    const patch: Edit[] = [{ hook: 'hook_embed', op: 'patch', value: { run: 'B' } }];
    const vectors = (x: number) => ({ v: Float32Array.of(x, 1, 2, 3, 4, 5, 6, 7) });
    const B = [0, 1, 2, 3, 4, 5, 6];
    for (const request of [
      { ids: [...ids.slice(1), 8] }, { ids, edits, vectors: vectors(0) }, { ids, edits, vectors: vectors(-0) }, { ids, edits, vectors: vectors(NaN) },
    ])
      for (const wanted of [ONE, 0]) expect(await passes(() => read({ read: 'written', ...request }))).toBe(wanted);
    for (const wanted of [2 * ONE, 0]) expect(await passes(() => read({ read: 'written', ids, edits: patch, runs: { B } }))).toBe(wanted);
    expect(await passes(() => read({ read: 'written', ids, edits: patch, runs: { B: [...B].reverse() } }))).toBe(2 * ONE);
  });
  test('what is taken away is a run like others, and shares the vectors', async () => {
    const edits: Edit[] = [{ hook: 'hook_embed', op: 'add', value: { vector: 'v' } }];
    const vectors = { v: { shape: [1, 8], data: new Float32Array(8).fill(1) } };
    const request: ReadRequest = { read: 'predictions', ids, vectors, minus: { ids, edits } };
    expect(await passes(() => read(request))).toBe(2 * ONE);
    expect(await passes(() => read(request))).toBe(0);
    expect(await passes(() => read({ read: 'lens', ids, edits, vectors }))).toBe(0);
    const { arrays } = await read(request);
    const [one, other] = [await read({ read: 'predictions', ids }), await read({ read: 'predictions', ids, edits, vectors })];
    const loss = (reading: typeof one) => reading.arrays.get('loss')?.data ?? new Float32Array();
    arrays.get('loss')?.data.forEach((value, t) => expect(value).toBe(Math.fround((loss(one)[t] ?? 0) - (loss(other)[t] ?? 0))));
  });
  test('until the weights are others', async () => {
    const logits = async () => (await read({ read: 'predictions', ids })).arrays.get('top_logits')?.data;
    const before = await logits();
    core.process({ names: ['center_unembed'] });
    expect(await passes(async () => expect(await logits()).not.toEqual(before))).toBe(ONE);
    await core.load(toy());
    expect(await passes(async () => expect(await logits()).toEqual(before))).toBe(ONE);
  });
  test('within a number of bytes: the last two whatever they take, the others while there is room', async () => {
    const prompts = [1, 2, 3, 4].map((id) => [0, id]);
    const one = (prompt: number[]) => passes(() => read({ read: 'written', ids: prompt }));
    for (const prompt of prompts) expect(await one(prompt)).toBe(ONE);
    for (const prompt of prompts) expect(await one(prompt)).toBe(0);
    const { hsw_run_new } = exports;
    exports.hsw_run_new = (...given) => {
      const status = hsw_run_new(...given);
      new Float64Array(exports.memory.buffer)[given[5] / 8] = 200 * 2 ** 20;
      return status;
    };
    for (const prompt of [[0, 5], [0, 6], [0, 7]]) expect(await one(prompt)).toBe(ONE);
    for (const prompt of [[0, 7], [0, 6]]) expect(await one(prompt)).toBe(0);
    expect(await one([0, 5])).toBe(ONE);
  });
});

describe('what comes back', () => {
  test('every reading of reads.def, with the axes and shapes of its arrays', async () => {
    const study = { ids: undefined, clean: ids, corrupted: [...ids].reverse(), metric: { kind: 'logit_diff', correct: 1, wrong: 2 } };
    const own: Record<string, object> = {
      attribution: { token: 1 }, attention: { heads: [[0, 1]] }, pair: { layer: 0, head: 0, dest: 2, src: 1 }, neuron: { layer: 0, neuron: 1 }, directions: { layer: 0, neuron: 1 },
      sweep: { ...study, what: 'z' }, ablate: { ...study, clean: undefined, corrupted: undefined, prompts: [ids], what: 'z' },
      path: { ...study, senders: 'all', receivers: 'all' },
      attribute: { ...study, what: 'z', compare: true }, edges: study, circuit: { ...study, counts: [0, 10] },
      dose: { ids: undefined, prompts: [ids], steer: { hook: 'blocks.1.hook_resid_pre', value: Array(8).fill(1) }, strengths: [0, 2], max_new: 4 },
      outcomes: { ids: undefined, base: ids, ways: [{ name: 'same', ids }], max_new: 4 },
      vector: { ids: undefined, recipe: { token: 1 }, at: { hook: 'blocks.1.hook_resid_pre', prompt: ids } },
    };
    await core.load(madeUp({ n_layers: 2, n_heads: 2, d_model: 8, d_head: 4, d_mlp: 20, d_vocab: 30, n_ctx: 16 }));
    for (const name of READS) {
      const reading = await read({ read: name, ids, ...own[name] });
      expect(reading).toMatchObject({ read: name, tokens: name === 'directions' ? expect.any(Number) : ids.length });
      expect(reading.arrays.size, name).toBeGreaterThan(0);
      expect(Object.keys(reading.conventions).length, name).toBeGreaterThan(0);
      for (const [key, { name: told, shape, axes, data }] of reading.arrays) {
        expect([told, axes.length, data.length]).toEqual([key, shape.length, shape.reduce((a, b) => a * b, 1)]);
        axes.forEach((axis, i) => expect(reading.axes[axis]?.length ?? shape[i], `${name}: ${axis}`).toBe(shape[i]));
      }
    }
  });
  test('numbers of any kind of array are the numbers of a list', async () => {
    const direction = Float32Array.of(0.1, -0.2, 0.3, 0, 0, 1, 0, 2);
    const [one, other] = [await read({ read: 'states', ids, along: { vector: direction } }), await read({ read: 'states', ids, along: { vector: [...direction] } })];
    expect(one.arrays.get('projection')).toEqual(other.arrays.get('projection'));
  });
  test('heads of a run are those of the patterns, though no pattern was captured', async () => {
    const { heads, tensors, n_duplicates } = await core.run({ ids, capture: ['hook_embed'] }, steady);
    expect([...tensors.keys()]).toEqual(['hook_embed']);
    const { arrays, values } = await read({ read: 'detect', ids });
    expect(heads.map(({ induction }) => induction)).toEqual([...(arrays.get('induction')?.data ?? [])]);
    expect(n_duplicates).toBe(values['duplicates']);
    expect(n_duplicates).toBe(3);
  });
  test('a generation: the tokens that were forced, their probabilities, what else was probable', async () => {
    const forced = [3, 1, 4];
    const { end, tokens } = await core.generate({ ids: [0, 5], max_new: 3, forced, k: 4, edits: [{ hook: 'hook_embed', op: 'scale', scale: 0.5 }], twin: true }, steady, quiet);
    expect(end).toBe('max_new');
    expect(tokens.map(({ id }) => id)).toEqual(forced);
    const { arrays } = await read({ read: 'predictions', ids: [0, 5, 3, 1], k: 4, edits: [{ hook: 'hook_embed', op: 'scale', scale: 0.5 }] });
    tokens.forEach((token, i) => {
      expect(token.top_ids).toEqual([...(arrays.get('top_ids')?.data.subarray((i + 1) * 4, (i + 2) * 4) ?? [])]);
      token.top_probs.forEach((p, j) => expect(p).toBeCloseTo(arrays.get('top_probs')?.data[(i + 1) * 4 + j] ?? -1, 7));
      expect(token.log_prob).toBeCloseTo(Math.log(token.prob), 6);
      expect(token.kl).toBeGreaterThan(0);
    });
    const [plain] = (await core.generate({ ids: [0, 5], max_new: 1 }, steady, quiet)).tokens;
    expect(plain).toMatchObject({ kl: null, twin_log_prob: null });
  });
  test('processed weights: what was done is said, once each, and predictions stay', async () => {
    const info = await core.load(madeUp({ n_layers: 2, n_heads: 2, d_model: 8, d_head: 4, d_mlp: 20, d_vocab: 30, n_ctx: 16 }));
    const probs = async () => (await read({ read: 'predictions', ids, k: 30 })).arrays.get('next_prob')?.data ?? new Float32Array();
    const before = await probs();
    expect(info.processing).toEqual([]);
    expect(core.process({ names: [] })).toEqual(info);
    expect(core.process({ names: ['center_unembed', 'fold_ln'] })).toMatchObject({
      id: info.id, bytes: info.bytes, processing: ['fold_ln', 'center_unembed'], config: { ...info.config, normalization_type: 'LNPre' },
    });
    expect(core.process({ names: ['center_unembed', 'fold_value_biases'] }).processing).toEqual(['fold_ln', 'center_unembed', 'fold_value_biases']);
    expect(() => core.process({ names: ['center_writing_weights', 'fold_ln'] })).toThrow(failure('ESPEC', 'fold_ln'));
    (await probs()).forEach((p, i) => i < 6 && expect(Math.abs(p - (before[i] ?? 0))).toBeLessThan(1e-6));
    expect((await core.load(toy())).processing).toEqual([]);
  });
});

describe('what a person at the console gets wrong is named', () => {
  const reads: [string, unknown, string][] = [
    ['nothing at all', undefined, 'read: an object'],
    ['no reading', { ids }, 'read: the name'],
    ['a reading that is none', { read: 'lenses', ids }, 'read: there is no reading "lenses"'],
    ['ids that are a number', { read: 'lens', ids: 5 }, 'ids: a list'],
    ['no ids', { read: 'lens' }, 'ids: '],
    ['a field of another reading', { read: 'lens', ids, heads: [] }, 'heads: '],
    ['edits that are none', { read: 'lens', ids, edits: 'zero' }, 'edits: a list'],
    ['a minus that is a list', { read: 'lens', ids, minus: ids }, 'minus: an object'],
    ['a minus without ids', { read: 'lens', ids, minus: {} }, 'minus.ids: a list'],
    ['a minus of nothing', { read: 'detect', on: 'random', minus: { ids } }, 'minus: there is no run'],
    ['a minus with vectors of its own', { read: 'lens', ids, minus: { ids, vectors: {} } }, 'minus.vectors: '],
    ['a minus with runs that are none', { read: 'lens', ids, minus: { ids, runs: { B: 1 } } }, 'minus.runs.B: a list'],
    ['a minus of another length', { read: 'lens', ids, minus: { ids: [0] } }, 'minus: it has 1 tokens'],
    ['a list as a vector', { read: 'lens', ids, vectors: { v: [1] } }, 'vectors.v: '],
    ['a number as vectors', { read: 'states', ids, vectors: 5 }, 'vectors: true or false'],
    ['vectors asked of a reading without', { read: 'lens', ids, vectors: true }, 'vectors: "lens" has no such field'],
    ['what JSON cannot hold', { read: 'lens', ids, k: 5n }, 'JSON'],
  ];
  test.each(reads)('read: %s', async (_, request, says) => {
    await expect(read(request as ReadRequest)).rejects.toThrow(failure('ESPEC', says));
  });
  test('read: what goes round in itself', async () => {
    const along: Record<string, unknown> = {};
    along['vector'] = along;
    await expect(read({ read: 'states', ids, along })).rejects.toThrow(failure('ESPEC', 'JSON'));
  });
  const generations: [string, unknown, string][] = [
    ['nothing at all', undefined, 'generate: an object'],
    ['no ids', {}, 'ids: a list'],
    ['an unknown field', { ids, max_tokens: 3 }, 'max_tokens: '],
    ['a capture', { ids, capture: ['*'] }, 'capture: '],
    ['one edit', { ids, edits: { hook: 'hook_embed', op: 'zero' } }, 'edits: a list'],
    ['runs that are a list', { ids, runs: [ids] }, 'runs: an object'],
    ['a vector that is a list', { ids, vectors: { v: [1] } }, 'vectors.v: '],
    ['a text as a temperature', { ids, temperature: 'hot' }, 'temperature: '],
  ];
  test.each(generations)('generate: %s', async (_, request, says) => {
    await expect(core.generate(request as GenerateRequest, steady, quiet)).rejects.toThrow(failure('ESPEC', says));
  });
  test.each([undefined, 'fold_ln', ['fold'], [0], [['fold_ln']]])('process: %s', (names) => {
    expect(() => core.process({ names: names as unknown as ProcessName[] })).toThrow(failure('ESPEC', 'center_writing_weights'));
  });
  test('without a model', async () => {
    core.unload();
    await expect(read({ read: 'lens', ids })).rejects.toThrow(failure('ESTATE', 'load'));
    await expect(core.generate({ ids }, steady, quiet)).rejects.toThrow(failure('ESTATE', 'load'));
    expect(() => core.process({ names: [] })).toThrow(failure('ESTATE', 'load'));
  });
});

/** tests/hostile/NAME.h, whose rows are C's: {"what", ..., HS_STATUS, "what the line says"}. */
function hostile(name: string): [string, string, string, string][] {
  const rows = readFileSync(`${root}tests/hostile/${name}.h`, 'utf8').replace(/\/\*[^]*?\*\//, '').replace(/HS_(E\w+)/g, '"$1"').replaceAll(/^\{|\},$/gm, (brace) => (brace === '{' ? '[' : '],'));
  return (JSON.parse(`[${rows.trim().slice(0, -1)}]`) as string[][]).map((row) => [row[0] ?? '', ...row.slice(-3)] as [string, string, string, string]);
}

describe('documents that cannot be carried out: refused as the native program refuses them', () => {
  const small = () => madeUp({ n_layers: 1, n_heads: 2, d_model: 6, d_head: 3, d_mlp: 24, d_vocab: 7, n_ctx: 5 });
  /** Texts that are no JSON or no object cannot come this way, nor can what JSON.parse changes; there is no command to
   *  contradict; and a run that no edit reads is not run here. */
  const elsewhere = ['another reading than the command', 'a run with an id beyond d_vocab'];
  const carried = ([what, document]: [string, string, string, string]) => {
    try {
      return JSON.stringify(JSON.parse(document)).length === document.length && document.startsWith('{') && !elsewhere.includes(what);
    } catch {
      return false;
    }
  };
  const readings = hostile('readings').filter(carried);
  const generations = hostile('generations').filter(carried);
  test('there are many', () => expect([readings.length > 45, generations.length > 30]).toEqual([true, true]));
  /** The worker reads ids before the core does, and has one status for what is no id. */
  const wanted = (what: string, status: string) => (what === 'half an id' ? 'ETOKENS' : status);
  test.each(readings)('read: %s', async (what, document, status, says) => {
    await core.load(small());
    await expect(read(JSON.parse(document))).rejects.toThrow(failure(wanted(what, status), says));
  });
  test.each(generations)('generate: %s', async (what, document, status, says) => {
    await core.load(small());
    const asked = core.generate(JSON.parse(document), steady, quiet);
    await expect(asked).rejects.toThrow(failure(what === 'no ids' ? 'ESPEC' : status, what === 'no ids' ? 'ids' : says));
  });
});

describe('a cancel is heard after each unit', () => {
  const aborting = (after: number) => {
    const controller = new AbortController();
    let pauses = 0;
    return { signal: controller.signal, pause: async () => { if (++pauses === after) controller.abort(); } };
  };
  test('in the run of a reading, in its units, and in the run that is taken away', async () => {
    const request: ReadRequest = { read: 'detect', ids, minus: { ids: [...ids].reverse() } };
    for (const [after, run, units] of [[3, 3, 0], [ONE + 3, ONE + 3, 0], [2 * ONE + 3, 2 * ONE, 3]] as const) {
      core.forget();
      steps = { run: 0, read: 0, generate: 0 };
      await expect(core.read(request, aborting(after), quiet)).rejects.toThrow(failure('EABORTED'));
      expect(steps).toMatchObject({ run, read: units });
    }
  });
  test('in a generation, and in the run that its edits read', async () => {
    const request: GenerateRequest = { ids, max_new: 5, edits: [{ hook: 'hook_embed', op: 'patch', value: { run: 'B' } }], runs: { B: ids } };
    for (const [after, run, units] of [[4, 4, 0], [ONE + 4, ONE, 4]] as const) {
      steps = { run: 0, read: 0, generate: 0 };
      await expect(core.generate(request, aborting(after), quiet)).rejects.toThrow(failure('EABORTED'));
      expect(steps).toMatchObject({ run, generate: units });
    }
  });
});

describe('144 heads and 1,024 tokens', () => {
  const MiB = 2 ** 20;
  const T = 1024;
  const heads = Array.from({ length: 144 }, (_, i) => [Math.floor(i / 12), i % 12]);
  const long = Array.from({ length: T }, (_, t) => (t * t + 7 * t) % 199);

  test('run, pooled in one reading, one by one: a few arrays of one head at a time, not 576 MiB of patterns', { timeout: 300_000 }, async () => {
    await core.load(madeUp({ n_layers: 12, n_heads: 12, d_model: 48, d_head: 4, d_mlp: 96, d_vocab: 199, n_ctx: T }));
    const { heads: scores, n_duplicates, bytes } = await core.run({ ids: long }, steady);
    expect(scores.length).toBe(144);
    expect(n_duplicates).toBeGreaterThan(800);
    expect(bytes).toBeLessThan(100 * MiB);

    steps.run = 0;
    const pooled = (await read({ read: 'attention', ids: long, heads, pool: 32 })).arrays.get('attention');
    const one = (await read({ read: 'attention', ids: long, heads: [[11, 7]] })).arrays.get('attention');
    expect([pooled?.shape, one?.shape]).toEqual([[144, 32, 32], [1, T, T]]);
    expect(steps.run).toBe(0);

    const last = pooled?.data.subarray((11 * 12 + 7) * 32 * 32, (11 * 12 + 8) * 32 * 32) ?? [];
    for (const [dest, src] of [[0, 0], [31, 0], [31, 31], [20, 5], [5, 20]] as const) {
      let most = NaN; // of a block, over what is not masked
      for (let t = dest * 32; t < dest * 32 + 32; t++)
        for (let s = src * 32; s < src * 32 + 32 && s <= t; s++) most = Math.max(Number.isNaN(most) ? 0 : most, one?.data[t * T + s] ?? NaN);
      expect(last[dest * 32 + src]).toEqual(most);
    }
    const previous = Array.from({ length: T - 1 }, (_, t) => one?.data[(t + 1) * T + t] ?? NaN).reduce((a, b) => a + b, 0) / (T - 1);
    expect(scores[11 * 12 + 7]?.previous).toBe(Math.fround(previous));
    expect(exports.memory.buffer.byteLength).toBeLessThan(200 * MiB);
  });
});
