/** The states of the stream at every position, as one picture. The view says what a cell's colour is and what the rows
 *  are; a cell's word is its likeliest token, or its number where the measure is no matter of tokens. */
import { useMemo, useRef } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { isDifference, sideName } from '../../state/documents';
import { full, three } from '../../state/numbers';
import { label, stateName } from '../../state/reading';
import type { Shown } from '../../state/run';
import { OPTIONS, type View } from '../../state/view';
import { scaleOf, type MatrixData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import type { Scale } from '../../gl/palette';
import { HeatPicture } from '../HeatPicture';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { Along, directionName, useDirection } from './Along';
import { conventionsOf, positionLabels, turned, useStatesSelection } from './parts';
import { TargetPicker } from './TargetPicker';

export type Measure = View['measure'];

/** Bright is near to the final answer. What lies beyond is as dark: how much further says the number. */
const MOST_RANK = 20;
const MOST_KL = 5;

interface Meaning {
  readonly read: 'lens' | 'states';
  readonly word: string;
  /** Where there is room. */
  readonly long?: string;
  readonly says: string;
  /** Of one token, which is chosen. */
  readonly ofToken?: boolean;
  /** Where it is always the same. */
  readonly scale?: Scale;
  readonly signed?: boolean;
}

const MEASURES: Readonly<Record<Measure, Meaning>> = {
  norm: { read: 'states', word: 'length', says: 'The length of each vector' },
  prob: { read: 'lens', word: 'probability', says: 'The probability of the token, if the model stopped there', ofToken: true, scale: [0, 1] },
  logit: { read: 'lens', word: 'logit', says: 'The logit of the token, if the model stopped there', ofToken: true, signed: true },
  rank: { read: 'lens', word: 'rank', says: 'How many tokens would be likelier, if the model stopped there', ofToken: true, scale: [MOST_RANK, 0] },
  kl: { read: 'lens', word: 'KL', long: 'KL to the final', says: 'How far its prediction is from the final one, in nats', scale: [MOST_KL, 0] },
  entropy: { read: 'lens', word: 'entropy', says: 'How undecided the model would be there, in nats' },
  cosine: { read: 'states', word: 'cosine', long: 'cosine to the final', says: 'Whether it points where the final state does: from −1 to 1', scale: [-1, 1], signed: true },
  projection: { read: 'states', word: 'projection', says: 'How far it goes along a direction that you choose, made unit length; that of a token is its column of W_U, without ln_final’s gain', signed: true },
};

/** What a tab of these measures shows: the one that the view names, or the tab's own first. */
export function useMeasure(measures: readonly Measure[]): Measure {
  const { measure } = usePage().app.view.value;
  return measures.includes(measure) ? measure : (measures[0] ?? 'norm');
}

const clipped = (measure: Measure): readonly string[] => {
  const most = MEASURES[measure].scale?.[0] ?? 0;
  return most > 1 ? [`colour: the brightest is 0, the darkest ${most} or more; the numbers are as they are`] : [];
};

interface Props {
  readonly shown: Shown;
  /** The first is shown where the view names none of them. */
  readonly measures: readonly Measure[];
}

export function StatesControls({ shown, measures }: Props) {
  const { app } = usePage();
  const { ln, rows } = app.view.value;
  const measure = useMeasure(measures);
  const along = useDirection(shown);
  const { read, ofToken } = MEASURES[measure];
  return (
    <>
      <Segments
        label="Measure"
        value={measure}
        options={measures.map((m) => [m, MEASURES[m].word, MEASURES[m].says])}
        onPick={(picked) => app.experiment.look({ measure: picked, ...(picked === 'projection' && { along }) })}
      />
      {ofToken && <TargetPicker shown={shown} />}
      {measure === 'projection' && <Along shown={shown} />}
      {read === 'lens' && (
        <Segments
          label="Final LayerNorm"
          value={ln}
          options={OPTIONS.ln.map((option): [View['ln'], string, string] =>
            option === 'recompute' ? [option, 'LN anew', 'ln_final computed anew on each state'] : [option, 'LN cached', 'each state over the scale that ln_final had in the run'])}
          onPick={(picked) => app.experiment.look({ ln: picked })}
        />
      )}
      <Segments
        label="Positions"
        value={rows}
        options={[['positions', 'text ↓', 'A row for each position, a column for each depth'], ['depths', 'text →', 'A column for each position, a row for each depth']]}
        onPick={(picked) => app.experiment.look({ rows: picked })}
      />
    </>
  );
}

/** Of more columns than this none has room for a word. */
const MOST_WORDS = 48;

/** At most five characters, for a cell. */
const short = (value: number) => {
  const size = Math.abs(value);
  return Number.isFinite(value) ? value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0).replace('-', '−') : three(value);
};

