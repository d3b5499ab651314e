/** The Look bench: its tabs, which of the prompts or differences they show, and the one that is open. */
import type { Shown } from '../state/run';
import { OPTIONS, type View } from '../state/view';
import { deferred } from '../ui/deferred';
import { Segments } from '../ui/Segments';
import { AttentionTab } from './AttentionTab';
import { usePage } from './page';
import { Tabs } from './Tabs';

/** Numbers the pictures, so that who looks from outside can tell a new one from the one before. */
const numbers = new WeakMap<object, number>();
let drawn = 0;
export function runNumber(of: object): number {
  const number = numbers.get(of) ?? ++drawn;
  numbers.set(of, number);
  return number;
}

export const TAB_NAMES: Readonly<Record<View['tab'], string>> = {
  attention: 'Attention', stream: 'Residual stream', lens: 'Logit lens', attribution: 'Attribution', mlp: 'MLP',
  written: 'Written', hooks: 'Hooks', generate: 'Generate',
};

/** Every tab but the first comes in one piece of its own, when one of them is first opened. */
const OtherTab = deferred(() => import('./tabs/index').then((m) => m.OtherTab));

const SIDES: readonly (readonly [View['side'], string, string])[] = [
  ['a', 'A', 'Prompt A, with the edits in force'],
  ['b', 'B', 'Prompt B, with the edits in force'],
  ['a-b', 'A − B', 'The difference of both prompts, position by position'],
  ['effect', 'effect', 'What the edits change: prompt A with them, less prompt A without'],
];

export function Look({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { experiment, runner, view, problem } = app;
  const { tab, side } = view.value;
  const { attn_only } = shown.info.config;
  const tabs = OPTIONS.tab.filter((name) => name !== 'mlp' || !attn_only);
  const open = tabs.includes(tab) ? tab : 'attention';
  const pair = runner.shown.value;
  // While another model is on its way what is shown is still the last one's.
  const stale = runner.stale.value || app.model.value.kind !== 'ready';
  const compares = pair !== null && (pair.b !== null || pair.a.edits.length > 0);
  return (
    <>
      <div class="tabs-line">
        <Tabs label="Ways of looking" names={tabs} open={open} nameOf={(name) => TAB_NAMES[name]} onOpen={(name) => experiment.look({ tab: name })} />
        {compares && (
          <Segments
            label="Which run is shown"
            value={side}
            options={SIDES.filter(([s]) => (s === 'effect' ? pair.a.edits.length > 0 : s === 'a' || pair.b !== null))}
            onPick={(picked) => experiment.look({ side: picked })}
          />
        )}
      </div>
      {problem.value && (
        <p class="quiet-note muted" role="status">
          {problem.value} Prompt A is shown.
        </p>
      )}
      <div
        class="look"
        id="bench"
        role="tabpanel"
        aria-labelledby={`tab-${open}`}
        data-tab={open}
        data-run={runNumber(pair ?? shown)}
        data-stale={stale}
        aria-busy={stale}
      >
        {open === 'attention' ? <AttentionTab shown={shown} /> : <OtherTab tab={open} shown={shown} />}
      </div>
    </>
  );
}
