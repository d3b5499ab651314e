// The palettes by the page's own tables, looked up by the documented rule: what a pixel of a value must be.

import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('../../../site/src/gl/palettes.gen.ts', import.meta.url), 'utf8');
const table = (name) => Buffer.from(new RegExp(`${name} =\\s*'([^']+)'`).exec(source)[1], 'base64');
const TABLES = {
  cividis: { light: table('CIVIDIS'), dark: table('CIVIDIS') },
  diverging: { light: table('BLUE_OCHRE_LIGHT'), dark: table('BLUE_OCHRE_DARK') },
};
const MASKED = { light: [228, 225, 219], dark: [48, 46, 42] };
const NOT_A_NUMBER = [255, 0, 184];

/** The colour of a value on a scale [first, last colour's value]; of a masked cell when `value` is null. */
export function colour(value, theme = 'light', { scale: [lo, hi] = [0, 1], palette = 'cividis' } = {}) {
  if (value === null) return MASKED[theme];
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  const entries = TABLES[palette][theme];
  const last = entries.length / 3 - 1;
  const entry = Math.floor(Math.min(last, Math.max(0, ((value - lo) / (hi - lo)) * last)) + 0.5);
  return [...entries.subarray(entry * 3, entry * 3 + 3)];
}

/** The largest difference of a channel between pixels and what [rows, cols] values must look like, with where. */
export function worstOf(pixels, values, cols, theme = 'light', how = {}) {
  let worst = { by: 0, row: -1, col: -1 };
  for (let i = 0; i < values.length; i++) {
    const by = Math.max(...colour(values[i], theme, how).map((c, k) => Math.abs(c - pixels[i][k])));
    if (by > worst.by) worst = { by, row: Math.floor(i / cols), col: i % cols };
  }
  return worst;
}

/** The same of a pattern [n, n] under the causal mask. */
export const worstPixel = (pixels, pattern, n, theme = 'light') => worstOf(pixels, causal(pattern, n), n, theme);

/** [n, n] values, null where a source comes after its destination. */
export const causal = (values, n) => Array.from(values, (value, i) => (i % n > Math.floor(i / n) ? null : value));

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** The ends of a scale that follows its values: zero, or as far below it, to the next round number above the largest. */
export function endsOf(values, signed) {
  const largest = values.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 0);
  if (largest === 0) return signed ? [-1, 1] : [0, 1];
  const unit = 10 ** Math.floor(Math.log10(largest));
  const end = Number((ROUND.find((m) => m * unit >= largest * 0.999999) * unit).toPrecision(6));
  return signed ? [-end, end] : [0, end];
}
