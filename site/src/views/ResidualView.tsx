/** The residual stream: positions by depth, coloured by the length of each vector; the word in a cell is what
 *  the model would say if it stopped there. */
import { useComputed, type Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { RunResult } from '../engine/types';
import { lensConvention } from '../state/lens';
import { niceCeiling, norm, three } from '../state/numbers';
import { depths, glyphs, label, vectorAt } from '../state/reading';
import type { Shown } from '../state/run';
import { Heatmap } from '../ui/Heatmap';
import { HeatmapBar } from '../ui/HeatmapBar';
import { TableToggle } from '../ui/TableToggle';
import { STREAM_GAP_PX, type Layout } from './layout';
import { usePage } from './page';

/** Below this a cell's word would not fit. */
const WORD_CELL_PX = { width: 44, height: 15 };
const BAR_PX = 128;

/** ||x||_2 of every vector of a run, [T, depths]. */
function lengths(shown: Shown, run: RunResult): Float32Array {
  const nDepths = depths(shown).length;
  return new Float32Array(shown.tokenized.ids.length * nDepths).map((_, i) => {
    const vector = vectorAt(shown, run, i % nDepths, Math.floor(i / nDepths));
    return vector ? norm(vector) : Number.NaN;
  });
}

interface Props {
  readonly shown: Shown;
  readonly layout: Layout;
  readonly ownLabels: boolean;
  readonly asTable: Signal<boolean>;
}

export function ResidualView({ shown, layout, ownLabels, asTable }: Props) {
  const { app, renderer, theme } = usePage();
  const { selection, lens } = app;
  const { tokens, ids } = shown.tokenized;
  const points = depths(shown);
  const norms = useMemo(() => lengths(shown, shown.now), [shown]);
  // One scale for the run without edits and the run with them, so that a colour keeps its meaning.
  const top = useMemo(() => niceCeiling(Math.max(...norms, ...lengths(shown, shown.before))), [shown]);
  const rowLabels = useMemo(() => tokens.map((t, i) => ({ text: glyphs(t, i), note: `(${i})` })), [tokens]);
  const hovered = useComputed(() => {
    const h = selection.hover.value;
    return h?.dest == null ? null : { row: h.dest, col: h.depth ?? null };
  });
  const locked = useComputed(() => {
    const { dest, depth } = selection.lock.value;
    return dest === null ? null : { row: dest, col: depth };
  });
  const read = lens.value?.of === shown ? lens.value : null;
  const fits = layout.depthWidth >= WORD_CELL_PX.width && layout.cell >= WORD_CELL_PX.height;
  const roomy = Math.floor((layout.depthWidth - 14) / 7.25);

  const cellText = useMemo(
    () =>
      fits && read
        ? (row: number, col: number) => {
            const id = read.ids[row * points.length + col] ?? 0;
            const text = app.glyph(id);
            return { text: text.length > roomy ? `${text.slice(0, roomy - 1)}…` : text, dot: id === ids[row + 1] };
          }
        : null,
    [read, fits, roomy],
  );
  const figureWidth = ownLabels ? layout.gutter + layout.depthWidth * points.length : layout.streamWidth;

  const words = (row: number, col: number) => {
    const token = tokens[row];
    const value = norms[row * points.length + col] ?? Number.NaN;
    const guess = read ? `, reads as ${app.glyph(read.ids[row * points.length + col] ?? 0)}` : '';
    return token ? `${label(token, row)}, ${points[col]?.name}: length ${three(value)}${guess}` : '';
  };
  const at = selection.lock.value.dest ?? tokens.length - 1;
  return (
    <figure class="picture residual" aria-label="Residual stream" data-table={asTable.value} style={{ width: `${figureWidth}px` }}>
      <h2 class="title">
        Residual stream
        <TableToggle of="the residual stream" on={asTable} />
      </h2>
      <div class="legend" title={`||resid||_2 in f32, of ${points.map((p) => p.hook).join(', ')}`}>
        <HeatmapBar
          renderer={renderer}
          theme={theme.value}
          palette="cividis"
          scale={[0, top]}
          label="length of the vector"
          ticks={[0, top / 2, top]}
          width={BAR_PX}
        />
      </div>
      <Heatmap
        renderer={renderer}
        theme={theme.value}
        values={norms}
        rows={tokens.length}
        cols={points.length}
        rowLabels={rowLabels}
        colLabels={points.map((p) => ({ text: p.name }))}
        palette="cividis"
        scale={[0, top]}
        cell={layout.cell}
        cellWidth={layout.depthWidth}
        gap={layout.cell > 8 ? 1 : 0}
        gutter={ownLabels ? layout.gutter : 0}
        head={layout.head}
        colLabelStyle="flat"
        rowRunsOn={figureWidth - layout.depthWidth * points.length + STREAM_GAP_PX}
        hovered={hovered}
        locked={locked}
        onHover={(lit) => selection.preview(lit && lit.row !== null ? { dest: lit.row, depth: lit.col, src: null } : null)}
        onLock={(lit) => {
          if (!lit) selection.unlock();
          else selection.moveTo({ dest: lit.row ?? at, depth: lit.col, src: null });
        }}
        valueText={words}
        label="Residual stream: rows are positions, columns are depths"
        caption={words(at, points.length - 1)}
        asTable={asTable.value}
        {...(cellText && { cellText })}
      />
      {read && fits && (
        <p class="scale-note muted" title={`The likeliest token of each vector: ${lensConvention(shown)}. A dot: it is the token that comes next.`}>
          word: its guess if the model stopped there; • = it is the next token
        </p>
      )}
    </figure>
  );
}
