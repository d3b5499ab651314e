/** What each head of the model is, measured apart from the prompt: by its scores on random tokens that stand twice. */
import type { ReadRequest } from '../../engine/types';
import type { HeadId } from '../../state/selection';
import type { Shown } from '../../state/run';
import { OPTIONS, type View } from '../../state/view';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';

export type Family = View['family'];

export const FAMILIES: Readonly<Record<Family, string>> = { induction: 'induction', previous: 'previous-token', duplicate: 'duplicate-token' };
/** A head of a higher score is one of the kind: as in docs/induction.md. */
export const OF_THE_KIND = 0.5;
/** The convention, beside whatever is said of kinds. */
export const KINDS_BY = `score above ${OF_THE_KIND} on random tokens that stand twice, whatever the text here`;

export interface ScoredHead extends HeadId {
  readonly score: number;
}

/** `asked`: false asks for nothing. */
export function useKinds({ info, tokenized: { ids, tokens } }: Shown, asked = true) {
  const { seed } = usePage().app.experiment.current.value.sampler;
  const { n_layers, n_heads } = info.config;
  const bos = tokens[0]?.special ? ids[0] : undefined;
  const document: ReadRequest = { read: 'detect', on: 'random', error_measure: 'stripe', seed, ...(bos !== undefined && { bos }) };
  const { reading, stale } = useReading(asked && n_layers > 0 ? document : null);
  const of = (family: Family): readonly ScoredHead[] =>
    Array.from(arrayOf(reading, family), (score, i) => ({ layer: Math.floor(i / n_heads), head: i % n_heads, score }))
      // What an earlier layer has to have written first cannot be read in layer 0.
      .filter(({ layer, score }) => score > OF_THE_KIND && (family !== 'induction' || layer > 0));
  return { document, reading, stale, seed, bos, all: n_layers * n_heads, of };
}

/** Of each head its kind, by its name's number; as `useKinds` has them, none while they are of another seed or model. */
export function kindsByHead({ of, stale }: ReturnType<typeof useKinds>, n_heads: number): ReadonlyMap<number, Family> {
  return new Map((stale ? [] : OPTIONS.family).flatMap((family) => of(family).map(({ layer, head }) => [layer * n_heads + head, family] as const)));
}
