/** What is seen when ways to one end are compared, in a sentence with their own numbers. Pure. */
import type { Reading } from '../../engine/types';
import { three } from '../../state/numbers';
import { hasCollapsed, outcomeWords, repeats, repeatsMore, type Outcome } from './outcomes';

/** A rise of the effect that is less than this would read as none. */
const TELLS = 0.005;

/** `ways` without what is nothing but the base, each with its title and numbers. */
export function waysStory(limits: Reading['values'], base: Outcome, ways: readonly (readonly [title: string, outcome: Outcome])[]): string {
  const effect = (of: Outcome) => outcomeWords('effect', of.effect);
  const gone = ({ perplexity, repetition }: Outcome) => hasCollapsed(limits, base.perplexity, perplexity, repetition);
  const [best, ...others] = [...ways].filter(([, { effect }]) => !Number.isNaN(effect)).sort(([, a], [, b]) => b.effect - a.effect);
  if (!best) return '';
  const [title, most] = best;
  const rest = others.find(([, of]) => of.effect - base.effect >= TELLS);
  const price = (of: Outcome) => `perplexity ${three(of.perplexity)}${repeats(base, of) ? `, repetition ${outcomeWords('repetition', of.repetition)}` : ''}${gone(of) ? ', collapsed' : ''}`;
  if (most.effect - base.effect < TELLS) return `None of these ways raises the effect above ${effect(base)}, the model’s own; ${title.toLowerCase()} comes nearest: ${effect(most)}.`;
  return [
    `${title} takes the effect furthest: from ${effect(base)} to ${effect(most)}, and perplexity from ${three(base.perplexity)} to ${three(most.perplexity)}.`,
    repeatsMore(base, most),
    gone(most) && ' Its texts have collapsed.',
    rest ? ` Next is ${rest[0].toLowerCase()}: ${effect(rest[1])}, ${price(rest[1])}.` : others.length > 0 && ' No other way raises it.',
  ].filter(Boolean).join('');
}
