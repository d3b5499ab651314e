/** Attribution patching beside the true sweep: what gradients say of every patch from two runs, and how right they are. */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks';
import { correlationOf, full, slope, three } from '../../state/numbers';
import { estimated, headSweep, noGradient, patched, placeName, STEPS, streamSites, streamSweep } from '../../state/patch';
import { headName } from '../../state/reading';
import { OPTIONS, type View } from '../../state/view';
import type { MatrixData } from '../../ui/data';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { usePixelRatio } from '../../ui/pixelRatio';
import { Segments } from '../../ui/Segments';
import { NoGradient } from './NoGradient';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { useStudy } from '../useStudy';
import { lockAt, lockedPlace, measured, NOT_TOLD, pointAt, pointed, told, useStory } from './at';
import { cellsOf, conventions, NO_BASE, type Base, type Cells } from './cells';
import { share } from './geometry';
import { useRoom } from './Room';
import { ScaleBar } from './ScaleBar';
import { cellValues, SweepMap } from './SweepMap';
import { estimateStory } from './stories';
import { useStrip } from './SweepTab';
import type { Bench } from './useBench';
import { useSwept, type Swept } from './useSweep';

/** What stands to the right of the maps, and the ends of their columns' names. */
const BESIDE = 344;


export function AttributeTab({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const view = app.view.value;
  const { of, gradient, parts: where } = view;
  const { config } = bench.a.info;
  const { tokens } = bench.a.tokenized;
  const asked = { part: bench.part, config, n: tokens.length };
  const refused = noGradient(view, view.gradient === 'one');
  const sites = streamSites(config);
  const ofStream = where === 'stream';
  const sweep = estimated(ofStream ? streamSweep(asked) : headSweep(asked, of, false), STEPS[gradient]);
  const study = useStudy(refused ? null : sweep.document);
  const estimate = useSwept(sweep, study);
  const truth = useSwept(sweep, study, 'sweep');
  const base = estimate?.base ?? null;
  const cells = base && cellsOf(base, view);
  const { room, ...size } = useRoom();
  const ratio = usePixelRatio();
  const geometry = useMemo(() => share(size.width || 1056, ratio, tokens, BESIDE), [size.width, ratio, tokens]);
  useStrip(geometry);
  const rows = sweep.rows;
  const rowPx = Math.max(16, Math.min(30, Math.floor((size.height - 150 - geometry.head) / (2 * rows))));
  const rowLabels = useMemo(
    () => Array.from({ length: rows }, (_, row) =>
      ofStream ? { text: sites[row % sites.length] ?? '', note: `L${Math.floor(row / sites.length)}` } : { text: headName({ layer: Math.floor(row / config.n_heads), head: row % config.n_heads }) }),
    [config, ofStream],
  );
  useLayoutEffect(() => {
    measured.value = (place) => {
      const lit = sweep.lit(place);
      return lit && lit.col !== null ? (truth?.metrics[lit.row * sweep.cols + lit.col] ?? Number.NaN) : Number.NaN;
    };
    told.value = { ...NOT_TOLD, base };
  }, [truth?.metrics, base?.clean, base?.corrupted]);
  useEffect(() => () => {
    measured.value = () => Number.NaN;
    told.value = NOT_TOLD;
  }, []);
  const { pearson = null, spearman = null } = study.reading?.values ?? {};
  useStory(study, () => {
    const places = Array.from(truth?.metrics ?? [], (value, i) => {
      const place = sweep.place(Math.floor(i / sweep.cols), i % sweep.cols);
      return { name: place ? placeName(place).replace(', ', ' at ') : '', value, guess: estimate?.metrics[i] ?? Number.NaN };
    });
    return estimateStory({ base: base ?? NO_BASE, ...view }, places.filter(({ value, guess }) => Number.isFinite(value - guess)), pearson === null ? null : correlationOf(pearson));
  });
  if (refused) return <NoGradient why={refused} />;
  if (!estimate || !truth || config.n_layers === 0) return <p class="muted">This model has no layers to attribute to.</p>;
  const into = patched(view.direction);
  const shared = { base, cells, tokens, geometry, rowLabels, rowPx, ...(ofStream ? { ruleEvery: sites.length } : { ruleEvery: config.n_heads }) };
  const what = ofStream ? 'the stream' : `${of} of each head`;
  return (
    <div class="sweeps">
      {room}
      <div class="study-columns">
        <div>
          <SweepMap
            {...shared}
            swept={estimate}
            name="the estimate by gradients"
            called={`Attribution patching of ${what}, into ${into}`}
            title="By gradients"
            sub={STEPS[gradient] > 1 ? `${STEPS[gradient]} steps between both runs` : 'two runs and one backward pass'}
            controls={
              <>
                <Segments
                  label="What is patched"
                  value={ofStream ? 'stream' : of}
                  options={[['stream', 'stream', 'The residual stream and what is added to it'], ...OPTIONS.of.map((o): [string, string, string] => [o, o, `hook_${o} of each head`])]}
                  onPick={(picked) => app.experiment.look(picked === 'stream' ? { parts: 'stream' } : { parts: 'heads', of: picked as View['of'] })}
                />
                <Segments
                  label="Gradients"
                  value={gradient}
                  options={[['one', 'one', 'To first order, at the run that is patched'], ['integrated', 'integrated', `The mean of ${STEPS.integrated} gradients on the way between both runs`]]}
                  onPick={(picked) => app.experiment.look({ gradient: picked })}
                />
              </>
            }
          />
          {base && cells && <ScaleBar base={base} cells={cells} gutter={geometry.gutter} />}
          <SweepMap {...shared} swept={truth} name="the true sweep" called={`True sweep of ${what}, into ${into}`} title="By patching" sub={`a run for every cell${bench.means}`} second />
        </div>
        <Agreement estimate={estimate} truth={truth} base={base} cells={cells} pearson={pearson} spearman={spearman} />
      </div>
    </div>
  );
}

interface AgreementProps {
  readonly estimate: Swept;
  readonly truth: Swept;
  readonly base: Base | null;
  readonly cells: Cells | null;
  readonly pearson: number | null;
  readonly spearman: number | null;
}

const SIDE = 260;
const INSET = 34;

/** Every patch as a dot: what it does, against what gradients said. */
function Agreement({ estimate, truth, base, cells, pearson, spearman }: AgreementProps) {
  const { app } = usePage();
  const asTable = useSignal(false);
  const nowhere = useSignal(null);
  const { sweep, study } = estimate;
  const [said, is] = useMemo(() => [cellValues(estimate.metrics, cells), cellValues(truth.metrics, cells)], [estimate.metrics, truth.metrics, cells?.words, cells?.neutral]);
  const both = Array.from(said.keys()).filter((i) => Number.isFinite(said[i]) && Number.isFinite(is[i]));
  const names = useMemo(() => Array.from(said, (_, i) => {
    const place = sweep.place(Math.floor(i / sweep.cols), i % sweep.cols);
    return place ? placeName(place) : '';
  }), [JSON.stringify(sweep.document)]);
  const all = both.flatMap((i) => [said[i] ?? 0, is[i] ?? 0]);
  const neutral = cells?.neutral ?? 0;
  const [lo, hi] = [Math.min(neutral, ...all), Math.max(neutral, ...all, neutral + 1e-6)];
  const at = (value: number) => ((value - lo) / (hi - lo)) * (SIDE - INSET - 12);
  const x = (value: number) => INSET + 4 + at(value);
  const y = (value: number) => SIDE - INSET - at(value);
  const place = pointed.value ?? lockedPlace(app);
  const lit = place && sweep.lit(place);
  const litAt = lit && lit.col !== null ? lit.row * sweep.cols + lit.col : -1;
  const data: MatrixData = {
    kind: 'matrix', title: 'Estimates against patches', conventions: conventions(base, study),
    values: Float32Array.from(both.flatMap((i) => [is[i] ?? 0, said[i] ?? 0])), rows: both.length, cols: 2,
    rowLabels: both.map((i) => ({ text: names[i] ?? '' })), colLabels: [{ text: 'by patching' }, { text: 'by gradients' }],
    palette: 'diverging', scale: cells?.scale ?? [-1, 1], scaleLabel: cells?.words ?? 'score',
  };
  const nearest = (event: MouseEvent) => {
    const far = (i: number) => (x(is[i] ?? 0) - event.offsetX) ** 2 + (y(said[i] ?? 0) - event.offsetY) ** 2;
    const best = both.reduce((best, i) => (best < 0 || far(i) < far(best) ? i : best), -1);
    return best < 0 || far(best) > 400 ? null : sweep.place(Math.floor(best / sweep.cols), best % sweep.cols);
  };
  const r = (value: number | null) => (value === null ? (study.state === 'done' ? 'none' : '…') : <span title={full(value)}>{correlationOf(value)}</span>);
  const steep = slope(both.map((i) => is[i] ?? 0), both.map((i) => said[i] ?? 0));
  return (
    <Picture
      class="study-side"
      title="Agreement"
      name="estimates against patches"
      data={data}
      what={{ kind: 'read', document: sweep.document }}
      asTable={asTable}
      stale={study.state !== 'done'}
      compact
    >
      {asTable.value ? (
        <HeatmapTable shown={data} label={data.title} rowLabels={data.rowLabels} colLabels={data.colLabels} locked={nowhere} />
      ) : (
        <svg
          class="scatter"
          data-drawing
          width={SIDE}
          height={SIDE}
          role="img"
          aria-label={`${both.length} patches: correlation ${pearson === null ? 'not known yet' : three(pearson)}`}
          onPointerMove={(event) => event.pointerType !== 'touch' && pointAt(app, nearest(event))}
          onPointerLeave={() => pointAt(app, null)}
          onClick={(event) => lockAt(app, nearest(event))}
        >
          <path class="axis" d={`M${x(lo)} ${y(neutral)}H${x(hi)}M${x(neutral)} ${y(lo)}V${y(hi)}`} />
          <path class="equal" d={`M${x(lo)} ${y(lo)}L${x(hi)} ${y(hi)}`} />
          {both.map((i) => <circle key={i} cx={x(is[i] ?? 0)} cy={y(said[i] ?? 0)} r={2.5} />)}
          {litAt >= 0 && both.includes(litAt) && <circle class="lit" cx={x(is[litAt] ?? 0)} cy={y(said[litAt] ?? 0)} r={5} />}
          <text x={x(hi)} y={SIDE - 4} text-anchor="end">by patching →</text>
          <text transform={`translate(12 ${y(hi)}) rotate(-90)`} text-anchor="end">by gradients →</text>
          <text x={x(lo)} y={SIDE - 20}>{three(lo)}</text>
          <text x={x(hi)} y={SIDE - 20} text-anchor="end">{three(hi)}</text>
        </svg>
      )}
      <dl class="numbers">
        <div title={study.reading?.conventions['pearson'] ?? 'Pearson correlation of both over all cells'}>
          <dt>Pearson r, all {both.length} cells</dt>
          <dd><b>{r(pearson)}</b></dd>
        </div>
        <div title={study.reading?.conventions['spearman'] ?? 'Correlation of their ranks'}>
          <dt>Spearman, of their ranks</dt>
          <dd>{r(pearson === null ? null : spearman)}</dd>
        </div>
        {pearson !== null && (
          <div title="Least squares of the estimates on the patches, over the same cells">
            <dt>slope</dt>
            <dd><span title={full(steep)}>{three(steep)}</span></dd>
          </div>
        )}
      </dl>
      <p class="sub">
        Each dot is one patch; dashed: both say the same. r near 1 says that the dots lie near a line, not that the line is the dashed one: for that its slope has to be 1, too. Cells that do next to nothing have the ranks of rounding.
      </p>
    </Picture>
  );
}
