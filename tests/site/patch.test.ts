import type { ModelConfig } from '../../site/src/engine/types';
import {
  directSweep, headSweep, metricOf, nodesOf, ownAnswers, pairPart, pairProblem, patchEdit, placeAt, scoreOf, selectionOf, sourceSweep, streamSweep, type Place, type Sweep,
} from '../../site/src/state/patch';
import { NOTHING } from '../../site/src/state/selection';
import { gained } from '../../site/src/views/patch/cells';
import { layoutDrawing, type Spot } from '../../site/src/views/patch/drawing';
import { OPTIONS, VIEW } from '../../site/src/state/view';

const config = (attn_only: boolean) => ({ n_layers: 3, n_heads: 4, attn_only }) as ModelConfig;
const part = pairPart(VIEW, [{ clean: [0, 1, 2], corrupted: [0, 3, 2], correct: 7, wrong: 8 }]);

describe('a pair', () => {
  it('is asked about by its own predictions, or, where these are the same, by what differs most', () => {
    expect(ownAnswers(Float64Array.of(0.1, 0.7, 0.2), Float64Array.of(0.6, 0.3, 0.1))).toEqual({ answers: [1, 0], predicted: true });
    expect(ownAnswers(Float64Array.of(0.6, 0.3, 0.1), Float64Array.of(0.5, 0.1, 0.4))).toEqual({ answers: [1, 2], predicted: false });
  });

  it('has prompts of as many tokens that differ', () => {
    expect(pairProblem([1, 2], [1, 2, 3])).toMatch(/A has 2 tokens and B 3/);
    expect(pairProblem([1, 2], [1, 2])).toMatch(/the same/);
    expect(pairProblem([1, 2], [1, 3])).toBeNull();
  });

  it('names in its metric what that kind takes, and no more', () => {
    const metric = (kind: (typeof OPTIONS.metric)[number]) => pairPart({ direction: 'noise', metric: kind }, [{ clean: [1], corrupted: [2], correct: 7, wrong: 8 }]).metric;
    expect(metric('logit_diff')).toEqual({ kind: 'logit_diff', position: -1, correct: 7, wrong: 8 });
    expect(metric('log_prob')).toEqual({ kind: 'log_prob', position: -1, correct: 7 });
    expect(metric('rank')).toEqual({ kind: 'rank', position: -1, correct: 7 });
    expect(metric('kl')).toEqual({ kind: 'kl', position: -1 });
  });

  it('is one document with its set: several pairs, each with its own answers, which the metric does not name', () => {
    const pairs = [{ clean: [1, 2], corrupted: [3, 2], correct: 7, wrong: 8 }, { clean: [4, 2], corrupted: [5, 2], correct: 9, wrong: 7 }];
    for (const kind of OPTIONS.metric)
      expect(pairPart({ direction: 'noise', metric: kind }, pairs)).toEqual({ pairs, direction: 'noise', metric: { kind, position: -1 } });
    expect(pairPart({ direction: 'denoise', metric: 'rank' }, pairs.slice(0, 1))).toEqual({ clean: [1, 2], corrupted: [3, 2], direction: 'denoise', metric: { kind: 'rank', position: -1, correct: 7 } });
  });

  it('is one where a link says nothing of a set', () => {
    expect(VIEW.set).toBe('one');
  });
});

describe('what a patch gains', () => {
  it('has a sign: all the way is 1, away from the other run is below 0', () => {
    const base = { clean: 3, corrupted: -1 };
    expect([3, 1, -1, -2].map((metric) => gained(metric, base, 'denoise'))).toEqual([1, 0.5, 0, -0.25]);
    expect([-1, 1, 3, 4].map((metric) => gained(metric, base, 'noise') + 0)).toEqual([1, 0.5, 0, -0.25]);
  });

  it('is how far it moves, where both runs have the same metric', () => {
    expect([2, 0, 5].map((metric) => gained(metric, { clean: 2, corrupted: 2 }, 'noise'))).toEqual([0, 2, 3]);
  });
});

