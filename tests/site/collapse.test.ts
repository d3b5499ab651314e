import type { Reading } from '../../site/src/engine/types';
import type { Steer } from '../../site/src/state/steer';
import { curvesOf, measuredAt } from '../../site/src/views/steer/DosePicture';
import { story } from '../../site/src/views/steer/DirectionTab';
import { hasCollapsed } from '../../site/src/views/steer/outcomes';

/** A curve of 17 strengths from -8 to 8 of one text, in one way. */
function dose(perplexity: (strength: number) => number, repetition: (strength: number) => number): Reading {
  const strengths = Array.from({ length: 17 }, (_, i) => i - 8);
  const array = (of: (strength: number) => number) => ({ shape: [1, 17, 1], data: Float32Array.from(strengths, of) });
  return {
    arrays: new Map([['perplexity', array(perplexity)], ['repetition3', array(repetition)], ['effect', array((s) => s)]]),
    axes: { way: ['steered'] },
    values: { base_perplexity: 20, perplexity_limit: 10, repetition_limit: 0.5 },
    conventions: {},
  } as unknown as Reading;
}
const zones = (reading: Reading | null) => curvesOf(reading, { range: 8 } as Steer).zones.map(({ from, to, says }) => [from, to, says]);

describe('collapse', () => {
  it('is more than a limit says, of either measure', () => {
    const limits = { perplexity_limit: 10, repetition_limit: 0.5 };
    expect([[200, 0.5], [201, 0], [20, 0.51]].map(([perplexity = 0, repetition = 0]) => hasCollapsed(limits, 20, perplexity, repetition))).toEqual([false, true, true]);
    expect(hasCollapsed({}, 20, 1e9, 1)).toBe(false);
  });

  it('is hatched where it is, also where a stronger push comes out of it again; the nearest to 0 is named', () => {
    const reading = dose((s) => (s === 3 || s === 4 || s >= 7 ? 300 : 30), (s) => (s === -5 ? 0.9 : 0));
    expect(zones(reading)).toEqual([[-5.25, -4.75, 'collapse'], [3, 4, 'collapse'], [7, 8, '']]);
  });

  it('is told of a strength’s own texts, curve or not', () => {
    const of = (perplexity: number, repetition = 0) => ({ effect: 1, perplexity, repetition, kl: 0 });
    const limits = { perplexity_limit: 10, repetition_limit: 0.5 };
    const says = (strength: number, now: ReturnType<typeof of>, curve?: Reading['values']) => story({ strength, op: 'add' }, limits, of(15), now, null, curve);
    expect(says(4, of(467))).toMatch(/from 15\.0 to 467\. The text has collapsed\.$/);
    expect(says(4, of(20, 0.6))).toMatch(/ The text has collapsed\.$/);
    expect(says(4, of(150, 0.5))).not.toMatch(/collapse/);
    expect(says(4, of(467), { collapse_up: 3 })).toMatch(/ The text has collapsed\. It first does at \+3\.00\.$/);
    expect(says(2, of(6, 0.1), { collapse_up: 3 })).toMatch(/to 6\.00\. 3-gram repetition rises from 0\.00 to 0\.10: the lower perplexity is that of text that repeats itself\. It collapses/);
    expect(says(2, of(30, 0.3))).toMatch(/to 30\.0\. 3-gram repetition rises from 0\.00 to 0\.30\.$/);
    expect(says(2, of(6, 0.09))).toMatch(/to 6\.00\.$/);
    expect(says(2, of(20), { collapse_up: 3 })).toMatch(/to 20\.0\. It collapses first at \+3\.00\.$/);
  });

  it('or what else a strength comes to is never read off between two points', () => {
    const curves = curvesOf(dose(() => 30, () => 0.2), { range: 8 } as Steer);
    const texts = { effect: 9, perplexity: 5, repetition: 0.25, kl: 0 };
    expect(measuredAt(1.5, curves, texts)).toEqual([9, 5, 0.25]);
    expect(measuredAt(1.5, curves, null)).toEqual([NaN, NaN, NaN]);
    expect(measuredAt(2, curves, texts).map((x) => x.toFixed(3))).toEqual(['2.000', '30.000', '0.200']);
  });

  it('is nowhere before there are numbers', () => expect(zones(null)).toEqual([]));
});
