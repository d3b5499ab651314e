/** Which cell: under a pointer, after a key, the largest of its row; and where labels go. No DOM. */

/** A row, a column, or the cell where both meet. */
export interface Lit {
  readonly row: number | null;
  readonly col: number | null;
  /** The whole row and the whole column of one token are meant, not the cell where they cross. */
  readonly whole?: boolean;
}

export interface Cell {
  readonly row: number;
  readonly col: number;
}

/** A matrix as a picture shows it. */
export interface Shown {
  /** [rows, cols] from `offset`. Compared by identity: new numbers come as a new array. */
  readonly values: Float32Array;
  readonly offset?: number;
  readonly rows: number;
  readonly cols: number;
  /** Counts: written as they are. */
  readonly integers?: boolean;
  /** Cells with column > row are masked, and cannot be pointed at. */
  readonly causal?: boolean;
  /** What has no number, by what it is: "–", empty in a file; the conventions say why. */
  readonly absent?: (row: number, col: number) => boolean;
}

export function sameLit(a: Lit | null, b: Lit | null): boolean {
  return a?.row === b?.row && a?.col === b?.col && !a?.whole === !b?.whole;
}

/** How many cells of a row can be pointed at. */
export function openCols({ cols, causal }: Shown, row: number): number {
  return causal ? Math.min(cols, row + 1) : cols;
}

export function valueAt({ values, offset = 0, cols }: Shown, row: number, col: number): number {
  return values[offset + row * cols + col] ?? Number.NaN;
}

/** Whether there is a number at all, be it NaN. */
export const hasNumber = (shown: Shown, row: number, col: number): boolean => col < openCols(shown, row) && !shown.absent?.(row, col);

/** The column of the largest value of a row; the first of equals. */
export function maxOfRow(shown: Shown, row: number): number {
  let best = 0;
  for (let col = 1; col < openCols(shown, row); col++) {
    if (valueAt(shown, row, col) > valueAt(shown, row, best)) best = col;
  }
  return best;
}

/** The columns of a row's largest values by size, largest first; NaN last. */
export function topOfRow(shown: Shown, row: number, count: number): number[] {
  const sortable = (col: number) => {
    const value = valueAt(shown, row, col);
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : Math.abs(value);
  };
  return Array.from({ length: openCols(shown, row) }, (_, col) => col)
    .sort((a, b) => sortable(b) - sortable(a) || a - b)
    .slice(0, count);
}

export interface Lengths {
  readonly cellWidth: number;
  readonly cellHeight: number;
}

/** 1 / tan 60 degrees: how far a turned label leans to the right per pixel of height. */
const LEAN = 0.577;
const TURNED_FROM = 10;

/** What stands at a point, in CSS pixels from the cells' top left corner; the labels count for their row or column. */
export function litAt(
  shown: Shown, { cellWidth, cellHeight }: Lengths, x: number, y: number, turned: boolean,
): Lit | null {
  const row = Math.floor(y / cellHeight);
  const col = Math.floor(x / cellWidth);
  if (y < 0) {
    const leant = turned ? Math.floor((x + (y + TURNED_FROM) * LEAN) / cellWidth) : col;
    return leant >= 0 && leant < shown.cols ? { row: null, col: leant } : null;
  }
  if (row >= shown.rows) return null;
  if (x < 0) return { row, col: null };
  return col < openCols(shown, row) ? { row, col } : null;
}

const PAGE_ROWS = 10;

/** The cell that a key leads to; null if the key is not one that moves. */
export function moved(shown: Shown, { row, col }: Cell, key: string, ctrl: boolean): Cell | null {
  const at = (toRow: number, toCol: number): Cell => {
    const r = Math.max(0, Math.min(shown.rows - 1, toRow));
    return { row: r, col: Math.max(0, Math.min(openCols(shown, r) - 1, toCol)) };
  };
  const last = Number.MAX_SAFE_INTEGER;
  switch (key) {
    case 'ArrowUp': return at(row - 1, col);
    case 'ArrowDown': return at(row + 1, col);
    case 'ArrowLeft': return at(row, col - 1);
    case 'ArrowRight': return at(row, col + 1);
    case 'PageUp': return at(row - PAGE_ROWS, col);
    case 'PageDown': return at(row + PAGE_ROWS, col);
    case 'Home': return ctrl ? at(0, 0) : at(row, 0);
    case 'End': return ctrl ? at(last, last) : at(row, last);
    case 'm':
    case 'M': return ctrl ? null : at(row, maxOfRow(shown, row));
    default: return null;
  }
}

/** Labels need this many CSS pixels each. */
export const LABEL_PITCH_PX = 14;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** Every how many cells a label stands. */
export function labelStep(cellPx: number): number {
  return STEPS.find((step) => step * cellPx >= LABEL_PITCH_PX) ?? 1000;
}

/** The standing labels that a lit label between them would run into. */
export function crowded(index: number, cellPx: number): number[] {
  const step = labelStep(cellPx);
  const before = Math.floor(index / step) * step;
  return [before, before + step].filter((i) => i !== index && Math.abs(i - index) * cellPx < LABEL_PITCH_PX);
}

/** A character of the 12 px monospace; widths differ by less than a tenth between the fonts of --mono. */
export const CHAR_PX = 7.22;

/** Cut to the room there is, with an ellipsis; at least one character is kept. */
export function clip(text: string, roomPx: number): string {
  const most = Math.max(2, Math.floor(roomPx / CHAR_PX));
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** Whether bar, ticks and title (w x h with its margins) fit in the masked corner without touching a cell. */
export function fitsCorner(shown: Shown, lengths: Lengths, widthPx: number, heightPx: number): boolean {
  if (!shown.causal) return false;
  const left = shown.cols * lengths.cellWidth - widthPx;
  const lastRow = Math.ceil(heightPx / lengths.cellHeight);
  return left >= lastRow * lengths.cellWidth && lastRow < shown.rows;
}
