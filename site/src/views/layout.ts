/** How the room of the Look bench is shared. One row is one thought: head, stream and loss share their rows. */
import type { Token } from '../engine/types';
import { fitCell } from '../gl/geometry';
import { label } from '../state/reading';

/** Width of a monospace character at 12 px, and what surrounds a row label. */
const CHAR_PX = 7.25;
const LABEL_PAD_PX = 12;

export const TITLE_PX = 28;
/** The line under the pictures, with some air. */
const NOTE_PX = 28;
const MOST_CELL_PX = 40;
/** With less room than this the predictions go below the pictures. */
const WRAPS_BELOW_PX = 920;
const GAP_PX = 36;
export const PREDICTIONS_GAP_PX = 36;
/** Where the list of predictions begins, under its title and subtitle. */
export const PREDICTIONS_FROM_PX = 56.5;
export const STREAM_GAP_PX = 18;
/** Room for the stream's title and colour bar. */
export const STREAM_LEAST_PX = 186;
const PREDICTIONS_PX = 232;
const LOSS_PX = 84;
const DEPTH_PX = { most: 66, least: 22 };

export interface Frame {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly pixelRatio: number;
  /** One column: everything under everything. */
  readonly narrow: boolean;
}

export interface Layout {
  readonly cell: number;
  readonly gutter: number;
  readonly head: number;
  /** How far the turned labels lean out to the right of the picture: the room to its neighbour. */
  readonly overhang: number;
  readonly depthWidth: number;
  readonly lossWidth: number;
  /** The predictions stand below, and no bracket leads to them. */
  readonly wrapped: boolean;
  readonly bracket: boolean;
}

export function layOut(frame: Frame, tokens: readonly Token[], nDepths: number, hasHeads: boolean): Layout {
  const longest = Math.max(...tokens.map((t, i) => [...label(t, i)].length));
  const gutter = Math.round(Math.min(frame.narrow ? 84 : 150, Math.max(48, longest * CHAR_PX + LABEL_PAD_PX)));
  // A label at -60 degrees is sin 60 of its length high and leans cos 60 of it to the right.
  const head = Math.round(Math.min(112, Math.max(72, longest * CHAR_PX * 0.87 + 16)));
  const overhang = frame.narrow ? 0 : Math.max(GAP_PX, Math.round(head * 0.58) - 4);
  const wrapped = !frame.narrow && frame.widthPx < WRAPS_BELOW_PX;
  const predictions = wrapped ? 0 : PREDICTIONS_PX + PREDICTIONS_GAP_PX;
  const beside = frame.narrow ? 0 : predictions + LOSS_PX + STREAM_GAP_PX + overhang;
  const streamLeast = frame.narrow ? 0 : Math.max(STREAM_LEAST_PX, Math.max(DEPTH_PX.least, Math.min(DEPTH_PX.most, 240 / nDepths)) * nDepths);
  const heightPx = Math.max(1, frame.heightPx - TITLE_PX - head - NOTE_PX);
  const cell = hasHeads
    ? fitCell({
        widthPx: Math.max(1, frame.widthPx - gutter - beside - streamLeast),
        heightPx: frame.narrow ? 1e6 : heightPx,
        rows: tokens.length,
        cols: tokens.length,
        pixelRatio: frame.pixelRatio,
      })
    : fitCell({ widthPx: 1e6, heightPx, rows: tokens.length, cols: 1, pixelRatio: frame.pixelRatio });
  const side = Math.min(MOST_CELL_PX, cell);
  const used = hasHeads ? gutter + side * tokens.length : gutter;
  const room = frame.narrow ? frame.widthPx - gutter - LOSS_PX : frame.widthPx - used - beside;
  const depthWidth = Math.floor(Math.max(DEPTH_PX.least, Math.min(DEPTH_PX.most, room / nDepths)));
  return { cell: side, gutter, head, overhang, depthWidth, lossWidth: LOSS_PX, wrapped, bracket: !wrapped && !frame.narrow };
}
