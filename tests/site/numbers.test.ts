import { correlationOf, deviation, full, share, slope, softmax, three, topIndices } from '../../site/src/state/numbers';
import { niceCeiling } from '../../site/src/ui/data';
import { glyphs } from '../../site/src/state/reading';
import { predictionRows, ranges } from '../../site/src/views/Predictions';
import { stretches } from '../../site/src/views/TextEditor';

const token = (text: string, bytes = new TextEncoder().encode(text)) => ({ id: 1, text, bytes, special: false });

describe('numbers as people read them', () => {
  it('three significant figures, a true minus, nothing rounded to a lie', () => {
    expect([0, 0.5, 12.345, 0.0123456, 9.999, 99.96, 1234.5, -2.5, 1e-9, 1e7, Number.NaN, Infinity, -Infinity].map(three)).toEqual(
      ['0', '0.500', '12.3', '0.0123', '10.0', '100', '1235', '\u22122.50', '1.00e\u22129', '1.00e+7', 'NaN', '\u221e', '\u2212\u221e'],
    );
    expect([0, 0.004, 0.005, 0.5, 0.994, 0.9951, 1].map(share)).toEqual(['0.00', '<0.01', '0.01', '0.50', '0.99', '>0.99', '1.00']);
  });

  it('the full value is all that a float32 says', () => {
    expect(Math.fround(Number(full(Math.fround(0.1))))).toBe(Math.fround(0.1));
    expect(Math.fround(Number(full(Math.fround(1 / 3))))).toBe(Math.fround(1 / 3));
  });

  it('softmax sums to one and survives large logits', () => {
    const p = softmax(Float32Array.of(1000, 999, -Infinity));
    expect(p[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
    expect(p[2]).toBe(0);
    expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });

  it('the largest come first, ties by place', () => {
    expect(topIndices([1, 3, 3, 2], 3)).toEqual([1, 2, 3]);
    expect(topIndices([1, 2], 5)).toEqual([1, 0]);
  });

  it('an axis ends on a round number at or above the value', () => {
    expect([0.03, 1, 1.2, 3.9, 4.1, 77].map(niceCeiling)).toEqual([0.03, 1, 1.5, 4, 5, 80]);
  });
});

describe('what stands in the views', () => {
  it('blank space and bytes that are no character are made visible', () => {
    expect(glyphs(token(' cat'))).toBe('\u2423cat');
    expect(glyphs(token('\n'))).toBe('\u21b5');
    expect(glyphs(token('\ufffd', Uint8Array.of(0xe2, 0x82)))).toBe('\\xe2\\x82');
  });

  it('both runs’ likeliest are shown, by the larger of the two', () => {
    const before = Float64Array.of(0.6, 0.3, 0.1, 0, 0);
    const now = Float64Array.of(0.1, 0.1, 0.1, 0.4, 0.3);
    expect(predictionRows(before, now, 4)).toEqual([0, 3, 1, 4]);
    expect(predictionRows(before, before, 3)).toEqual([0, 1, 2]);
  });

  it('positions are told as ranges', () => {
    expect(ranges([3, 4, 5, 9, 11, 12])).toBe('3\u20135, 9, 11\u201312');
  });

  it('a character split over tokens stays whole under the editor', () => {
    const euro = new TextEncoder().encode('\u20ac');
    const cut = stretches([token('a'), token('\ufffd', euro.slice(0, 2)), token('\ufffd', euro.slice(2)), token('b')]);
    expect(cut).toEqual(['a', '\u20ac', 'b']);
  });
});

describe('a correlation and a slope', () => {
  it('that are nearly 1 do not read as 1', () => {
    expect(correlationOf(0.9603)).toBe('0.960');
    expect(correlationOf(0.9972)).toBe('0.997');
    expect(correlationOf(0.99968)).toBe('0.9997');
    expect(correlationOf(-0.999996)).toBe('\u22120.999996');
    expect(correlationOf(1)).toBe('1');
  });

  it('beside how far a sample spreads', () => {
    expect(deviation([1, 2, 3])).toBeCloseTo(1);
    expect(deviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7));
  });

  it('is that of the line of least squares', () => {
    expect(slope([0, 1, 2], [1, 1.5, 2])).toBeCloseTo(0.5);
    expect(slope([0, 1, 2, 3], [0, 2, 1, 3])).toBeCloseTo(0.8);
    expect(slope([1, 1], [0, 2])).toBeNaN();
  });
});
