/** One patch: what it does to the metric and to the prediction, and what can be done with it. */
import { useLayoutEffect } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { full, share, softmax, three, topIndices } from '../../state/numbers';
import { divergence, hookOf, metricOf, METRICS, noGradient, pairProblem, patched, patchEdit, placeName, scoreOf, STEPS, type Place } from '../../state/patch';
import { glyphs, headName, label, neuronName } from '../../state/reading';
import { runPart } from '../../state/run';
import { Tok } from '../../ui/Tok';
import { Inspector } from '../Inspector';
import { usePage } from '../page';
import { usePaced } from '../usePaced';
import { useStudy, type Study } from '../useStudy';
import { arrayOf, useReading } from '../useReading';
import { baseOf } from './cells';
import { inForce, toggleInForce, lockedPlace, measured, openStudy, pointed, told } from './at';
import { useBench, type Bench } from './useBench';

const ROWS = 6;
/** The estimate and the patch, as scores: so far apart that it is told why. */
const FAR = 0.05;

/** What comes after the last token where a run is edited, as a document. */
export function predictionDocument(part: ReturnType<typeof runPart>) {
  return { read: 'lens', ...part, states: ['final_post'], ln: 'cached', positions: [part.ids.length - 1], k: 1, logits: true } as const;
}

export function PatchInspector() {
  const { app } = usePage();
  const bench = useBench();
  const { study, of } = app.view.value;
  const { head } = app.selection.shown.value;
  // Where no cell is chosen it is the selected head.
  const chosen = pointed.value ?? lockedPlace(app) ?? (head && { site: of, ...head, position: null, source: null });
  const [place, waiting] = usePaced(chosen, bench && 'part' in bench ? bench.part.direction : '');
  if (study === 'ablate') return <Inspector />;
  if (!bench || 'problem' in bench) return <div class="inspector-body"><p class="muted">{bench ? 'Choose a pair of prompts first.' : ''}</p></div>;
  if (!place) return <div class="inspector-body"><p class="muted">Point at a cell: its patch is told here.</p></div>;
  return <Details bench={bench} place={place} chosen={chosen ?? place} waiting={waiting} />;
}

/** The same in a line, for the closed sheet. */
export function PatchLine() {
  const { app } = usePage();
  const { head, neuron } = app.selection.shown.value;
  const { study, ablated } = app.view.value;
  const pair = app.runner.shown.value;
  if (study === 'ablate') {
    const ofNeurons = ablated === 'post' && !pair?.a.info.config.attn_only;
    return ofNeurons ? (neuron ? <b>{neuronName(neuron)}</b> : <span class="muted">no neuron chosen</span>) : head && <b>{headName(head)}</b>;
  }
  if (!pair?.b || pairProblem(pair.a.tokenized.ids, pair.b.tokenized.ids)) return <span class="muted">no pair of prompts yet</span>;
  const place = pointed.value ?? lockedPlace(app) ?? (head && { site: app.view.value.of, ...head, position: null, source: null });
  const { base } = told.value;
  if (!place) return <span class="muted">no patch chosen</span>;
  const metric = measured.value(place);
  return (
    <>
      <b>{placeName(place)}</b>
      {base && Number.isFinite(metric) && <span class="muted">{base.clean === base.corrupted ? three(metric) : `score ${three(scoreOf(metric, base.clean, base.corrupted))}`}</span>}
    </>
  );
}

/** What rounds to nothing is nothing: the whole number is in the title. */
const number = (value: number) => (Number.isNaN(value) ? '…' : Math.abs(value) < 0.0005 ? '0.000' : three(value));

/** The study of one place alone. */
function oneCell({ site, layer, head, position, source }: Place, part: Bench['part'], read: 'sweep' | 'attribute', steps = 1): ReadRequest | null {
  if (source !== null) return null; // a single weight has no axis to restrict
  const by = head === null ? 'layer,position' : position === null ? 'layer,head' : 'layer,position,head';
  return {
    read, ...part, ...(steps > 1 && { steps }), what: site, by, layers: [layer], ...(head !== null && { heads: [head] }), ...(position !== null && { positions: [position] }),
  };
}

