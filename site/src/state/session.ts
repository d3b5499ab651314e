/** How a visit begins and what it leaves: a link that was opened, else the experiment as it was last left; and each
 *  change kept. */
import { effect, signal } from '@preact/signals';
import type { App } from './app';
import { agree, fromDocument, plan, retokenized, toDocument, type Agreement, type ExperimentDocument, type Numbers, type Plan } from './document';
import { decodeLink, isLink } from './link';
import { meanLoss, probabilitiesAt, weightAt } from './reading';
import { topIndices } from './numbers';
import type { Saved } from './saved';

export type Opened =
  | { readonly problem: string }
  | { readonly document: ExperimentDocument; readonly plan: Plan; readonly tokens: string | null; readonly agreement: Agreement | null };

/** Numbers of what is shown by which a link's receiver can tell whether theirs are the same; null while they are on their way. */
export function keyNumbers(app: App): Numbers | null {
  const pair = app.runner.shown.value;
  const shown = app.shown.value;
  if (!pair || !shown || app.runner.stale.value) return null;
  const { head, dest, src } = app.selection.lock.value;
  const at = dest ?? shown.tokenized.ids.length - 1;
  const p = probabilitiesAt(shown.now, at);
  const best = p && topIndices(p, 1)[0];
  const looks = head && dest !== null && src !== null;
  if (!p || (looks && !shown.now.pattern(head))) return null;
  const losses = { loss: meanLoss(pair.a.now.loss), loss_unedited: meanLoss(pair.a.before.loss), loss_b: pair.b && meanLoss(pair.b.now.loss) };
  return {
    ...(Object.fromEntries(Object.entries(losses).filter(([, loss]) => loss !== null)) as Numbers),
    ...(best != null && { next_id: best, next: p[best] ?? 0 }),
    ...(looks && { weight: weightAt(shown.now, head, dest, src) }),
  };
}

export function createSession(app: App, saved: Saved, storedModels: () => Promise<Iterable<string>>) {
  const opened = signal<Opened | null>(null);
  const { experiment, runner, selection, model } = app;

  const document = (withNumbers: boolean): ExperimentDocument => {
    const pair = runner.shown.value;
    const now = experiment.current.value;
    const true_ = pair && !runner.stale.value && pair.ask.text === now.text && pair.ask.textB === now.textB;
    return toDocument(now, withNumbers ? selection.lock.value : app.kept(), {
      info: model.value.kind === 'ready' ? model.value.info : null,
      a: withNumbers && true_ ? pair.a.tokenized.ids : null,
      b: withNumbers && true_ ? (pair.b?.tokenized.ids ?? null) : null,
      ...(withNumbers && { numbers: keyNumbers(app) ?? {} }),
    });
  };

  /** What a change of is kept: not a model that has loaded, nor numbers. */
  const state = () => JSON.stringify([experiment.current.value, app.kept()]);
  /** The state that the visit began with, until a person changes it: a story or a link that was only looked at does
   *  not take the place of what was left. Null: the visit has not begun. */
  let found: string | null = null;

  function show(document: ExperimentDocument) {
    const { experiment: next, lock } = fromDocument(document);
    app.replace(next, lock);
  }

  let links = 0;
  async function openLink() {
    const link = ++links;
    const read = await decodeLink(location.hash);
    const stored = await storedModels().catch(() => []);
    if (link !== links) return; // another one came meanwhile
    if ('problem' in read) {
      opened.value = read;
      return;
    }
    saved.setAside();
    const { document } = read;
    const next = plan(document, app.models.value, stored);
    // From here on the experiment lives in the page: the address would only tell how it began.
    history.replaceState(null, '', location.href.replace(/#.*$/s, ''));
    if (next.kind === 'run') app.release();
    else app.hold(document.model?.id ?? '');
    const begun = found !== null;
    found = null;
    show(document);
    if (begun) found = state();
    opened.value = { document, plan: next, tokens: null, agreement: null };
  }

  // Compared once, with the first true picture of what was sent.
  effect(() => {
    const now = opened.value;
    const pair = runner.shown.value;
    if (!now || 'problem' in now) return;
    if (now.plan.kind !== 'run') {
      if (!app.held.value) opened.value = null; // another model was chosen
      return;
    }
    const ours = keyNumbers(app);
    if (now.agreement || !pair || !ours || state() !== found) return;
    const agreement = agree(now.document.numbers, ours);
    const tokens = retokenized(now.document, { a: pair.a.tokenized.ids, b: pair.b?.tokenized.ids ?? null });
    if (agreement || tokens) opened.value = { ...now, agreement, tokens };
  });

  effect(() => {
    const now = state();
    if (found === null || found === now) return;
    found = '';
    saved.autosave(document(false));
  });

  addEventListener('hashchange', () => {
    if (isLink(location.hash)) void openLink();
  });

  return {
    saved,
    opened,
    document,
    async begin() {
      const last = saved.last();
      if (last) {
        const { experiment: left, lock } = fromDocument(last);
        app.begin(left, lock);
      }
      await app.list();
      if (isLink(location.hash)) await openLink();
      found = state();
      await app.start();
    },
    /** What a person pressed the button for. */
    run() {
      const now = opened.value;
      if (now && 'plan' in now && now.plan.kind === 'ask') opened.value = { ...now, plan: { kind: 'run', id: now.plan.id } };
      app.release();
    },
    dismiss() {
      opened.value = null;
      if (isLink(location.hash)) history.replaceState(null, '', location.href.replace(/#.*$/s, ''));
    },
    open(found: ExperimentDocument) {
      opened.value = null;
      show(found);
    },
  };
}

export type Session = ReturnType<typeof createSession>;
