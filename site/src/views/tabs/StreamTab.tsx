/** The residual stream: what stands at each position after each step, by a measure that is chosen; and of one cell,
 *  what wrote it. */
import { useMemo } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { sideName, type Subject } from '../../state/documents';
import { label, stateName, states } from '../../state/reading';
import type { Shown } from '../../state/run';
import type { BarsData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import { useMedia } from '../../ui/useMedia';
import { BarsPicture } from '../BarsPicture';
import { usePage } from '../page';
import { partRows, partsIn, useHeadRows } from '../partRows';
import { arrayOf, useReading } from '../useReading';
import { VectorDetails } from '../VectorDetails';
import { directionName, useDirection } from './Along';
import { conventionsOf } from './parts';
import { StatesControls, StatesPicture, useMeasure, type Measure } from './StatesPicture';

const MEASURES: readonly Measure[] = ['norm', 'prob', 'rank', 'kl', 'cosine', 'projection'];

export function StreamTab({ shown }: { readonly shown: Shown }) {
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
const MOST_BARS = 48;

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
  const subject: Subject = app.subject.value ?? shown.now.part;
  const difference = subject.minus !== undefined;
  // Of two runs, the parts are measured along what the vectors differ by: together they are its length.
  const own = difference && !projected;
  const apart = useReading(own ? { read: 'states', ...subject, states: [state], positions: [dest], vectors: true } : null);
  const vector = own && !apart.stale ? Array.from(arrayOf(apart.reading, 'vectors')) : null;
  const about = (of: Subject): ReadRequest => ({
    read: 'decompose', ...of, state, positions: [dest], by,
    ...(projected ? { along } : vector && { along: { vector } }),
  });
  const same = vector !== null && vector.every((x) => x === 0);
  const document = own && (!vector || same) ? null : about(subject);
  const { reading, stale, failure } = useReading(document);
  const edited = !difference && shown.now !== shown.before;
  const earlier = useReading(edited ? about(shown.before.part) : null);
  const before = edited && !earlier.stale ? earlier.reading : null;
  const token = shown.tokenized.tokens[dest];
  const place = `${stateName(state, config)} at ${token ? label(token, dest) : dest}`;
  const unit = projected ? 'projection' : difference ? 'length of the difference' : 'length';
  const made = useMemo(() => {
    if (!reading) return null;
    const { rows, labels } = partRows(partsIn(reading, 'part', 'along'), MOST_BARS, before && partsIn(before, 'part', 'along'));
    const one = (name: string) => arrayOf(reading, name)[0] ?? Number.NaN;
    rows.push(
      { name: `sum = ${unit}`, value: one('state_along'), total: true, ...(before && { before: arrayOf(before, 'state_along')[0] ?? null }) },
      { name: 'error of the sum', value: one('error'), total: true },
    );
    return { rows, labels };
  }, [reading, before, unit]);
  const data = useMemo<BarsData | null>(
    () =>
      document && reading && made && {
        kind: 'bars',
        title: `What wrote ${place}${projected ? `, ${unit}${directionName(along, shown, app)}` : ''}${sideName[side] && app.problem.value === null ? `, ${sideName[side]}` : ''}`,
        conventions: conventionsOf(reading),
        unit,
        rows: made.rows,
      },
    [made, place, document === null],
  );
  const { headAt, lit } = useHeadRows(made?.labels ?? []);
  return (
    <BarsPicture
      data={data}
      what={document && { kind: 'read', document }}
      name="what wrote it"
      title={`What wrote ${place}`}
      {...(difference && sideName[side] && { sub: sideName[side] })}
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
      stale={!same && (stale || (edited && earlier.stale))}
      failure={document ? failure : apart.failure}
      lit={lit}
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
        {same
          ? 'Both runs have the same vector here.'
          : projected
            ? `Each bar is how far one part goes along the direction; together they are the projection.${difference ? ` Each number is a difference: ${sideName[side]}.` : ''}`
            : difference
              ? 'Each bar is how far the difference of one part goes along what the two vectors differ by; together they are its length.'
              : 'Each bar is how far one part goes along the vector’s own direction; together they are its length. To the left: it shortens it.'}
      </p>
    </BarsPicture>
  );
}
