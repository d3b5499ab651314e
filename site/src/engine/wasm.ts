/** Which of the built .wasm files a browser gets, and how many threads: one file is downloaded. They hold the same core;
 *  the product of the relaxed ones rounds as the processor does, the shared ones can have threads (docs/adr/0015, 0016). */
import type { Build } from './types';

/** The smallest module with an f32x4.relaxed_madd in it. */
const RELAXED_PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11);

/** Half of what the browser calls processors are cores of their own; more than four wait for memory. */
const mostThreads = () => Math.min(4, Math.floor(navigator.hardwareConcurrency / 2) || 1);

/** `asked`, the page's query: wasm=baseline for the bits that are the same in every browser and of native `hs`, else the
 *  fastest that this browser takes; threads=N, else as many as are of use. Only an isolated page has more than one. */
export function pickBuild(asked = new URLSearchParams()): Build {
  const relaxed = asked.get('wasm') !== 'baseline' && globalThis.WebAssembly?.validate(RELAXED_PROBE);
  const threads = globalThis.crossOriginIsolated ? Math.min(Number(asked.get('threads')) || mostThreads(), 8) : 1;
  return { wasm: `hookscope${relaxed ? '-relaxed' : ''}${threads > 1 ? '-shared' : ''}`, threads };
}
