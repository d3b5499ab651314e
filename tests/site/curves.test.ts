/** Curves as shapes: where they stand, and what is not there yet. */
import { layoutCurves, type Shape } from '../../site/src/ui/curvesLayout';
import type { CurvesData } from '../../site/src/ui/data';

const X = [-2, -1, 0, 1, 2];
const table = { kind: 'matrix', title: '', conventions: [], rows: 0, cols: 0, values: new Float32Array(0), rowLabels: [], colLabels: [], palette: 'cividis', scale: [0, 1], scaleLabel: '' } as const;
const data = (values: number[], more: Partial<CurvesData> = {}): CurvesData => ({
  kind: 'curves', title: 't', conventions: [], x: X, table, zones: [],
  panels: [{ title: 'up', share: 1, curves: [{ look: 'main', values, name: 'steered' }, { look: 'dashed', values: values.map((v) => v / 2), name: 'frozen' }] }],
  ...more,
});
const paths = (shapes: readonly Shape[], look: string) => shapes.flatMap((shape) => (shape.kind === 'path' && shape.look === look ? [shape.d] : []));
const texts = (shapes: readonly Shape[]) => shapes.flatMap((shape) => (shape.kind === 'text' ? [shape] : []));

describe('curves', () => {
  it('a place and what stands there are each other’s inverse', () => {
    const { place, at, left, right } = layoutCurves(data([-2, -1, 0, 1, 2]), 600, 300);
    expect([place(-2), place(2)]).toEqual([left, right]);
    for (const x of [-2, -0.7, 0, 1.3]) expect(at(place(x))).toBeCloseTo(x, 10);
  });

  it('what is not there yet is a gap, not a zero', () => {
    const { shapes } = layoutCurves(data([-2, NaN, 0, 1, NaN]), 600, 300);
    const main = paths(shapes, 'main').at(-1) ?? ''; // behind the legend's
    expect(main.match(/[ML]/g)?.join('')).toBe('MML');
    expect(shapes.filter(({ kind }) => kind === 'dot')).toHaveLength(3);
    expect(layoutCurves(data(X.map(() => NaN)), 600, 300).shapes.filter(({ kind }) => kind === 'dot')).toEqual([]);
  });

  it('a known value has its mark where the scale has it, above all points too; one that is not known has none', () => {
    const values = [0, 1, 2, 3, 4];
    const marks = (known?: readonly number[], of = data(values)) => {
      const layout = layoutCurves(of, 600, 300, known);
      const ys = layout.shapes.flatMap((shape) => (shape.kind === 'dot' ? [shape.y] : []));
      return { mark: layout.marks[0] ?? null, ys, top: layout.rows[0]?.[0] ?? NaN };
    };
    const { mark, ys: [y0 = 0, y1 = 0] } = marks([2.5]);
    expect(mark).toBeCloseTo(y0 + 2.5 * (y1 - y0), 8);
    const over = marks([9]);
    expect(over.mark).toBeLessThan(over.ys[4] ?? 0);
    expect(over.mark).toBeGreaterThan(over.top);
    expect(marks().mark).toBeNaN();
    expect(marks([NaN]).ys).toEqual(marks().ys);
    expect(marks([1], data(values.map(() => NaN))).mark).toBeNull(); // without a scale
  });

  it('of a logarithm, too', () => {
    const panel = { title: 'perplexity', share: 1, log: true, curves: [{ look: 'main', values: [1000, 10, 10, 10, 1000] }] } as const;
    const { shapes, marks } = layoutCurves(data([], { panels: [panel] }), 600, 300, [100]);
    const [y0 = 0, y1 = 0] = shapes.flatMap((shape) => (shape.kind === 'dot' ? [shape.y] : []));
    expect(marks[0]).toBeCloseTo((y0 + y1) / 2, 8);
  });

  it.each([320, 358, 548, 760])('names stand over the panels, each beside its line and on no other, %i pixels wide', (width) => {
    const curves = [
      { look: 'main', values: [1, 2, 3, 4, 5], name: 'steered' }, { look: 'single', values: [1, 2, 3, 4, 5], name: 'each of its texts' },
      { look: 'dashed', values: [1, 1, 1, 1, 1], name: 'attention frozen' }, { look: 'band', values: [0, 0, 0, 0, 0], upTo: [1, 1, 1, 1, 1], name: '8 random directions, range and mean' },
    ] as const;
    const panel = { title: 'effect, log-odds of one set of tokens', share: 1, curves, limit: { value: 4, says: '10 × the unsteered texts’ 16.6: collapse' } };
    const { shapes, rows } = layoutCurves(data([], { panels: [panel, panel], zones: [{ from: -2, to: -1, says: 'collapse' }] }), width, 420);
    const inner = texts(shapes).filter(({ anchor }) => anchor !== 'end');
    for (const name of curves.map((curve) => curve.name)) expect(inner.filter(({ words }) => words === name)).toHaveLength(1);
    const boxes = inner.map(({ x, y, words, anchor }) => {
      const long = words.length * 6;
      return { words, from: anchor === 'middle' ? x - long / 2 : x, to: anchor === 'middle' ? x + long / 2 : x + long, y };
    });
    for (const { words, from, to, y } of boxes) {
      expect(from).toBeGreaterThanOrEqual(0);
      expect(to).toBeLessThanOrEqual(width);
      for (const [top, bottom] of rows) expect(y < top || y - 9 > bottom, `${words} is in no panel`).toBe(true);
      for (const other of boxes) if (other.words !== words && Math.abs(other.y - y) < 12) expect(other.from >= to || other.to <= from, `${words}, ${other.words}`).toBe(true);
    }
  });

  it('zones are hatched in every panel and named once, the limit has its words, a logarithm its decades', () => {
    const panel = { title: 'perplexity', share: 1, log: true, limit: { value: 60, says: 'too much' }, curves: [{ look: 'main', values: [100, 20, 6, 20, 100] }] } as const;
    const { shapes } = layoutCurves(data([0, 1, 2, 3, 4], { panels: [panel, { ...panel }], zones: [{ from: 1, to: 2, says: 'collapse' }] }), 600, 400);
    expect(paths(shapes, 'hatch')).toHaveLength(2);
    expect(paths(shapes, 'edge')).toHaveLength(2);
    const words = texts(shapes).map((shape) => shape.words);
    expect(words.filter((w) => w === 'collapse')).toHaveLength(1);
    expect(words.filter((w) => w === 'too much')).toHaveLength(2);
    for (const tick of ['10', '100']) expect(words).toContain(tick);
  });
});
