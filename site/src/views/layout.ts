/** How the room of the Look bench is shared. One row is one thought: head, stream and loss share their rows. */
import type { Token } from '../engine/types';
import { fitCell } from '../gl/geometry';
import { glyphs, label } from '../state/reading';

/** Width of a monospace character at 12 px, and what surrounds a row label. */
const CHAR_PX = 7.25;
const LABEL_PAD_PX = 12;

export const TITLE_PX = 28;
/** The line under the pictures, with some air. */
const NOTE_PX = 28;
const GAP_PX = 36;
export const PREDICTIONS_GAP_PX = 32;
/** Where the list of predictions begins, under its title and subtitle. */
export const PREDICTIONS_FROM_PX = 56.5;
export const STREAM_GAP_PX = 18;
/** Room for the stream's title and colour bar. */
const STREAM_LEAST_PX = 186;
const PREDICTIONS_PX = 204;
const LOSS_PX = 100;
/** A text that would not fit with wide labels and legends is given narrow ones before its cells lose a pixel. */
const TIGHT = { gutter: 84, head: 84, stream: 148, loss: 92, predictions: 188 };
/** A table twin needs more than its picture. */
const TABLE_PX = { stream: 264, loss: 160 };
const DEPTH_PX = { most: 66, useful: 56, least: 22 };

const MOST_CELL_PX = 40;
/** A short text keeps cells one can read; a long one is seen whole first, however small. */
const SHORT_TEXT = 32;
const READABLE_CELL_PX = 18;
const LEAST_CELL_PX = 2;
/** When even that is too wide. */
const TINY_CELL_PX = 1;

export interface Frame {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly pixelRatio: number;
  /** One column: everything under everything. */
  readonly narrow: boolean;
  /** Which of the pictures beside the head are open as tables. */
  readonly tables: { readonly stream: boolean; readonly loss: boolean };
}

export interface Layout {
  readonly cell: number;
  readonly gutter: number;
  readonly head: number;
  /** How far the turned labels lean out to the right of the picture: the room to its neighbour. */
  readonly overhang: number;
  readonly depthWidth: number;
  readonly streamWidth: number;
  readonly lossWidth: number;
  /** Stream and loss stand below the head, with labels of their own. */
  readonly stacked: boolean;
  /** The predictions stand below, and no bracket leads to them. */
  readonly wrapped: boolean;
  readonly bracket: boolean;
}

export function layOut(frame: Frame, tokens: readonly Token[], nDepths: number, hasHeads: boolean): Layout {
  const { narrow, widthPx, pixelRatio } = frame;
  const n = tokens.length;
  const longest = (text: (token: Token, i: number) => string) => Math.max(...tokens.map((t, i) => [...text(t, i)].length)) * CHAR_PX;
  const open = frame.tables;
  const share = (tight: boolean) => {
    const gutter = Math.round(Math.min(narrow ? 84 : tight ? TIGHT.gutter : 132, Math.max(48, longest(label) + LABEL_PAD_PX)));
    // A label at -60 degrees is sin 60 of its length high and leans cos 60 of it to the right.
    const head = Math.round(Math.min(tight ? TIGHT.head : 112, Math.max(narrow ? 56 : 76, longest(narrow ? glyphs : label) * 0.87 + 16)));
    const overhang = narrow ? 0 : Math.max(GAP_PX, Math.round(head * 0.58) - 4);
    const wanted = Math.max(tight ? TIGHT.stream : STREAM_LEAST_PX, Math.max(DEPTH_PX.least, Math.min(tight ? 0 : DEPTH_PX.useful, 240 / nDepths)) * nDepths);
    const stream = narrow ? 0 : open.stream ? Math.max(wanted, TABLE_PX.stream) : wanted;
    const loss = open.loss ? TABLE_PX.loss : tight ? TIGHT.loss : LOSS_PX;
    const pictures = narrow ? 0 : overhang + stream + STREAM_GAP_PX + loss;
    const predictions = PREDICTIONS_GAP_PX + (tight ? TIGHT.predictions : PREDICTIONS_PX);
    return { gutter, head, overhang, stream, loss, pictures, predictions };
  };
  const needs = (s: ReturnType<typeof share>, cellPx: number) => s.gutter + (hasHeads ? cellPx * n : 0) + s.pictures + s.predictions;
  const long = n > SHORT_TEXT && !narrow;
  const ample = share(false);
  const shared = needs(ample, long ? LEAST_CELL_PX : READABLE_CELL_PX) > widthPx ? share(true) : ample;
  const { gutter, head, overhang, stream, loss, pictures, predictions } = shared;
  const least = !long ? READABLE_CELL_PX : needs(shared, LEAST_CELL_PX) > widthPx ? TINY_CELL_PX : LEAST_CELL_PX;
  const wrapped = !narrow && needs(shared, least) > widthPx;
  const stacked = wrapped && (open.stream || open.loss) && gutter + least * n + pictures > widthPx;
  const beside = stacked ? 0 : pictures + (narrow || wrapped ? 0 : predictions);

  const room = {
    widthPx: hasHeads ? Math.max(1, widthPx - gutter - beside) : MOST_CELL_PX * n,
    heightPx: narrow ? MOST_CELL_PX * n : Math.max(1, frame.heightPx - TITLE_PX - head - NOTE_PX),
  };
  const whole = Math.floor((Math.min(room.widthPx, room.heightPx) * pixelRatio) / n) / pixelRatio;
  const fits = n <= SHORT_TEXT ? fitCell({ ...room, rows: n, cols: n, pixelRatio }) : Math.max(narrow ? LEAST_CELL_PX : least, whole);
  const cell = Math.min(MOST_CELL_PX, fits);

  const free = narrow || stacked ? widthPx - gutter - loss : widthPx - gutter - (hasHeads ? cell * n : 0) - (beside - stream);
  const depthWidth = Math.floor(Math.max(DEPTH_PX.least, Math.min(DEPTH_PX.most, free / nDepths)));
  const streamWidth = Math.max(stream, depthWidth * nDepths);
  return { cell, gutter, head, overhang, depthWidth, streamWidth, lossWidth: loss, wrapped, stacked, bracket: !wrapped && !narrow };
}
