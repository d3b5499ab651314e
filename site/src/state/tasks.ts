/** Ready-made pairs of prompts to patch between. Which model does which task is measured: models/tasks.mjs. */

/** A clean and a corrupted prompt written as one text: `{king|queen}` is "king" in the clean one and "queen" in the
 *  corrupted one. Both have as many tokens. The answer is written the same way, is one token on either side, with its space. */
export interface TaskPair {
  readonly text: string;
  readonly answer: string;
}

export interface Task {
  readonly name: string;
  /** What is asked, in a sentence. */
  readonly about: string;
  /** Of so many prompts (both sides), in how many the own answer's logit is above the other's, and in how many above all. */
  readonly prompts: number;
  readonly right: number;
  readonly first: number;
  /** So many pairs from the first on have one length and differ at the same positions: they can be one set. */
  readonly aligned: number;
  readonly pairs: readonly TaskPair[];
}

const CLEAN = /\{(.*?)\|.*?\}/g;
const CORRUPTED = /\{.*?\|(.*?)\}/g;

/** The clean and the corrupted side of a double text. */
export const sides = (double: string): readonly [string, string] => [double.replace(CLEAN, '$1'), double.replace(CORRUPTED, '$1')];

/** A pair's texts. */
export type PairTexts = readonly [a: string, b: string, correct: string, wrong: string];

/** The set that a pair is one of, whichever way round, and which one; null where it is of none. */
export function setOf(tasks: readonly Task[], a: string, b: string | null): { readonly task: string; readonly pairs: readonly PairTexts[]; readonly at: number } | null {
  for (const { name: task, aligned, pairs: all } of tasks) {
    const straight = all.slice(0, aligned).map(({ text, answer }): PairTexts => [...sides(text), ...sides(answer)]);
    for (const pairs of [straight, straight.map(([x, y, correct, wrong]): PairTexts => [y, x, wrong, correct])]) {
      const at = pairs.findIndex(([x, y]) => x === a && y === b);
      if (at >= 0 && pairs.length > 1) return { task, pairs, at };
    }
  }
  return null;
}
