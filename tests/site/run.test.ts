import { createCompute, createRunner, type Ask, type Shown } from '../../site/src/state/run';
import type { RunRequest } from '../../site/src/engine/types';
import { fakeEngine } from './fakeEngine';

const ask = (text: string): Ask => ({ text, edits: [] });
const settle = () => new Promise((done) => setTimeout(done));

/** A computation that answers when told to, in any order. */
function held() {
  const calls: { ask: Ask; signal: AbortSignal; answer: () => void; refuse: (why: unknown) => void }[] = [];
  const compute = (asked: Ask, signal: AbortSignal) =>
    new Promise<Shown>((resolve, reject) => {
      calls.push({ ask: asked, signal, answer: () => resolve(asked as Shown), refuse: reject });
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
    expect(runner.shown.value?.text).toBe('abcd');
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
    expect([runner.shown.value?.text, runner.stale.value]).toEqual(['a', true]);
    calls[1]?.answer();
    await settle();
    expect([runner.shown.value?.text, runner.stale.value]).toEqual(['b', false]);
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
      { tokenize: engine.tokenize, run: (request) => (requests.push(request), engine.run(request)) },
      await engine.load('fake'),
    );
    const signal = new AbortController().signal;
    const edits = [{ hook: 'blocks.1.attn.hook_z', heads: [3], op: 'zero' }] as const;
    const plain = await compute(ask('the cat sat'), signal);
    const edited = await compute({ text: 'the cat sat', edits }, signal);
    expect(requests.map((r) => r.edits?.length ?? 0)).toEqual([0, 1]);
    expect(plain.now).toBe(plain.before);
    expect(edited.before).toBe(plain.before);
    await compute({ text: 'the dog', edits }, signal);
    expect(requests.map((r) => r.edits?.length ?? 0)).toEqual([0, 1, 0, 1]);
  });

  it('captures the embedding and, where they are added, the positions of a model without layers', async () => {
    const engine = fakeEngine({ nLayers: 0 });
    const info = await engine.load('fake');
    const captured = async (kind: string) => {
      let seen: readonly string[] = [];
      const config = { ...info.config, positional_embedding_type: kind };
      const run = (request: RunRequest) => ((seen = request.capture ?? []), engine.run(request));
      await createCompute({ tokenize: engine.tokenize, run }, { ...info, config })(ask('a'), new AbortController().signal);
      return seen;
    };
    expect(await captured('standard')).toEqual(['hook_embed', 'hook_pos_embed']);
    expect(await captured('shortformer')).toEqual(['hook_embed']);
  });

  it('says so when there is no token to run', async () => {
    const engine = fakeEngine();
    const info = await engine.load('fake');
    const tokenize = async () => ({ ids: new Int32Array(0), tokens: [], cut: null });
    await expect(createCompute({ tokenize, run: engine.run }, info)(ask(''), new AbortController().signal)).rejects.toMatchObject({
      status: 'ETOKENS',
    });
  });
});
