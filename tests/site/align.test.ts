import { align } from '../../site/src/state/align';
import { sideProblem, subject } from '../../site/src/state/documents';
import type { Shown } from '../../site/src/state/run';

describe('two prompts side by side', () => {
  it('of one length stand position by position, as their difference is taken', () => {
    expect(align([1, 2, 3], [1, 9, 3])).toEqual([[0, 0], [1, 1], [2, 2]]);
  });

  it('of two lengths keep what is equal together, and every token once', () => {
    expect(align([1, 2, 3, 4], [1, 3, 4])).toEqual([[0, 0], [1, null], [2, 1], [3, 2]]);
    expect(align([1, 2], [1, 7, 8, 2])).toEqual([[0, 0], [null, 1], [null, 2], [1, 3]]);
    expect(align([], [5])).toEqual([[null, 0]]);
    for (let seed = 1; seed < 60; seed++) {
      const random = (n: number) => ((Math.imul(seed + n, 2654435761) >>> 8) % 5);
      const a = Array.from({ length: 3 + (seed % 9) }, (_, i) => random(i));
      const b = Array.from({ length: 3 + (seed % 7) }, (_, i) => random(100 + i));
      const columns = align(a, b);
      expect(columns.flatMap(([i]) => (i === null ? [] : [i]))).toEqual(a.map((_, i) => i));
      expect(columns.flatMap(([, j]) => (j === null ? [] : [j]))).toEqual(b.map((_, j) => j));
    }
  });
});

describe('what a picture reads', () => {
  const shown = (ids: number[], edited: boolean) =>
    ({ tokenized: { ids }, edits: edited ? [{ hook: 'hook_embed', op: 'zero' }] : [], now: { part: { ids, edits: edited ? 1 : 0 } }, before: { part: { ids } } }) as unknown as Shown;

  it('is one run, or one less another', () => {
    const [a, b] = [shown([1, 2], true), shown([3, 4], true)];
    expect(subject('a', a, b)).toBe(a.now.part);
    expect(subject('b', a, b)).toBe(b.now.part);
    expect(subject('a-b', a, b)).toEqual({ ...a.now.part, minus: b.now.part });
    expect(subject('effect', a, b)).toEqual({ ...a.now.part, minus: a.before.part });
  });

  it('is prompt A where the other cannot be shown, and the page says why', () => {
    const a = shown([1, 2], false);
    expect(subject('a-b', a, shown([1, 2, 3], false))).toBe(a.now.part);
    expect(sideProblem('a-b', a, shown([1, 2, 3], false))).toMatch(/A has 2 tokens and B 3/);
    expect(sideProblem('b', a, null)).toMatch(/second prompt/);
    expect(sideProblem('effect', a, null)).toMatch(/no edit in force/);
  });
});
