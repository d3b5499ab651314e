/** The frame: header, text, the bench, what is in force; the inspector beside it, or as a sheet below. */
import { useEffect, useState } from 'preact/hooks';
import { headName, label, probabilitiesAt } from '../state/reading';
import { share, topIndices } from '../state/numbers';
import { deferred } from '../ui/deferred';
import { Tok } from '../ui/Tok';
import { useMedia } from '../ui/useMedia';
import { Chips } from './Chips';
import { Header } from './Header';
import { Help } from './Help';
import { Inspector } from './Inspector';
import { keepFocus } from './keptFocus';
import { Look } from './Look';
import { Notices } from './Notices';
import { usePage } from './page';
import { Rail } from './Rail';
import { StoryLine } from './StoryLine';
import { TokenStrip } from './TokenStrip';

/** Each bench describes its own selection. */
const INSPECTORS = {
  look: Inspector,
  patch: deferred(() => import('./patch/index').then((m) => m.PatchInspector)),
  steer: deferred(() => import('./steer/index').then((m) => m.SteerInspector)),
} as const;

const PatchLine = deferred(() => import('./patch/index').then((m) => m.PatchLine));
const SteerLine = deferred(() => import('./steer/index').then((m) => m.SteerLine));

/** The inspector under the pictures: one line, that opens. */
function Sheet() {
  const { app } = usePage();
  const shown = app.shown.value;
  const { bench, tab, study, control } = app.view.value;
  const here = `${bench} ${tab} ${study} ${control}`;
  /** Where it was opened: another tab is looked at without it. */
  const [openAt, openIt] = useState('');
  if (openAt !== '' && openAt !== here) openIt('');
  const open = openAt === here;
  const Described = INSPECTORS[bench];
  const { head, dest, src } = app.selection.shown.value;
  if (!shown || dest === null) return null;
  const { tokens } = shown.tokenized;
  const [to, from] = [tokens[dest], src === null ? undefined : tokens[src]];
  const p = probabilitiesAt(shown.now, dest);
  const next = p ? (topIndices(p, 1)[0] ?? 0) : 0;
  return (
    <aside class="sheet" aria-label="Inspector" data-open={open}>
      <button type="button" class="sheet-bar" aria-expanded={open} onClick={() => openIt(open ? '' : here)}>
        <span class="grab" aria-hidden="true" />
        {bench === 'patch' ? <PatchLine /> : bench === 'steer' ? <SteerLine /> : (<>
        <span>
          {head && <b>{headName(head)} </b>}
          <span class="lit">
            {to && <Tok text={label(to, dest)} />}
            {from && src !== null && (
              <>
                {' ← '}
                <Tok text={label(from, src)} />
              </>
            )}
          </span>
        </span>
        <span class="muted" title="softmax of logits">
          {p && (
            <>
              next: <Tok text={app.glyph(next)} /> {share(p[next] ?? 0)}
            </>
          )}
        </span>
        </>)}
      </button>
      {open && <Described />}
    </aside>
  );
}

/** What is opened over the page comes with its own code, when it is first opened. */
const Share = deferred(() => import('./Saved').then((m) => m.Share));
const Saved = deferred(() => import('./Saved').then((m) => m.Saved));
const Palette = deferred(() => import('./Palette').then((m) => m.Palette));
const EditForm = deferred(() => import('./EditForm').then((m) => m.EditForm));

const BENCHES = {
  look: Look,
  patch: deferred(() => import('./patch/index').then((m) => m.PatchBench)),
  steer: deferred(() => import('./steer/index').then((m) => m.SteerBench)),
} as const;

function Panels() {
  const { app, session } = usePage();
  const open = app.panel.value;
  const close = () => (app.panel.value = null);
  return (
    <>
      <Help open={open === 'help'} onClose={close} />
      {open === 'share' && <Share document={() => session.document(true)} onClose={close} />}
      {open === 'saved' && <Saved saved={session.saved} document={() => session.document(true)} onOpen={session.open} onClose={close} />}
      {open === 'palette' && <Palette onClose={close} />}
      {open !== null && typeof open === 'object' && <EditForm {...open} onClose={close} />}
    </>
  );
}

export function App() {
  const { app, keys } = usePage();
  const wide = useMedia('(min-width: 1100px)');
  const narrow = useMedia('(max-width: 699px)');
  const shown = app.shown.value;
  const { bench, tab } = app.view.value;
  const [Bench, Described] = [BENCHES[bench], INSPECTORS[bench]];
  useEffect(() => {
    document.addEventListener('keydown', keys.listen);
    return () => document.removeEventListener('keydown', keys.listen);
  }, [keys]);
  useEffect(keepFocus, []);
  return (
    <div class="app" data-bench={bench}>
      <Header />
      <Rail />
      <main>
        <TokenStrip />
        <Notices />
        {shown && <Bench key={shown.info.sha256 /* what pictures kept was true of another model */} shown={shown} />}
        {shown && !narrow && bench === 'look' && tab === 'attention' && <StoryLine />}
        <Chips />
      </main>
      {wide ? (
        <aside class="inspector" aria-label="Inspector">
          <Described />
        </aside>
      ) : (
        <Sheet />
      )}
      <Panels />
    </div>
  );
}
