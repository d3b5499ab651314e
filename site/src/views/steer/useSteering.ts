/** What the Steer bench is set to, its vector, and the documents that its pictures show. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Edit, GenerateRequest, ModelInfo, ReadRequest } from '../../engine/types';
import { editsOf, runPart, type RunPart, type Shown } from '../../state/run';
import { hookName, randomLike, steerEdits, vectorRequest, type Steer, type Vector } from '../../state/steer';
import { usePage } from '../page';
import { useReading, type Read } from '../useReading';
import { beginning } from './ready';

export type Change = (part: Partial<Steer>, as?: string) => void;

/** What a person set, or what the model begins with. */
export function useSteer(info: ModelInfo): readonly [Steer, Change] {
  const { experiment } = usePage().app;
  const steer = experiment.current.value.steer ?? beginning(info);
  // What an effect or an answer changes later must not bring back what was changed meanwhile, nor come to another model.
  const change: Change = (part, as) => {
    const now = experiment.current.peek();
    if (now.model === '' || now.model === info.id) experiment.steer({ ...(now.steer ?? beginning(info)), ...part }, as ?? null);
  };
  return [steer, change];
}

/** The ids of a text by the model's tokeniser; null while they are on their way, or without a text. */
export function useIds(text: string | null): readonly number[] | null {
  const { app } = usePage();
  const [got, set] = useState<{ readonly text: string; readonly of: unknown; readonly ids: readonly number[] } | null>(null);
  const model = app.model.value.kind === 'ready' ? app.model.value.info : null;
  const engine = app.engine.value;
  useEffect(() => {
    let wanted = text !== null;
    if (text !== null) engine?.tokenize(text).then(({ ids }) => wanted && set({ text, of: model, ids: [...ids] }), () => {});
    return () => {
      wanted = false;
    };
  }, [text, engine, model]);
  return got && got.text === text && got.of === model ? got.ids : null;
}

export interface TheVector extends Read {
  /** null until it is there, and where it says nothing. */
  readonly vector: Vector | null;
  /** Why it can steer nothing, in a sentence. */
  readonly flaw: string | null;
}

/** What is wrong with a direction that was asked for, and what to do. */
export function flawOf({ recipe }: Steer, vector: Vector | null): string | null {
  if ('contrast' in recipe) {
    const { positive, negative } = recipe.contrast;
    const empty = [positive, negative].findIndex((texts) => texts.every((text) => text.trim() === ''));
    if (empty >= 0) return `Nothing stands under “${empty === 0 ? 'Towards' : 'Away from'}”: write at least one text there.`;
  }
  if (!vector) return null;
  if (!vector.data.every(Number.isFinite)) return 'The model’s own numbers are not finite there: read the direction at another place.';
  if (vector.data.some((x) => x !== 0)) return null;
  const why = 'contrast' in recipe ? `the two lists are the same to the model at ${hookName(recipe.hook)}: change a text, or read at another token or place` : 'choose another';
  return `This direction is zero, so it steers nothing: ${why}.`;
}

/** The vector as a reading: itself, how long it is and what it writes. */
export function useVector(steer: Steer, shown: Shown): TheVector {
  const { app } = usePage();
  const engine = app.engine.value;
  const key = JSON.stringify([shown.info.sha256, steer.recipe, steer.hook, [...shown.tokenized.ids]]);
  const [asked, ask] = useState<{ readonly key: string; readonly request: ReadRequest } | null>(null);
  useEffect(() => {
    let wanted = true;
    if (engine)
      vectorRequest(steer, shown.tokenized.ids, async (text) => (await engine.tokenize(text)).ids).then(
        (request) => wanted && ask({ key, request }),
        () => {},
      );
    return () => {
      wanted = false;
    };
  }, [key, engine]);
  const read = useReading(asked?.request ?? null);
  // While its texts are being tokenised the reading is of the recipe before, and so is its failure.
  const before = asked?.key !== key;
  const stale = read.stale || before;
  const failure = before ? null : read.failure;
  const made = stale || failure ? null : (read.reading?.arrays.get('vector') ?? null);
  const flaw = flawOf(steer, made);
  return { ...read, stale, failure, vector: flaw === null ? made : null, flaw };
}

/** Tokens of the first texts that the others lack, the most frequent first. */
function onlyIn(texts: readonly (readonly number[])[], others: readonly (readonly number[])[]): readonly number[] {
  const there = new Set(others.flat());
  const counts = new Map<number, number>();
  for (const id of texts.flat()) if (!there.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_TOKENS).map(([id]) => id);
}

