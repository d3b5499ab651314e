/** How much of a direction does what: its effect, and below it, on the same strengths, what it costs. Over it their axis,
 *  which is the slider and stays in sight. */
import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Reading } from '../../engine/types';
import { three } from '../../state/numbers';
import { STRONGEST, type Steer } from '../../state/steer';
import { Curves, CurvesSlider, signed } from '../../ui/Curves';
import type { CurvesData, MatrixData } from '../../ui/data';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { useSize } from '../../ui/useSize';
import { Picture } from '../Picture';
import type { Study } from '../useStudy';
import { geometric, hasCollapsed, mean, RANDOM, strengthsOf, type Outcome } from './outcomes';
import { StudyLine, StudyProgress } from '../StudyProgress';
import type { Change } from './useSteering';

/** So that on a desk the curves are in sight below the texts. */
const heightOf = () => Math.max(300, Math.min(480, innerHeight - 600));
const WIDEST = 760;

interface Measured {
  /** [strength], mean over the texts. */
  readonly steered: Float64Array;
  /** The same of each text alone. */
  readonly singles: readonly Float64Array[];
  readonly frozen: Float64Array;
  /** Of the random directions. */
  readonly mean: Float64Array;
  readonly least: Float64Array;
  readonly most: Float64Array;
}

/** One measure of a dose reading; NaN where it has nothing yet. */
function measured(reading: Reading | null, array: string, strengths: number): Measured {
  const { data, shape } = reading?.arrays.get(array) ?? { data: new Float32Array(0), shape: [0, 0, 0] };
  const texts = shape[2] ?? 0;
  const names = reading?.axes['way'] ?? [];
  const of = (way: number, text?: number) =>
    Float64Array.from({ length: strengths }, (_, s) => {
      const at = (way * strengths + s) * texts;
      if (texts === 0 || way < 0) return NaN;
      return text === undefined ? (array === 'perplexity' ? geometric : mean)(data.subarray(at, at + texts)) : (data[at + text] ?? NaN);
    });
  const steered = names.indexOf('steered');
  const random = names.flatMap((name, i) => (/^random/.test(name) ? [of(i)] : []));
  const over = (fold: (values: number[]) => number) => Float64Array.from({ length: strengths }, (_, s) => (random.length > 0 ? fold(random.map((r) => r[s] ?? NaN)) : NaN));
  return {
    steered: of(steered), singles: Array.from({ length: texts }, (_, i) => of(steered, i)), frozen: of(names.indexOf('frozen')),
    mean: over(array === 'perplexity' ? geometric : mean), least: over((values) => Math.min(...values)), most: over((values) => Math.max(...values)),
  };
}

const PANELS = [
  ['effect', 'effect, log-odds of one set of tokens over the other', 2.2],
  ['perplexity', 'perplexity under the unsteered model', 1.3],
  ['repetition3', '3-gram repetition', 0.8],
] as const;

/** The strengths at which the text has collapsed, where they stand together; one alone is drawn half a step wide. Of each
 *  side the one nearest to 0 is named. */
function collapsed(x: readonly number[], perplexity: ArrayLike<number> = [], repetition: ArrayLike<number> = [], reading: Reading | null): CurvesData['zones'] {
  const { values } = reading ?? {};
  const base = values?.['base_perplexity'];
  const gone = x.map((_, i) => values !== undefined && base != null && hasCollapsed(values, base, perplexity[i] ?? NaN, repetition[i] ?? NaN));
  const [first = 0, second = 0, last = 0] = [x[0], x[1], x.at(-1)];
  const quarter = (second - first) / 4;
  return x.flatMap((from, i) => {
    if (!gone[i] || gone[i - 1]) return [];
    const after = gone.indexOf(false, i);
    const end = after < 0 ? x.length : after;
    const to = x[end - 1] ?? from;
    const nearest = from > 0 ? !gone.some((g, j) => g && j < i && (x[j] ?? 0) > 0) : !gone.some((g, j) => g && j >= end && (x[j] ?? 0) < 0);
    const alone = from === to ? quarter : 0;
    return [{ from: Math.max(from - alone, first), to: Math.min(to + alone, last), says: nearest ? 'collapse' : '' }];
  });
}

