import type { ModelConfig } from '../../site/src/engine/types';
import {
  headSweep, metricOf, ownAnswers, pairPart, pairProblem, patchEdit, placeAt, scoreOf, selectionOf, sourceSweep, streamSweep, type Place, type Sweep,
} from '../../site/src/state/patch';
import { NOTHING } from '../../site/src/state/selection';
import { OPTIONS, VIEW } from '../../site/src/state/view';

const config = (attn_only: boolean) => ({ n_layers: 3, n_heads: 4, attn_only }) as ModelConfig;
const part = pairPart(VIEW, [0, 1, 2], [0, 3, 2], [7, 8]);

describe('a pair', () => {
  it('is asked about by its own predictions, or, where these are the same, by what differs most', () => {
    expect(ownAnswers(Float64Array.of(0.1, 0.7, 0.2), Float64Array.of(0.6, 0.3, 0.1))).toEqual([1, 0]);
    expect(ownAnswers(Float64Array.of(0.6, 0.3, 0.1), Float64Array.of(0.5, 0.1, 0.4))).toEqual([1, 2]);
  });

  it('has prompts of as many tokens that differ', () => {
    expect(pairProblem([1, 2], [1, 2, 3])).toMatch(/A has 2 tokens and B 3/);
    expect(pairProblem([1, 2], [1, 2])).toMatch(/the same/);
    expect(pairProblem([1, 2], [1, 3])).toBeNull();
  });

  it('names in its metric what that kind takes, and no more', () => {
    const metric = (kind: (typeof OPTIONS.metric)[number]) => pairPart({ direction: 'noise', metric: kind }, [1], [2], [7, 8]).metric;
    expect(metric('logit_diff')).toEqual({ kind: 'logit_diff', position: -1, correct: 7, wrong: 8 });
    expect(metric('log_prob')).toEqual({ kind: 'log_prob', position: -1, correct: 7 });
    expect(metric('rank')).toEqual({ kind: 'rank', position: -1, correct: 7 });
    expect(metric('kl')).toEqual({ kind: 'kl', position: -1 });
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
