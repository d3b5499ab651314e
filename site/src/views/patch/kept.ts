/** Where a sweep of the stream finds what differs: in which positions, in which row. Pure: gains in, places out. */

/** Less than this of the difference is as good as nothing: its number would be said as 0.00. */
export const TELLS_OF_ONE = 0.005;
/** Less than this of the difference is not told of. */
export const TELLS = 0.2;

const MOST_PLACES = 3;

/** In the row resid_pre of a layer: the position where most is, and those with at least half as much, the most first. */
export interface Kept {
  readonly layer: number;
  readonly positions: readonly number[];
}

export interface Whereabouts {
  /** The last layer with half of what one position before the end ever has; what is at the end from the first layer on, if that is more. Without
   *  positions nothing is told of. */
  readonly kept: Kept;
  /** In the first layer it is at none of these. */
  readonly first: Kept | null;
  /** It stands at the end, where the answer is read, from the first layer on; `alone`: and nowhere else. */
  readonly atEnd: boolean;
  readonly alone: boolean;
  /** The layer whose attention brings it to the end. */
  readonly carries: number | null;
}

type At = (layer: number, position: number) => number;

/** `gain`: of resid_pre; `arrives`: of a layer's attention at the end. */
export function whereabouts(gain: At, arrives: (layer: number) => number, layers: number, positions: number): Whereabouts {
  const end = positions - 1;
  const known = (x: number) => (Number.isNaN(x) ? Number.NEGATIVE_INFINITY : x);
  const all = Array.from({ length: layers }, (_, layer) => layer);
  /** The best of a row. */
  const row = (layer: number, among: readonly number[]): Kept => {
    const far = (position: number) => known(gain(layer, position));
    const sorted = [...among].sort((i, j) => far(j) - far(i));
    const least = Math.max(TELLS_OF_ONE, far(sorted[0] ?? end) / 2);
    return { layer, positions: sorted.filter((position) => far(position) >= least).slice(0, MOST_PLACES) };
  };
  const before = Array.from({ length: end }, (_, i) => i);
  const most = (layer: number) => Math.max(Number.NEGATIVE_INFINITY, ...before.map((position) => known(gain(layer, position))));
  const ever = Math.max(...all.map(most));
  const there = known(gain(0, end));
  if (there >= Math.max(ever, TELLS_OF_ONE)) {
    const kept = row(0, [...before, end]);
    return { kept, first: null, atEnd: true, alone: kept.positions.length === 1 && ever < TELLS, carries: null };
  }
  const last = ever < TELLS_OF_ONE ? 0 : (all.findLast((layer) => most(layer) >= ever / 2) ?? 0);
  const kept = row(last, before);
  const first = row(0, before);
  const elsewhere = first.positions.length > 0 && !first.positions.some((position) => kept.positions.includes(position));
  const strongest = all.reduce((best, layer) => (known(arrives(layer)) > known(arrives(best)) ? layer : best), 0);
  const carried = kept.positions.length > 0 && strongest >= last && known(arrives(strongest)) >= TELLS;
  return { kept, first: elsewhere ? first : null, atEnd: false, alone: false, carries: carried ? strongest : null };
}
