/** Answers requests over a port, one at a time, in order; a cancel is heard between the steps of a run. */
import { EngineError, aborted, engineError } from '../engine/errors';
import type { Tensor } from '../engine/types';
import type { Core, Pace } from './core';
import type { FromWorker, Port, Request, ToWorker } from './protocol';

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
        const { answer, transfer } = await answerTo(request, await core(), { pause, signal: controller.signal });
        port.postMessage({ id: request.id, ok: true, answer }, transfer);
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

/** The buffers of tensors, each once. */
const buffersOf = (tensors: Iterable<Pick<Tensor, 'data'>>) =>
  [...new Set(Array.from(tensors, ({ data }) => data.buffer as ArrayBuffer))];

async function answerTo(request: Request, core: Core, pace: Pace) {
  switch (request.kind) {
    case 'run': {
      const answer = await core.run(request.ask, pace);
      return { answer, transfer: buffersOf([...answer.tensors.values(), answer.logits, { data: answer.loss }]) };
    }
    case 'unembed': {
      const answer = core.unembed(request.ask);
      return { answer, transfer: buffersOf([answer]) };
    }
    case 'gradient': {
      const answer = core.gradient(request.ask);
      return { answer, transfer: buffersOf(answer.tensors.values()) };
    }
    case 'load':
      return { answer: await core.load(request.ask), transfer: [] };
    case 'tokenize':
      return { answer: core.tokenize(request.ask), transfer: [] };
    case 'tokens':
      return { answer: core.tokens(request.ask), transfer: [] };
    case 'hooks':
      return { answer: core.hooks(request.ask), transfer: [] };
    default:
      throw new EngineError('ESPEC', `${request.kind} is not there yet`);
  }
}
