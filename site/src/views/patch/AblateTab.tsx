/** Ablation of prompt A: each head, or each component at each position, taken away by itself; and all heads of a kind at once. */
import { computed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { ablatedHead, ablation } from '../../state/experiment';
import { full, three, topIndices } from '../../state/numbers';
import { inContextLoss, METRICS, metricPart, twice } from '../../state/patch';
import { headName, neuronName, repeatedPart } from '../../state/reading';
import type { Shown } from '../../state/run';
import type { Selection } from '../../state/selection';
import { OPTIONS, type View } from '../../state/view';
import { scaleOf, type MatrixData } from '../../ui/data';
import { Bar } from '../../ui/Bar';
import type { Lit } from '../../ui/Heatmap';
import { Segments } from '../../ui/Segments';
import { HeatPicture } from '../HeatPicture';
import { usePage } from '../page';
import { positionLabels } from '../tabs/parts';
import { arrayOf, useReading } from '../useReading';
import { useStudy } from '../useStudy';
import { FAMILIES, KINDS_BY, useKinds } from './useKinds';
import { useStory } from './at';
import { short } from './cells';
import { ablationStory } from './stories';
import { StudyProgress } from '../StudyProgress';
import type { Bench } from './useBench';

const WHAT: Readonly<Record<View['ablated'], readonly [word: string, one: string]>> = {
  z: ['heads', 'head'], attn_out: ['attention', 'place'], mlp_out: ['MLPs', 'place'], post: ['neurons', 'neuron'],
};
/** `says`: in the story; `of`: what means are over. */
const OPS: Readonly<Record<View['op'], readonly [word: string, means: (of: string) => string, says: (of: string) => string]>> = {
  zero: ['zero', () => 'It writes nothing', () => ''],
  mean: ['mean', (of) => `In its place its mean over all positions of ${of}`, (of) => `at its mean over ${of}`],
  position_mean: ['mean by position', (of) => `In its place its mean at the same position, over ${of}`, (of) => `at its mean there over ${of}`],
  resample: ['resample', () => 'In its place what it has in prompt B', () => 'as it is in B'],
};

interface Asked {
  readonly document: ReadRequest;
  /** What the means are over, in words. */
  readonly over: (op: View['op']) => string;
}

/** The ablations: of prompt A, or by loss of all prompts A of a set, which then all means are over, with their B; judged by the bench's
 *  metric where there is a pair, or by the loss. `layer`: whose neurons. */
function ablations({ ablated, op, metric, judged }: View, a: Shown, bench: Bench | null, layer: number): Asked {
  const pairs = bench?.pairs ?? [];
  const set = pairs.length > 1;
  const byMetric = judged === 'metric' && bench;
  const shown = [...a.tokenized.ids];
  const prompts = set && !byMetric ? pairs.map(({ clean }) => clean) : [shown];
  const both = pairs.flatMap(({ clean, corrupted }) => [clean, corrupted]);
  const others = prompts.length > 1 ? pairs.map(({ corrupted }) => corrupted) : bench ? [[...bench.b.tokenized.ids]] : [];
  const over = op === 'resample' ? others : op === 'position_mean' || (op === 'mean' && set) ? both : null;
  return {
    document: {
      read: 'ablate', prompts, what: ablated, by: ablated === 'z' ? 'layer,head' : ablated === 'post' ? 'layer,neuron' : 'layer,position',
      ...(ablated === 'post' && { layers: [layer] }), op, ...(over && { over }),
      metric: byMetric ? metricPart(metric, bench.answers) : { kind: 'loss', from: 0 },
    },
    over: (by) => (set ? `A and B of all ${pairs.length} pairs` : by === 'mean' ? 'the text' : 'A and B'),
  };
}

/** So many neurons stand in a row. */
const IN_ROW = 32;
const LARGEST = 8;

export function AblateTab({ a, bench }: { readonly a: Shown; readonly bench: Bench | null }) {
  const { app } = usePage();
  const view = app.view.value;
  const { config } = a.info;
  const { tokens } = a.tokenized;
  const ops = OPTIONS.op.filter((op) => bench !== null || op === 'zero' || op === 'mean');
  const kinds = OPTIONS.ablated.filter((what) => !config.attn_only || what === 'z' || what === 'attn_out');
  const judged = bench ? view.judged : 'loss';
  const now = { ...view, judged, op: ops.includes(view.op) ? view.op : ('zero' as const), ablated: kinds.includes(view.ablated) ? view.ablated : ('z' as const) };
  const layer = Math.min(view.layer ?? Infinity, config.n_layers - 1);
  const { document, over } = ablations(now, a, bench, layer);
  const study = useStudy(config.n_layers === 0 ? null : document);
  const raw = arrayOf(study.reading, 'values');
  const base = study.reading?.values['base'] ?? null;
  const ofHeads = now.ablated === 'z';
  const ofNeurons = now.ablated === 'post';
  const cols = ofHeads ? config.n_heads : ofNeurons ? IN_ROW : tokens.length;
  const unit = judged === 'loss' ? 'change of the mean loss, nats' : `change of the ${METRICS[view.metric][0]}`;
  const nameAt = (i: number) => {
    const [row, col] = [Math.floor(i / cols), i % cols];
    return ofHeads ? headName({ layer: row, head: col }) : ofNeurons ? neuronName({ layer, neuron: i }) : `${now.ablated} L${row} at position ${col}`;
  };
  const data = useMemo<MatrixData>(() => {
    const rows = ofNeurons ? Math.ceil(config.d_mlp / cols) : config.n_layers;
    const values = Float32Array.from({ length: rows * cols }, (_, i) => (base === null ? Number.NaN : (raw[i] ?? Number.NaN) - base));
    const scale = scaleOf(values.filter(Number.isFinite), true);
    return {
      kind: 'matrix', title: `${OPS[now.op][0]} ablation of ${WHAT[now.ablated][0]}${ofNeurons ? ` of L${layer}` : ''}`, values, rows, cols,
      conventions: [
        `each cell: ${unit}, by that ablation alone`,
        `${OPS[now.op][0]}: ${OPS[now.op][1](over(now.op))}`,
        'an ablation asks what this run cannot do without, and other heads may step in; a patch (Sweep) asks what is enough to bring the answer back',
        ...Object.entries(study.reading?.conventions ?? {}).map(([name, words]) => `${name}: ${words}`),
      ],
      rowLabels: Array.from({ length: rows }, (_, l) => ({ text: ofNeurons ? `N${l * cols}` : `L${l}` })),
      colLabels: ofHeads || ofNeurons ? Array.from({ length: cols }, (_, h) => ({ text: `${ofHeads ? 'H' : ''}${h}` })) : positionLabels(tokens),
      palette: 'diverging', scale, scaleLabel: unit,
      cellText(row, col) {
        const value = values[row * cols + col] ?? Number.NaN;
        return !ofNeurons && Math.abs(value) >= 0.02 * scale[1] ? { text: short(value), whole: true, centred: true } : null;
      },
    };
  }, [raw, base, cols, layer, now.op, now.ablated, unit, tokens, bench?.pairs.length]);
  useStory(study, () =>
    ablationStory(judged === 'loss' ? 'loss' : view.metric, base ?? Number.NaN, `${WHAT[now.ablated][1]}${ofNeurons ? ` of L${layer}` : ''}`, OPS[now.op][2](over(now.op)), Array.from(raw, (value, i) => ({ name: nameAt(i), value }))));
  const largest = !ofNeurons || study.state !== 'done' ? [] : topIndices(Float64Array.from(raw, (value) => Math.abs(value - (base ?? 0))), LARGEST);
  const { selection, experiment } = app;
  const litOf = (at: Partial<Selection> | null): Lit | null => {
    if (ofNeurons) return at?.neuron?.layer === layer ? { row: Math.floor(at.neuron.neuron / cols), col: at.neuron.neuron % cols } : null;
    return ofHeads ? (at?.head ? { row: at.head.layer, col: at.head.head } : null) : at?.dest != null ? { row: null, col: at.dest } : null;
  };
  // A head's row and column are none of a neuron: another map is another question to the same selection.
  const [hovered, locked] = useMemo(() => [computed(() => litOf(selection.hover.value)), computed(() => litOf(selection.lock.value))], [now.ablated, layer]);
  const pointOf = (lit: Lit | null) => {
    if (!lit || lit.col === null || (lit.row === null && (ofHeads || ofNeurons))) return null;
    const row = lit.row ?? 0;
    if (ofNeurons) return row * cols + lit.col < config.d_mlp ? { neuron: { layer, neuron: row * cols + lit.col } } : null;
    return ofHeads ? { head: { layer: row, head: lit.col } } : { dest: lit.col, src: null, depth: null };
  };
  const name = 'the ablations';
  return (
    <>
      <HeatPicture
        data={data}
        what={{ kind: 'read', document }}
        name={name}
        title="One at a time"
        sub={base === null ? '' : `${bench && bench.pairs.length > 1 ? (judged === 'loss' ? `mean over the ${bench.pairs.length} prompts A` : `${now.op === 'mean' || now.op === 'position_mean' ? `means from all ${bench.pairs.length} pairs; ` : ''}measured on the shown prompt A`) : 'prompt A'}; nothing ablated: ${judged === 'loss' ? `${three(base)} nats` : `${METRICS[view.metric][0]} ${three(base)}`}`}
        stale={study.state !== 'done'}
        pending={study.state !== 'done'}
        failure={study.failure}
        colPx={ofNeurons ? [8, 32] : [20, 72]}
        {...(ofNeurons ? { heightPx: data.rows * 16 } : config.n_layers <= TALL ? { square: true } : { heightPx: config.n_layers * 24 })}
        hovered={hovered}
        locked={locked}
        onHover={(lit) => selection.preview(pointOf(lit))}
        onLock={(lit) => {
          const point = pointOf(lit);
          if (point) selection.moveTo({ src: null, ...point });
          else selection.unlock();
        }}
        valueText={(row, col) => `${ofNeurons ? nameAt(row * cols + col) : `L${row}${data.colLabels[col]?.text}`}: ${unit} ${three(data.values[row * cols + col] ?? Number.NaN)}`}
        controls={
          <>
            <Segments label="What is ablated" value={now.ablated} options={kinds.map((x) => [x, WHAT[x][0], `hook_${x}`])} onPick={(ablated) => experiment.look({ ablated })} />
            {ofNeurons && (
              <label class="pick">
                layer{' '}
                <select value={layer} onChange={(event) => experiment.look({ layer: Number(event.currentTarget.value) })}>
                  {Array.from({ length: config.n_layers }, (_, l) => <option key={l} value={l}>L{l}</option>)}
                </select>
              </label>
            )}
            <Segments label="What takes its place" value={now.op} options={ops.map((op) => [op, OPS[op][0], OPS[op][1](over(op))])} onPick={(op) => experiment.look({ op })} />
            {bench && (
              <Segments
                label="Judged by"
                value={judged}
                options={[['loss', 'loss', 'The mean loss of the next token over the text'], ['metric', 'metric', 'The metric above, of prompt A']]}
                onPick={(picked) => experiment.look({ judged: picked })}
              />
            )}
            <StudyProgress study={study} name={name} />
          </>
        }
      >
        {bench && <p class="sub">What A and B have in common shows in an ablation, not in a patch: what is missed here may bring nothing back in Sweep.</p>}
        {largest.length > 0 && (
          <p>
            The {largest.length} of {config.d_mlp} that change it most:{' '}
            {largest.map((n, i) => (
              <span key={n}>
                {i > 0 && ', '}
                <button type="button" class="inline" title={full(data.values[n] ?? Number.NaN)} onClick={() => selection.moveTo({ neuron: { layer, neuron: n } })}>
                  N{n}
                </button>{' '}
                <span class="muted">{three(data.values[n] ?? Number.NaN)}</span>
              </span>
            ))}
          </p>
        )}
      </HeatPicture>
      <Family a={a} />
    </>
  );
}

/** The heads of so few layers have room to be squares. */
const TALL = 4;

/** So many random tokens, and the same again. */
const RANDOM = 25;

/** All heads of a kind switched off together, and what that does to copying from the context. */
function Family({ a }: { readonly a: Shown }) {
  const { app } = usePage();
  const { experiment } = app;
  const { family } = app.view.value;
  const { ids } = a.tokenized;
  const kinds = useKinds(a);
  const { seed, bos } = kinds;
  const heads = kinds.of(family);
  const edits = heads.map(ablation);
  const random = useMemo(() => twice(RANDOM, seed, app.vocabulary.value, bos), [seed, app.vocabulary.value, bos]);
  const on = (of: readonly number[], edited: boolean): ReadRequest | null => (of.length > 1 ? { read: 'predictions', ids: of, ...(edited && edits.length > 0 && { edits }) } : null);
  const repeated = repeatedPart(ids);
  const second = Array.from({ length: RANDOM - 1 }, (_, i) => random.length - RANDOM + i);
  const rows = [
    { name: 'random tokens, second time', ids: random, at: second },
    { name: 'this text, repeated part', ids: [...ids], at: repeated },
  ];
  const before = rows.map((row) => useReading(on(row.ids, false)));
  const after = rows.map((row) => useReading(on(row.ids, true)));
  const off = heads.length > 0 && heads.every((head) => experiment.isOff(head));
  const numbers = rows.map((row, i) => ({
    ...row,
    was: inContextLoss(arrayOf(before[i]?.reading ?? null, 'loss'), row.at),
    is: inContextLoss(arrayOf(after[i]?.reading ?? null, 'loss'), row.at),
    document: on(row.ids, true),
    stale: row.ids.length > 1 && (kinds.stale || [before[i], after[i]].some((read) => read?.stale)),
  }));
  const end = Math.max(1e-9, ...numbers.flatMap(({ was, is }) => [was ?? 0, is ?? 0]));
  const toggle = () => {
    const mine = (i: (typeof experiment.current.value.interventions)[number]) => {
      const head = ablatedHead(i.edit);
      return head !== null && heads.some((h) => h.layer === head.layer && h.head === head.head);
    };
    const others = experiment.current.value.interventions.filter((i) => !mine(i));
    experiment.set({ interventions: off ? others : [...others, ...edits.map((edit) => ({ edit, muted: false }))] });
  };
  return (
    <section class="family" aria-label="All heads of a kind">
      <div class="picture-head">
        <h2 class="title">
          All at once <small>loss where the text repeats itself, without these heads</small>
        </h2>
        <Segments label="Kind of head" value={family} options={OPTIONS.family.map((f) => [f, `${FAMILIES[f]} heads`])} onPick={(picked) => experiment.look({ family: picked })} />
      </div>
      <p data-stale={kinds.stale && kinds.all > 0} data-document={JSON.stringify({ kind: 'read', document: kinds.document })}>
        {heads.length || 'None'} of {kinds.all} heads ({FAMILIES[family]} {KINDS_BY}){heads.length > 0 && ': '}
        {heads.map(({ layer, head, score }, i) => (
          <span key={i}>
            {i > 0 && ', '}
            <button type="button" class="inline" title={`${FAMILIES[family]} score ${full(score)} on random tokens`} onClick={() => app.selection.moveTo({ head: { layer, head }, src: null })}>
              {headName({ layer, head })}
            </button>{' '}
            <span class="muted">{three(score)}</span>
          </span>
        ))}
      </p>
      {heads.length > 0 && (
        <>
          <table class="bars family-loss">
            <thead>
              <tr>
                <th scope="col">mean loss, nats</th>
                <th scope="col"><span class="unseen">bar</span></th>
                <th scope="col">before</th>
                <th scope="col">ablated</th>
              </tr>
            </thead>
            <tbody>
              {numbers.map(({ name, was, is, at, document, stale }) => (
                <tr key={name} data-stale={stale} data-document={document ? JSON.stringify({ kind: 'read', document }) : undefined} data-positions={at.join(',')}>
                  <th scope="row">{name}</th>
                  {was === null || is === null ? (
                    <td colSpan={3} class="muted">{at.length === 0 ? 'no word follows the same word twice' : '…'}</td>
                  ) : (
                    <>
                      <td class="bar-cell"><Bar value={is} before={was} full={end} /></td>
                      <td class="num muted" title={full(was)}>{three(was)}</td>
                      <td class="num now" title={full(is)}>{three(is)}</td>
                    </>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
          <button type="button" class={off ? 'button' : 'button ink'} onClick={toggle}>
            {off ? 'Switch them back on' : `Ablate all ${FAMILIES[family]} heads`}
          </button>
        </>
      )}
    </section>
  );
}
