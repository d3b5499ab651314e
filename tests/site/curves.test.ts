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
    const { shapes, onCurves } = layoutCurves(data([-2, NaN, 0, 1, NaN]), 600, 300);
    const [main = ''] = paths(shapes, 'main');
    expect(main.match(/[ML]/g)?.join('')).toBe('MML');
    expect(shapes.filter(({ kind }) => kind === 'dot')).toHaveLength(3);
    expect(onCurves(-1.5)[0]).toBeNaN();
    expect(layoutCurves(data(X.map(() => NaN)), 600, 300).shapes.filter(({ kind }) => kind === 'dot')).toEqual([]);
  });

  it('between two points the curve is their line, and beyond its ends their end', () => {
    const { onCurves } = layoutCurves(data([0, 1, 2, 3, 4]), 600, 300);
    const [low = 0, middle = 0, high = 0] = [-1, -0.5, 0].map((x) => onCurves(x)[0] ?? NaN);
    expect(middle).toBeCloseTo((low + high) / 2, 8);
    expect(onCurves(9)).toEqual(onCurves(2));
  });

  it('names stand inside the panel and on no curve', () => {
    const values = [-2, -1.5, 0, 1.5, 2];
    const { shapes, left, right, onCurves, at } = layoutCurves(data(values), 600, 300);
    const names = texts(shapes).filter(({ words }) => /steered|frozen/.test(words));
    expect(names).toHaveLength(2);
    for (const { x, y, words } of names) {
      expect(x - words.length * 3).toBeGreaterThan(left);
      expect(x + words.length * 3).toBeLessThan(right);
      expect(Math.abs((onCurves(at(x))[0] ?? 0) - (y - 4))).toBeGreaterThan(5);
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
