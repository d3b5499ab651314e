/** A thread of the core: an instance of the same module on the same memory, which helps with products for ever. */
import type { CoreExports } from '../engine/abi.gen';
import type { Thread } from './threads';

self.onmessage = ({ data: { module, memory, stack } }: MessageEvent<Thread>) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, emscripten_notify_memory_growth: () => {} } });
  const core = exports as unknown as CoreExports & { _emscripten_stack_restore(at: number): void };
  core._emscripten_stack_restore(stack);
  core.hsw_help();
};
