/** The residual stream: what stands at each position after each step, by a measure that is chosen; and of one cell,
 *  what wrote it. */
import { useMemo } from 'preact/hooks';
import type { ReadRequest, Reading } from '../../engine/types';
import { isDifference, sideName, type Subject } from '../../state/documents';
import { topIndices } from '../../state/numbers';
import { headNamed, label, stateName, states } from '../../state/reading';
import { sameHead } from '../../state/selection';
import type { Shown } from '../../state/run';
import type { BarRow, BarsData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import { useMedia } from '../../ui/useMedia';
import { BarsPicture } from '../BarsPicture';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { VectorDetails } from '../VectorDetails';
import { directionName, useDirection } from './Along';
import type { TabProps } from './index';
import { partName } from './partName';
import { conventionsOf } from './parts';
import { StatesControls, StatesPicture, useMeasure, type Measure } from './StatesPicture';

const MEASURES: readonly Measure[] = ['norm', 'prob', 'rank', 'kl', 'cosine', 'projection'];

export function StreamTab({ shown }: TabProps) {
  const wide = useMedia('(min-width: 1100px)');
  const { lock } = usePage().app.selection;
  const labels = states(shown.info.config);
  const { dest, depth } = lock.value;
  const cell = { dest: dest ?? shown.tokenized.tokens.length - 1, depth: depth ?? labels.length - 1 };
  return (
    <>
      <div class="picture-head">
        <StatesControls shown={shown} measures={MEASURES} />
      </div>
      <div class="columns stream">
        <StatesPicture shown={shown} measures={MEASURES} called="Residual stream" name="the residual stream" />
        <div>
          <WroteIt shown={shown} {...cell} />
          {!wide && (
            <div class="inspector-body">
              <VectorDetails shown={shown} {...cell} />
            </div>
          )}
        </div>
      </div>
    </>
  );
}

/** More bars than this are no picture: the largest, and the rest in one. */
const MOST_BARS = 20;

interface Cell {
  readonly shown: Shown;
  readonly dest: number;
  readonly depth: number;
}

/** The parts of one vector along a direction, which is its own unless another one is looked along. */
function WroteIt({ shown, dest, depth }: Cell) {
  const { app } = usePage();
  const { selection, experiment, view } = app;
  const { config } = shown.info;
  const { side } = view.value;
  const by = view.value.by === 'head' && config.n_layers > 0 ? 'head' : 'component';
  const along = useDirection(shown);
  const projected = useMeasure(MEASURES) === 'projection';
  const state = states(config)[depth] ?? 'final_post';
  const about = (of: Subject): ReadRequest => ({ read: 'decompose', ...of, state, positions: [dest], by, ...(projected && { along }) });
  const document = about(app.subject.value ?? shown.now.part);
  const difference = isDifference(document);
  const { reading, stale, failure } = useReading(document);
  const earlier = useReading(!difference && shown.now !== shown.before ? about(shown.before.part) : null);
  const before = !difference && shown.now !== shown.before && !earlier.stale ? earlier.reading : null;
  const token = shown.tokenized.tokens[dest];
  const place = `${stateName(state, config)} at ${token ? label(token, dest) : dest}`;
  const unit = projected ? 'projection' : 'length';
  const made = useMemo(() => (reading ? barsOf(reading, before, `sum = ${unit}`) : null), [reading, before, unit]);
  const data = useMemo<BarsData | null>(
    () =>
      reading && made && {
        kind: 'bars',
        title: `What wrote ${place}${projected ? `, ${unit}${directionName(along, shown, app)}` : ''}${sideName[side] && app.problem.value === null ? `, ${sideName[side]}` : ''}`,
        conventions: conventionsOf(reading),
        unit,
        rows: made.rows,
      },
    [made, place],
  );
  const { head } = selection.shown.value;
  const headAt = (row: number | null) => headNamed((row !== null && made?.labels[row]) || '');
  return (
    <BarsPicture
      data={data}
      what={{ kind: 'read', document }}
      name="what wrote it"
      title={`What wrote ${place}`}
      controls={
        config.n_layers > 0 && (
          <Segments
            label="Parts"
            value={by}
            options={[['component', 'layers', 'The attention and the MLP of each layer'], ['head', 'heads', 'Each attention head by itself']]}
            onPick={(picked) => experiment.look({ by: picked })}
          />
        )
      }
      stale={stale}
      failure={failure}
      lit={made?.labels.findIndex((called) => sameHead(headNamed(called), head) && head !== null) ?? null}
      onHover={(row) => {
        const pointed = headAt(row);
        selection.preview(pointed && { head: pointed });
      }}
      onPick={(row) => {
        const picked = headAt(row);
        if (picked) selection.moveTo({ head: picked });
      }}
    >
      <p class="small muted">
        {projected
          ? 'Each bar is how far one part goes along the direction; together they are the projection.'
          : 'Each bar is how far one part goes along the vector’s own direction; together they are its length. To the left: it shortens it.'}
      </p>
    </BarsPicture>
  );
}

function barsOf(reading: Reading, before: Reading | null, whole: string) {
  const labels = reading.axes.part ?? [];
  const values = arrayOf(reading, 'along');
  const listed = labels.length > MOST_BARS ? topIndices(values.map(Math.abs), MOST_BARS) : labels.map((_, i) => i);
  const then = new Map(before?.axes.part?.map((called, i) => [called, arrayOf(before, 'along')[i] ?? 0]));
  const one = (from: Reading, name: string) => arrayOf(from, name)[0] ?? Number.NaN;
  const others = (from: Reading, of: (i: number) => number) => arrayOf(from, 'along').reduce((sum, x) => sum + x, 0) - listed.reduce((sum, i) => sum + of(i), 0);
  const was = (i: number) => then.get(labels[i] ?? '') ?? 0;
  const rows: BarRow[] = listed.map((i) => ({ name: partName(labels[i] ?? ''), value: values[i] ?? Number.NaN, ...(before && { before: was(i) }) }));
  if (listed.length < labels.length)
    rows.push({ name: `${labels.length - listed.length} others`, value: others(reading, (i) => values[i] ?? 0), ...(before && { before: others(before, was) }) });
  rows.push({ name: whole, value: one(reading, 'state_along'), total: true, ...(before && { before: one(before, 'state_along') }) });
  rows.push({ name: 'error of the sum', value: one(reading, 'error'), total: true });
  return { rows, labels: listed.map((i) => labels[i] ?? '') };
}