describe('a place', () => {
  const sweeps = (attn_only: boolean): readonly Sweep[] => {
    const of = { part, config: config(attn_only), n: 5 };
    return [streamSweep(of), ...OPTIONS.of.flatMap((what) => [headSweep(of, what, false), headSweep(of, what, true)]), sourceSweep(of, { layer: 2, head: 1 })];
  };

  it.each([true, false])('stands where it was pointed at, in every sweep (attention only: %s)', (attn_only) => {
    for (const sweep of sweeps(attn_only))
      for (let row = 0; row < sweep.rows; row++)
        for (let col = 0; col < sweep.cols; col++) {
          const place = sweep.place(row, col);
          expect(place && sweep.lit(place)).toEqual({ row, col });
        }
  });

  it.each([true, false])('numbers every cell of its reading once (attention only: %s)', (attn_only) => {
    for (const sweep of sweeps(attn_only)) {
      const indices = Array.from({ length: sweep.rows * sweep.cols }, (_, i) => sweep.index(Math.floor(i / sweep.cols), i % sweep.cols));
      expect([...indices].sort((a, b) => a - b)).toEqual(indices.map((_, i) => i));
    }
  });

  it('of a direct path is a pair of heads, the receiver later; where it is not there is no number', () => {
    const { rows, cols, sender, receiver, index, document } = directSweep(part, config(true), 'v');
    expect(document).toMatchObject({ what: 'direct_path', by: 'layer,head', receiver: 'v' });
    expect([rows, cols]).toEqual([8, 8]); // of three layers the first two send, the last two receive
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < cols; col++) {
        const [from, to] = [sender(row), receiver(col)];
        // [source layer, source head, layer, head]
        expect(index(row, col)).toBe(to.layer > from.layer ? ((from.layer * 4 + from.head) * 3 + to.layer) * 4 + to.head : -1);
      }
  });

  it.each([true, false])('comes back out of the selection (attention only: %s)', (attn_only) => {
    for (const sweep of sweeps(attn_only))
      for (let i = 0; i < sweep.rows * sweep.cols; i++) {
        const place = sweep.place(Math.floor(i / sweep.cols), i % sweep.cols) as Place;
        const { site, at } = selectionOf(place, config(attn_only));
        const view = { site, of: place.head === null ? 'z' : (place.site as 'z'), detail: place.source === null ? 'position' : 'source' } as const;
        expect(placeAt({ ...NOTHING, ...at }, view, config(attn_only))).toEqual(place);
      }
  });

  it('is an edit that takes from the other prompt', () => {
    const place: Place = { site: 'z', layer: 1, head: 3, position: 4, source: null };
    expect(patchEdit(place, 'denoise')).toEqual({ hook: 'blocks.1.attn.hook_z', heads: [3], positions: [4], op: 'patch', value: { run: 'A' } });
    expect(patchEdit({ ...place, position: null }, 'noise')).toEqual({ hook: 'blocks.1.attn.hook_z', heads: [3], op: 'patch', value: { run: 'B' } });
    expect(patchEdit({ site: 'pattern', layer: 0, head: 0, position: 3, source: 1 }, 'denoise')).toMatchObject({ positions: [3], sources: [1] });
    expect(patchEdit({ site: 'attn_out', layer: 2, head: null, position: 0, source: null }, 'denoise')).toEqual({ hook: 'blocks.2.hook_attn_out', positions: [0], op: 'patch', value: { run: 'A' } });
  });
});

