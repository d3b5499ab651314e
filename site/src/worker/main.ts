/** The worker: fetches the .wasm that it is named after and serves the page. */
import { EngineError } from '../engine/errors';
import type { WasmName } from '../engine/types';
import { createCore } from './core';
import baseline from './hookscope.wasm?url';
import relaxed from './hookscope-relaxed.wasm?url';
import type { FromWorker, Port, ToWorker } from './protocol';
import { serve } from './serve';
import { chooseTile } from './tune';

const URLS: Readonly<Record<WasmName, string>> = { hookscope: baseline, 'hookscope-relaxed': relaxed };

const { port1, port2 } = new MessageChannel();

/** One macrotask: an awaited promise would let no message in, and timers are held back to 4 ms. */
const pause = () =>
  new Promise<void>((done) => {
    port1.onmessage = () => done();
    port2.postMessage(null);
  });

async function open() {
  const name = `${self.name}.wasm`;
  const answer = await fetch(URLS[self.name as WasmName]).catch((reason: unknown) => {
    throw new EngineError('EFETCH', `${name} did not arrive (${reason instanceof Error ? reason.message : reason}); look at the connection and reload`);
  });
  if (!answer.ok) throw new EngineError('EFETCH', `${name} did not arrive (HTTP ${answer.status}); reload the page`);
  return createCore(await answer.arrayBuffer(), chooseTile);
}

// The DOM's types take `self` for a window; in a worker it is this port.
serve(self as unknown as Port<ToWorker, FromWorker>, open, pause);
