/** The same picture without WebGL, from the same tables: the fallback, and the oracle of the pixel tests. */
import { entryFor, entryOf, maskedColor, nanColor, paletteTable, type Rgb } from './palette.ts';
import type { Picture } from './picture.ts';

export function paint(context: CanvasRenderingContext2D, picture: Picture): void {
  const { matrices, rows, cols, cellWidth, cellHeight, gap, causal } = picture;
  context.clearRect(0, 0, picture.width, picture.height);
  if (rows === 0 || cols === 0) return;
  // Whole pixels as one 32-bit word each, in whatever byte order the table has in memory.
  const table = new Uint32Array(paletteTable(picture.palette, picture.theme).buffer);
  const masked = word(maskedColor(picture.theme));
  const nan = word(nanColor);
  const entry = entryOf(picture.scale, picture.palette);

  const image = context.createImageData(cols * cellWidth, rows * cellHeight);
  const pixels = new Uint32Array(image.data.buffer);
  const line = cols * cellWidth;
  for (const { values, offset, x, y } of matrices) {
    for (let row = 0; row < rows; row++) {
      const top = row * cellHeight * line;
      for (let col = 0; col < cols; col++) {
        const value = values[offset + row * cols + col] ?? Number.NaN;
        const color =
          causal && col > row ? masked : Number.isNaN(value) ? nan : table[entryFor(value, entry)];
        const left = top + col * cellWidth;
        pixels.fill(color ?? nan, left, left + cellWidth - gap);
      }
      for (let below = 1; below < cellHeight - gap; below++) {
        pixels.copyWithin(top + below * line, top, top + line);
      }
    }
    context.putImageData(image, x, y);
  }
}

function word([red, green, blue]: Rgb): number {
  return new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer)[0] ?? 0;
}
