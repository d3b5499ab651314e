// cividis by the page's own table, looked up by the documented rule: what a pixel of a value must be.

import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('../../../site/src/gl/palettes.gen.ts', import.meta.url), 'utf8');
const table = Buffer.from(/CIVIDIS\s*=\s*'([^']+)'/.exec(source)[1], 'base64');
const MASKED = { light: [228, 225, 219], dark: [48, 46, 42] };

/** The colour of a weight between 0 and 1; of a masked cell when `value` is null. */
export function colour(value, theme = 'light') {
  if (value === null) return MASKED[theme];
  const entry = Math.floor(Math.min(255, Math.max(0, value * 255)) + 0.5);
  return [...table.subarray(entry * 3, entry * 3 + 3)];
}

/** The largest difference of a channel between pixels and the pattern [n, n] under the causal mask, with where. */
export function worstPixel(pixels, pattern, n, theme = 'light') {
  let worst = { by: 0, row: -1, col: -1 };
  for (let row = 0; row < n; row++)
    for (let col = 0; col < n; col++) {
      const want = colour(col > row ? null : pattern[row * n + col], theme);
      const by = Math.max(...want.map((c, i) => Math.abs(c - pixels[row * n + col][i])));
      if (by > worst.by) worst = { by, row, col };
    }
  return worst;
}
