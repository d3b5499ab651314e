/** Numbers as people read them: three significant figures, a true minus, the full value elsewhere. */

const MINUS = '\u2212';

/** Three significant figures; very small and very large ones in powers of ten. */
export function three(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '\u221e' : `${MINUS}\u221e`;
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? size.toExponential(2).replace('-', MINUS) : fixed(size);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

function fixed(size: number): string {
  if (size === 0) return '0';
  const rounded = Number(size.toPrecision(3));
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(rounded)));
  return size.toFixed(Math.min(decimals, 5));
}

/** A share of one: two decimals, and what would read 0.00 or 1.00 without being it says so. */
export function share(value: number): string {
  if (!Number.isFinite(value)) return three(value);
  if (value > 0 && value < 0.005) return '<0.01';
  if (value < 1 && value >= 0.995) return '>0.99';
  return value.toFixed(2);
}

/** A correlation: as many decimals as it takes to tell it from 1. */
export function correlationOf(r: number): string {
  return r.toFixed([3, 4, 5, 6].find((n) => Math.abs(Number(r.toFixed(n))) !== 1) ?? 0).replace('-', MINUS);
}

/** Of the line of least squares through points (x, y); NaN where all x are the same. */
export function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (of: readonly number[]) => of.reduce((sum, v) => sum + v, 0) / of.length;
  const [mx, my] = [mean(x), mean(y)];
  const products = (a: readonly number[], ma: number) => x.reduce((sum, v, i) => sum + (v - mx) * ((a[i] ?? 0) - ma), 0);
  return products(y, my) / products(x, mx);
}

/** Of a sample. */
export function deviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
}

/** All that a float32 says. */
export const full = (value: number): string =>
  (Number.isFinite(value) ? String(Number(value.toPrecision(9))) : three(value)).replace('-', MINUS);

/** Softmax of one row, in double precision. */
export function softmax(logits: Float32Array): Float64Array {
  let top = -Infinity;
  for (const x of logits) if (x > top) top = x;
  const p = Float64Array.from(logits, (x) => Math.exp(x - top));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((x) => x / sum);
}

/** Indices of the k largest, largest first; equal values by index. */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const v = values[i] ?? -Infinity;
    if (best.length === k && v <= (values[best[k - 1] ?? 0] ?? 0)) continue;
    let at = best.length;
    while (at > 0 && v > (values[best[at - 1] ?? 0] ?? 0)) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}
