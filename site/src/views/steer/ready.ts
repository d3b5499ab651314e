/** What the bench begins with: what was found and measured for the model, or a contrast that fits most. */
import type { ModelInfo } from '../../engine/types';
import { streamHooks, type Steer, type VectorRecipe } from '../../state/steer';
import { STEERINGS, type MeasuredSteering } from '../../state/steeringMeasured';

export interface Ready {
  /** What it does, in few words, and how much of it. */
  readonly name: string;
  /** How well that was measured. */
  readonly about: string;
  readonly steer: Steer;
}

const REST = { op: 'add', effect: null, off: [], force: 'off' } as const;

function readyOf({ name, about, hook, position, strength, positive, negative, effect, measured }: MeasuredSteering): Ready {
  const { effect: gain, random, perplexity, collapse } = measured;
  return {
    name: `${name}: ${about[0]?.toLowerCase()}${about.slice(1, -1)}; log-odds +${gain}`,
    about: `${about} Measured at ${strength}: log-odds +${gain}, of random directions ${random}; perplexity × ${perplexity}${collapse === null ? '' : `; texts fall apart from ${collapse} on`}.`,
    steer: {
      ...REST, recipe: { contrast: { positive, negative }, hook, method: 'mean', position }, hook, where: 'rest', strength,
      // Steps of one, to where texts fall apart and a little further.
      range: 8 * Math.ceil((1.2 * (collapse ?? 2 * strength)) / 8), effect, instead: `${positive[0] ?? ''}.`, patch: { text: positive[0] ?? '', hook },
    },
  };
}

/** Directions that were found and measured for a shipped model. */
export const readyFor = (model: string): readonly Ready[] => (STEERINGS[model] ?? []).map(readyOf);

/** Pairs to begin with, to be changed. */
export const plainPairs = (hook: string): VectorRecipe => ({
  contrast: {
    positive: ['The girl was very happy', 'Tom felt so happy', 'It was a happy day and Lily laughed'],
    negative: ['The girl was very sad', 'Tom felt so sad', 'It was a sad day and Lily cried'],
  },
  hook, method: 'mean', position: 'last',
});

/** What goes with them. */
const PLAIN = { instead: 'Everyone was happy and laughed.', text: 'The girl was very happy' };

/** Where the bench opens with less than the strength that was measured: the last of the slider's steps up to that at which no text of
 *  “The red bear sat on the bed. Then the red”, of all of it as the page opens on it, or of “Once upon a time there was” repeats a
 *  3-gram (`hs dose`; seeds 1 to 3, 40 tokens). */
const OPENS: Readonly<Record<string, number>> = { 'stories-2l': 0.75 };

export function beginning({ id, config }: ModelInfo): Steer {
  const [first] = readyFor(id);
  if (first) return { ...first.steer, strength: OPENS[id] ?? first.steer.strength };
  const hooks = streamHooks(config).filter((hook) => /pre$/.test(hook));
  const hook = hooks[Math.floor(hooks.length / 2)] ?? 'hook_embed';
  return { ...REST, recipe: plainPairs(hook), hook, where: 'all', strength: 0.5, range: 2, instead: PLAIN.instead, patch: { text: PLAIN.text, hook } };
}

/** Another direction's words for the other ways: those that came with a direction go with it, those that a person wrote stay. */
export function wordsOf(model: string, { instead, patch }: Steer, recipe: VectorRecipe): Pick<Steer, 'instead' | 'patch'> {
  const all = readyFor(model).map(({ steer }) => steer);
  const ready = all.find((one) => JSON.stringify(one.recipe) === JSON.stringify(recipe));
  const next = ready ? { instead: ready.instead, text: ready.patch.text } : 'contrast' in recipe ? PLAIN : { instead: '', text: '' };
  const came = (words: string, of: (one: Pick<Steer, 'instead' | 'patch'>) => string) => words === '' || all.some((one) => of(one) === words);
  return {
    instead: came(instead, (one) => one.instead) || instead === PLAIN.instead ? next.instead : instead,
    patch: came(patch.text, (one) => one.patch.text) || patch.text === PLAIN.text ? { ...(ready?.patch ?? patch), text: next.text } : patch,
  };
}
