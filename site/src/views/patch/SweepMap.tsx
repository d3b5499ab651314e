/** A map of patches: a row for each activation, a column for each position, filling in while the study goes on. */
import { useComputed, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Token } from '../../engine/types';
import { three } from '../../state/numbers';
import type { MatrixData } from '../../ui/data';
import { Heatmap, type Label, type Lit } from '../../ui/Heatmap';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { positionLabels } from '../tabs/parts';
import type { Place } from '../../state/patch';
import { lockAt, lockedPlace, pointAt, pointed } from './at';
import { conventions, short, type Base, type Cells } from './cells';
import type { Geometry } from './geometry';
import { StudyLine, StudyProgress } from '../StudyProgress';
import type { Swept } from './useSweep';

interface SweepMapProps {
  readonly swept: Swept;
  readonly base: Base | null;
  readonly cells: Cells | null;
  /** "the sweep of the stream" */
  readonly name: string;
  /** Of its files. */
  readonly called: string;
  readonly title: ComponentChildren;
  readonly sub: ComponentChildren;
  readonly controls?: ComponentChildren;
  readonly tokens: readonly Token[];
  readonly rowLabels: readonly Label[];
  readonly geometry: Geometry;
  readonly rowPx: number;
  readonly causal?: boolean;
  /** Its columns have their names in the picture above. */
  readonly second?: boolean;
  readonly ruleEvery?: number;
  /** One mechanism, said on the picture. */
  readonly arrow?: { readonly from: Place; readonly to: Place; readonly words: string } | null;
}

const CHAR_PX = 6.4;

/** From one cell through words on its row to another; where cells on the way say something themselves, it is left out. */
function Arrow({ arrow, props, data, head }: { readonly arrow: NonNullable<SweepMapProps['arrow']>; readonly props: SweepMapProps; readonly data: MatrixData; readonly head: number }) {
  const { sweep } = props.swept;
  const { colPx, gutter } = props.geometry;
  const [from, to] = [sweep.lit(arrow.from), sweep.lit(arrow.to)];
  if (!from || !to || from.col === null || to.col === null || to.row <= from.row) return null;
  const top = (row: number) => head + row * props.rowPx;
  const middle = top(from.row) + props.rowPx / 2;
  const long = arrow.words.length * CHAR_PX;
  const end = gutter + to.col * colPx + colPx / 2;
  let first = from.col + 1;
  while (first < to.col && data.cellText?.(from.row, first)) first++;
  const begin = gutter + first * colPx + 6;
  const words = begin + 22;
  const column = to.col;
  const clear =
    Array.from({ length: Math.max(0, column - first) }, (_, i) => first + i).every((col) => !data.cellText?.(from.row, col)) &&
    Array.from({ length: to.row - from.row }, (_, i) => from.row + i).every((row) => !data.cellText?.(row, column));
  if (!clear || words + long + 24 > end) return null;
  return (
    <svg class="sweep-arrow" aria-hidden="true" width={end + 8} height={top(to.row)}>
      <path d={`M${begin} ${middle}h16M${words + long + 6} ${middle}H${end - 8}q8 0 8 8V${top(to.row) - 3}m-4 -6l4 6l4 -6`} />
      <text x={words} y={middle + 4}>{arrow.words}</text>
    </svg>
  );
}

/** What cells say, and dots where there is no number yet. */
export function cellValues(metrics: Float32Array, cells: Cells | null): Float32Array {
  return cells ? metrics.map((metric) => cells.of(metric)) : metrics.map(() => Number.NaN);
}

export function SweepMap(props: SweepMapProps) {
  const { swept, base, cells, name, called, title, sub, controls, tokens, rowLabels, geometry, rowPx, causal = false, second = false, arrow = null } = props;
  const { app, renderer, theme } = usePage();
  const { study, sweep, metrics } = swept;
  const { rows, cols } = sweep;
  const asTable = useSignal(false);
  const litOf = (place: Place | null): Lit | null => place && sweep.lit(place);
  const hovered = useComputed<Lit | null>(() => {
    const column = app.selection.hover.value?.column;
    return pointed.value ? litOf(pointed.value) : column === undefined ? null : { row: null, col: column };
  });
  const locked = useComputed<Lit | null>(() => litOf(lockedPlace(app)));
  const flat = (geometry.aligned || second) && !causal;
  const data = useMemo<MatrixData>(() => {
    const values = cellValues(metrics, cells);
    return {
      kind: 'matrix', title: called, conventions: conventions(base, study), values, rows, cols, causal, rowLabels,
      colLabels: flat ? tokens.map((_, i) => ({ text: String(i) })) : positionLabels(tokens),
      palette: 'diverging', scale: cells?.scale ?? [-1, 1], scaleLabel: cells?.words ?? 'score',
      cellText(row, col) {
        const value = values[row * cols + col] ?? Number.NaN;
        return cells && Math.abs(value - cells.neutral) >= cells.least ? { text: short(value), whole: true, centred: true } : null;
      },
    };
  }, [metrics, base?.clean, base?.corrupted, cells?.words, cells?.neutral, tokens, rowLabels, flat, called, study.reading?.conventions]);
  const there = (lit: Lit | null) => (lit && lit.row !== null ? sweep.place(lit.row, lit.col) : null);
  const done = metrics.reduce((sum, x) => sum + (Number.isNaN(x) ? 0 : 1), 0);
  return (
    <Picture
      class="sweep"
      title={title}
      sub={sub}
      name={name}
      data={data}
      what={{ kind: 'read', document: sweep.document }}
      asTable={asTable}
      stale={study.state !== 'done'}
      failure={study.failure}
      compact
      controls={
        <>
          {controls}
          <StudyProgress study={study} name={name} count={[done, causal ? (rows * (rows + 1)) / 2 : metrics.length]} />
        </>
      }
    >
      <StudyLine study={study} name={name} />
      <div class="heat-room">
        <Heatmap
          {...data}
          // The bar of all maps stands below them.
          scaleLabel=""
          renderer={renderer}
          theme={theme.value}
          cell={causal ? Math.min(geometry.colPx, 24) : rowPx}
          cellWidth={geometry.colPx}
          gap={1}
          gutter={geometry.gutter}
          head={flat ? 20 : geometry.head}
          colLabelStyle={flat ? 'flat' : 'turned'}
          // Beside the bars the last label has no room for its position, which its row says.
          colNotes={!causal}
          {...(props.ruleEvery && { ruleEvery: props.ruleEvery })}
          pending={study.state !== 'done'}
          hovered={hovered}
          locked={locked}
          onHover={(lit) => {
            if (lit && lit.row === null && lit.col !== null) app.selection.preview({ dest: lit.col, src: null, depth: null, column: lit.col });
            else pointAt(app, there(lit));
          }}
          onLock={(lit) => lockAt(app, there(lit))}
          valueText={(row, col) => {
            const value = data.values[row * cols + col] ?? Number.NaN;
            const label = (labels: readonly Label[], i: number) => [labels[i]?.text, labels[i]?.note].filter(Boolean).join(' ');
            const says = Number.isNaN(value) ? (study.state === 'done' ? 'no number' : 'not computed yet') : `${data.scaleLabel} ${three(value)}`;
            return `${label(data.rowLabels, row)}, position ${label(data.colLabels, col)}: ${says}`;
          }}
          label={data.title}
          caption={data.title}
          asTable={asTable.value}
        />
        {arrow && !asTable.value && <Arrow arrow={arrow} props={props} data={data} head={flat ? 20 : geometry.head} />}
      </div>
    </Picture>
  );
}
