/** Lengths. CSS pixels come in and go out; every one of them is a whole number of device pixels. */

/** A picture's side never takes more device pixels than this: above it, memory and texture limits bite. */
const LONGEST_SIDE = 4096;

/** Ratios such as 1.1 and 1.25 meet whole CSS pixels this often at least. */
const MOST_SLACK = 10;

/** With so few rows a picture keeps cells one can read and scrolls; with more, seeing all of it comes first. */
const FEW_ROWS = 32;
const READABLE = 18;
const POINTABLE = 4;

/** The nearest whole number of device pixels, at least one, in CSS pixels. */
export function snap(cssPx: number, pixelRatio: number): number {
  return Math.max(1, Math.round(cssPx * pixelRatio)) / pixelRatio;
}

/** A canvas's side: at least `devicePx`, a whole number of device pixels and of CSS pixels as well, because some
 *  browsers place edges on the one and some on the other. What it is longer than the cells stays clear. */
export function canvasSide(devicePx: number, pixelRatio: number): { cssPx: number; devicePx: number } {
  const least = Math.ceil(devicePx / pixelRatio - 1e-6);
  for (let cssPx = least; cssPx < least + MOST_SLACK; cssPx++) {
    const exact = cssPx * pixelRatio;
    if (Math.abs(exact - Math.round(exact)) < 1e-3) return { cssPx, devicePx: Math.round(exact) };
  }
  return { cssPx: devicePx / pixelRatio, devicePx };
}

export interface Box {
  /** Room for the cells alone, without labels, in CSS pixels. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly rows: number;
  readonly cols: number;
  readonly pixelRatio: number;
}

/** The side of the largest square cell that fits, in CSS pixels; below the least useful side the picture scrolls. */
export function fitCell({ widthPx, heightPx, rows, cols, pixelRatio }: Box): number {
  const device = (cssPx: number) => Math.floor(cssPx * pixelRatio);
  const fits = Math.floor(Math.min(device(widthPx) / cols, device(heightPx) / rows));
  const least = device(Math.max(rows, cols) <= FEW_ROWS ? READABLE : POINTABLE);
  const most = Math.floor(LONGEST_SIDE / Math.max(rows, cols));
  return Math.max(1, Math.min(most, Math.max(fits, least))) / pixelRatio;
}

export interface Thumbnail {
  /** Cells a side: the tokens, or fewer where a token would get less than a device pixel. */
  readonly cells: number;
  /** Device pixels of one cell. */
  readonly cell: number;
}

/** A square thumbnail of at most `sidePx` CSS pixels. */
export function thumbnail(tokens: number, sidePx: number, pixelRatio: number): Thumbnail {
  const side = Math.floor(sidePx * pixelRatio);
  const cell = Math.floor(side / tokens);
  return cell >= 1 ? { cells: tokens, cell } : { cells: side, cell: 1 };
}
