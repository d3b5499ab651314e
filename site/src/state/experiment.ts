/** What a person has set up: a text and the interventions on its run, with undo and redo over both. */
import { computed, signal } from '@preact/signals';
import type { Edit } from '../engine/types';
import type { HeadId } from './selection';

export interface Intervention {
  readonly edit: Edit;
  /** Kept, but not in force. */
  readonly muted: boolean;
}

export interface Experiment {
  readonly text: string;
  readonly interventions: readonly Intervention[];
}

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

export function createExperiment(initial: Experiment) {
  const current = signal(initial);
  const past = signal<readonly Experiment[]>([]);
  const future = signal<readonly Experiment[]>([]);
  let typing = false;

  const commit = (next: Experiment) => {
    past.value = [...past.value, current.value].slice(-HISTORY_LENGTH);
    future.value = [];
    current.value = next;
  };
  const change = (next: Experiment) => {
    typing = false;
    commit(next);
  };
  const setInterventions = (interventions: readonly Intervention[]) => change({ ...current.value, interventions });
  const indexOfHead = ({ layer, head }: HeadId) =>
    current.value.interventions.findIndex((i) => {
      const off = ablatedHead(i.edit);
      return off !== null && off.layer === layer && off.head === head;
    });

  return {
    current,
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    /** The edits that the next run applies, in their order. */
    inForce: computed(() => current.value.interventions.filter((i) => !i.muted).map((i) => i.edit)),

    /** Typing: one stretch of it is one step of undo, until `endTyping` or any other change. */
    type(text: string) {
      if (text === current.value.text) return;
      if (typing) current.value = { ...current.value, text };
      else commit({ ...current.value, text });
      typing = true;
    },
    endTyping() {
      typing = false;
    },
    useText(text: string) {
      if (text !== current.value.text) change({ ...current.value, text });
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
    toggleMute(index: number) {
      setInterventions(current.value.interventions.map((x, i) => (i === index ? { ...x, muted: !x.muted } : x)));
    },
    remove(index: number) {
      setInterventions(current.value.interventions.filter((_, i) => i !== index));
    },
    clear() {
      if (current.value.interventions.length > 0) setInterventions([]);
    },
    undo() {
      const last = past.value.at(-1);
      if (!last) return;
      typing = false;
      past.value = past.value.slice(0, -1);
      future.value = [...future.value, current.value];
      current.value = last;
    },
    redo() {
      const next = future.value.at(-1);
      if (!next) return;
      typing = false;
      future.value = future.value.slice(0, -1);
      past.value = [...past.value, current.value];
      current.value = next;
    },
  };
}

export type ExperimentState = ReturnType<typeof createExperiment>;