/** `chosen`: what is acted on, also while `place` is what was chosen before. */
function Details({ bench, place, chosen, waiting }: { readonly bench: Bench; readonly place: Place; readonly chosen: Place; readonly waiting: boolean }) {
  const { app, keys } = usePage();
  const view = app.view.value;
  const { metric, direction, gradient } = view;
  const { a, b, answers } = bench;
  const into = patched(direction);
  const [target, other] = into === 'B' ? [b, a] : [a, b];
  const from = into === 'B' ? 'A' : 'B';
  const idsOf = (of: typeof a) => [...of.tokenized.ids];
  const edit = patchEdit(place, direction);
  const several = bench.pairs.length > 1;
  const document = predictionDocument(runPart(idsOf(target), [edit], { name: from, ids: idsOf(other) }));
  const { reading, stale, failure } = useReading(document);
  const ungraded = noGradient(view, gradient === 'one');
  const turned = useStudy(oneCell(place, { ...bench.part, direction: direction === 'denoise' ? 'noise' : 'denoise' }, 'sweep'));
  const swept = measured.value(place);
  // Of a set, what no picture has.
  const straight = useStudy(several && Number.isNaN(swept) ? oneCell(place, bench.part, 'sweep') : null);
  const slope = useStudy(ungraded ? null : oneCell(place, bench.part, 'attribute', STEPS[gradient]));
  const one = ({ reading }: Study) => arrayOf(reading, 'values')[0] ?? Number.NaN;
  const last = target.tokenized.ids.length - 1;
  const [rowA, rowB] = [a.before.logits(last), b.before.logits(last)];
  const now = target.edits.length > 0 ? target.now.logits(last) : null;
  const row = arrayOf(reading, 'logits');
  const { position, head, layer } = place;
  const [put, over] = position === null ? [] : [other.tokenized.tokens[position], target.tokenized.tokens[position]];
  const kept = inForce(app, chosen);
  const hint = (key: string) => keys.single.value && <kbd aria-hidden="true">{key}</kbd>;
  const acts: readonly (readonly [key: string, words: string, act: () => void])[] = [
    ['k', kept ? 'Take this patch out of force' : 'Keep this patch in force', () => toggleInForce(app, chosen)],
    ...(head !== null
      ? ([['d', `Sweep dest × source of L${layer}H${head}`, () => openStudy(app, 'sweep', { detail: 'source', of: 'pattern', site: 'head' })]] as const)
      : []),
    ...(head !== null && view.study !== 'path'
      ? ([['p', `Path patch from L${layer}H${head}`, () => openStudy(app, 'path', { paths: 'from', receiver: `L${layer}H${head}.k` })]] as const)
      : []),
    ['x', 'Swap A and B', () => swap(app)],
  ];
  // With what is drawn: a key that follows at once finds it.
  useLayoutEffect(() => {
    for (const [key, , act] of acts) app.own.set(key, act);
    return () => app.own.clear();
  });
  if (!rowA || !rowB) return null;
  const metricsOf = (logits: Float32Array) => metricOf(metric, logits, rowA, answers);
  const base = told.value.base ?? baseOf(turned);
  const [mA, mB] = several ? [base?.clean ?? Number.NaN, base?.corrupted ?? Number.NaN] : [metricsOf(rowA), metricsOf(rowB)];
  const value = !Number.isNaN(swept) ? swept : several ? one(straight) : row.length > 0 && !stale ? metricsOf(row) : swept;
  // What is in force is of the shown pair alone.
  const held = now && !several ? metricsOf(now) : null;
  const far = gradient === 'one' && mA !== mB && Math.abs(scoreOf(one(slope), mA, mB) - scoreOf(value, mA, mB)) >= FAR;
  const columns = [
    { name: 'A', of: 'A', p: softmax(rowA) },
    { name: 'B', of: 'B', p: softmax(rowB) },
    ...(row.length > 0 ? [{ name: 'patched', of: '', p: softmax(row) }] : []),
    ...(now ? [{ name: 'in force', of: '', p: softmax(now) }] : []),
  ];
  const best = columns.reduce((most, { p }) => most.map((x, i) => Math.max(x, p[i] ?? 0)), new Float64Array(rowA.length));
  const shown = [...new Set([...answers, ...topIndices(best, ROWS)])].slice(0, ROWS).sort((i, j) => (best[j] ?? 0) - (best[i] ?? 0));
  const p = columns.find(({ name }) => name === 'patched')?.p;
  const word = METRICS[metric][0];
  const end = target.tokenized.tokens[last];
  return (
    <div class="inspector-body patch-details">
      <header>
        <h2>{placeName(place)}</h2>
        <p>
          {put && over && position !== null ? (
            <>
              <code class={from === 'A' ? 'of-a' : 'of-b'}><Tok text={glyphs(put, position)} /></code> from {from}, put over <code class={into === 'A' ? 'of-a' : 'of-b'}><Tok text={glyphs(over, position)} /></code> in {into}
            </>
          ) : (
            <>from {from}, put into {into}</>
          )}
          <br />
          <code title={JSON.stringify(edit)}>{hookOf(place)}{head === null ? `[${position}, :]` : `[${position ?? ':'}, ${head}, :]`}</code>
        </p>
      </header>
      <section data-stale={waiting || stale || (now !== null && app.runner.stale.value)}>
        <h3>
          {word.replace(/^l/, 'L')}{' '}
          <span>
            {several ? `mean of ${bench.pairs.length}` : metric === 'logit_diff' ? <><Tok text={app.glyph(answers[0])} /> − <Tok text={app.glyph(answers[1])} /></> : metric !== 'kl' && <Tok text={app.glyph(answers[0])} />}, at {last}
          </span>
        </h3>
        {!Number.isNaN(mA - mB) && <NumberLine a={mA} b={mB} now={value} kept={held} />}
        <dl class="numbers">
          <div title={`(m − mB) / (mA − mB) = ${full(scoreOf(value, mA, mB))}; m = ${full(value)}`}>
            <dt>score <small>0 as B, 1 as A</small></dt>
            <dd><b>{mA === mB ? 'none' : number(scoreOf(value, mA, mB))}</b></dd>
          </div>
          {mA !== mB && (
            <>
              <div title={`The activation of ${into} in the run of ${from}; metric ${full(one(turned))}, score ${full(scoreOf(one(turned), mA, mB))}; ${into === 'B' ? '1: A' : '0: B'} keeps its answer`}>
                <dt>{into === 'B' ? <>B into A instead <small>1: A stays</small></> : <>A into B instead <small>0: B stays</small></>}</dt>
                <dd>{number(scoreOf(one(turned), mA, mB))}</dd>
              </div>
              <div title={`Attribution patching: ${STEPS[gradient] > 1 ? `the mean of ${STEPS[gradient]} gradients on the way between both runs` : 'to first order, from two runs and one backward pass'}; metric ${full(one(slope))}, score ${full(scoreOf(one(slope), mA, mB))}`}>
                <dt>gradient estimate{STEPS[gradient] > 1 && <small> {STEPS[gradient]} steps</small>}</dt>
                <dd>{ungraded ? 'none' : number(scoreOf(one(slope), mA, mB))}</dd>
              </div>
            </>
          )}
          {held !== null && (
            <div title={`With all that is in force: score ${full(scoreOf(held, mA, mB))}`}>
              <dt>in force: score</dt>
              <dd>{mA === mB ? three(held) : number(scoreOf(held, mA, mB))}</dd>
            </div>
          )}
        </dl>
        {far && <p class="sub">The gradient estimate goes straight on from the slope at {into}’s run; the model itself bends on the way to {from}’s.</p>}
      </section>
      <section data-stale={waiting || stale || (now !== null && app.runner.stale.value)} data-document={JSON.stringify({ kind: 'read', document })} aria-label="Next token, patched">
        <h3>
          Next token <span>{several && 'this pair, '}after {end && <Tok text={label(end, last)} />}</span>
        </h3>
        {failure && <p role="alert" class="muted">{failure.detail}</p>}
        <table class="patch-next" data-many={columns.length > 3}>
          <thead>
            <tr>
              <th scope="col"><span class="unseen">token</span></th>
              {columns.map(({ name, of }) => (
                <th scope="col" key={name} class={of ? `of-${of.toLowerCase()}` : undefined}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((id) => (
              <tr key={id}>
                <th scope="row"><code title={`id ${id}`}><Tok text={app.glyph(id)} /></code></th>
                {columns.map(({ name, of, p }) => (
                  <td key={name} class="num" title={`softmax of logits: ${full(p[id] ?? 0)}`}>
                    {share(p[id] ?? 0)}
                    <div class={`mini of-${of.toLowerCase() || 'patched'}`} style={{ width: `${100 * (p[id] ?? 0)}%` }} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {p && (
          <dl class="numbers plain">
            <div title="KL(A || patched) of the prediction"><dt>KL from A, nats</dt><dd>{three(divergence(softmax(rowA), p))}</dd></div>
            <div title="KL(B || patched) of the prediction"><dt>KL from B, nats</dt><dd>{three(divergence(softmax(rowB), p))}</dd></div>
          </dl>
        )}
      </section>
      <section class="actions">
        <h3>Do something with it</h3>
        {acts.map(([key, words, act]) => (
          <button type="button" key={key} onClick={act}>
            {words} {hint(key)}
          </button>
        ))}
        {head !== null && (
          <button type="button" onClick={() => app.experiment.look({ bench: 'look', tab: 'attention' })}>
            See what L{layer}H{head} looks at
          </button>
        )}
        {head === null && (
          <button type="button" onClick={() => app.experiment.look({ bench: 'look', tab: 'stream' })}>
            See the stream at this token
          </button>
        )}
        <button type="button" disabled={app.selection.followsStory.value} onClick={() => app.selection.unlock()}>
          Unlock <kbd aria-hidden="true">Esc</kbd>
        </button>
      </section>
    </div>
  );
}

/** A in B's place and B in A's; what takes from one then takes from the other. */
function swap(app: ReturnType<typeof usePage>['app']) {
  const { text, textB, view } = app.experiment.current.peek();
  if (textB === null) return;
  const { answers } = view;
  app.experiment.set({ text: textB, textB: text, view: { ...view, answers: answers && [answers[1], answers[0]] } });
}

const LINE_PX = 240;
const EDGE_PX = 18;

/** B, A and the patched run on one axis of the metric. */
function NumberLine({ a, b, now, kept }: { readonly a: number; readonly b: number; readonly now: number; readonly kept: number | null }) {
  const all = [a, b, 0, ...(kept === null ? [] : [kept]), ...(Number.isFinite(now) ? [now] : [])];
  const [lo, hi] = [Math.min(...all), Math.max(...all)];
  const x = (value: number) => EDGE_PX + ((LINE_PX - 2 * EDGE_PX) * (value - lo)) / (hi - lo || 1);
  const inside = (value: number) => Math.max(24, Math.min(LINE_PX - 24, x(value)));
  // Names of ends that nearly meet stand one under the other.
  const close = Math.abs(x(a) - x(b)) < 64;
  return (
    <svg class="number-line" width={LINE_PX} height={close ? 74 : 58} role="img" aria-label={`B ${three(b)}, patched ${three(now)}, A ${three(a)}`}>
      <line x1={0} x2={LINE_PX} y1={28} y2={28} class="axis" />
      <line x1={x(0)} x2={x(0)} y1={24} y2={32} class="axis" />
      {Number.isFinite(now) && <line x1={x(b)} x2={x(now)} y1={28} y2={28} class="moved" />}
      <line x1={x(b)} x2={x(b)} y1={20} y2={36} class="end-b" />
      <line x1={x(a)} x2={x(a)} y1={20} y2={36} class="end-a" />
      {kept !== null && <circle cx={x(kept)} cy={28} r={4} class="kept" />}
      {Number.isFinite(now) && <circle cx={x(now)} cy={28} r={4.5} class="now" />}
      {Number.isFinite(now) && <text x={inside(now)} y={14} text-anchor="middle" class="now">{three(now)}</text>}
      <text x={inside(b)} y={50} text-anchor="middle" class="end-b">B {three(b)}</text>
      <text x={inside(a)} y={close ? 66 : 50} text-anchor="middle" class="end-a">A {three(a)}</text>
    </svg>
  );
}