/** Two sets of tokens: those that were chosen; else what tells the pairs' texts apart; else what the vector writes most and least. */
export function effectOf(steer: Steer, { reading, request }: Read): NonNullable<Steer['effect']> | null {
  if (steer.effect || !reading) return steer.effect;
  const { contrast } = (request?.['recipe'] ?? {}) as { readonly contrast?: Readonly<Record<'positive' | 'negative', readonly (readonly number[])[]>> };
  const written = (name: string) => Array.from(reading.arrays.get(name)?.data ?? []).slice(0, MOST_TOKENS);
  const ofPairs = contrast && { for: onlyIn(contrast.positive, contrast.negative), against: onlyIn(contrast.negative, contrast.positive) };
  return ofPairs && ofPairs.for.length > 0 && ofPairs.against.length > 0 ? ofPairs : { for: written('top_ids'), against: written('bottom_ids') };
}

/** A round number near this one: 1, 2 or 5 times a power of ten. */
export const round = (x: number): number => {
  const unit = 10 ** Math.floor(Math.log10(x));
  return Number(([1, 2, 5, 10].reduce((best, m) => (Math.abs(Math.log((m * unit) / x)) < Math.abs(Math.log((best * unit) / x)) ? m : best)) * unit).toPrecision(1));
};

/** A range of strengths that a vector needs to be felt: to about twice the stream's own length; and a strength to begin with. */
export function fitting(ratio: number | null | undefined): Pick<Steer, 'range' | 'strength'> | null {
  if (!ratio || !Number.isFinite(ratio) || ratio < 1e-3 || ratio > 1e3) return null;
  const range = round(1.6 / ratio);
  return { range, strength: range / 4 };
}

const MOST_TOKENS = 8;

/** The ways of going on, in the order in which they are made and shown. */
export const WAYS = ['baseline', 'steered', 'frozen', 'random', 'prompt'] as const;
export type WayName = (typeof WAYS)[number];

export const WAY_WORDS: Readonly<Record<WayName, readonly [title: string, means: string]>> = {
  baseline: ['Baseline', 'The model without steering'],
  steered: ['Steered', 'With the direction, at this strength'],
  frozen: ['Attention frozen', 'Steered, but every head looks where it looks in the unedited model over the same tokens'],
  random: ['Random direction', 'A random direction of the same length, at the same strength: what any push of this size does'],
  prompt: ['Prompt instead', 'No steering: something is said before the text'],
};

/** Which of the curve's random directions is shown. */
const RANDOM = 1;

export interface Way {
  readonly name: WayName;
  readonly part: RunPart;
  readonly frozen: boolean;
}

/** Each way as a run on the prompt; null until what it needs is there. */
export function useWays(steer: Steer, shown: Shown, vector: Vector | null, insteadIds: readonly number[] | null): readonly (Way | null)[] {
  const { app } = usePage();
  const others = editsOf('A', app.experiment.inForce.value);
  const pairB = app.runner.shown.value?.b?.tokenized.ids;
  const ids = [...shown.tokenized.ids];
  const at = JSON.stringify([ids, others, steer.hook, steer.op, steer.where, steer.strength, pairB && [...pairB]]);
  return useMemo(() => {
    const B = pairB ? { name: 'B' as const, ids: [...pairB] } : null;
    const way = (name: WayName, edits: readonly Edit[], frozen = false): Way => ({ name, part: runPart(ids, [...others, ...edits], B), frozen });
    const edits = vector && steerEdits(steer, vector, ids.length);
    return [
      way('baseline', []),
      edits && way('steered', edits),
      edits && way('frozen', edits, true),
      vector && way('random', steerEdits(steer, randomLike(vector, RANDOM), ids.length)),
      insteadIds && { name: 'prompt', part: runPart(insteadIds, others, B), frozen: false },
    ];
  }, [at, vector, JSON.stringify(insteadIds)]);
}

/** A way as a text to be made. */
export function textOf(way: Way | null, shown: Shown, sampler: Pick<GenerateRequest, 'max_new' | 'temperature'>): GenerateRequest | null {
  const [first] = shown.tokenized.tokens;
  return (
    way && {
      ...way.part, ...sampler, ...(first?.special && { stop: [first.id] }), ...(way.part.edits && { twin: true }), ...(way.frozen && { freeze_attention: true }), k: 8,
    }
  );
}
