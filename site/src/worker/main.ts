/** The worker: fetches the .wasm that it is named after, with its threads, and serves the page. */
import { EngineError } from '../engine/errors';
import type { WasmName } from '../engine/types';
import { createCore } from './core';
import baseline from './hookscope.wasm?url';
import relaxed from './hookscope-relaxed.wasm?url';
import relaxedShared from './hookscope-relaxed-shared.wasm?url';
import shared from './hookscope-shared.wasm?url';
import type { FromWorker, Port, ToWorker } from './protocol';
import { serve } from './serve';
import { sharedMemory, startThreads } from './threads';
import { chooseTile } from './tune';
import type { Wasm } from './wasm';

const URLS: Readonly<Record<WasmName, string>> = {
  hookscope: baseline, 'hookscope-relaxed': relaxed, 'hookscope-shared': shared, 'hookscope-relaxed-shared': relaxedShared,
};
const [name = '', threads = '1'] = self.name.split(' ');
const others: Worker[] = [];

const { port1, port2 } = new MessageChannel();

/** One macrotask: an awaited promise would let no message in, and timers are held back to 4 ms. */
const pause = () =>
  new Promise<void>((done) => {
    port1.onmessage = () => done();
    port2.postMessage(null);
  });

function prepare(wasm: Wasm) {
  for (const thread of others.splice(0)) thread.terminate(); // of a core that stopped
  chooseTile(wasm);
  startThreads(wasm, Number(threads), (thread) => {
    const worker = new Worker(new URL('./thread.ts', import.meta.url), { type: 'module' });
    worker.postMessage(thread);
    others.push(worker);
  });
}

async function open() {
  const answer = await fetch(URLS[name as WasmName]).catch((reason: unknown) => {
    throw new EngineError('EFETCH', `${name}.wasm did not arrive (${reason instanceof Error ? reason.message : reason}); look at the connection and reload`);
  });
  if (!answer.ok) throw new EngineError('EFETCH', `${name}.wasm did not arrive (HTTP ${answer.status}); reload the page`);
  return createCore(await answer.arrayBuffer(), prepare, Number(threads) > 1 ? sharedMemory() : undefined);
}

// The DOM's types take `self` for a window; in a worker it is this port.
serve(self as unknown as Port<ToWorker, FromWorker>, open, pause);