interface PictureOf extends Props {
  readonly called: string;
  readonly name: string;
  readonly ownControls?: boolean;
}

export function StatesPicture({ shown, measures, called, name, ownControls = false }: PictureOf) {
  const { app } = usePage();
  const { ln, target, side, rows: rowsAre } = app.view.value;
  const { tokens, ids } = shown.tokenized;
  const { config } = shown.info;
  const measure = useMeasure(measures);
  const meaning = MEASURES[measure];
  const along = useDirection(shown);
  const run = app.subject.value ?? shown.now.part;
  const document: ReadRequest =
    meaning.read === 'lens'
      ? { read: 'lens', ...run, ln, token: target, k: 5 }
      : { read: 'states', ...run, ...(measure === 'projection' && { along }) };
  const { reading, request, stale, failure } = useReading(document);
  const difference = isDifference(document);
  const across = rowsAre === 'depths';
  const direction = measure === 'projection' ? directionName(along, shown, app) : '';
  const lit = useStatesSelection();
  const made = useMemo<MatrixData | null>(() => {
    // Of two runs, how far apart they are says more than which is longer.
    const apart = difference && measure === 'norm';
    const from = arrayOf(reading, apart ? 'distance' : measure);
    const labels = reading?.axes.state ?? [];
    const [n, depths] = [tokens.length, labels.length];
    if (!reading || request?.read !== meaning.read || from.length !== n * depths) return null;
    // After the last token none comes next: there is nothing to draw there.
    const told = meaning.ofToken && request.token === 'next' ? n - 1 : n;
    const values = across ? from.filter((_, i) => i % n < told) : turned(from, depths, n).subarray(0, told * depths);
    const best = arrayOf(reading, 'top_ids');
    const k = reading.arrays.get('top_ids')?.shape[2] ?? 1;
    const word = apart ? 'length of the difference' : (meaning.long ?? meaning.word) + direction;
    const signed = !apart && (difference || meaning.signed === true);
    const positions = positionLabels(tokens.slice(0, told));
    const names = labels.map((state) => ({ text: stateName(state, config) }));
    const [rows, cols] = across ? [depths, told] : [told, depths];
    return {
      kind: 'matrix',
      title: `${called}: ${word}${sideName[side] && app.problem.value === null ? `, ${sideName[side]}` : ''}`,
      conventions: [...conventionsOf(reading), ...(difference ? [] : clipped(measure))],
      values, rows, cols,
      ...(measure === 'rank' && { integers: true }),
      rowLabels: across ? names : positions,
      colLabels: across ? positions : names,
      palette: signed ? 'diverging' : 'cividis',
      scale: (!difference && meaning.scale) || scaleOf(values, signed),
      scaleLabel: difference && !apart ? `${word}, difference` : word,
      ...(cols <= MOST_WORDS && {
        cellText: (row, col) => {
          const [at, depth] = across ? [col, row] : [row, col];
          if (best.length === 0) return { text: short(values[row * cols + col] ?? Number.NaN), whole: true };
          const id = best[(depth * n + at) * k] ?? 0;
          return { text: app.glyph(id), dot: id === ids[at + 1] };
        },
      }),
    };
  }, [reading, measure, shown, app.vocabulary.value, across, direction, difference]);
  // Until another measure's numbers are there the picture stays as it was.
  const last = useRef<MatrixData | null>(null);
  if (made) last.current = made;
  const data = made ?? last.current;
  const says = !difference ? meaning.says : measure === 'norm' ? 'How far apart the two vectors are' : `${meaning.says}: ${sideName[side]}`;
  return (
    <HeatPicture
      data={data}
      what={{ kind: 'read', document }}
      name={name}
      title={called}
      stale={stale || !made}
      failure={failure}
      colPx={data && data.cols > MOST_WORDS ? [6, 96] : [50, 96]}
      {...(ownControls && { controls: <StatesControls shown={shown} measures={measures} /> })}
      {...lit}
      valueText={(row, col) => {
        const [at, depth] = across ? [col, row] : [row, col];
        const token = tokens[at];
        if (!data || !token) return '';
        const names = across ? data.rowLabels : data.colLabels;
        const guess = meaning.read === 'lens' ? `, first guess ${app.glyph(arrayOf(reading, 'top_ids')[(depth * tokens.length + at) * 5] ?? 0)}` : '';
        const value = data.values[row * data.cols + col] ?? Number.NaN;
        return `${label(token, at)}, ${names[depth]?.text}: ${data.scaleLabel} ${measure === 'rank' ? full(value) : three(value)}${guess}`;
      }}
    >
      {(written) => (
        <p class="small muted">
          {says}. {meaning.read === 'lens' && written && 'The word is the likeliest token there; • = it is the token that comes next.'}
        </p>
      )}
    </HeatPicture>
  );
}
