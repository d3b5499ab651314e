/** What every study of the bench is about: both prompts, the answers, the metric; or why there is none. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { ModelInfo } from '../../engine/types';
import type { App } from '../../state/app';
import { probabilitiesAt } from '../../state/reading';
import type { Shown } from '../../state/run';
import { ownAnswers, pairPart, pairProblem, type Answers, type IdPair, type PairPart } from '../../state/patch';
import { setOf, type PairTexts } from '../../state/tasks';
import { TASKS } from '../../state/tasksMeasured';
import { usePage } from '../page';

export interface Bench {
  /** The clean prompt and the corrupted one, each as it runs without edits. */
  readonly a: Shown;
  readonly b: Shown;
  readonly answers: Answers;
  /** Neither was chosen. */
  readonly own: boolean;
  /** Where neither is: they are what A and B predict, which is not the same. */
  readonly predicted: boolean;
  /** The shown pair, or all of its set where studies are of that. */
  readonly pairs: readonly IdPair[];
  readonly part: PairPart;
  /** "; mean over 4 pairs", for what stands under a picture's title. */
  readonly means: string;
}

/** The token that is a text by itself. */
export const tokenOf = (app: App, text: string): number => app.vocabulary.value.findIndex((token) => token.text === text);

/** Sets as ids, fetched the first time they are asked for; by model and texts. */
const sets = new Map<string, ReadonlySignal<readonly IdPair[] | null>>();

function idsOf(app: App, { sha256 }: ModelInfo, texts: readonly PairTexts[]): readonly IdPair[] | null {
  const key = JSON.stringify([sha256, texts]);
  const found = sets.get(key);
  const [engine, model] = [app.engine.value, app.model.value];
  // While another model is loaded the tokeniser may be its.
  if (found || !engine || model.kind !== 'ready' || model.info.sha256 !== sha256) return found?.value ?? null;
  const arrives = signal<readonly IdPair[] | null>(null);
  sets.set(key, arrives);
  const ids = async (text: string) => [...(await engine.tokenize(text)).ids];
  Promise.all(texts.map(async ([a, b, correct, wrong]) => {
    const [clean, corrupted] = await Promise.all([ids(a), ids(b)]);
    return { clean, corrupted, correct: tokenOf(app, correct), wrong: tokenOf(app, wrong) };
  })).then((pairs) => (arrives.value = pairs), () => sets.delete(key));
  return arrives.value;
}

export function useBench(): Bench | { readonly problem: string } | null {
  const { app } = usePage();
  const pair = app.runner.shown.value;
  if (!pair) return null;
  const { a, b } = pair;
  if (!b) return { problem: 'Patching takes two prompts that differ in a word or two: what is alike in both is alike in the model, and what differs shows where the difference is kept.' };
  const [clean, corrupted] = [[...a.tokenized.ids], [...b.tokenized.ids]];
  const problem = pairProblem(clean, corrupted);
  if (problem) return { problem };
  const view = app.view.value;
  const set = view.set === 'all' ? setOf(TASKS[a.info.id] ?? [], a.text, b.text) : null;
  const all = set && idsOf(app, a.info, set.pairs);
  const [pA, pB] = [probabilitiesAt(a.before, clean.length - 1), probabilitiesAt(b.before, clean.length - 1)];
  const own = pA && pB && ownAnswers(pA, pB);
  if (!own || (set && !all)) return null;
  const inSet = set && all?.[set.at];
  const answers = inSet ? ([inSet.correct, inSet.wrong] as const) : (view.answers ?? own.answers);
  const pairs = all ?? [{ clean, corrupted, correct: answers[0], wrong: answers[1] }];
  return {
    a, b, answers, own: view.answers === null, predicted: own.predicted, pairs, part: pairPart(view, pairs), means: pairs.length > 1 ? `; mean over ${pairs.length} pairs` : '',
  };
}
