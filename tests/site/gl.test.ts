import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { canvasSide, fitCell, snap, thumbnail } from '../../site/src/gl/geometry';
import { colorOf, inkOn, luminance, maskedColor, nanColor, paletteTable, type Palette, type Theme } from '../../site/src/gl/palette';

const bytes = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

describe('colours', () => {
  it('the committed tables are what tools/palettes.mjs writes', () => {
    execFileSync(process.execPath, [fileURLToPath(new URL('../../tools/palettes.mjs', import.meta.url)), '--check']);
  });

  it('cividis runs from its dark blue to its yellow, alike in both themes', () => {
    expect(colorOf(0, [0, 1], 'cividis', 'light')).toEqual([0, 32, 81]);
    expect(colorOf(1, [0, 1], 'cividis', 'light')).toEqual([253, 234, 69]);
    expect(paletteTable('cividis', 'dark')).toBe(paletteTable('cividis', 'light'));
  });

  it.each([
    ['light', '#f0eee7', '#6e4a00', '#143f73'],
    ['dark', '#262420', '#f0cf86', '#a8cdf2'],
  ] as const)('%s: zero is the neutral colour itself, the ends are the last stops', (theme, zero, low, high) => {
    expect(colorOf(0, [-3, 3], 'diverging', theme)).toEqual(bytes(zero));
    expect(colorOf(-0, [-1e-9, 1e-9], 'diverging', theme)).toEqual(bytes(zero));
    expect(colorOf(-3, [-3, 3], 'diverging', theme)).toEqual(bytes(low));
    expect(colorOf(3, [-3, 3], 'diverging', theme)).toEqual(bytes(high));
  });

  it('clamps what lies outside, shows NaN as nothing else looks, and draws a scale without extent', () => {
    expect(colorOf(7, [0, 1], 'cividis')).toEqual(colorOf(1, [0, 1], 'cividis'));
    expect(colorOf(Number.NEGATIVE_INFINITY, [0, 1], 'cividis')).toEqual(colorOf(0, [0, 1], 'cividis'));
    expect(colorOf(Number.NaN, [0, 1], 'cividis')).toEqual(nanColor);
    expect(colorOf(5, [5, 5], 'cividis')).toEqual(colorOf(0, [0, 1], 'cividis'));
    expect(colorOf(0, [0, 0], 'diverging')).toEqual(colorOf(0, [-1, 1], 'diverging'));
  });

  it('runs from the last colour to the first where the scale does', () => {
    for (const rank of [0, 1, 4.5, 20, 21, 4000]) expect(colorOf(rank, [20, 0], 'cividis')).toEqual(colorOf(20 - rank, [0, 20], 'cividis'));
    expect(colorOf(0, [20, 0], 'cividis')).toEqual(colorOf(1, [0, 1], 'cividis'));
  });

  it('lightness never falls along cividis, and falls away from zero on both sides in the light theme', () => {
    const lightness = (palette: Palette, count: number) =>
      Array.from({ length: count }, (_, i) => {
        const at = i * 4;
        const table = paletteTable(palette, 'light');
        return luminance([table[at] ?? 0, table[at + 1] ?? 0, table[at + 2] ?? 0]);
      });
    const rises = (values: number[]) => values.every((value, i) => i === 0 || value >= (values[i - 1] ?? 0) - 2e-3);
    expect(rises(lightness('cividis', 256))).toBe(true);
    const diverging = lightness('diverging', 255);
    expect(rises(diverging.slice(0, 128))).toBe(true);
    expect(rises(diverging.slice(127).reverse())).toBe(true);
  });

  it('text on any cell reaches 4.5:1', () => {
    for (const palette of ['cividis', 'diverging'] as const) {
      for (const theme of ['light', 'dark'] as const satisfies readonly Theme[]) {
        for (let i = 0; i <= 1000; i++) {
          const color = colorOf(i / 500 - 1, [-1, 1], palette, theme);
          const ink = inkOn(color) === 'dark' ? 0 : 1;
          const [bright, dim] = [luminance(color), ink].sort((a, b) => b - a) as [number, number];
          expect((bright + 0.05) / (dim + 0.05)).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
    expect(maskedColor('light')).not.toEqual(maskedColor('dark'));
  });
});

describe('lengths', () => {
  it('cells are whole device pixels at every ratio', () => {
    for (const pixelRatio of [1, 1.1, 1.25, 1.5, 1.75, 2, 2.625, 3]) {
      for (const tokens of [1, 7, 16, 33, 100, 1024]) {
        const cell = fitCell({ widthPx: 410, heightPx: 405, rows: tokens, cols: tokens, pixelRatio });
        expect(cell * pixelRatio).toBeCloseTo(Math.round(cell * pixelRatio), 9);
        expect(cell * pixelRatio).toBeGreaterThanOrEqual(1);
        expect(snap(cell, pixelRatio)).toBeCloseTo(cell, 9);
        const side = canvasSide(Math.round(tokens * cell * pixelRatio), pixelRatio);
        expect(side.devicePx).toBeGreaterThanOrEqual(Math.round(tokens * cell * pixelRatio));
        expect(side.cssPx * pixelRatio).toBeCloseTo(side.devicePx, 2);
      }
    }
  });

  it('the cell is the largest that fits; few tokens keep 18 px and scroll, many are seen whole', () => {
    const box = { widthPx: 410, heightPx: 405, pixelRatio: 1 };
    expect(fitCell({ ...box, rows: 16, cols: 16 })).toBe(25);
    expect(fitCell({ ...box, rows: 30, cols: 30 })).toBe(18);
    expect(fitCell({ ...box, rows: 64, cols: 64 })).toBe(6);
    expect(fitCell({ ...box, rows: 256, cols: 256 })).toBe(4);
    expect(fitCell({ ...box, rows: 16, cols: 1 })).toBe(25);
  });

  it('a thumbnail has whole pixels a token, and is pooled only when there are more tokens than pixels', () => {
    expect(thumbnail(16, 48, 1)).toEqual({ cells: 16, cell: 3 });
    expect(thumbnail(16, 48, 2)).toEqual({ cells: 16, cell: 6 });
    expect(thumbnail(48, 48, 1)).toEqual({ cells: 48, cell: 1 });
    expect(thumbnail(49, 48, 1)).toEqual({ cells: 48, cell: 1 });
  });
});
