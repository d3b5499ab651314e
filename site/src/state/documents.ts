/** Reading documents (docs/formats.md, "Reading") of what is shown: the same that `hs` takes. */
import type { MinusRun, ReadRequest } from '../engine/types';
import type { RunPart, Shown } from './run';
import type { View } from './view';

/** The runs that a document reads: one, or one less another. */
export interface Subject extends RunPart {
  readonly minus?: MinusRun;
}

/** Why a side cannot be shown now; null: it can. */
export function sideProblem(side: View['side'], a: Shown, b: Shown | null): string | null {
  if (side === 'a') return null;
  if (side === 'effect') return a.edits.length === 0 ? 'There is no edit in force whose effect could be shown.' : null;
  if (!b) return 'Add a second prompt to compare.';
  if (side === 'a-b' && a.tokenized.ids.length !== b.tokenized.ids.length)
    return `A has ${a.tokenized.ids.length} tokens and B ${b.tokenized.ids.length}: a difference needs prompts of as many tokens.`;
  return null;
}

export function subject(side: View['side'], a: Shown, b: Shown | null): Subject {
  if (sideProblem(side, a, b) !== null || side === 'a') return a.now.part;
  if (side === 'effect') return { ...a.now.part, minus: a.before.part };
  const other = b ?? a;
  return side === 'b' ? other.now.part : { ...a.now.part, minus: other.now.part };
}

/** Whether a document's numbers are differences: signed, with a true zero. */
export const isDifference = (document: ReadRequest): boolean => document.minus !== undefined;

/** A document in a few words for a picture's title; null: it is prompt A as it runs. */
export const sideName = { a: null, b: 'prompt B', 'a-b': 'A − B', effect: 'with edits − without' } as const;
