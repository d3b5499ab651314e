/** The token that the view asks about, at one position. */
import { topIndices } from '../../state/numbers';
import type { Shown } from '../../state/run';
import type { Target } from '../../state/view';

/** null while the run's own guess is on its way. After the last token none comes next: there it is the guess, too. */
export function tokenAt(target: Target, { now, tokenized: { ids } }: Shown, position: number): number | null {
  if (typeof target === 'number') return target;
  if (target === 'next' && position + 1 < ids.length) return ids[position + 1] ?? null;
  return guessesAt(now, position, 1)[0] ?? null;
}

/** What the run says at a position, the likeliest first; empty while that is on its way. */
export function guessesAt(run: Shown['now'], position: number, k: number): readonly number[] {
  const logits = run.logits(position);
  return logits ? topIndices(logits, k) : [];
}
