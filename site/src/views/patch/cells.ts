/** Numbers of a study as the cells of a picture: a score, or the metric itself, in the colours of the score either way. */
import type { Scale } from '../../gl/palette';
import { scoreOf } from '../../state/patch';
import type { View } from '../../state/view';
import type { Study } from '../useStudy';

interface Ends {
  readonly clean: number;
  readonly corrupted: number;
}

export interface Base extends Ends {
  /** Both are means over so many. */
  readonly pairs: number;
}

export const NO_BASE: Base = { clean: Number.NaN, corrupted: Number.NaN, pairs: 1 };

/** As the cells have them, in 32 bits: what changes nothing is at no distance. */
export function baseOf({ reading, request }: Pick<Study, 'reading' | 'request'>): Base | null {
  const { clean, corrupted } = reading?.values ?? {};
  const pairs = (request?.['pairs'] as readonly unknown[] | undefined)?.length ?? 1;
  return clean == null || corrupted == null ? null : { clean: Math.fround(clean), corrupted: Math.fround(corrupted), pairs };
}

export interface Cells {
  /** What a cell says of a metric. */
  of(metric: number): number;
  /** What it says where nothing is patched. */
  readonly neutral: number;
  readonly scale: Scale;
  readonly words: string;
  /** A change so small is not written in its cell. */
  readonly least: number;
}

/** How far a patch takes the metric of the run that it is made in to the other run's: 1 is all the way, below 0 is away from
 *  it. Where both have the same there is no way to go, and this is how far it moves at all. */
export function gained(metric: number, { clean, corrupted }: Ends, direction: View['direction']): number {
  const [from, to] = direction === 'denoise' ? [corrupted, clean] : [clean, corrupted];
  return from === to ? Math.abs(metric - from) : (metric - from) / (to - from);
}

/** Where both prompts have the same metric there is no score. */
export function cellsOf({ clean, corrupted }: Ends, { cells, direction }: Pick<View, 'cells' | 'direction'>): Cells {
  const [from, to] = direction === 'denoise' ? [corrupted, clean] : [clean, corrupted];
  const least = 0.02;
  if (cells === 'score' && clean !== corrupted) {
    const of = (metric: number) => scoreOf(metric, clean, corrupted);
    return { of, neutral: of(from), scale: [2 * of(from) - of(to), of(to)], words: 'score', least };
  }
  const reach = to - from || 1;
  return { of: (metric) => metric, neutral: from, scale: [from - reach, from + reach], words: 'metric', least: least * Math.abs(reach) };
}

/** Bars of a metric begin where nothing is patched. */
export const barsFrom = (cells: Cells | null) => (cells ? { from: cells.neutral, reversed: cells.scale[1] < cells.scale[0] } : {});

/** The convention, beside every picture. */
export const scoreWords = ({ clean, corrupted, pairs }: Base): string =>
  (clean === corrupted ? 'A and B have the same metric: there is no score' : '(m − mB) / (mA − mB): 0 as B, 1 as A') +
  (pairs > 1 ? `; each m is the mean over the ${pairs} pairs, so this is the score of the means, not the mean of scores` : '');

export const conventions = (base: Base | null, { reading }: Pick<Study, 'reading'>): readonly string[] => [
  ...(base ? [`score = ${scoreWords(base)}`] : []),
  ...Object.entries(reading?.conventions ?? {}).map(([of, words]) => `${of}: ${words}`),
];

const PLACES = 2;
/** In a cell: two places, or as many figures as have room. */
export const short = (value: number): string => {
  const text = Math.abs(value) < 99.5 ? value.toFixed(PLACES) : value.toFixed(0);
  return text.replace('-', '−');
};
