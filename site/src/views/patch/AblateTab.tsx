/** Ablation of prompt A: each head, or each component at each position, taken away by itself; and all heads of a kind at once. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { ablatedHead, ablation } from '../../state/experiment';
import { full, three } from '../../state/numbers';
import { inContextLoss, METRICS, metricPart, twice } from '../../state/patch';
import { headName, repeatedPart } from '../../state/reading';
import type { Shown } from '../../state/run';
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

const WHAT: Readonly<Record<View['ablated'], string>> = { z: 'heads', attn_out: 'attention', mlp_out: 'MLPs' };
const OPS: Readonly<Record<View['op'], readonly [word: string, means: string]>> = {
  zero: ['zero', 'It writes nothing'],
  mean: ['mean', 'In its place its mean over all positions of the text'],
  resample: ['resample', 'In its place what it has in prompt B'],
};

/** What the story says of it. */
const INSTEAD: Readonly<Record<View['op'], string>> = { zero: '', mean: 'at its mean over the text', resample: 'as it is in B' };

/** What an ablation is judged by: the bench's metric where there is a pair, or the loss. */
function ablateDocument(view: View, a: Shown, b: Shown | null, bench: Bench | null): ReadRequest {
  const ids = [...a.tokenized.ids];
  const over = view.op === 'resample' && b ? [[...b.tokenized.ids]] : null;
  return {
    read: 'ablate', prompts: [ids], what: view.ablated, by: view.ablated === 'z' ? 'layer,head' : 'layer,position', op: view.op, ...(over && { over }),
    metric: view.judged === 'metric' && bench ? metricPart(view.metric, bench.answers) : { kind: 'loss', from: 0 },
  };
}

export function AblateTab({ a, bench }: { readonly a: Shown; readonly bench: Bench | null }) {
  const { app } = usePage();
  const view = app.view.value;
  const b = app.runner.shown.value?.b ?? null;
  const { config } = a.info;
  const { tokens } = a.tokenized;
  const ops = OPTIONS.op.filter((op) => op !== 'resample' || bench !== null);
  const now = { ...view, op: ops.includes(view.op) ? view.op : ('zero' as const), ablated: config.attn_only && view.ablated === 'mlp_out' ? ('z' as const) : view.ablated };
  const judged = bench ? view.judged : 'loss';
  const document = ablateDocument({ ...now, judged }, a, b, bench);
  const study = useStudy(config.n_layers === 0 ? null : document);
  const raw = arrayOf(study.reading, 'values');
  const base = study.reading?.values['base'] ?? null;
  const ofHeads = now.ablated === 'z';
  const unit = judged === 'loss' ? 'change of the mean loss, nats' : `change of the ${METRICS[view.metric][0]}`;
  const data = useMemo<MatrixData>(() => {
    const cols = ofHeads ? config.n_heads : tokens.length;
    const rows = config.n_layers;
    const values = Float32Array.from({ length: rows * cols }, (_, i) => (base === null ? Number.NaN : (raw[i] ?? Number.NaN) - base));
    const scale = scaleOf(values.filter(Number.isFinite), true);
    return {
      kind: 'matrix', title: `${OPS[now.op][0]} ablation of ${WHAT[now.ablated]}`, values, rows, cols,
      conventions: [
        `each cell: ${unit}, by that ablation alone`,
        'an ablation asks what this run cannot do without, and other heads may step in; a patch (Sweep) asks what is enough to bring the answer back',
        ...Object.entries(study.reading?.conventions ?? {}).map(([name, words]) => `${name}: ${words}`),
      ],
      rowLabels: Array.from({ length: rows }, (_, l) => ({ text: `L${l}` })),
      colLabels: ofHeads ? Array.from({ length: cols }, (_, h) => ({ text: `H${h}` })) : positionLabels(tokens),
      palette: 'diverging', scale, scaleLabel: unit,
      cellText(row, col) {
        const value = values[row * cols + col] ?? Number.NaN;
        return Math.abs(value) >= 0.02 * scale[1] ? { text: short(value), whole: true, centred: true } : null;
      },
    };
  }, [raw, base, ofHeads, now.op, now.ablated, unit, tokens]);
  useStory(study, () => {
    const parts = Array.from(raw, (value, i) => {
      const [layer, col] = [Math.floor(i / data.cols), i % data.cols];
      return { name: ofHeads ? `L${layer}H${col}` : `${now.ablated} L${layer} at position ${col}`, value };
    });
    return ablationStory(judged === 'loss' ? 'loss' : view.metric, base ?? Number.NaN, ofHeads ? 'head' : 'place', INSTEAD[now.op], parts);
  });
  const { selection, experiment } = app;
  const litOf = (at: { readonly head?: { readonly layer: number; readonly head: number } | null; readonly dest?: number | null } | null): Lit | null =>
    ofHeads ? (at?.head ? { row: at.head.layer, col: at.head.head } : null) : at?.dest != null ? { row: null, col: at.dest } : null;
  const hovered = useComputed(() => litOf(selection.hover.value));
  const locked = useComputed(() => litOf(selection.lock.value));
  const pointOf = (lit: Lit | null) =>
    !lit || lit.col === null || (ofHeads && lit.row === null) ? null : ofHeads ? { head: { layer: lit.row ?? 0, head: lit.col } } : { dest: lit.col, src: null, depth: null };
  const name = 'the ablations';
  return (
    <>
      <HeatPicture
        data={data}
        what={{ kind: 'read', document }}
        name={name}
        title="One at a time"
        sub={base === null ? '' : `prompt A; nothing ablated: ${judged === 'loss' ? `${three(base)} nats` : `${METRICS[view.metric][0]} ${three(base)}`}`}
        stale={study.state !== 'done'}
        failure={study.failure}
        colPx={[20, 72]}
        {...(config.n_layers <= TALL ? { square: true } : { heightPx: config.n_layers * 24 })}
        hovered={hovered}
        locked={locked}
        onHover={(lit) => selection.preview(pointOf(lit))}
        onLock={(lit) => {
          const point = pointOf(lit);
          if (point) selection.moveTo({ src: null, ...point });
          else selection.unlock();
        }}
        valueText={(row, col) => `L${row}${data.colLabels[col]?.text}: ${unit} ${three(data.values[row * data.cols + col] ?? Number.NaN)}`}
        controls={
          <>
            <Segments label="What is ablated" value={now.ablated} options={OPTIONS.ablated.filter((x) => !(config.attn_only && x === 'mlp_out')).map((x) => [x, WHAT[x], `hook_${x}`])} onPick={(ablated) => experiment.look({ ablated })} />
            <Segments label="What takes its place" value={now.op} options={ops.map((op) => [op, ...OPS[op]])} onPick={(op) => experiment.look({ op })} />
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
      />
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
