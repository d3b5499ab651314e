/** What a picture is, for both painters: matrices of equal shape placed on one canvas, in device pixels. */
import type { Palette, Scale, Theme } from './palette.ts';

/** One matrix [rows, cols], row-major from `offset`. Compared by identity: new numbers come as a new array. */
export interface Matrix {
  readonly values: Float32Array;
  readonly offset: number;
  /** Where its top left corner stands on the canvas, in device pixels. */
  readonly x: number;
  readonly y: number;
}

/** All lengths are whole device pixels: that is what makes cells crisp at any pixel ratio. */
export interface Picture {
  readonly matrices: readonly Matrix[];
  readonly rows: number;
  readonly cols: number;
  readonly width: number;
  readonly height: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Left clear at each cell's right and bottom edge; the ground shows through. */
  readonly gap: number;
  /** Cells with column > row are masked: grey, whatever value they hold. */
  readonly causal: boolean;
  readonly scale: Scale;
  readonly palette: Palette;
  readonly theme: Theme;
}

/** Whether b can be drawn from the texture that holds a. */
export function sameData(a: Picture, b: Picture): boolean {
  return (
    a.rows === b.rows &&
    a.cols === b.cols &&
    a.matrices.length === b.matrices.length &&
    a.matrices.every((matrix, i) => {
      const other = b.matrices[i];
      return matrix.values === other?.values && matrix.offset === other.offset;
    })
  );
}

/** Whether b would draw the pixels that a has drawn. */
export function samePixels(a: Picture, b: Picture): boolean {
  return (
    sameData(a, b) &&
    a.width === b.width &&
    a.height === b.height &&
    a.cellWidth === b.cellWidth &&
    a.cellHeight === b.cellHeight &&
    a.gap === b.gap &&
    a.causal === b.causal &&
    a.scale[0] === b.scale[0] &&
    a.scale[1] === b.scale[1] &&
    a.palette === b.palette &&
    a.theme === b.theme &&
    a.matrices.every(({ x, y }, i) => x === b.matrices[i]?.x && y === b.matrices[i]?.y)
  );
}
