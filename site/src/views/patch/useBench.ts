/** What every study of the bench is about: both prompts, the answers, the metric; or why there is none. */
import { probabilitiesAt } from '../../state/reading';
import type { Shown } from '../../state/run';
import { ownAnswers, pairPart, pairProblem, type Answers, type PairPart } from '../../state/patch';
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
  readonly part: PairPart;
}

export function useBench(): Bench | { readonly problem: string } | null {
  const { app } = usePage();
  const pair = app.runner.shown.value;
  if (!pair) return null;
  const { a, b } = pair;
  if (!b) return { problem: 'Patching takes two prompts that differ in a word or two: what is alike in both is alike in the model, and what differs shows where the difference is kept.' };
  const [idsA, idsB] = [[...a.tokenized.ids], [...b.tokenized.ids]];
  const problem = pairProblem(idsA, idsB);
  if (problem) return { problem };
  const view = app.view.value;
  const [pA, pB] = [probabilitiesAt(a.before, idsA.length - 1), probabilitiesAt(b.before, idsB.length - 1)];
  const own = pA && pB && ownAnswers(pA, pB);
  const answers = view.answers ?? own?.answers;
  return own && answers ? { a, b, answers, own: view.answers === null, predicted: own.predicted, part: pairPart(view, idsA, idsB, answers) } : null;
}
