/** Answers requests over a port, one at a time, in order; a cancel is heard between the steps of a run. */
import { EngineError, aborted, engineError } from '../engine/errors';
import type { Core, OnToken } from './core';
import type { Answer, Ask, FromWorker, Kind, Port, Request, ToWorker } from './protocol';
import type { Pace } from './runs';

type Calls = { readonly [K in Kind]: (ask: Ask<K>, pace: Pace, onToken: OnToken) => Answer<K> | Promise<Answer<K>> };

/** `open` is called at once, so that the core is there with the first request, and again for the request
 *  that follows a failure of it. */
export function serve(port: Port<ToWorker, FromWorker>, open: () => Promise<Core>, pause: Pace['pause']) {
  const waiting: Request[] = [];
  let current: { readonly id: number; readonly controller: AbortController } | null = null;
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

  async function work() {
    for (let request = waiting.shift(); request; request = waiting.shift()) {
      const controller = new AbortController();
      current = { id: request.id, controller };
      try {
        const onToken: OnToken = (token, index) => port.postMessage({ id: request.id, token, index }, []);
        const answer = await answerTo(request, await core(), { pause, signal: controller.signal }, onToken);
        port.postMessage({ id: request.id, ok: true, answer }, [...new Set(buffersOf(answer))]);
      } catch (thrown) {
        const trapped = thrown instanceof WebAssembly.RuntimeError;
        if (trapped) opening = null; // what its heap holds cannot be trusted
        fail(request.id, trapped ? new EngineError('EWORKER', `the core stopped (${thrown.message}); load the model again`) : thrown);
      }
      current = null;
    }
  }

  port.onmessage = ({ data }) => {
    if (data.kind !== 'cancel') {
      waiting.push(data);
      if (!current) void work();
    } else if (data.id === current?.id) {
      current.controller.abort();
    } else {
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
async function answerTo({ kind, ask }: Request, core: Calls & Pick<Core, 'forget'>, pace: Pace, onToken: OnToken) {
  // A row of Calls ties `kind` to `ask`; a union over kinds cannot carry that.
  const call = core[kind] as (what: unknown, pace: Pace, onToken: OnToken) => Answer<Kind> | Promise<Answer<Kind>>;
  try {
    return await call(ask, pace, onToken);
  } catch (thrown) {
    if (!(thrown instanceof EngineError && thrown.status === 'EMEMORY' && core.forget())) throw thrown;
    return call(ask, pace, onToken);
  }
}
