/** The keys of the page: one table, which the help prints and the listener obeys. */
import { signal } from '@preact/signals';
import type { App } from './app';
import type { HeadId } from './selection';

export interface Key {
  /** KeyboardEvent.key; `mod` means Ctrl, or Cmd on a Mac. */
  readonly key: string;
  readonly mod?: boolean;
  readonly shift?: boolean;
  readonly shows: string;
  readonly does: string;
  readonly run: (app: App) => void;
}

const STORE = 'hookscope.keys';

function stepHead(app: App, step: { readonly head?: number; readonly layer?: number }) {
  const { head } = app.selection.shown.value;
  const { nHeads, nLayers } = app.selection.ground.value;
  if (!head) return;
  const wrap = (i: number, n: number) => (i + n) % n;
  const next: HeadId = {
    layer: wrap(head.layer + (step.layer ?? 0), nLayers),
    head: wrap(head.head + (step.head ?? 0), nHeads),
  };
  app.selection.moveTo({ head: next, src: null });
}

export function switchShownHead(app: App) {
  const { head } = app.selection.shown.value;
  if (head) app.experiment.toggleHead(head);
}

export const KEYS: readonly Key[] = [
  { key: 'a', shows: 'a', does: 'switch the shown head off or on', run: switchShownHead },
  { key: '[', shows: '[', does: 'head before', run: (app) => stepHead(app, { head: -1 }) },
  { key: ']', shows: ']', does: 'head after', run: (app) => stepHead(app, { head: 1 }) },
  { key: '{', shows: '{', does: 'layer before', run: (app) => stepHead(app, { layer: -1 }) },
  { key: '}', shows: '}', does: 'layer after', run: (app) => stepHead(app, { layer: 1 }) },
  { key: 'e', shows: 'e', does: 'edit the text', run: (app) => { app.editing.value = 'text'; } },
  { key: 'k', shows: 'k', does: 'Patch: keep the patch in force, or take it out', run: (app) => app.own.get('k')?.() },
  { key: 'd', shows: 'd', does: 'Patch: sweep destination by source of the head', run: (app) => app.own.get('d')?.() },
  { key: 'p', shows: 'p', does: 'Patch: path patch from here', run: (app) => app.own.get('p')?.() },
  { key: 'x', shows: 'x', does: 'Patch: swap A and B', run: (app) => app.own.get('x')?.() },
  { key: 'k', mod: true, shows: 'Ctrl K', does: 'find a head, a hook, a token or an action', run: (app) => { app.panel.value = 'palette'; } },
  { key: '?', shows: '?', does: 'this help', run: (app) => { app.panel.value = 'help'; } },
  { key: 'z', mod: true, shows: 'Ctrl Z', does: 'undo', run: (app) => app.experiment.undo() },
  { key: 'z', mod: true, shift: true, shows: 'Ctrl Shift Z', does: 'redo', run: (app) => app.experiment.redo() },
  { key: 'Escape', shows: 'Esc', does: 'unlock', run: (app) => app.selection.unlock() },
];

const inText = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest('input, textarea, select, dialog[open]') !== null;

export function createKeys(app: App) {
  let kept = true;
  try {
    kept = localStorage.getItem(STORE) !== 'off';
  } catch {
    /* storage may be forbidden: the setting then lasts as long as the page */
  }
  /** Keys of one character may be switched off: speech input types them by accident. */
  const single = signal(kept);
  const listen = (event: KeyboardEvent) => {
    if (event.defaultPrevented || inText(event.target) || event.altKey) return;
    const mod = event.ctrlKey || event.metaKey;
    const found = KEYS.find(
      (k) => k.key === (mod ? event.key.toLowerCase() : event.key) && (k.mod ?? false) === mod && (!k.mod || (k.shift ?? false) === event.shiftKey),
    );
    if (!found || (found.key.length === 1 && !found.mod && !single.value)) return;
    event.preventDefault();
    found.run(app);
  };
  return {
    single,
    listen,
    toggleSingle() {
      single.value = !single.value;
      try {
        localStorage.setItem(STORE, single.value ? 'on' : 'off');
      } catch {
        /* as above */
      }
    },
  };
}

export type Keys = ReturnType<typeof createKeys>;
