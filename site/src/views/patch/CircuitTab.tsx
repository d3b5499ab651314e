/** Edges by gradients, pruned to a circuit: the drawing of what is kept, and how much of the metric that does. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { full, three } from '../../state/numbers';
import { circuitCounts, circuitDocument, METRICS, nodeOf, noGradient, patched, STEPS } from '../../state/patch';
import { headNamed } from '../../state/reading';
import { scaleOf, type MatrixData } from '../../ui/data';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { Segments } from '../../ui/Segments';
import { NoGradient } from './NoGradient';
import { useRoom } from './Room';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { arrayOf } from '../useReading';
import { useStudy } from '../useStudy';
import { lockHead, useStory } from './at';
import { baseOf, conventions, NO_BASE } from './cells';
import { ModelDrawing, type Edge } from './ModelDrawing';
import { circuitStory } from './stories';
import { StudyLine, StudyProgress } from '../StudyProgress';
import type { Bench } from './useBench';

/** A circuit that does so much of it is the one to begin with. */
const MOST_OF_IT = 0.9;
const COLUMNS = ['edges', 'faithfulness', 'completeness', 'metric', 'complement'] as const;

export function CircuitTab({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const view = app.view.value;
  const { config } = bench.a.info;
  const document = circuitDocument(bench.part, config, STEPS[view.gradient]);
  const refused = noGradient(view, view.gradient === 'one');
  const study = useStudy(refused ? null : document);
  const { reading } = study;
  const base = baseOf(study);
  const counts = circuitCounts(config);
  const [asTable, hover] = [useSignal(false), useSignal<string | null>(null)];
  const { room, ...size } = useRoom();
  const nowhere = useSignal(null);

  const data = useMemo<MatrixData>(() => {
    const columns = COLUMNS.map((name) => arrayOf(reading, name));
    const values = Float32Array.from({ length: counts.length * COLUMNS.length }, (_, i) => columns[i % COLUMNS.length]?.[Math.floor(i / COLUMNS.length)] ?? Number.NaN);
    return {
      kind: 'matrix', title: 'Circuits by number of edges', conventions: conventions(base, study), values, rows: counts.length, cols: COLUMNS.length,
      rowLabels: counts.map((n) => ({ text: `${n} largest` })), colLabels: COLUMNS.map((text) => ({ text })),
      palette: 'diverging', scale: scaleOf(values.filter((_, i) => i % COLUMNS.length === 1), true), scaleLabel: 'faithfulness',
    };
  }, [reading, config]);
  const faithful = arrayOf(reading, 'faithfulness');
  const chosen = view.edges ?? counts[faithful.findIndex((x) => x >= MOST_OF_IT)] ?? null;
  const found = chosen === null ? -1 : counts.findLastIndex((n) => n <= chosen);
  const at = found < 0 ? counts.length - 1 : found;
  const [values, kept] = [arrayOf(reading, 'values'), arrayOf(reading, 'kept')];
  const [senders, receivers] = [reading?.axes['sender'] ?? [], reading?.axes['receiver'] ?? []];
  const cells = senders.length * receivers.length;
  const edges = useMemo<readonly Edge[]>(() => {
    const reach = Math.max(1e-9, ...values.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)));
    return senders.flatMap((from, i) =>
      receivers.flatMap((to, j) => {
        const value = values[i * receivers.length + j] ?? 0;
        return kept[at * cells + i * receivers.length + j] === 1 ? [{ from: nodeOf(from), to, value, width: 0.75 + (5 * Math.abs(value)) / reach }] : [];
      }));
  }, [values, kept, at]);
  const inIt = new Set(edges.flatMap(({ from, to }) => [from, nodeOf(to)]));
  const number = (name: (typeof COLUMNS)[number]) => arrayOf(reading, name)[at] ?? Number.NaN;
  useStory(study, () => {
    const [edges, faithfulness, completeness] = [number('edges'), number('faithfulness'), number('completeness')];
    const first = at === faithful.findIndex((x) => x >= MOST_OF_IT);
    return circuitStory({ base: base ?? NO_BASE, metric: view.metric }, { edges, all: counts.at(-1) ?? 0, faithfulness, completeness }, first ? MOST_OF_IT : null);
  });
  const name = 'the circuit';
  const into = patched(view.direction);
  if (refused) return <NoGradient why={refused} />;
  return (
    <>
      {room}
      <div class="study-columns">
        <Picture
          title="Circuit"
          sub={`${Number.isFinite(number('edges')) ? `${number('edges')} edges, of ${counts.at(-1)}; by gradients, ${into === 'B' ? 'A' : 'B'} into ${into}` : 'edges by gradients'}${bench.means}`}
          name={name}
          data={data}
          what={{ kind: 'read', document }}
          asTable={asTable}
          stale={study.state !== 'done'}
          failure={study.failure}
          controls={<StudyProgress study={study} name={name} />}
          compact
        >
          <StudyLine study={study} name={name} />
          <div class="study-controls">
            <label class="pick">
              edges{' '}
              <input
                type="range"
                aria-label="How many of the largest edges are kept"
                min={0}
                max={counts.length - 1}
                step={1}
                value={at}
                aria-valuetext={`${counts[at]} largest edges`}
                onInput={(event) => app.experiment.look({ edges: counts[Number(event.currentTarget.value)] ?? null })}
              />{' '}
              <b>{counts[at]}</b> largest{Number.isFinite(number('edges')) && number('edges') < (counts[at] ?? 0) && <span class="muted"> (those on a path from embed to the end: {number('edges')})</span>}
            </label>
            <Segments
              label="Gradients"
              value={view.gradient}
              options={[['one', 'one gradient', 'To first order, at the patched run'], ['integrated', `${STEPS.integrated} steps`, 'Integrated gradients: the mean along the way between both runs']]}
              onPick={(gradient) => app.experiment.look({ gradient })}
            />
          </div>
          {asTable.value ? (
            <HeatmapTable shown={data} label={data.title} rowLabels={data.rowLabels} colLabels={data.colLabels} locked={nowhere} />
          ) : (
            <ModelDrawing
              config={config}
              label="The model with the edges that are kept"
              valueOf={() => null}
              scale={[-1, 1]}
              says={(node) => `${node}: ${edges.filter(({ from }) => from === node).length} edges out, ${edges.filter(({ to }) => nodeOf(to) === node).length} in${inIt.has(node) ? '' : ', not in the circuit'}`}
              edges={edges}
              means={[`patching it raises the ${METRICS[view.metric][0]}`, 'patching it lowers it', 'how much, by gradients']}
              picked={null}
              lit={hover.value}
              widthPx={Math.max(300, Math.min(840, size.width - (size.narrow ? 0 : 320)))}
              heightPx={Math.max(260, size.height - 130)}
              onPick={(node) => {
                const head = headNamed(node);
                if (head) lockHead(app, head);
              }}
              onHover={(node) => {
                hover.value = node;
                const head = node && headNamed(node);
                app.selection.preview(head ? { head } : null);
              }}
            />
          )}
        </Picture>
        <section class="study-side" aria-label="How much of it the circuit does">
          <h2 class="title">Faithfulness</h2>
          <p class="sub">{base && base.clean === base.corrupted && 'A and B have the same metric: no circuit makes a difference. '}share of the metric’s difference that the circuit alone makes, from no edge (0) to all (1); dashed: what all other edges make without it</p>
          <FaithfulnessCurve counts={counts} faithful={faithful} complete={arrayOf(reading, 'completeness')} at={at} onPick={(i) => app.experiment.look({ edges: counts[i] ?? null })} />
          <dl class="numbers">
            {COLUMNS.slice(1).map((column) => (
              <div key={column} title={`${reading?.conventions[column] ?? column}: ${full(number(column))}`}>
                <dt>{{ metric: 'metric, circuit alone', complement: 'metric without it' }[column as string] ?? column}</dt>
                <dd>{!Number.isNaN(number(column)) ? three(number(column)) : study.state === 'done' ? 'none' : '…'}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </>
  );
}

const WIDTH = 280;
const HEIGHT = 180;
const EDGE = 28;
/** An end of the scale so near to 0 or 1 is not written. */
const NEAR = 0.15;

interface CurveProps {
  readonly counts: readonly number[];
  readonly faithful: Float32Array;
  readonly complete: Float32Array;
  readonly at: number;
  readonly onPick: (index: number) => void;
}

/** Against the number of edges, one step for each circuit. */
function FaithfulnessCurve({ counts, faithful, complete, at, onPick }: CurveProps) {
  const all = [...faithful, ...complete].filter(Number.isFinite);
  const [lo, hi] = [Math.min(0, ...all), Math.max(1, ...all)];
  const x = (i: number) => EDGE + ((WIDTH - EDGE - 8) * i) / Math.max(1, counts.length - 1);
  const y = (value: number) => 8 + ((HEIGHT - 32) * (hi - value)) / (hi - lo);
  const line = (values: Float32Array) => [...values].map((value, i) => (Number.isFinite(value) ? `${i > 0 && Number.isFinite(values[i - 1]) ? 'L' : 'M'}${x(i)} ${y(value)}` : '')).join('');
  const index = (px: number) => Math.max(0, Math.min(counts.length - 1, Math.round(((px - EDGE) * (counts.length - 1)) / (WIDTH - EDGE - 8))));
  const named = [...new Set([0, Math.floor(counts.length / 3), Math.floor((2 * counts.length) / 3), counts.length - 1])];
  return (
    <svg class="faithfulness" width={WIDTH} height={HEIGHT} role="img" aria-label={`Faithfulness of ${counts[at]} edges: ${three(faithful[at] ?? Number.NaN)}`} onClick={(event) => onPick(index(event.offsetX))}>
      {[...(lo < -NEAR ? [lo] : []), 0, 1, ...(hi > 1 + NEAR ? [hi] : [])].map((value) => (
        <g key={value}>
          <line x1={EDGE} x2={WIDTH} y1={y(value)} y2={y(value)} />
          <text x={EDGE - 6} y={y(value) + 4} text-anchor="end">{Number(value.toFixed(1))}</text>
        </g>
      ))}
      <path d={line(complete)} class="complete" />
      <path d={line(faithful)} />
      <line class="here" x1={x(at)} x2={x(at)} y1={8} y2={HEIGHT - 24} />
      {Number.isFinite(faithful[at]) && <circle cx={x(at)} cy={y(faithful[at] ?? 0)} r={4} />}
      {named.map((i) => (
        <text key={i} x={x(i)} y={HEIGHT - 6} text-anchor={i === counts.length - 1 ? 'end' : 'middle'}>{counts[i]}</text>
      ))}
    </svg>
  );
}
