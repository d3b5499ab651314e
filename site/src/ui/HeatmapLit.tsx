/** What is hovered and what is locked, over the cells. It alone redraws when the selection moves. */
import type { ReadonlySignal } from '@preact/signals';
import { crowded, LABEL_PITCH_PX, sameLit, type Lit } from './HeatmapCells.ts';
import { ColLabel, ColLabelCover, RowLabel, RowLabelCover, type ColLabelStyle, type Label } from './HeatmapLabels.tsx';

export interface LitProps {
  readonly rows: number;
  readonly cols: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly gutter: number;
  readonly head: number;
  readonly kind: ColLabelStyle;
  readonly rowLabels: readonly Label[];
  readonly colLabels: readonly Label[];
  readonly rowRunsOn: number;
}

interface SignalProps extends LitProps {
  readonly hovered: ReadonlySignal<Lit | null>;
  readonly locked: ReadonlySignal<Lit | null>;
}

export function HeatmapLit({ hovered, locked, ...props }: SignalProps) {
  const hover = hovered.value;
  const lock = locked.value;
  return (
    <>
      {hover && !sameLit(hover, lock) && <Marks {...props} lit={hover} strength="hover" />}
      {lock && <Marks {...props} lit={lock} strength="lock" />}
    </>
  );
}

function Marks({ lit, strength, ...p }: LitProps & { readonly lit: Lit; readonly strength: 'hover' | 'lock' }) {
  const row = lit.row !== null && lit.row < p.rows ? lit.row : null;
  const col = lit.col !== null && lit.col < p.cols ? lit.col : null;
  const x = (col ?? 0) * p.cellWidth;
  const y = (row ?? 0) * p.cellHeight;
  const right = p.cols * p.cellWidth + p.rowRunsOn;
  // Low rows have no room for their name between the lines.
  const left = p.cellHeight < LABEL_PITCH_PX ? 0 : -p.gutter;
  const columnTo = row === null || lit.whole ? p.rows * p.cellHeight : y;
  const rowLabel = row !== null && p.rowLabels[row];
  const colLabel = col !== null && p.colLabels[col];
  return (
    <g class={`heatmap-${strength}`}>
      {rowLabel &&
        p.gutter > 0 &&
        crowded(row, p.cellHeight).map((i) => (
          <RowLabelCover key={i} index={i} cell={p.cellHeight} gutter={p.gutter} />
        ))}
      {colLabel &&
        p.head > 0 &&
        p.kind === 'turned' &&
        crowded(col, p.cellWidth).map((i) => <ColLabelCover key={i} index={i} cell={p.cellWidth} head={p.head} />)}
      {row !== null && (
        <path class="heatmap-line" d={`M${left} ${y}H${right}M${left} ${y + p.cellHeight}H${right}`} />
      )}
      {col !== null && p.kind === 'turned' && (
        <path class="heatmap-line heatmap-line-col" d={`M${x} 0V${columnTo}M${x + p.cellWidth} 0V${columnTo}`} />
      )}
      {row !== null && col !== null && !lit.whole && (
        <Outline x={x} y={y} width={p.cellWidth} height={p.cellHeight} strength={strength} />
      )}
      {rowLabel && p.gutter > 0 && <RowLabel lit label={rowLabel} index={row} cell={p.cellHeight} gutter={p.gutter} />}
      {colLabel && p.head > 0 && (
        <ColLabel lit label={colLabel} index={col} cell={p.cellWidth} head={p.head} kind={p.kind} />
      )}
    </g>
  );
}

interface OutlineProps {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly strength: 'hover' | 'lock';
}

/** An inner keyline would cover a cell smaller than this; there it stands outside, and the accent around it. */
const ROOM_FOR_KEYLINE = 7;

/** Accent outside, keyline between it and the data: visible on every colour of both ramps. */
function Outline({ x, y, width, height, strength }: OutlineProps) {
  const keyline = Math.min(width, height) < ROOM_FOR_KEYLINE ? -0.5 : 0.5;
  const accentPx = strength === 'lock' ? 3 : 1;
  const accent = keyline - 0.5 - accentPx / 2;
  const at = (inset: number) => ({
    x: x + inset,
    y: y + inset,
    width: width - 2 * inset,
    height: height - 2 * inset,
  });
  return (
    <>
      <rect class="heatmap-accent" {...at(accent)} stroke-width={accentPx} rx={strength === 'lock' ? 1 : 0} />
      <rect class="heatmap-keyline" {...at(keyline)} stroke-width={1} />
    </>
  );
}
