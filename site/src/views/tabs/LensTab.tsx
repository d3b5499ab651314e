/** The logit lens: what each state of the stream would predict. Rows are positions, columns are depths, the word in a
 *  cell is the likeliest token there. */
import { useMemo } from 'preact/hooks';
import { isDifference, sideName } from '../../state/documents';
import { three } from '../../state/numbers';
import { label, stateName } from '../../state/reading';
import type { Shown } from '../../state/run';
import { OPTIONS, type View } from '../../state/view';
import { scaleOf, type MatrixData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import { HeatPicture } from '../HeatPicture';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { TargetPicker } from './TargetPicker';
import { positionLabels, turned, useStatesSelection } from './parts';

/** What a cell's colour can be: the array of the reading, its name, its scale where that is fixed. */
const MEASURES = {
  prob: ['probability', [0, 1]],
  logit: ['logit', null],
  rank: ['rank', null],
  kl: ['KL to the final', null],
  entropy: ['entropy', null],
} as const;
type Measure = keyof typeof MEASURES;

export function LensTab({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { ln, target, side, measure: chosen } = app.view.value;
  const { tokens, ids } = shown.tokenized;
  const { config } = shown.info;
  const measure: Measure = chosen in MEASURES ? (chosen as Measure) : 'prob';
  const document = { read: 'lens' as const, ...app.subject.value, ln, token: target, k: 5 };
  const { reading, stale, failure } = useReading(document);
  const lit = useStatesSelection();
  const difference = isDifference(document);
  const labels = reading?.axes.state ?? [];
  const data = useMemo<MatrixData | null>(() => {
    const from = arrayOf(reading, measure);
    const [rows, cols] = [tokens.length, labels.length];
    if (!reading || from.length !== rows * cols) return null;
    const values = turned(from, cols, rows);
    const best = arrayOf(reading, 'top_ids');
    const k = reading.arrays.get('top_ids')?.shape[2] ?? 1;
    const [word, fixed] = MEASURES[measure];
    const signed = difference || measure === 'logit';
    return {
      kind: 'matrix',
      title: `Logit lens: ${word}${difference ? `, ${sideName[side]}` : ''}`,
      conventions: Object.entries(reading.conventions).map(([of, words]) => `${of}: ${words}`),
      values, rows, cols,
      rowLabels: positionLabels(tokens),
      colLabels: labels.map((state) => ({ text: stateName(state, config) })),
      palette: signed ? 'diverging' : 'cividis',
      scale: fixed && !difference ? fixed : scaleOf(values, signed),
      scaleLabel: word,
      cellText: (row, col) => {
        const id = best[(col * rows + row) * k] ?? 0;
        return { text: app.glyph(id), dot: id === ids[row + 1] };
      },
    };
  }, [reading, measure, shown, app.vocabulary.value]);
  return (
    <HeatPicture
      data={data}
      what={{ kind: 'read', document }}
      name="the logit lens"
      stale={stale}
      failure={failure}
      colPx={[44, 96]}
      controls={
        <>
          <Segments
            label="Measure"
            value={measure}
            options={(Object.keys(MEASURES) as Measure[]).map((m) => [m, MEASURES[m][0]])}
            onPick={(picked) => app.experiment.look({ measure: picked })}
          />
          <TargetPicker shown={shown} />
          <Segments
            label="Final LayerNorm"
            value={ln}
            options={OPTIONS.ln.map((option): [View['ln'], string, string] =>
              option === 'recompute' ? [option, 'LN anew', 'ln_final computed anew on each state'] : [option, 'LN cached', 'each state over the scale that ln_final had in the run'])}
            onPick={(picked) => app.experiment.look({ ln: picked })}
          />
        </>
      }
      {...lit}
      valueText={(row, col) => {
        const token = tokens[row];
        if (!data || !token) return '';
        return `${label(token, row)}, ${data.colLabels[col]?.text}: ${MEASURES[measure][0]} ${three(data.values[row * data.cols + col] ?? Number.NaN)}, first guess ${data.cellText?.(row, col)?.text}`;
      }}
    >
      <p class="scale-note muted">word: the likeliest token at that state; • = it is the token that comes next</p>
    </HeatPicture>
  );
}
