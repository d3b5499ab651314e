/** What ways of going on come to: the documents, and their numbers (docs/formats.md, "outcomes" and "dose"). */
import type { ReadRequest, Reading } from '../../engine/types';
import { three } from '../../state/numbers';
import type { RunPart, Shown } from '../../state/run';
import { numbersOf, wherePart, type Steer, type Vector } from '../../state/steer';
import type { Sampler } from '../../state/view';

export interface WayRun {
  readonly name: string;
  readonly part: RunPart;
  readonly frozen: boolean;
}

/** So many seeds each text is made with, from the sampler's own on. */
export const SEEDS = 3;

const sampled = ({ seed, ...rest }: Sampler, seeds: number) => ({ ...rest, seeds: Array.from({ length: seeds }, (_, i) => seed + i) });

export function outcomesRequest(ways: readonly WayRun[], shown: Shown, sampler: Sampler, effect: NonNullable<Steer['effect']>, seeds: number): ReadRequest {
  const base = [...shown.tokenized.ids];
  const [first] = shown.tokenized.tokens;
  return {
    read: 'outcomes',
    // What is nothing but the base is told anyway.
    ways: ways.filter(({ part }) => part.edits || Array.from(part.ids).join() !== base.join()).map(({ name, part, frozen }) => ({ name, ...part, ...(frozen && { frozen }) })),
    base,
    ...(first?.special && { stop: [first.id] }),
    ...sampled(sampler, seeds),
    effect,
  };
}

/** How many random directions the curve is held against. */
export const RANDOM = 8;
const POINTS = 8;

export const strengthsOf = ({ range }: Steer): readonly number[] =>
  Array.from({ length: 2 * POINTS + 1 }, (_, i) => Number((((i - POINTS) * range) / POINTS).toPrecision(6)));

/** Of steering alone, whatever else is in force. */
export function doseRequest(steer: Steer, vector: Vector, shown: Shown, sampler: Sampler, effect: NonNullable<Steer['effect']>): ReadRequest {
  const [first] = shown.tokenized.tokens;
  const width = vector.shape.at(-1) ?? 0;
  const numbers = numbersOf(vector.data);
  const value = vector.shape.length === 1 ? numbers : Array.from({ length: numbers.length / width }, (_, i) => numbers.slice(i * width, (i + 1) * width));
  return {
    read: 'dose',
    prompts: [[...shown.tokenized.ids]],
    steer: { hook: steer.hook, value, op: steer.op, ...wherePart(steer, vector, shown.tokenized.ids.length) },
    strengths: strengthsOf(steer),
    ...(first?.special && { stop: [first.id] }),
    ...sampled(sampler, SEEDS),
    effect,
    random: RANDOM,
    frozen: true,
  };
}

/** How many texts a study of these makes. */
export const textsOf = (request: ReadRequest): number => {
  const of = (name: string) => (Array.isArray(request[name]) ? request[name].length : 0);
  return of('seeds') * (1 + (request.read === 'dose' ? of('strengths') * (2 + RANDOM) : of('ways')));
};

export interface Outcome {
  readonly effect: number;
  readonly perplexity: number;
  readonly repetition: number;
  readonly kl: number;
}

/** A number of an outcome in words. */
export const outcomeWords = (kind: keyof Outcome, value: number): string =>
  kind === 'perplexity' ? three(value) : kind !== 'effect' ? value.toFixed(2) : `${value > 0 ? '+' : ''}${value.toFixed(2)}`.replace('-', '\u2212');

export const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
/** Of perplexities: the perplexity of all texts together. */
export const geometric = (values: ArrayLike<number>): number => Math.exp(mean(Array.from(values, Math.log)));

/** Whether coherence is lost, by the thresholds that a curve brings: against the perplexity of the unsteered texts, and in
 *  3-grams that stood before. */
export const hasCollapsed = (limits: Reading['values'], base: number, perplexity: number, repetition: number): boolean =>
  perplexity > (limits['perplexity_limit'] ?? Infinity) * base || repetition > (limits['repetition_limit'] ?? Infinity);

/** A rise of the share of 3-grams that stood before which shows in a text: of 40 tokens, four more. */
const REPEATS = 0.1;

/** Whether a way’s texts clearly repeat themselves more; and that in a sentence. What repeats is easy to predict: perplexity does not show it. */
export const repeats = (base: Outcome, { repetition }: Outcome): boolean => repetition - base.repetition >= REPEATS;
export const repeatsMore = (base: Outcome, now: Outcome): string =>
  repeats(base, now)
    ? ` 3-gram repetition rises from ${outcomeWords('repetition', base.repetition)} to ${outcomeWords('repetition', now.repetition)}${
        now.perplexity < base.perplexity ? ': the lower perplexity is that of text that repeats itself' : ''
      }.`
    : '';

/** Where a way stands; what was nothing but the base stands there as that. */
export function wayIn(reading: Reading, name: string): number {
  const names = reading.axes['way'] ?? [];
  return names.includes(name) ? names.indexOf(name) : names.indexOf(name === 'baseline' || name === 'nothing' ? 'base' : name);
}

/** A way's numbers, means over the seeds, or of one of them; null: the reading has no such way. */
export function outcomeOf(reading: Reading, name: string, seed: number | null = null): Outcome | null {
  const way = wayIn(reading, name);
  if (way < 0) return null;
  const of = (array: string, over = mean) => {
    const { data, shape } = reading.arrays.get(array) ?? { data: new Float32Array(0), shape: [0, 0] };
    const n = shape[1] ?? 0;
    return seed === null ? over(data.subarray(way * n, (way + 1) * n)) : (data[way * n + seed] ?? NaN);
  };
  return { effect: of('effect'), perplexity: of('perplexity', geometric), repetition: of('repetition3'), kl: of('kl') };
}