export function curvesOf(reading: Reading | null, steer: Steer): CurvesData {
  const x = strengthsOf(steer);
  const all = PANELS.map(([array]) => measured(reading, array, x.length));
  const { perplexity_limit: times, repetition_limit: repeats, base_perplexity: base } = reading?.values ?? {};
  const limits = [
    null,
    times == null || base == null ? null : { value: times * base, says: `${times} × the unsteered texts’ ${three(base)}: collapse` },
    repeats == null ? null : { value: repeats, says: `over ${repeats}: collapse` },
  ];
  const columns = PANELS.flatMap(([name], p) => {
    const { steered, frozen, mean, least, most } = all[p] as Measured;
    return [
      [name, steered], [`${name}, attention frozen`, frozen], [`${name}, random`, mean], [`${name}, random least`, least], [`${name}, random most`, most],
    ] as const;
  });
  const conventions = [
    ...Object.entries(reading?.conventions ?? {}).map(([name, says]) => `${name}: ${says}`),
    'the mark at the strength that is set: what was measured there, mean over texts of the prompt and seeds of the curve; until that is known there is only a line',
  ];
  const table: MatrixData = {
    kind: 'matrix', title: 'Dose and response', conventions, rows: x.length, cols: columns.length,
    values: Float32Array.from({ length: x.length * columns.length }, (_, i) => columns[i % columns.length]?.[1][Math.floor(i / columns.length)] ?? NaN),
    rowLabels: x.map((strength) => ({ text: signed(strength) })), colLabels: columns.map(([text]) => ({ text })),
    palette: 'cividis', scale: [0, 1], scaleLabel: '',
  };
  return {
    kind: 'curves', title: 'Dose and response', conventions, x, table,
    panels: PANELS.map(([name, title, share], p) => {
      const { steered, singles, frozen, mean, least, most } = all[p] as Measured;
      return {
        title, share, log: name === 'perplexity', limit: limits[p] ?? null,
        curves: [
          { look: 'main', values: steered, name: 'steered' },
          ...singles.map((values, i) => ({ look: 'single', values, ...(i === 0 && { name: 'each of its texts' }) }) as const),
          { look: 'dashed', values: frozen, name: 'attention frozen' },
          { look: 'quiet', values: mean },
          { look: 'band', values: least, upTo: most, name: `${RANDOM} random directions, range and mean` },
        ],
      };
    }),
    zones: collapsed(x, all[1]?.steered, all[2]?.steered, reading),
  };
}

/** What was measured at the strength itself, in the panels' order: by the curve, or by texts of it; nothing is read off between points. */
export function measuredAt(strength: number, { x, panels }: CurvesData, texts: Outcome | null): readonly number[] {
  const i = x.indexOf(strength);
  const own = texts ? [texts.effect, texts.perplexity, texts.repetition] : [];
  return panels.map(({ curves: [steered] }, p) => {
    const there = steered?.values[i] ?? NaN;
    return Number.isFinite(there) ? there : (own[p] ?? NaN);
  });
}

interface SliderProps {
  readonly steer: Steer;
  readonly change: Change;
  readonly data: CurvesData;
  readonly study: Study;
  /** Milliseconds that measuring takes; null: not to be told yet. */
  readonly takes: number | null;
  /** What the numbers are at this strength. */
  readonly says: string;
}

const stepOf = ({ range }: Steer) => Number((range / 32).toPrecision(6));
const moved = (change: Change) => (strength: number) => change({ strength }, 'steer strength');

/** The strength, and below it the way to what every strength comes to. */
export function DoseSlider({ steer, change, data, study, takes, says }: SliderProps) {
  const [room, { width }] = useSize<HTMLDivElement>();
  const { state, request } = study;
  return (
    <div class="steer-dose" role="group" aria-label="How strongly">
      <div class="steer-slider" ref={room}>
        {width > 0 && (
          <CurvesSlider data={data} width={Math.min(width, WIDEST)} label="Strength" at={steer.strength} step={stepOf(steer)} says={says} onMove={moved(change)} />
        )}
      </div>
      <div class="steer-line">
        <label class="pick">
          range ±{' '}
          <input
            class="steer-range"
            type="number"
            required
            step="any"
            min={1e-4}
            max={STRONGEST}
            value={steer.range}
            aria-label="Strengths from minus to plus"
            onInput={(event) => event.currentTarget.validity.valid && change({ range: event.currentTarget.valueAsNumber }, 'steer range')}
          />
        </label>
        <StudyProgress study={study} name="the curve" takes={takes} />
        {(state === 'none' || state === 'failed') && (
          <button type="button" class="button" disabled={!request} onClick={study.again}>
            Measure the curve{request && takes !== null && <small>, about {Math.ceil(takes / 1000)} s</small>}
          </button>
        )}
      </div>
    </div>
  );
}

interface DoseProps {
  readonly steer: Steer;
  readonly change: Change;
  readonly data: CurvesData;
  readonly study: Study;
  /** What the same texts come to at this strength, where that is known. */
  readonly texts: Outcome | null;
  readonly children: ComponentChildren;
}

export function DosePicture({ steer, change, data, study, texts, children }: DoseProps) {
  const asTable = useSignal(false);
  const [room, { width }] = useSize<HTMLDivElement>();
  const { request, state, reading } = study;
  const before = useRef(state);
  useEffect(() => {
    const begins = state === 'running' && before.current !== 'running';
    before.current = state;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (begins) room.current?.scrollIntoView({ block: 'nearest', behavior: still ? 'auto' : 'smooth' });
  }, [state]);
  return (
    <Picture
      title="Dose and response"
      sub={reading ? `means of ${reading.axes['text']?.length ?? 0} texts` : ''}
      name="dose and response"
      data={data}
      what={request && state === 'done' ? { kind: 'read', document: request } : null}
      asTable={asTable}
      stale={state === 'running'}
    >
      <StudyLine study={study} name="the curve" />
      {study.failure && (
        <p class="muted" role="alert">
          <code>{study.failure.status}</code> {study.failure.detail}
        </p>
      )}
      {children}
      <div class="steer-plot" ref={room}>
        {asTable.value ? (
          <HeatmapTable shown={data.table} label="Dose and response" rowLabels={data.table.rowLabels} colLabels={data.table.colLabels} locked={{ value: null } as never} />
        ) : (
          width > 0 && <Curves data={data} width={Math.min(width, WIDEST)} height={heightOf()} at={steer.strength} known={measuredAt(steer.strength, data, texts)} step={stepOf(steer)} onMove={moved(change)} />
        )}
      </div>
    </Picture>
  );
}
