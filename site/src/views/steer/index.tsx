/** The Steer bench: a direction added to the stream, its effect and its price; and other ways to the same end. */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { ModelInfo } from '../../engine/types';
import type { Shown } from '../../state/run';
import { OPTIONS } from '../../state/view';
import { runNumber } from '../Look';
import { usePage } from '../page';
import { Tabs } from '../Tabs';
import { DirectionTab } from './DirectionTab';
import { readyFor } from './ready';
import { RecipeLine } from './RecipeControls';
import { useBench } from './useBench';
import { WaysTab } from './WaysTab';
import '../../styles/steer.css';

export { SteerInspector, SteerLine } from './SteerInspector';

const TABS = { direction: 'Direction', ways: 'Understanding v. control' } as const;

/** Another model has directions that are ready and measured: offered where this one has none. */
function Better({ info }: { readonly info: ModelInfo }) {
  const { app } = usePage();
  const better = readyFor(info.id).length > 0 ? undefined : app.models.value.find(({ id }) => readyFor(id).length > 0);
  return better ? (
    <p class="quiet-note muted">
      {better.title} has directions that were found and measured on it, which steer well.{' '}
      <button type="button" class="link" onClick={() => app.choose(better.id)}>
        Use it ({(better.bytes / 1e6).toFixed(1)} MB)
      </button>
    </p>
  ) : null;
}

export function SteerBench({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  // Steering is about prompt A, whichever is looked at elsewhere.
  const bench = useBench(app.runner.shown.value?.a ?? shown);
  const [edits, edit] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const onEscape = (event: KeyboardEvent) => {
    if (!edits || event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    edit(false);
    opener.current?.focus();
  };
  const { control } = app.view.value;
  const stale = app.runner.stale.value || app.model.value.kind !== 'ready';
  const panel = (children: ComponentChildren) => (
    <div class="look steer" id="bench" role="tabpanel" aria-labelledby={`tab-${control}`} data-tab={control} data-run={runNumber(app.runner.shown.value ?? shown)} data-stale={stale} aria-busy={stale}>
      {children}
    </div>
  );
  return (
    <>
      <div class="tabs-line" onKeyDown={onEscape}>
        <Tabs label="Ways of steering" names={OPTIONS.control} open={control} nameOf={(name) => TABS[name]} onOpen={(name) => app.experiment.look({ control: name })} />
        {control === 'direction' && (
          <div class="steer-line">
            <RecipeLine {...bench} open={() => edit(true)} />
            <button type="button" class="link" ref={opener} aria-expanded={edits} onClick={() => edit(!edits)}>
              {'contrast' in bench.steer.recipe ? 'Edit pairs' : 'Edit'}
            </button>
          </div>
        )}
      </div>
      <Better info={bench.shown.info} />
      {control === 'direction' ? <DirectionTab bench={bench} edits={edits} onEscape={onEscape} panel={panel} /> : <WaysTab bench={bench} panel={panel} />}
    </>
  );
}
