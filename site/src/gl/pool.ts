import type { Palette } from './palette.ts';

/** A matrix of `size` x `size` squeezed into fewer `bins` x `bins`, each the most telling value of its block.
 *
 *  The most, not the mean: a diagonal one token wide must not fade. Signed data keep the value furthest from zero.
 *  Both axes have the same bins, so the diagonal stays the diagonal; cells that `causal` masks count for nothing.
 */
export function pool(
  values: Float32Array, offset: number, size: number, bins: number, causal: boolean, palette: Palette,
): Float32Array {
  const weight = palette === 'cividis' ? (value: number) => value : Math.abs;
  const from = Int32Array.from({ length: bins + 1 }, (_, bin) => Math.floor((bin * size) / bins));
  const binOf = new Int32Array(size);
  for (let bin = 0; bin < bins; bin++) binOf.fill(bin, from[bin], from[bin + 1]);
  const pooled = new Float32Array(bins * bins);
  const filled = new Uint8Array(bins * bins);
  for (let row = 0; row < size; row++) {
    const line = (binOf[row] ?? 0) * bins;
    const open = causal ? row + 1 : size;
    for (let col = 0; col < open; col++) {
      const value = values[offset + row * size + col] ?? Number.NaN;
      const at = line + (binOf[col] ?? 0);
      const held = pooled[at] ?? 0;
      // NaN wins, and stays: a bug upstream must be seen.
      if (!filled[at] || weight(value) > weight(held) || Number.isNaN(value)) pooled[at] = value;
      filled[at] = 1;
    }
  }
  return pooled;
}
