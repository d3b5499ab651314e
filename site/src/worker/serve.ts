/** Answers requests over a port, one at a time, in order; a cancel is heard between the steps of a run. What takes
 *  long (a study, a text) is set aside between its units for what takes less, so that typing goes on meanwhile. */
import { STUDIES } from '../engine/abi.gen';
import { EngineError, aborted, engineError } from '../engine/errors';
import type { Core, Heard } from './core';
import type { Answer, Ask, FromWorker, Kind, Port, Request, ToWorker } from './protocol';
import type { Pace } from './runs';

type Calls = { readonly [K in Kind]: (ask: Ask<K>, pace: Pace, heard: Heard) => Answer<K> | Promise<Answer<K>> };

/** Studies that are over in a moment, or in a few texts. */
const SHORT: Readonly<Record<string, number>> = { vector: 1, outcomes: 3 };

/** How long it takes: what takes long is set aside for what takes less. It stands on the model, which some replace. */
function rank({ kind, ask }: Request): number {
  if (kind === 'load' || kind === 'process') return Infinity;
  if (kind === 'generate') return 2;
  return kind === 'read' && STUDIES.includes(ask?.read) ? (SHORT[ask.read] ?? 4) : 0;
}

/** `open` is called at once, so that the core is there with the first request, and again for the request
 *  that follows a failure of it. */
export function serve(port: Port<ToWorker, FromWorker>, open: () => Promise<Core>, pause: Pace['pause']) {
  const waiting: Request[] = [];
  /** What is being answered, innermost last: more than one while a long one is set aside. */
  const current: { readonly id: number; readonly controller: AbortController }[] = [];
  let opening: Promise<Core> | null = open();
  opening.catch(() => {}); // the first request will hear of it

  async function core(): Promise<Core> {
    opening ??= open();
    try {
      return await opening;
    } catch (thrown) {
      opening = null;
      throw thrown;
    }
  }

  function fail(id: number, thrown: unknown) {
    const { status, detail } = engineError(thrown, 'EWORKER');
    port.postMessage({ id, ok: false, status, detail }, []);
  }

  const stopped = (why: string) => new EngineError('EWORKER', `the core stopped (${why}); load the model again`);

  async function answer(request: Request) {
    const { id } = request;
    const controller = new AbortController();
    current.push({ id, controller });
    const send = (message: FromWorker, value: unknown) => port.postMessage(message, [...new Set(buffersOf(value))]);
    const heard: Heard = {
      onToken: (token, index) => send({ id, token, index }, null),
      onProgress: (progress) => send({ id, progress }, progress),
    };
    try {
      const ready = await core();
      const opened = opening;
      const aside = async () => {
        await pause();
        for (let i = 0; i < waiting.length; ) {
          const next = waiting[i];
          if (next && rank(next) < rank(request)) {
            waiting.splice(i, 1);
            await answer(next);
          } else i++;
        }
        if (opening !== opened) throw stopped('another question broke it');
      };
      const made = await answerTo(request, ready, { pause: rank(request) > 0 ? aside : pause, signal: controller.signal }, heard);
      send({ id, ok: true, answer: made }, made);
    } catch (thrown) {
      const trapped = thrown instanceof WebAssembly.RuntimeError;
      if (trapped) opening = null; // what its heap holds cannot be trusted
      fail(id, trapped ? stopped(thrown.message) : thrown);
    }
    current.pop();
  }

  async function work() {
    for (let request = waiting.shift(); request; request = waiting.shift()) await answer(request);
  }

  port.onmessage = ({ data }) => {
    if (data.kind !== 'cancel') {
      waiting.push(data);
      if (current.length === 0) void work();
    } else {
      current.find(({ id }) => id === data.id)?.controller.abort();
      const at = waiting.findIndex(({ id }) => id === data.id);
      if (at >= 0) waiting.splice(at, 1);
      if (at >= 0) fail(data.id, aborted());
    }
  };
}

/** The buffers of an answer's tensors. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (value instanceof Float32Array) return [value.buffer as ArrayBuffer];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return [...(value instanceof Map ? value.values() : Object.values(value))].flatMap(buffersOf);
}

/** Where memory is short, once more without the kept runs. */
async function answerTo({ kind, ask }: Request, core: Calls & Pick<Core, 'forget'>, pace: Pace, heard: Heard) {
  // A row of Calls ties `kind` to `ask`; a union over kinds cannot carry that.
  const call = core[kind] as (what: unknown, pace: Pace, heard: Heard) => Answer<Kind> | Promise<Answer<Kind>>;
  try {
    return await call(ask, pace, heard);
  } catch (thrown) {
    if (!(thrown instanceof EngineError && thrown.status === 'EMEMORY' && core.forget())) throw thrown;
    return call(ask, pace, heard);
  }
}
