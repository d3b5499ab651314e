/** What a person has set up: model, texts, interventions, view and sampler, with undo and redo over all of it. */
import { computed, signal } from '@preact/signals';
import type { Edit } from '../engine/types';
import type { HeadId, Selection } from './selection';
import type { Steer } from './steer';
import { BEGUN, SAMPLER, type Sampler, type View } from './view';

export interface Intervention {
  readonly edit: Edit;
  /** Kept, but not in force. */
  readonly muted: boolean;
}

export interface Experiment {
  /** A shipped model's id; "" is the first. */
  readonly model: string;
  readonly text: string;
  /** Prompt B; null: there is none. */
  readonly textB: string | null;
  readonly interventions: readonly Intervention[];
  /** null: the Steer bench begins with what the model has ready. */
  readonly steer: Steer | null;
  readonly view: View;
  readonly sampler: Sampler;
}

export const EMPTY: Experiment = { model: '', text: '', textB: null, interventions: [], steer: null, view: BEGUN, sampler: SAMPLER };

const HISTORY_LENGTH = 100;

export const ablation = ({ layer, head }: HeadId): Edit => ({
  hook: `blocks.${layer}.attn.hook_z`,
  heads: [head],
  op: 'zero',
});

/** The head that an edit made by `ablation` switches off; null for any other edit. */
export function ablatedHead(edit: Edit): HeadId | null {
  const layer = /^blocks\.(\d+)\.attn\.hook_z$/.exec(edit.hook)?.[1];
  const head = edit.heads?.[0];
  const whole = edit.positions === undefined && edit.dims === undefined && edit.from === undefined;
  if (edit.op !== 'zero' || layer === undefined || head === undefined || edit.heads?.length !== 1 || !whole) return null;
  return { layer: Number(layer), head };
}

/** One step of the history: what was set up, and where the selection then was. */
interface Step {
  readonly experiment: Experiment;
  readonly lock: Selection;
}

/** Where the selection is read and put back. */
interface Place {
  get(): Selection;
  set(lock: Selection): void;
}

export function createExperiment(initial: Experiment, place: Place) {
  const current = signal(initial);
  const past = signal<readonly Step[]>([]);
  const future = signal<readonly Step[]>([]);
  /** What goes on as one step: typing, sliding, looking around. */
  let stretch: string | null = null;

  const step = (): Step => ({ experiment: current.peek(), lock: place.get() });
  /** `as`: changes of the same kind in a row are one step of undo. */
  function change(part: Partial<Experiment>, as: string | null = null) {
    if (as === null || as !== stretch) {
      past.value = [...past.value, step()].slice(-HISTORY_LENGTH);
      future.value = [];
    }
    stretch = as;
    current.value = { ...current.value, ...part };
  }
  const differs = (part: Partial<Experiment>) =>
    Object.entries(part).some(([key, value]) => JSON.stringify(current.value[key as keyof Experiment]) !== JSON.stringify(value));
  const set = (part: Partial<Experiment>, as: string | null = null) => {
    if (differs(part)) change(part, as);
  };
  const setInterventions = (interventions: readonly Intervention[], as: string | null = null) => set({ interventions }, as);
  const indexOfHead = ({ layer, head }: HeadId) =>
    current.value.interventions.findIndex((i) => {
      const off = ablatedHead(i.edit);
      return off !== null && off.layer === layer && off.head === head;
    });
  function travel(from: typeof past, to: typeof past) {
    const next = from.value.at(-1);
    if (!next) return;
    stretch = null;
    from.value = from.value.slice(0, -1);
    to.value = [...to.value, step()];
    current.value = next.experiment;
    place.set(next.lock);
  }

  return {
    current,
    past,
    future,
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    /** The edits that the next run applies, in their order. */
    inForce: computed(() => current.value.interventions.filter((i) => !i.muted).map((i) => i.edit)),
    /** What steers the next run, after those. */
    steering: computed(() => (current.value.steer?.force === 'on' ? current.value.steer : null)),

    set,
    /** Typing: one stretch of it is one step of undo, until `endTyping` or any other change. */
    type(text: string, prompt: 'text' | 'textB' = 'text') {
      set({ [prompt]: text }, `type ${prompt}`);
    },
    endTyping() {
      stretch = null;
    },
    /** A tab is the Look bench's: who opens one looks there. */
    look(view: Partial<View>) {
      set({ view: { ...current.value.view, ...(view.tab && { bench: 'look' }), ...view } }, 'look');
    },
    isOff(id: HeadId): boolean {
      const found = current.value.interventions[indexOfHead(id)];
      return found !== undefined && !found.muted;
    },
    /** Off if on, on if off; a muted ablation comes back into force. */
    toggleHead(id: HeadId) {
      const all = current.value.interventions;
      const at = indexOfHead(id);
      if (at < 0) setInterventions([...all, { edit: ablation(id), muted: false }]);
      else if (all[at]?.muted) setInterventions(all.map((x, i) => (i === at ? { ...x, muted: false } : x)));
      else setInterventions(all.filter((_, i) => i !== at));
    },
    /** A new one at the end, or another in place of number `index`; `sliding`: one step with the one before. */
    put(edit: Edit, index: number | null = null, sliding = false) {
      const all = current.value.interventions;
      const made = { edit, muted: false };
      setInterventions(index === null ? [...all, made] : all.map((x, i) => (i === index ? made : x)), sliding ? `slide ${index}` : null);
    },
    toggleMute(index: number) {
      setInterventions(current.value.interventions.map((x, i) => (i === index ? { ...x, muted: !x.muted } : x)));
    },
    remove(index: number) {
      setInterventions(current.value.interventions.filter((_, i) => i !== index));
    },
    /** `as`: see `change`. */
    steer(steer: Steer, as: string | null = null) {
      set({ steer }, as);
    },
    clear() {
      const { steer } = current.value;
      set({ interventions: [], ...(steer && { steer: { ...steer, force: 'off' as const } }) });
    },
    undo: () => travel(past, future),
    redo: () => travel(future, past),
    /** Back to a step of the history, by its place in `past`: as many undos. */
    backTo(index: number) {
      while (past.value.length > index) travel(past, future);
    },
  };
}

export type ExperimentState = ReturnType<typeof createExperiment>;
