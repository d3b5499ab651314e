import { createCompute, createRunner, type Ask, type Pair } from '../../site/src/state/run';
import type { RunRequest } from '../../site/src/engine/types';
import { fakeEngine } from './fakeEngine';

const ask = (text: string): Ask => ({ text, textB: null, edits: [] });
const settle = () => new Promise((done) => setTimeout(done));

/** A computation that answers when told to, in any order. */
function held() {
  const calls: { ask: Ask; signal: AbortSignal; answer: () => void; refuse: (why: unknown) => void }[] = [];
  const compute = (asked: Ask, signal: AbortSignal) =>
    new Promise<Pair>((resolve, reject) => {
      calls.push({ ask: asked, signal, answer: () => resolve({ ask: asked } as Pair), refuse: reject });
    });
  return { calls, compute };
}

describe('runs: latest wins', () => {
  it('runs one at a time and skips what was asked for between', async () => {
    const { calls, compute } = held();
    const runner = createRunner();
    runner.use(compute);
    for (const text of ['a', 'ab', 'abc', 'abcd']) runner.ask(ask(text));
    expect(calls.map((c) => c.ask.text)).toEqual(['a']);
    expect(calls[0]?.signal.aborted).toBe(true);
    calls[0]?.answer();
    await settle();
    expect(runner.shown.value).toBeNull();
    expect(runner.stale.value).toBe(true);
    expect(calls.map((c) => c.ask.text)).toEqual(['a', 'abcd']);
    calls[1]?.answer();
    await settle();
    expect(runner.shown.value?.ask.text).toBe('abcd');
    expect(runner.stale.value).toBe(false);
  });

  it('the old picture stays, marked stale, until the new one is true', async () => {
    const { calls, compute } = held();
    const runner = createRunner();
    runner.use(compute);
    runner.ask(ask('a'));
    calls[0]?.answer();
    await settle();
    runner.ask(ask('b'));
    expect([runner.shown.value?.ask.text, runner.stale.value]).toEqual(['a', true]);
    calls[1]?.answer();
    await settle();
    expect([runner.shown.value?.ask.text, runner.stale.value]).toEqual(['b', false]);
  });

  it('a failure is shown with the old picture, and an outdated failure is not', async () => {
    const { calls, compute } = held();
    const runner = createRunner();
    runner.use(compute);
    runner.ask(ask('a'));
    runner.ask(ask('b'));
    calls[0]?.refuse({ status: 'EHOOK', detail: 'old' });
    await settle();
    expect(runner.failure.value).toBeNull();
    calls[1]?.refuse({ status: 'EHOOK', detail: 'new' });
    await settle();
    expect(runner.failure.value).toEqual({ status: 'EHOOK', detail: 'new' });
    runner.ask(ask('c'));
    calls[2]?.answer();
    await settle();
    expect(runner.failure.value).toBeNull();
    runner.ask(ask('d'));
    calls[3]?.refuse({ status: 'EHOOK', detail: 'of d' });
    await settle();
    expect(runner.failure.value).toEqual({ status: 'EHOOK', detail: 'of d' });
    runner.ask(ask('e'));
    expect([runner.shown.value?.ask.text, runner.stale.value, runner.failure.value]).toEqual(['c', true, null]);
  });

  it('another engine voids what is under way', async () => {
    const [first, second] = [held(), held()];
    const runner = createRunner();
    runner.use(first.compute);
    runner.ask(ask('a'));
    runner.use(second.compute);
    runner.ask(ask('a'));
    second.calls[0]?.answer();
    await settle();
    const shown = runner.shown.value;
    first.calls[0]?.answer();
    await settle();
    expect(shown).not.toBeNull();
    expect(runner.shown.value).toBe(shown);
  });
});

