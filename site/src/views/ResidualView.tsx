/** The residual stream: positions by depth, coloured by the length of each vector; the word in a cell is what
 *  the model would say if it stopped there. */
import { useComputed, type Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest } from '../engine/types';
import { isDifference, sideName } from '../state/documents';
import { three } from '../state/numbers';
import { glyphs, label, stateHook, stateName, states } from '../state/reading';
import type { Shown } from '../state/run';
import { scaleOf, type MatrixData } from '../ui/data';
import { Heatmap } from '../ui/Heatmap';
import { HeatmapBar } from '../ui/HeatmapBar';
import { STREAM_GAP_PX, type Layout } from './layout';
import { usePage } from './page';
import { Picture } from './Picture';
import { arrayOf, useReading } from './useReading';

/** The lens's convention where nothing else is chosen. */
const LENS_MEANS = 'ln_final anew on this vector (where the model has one), then W_U + b_U, softmax';

/** Below this a cell's word would not fit. */
const WORD_CELL_PX = { width: 44, height: 15 };
const BAR_PX = 128;
/** What the whole title needs beside its buttons. */
const ROOMY_PX = 190;

interface Props {
  readonly shown: Shown;
  readonly layout: Layout;
  readonly ownLabels: boolean;
  readonly asTable: Signal<boolean>;
}

