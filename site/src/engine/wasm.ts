/** Which of the built .wasm files a browser gets: one of them is downloaded. They hold the same core; the product of the
 *  relaxed one rounds as the processor does (docs/adr/0015). */
import type { WasmName } from './types';

/** The smallest module with an f32x4.relaxed_madd in it. */
const RELAXED_PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11);

/** `asked`: "baseline" for the one whose bits are the same in every browser and of native `hs`; anything else is the
 *  fastest that this browser takes. */
export function pickWasm(asked?: string | null): WasmName {
  return asked !== 'baseline' && globalThis.WebAssembly?.validate(RELAXED_PROBE) ? 'hookscope-relaxed' : 'hookscope';
}