describe('a picture', () => {
  it('keeps the run without edits while the text stays', async () => {
    const engine = fakeEngine();
    const requests: RunRequest[] = [];
    const compute = createCompute(
      { ...engine, run: (request) => (requests.push(request), engine.run(request)) },
      await engine.load('fake'),
    );
    const signal = new AbortController().signal;
    const edits = [{ hook: 'blocks.1.attn.hook_z', heads: [3], op: 'zero' }] as const;
    const plain = await compute(ask('the cat sat'), signal);
    const edited = await compute({ ...ask('the cat sat'), edits }, signal);
    expect(requests.map((r) => r.edits?.length ?? 0)).toEqual([0, 1]);
    expect(plain.a.now).toBe(plain.a.before);
    expect(edited.a.before).toBe(plain.a.before);
    await compute({ ...ask('the dog'), edits }, signal);
    expect(requests.map((r) => r.edits?.length ?? 0)).toEqual([0, 1, 0, 1]);
  });

  it('runs prompt B with the edits that do not read a run, and gives the others B to read', async () => {
    const engine = fakeEngine();
    const requests: RunRequest[] = [];
    const compute = createCompute({ ...engine, run: (request) => (requests.push(request), engine.run(request)) }, await engine.load('fake'));
    const zero = { hook: 'blocks.1.attn.hook_z', op: 'zero' } as const;
    const patch = { hook: 'blocks.0.attn.hook_z', op: 'patch', value: { run: 'B' } } as const;
    const { a, b } = await compute({ text: 'the cat', textB: 'the dog', edits: [zero, patch] }, new AbortController().signal);
    const idsB = Array.from(b?.tokenized.ids ?? []);
    expect(requests.map((r) => [r.edits?.length ?? 0, r.runs])).toEqual([[0, undefined], [0, undefined], [2, { B: idsB }], [1, undefined]]);
    expect(a.edits).toEqual([zero, patch]);
    expect(b?.edits).toEqual([zero]);
  });

  it('an edit that takes from prompt A acts on prompt B alone', async () => {
    const engine = fakeEngine();
    const requests: RunRequest[] = [];
    const compute = createCompute({ ...engine, run: (request) => (requests.push(request), engine.run(request)) }, await engine.load('fake'));
    const fromA = { hook: 'blocks.0.attn.hook_z', op: 'patch', value: { run: 'A', positions: [1] } } as const;
    const fromB = { hook: 'blocks.0.attn.hook_z', op: 'patch', value: { run: 'B' } } as const;
    const ask = { text: 'the cat', textB: 'the dog' };
    const { a, b } = await compute({ ...ask, edits: [fromA] }, new AbortController().signal);
    const [idsA, idsB] = [a, b].map((of) => Array.from(of?.tokenized.ids ?? []));
    expect(a.now).toBe(a.before);
    expect(requests.at(-1)).toMatchObject({ ids: idsB, edits: [fromA], runs: { A: idsA } });
    const both = await compute({ ...ask, edits: [fromA, fromB] }, new AbortController().signal);
    expect([both.a.edits, both.b?.edits]).toEqual([[fromB], [fromA]]);
  });

  it('of a long text brings along what is looked at, and asks for it when it is', async () => {
    const engine = fakeEngine({ nHeads: 8 });
    const seen: RunRequest[] = [];
    const asked: unknown[] = [];
    const info = await engine.load('fake');
    const pattern = new Float32Array(9);
    const many = { ...info, config: { ...info.config, n_layers: 1000, n_heads: 4096, d_vocab_out: 2_000_000 } };
    const compute = createCompute(
      {
        ...engine,
        run: async (request) => (seen.push(request), { ...(await engine.run(request)), tensors: new Map(), logits: { name: 'logits', shape: [0, 512], data: new Float32Array(0) } }),
        read: async (request) => {
          asked.push(request);
          return { ...(await engine.read(request)), arrays: new Map([['attention', { name: 'attention', axes: [], shape: [1, 3, 3], data: pattern }]]) };
        },
      },
      many,
    );
    const { a } = await compute(ask('the cat'), new AbortController().signal);
    expect(seen[0]).toMatchObject({ capture: [], logits: false });
    expect(a.now.pattern({ layer: 1, head: 2 })).toBeNull();
    await settle();
    expect(a.now.pattern({ layer: 1, head: 2 })).toBe(pattern);
    expect(a.now.pattern({ layer: 1, head: 2 })).toBe(pattern);
    expect(asked).toEqual([{ read: 'attention', ids: Array.from(a.tokenized.ids), heads: [[1, 2]], mode: 'pattern' }]);
  });

  it('says so when there is no token to run', async () => {
    const engine = fakeEngine();
    const info = await engine.load('fake');
    const tokenize = async () => ({ ids: new Int32Array(0), tokens: [], cut: null });
    await expect(createCompute({ ...engine, tokenize }, info)(ask(''), new AbortController().signal)).rejects.toMatchObject({
      status: 'ETOKENS',
    });
  });
});
