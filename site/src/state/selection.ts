/** One selection for every view: hover previews, a click locks, the same click again or Esc unlocks.
 *  What is shown is the hover over the lock over what rests there when nothing is locked. */
import { computed, signal } from '@preact/signals';

export interface HeadId {
  readonly layer: number;
  readonly head: number;
}

export interface NeuronId {
  readonly layer: number;
  readonly neuron: number;
}

/** `depth` counts the states of the residual stream (`states` in reading.ts). */
export interface Selection {
  readonly head: HeadId | null;
  readonly dest: number | null;
  readonly src: number | null;
  readonly depth: number | null;
  readonly neuron: NeuronId | null;
}

/** What the pointer is over. `column`: a source by itself, whatever the destination. */
export type Hover = Partial<Selection> & { readonly column?: number };

/** What is shown when nothing is locked, and the bounds of what can be: set by each run. */
export interface Ground {
  readonly head: HeadId | null;
  readonly nLayers: number;
  readonly nHeads: number;
  readonly nTokens: number;
  readonly nDepths: number;
  readonly dMlp: number;
}

export const NOTHING: Selection = { head: null, dest: null, src: null, depth: null, neuron: null };

export const sameHead = (a: HeadId | null, b: HeadId | null): boolean =>
  a === b || (a !== null && b !== null && a.layer === b.layer && a.head === b.head);

const within = (i: number | null, n: number): number | null => (i !== null && i < n ? i : null);

export function createSelection() {
  const lock = signal<Selection>(NOTHING);
  const hover = signal<Hover | null>(null);
  const ground = signal<Ground>({ head: null, nLayers: 0, nHeads: 0, nTokens: 0, nDepths: 0, dMlp: 0 });
  /** True while the lock is the story's own, so that it may follow the text; false once a person chose. */
  const followsStory = signal(true);

  /** Where the lock was when it was let go, and in a text of how many tokens. */
  const left = signal<{ readonly at: Selection; readonly nTokens: number } | null>(null);

  /** A point, without what this run does not have. */
  const bounded = ({ head, dest, src, depth, neuron }: Selection): Selection => {
    const { nLayers, nHeads, nTokens, nDepths, dMlp } = ground.value;
    const d = within(dest, nTokens);
    return {
      head: head && head.layer < nLayers && head.head < nHeads ? head : null,
      dest: d,
      src: d === null || src === null || src > d ? null : src,
      depth: d === null ? null : within(depth, nDepths),
      neuron: neuron && neuron.layer < nLayers && neuron.neuron < dMlp ? neuron : null,
    };
  };
  const locked = computed<Selection>(() => bounded(lock.value));
  /** What is shown without a pointer: the lock, or the place where it was let go, while the text is as long. */
  const resting = computed<Selection>(() => {
    const g = ground.value;
    const point = left.value?.nTokens === g.nTokens ? bounded(left.value.at) : locked.value;
    return { ...point, head: point.head ?? g.head };
  });

  const shown = computed<Selection>(() => {
    const h = hover.value ?? {};
    const l = resting.value;
    const g = ground.value;
    const head = h.head ?? l.head;
    const dest = within(h.dest ?? null, g.nTokens) ?? l.dest ?? (g.nTokens > 0 ? g.nTokens - 1 : null);
    // A source or depth belongs to its destination: another destination under the pointer drops it.
    const moved = h.dest !== undefined && h.dest !== l.dest;
    // So does a source to its head: another head shows where it looks itself.
    const otherHead = h.head != null && !sameHead(h.head, l.head);
    return {
      head,
      dest,
      src: h.src !== undefined ? h.src : moved || otherHead ? null : l.src,
      depth: h.depth !== undefined ? h.depth : h.src != null || moved ? null : l.depth,
      neuron: h.neuron ?? l.neuron,
    };
  });

  const put = (next: Selection) => {
    followsStory.value = false;
    left.value = null;
    lock.value = next;
  };

  return {
    lock: locked,
    /** The lock, whether or not this run has such a place. */
    wanted: lock,
    resting,
    hover,
    ground,
    shown,
    followsStory,

    preview(point: Hover | null) {
      hover.value = point;
    },
    /** The story's own lock: does not count as a person's choice. */
    follow(point: Selection) {
      left.value = null;
      lock.value = point;
    },
    /** As it was then; nothing at all lets the story choose again. */
    restore(point: Selection) {
      put(point);
      followsStory.value = point.head === null && point.dest === null && point.neuron === null;
    },
    toggleHead(head: HeadId) {
      const now = locked.value;
      put({ ...now, src: null, head: sameHead(now.head, head) ? null : head });
    },
    toggleToken(dest: number) {
      const now = locked.value;
      const same = now.dest === dest && now.src === null && now.depth === null;
      put({ ...now, dest: same ? null : dest, src: null, depth: null });
    },
    toggleCell(dest: number, src: number) {
      const now = locked.value;
      const same = now.dest === dest && now.src === src;
      put({ ...now, head: now.head ?? shown.value.head, dest: same ? null : dest, src: same ? null : src, depth: null });
    },
    toggleVector(dest: number, depth: number) {
      const now = locked.value;
      const same = now.dest === dest && now.depth === depth;
      put({ ...now, src: null, dest: same ? null : dest, depth: same ? null : depth });
    },
    toggleNeuron(neuron: NeuronId) {
      const now = locked.value;
      const same = now.neuron?.layer === neuron.layer && now.neuron.neuron === neuron.neuron;
      put({ ...now, neuron: same ? null : neuron });
    },
    /** The arrows: moves whatever is locked, without ever unlocking. */
    moveTo(point: Partial<Selection>) {
      put({ ...locked.value, ...point });
    },
    unlock() {
      const at = resting.peek();
      hover.value = null;
      put(NOTHING);
      left.value = { at, nTokens: ground.peek().nTokens };
    },
  };
}

export type SelectionState = ReturnType<typeof createSelection>;