export function ResidualView({ shown, layout, ownLabels, asTable }: Props) {
  const { app, renderer, theme } = usePage();
  const { selection } = app;
  const { tokens, ids } = shown.tokenized;
  const { config } = shown.info;
  // Where attention and MLP are told apart, the stream has a tab of its own; here each layer is one step.
  const labels = states(config).filter((label) => !label.endsWith('_mid'));
  const points = labels.map((label) => ({ label, name: stateName(label, config), hook: stateHook(label, config), depth: states(config).indexOf(label) }));
  const document: ReadRequest = { read: 'states', ...(app.subject.value ?? shown.now.part), states: labels };
  const difference = isDifference(document);
  const sizes = useReading(document);
  const edited = !difference && shown.now !== shown.before;
  const before = useReading(edited ? { ...document, ...shown.before.part, edits: [] } : null);
  const fits = layout.depthWidth >= WORD_CELL_PX.width && layout.cell >= WORD_CELL_PX.height;
  // Words that nobody could read are not asked for: of a long text that would be the most work of all.
  const guesses = useReading(fits ? { read: 'lens', ...shown.now.part, states: labels, k: 1 } : null);
  const nDepths = points.length;
  /** [state, position] turned: rows are positions. */
  const norms = useMemo(() => {
    const from = arrayOf(sizes.reading, difference ? 'distance' : 'norm');
    const n = from.length / nDepths;
    return from.map((_, i) => from[(i % nDepths) * n + Math.floor(i / nDepths)] ?? Number.NaN);
  }, [sizes.reading, nDepths]);
  // One scale for the run without edits and the run with them, so that a colour keeps its meaning.
  const top = useMemo(() => Math.max(scaleOf(norms, false)[1], edited ? scaleOf(arrayOf(before.reading, 'norm'), false)[1] : 0), [norms, before.reading, edited]);
  const rowLabels = useMemo(() => tokens.map((t, i) => ({ text: glyphs(t, i), note: `(${i})` })), [tokens]);
  const hovered = useComputed(() => {
    const h = selection.hover.value;
    return h?.dest == null ? null : { row: h.dest, col: columnOf(h.depth) };
  });
  const locked = useComputed(() => {
    const { dest, depth } = selection.lock.value;
    return dest === null ? null : { row: dest, col: columnOf(depth) };
  });
  const columnOf = (depth: number | null | undefined) => {
    const at = points.findIndex((point) => point.depth === depth);
    return at < 0 ? null : at;
  };
  const top1 = arrayOf(guesses.reading, 'top_ids');
  const idAt = (row: number, col: number) => top1[col * tokens.length + row] ?? 0;
  const read = top1.length === tokens.length * nDepths && !guesses.stale;
  const roomy = Math.floor((layout.depthWidth - 14) / 7.25);

  const cellText = useMemo(
    () =>
      fits && read
        ? (row: number, col: number) => {
            const id = idAt(row, col);
            const text = app.glyph(id);
            return { text: text.length > roomy ? `${text.slice(0, roomy - 1)}…` : text, dot: id === ids[row + 1] };
          }
        : null,
    [read, top1, fits, roomy],
  );
  const figureWidth = ownLabels ? layout.gutter + layout.depthWidth * points.length : layout.streamWidth;

  const words = (row: number, col: number) => {
    const token = tokens[row];
    const value = norms[row * points.length + col] ?? Number.NaN;
    const guess = read ? `, reads as ${app.glyph(idAt(row, col))}` : '';
    return token ? `${label(token, row)}, ${points[col]?.name}: ${difference ? 'length of the difference' : 'length'} ${three(value)}${guess}` : '';
  };
  const at = selection.lock.value.dest ?? tokens.length - 1;
  const unit = difference ? 'length of the difference' : 'length of the vector';
  const there = norms.length === tokens.length * nDepths;
  const data: MatrixData | null = there
    ? {
        kind: 'matrix', title: difference ? `Residual stream: length of the difference, ${sideName[app.view.value.side]}` : 'Residual stream: length of each vector', values: norms, rows: tokens.length, cols: nDepths,
        conventions: [`||resid||_2 in f32, of ${points.map((p) => p.hook).join(', ')}`, ...(read ? [`word: the likeliest token, ${LENS_MEANS}`] : [])],
        rowLabels, colLabels: points.map((p) => ({ text: p.name })), palette: 'cividis', scale: [0, top], scaleLabel: unit,
        ...(cellText && { cellText }),
      }
    : null;
  return (
    <Picture
      class={asTable.value ? 'residual as-table' : 'residual'}
      name="the residual stream"
      title={figureWidth < ROOMY_PX && !asTable.value ? 'Stream' : 'Residual stream'}
      {...(difference && asTable.value && { sub: unit })}
      data={data}
      what={{ kind: 'read', document }}
      asTable={asTable}
      compact
      stale={sizes.stale || (edited && before.stale) || (fits && guesses.stale)}
      failure={sizes.failure}
      width={figureWidth}
    >
      {data && (
        <>
          <div class="legend" title={`||resid||_2 in f32, of ${points.map((p) => p.hook).join(', ')}`}>
            <HeatmapBar
              renderer={renderer}
              theme={theme.value}
              palette={data.palette}
              scale={data.scale}
              label={unit}
              ticks={[0, top / 2, top]}
              width={BAR_PX}
            />
          </div>
          <Heatmap
            {...data}
            scaleLabel="" // the bar stands above, in the room of the column labels
            renderer={renderer}
            theme={theme.value}
            cell={layout.cell}
            cellWidth={layout.depthWidth}
            gap={layout.cell > 8 ? 1 : 0}
            gutter={ownLabels ? layout.gutter : 0}
            head={layout.head}
            colLabelStyle="flat"
            rowRunsOn={figureWidth - layout.depthWidth * points.length + STREAM_GAP_PX}
            hovered={hovered}
            locked={locked}
            onHover={(lit) => selection.preview(lit && lit.row !== null ? { dest: lit.row, depth: lit.col === null ? null : (points[lit.col]?.depth ?? null), src: null } : null)}
            onLock={(lit) => {
              if (!lit) selection.unlock();
              else selection.moveTo({ dest: lit.row ?? at, depth: lit.col === null ? null : (points[lit.col]?.depth ?? null), src: null });
            }}
            valueText={words}
            label="Residual stream: rows are positions, columns are depths"
            caption={words(at, points.length - 1)}
            asTable={asTable.value}
          />
          {read && fits && (
            <p class="scale-note muted" title={`word: the likeliest token, ${LENS_MEANS}. A dot: it is the token that comes next.`}>
              word: its guess if the model stopped there; • = the next token
            </p>
          )}
        </>
      )}
    </Picture>
  );
}
