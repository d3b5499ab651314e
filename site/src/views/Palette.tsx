/** Find anything by its name: heads, hooks, tokens of the text, ways of looking, actions. */
import { useId, useState } from 'preact/hooks';
import { EXAMPLES } from '../state/examples';
import { KEYS } from '../state/keys';
import { headName, label, role, scoresOfHead } from '../state/reading';
import { OPTIONS } from '../state/view';
import { useModal } from './Dialog';
import { TAB_NAMES } from './Look';
import { usePage } from './page';

interface Found {
  readonly name: string;
  readonly kind: string;
  readonly go: () => void;
}

const MOST = 12;

/** The tab that is open now, or its bench while that is on its way. */
const focusOpened = () => (document.querySelector<HTMLElement>('.tabs [aria-selected="true"]') ?? document.querySelector<HTMLElement>('.rail [aria-current]'))?.focus();

/** How well a name answers; the less the better, null not at all. */
function distance(name: string, words: readonly string[]): number | null {
  const low = name.toLowerCase().replaceAll('␣', ' ');
  let sum = 0;
  for (const word of words) {
    const at = low.indexOf(word);
    if (at < 0) return null;
    sum += at;
  }
  return sum;
}

function everything(page: ReturnType<typeof usePage>): readonly Found[] {
  const { app, toggleTheme } = page;
  const { experiment, selection } = app;
  const shown = app.shown.value;
  const heads = (shown?.now.heads ?? []).map(({ layer, head }) => {
    const scores = shown && scoresOfHead(shown.now, { layer, head });
    const what = scores ? role(scores) : null;
    const name = headName({ layer, head });
    return { name, what, id: { layer, head } };
  });
  return [
    ...OPTIONS.tab.filter((tab) => tab !== 'mlp' || !shown?.info.config.attn_only).map((tab) => ({ name: TAB_NAMES[tab], kind: 'view', go: () => experiment.look({ tab }) })),
    ...OPTIONS.bench.map((bench) => ({ name: bench, kind: 'bench', go: () => experiment.look({ bench }) })),
    ...heads.map(({ name, what, id }) => ({
      name, kind: what ? `head, ${what.kind} ${what.score.toFixed(2)}` : 'head',
      go: () => {
        experiment.look({ tab: 'attention' });
        selection.moveTo({ head: id, src: null });
      },
    })),
    ...(shown?.tokenized.tokens ?? []).map((token, dest) => ({ name: label(token, dest), kind: 'token', go: () => selection.moveTo({ dest, src: null, depth: null }) })),
    ...app.hooks.value.map(({ name }) => ({ name, kind: `hook${name.replace(/^blocks\.(\d+)\..*/, ' L$1').replace(/^hook.*|^ln_final.*|^logits/, '')}`, go: () => experiment.look({ tab: 'hooks', hook: name }) })),
    ...heads.map(({ name, id }) => ({ name: `switch ${name} ${experiment.isOff(id) ? 'on' : 'off'}`, kind: 'action', go: () => experiment.toggleHead(id) })),
    { name: 'new intervention', kind: 'action', go: () => (app.panel.value = { edit: null, index: null }) },
    { name: 'share as a link', kind: 'action', go: () => (app.panel.value = 'share') },
    { name: 'saved experiments and history', kind: 'action', go: () => (app.panel.value = 'saved') },
    { name: 'light or dark', kind: 'action', go: toggleTheme },
    { name: 'clear all interventions', kind: 'action', go: () => experiment.clear() },
    ...KEYS.filter(({ key }) => key !== 'k').map(({ does, shows, run }) => ({ name: does, kind: `key ${shows}`, go: () => run(app) })),
    ...app.models.value.map(({ id, title }) => ({ name: title, kind: 'model', go: () => app.choose(id) })),
    ...EXAMPLES.map((example) => ({ name: example.name, kind: 'example', go: () => app.useExample(example) })),
  ];
}

export function Palette({ onClose }: { readonly onClose: () => void }) {
  const page = usePage();
  const dialog = useModal();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const [all] = useState(() => everything(page));
  const words = typed.toLowerCase().replaceAll('␣', ' ').split(/\s+/).filter(Boolean);
  const found = all
    .map((item) => ({ item, by: distance(`${item.name} ${item.kind}`, words) }))
    .filter(({ by }) => by !== null)
    .sort((a, b) => (a.by ?? 0) - (b.by ?? 0) || a.item.name.length - b.item.name.length)
    .slice(0, MOST)
    .map(({ item }) => item);
  const chosen = Math.min(at, found.length - 1);
  const take = (item: Found | undefined) => {
    if (!item) return;
    // Closed first, so that what the command opens may take the focus.
    dialog.current?.close();
    onClose();
    item.go();
    if (['view', 'bench', 'hook', 'head'].some((kind) => item.kind.startsWith(kind))) setTimeout(focusOpened);
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Find" onClose={() => dialog.current && onClose()} onClick={(event) => event.target === dialog.current && onClose()}>
      <input
        autofocus
        role="combobox"
        aria-label="Find a head, a hook, a token or an action"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length > 0 ? `${id}-${chosen}` : undefined}
        placeholder="L1H3, hook_z, cat, undo …"
        autocomplete="off"
        spellcheck={false}
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (event.key === 'Enter') take(found[chosen]);
          else if (step) setAt((chosen + step + found.length) % Math.max(1, found.length));
          else return;
          event.preventDefault();
        }}
      />
      <ul role="listbox" id={`${id}-list`} aria-label="Found">
        {found.map((item, i) => (
          <li key={`${item.kind} ${item.name}`} id={`${id}-${i}`} role="option" aria-selected={i === chosen} onPointerMove={() => setAt(i)} onClick={() => take(item)}>
            {item.name} <span class="muted">{item.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted">Nothing here has that name.</p>}
    </dialog>
  );
}
