/** Value -> colour. The one place that says it: both painters, the contrast of text and the tests read it. */
import { BLUE_OCHRE_DARK, BLUE_OCHRE_LIGHT, CIVIDIS, MASKED, NOT_A_NUMBER } from './palettes.gen.ts';

export type Theme = 'light' | 'dark';

/** cividis is the same in both themes; the diverging one (+ blue, - ochre) has its zero on the theme's ground. */
export type Palette = 'cividis' | 'diverging';

/** The values that get the first and the last colour, in either order; what lies outside is clamped. */
export type Scale = readonly [lo: number, hi: number];

export type Rgb = readonly [red: number, green: number, blue: number];

/** The diverging table has an odd number of steps, so that zero falls on one entry and not between two. */
const LAST_ENTRY: Record<Palette, number> = { cividis: 255, diverging: 254 };

const tables = new Map<string, Uint8ClampedArray<ArrayBuffer>>();

/** 256 RGBA entries. The same object for the same arguments. */
export function paletteTable(palette: Palette, theme: Theme): Uint8ClampedArray<ArrayBuffer> {
  const packed =
    palette === 'cividis' ? CIVIDIS : theme === 'light' ? BLUE_OCHRE_LIGHT : BLUE_OCHRE_DARK;
  let table = tables.get(packed);
  if (!table) {
    table = unpack(packed);
    tables.set(packed, table);
  }
  return table;
}

/** Three bytes an entry, in base64; a table shorter than 256 repeats its last entry. */
function unpack(packed: string): Uint8ClampedArray<ArrayBuffer> {
  const bytes = atob(packed);
  const last = bytes.length / 3 - 1;
  const table = new Uint8ClampedArray(256 * 4).fill(255);
  for (let entry = 0; entry < 256; entry++) {
    for (let channel = 0; channel < 3; channel++) {
      table[entry * 4 + channel] = bytes.charCodeAt(Math.min(entry, last) * 3 + channel);
    }
  }
  return table;
}

/** What the shader and the CPU both compute: entry = floor((value - lo) * steps + 0.5), within 0 and last. */
export interface EntryOf {
  readonly lo: number;
  readonly steps: number;
  readonly last: number;
}

/** A scale without extent (all values equal) still draws: its one value is the sequential start or the neutral. */
export function entryOf([lo, hi]: Scale, palette: Palette): EntryOf {
  const last = LAST_ENTRY[palette];
  if (hi !== lo) return { lo: Math.fround(lo), steps: Math.fround(last / (hi - lo)), last };
  return { lo: Math.fround(palette === 'cividis' ? lo : lo - 1), steps: last / 2, last };
}

/** Rounded to f32 where the shader is, so that both choose the same entry. NaN in, NaN out. */
export function entryFor(value: number, { lo, steps, last }: EntryOf): number {
  const place = Math.fround(Math.fround(value - lo) * steps);
  return Math.floor(Math.min(last, Math.max(0, place)) + 0.5);
}

/** The colour of one value that is not masked. */
export function colorOf(value: number, scale: Scale, palette: Palette, theme: Theme = 'light'): Rgb {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  const table = paletteTable(palette, theme);
  const at = entryFor(value, entryOf(scale, palette)) * 4;
  return [table[at] ?? 0, table[at + 1] ?? 0, table[at + 2] ?? 0];
}

export function maskedColor(theme: Theme): Rgb {
  return MASKED[theme];
}

export const nanColor: Rgb = NOT_A_NUMBER;

/** Relative luminance of WCAG 2. */
export function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number]; // map keeps the length of a tuple; its type does not
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Text on a cell: 'dark' (black) or 'light' (white), whichever contrasts more. Equal at 0.179: 4.58:1. */
export function inkOn(color: Rgb): 'dark' | 'light' {
  return luminance(color) > 0.179 ? 'dark' : 'light';
}
