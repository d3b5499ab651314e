/** One head's attention from one token to another, step by step: query, key, score, share, value, and what it adds to the
 *  stream. Every number is the run's, of one reading. */
import { signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { full, three, topIndices } from '../../state/numbers';
import { headName, label, strongestSource } from '../../state/reading';
import type { Shown } from '../../state/run';
import { Bar } from '../../ui/Bar';
import { Bars } from '../../ui/Bars';
import { scaleOf, type MatrixData } from '../../ui/data';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { Tok } from '../../ui/Tok';
import { editsAfter, pairDocument } from '../AttentionDetails';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { arrayOf, useReading } from '../useReading';
import { VectorStrip } from '../VectorStrip';
import { conventionsOf, positionLabels } from './parts';
import './steps.css';

const SOURCES = 6;
/** So many tokens that the result pushes up, and down. */
const UP = 5;
const DOWN = 3;

const nowhere = signal(null);

const VECTORS = [['q', 'query'], ['k', 'key'], ['product', 'q·k over the scale'], ['v', 'value']] as const;

interface StepProps {
  readonly name: string;
  /** Where its numbers are. */
  readonly hook?: string;
  readonly means?: string | undefined;
  readonly says: ComponentChildren;
  readonly children: ComponentChildren;
}

const Step = ({ name, hook, means, says, children }: StepProps) => (
  <li>
    <div title={means}>
      <h3>
        {name} {hook && <code class="muted">{hook}</code>}
      </h3>
      <p>{says}</p>
    </div>
    <div>{children}</div>
  </li>
);

export function PairSteps({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection, experiment } = app;
  const asTable = useSignal(false);
  /** The dimension that is pointed at. */
  const pointed = useSignal<number | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const { head, dest: chosen, src: at } = selection.resting.value;
  const { tokens } = shown.tokenized;
  const dest = chosen ?? tokens.length - 1;
  const src = head ? (at ?? strongestSource(shown.now, head, dest)) : 0;
  const document = head && pairDocument({ shown, head, dest, src });
  const { reading, stale, failure } = useReading(document);
  const labels = useMemo(() => positionLabels(tokens), [tokens]);
  const ready = reading !== null;
  useEffect(() => {
    const opened = frame.current;
    // What scrolls depends on the window; the page itself never does.
    for (const name of ready ? ['.look', 'main', '.app'] : []) {
      const box = opened?.closest(name);
      if (opened && box) box.scrollBy({ top: opened.getBoundingClientRect().top - box.getBoundingClientRect().top, behavior: 'instant' });
    }
  }, [ready]);
  const [q, k, product, v] = VECTORS.map(([name]) => arrayOf(reading, name)) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const [to, from] = [tokens[dest], tokens[src]];
  const data = useMemo<MatrixData | null>(() => {
    if (!reading || !head || !to || !from) return null;
    const [rows, cols] = [q.length, VECTORS.length];
    const values = Float32Array.from({ length: rows * cols }, (_, i) => [q, k, product, v][i % cols]?.[Math.floor(i / cols)] ?? Number.NaN);
    return {
      kind: 'matrix', title: `${headName(head)}, ${label(to, dest)} looks at ${label(from, src)}: query, key and value`, conventions: conventionsOf(reading), values, rows, cols,
      rowLabels: Array.from({ length: rows }, (_, i) => ({ text: String(i) })), colLabels: VECTORS.map(([, text]) => ({ text })),
      palette: 'diverging', scale: scaleOf(values, true), scaleLabel: 'value',
    };
  }, [reading]);
  if (!head || !to || !from) return null;
  const [dst, source] = [<Tok key="to" text={label(to, dest)} />, <Tok key="from" text={label(from, src)} />];
  const { score, pattern, attn_scale, v_norm, result_norm } = (reading?.values ?? {}) as Readonly<Record<string, number>>;
  const n = (value: number | undefined) => <b title={full(value ?? Number.NaN)}>{three(value ?? Number.NaN)}</b>;
  const hook = (name: string) => `blocks.${head.layer}.attn.hook_${name}`;
  const scores = arrayOf(reading, 'scores');
  const shares = arrayOf(reading, 'pattern');
  const looked = topIndices(shares.subarray(0, dest + 1), SOURCES);
  const listed = looked.includes(src) ? looked : [...looked.slice(0, -1), src];
  const others = dest + 1 - listed.length;
  const said = (name: 'top' | 'bottom', count: number) =>
    Array.from(arrayOf(reading, `${name}_ids`).subarray(0, count), (id, i) => ({ name: app.glyph(id), value: arrayOf(reading, `${name}_values`)[i] ?? Number.NaN }));
  const dim = pointed.value ?? topIndices(product.map(Math.abs), 1)[0] ?? 0;
  const strip = (vector: Float32Array, lit = false) => <VectorStrip vector={vector} {...(lit && { lit: dim, onPoint: (i: number | null) => (pointed.value = i) })} />;
  const scale = attn_scale ?? Number.NaN;
  const root = Math.abs(scale * scale - q.length) < 1e-3 ? ` (the root of ${q.length})` : '';
  const result = arrayOf(reading, 'result');
  return (
    <div ref={frame} class="steps-frame">
      <Picture
        title="Q, K, V step by step"
        sub={
          <>
            {headName(head)}, {dst} looks at {source}
            {app.subject.value?.minus && ': prompt A as it runs, not the difference'}
          </>
        }
        name="query, key and value"
        data={data}
        what={{ kind: 'read', document: document ?? { read: 'pair' } }}
        asTable={asTable}
        stale={stale}
        failure={failure}
        controls={
          <button type="button" class="link" onClick={() => experiment.look({ steps: 'hidden' })}>
            Close
          </button>
        }
      >
        {reading && data && asTable.value ? (
          <div class="columns">
            <HeatmapTable shown={data} label="Query, key and value by dimension" rowLabels={data.rowLabels} colLabels={data.colLabels} locked={nowhere} />
            <HeatmapTable
              shown={{ values: Float32Array.from({ length: 2 * (dest + 1) }, (_, i) => (i % 2 ? shares : scores)[i >> 1] ?? Number.NaN), rows: dest + 1, cols: 2 }}
              label="Score and share of each source"
              rowLabels={labels}
              colLabels={[{ text: 'score' }, { text: 'share' }]}
              locked={nowhere}
            />
          </div>
        ) : reading ? (
          <ol class="steps">
            <Step name="Query" hook={hook('q')} says={<>What {dst} asks for: its vector in the stream, through W_Q of this head, gives {q.length} numbers.</>}>
              {strip(q, true)}
            </Step>
            <Step name="Key" hook={hook('k')} says={<>What {source} can be found by: its own vector, through W_K.</>}>
              {strip(k, true)}
            </Step>
            <Step
              name="Their product"
              means={reading.conventions.product}
              says={
                <>
                  Number by number one times the other, divided by {n(scale)}
                  {root} so that scores stay moderate. Where both have the same sign, they agree.
                </>
              }
            >
              {strip(product, true)}
              <p class="small muted">
                dimension {dim}: {three(q[dim] ?? 0)} × {three(k[dim] ?? 0)} / {three(scale)} = {three(product[dim] ?? 0)}
              </p>
            </Step>
            <Step
              name="Score"
              hook={hook('attn_scores')}
              means={reading.conventions.scores}
              says={<>Added up: how well query and key fit.</>}
            >
              <p class="formula">
                q·k / scale = {n((score ?? 0) * scale)} / {n(scale)} = {n(score)}
              </p>
            </Step>
            <Step
              name="Share"
              hook={hook('pattern')}
              says={
                <>
                  Softmax: e to the power of each score, over the sum of all {dest + 1}. The shares add up to 1, and a score a little higher gets much more.
                </>
              }
            >
              <table class="bars">
                <thead>
                  <tr>
                    <th scope="col">source</th>
                    <th scope="col">score</th>
                    <th scope="col" class="unseen">
                      bar
                    </th>
                    <th scope="col">share</th>
                  </tr>
                </thead>
                <tbody>
                  {listed.map((s) => (
                    <tr key={s} data-lit={s === src}>
                      <th scope="row">
                        <button type="button" class="inline" onClick={() => selection.moveTo({ head, dest, src: s, depth: null })}>
                          <Tok text={tokens[s] ? label(tokens[s], s) : ''} />
                        </button>
                      </th>
                      <td class="num" title={full(scores[s] ?? 0)}>
                        {three(scores[s] ?? 0)}
                      </td>
                      <td class="bar-cell">
                        <Bar value={shares[s] ?? 0} full={1} />
                      </td>
                      <td class="num" title={full(shares[s] ?? 0)}>
                        {three(shares[s] ?? 0)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {others > 0 && (
                <p class="small muted">
                  and {others} more with {three(Math.max(0, 1 - listed.reduce((sum, s) => sum + (shares[s] ?? 0), 0)))} together
                </p>
              )}
            </Step>
            <Step name="Value" hook={hook('v')} says={<>What {source} hands over when it is looked at: its vector, through W_V. Its length is {n(v_norm)}.</>}>
              {strip(v)}
            </Step>
            <Step
              name="What it adds"
              means={reading.conventions.result}
              says={
                <>
                  The share times the value, {n(pattern)} × v, through W_O: {result.length} numbers of length {n(result_norm)}, added to the stream at {dst}
                  {editsAfter(shown, head) ? ', if an edit in force did not change the head’s output after this.' : '.'}
                </>
              }
            >
              {strip(result)}
            </Step>
            <Step name="What that says" means={reading.conventions.top} says={<>Read directly as logits: the tokens that it makes likelier next, and those that it makes less likely.</>}>
              <Bars
                data={{ kind: 'bars', title: 'What it adds to logits', conventions: [], unit: 'logit', tokens: true, rows: [...said('top', UP), ...said('bottom', DOWN).reverse()] }}
                lit={null}
                asTable={false}
              />
            </Step>
          </ol>
        ) : null}
      </Picture>
    </div>
  );
}
