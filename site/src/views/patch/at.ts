/** What the open study's pictures tell the inspector and the story: the place under the pointer, the one to begin with, and
 *  what the metric is at a place. */
import { signal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { patched, patchEdit, placeAt, selectionOf, type Place } from '../../state/patch';
import type { App } from '../../state/app';
import { NOTHING, type HeadId, type Selection } from '../../state/selection';
import type { View } from '../../state/view';
import type { Study } from '../useStudy';
import type { Base } from './cells';
import type { Whereabouts } from './kept';
import type { Said } from './stories';

export const pointed = signal<Place | null>(null);

/** The metric where a place is patched; NaN where no picture has it (yet). */
export const measured = signal<(place: Place) => number>(() => Number.NaN);

interface Told {
  readonly base: Base | null;
  /** Where a patch does most, and which whole head. */
  readonly best: Place | null;
  readonly bestHead: Place | null;
  /** Of the stream. */
  readonly where: Whereabouts | null;
}
export const NOT_TOLD: Told = { base: null, best: null, bestHead: null, where: null };
export const told = signal(NOT_TOLD);

/** What the open study says in a sentence. Sweeps tell the places, and their story is made of those. */
export const said = signal<Said>({ words: '', title: '', head: null });

/** Says it once the study is whole; `make`: of that. */
export function useStory({ state }: Pick<Study, 'state'>, make: () => Said) {
  const only = (words: string): Said => ({ words, title: '', head: null });
  const now = state === 'done' ? make() : only({ running: 'The numbers are on their way.', stopped: 'Stopped: not all of it is measured.' }[state as string] ?? '');
  useLayoutEffect(() => void (said.value = now), [JSON.stringify(now)]);
}

export function pointAt(app: App, place: Place | null) {
  const config = app.shown.peek()?.info.config;
  pointed.value = place;
  app.selection.preview(place && config ? selectionOf(place, config).at : null);
}

/** The place that is selected; null where there is none in this bench. */
export function lockedPlace(app: App): Place | null {
  const config = app.shown.value?.info.config;
  return config ? placeAt(app.selection.lock.value, app.view.value, config) : null;
}

export function lockAt(app: App, place: Place | null) {
  const config = app.shown.peek()?.info.config;
  if (!place || !config) return app.selection.unlock();
  const { site, at } = selectionOf(place, config);
  app.experiment.look({ site });
  app.selection.moveTo(at);
}

/** A head at all positions. */
export const lockHead = (app: App, head: HeadId) => lockAt(app, { site: app.view.peek().of, ...head, position: null, source: null });

/** Until a person chooses, what is selected is what does most. */
export function followBest(app: App, best: Place, bestHead: Place) {
  const shown = app.shown.peek();
  if (!shown || bestHead.head === null) return;
  const { at } = selectionOf(best, shown.info.config);
  app.tells(shown.before, { ...NOTHING, head: { layer: bestHead.layer, head: bestHead.head }, ...at });
}

interface Chosen {
  /** The prompts that it is of. */
  readonly of: string;
  readonly lock: Selection;
  readonly site: View['site'];
}
/** What a person selected in each study, as it was when the study was left. */
const chosen = new Map<View['study'], Chosen>();
/** What was selected when the open study was opened. */
let brought: Chosen | null = null;

function selectedNow(app: App): Chosen {
  const { view, model, text, textB } = app.experiment.current.peek();
  return { of: JSON.stringify([model, text, textB]), lock: app.selection.wanted.peek(), site: view.site };
}

/** Opens a study: what a person selected in it is selected again; where that was nothing, what is selected now stays.
 *  `carry`: it is opened for what is selected now. */
export function openStudy(app: App, study: View['study'], carry: Partial<View> | null = null) {
  const [now, last] = [selectedNow(app), app.view.peek().study];
  const nothing = app.selection.followsStory.peek() || JSON.stringify(now.lock) === JSON.stringify(NOTHING);
  if (nothing) chosen.delete(last);
  else if (JSON.stringify(now) !== JSON.stringify(brought)) chosen.set(last, now);
  const back = carry ? undefined : chosen.get(study);
  const restored = back?.of === now.of ? back : null;
  app.experiment.look({ study, ...(restored && { site: restored.site }), ...carry });
  if (restored) app.replace(app.experiment.current.peek(), restored.lock);
  brought = selectedNow(app);
}

const indexInForce = (app: App, place: Place): number => {
  const edit = JSON.stringify(patchEdit(place, app.view.value.direction));
  return app.experiment.current.value.interventions.findIndex((i) => !i.muted && JSON.stringify(i.edit) === edit);
};

export const inForce = (app: App, place: Place): boolean => indexInForce(app, place) >= 0;

/** The patch as an intervention, or none of it again. The other bench then shows the prompt that it acts on. */
export function toggleInForce(app: App, place: Place) {
  const { direction } = app.view.peek();
  const index = indexInForce(app, place);
  if (index >= 0) return app.experiment.remove(index);
  lockAt(app, place);
  app.experiment.look({ side: patched(direction) === 'B' ? 'b' : 'a' });
  app.experiment.put(patchEdit(place, direction));
}
