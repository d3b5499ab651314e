/** The worker's loop and the page's client over a channel, as between page and worker. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, type Client } from '../../site/src/engine/client';
import { EngineError } from '../../site/src/engine/errors';
import type { GeneratedToken, ReadRequest, Reading, RunResult, Tokenized } from '../../site/src/engine/types';
import { createCore, type Core } from '../../site/src/worker/core';
import { serve } from '../../site/src/worker/serve';
import type { FromWorker, Port, ToWorker } from '../../site/src/worker/protocol';
import { wasmBytes } from './core';
import { toy } from './toy';

const failure = (status: string) => expect.objectContaining({ status });
const ids = [0, 5, 6, 7];

const channels: MessageChannel[] = [];
let client: Client;
let pauses = 0;
let onPause: () => void = () => {};

/** Long enough for a message that was sent to have been heard. */
const pause = () =>
  new Promise<void>((done) => {
    pauses++;
    onPause();
    setImmediate(() => setImmediate(done));
  });

/** A worker of its own, and a client for it. */
function start(open: () => Promise<Core>): Client {
  const channel = new MessageChannel();
  channels.push(channel);
  serve(channel.port1 as unknown as Port<ToWorker, FromWorker>, open, pause);
  return connect(channel.port2 as unknown as Port<FromWorker, ToWorker>);
}

beforeEach(() => {
  pauses = 0;
  onPause = () => {};
  client = start(() => createCore(wasmBytes));
});
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

async function load() {
  const files = toy();
  const transfer = [files.config, ...files.weights.map(({ data }) => data)];
  const info = await client.ask('load', files, { transfer });
  return { info, files };
}

test('questions are answered, each to who asked, with buffers handed over', async () => {
  const { info, files } = await load();
  expect(files.weights[0]?.data.byteLength).toBe(0);
  const [run, tokenized, hooks] = await Promise.all([
    client.ask('run', { ids, capture: ['blocks.0.attn.hook_pattern'] }),
    client.ask('tokenize', { text: 'the cat', special: false, bos: null }),
    client.ask('hooks', { nTokens: 4 }),
  ]);
  expect(info.id).toBe('toy');
  expect(run.tensors.get('blocks.0.attn.hook_pattern')?.shape).toEqual([2, 4, 4]);
  expect(tokenized.tokens.length).toBe(tokenized.ids.length);
  expect(hooks.at(-1)?.name).toBe('logits');
});

test('a failure comes as an EngineError with its status and line', async () => {
  await load();
  const asked = client.ask('run', { ids, capture: ['nowhere'] });
  await expect(asked).rejects.toBeInstanceOf(EngineError);
  await expect(asked).rejects.toThrow(failure('EHOOK'));
});

describe('cancel', () => {
  test('a run under way ends at its next step, and the next question is answered', async () => {
    await load();
    const controller = new AbortController();
    onPause = () => {
      if (pauses === 2) controller.abort();
    };
    await expect(client.ask('run', { ids }, { signal: controller.signal })).rejects.toThrow(failure('EABORTED'));
    await client.ask('hooks', { nTokens: 4 });
    expect(pauses).toBeLessThanOrEqual(3); // of ten
    await client.ask('run', { ids });
    expect(pauses).toBeGreaterThanOrEqual(12);
  });
  test('a question that waits is never begun', async () => {
    await load();
    await client.ask('run', { ids });
    const alone = pauses;
    expect(alone).toBeGreaterThan(10);
    const controller = new AbortController();
    const first = client.ask('run', { ids: [0, 8, 8, 9] });
    const second = client.ask('run', { ids: [0, 1, 2, 3] }, { signal: controller.signal });
    controller.abort();
    await expect(second).rejects.toThrow(failure('EABORTED'));
    await first;
    await client.ask('hooks', { nTokens: 4 });
    expect(pauses).toBe(2 * alone);
  });
  test.each([
    ['read', { read: 'lens', ids }] as const,
    ['generate', { ids, max_new: 9 }] as const,
  ])('%s ends at its next unit, and is answered once', async (kind, request) => {
    await load();
    const controller = new AbortController();
    onPause = () => {
      if (pauses === 12) controller.abort(); // the run of a reading has ten steps
    };
    const heard: number[] = [];
    const onToken = (_: unknown, index: number) => heard.push(index);
    await expect(client.ask(kind, request, { signal: controller.signal, onToken })).rejects.toThrow(failure('EABORTED'));
    const then = heard.length;
    await client.ask('hooks', { nTokens: 4 });
    expect(pauses).toBeLessThanOrEqual(13);
    expect(heard.length).toBe(then);
  });
  test('a signal that was aborted before asks nothing', async () => {
    await load();
    await expect(client.ask('run', { ids }, { signal: AbortSignal.abort() })).rejects.toThrow(failure('EABORTED'));
    expect(pauses).toBe(0);
  });
});

