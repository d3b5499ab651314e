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

/** Numbers of what is shown by which a link's receiver can tell whether theirs are the same. */
export function keyNumbers(app: App): Numbers {
  const pair = app.runner.shown.value;
  const shown = app.shown.value;
  if (!pair || !shown || app.runner.stale.value) return {};
  const { head, dest, src } = app.selection.lock.value;
  const at = dest ?? shown.tokenized.ids.length - 1;
  const p = probabilitiesAt(shown.now, at);
  const best = p && topIndices(p, 1)[0];
  const losses = { loss: meanLoss(pair.a.now.loss), loss_unedited: meanLoss(pair.a.before.loss), loss_b: pair.b && meanLoss(pair.b.now.loss) };
  return {
    ...(Object.fromEntries(Object.entries(losses).filter(([, loss]) => loss !== null)) as Numbers),
    ...(p && best !== null && best !== undefined && { next_id: best, next: p[best] ?? 0 }),
    ...(head && dest !== null && src !== null && { weight: weightAt(shown.now, head, dest, src) }),
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
      ...(withNumbers && { numbers: keyNumbers(app) }),
    });
  };

  /** Puts a document in the place of the experiment; whether it may run is its plan. */
  function show(found: ExperimentDocument): Plan {
    const { experiment: next, lock } = fromDocument(found);
    app.replace(next, lock);
    return plan(found, app.models.value);
  }

  /** Opens what the address holds; true if it may run. */
  async function openLink(fragment: string): Promise<boolean> {
    const read = await decodeLink(fragment);
    if ('problem' in read) {
      opened.value = read;
      return true;
    }
    saved.setAside();
    const found = read.document;
    const next = plan(found, app.models.value, await storedModels());
    // From here on the experiment lives in the page: the address would only tell how it began.
    history.replaceState(null, '', location.href.replace(/#.*$/s, ''));
    if (next.kind !== 'run') app.hold();
    show(found);
    opened.value = { document: found, plan: next, tokens: null, agreement: null };
    return next.kind === 'run';
  }

  // Compared once, with the first true picture of what was sent.
  effect(() => {
    const now = opened.value;
    const pair = runner.shown.value;
    if (!now || 'problem' in now || now.agreement || now.plan.kind !== 'run' || !pair || runner.stale.value || app.held.value) return;
    const ours = keyNumbers(app);
    if (Object.keys(ours).length === 0) return;
    const agreement = agree(now.document.numbers, ours);
    if (agreement && 'next' in (now.document.numbers ?? {}) && !('next' in ours)) return; // logits on their way
    const tokens = retokenized(now.document, { a: pair.a.tokenized.ids, b: pair.b?.tokenized.ids ?? null });
    if (agreement || tokens) opened.value = { ...now, agreement, tokens };
  });

  let begun = false;
  effect(() => {
    const now = document(false);
    if (begun) saved.autosave(now);
  });

  addEventListener('hashchange', () => {
    if (isLink(location.hash)) void openLink(location.hash);
  });
  const flush = () => saved.flush();
  addEventListener('pagehide', flush);
  addEventListener('visibilitychange', () => globalThis.document.hidden && flush());

  return {
    saved,
    opened,
    document,
    async begin() {
      const last = isLink(location.hash) ? null : saved.last();
      if (last) {
        const { experiment: left, lock } = fromDocument(last);
        app.begin(left, lock);
      }
      await app.list();
      if (isLink(location.hash)) await openLink(location.hash);
      begun = true;
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
