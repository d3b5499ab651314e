import { clip, fitsCorner, labelStep, litAt, maxOfRow, moved, topOfRow } from '../../site/src/ui/HeatmapCells';
import { toCsv } from '../../site/src/ui/HeatmapCsv';
import { fullValue, threeFigures } from '../../site/src/ui/HeatmapNumbers';
import { placesFor } from '../../site/src/ui/HeadGridPlaces';

const square = (size: number, causal: boolean, values = new Float32Array(size * size)) => ({ values, rows: size, cols: size, causal });
const lengths = { cellWidth: 25, cellHeight: 25 };

describe('what stands at a point', () => {
  it('a cell, a row by its label, a column by its turned label, nothing where masked or outside', () => {
    const shown = square(16, true);
    expect(litAt(shown, lengths, 5 * 25 + 1, 12 * 25 + 24, true)).toEqual({ row: 12, col: 5 });
    expect(litAt(shown, lengths, -30, 12 * 25 + 3, true)).toEqual({ row: 12, col: null });
    expect(litAt(shown, lengths, 13 * 25 + 1, 12 * 25 + 1, true)).toBeNull();
    expect(litAt(shown, lengths, 20, 16 * 25 + 1, true)).toBeNull();
    expect(litAt(square(16, false), lengths, 400, 20, true)).toBeNull();
    // 60 px up, a label has leant 29 px: over the next column stands the name of this one.
    expect(litAt(shown, lengths, 5 * 25 + 12 + 29, -60, true)).toEqual({ row: null, col: 5 });
    expect(litAt(shown, lengths, 5 * 25 + 12, -60, false)).toEqual({ row: null, col: 5 });
  });
});

describe('keys', () => {
  it('stay in the matrix and below its diagonal', () => {
    const shown = square(16, true);
    expect(moved(shown, { row: 3, col: 3 }, 'ArrowRight', false)).toEqual({ row: 3, col: 3 });
    expect(moved(shown, { row: 3, col: 3 }, 'ArrowUp', false)).toEqual({ row: 2, col: 2 });
    expect(moved(shown, { row: 0, col: 0 }, 'ArrowLeft', false)).toEqual({ row: 0, col: 0 });
    expect(moved(shown, { row: 3, col: 2 }, 'PageDown', false)).toEqual({ row: 13, col: 2 });
    expect(moved(shown, { row: 13, col: 12 }, 'PageUp', false)).toEqual({ row: 3, col: 3 });
    expect(moved(shown, { row: 3, col: 2 }, 'End', true)).toEqual({ row: 15, col: 15 });
    expect(moved(shown, { row: 3, col: 2 }, 'x', false)).toBeNull();
  });

  it('M finds the largest of the row that is not masked', () => {
    const values = new Float32Array([0, 9, 9, 1, 2, 9, 3, 1, 2]);
    expect(moved(square(3, true, values), { row: 1, col: 0 }, 'm', false)).toEqual({ row: 1, col: 1 });
    expect(maxOfRow(square(3, false, values), 1)).toBe(2);
    expect(topOfRow(square(3, true, new Float32Array([0, 0, 0, 0, 0, 0, 1, Number.NaN, 2])), 2, 3)).toEqual([2, 0, 1]);
  });
});

describe('labels', () => {
  it('thin to every 2nd, 5th, 10th below 14 px', () => {
    expect([25, 14, 13, 7, 6, 3, 2, 1.4, 1].map(labelStep)).toEqual([1, 1, 2, 2, 5, 5, 10, 10, 20]);
  });

  it('are cut to the room there is', () => {
    expect(clip('␣the', 72)).toBe('␣the');
    expect(clip('␣incomprehensible', 72)).toBe('␣incompr…');
  });

  it('the colour bar keeps out of the data', () => {
    expect(fitsCorner(square(16, true), lengths, 154, 98)).toBe(true);
    expect(fitsCorner(square(16, false), lengths, 154, 98)).toBe(false);
    expect(fitsCorner(square(8, true), lengths, 154, 98)).toBe(false);
    expect(fitsCorner(square(16, true), { cellWidth: 18, cellHeight: 18 }, 126, 60)).toBe(true);
  });
});

describe('numbers', () => {
  it('three figures with a true minus', () => {
    expect([0.92, 5.34159, -0.2, 12.34, 999.4, 999.6, 12345, 0, -0, 2.4e-7, 0.0548, Number.NaN, -Infinity].map(threeFigures)).toEqual(
      ['0.920', '5.34', '−0.200', '12.3', '999', '1000', '12345', '0', '0', '2.40e−7', '0.0548', 'NaN', '−∞'],
    );
  });

  it('the full value is the shortest decimal that reads back as the same float', () => {
    expect(fullValue(Math.fround(0.87))).toBe('0.87');
    for (const value of [1 / 3, 1e-30, 16777217, 3.4e38, -1.17e-38, 1e-45].map(Math.fround)) {
      expect(Math.fround(Number(fullValue(value)))).toBe(value);
    }
  });
});

describe('CSV', () => {
  it('is what the picture shows: labels quoted where they must be, masked cells empty', () => {
    const shown = square(2, true, new Float32Array([1, 0.5, 0.25, 0.75]));
    const labels = [{ text: 'a,"b"', note: '(0)' }, { text: '↵' }];
    expect(toCsv(shown, labels, labels)).toBe(',"a,""b"" (0)",↵\r\n"a,""b"" (0)",1,\r\n↵,0.25,0.75\r\n');
  });
});

describe('places of heads', () => {
  it('one row a layer where it fits, labels beside when there is room', () => {
    const places = placesFor('grid', 2, 8, 1056);
    expect(places).toMatchObject({ beside: true, slotWidth: 132, height: 120 });
    expect(places.place(1, 3)).toEqual({ left: 396, top: 60 });
  });

  it('many heads take several lines and never overlap', () => {
    const places = placesFor('grid', 12, 12, 700);
    const seen = new Set<string>();
    for (let layer = 0; layer < 12; layer++) {
      for (let head = 0; head < 12; head++) {
        const { left, top } = places.place(layer, head);
        expect(left + places.slotWidth).toBeLessThanOrEqual(700);
        expect(top + places.slotHeight).toBeLessThanOrEqual(places.height);
        seen.add(`${left} ${top}`);
      }
    }
    expect(seen.size).toBe(144);
  });

  it('the strip is one line', () => {
    expect(placesFor('strip', 2, 8, 374)).toMatchObject({ width: 16 * 71, height: 76 });
  });
});