test('tokens come one by one, each before the answer', async () => {
  await load();
  const heard: GeneratedToken[] = [];
  let answered = false;
  const { tokens, end } = await client.ask('generate', { ids, max_new: 5 }, {
    onToken(token, index) {
      expect([answered, index]).toEqual([false, heard.length]);
      heard.push(token);
    },
  }).finally(() => { answered = true; });
  expect(end).toBe('max_new');
  expect(heard.length).toBe(5);
  expect(heard).toEqual(tokens);
});

describe('what takes long is set aside between its units', () => {
  test('for what does not, but not for another long one, nor for another model', async () => {
    const { info } = await load();
    const order: string[] = [];
    let asked: Promise<unknown>[] | null = null;
    const as = (name: string, answer: Promise<unknown>) => answer.then(() => order.push(name));
    const alone = await client.ask('generate', { ids, max_new: 4 });
    onPause = () => {
      asked ??= [
        as('second text', client.ask('generate', { ids, max_new: 2 })),
        as('model', client.ask('load', toy())),
        as('run', client.ask('run', { ids: [0, 9, 8] })),
        as('reading', client.ask('read', { read: 'lens', ids: [0, 9, 8] })),
      ];
    };
    const text = client.ask('generate', { ids, max_new: 4 });
    await as('text', text);
    await Promise.all(asked ?? []);
    expect(order).toEqual(['run', 'reading', 'text', 'second text', 'model']);
    expect(await text).toEqual(alone); // what came between left no trace
    expect(info.id).toBe('toy');
  });
  test('a long study for short ones and for texts, the shortest first where each waits for the other', async () => {
    await load();
    const order: string[] = [];
    let asked: Promise<unknown>[] | null = null;
    const as = (name: string, answer: Promise<unknown>) => answer.then(() => order.push(name));
    const steer = { hook: 'blocks.0.hook_resid_pre', op: 'add', value: Array.from({ length: (await client.ask('run', { ids, capture: ['hook_embed'] })).tensors.get('hook_embed')?.shape[1] ?? 0 }, (_, i) => i % 3) };
    const dose = (max_new: number) => ({ read: 'dose' as const, prompts: [ids], steer, strengths: [0, 1], seeds: [1], max_new });
    const alone = await client.ask('read', dose(4));
    onPause = () => {
      asked ??= [
        as('second dose', client.ask('read', dose(2))),
        as('outcomes', client.ask('read', { read: 'outcomes', base: ids, ways: [{ name: 'same', ids }], seeds: [1], max_new: 3 })),
        as('vector', client.ask('read', { read: 'vector', recipe: { token: 3 }, at: { hook: 'blocks.0.hook_resid_pre', prompt: ids } })),
        as('text', client.ask('generate', { ids, max_new: 2 })),
      ];
    };
    const study = client.ask('read', dose(4));
    await as('dose', study);
    await Promise.all(asked ?? []);
    expect(order.slice(-2)).toEqual(['dose', 'second dose']);
    expect(order.slice(0, 3).sort()).toEqual(['outcomes', 'text', 'vector']);
    expect((await study).arrays.get('ids')?.data).toEqual(alone.arrays.get('ids')?.data);
  });
  test('and can still be cancelled while it is', async () => {
    await load();
    const controller = new AbortController();
    const runs: Promise<RunResult>[] = [];
    onPause = () => {
      if (runs.length === 0) runs.push(client.ask('run', { ids: [0, 9, 8] }));
      if (pauses === 6) controller.abort();
    };
    await expect(client.ask('generate', { ids, max_new: 9 }, { signal: controller.signal })).rejects.toThrow(failure('EABORTED'));
    expect((await runs[0])?.loss.length).toBe(2);
    const then = pauses;
    await client.ask('hooks', { nTokens: 4 });
    expect(pauses).toBeLessThanOrEqual(then + 1);
  });
  test('one that breaks the core breaks both, and the next has a new core', async () => {
    const core = await createCore(wasmBytes);
    const breaks = { ...core, hooks: () => { throw new WebAssembly.RuntimeError('unreachable'); } };
    const cores = [breaks, core];
    const other = start(async () => cores.shift() ?? core);
    const files = toy();
    await other.ask('load', files);
    let hooks: Promise<unknown> | null = null;
    onPause = () => {
      hooks ??= expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('EWORKER'));
    };
    await expect(other.ask('generate', { ids, max_new: 9 })).rejects.toThrow(failure('EWORKER'));
    await hooks;
    expect((await other.ask('tokenize', { text: 'the cat', special: false, bos: null })).ids.length).toBeGreaterThan(1);
  });
});