describe('a metric', () => {
  const logits = Float32Array.of(1, 3, 3, 0);
  const clean = Float32Array.of(0, 2, 1, 0);
  const p = (row: Float32Array, id: number) => Math.exp(row[id] ?? 0) / row.reduce((sum, x) => sum + Math.exp(x), 0);

  it('of each kind is by its definition', () => {
    expect(metricOf('logit_diff', logits, clean, [1, 0])).toBe(2);
    expect(metricOf('log_prob', logits, clean, [2, 0])).toBeCloseTo(Math.log(p(logits, 2)), 12);
    // Of equals the lower id comes first, as in the core.
    expect(metricOf('rank', logits, clean, [1, 0])).toBe(0);
    expect(metricOf('rank', logits, clean, [2, 0])).toBe(1);
    const kl = [0, 1, 2, 3].reduce((sum, id) => sum + p(clean, id) * Math.log(p(clean, id) / p(logits, id)), 0);
    expect(metricOf('kl', logits, clean, [0, 0])).toBeCloseTo(kl, 12);
  });

  it('as a score is 0 where B is and 1 where A is', () => {
    expect([scoreOf(-3, 5, -3), scoreOf(5, 5, -3), scoreOf(1, 5, -3)]).toEqual([0, 1, 0.5]);
    expect(scoreOf(2, 2, 2)).toBeNaN();
  });
});

describe('the drawing of the model', () => {
  const shapes = [[2, 8, true, 720, 500], [2, 8, true, 330, 400], [4, 8, false, 720, 560], [4, 8, false, 330, 400], [3, 12, false, 640, 560], [3, 1, true, 330, 400]] as const;
  it.each(shapes)('of %i layers of %i heads (attention only: %s) in %i x %i: every line ends at its nodes and touches no other', (n_layers, n_heads, attn_only, width, height) => {
    const config = { n_layers, n_heads, attn_only } as ModelConfig;
    const { rows, radius, at, path } = layoutDrawing(config, width, height);
    const nodes = rows.flat();
    expect(nodes.map(({ node }) => node).sort()).toEqual(nodesOf(config).flat().sort());
    for (const a of nodes) {
      expect(a.x - a.half).toBeGreaterThanOrEqual(0);
      expect(a.x + a.half).toBeLessThanOrEqual(width);
    }
    const faults: string[] = [];
    const touches = (x: number, y: number, { x: cx, y: cy, half }: Spot) => Math.abs(x - cx) < half && Math.abs(y - cy) < radius;
    for (const a of nodes)
      for (const b of nodes.filter(({ row }) => row > a.row))
        for (const to of /^L/.test(b.node) ? ['q', 'k', 'v'].map((input) => `${b.node}.${input}`) : [b.node]) {
          const points = along(path(a.node, to));
          const [[x0, y0] = [0, 0], [x1, y1] = [0, 0]] = [points[0], points.at(-1)];
          if (x0 !== a.x || y0 !== a.y - radius || Math.abs(y1 - b.y - radius) > 1e-9 || Math.abs(x1 - b.x) >= b.half) faults.push(`${a.node} to ${to} ends elsewhere`);
          for (const other of nodes)
            if (other !== a && other !== b && points.some(([x, y]) => touches(x, y, other))) faults.push(`${a.node} to ${to} through ${other.node}`);
        }
    expect(faults).toEqual([]);
    expect(at('final').row).toBe(rows.length - 1);
  });
});

/** Points along a path of M, C and V. */
function along(d: string): (readonly [number, number])[] {
  const out: (readonly [number, number])[] = [];
  let [x, y] = [0, 0];
  for (const [, kind, rest = ''] of d.matchAll(/([MCV])([^MCV]+)/g)) {
    const n = rest.trim().split(/\s+/).map(Number);
    if (kind === 'M') [x = 0, y = 0] = n;
    else if (kind === 'V') for (let i = 1; i <= 8; i++) out.push([x, y + (((n[0] ?? 0) - y) * i) / 8]);
    else {
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = n;
      for (let i = 1; i <= 32; i++) {
        const [t, s] = [i / 32, 1 - i / 32];
        const mix = (a: number, b: number, c: number, e: number) => s ** 3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t ** 3 * e;
        out.push([mix(x, x1, x2, x3), mix(y, y1, y2, y3)]);
      }
      [x, y] = [x3, y3];
    }
    if (kind === 'V') y = n[0] ?? 0;
    if (kind === 'M') out.push([x, y]);
  }
  return out;
}
