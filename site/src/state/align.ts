/** Two prompts side by side: which tokens stand for each other. */

/** Columns of [position in A, position in B]; null where one has nothing to match the other's. */
export type Columns = readonly (readonly [a: number | null, b: number | null])[];

/** Above so many cells the table of the longest common subsequence is not worth its memory: position by position then. */
const MOST_CELLS = 4 << 20;

/** Prompts of one length by position, as every difference of them is taken; others by their longest common subsequence. */
export function align(a: ArrayLike<number>, b: ArrayLike<number>): Columns {
  if (a.length === b.length || a.length * b.length > MOST_CELLS)
    return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [i < a.length ? i : null, i < b.length ? i : null] as const);
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const out: [number | null, number | null][] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) out.push([i++, j++]);
    // Unequal tokens in the same place stand for each other, if nothing is lost by it.
    else if (i < a.length && j < b.length && at(i + 1, j + 1) === at(i, j)) out.push([i++, j++]);
    else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) out.push([i++, null]);
    else out.push([null, j++]);
  }
  return out;
}