test('what is measured is handed over, what is kept is not', async () => {
  const core = await createCore(wasmBytes);
  const sent: [FromWorker, ArrayBuffer[]][] = [];
  const answer = (id: number) => vi.waitFor(() => {
    const found = sent.find(([message]) => message.id === id && 'ok' in message);
    if (!found?.[0] || !('answer' in found[0])) throw new Error('not yet');
    return { answer: found[0].answer as never as Reading & Tokenized & RunResult, transfer: found[1] };
  });
  const port: Port<ToWorker, FromWorker> = { onmessage: null, postMessage: (message, transfer) => sent.push([message, transfer]) };
  serve(port, async () => core, pause);
  const ask = (message: ToWorker) => port.onmessage?.({ data: message } as MessageEvent<ToWorker>);
  ask({ id: 1, kind: 'load', ask: toy() });
  ask({ id: 2, kind: 'read', ask: { read: 'lens', ids } });
  ask({ id: 3, kind: 'tokenize', ask: { text: 'the cat', special: false, bos: null } });
  ask({ id: 4, kind: 'run', ask: { ids, capture: ['*'] } });
  const { answer: reading, transfer } = await answer(2);
  expect(transfer.length).toBeGreaterThan(5);
  expect(new Set(transfer)).toEqual(new Set([...reading.arrays.values()].map(({ data }) => data.buffer)));
  expect((await answer(3)).transfer).toEqual([]);
  const run = await answer(4);
  expect(run.transfer.length).toBe(run.answer.tensors.size + 1); // and the loss; logits are one of the tensors
  for (const [, buffers] of sent) structuredClone(null, { transfer: buffers });
  ask({ id: 5, kind: 'tokenize', ask: { text: 'the cat', special: false, bos: null } });
  expect((await answer(5)).answer.tokens[1]?.bytes.length).toBeGreaterThan(0);
});

test('where memory is short, kept runs are given up for it, once', async () => {
  const short = new EngineError('EMEMORY', 'no room');
  const forget = vi.fn().mockReturnValueOnce(true).mockReturnValue(false);
  const hooks = vi.fn().mockImplementationOnce(() => { throw short; }).mockReturnValueOnce([]).mockImplementation(() => { throw short; });
  const core = await createCore(wasmBytes);
  const other = start(async () => ({ ...core, forget, hooks }));
  expect(await other.ask('hooks', { nTokens: 4 })).toEqual([]);
  await expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('EMEMORY'));
  expect(forget).toHaveBeenCalledTimes(2);
  expect(hooks).toHaveBeenCalledTimes(3);
});

test('what cannot be sent is refused, and nothing waits for it', async () => {
  await load();
  const request = { read: 'lens', ids, k: () => 5 } as unknown as ReadRequest;
  await expect(client.ask('read', request)).rejects.toThrow(failure('ESPEC'));
  expect(await client.ask('hooks', { nTokens: 4 })).toBeDefined();
});

test('a core that could not be opened is opened again for the next question', async () => {
  const open = vi.fn(() => createCore(wasmBytes)).mockRejectedValueOnce(new EngineError('EFETCH', 'no connection'));
  const other = start(open);
  await expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('EFETCH'));
  await expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('ESTATE'));
  await expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('ESTATE'));
  expect(open).toHaveBeenCalledTimes(2);
});

test('a core that trapped is thrown away', async () => {
  const trapping = async () => ({ ...(await createCore(wasmBytes)), hooks: () => { throw new WebAssembly.RuntimeError('unreachable'); } });
  const open = vi.fn(() => createCore(wasmBytes)).mockImplementationOnce(trapping);
  const other = start(open);
  await expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('EWORKER'));
  await expect(other.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('ESTATE'));
  expect(open).toHaveBeenCalledTimes(2);
});

test('when the worker is gone, all that waits and all that comes fails', async () => {
  await load();
  const asked = client.ask('run', { ids });
  client.fail(new EngineError('EWORKER', 'gone'));
  await expect(asked).rejects.toThrow(failure('EWORKER'));
  await expect(client.ask('hooks', { nTokens: 4 })).rejects.toThrow(failure('EWORKER'));
});
