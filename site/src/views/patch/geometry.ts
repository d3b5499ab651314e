/** How the room of the maps is shared: columns are the prompts' tokens, in the strip above as well where they have room. */
import type { Token } from '../../engine/types';
import { glyphs } from '../../state/reading';

export interface Geometry {
  /** Room for the names of rows, of a column, for the bars of all positions; CSS pixels. */
  readonly gutter: number;
  readonly colPx: number;
  readonly rest: number;
  /** Room above the cells where the strip is not their heading. */
  readonly head: number;
  /** The strip's tokens stand over their columns. */
  readonly aligned: boolean;
  readonly narrow: boolean;
}

const CHAR_PX = 7.9;
/** Of a turned label, which leans by 60 degrees: a character, and how many its position takes. */
const TURNED_PX = 7.25;
const PLACE = 5;
const COL_PX = { least: 18, narrow: 11, strip: 34, most: 88 };

/** `beside`: what stands to the right of the maps takes this. */
export function share(widthPx: number, ratio: number, tokens: readonly Token[], beside = 140): Geometry {
  const narrow = widthPx < 640;
  const [gutter, rest] = narrow ? [96, 0] : [112, beside];
  const written = tokens.map((token, i) => [...glyphs(token, i)].length + PLACE);
  // The last label leans out over the last column.
  const lean = narrow ? Math.min(48, Math.max(0, (written.at(-1) ?? 0) * TURNED_PX * 0.5 - COL_PX.least / 2)) : 0;
  const room = (widthPx - gutter - rest - lean) / tokens.length;
  const colPx = Math.floor(Math.max(narrow ? COL_PX.narrow : COL_PX.least, Math.min(COL_PX.most, room)) * ratio) / ratio;
  const longest = Math.max(...written);
  return {
    gutter, colPx, rest, narrow, head: Math.min(96, Math.round(longest * TURNED_PX * 0.87 + 14)),
    aligned: !narrow && room >= COL_PX.strip && colPx >= Math.min(longest - PLACE, 7) * CHAR_PX,
  };
}

/** Heights of the rows of two maps in a box. */
export function rowHeights(heightPx: number, streamRows: number, headRows: number): readonly [stream: number, heads: number] {
  const room = heightPx - 156;
  const heads = Math.max(16, Math.min(20, Math.floor((room * 0.68) / Math.max(1, headRows))));
  return [Math.max(20, Math.min(36, Math.floor((room - heads * headRows) / Math.max(1, streamRows)))), heads];
}
