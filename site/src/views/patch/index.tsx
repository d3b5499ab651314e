/** The Patch bench: two prompts, a metric between them, and the studies of what carries the difference. */
import { useEffect } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { METRICS } from '../../state/patch';
import type { Shown } from '../../state/run';
import { OPTIONS, type View } from '../../state/view';
import { Segments } from '../../ui/Segments';
import { useMedia } from '../../ui/useMedia';
import { runNumber } from '../Look';
import { usePage } from '../page';
import { Tabs } from '../Tabs';
import { TokenInput } from '../tabs/TokenInput';
import { AblateTab } from './AblateTab';
import { openStudy } from './at';
import { AttributeTab } from './AttributeTab';
import { CircuitTab } from './CircuitTab';
import { PairChoice, PairOffers } from './PairChoice';
import { PatchStory, StudyStory } from './PatchStory';
import { PathTab } from './PathTab';
import { SweepTab } from './SweepTab';
import { useBench, type Bench } from './useBench';
import '../../styles/studies.css';
import '../../styles/patch.css';

export { PatchInspector, PatchLine } from './PatchInspector';

const STUDIES: Readonly<Record<View['study'], readonly [name: string, Tab: ComponentType<{ readonly bench: Bench }> | null]>> = {
  sweep: ['Sweep', SweepTab],
  path: ['Path patching', PathTab],
  attribute: ['Attribution', AttributeTab],
  circuit: ['Circuit', CircuitTab],
  ablate: ['Ablation', null],
};

export function PatchBench({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { experiment, runner } = app;
  const view = app.view.value;
  const { direction, metric, cells } = view;
  const bench = useBench();
  const stale = runner.stale.value || app.model.value.kind !== 'ready';
  const { study } = view;
  const Tab = STUDIES[study][1];
  // The place that does most is this bench's own story; Look has another.
  useEffect(() => () => app.tells(null, null), []);
  const narrow = useMedia('(max-width: 699px)');
  const ready = bench && 'part' in bench ? bench : null;
  const tabs = <Tabs label="Studies" names={OPTIONS.study} open={study} nameOf={(name) => STUDIES[name][0]} onOpen={(picked) => openStudy(app, picked)} />;
  const first = (
    <>
      {study !== 'ablate' && (
        <Segments
          label="Direction"
          value={direction}
          options={[
            ['denoise', 'denoise, A into B', 'Activations of A are put into the run of B: what is enough to bring A’s answer back'],
            ['noise', 'noise, B into A', 'Activations of B are put into the run of A: what A’s answer cannot do without'],
          ]}
          onPick={(picked) => experiment.look({ direction: picked })}
        />
      )}
      <label class="pick">
        metric{' '}
        <select value={metric} title={METRICS[metric][1]} onChange={(event) => experiment.look({ metric: event.currentTarget.value as View['metric'] })}>
          {OPTIONS.metric.map((kind) => (
            <option key={kind} value={kind} title={METRICS[kind][1]}>
              {METRICS[kind][0]}
            </option>
          ))}
        </select>
      </label>
    </>
  );
  const second = (
    <>
      <PairChoice shown={shown} />
      {ready && metric !== 'kl' && <AnswerChoice bench={ready} />}
      {ready && study !== 'ablate' && study !== 'circuit' && (
        <Segments
          label="Cells say"
          value={cells}
          options={[
            ['score', 'score', 'How far the metric went from B’s to A’s: 0 as B, 1 as A'],
            ['metric', 'metric', 'The metric itself'],
          ]}
          onPick={(picked) => experiment.look({ cells: picked })}
        />
      )}
    </>
  );
  return (
    <>
      <div class="tabs-line">
        {tabs}
        {!narrow && first}
      </div>
      {narrow ? (
        <details class="settings">
          <summary>
            <span>
              {study !== 'ablate' && (direction === 'denoise' ? 'A into B: ' : 'B into A: ')}
              {METRICS[metric][0]}{ready && ready.pairs.length > 1 && `, ${ready.pairs.length} pairs`}
            </span>
            <span class="link">Change</span>
          </summary>
          <div class="bench-line">{first}{second}</div>
        </details>
      ) : (
        <div class="bench-line">{second}</div>
      )}
      <div class="look patch" id="bench" role="tabpanel" aria-labelledby={`tab-${study}`} data-tab={study} data-run={runNumber(runner.shown.value ?? shown)} data-stale={stale} aria-busy={stale}>
        {!Tab ? <AblateTab a={runner.shown.value?.a ?? shown} bench={ready} /> : ready ? <Tab bench={ready} /> : bench && 'problem' in bench && <PairOffers shown={shown} problem={bench.problem} />}
      </div>
      {ready && study === 'sweep' && <PatchStory bench={ready} />}
      {(study === 'ablate' || (ready && study !== 'sweep')) && <StudyStory />}
    </>
  );
}

/** The tokens that the metric is about: what A and B predict, or two that are chosen. */
function AnswerChoice({ bench: { answers, own, predicted, pairs } }: { readonly bench: Bench }) {
  const { app } = usePage();
  const [correct, wrong] = answers;
  const two = app.view.value.metric === 'logit_diff';
  const { study, judged } = app.view.value;
  if (pairs.length > 1 && study === 'ablate') return judged === 'loss' ? null : <span class="muted">answers: {app.glyph(correct)}{two && <> − {app.glyph(wrong)}</>}, the shown pair’s</span>;
  if (pairs.length > 1)
    return (
      <span class="muted" title={pairs.map(({ correct, wrong }) => `${app.glyph(correct)} − ${app.glyph(wrong)}`).join(', ')}>
        answers: each pair’s own
      </span>
    );
  return (
    <span class="pick answers">
      <span class="of-a">answer</span> <TokenInput label="Answer of A" value={correct} onPick={(id) => app.experiment.look({ answers: [id, wrong] })} />
      {two && (
        <>
          {' − '}
          <TokenInput label="Answer of B" value={wrong} onPick={(id) => app.experiment.look({ answers: [correct, id] })} />
        </>
      )}{' '}
      {own ? (
        <span class="muted">{predicted ? 'what A and B predict' : 'where they differ most: both predict the same'}</span>
      ) : (
        <button type="button" class="link" title={predicted ? 'Take A’s and B’s own predictions as the answers again' : ''} onClick={() => app.experiment.look({ answers: null })}>
          {predicted ? 'What they predict' : 'Where they differ most'}
        </button>
      )}
    </span>
  );
}
