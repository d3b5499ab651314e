/** The threads of a shared build: how their memory is had, and what each is told. */
import type { Wasm } from './wasm';

export interface Thread {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The end of its stack. */
  readonly stack: number;
}

const PAGE = 65536;
const FIRST = 256; // pages; the module asks for no less
const STACK = 65536;

/** Memory that can be shared, as large as it may get here: some browsers set all of it aside. */
export function sharedMemory(): WebAssembly.Memory {
  for (let most = 2 ** 31; ; most /= 2) {
    try {
      return new WebAssembly.Memory({ initial: FIRST, maximum: most / PAGE, shared: true });
    } catch (thrown) {
      if (most <= 2 ** 28) throw thrown;
    }
  }
}

/** Starts all threads but the caller's own. What is not there yet is not waited for. */
export function startThreads({ core, module }: Wasm, n: number, start: (thread: Thread) => void) {
  for (let i = 1; i < n; i++) start({ module, memory: core.memory, stack: core.malloc(STACK) + STACK });
  core.hsw_use_threads(n);
}
