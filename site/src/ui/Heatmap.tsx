/** An accessible picture of a matrix: cells by the shared renderer, labels and marks in SVG, keyboard, table twin. */
import type { ReadonlySignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { canvasSide, snap } from '../gl/geometry.ts';
import type { Palette, Scale, Theme } from '../gl/palette.ts';
import type { Canvas, Renderer } from '../gl/renderer.ts';
import './Heatmap.css';
import { HeatmapBar } from './HeatmapBar.tsx';
import { fitsCorner, type Lit, type Shown } from './HeatmapCells.ts';
import { HeatmapGrid } from './HeatmapGrid.tsx';
import { Labels, type ColLabelStyle, type Label } from './HeatmapLabels.tsx';
import { HeatmapLit } from './HeatmapLit.tsx';
import { HeatmapPending } from './HeatmapPending.tsx';
import { HeatmapTable } from './HeatmapTable.tsx';
import { HeatmapText, type CellText } from './HeatmapText.tsx';
import { usePixelRatio } from './pixelRatio.ts';

export type { Lit } from './HeatmapCells.ts';
export type { Label } from './HeatmapLabels.tsx';
export type { CellText } from './HeatmapText.tsx';

export interface HeatmapProps extends Shown {
  readonly renderer: Renderer;
  readonly theme: Theme;
  readonly rowLabels: readonly Label[];
  readonly colLabels: readonly Label[];

  readonly palette: Palette;
  readonly scale: Scale;
  /** Title of the colour bar ("attention weight"); without it there is no bar (a neighbour has it). */
  readonly scaleLabel?: string;
  /** Values printed on the bar; absent = lo, middle, hi. */
  readonly ticks?: readonly number[];

  /** CSS pixels, from fitCell(); `cellWidth` where cells are not square. */
  readonly cell: number;
  readonly cellWidth?: number;
  /** 1 = a hairline of ground between cells. */
  readonly gap?: 0 | 1;
  /** Room for the row labels, CSS pixels; 0 = none are drawn (a neighbour on the same rows has them). */
  readonly gutter?: number;
  /** Room above the cells, CSS pixels. */
  readonly head?: number;
  /** 'turned' by -60 degrees for tokens, 'flat' for few short names. */
  readonly colLabelStyle?: ColLabelStyle;
  /** Whether columns print their note; on the phone the rows' must do. */
  readonly colNotes?: boolean;
  /** Words on the two axes, at the corner: ["source", "destination"]. */
  readonly axes?: readonly [cols: string, rows: string];
  /** How far the lit row's lines run on to the right, to the next picture on the same rows, CSS pixels. */
  readonly rowRunsOn?: number;

  /** Hover previews, lock holds; both are the page's one selection. */
  readonly hovered: ReadonlySignal<Lit | null>;
  readonly locked: ReadonlySignal<Lit | null>;
  readonly onHover: (lit: Lit | null) => void;
  /** null = unlock (a click on the locked cell, or Esc). */
  readonly onLock: (lit: Lit | null) => void;

  /** The cell in words, for the live line: "␣cat (12) looks at ␣sat (5): 0.920". */
  readonly valueText: (row: number, col: number) => string;
  /** Names the grid: "Attention pattern of L1H3". */
  readonly label: string;
  /** One generated sentence on what is seen; read out, not shown (the story line shows it). */
  readonly caption: string;

  /** Words in the cells. Compared by identity, as values are. */
  readonly cellText?: (row: number, col: number) => CellText | null;

  /** A gap after every so many rows: those of a layer belong together. */
  readonly ruleEvery?: number;
  /** NaN stands for what is not computed yet: dots on paper. */
  readonly pending?: boolean;

  /** Shows the table twin instead of the picture. */
  readonly asTable?: boolean;
}

const BAR_PX = 128;
const SMALL_BAR_PX = 108;
/** Title, bar, ticks and the note on grey, with their margins. */
const CORNER_PX = { width: 154, height: 98 };
const SMALL_CORNER_PX = { width: 126, height: 60 };

export function Heatmap(props: HeatmapProps) {
  const { label, caption, rowLabels, colLabels, locked, asTable = false } = props;
  return (
    <figure class="heatmap">
      <figcaption class="heatmap-unseen">{caption}</figcaption>
      {asTable ? (
        <HeatmapTable shown={props} label={label} rowLabels={rowLabels} colLabels={colLabels} locked={locked} cellText={props.cellText} />
      ) : (
        <Plot {...props} />
      )}
    </figure>
  );
}

function Plot(props: HeatmapProps) {
  const { rows, cols, theme, renderer, rowLabels, palette, scale, cellText, colNotes = true } = props;
  const { gutter = 80, head = 70, colLabelStyle = 'turned', rowRunsOn = 0, axes } = props;
  const ratio = usePixelRatio();
  const cellHeight = snap(props.cell, ratio);
  const cellWidth = snap(props.cellWidth ?? props.cell, ratio);
  const width = cols * cellWidth;
  const height = rows * cellHeight;

  const colLabels = useMemo(
    () => (colNotes ? props.colLabels : props.colLabels.map(({ text }) => ({ text }))),
    [props.colLabels, colNotes],
  );
  const canvas = useCells(props, cellWidth, cellHeight, ratio);
  const labels = useMemo(
    () => <Labels {...{ rowLabels, colLabels, cellWidth, cellHeight, gutter, head, kind: colLabelStyle }} />,
    [rowLabels, colLabels, cellWidth, cellHeight, gutter, head, colLabelStyle],
  );
  const words = useMemo(
    () =>
      cellText && (
        <HeatmapText shown={props} lengths={{ cellWidth, cellHeight }} {...{ scale, palette, theme, cellText }} />
      ),
    [props.values, props.offset, rows, cols, cellWidth, cellHeight, scale[0], scale[1], palette, theme, cellText],
  );

  const lengths = { cellWidth, cellHeight };
  const roomy = fitsCorner(props, lengths, CORNER_PX.width, CORNER_PX.height);
  const corner = roomy || fitsCorner(props, lengths, SMALL_CORNER_PX.width, SMALL_CORNER_PX.height);
  const bar = props.scaleLabel && (
    <div
      class={corner ? (roomy ? 'heatmap-corner heatmap-roomy' : 'heatmap-corner') : 'heatmap-beside'}
      style={corner ? { top: `${head}px` } : { paddingLeft: `${gutter}px` }}
    >
      <HeatmapBar
        {...{ renderer, theme, palette, scale }}
        label={props.scaleLabel}
        ticks={props.ticks ?? [scale[0], (scale[0] + scale[1]) / 2, scale[1]]}
        width={corner && !roomy ? SMALL_BAR_PX : BAR_PX}
      />
      {(roomy || !corner) && props.causal && <span class="heatmap-grey">grey: later tokens, masked</span>}
    </div>
  );

  return (
    <>
      <div class="heatmap-plot" style={{ width: `${gutter + width}px`, height: `${head + height}px` }}>
        <canvas
          ref={canvas}
          aria-hidden="true"
          style={{
            left: `${gutter}px`,
            top: `${head}px`,
            width: `${canvasSide(Math.round(width * ratio), ratio).cssPx}px`,
            height: `${canvasSide(Math.round(height * ratio), ratio).cssPx}px`,
          }}
        />
        <svg aria-hidden="true" style={{ left: `${gutter}px`, top: `${head}px` }} width={width} height={height}>
          {axes && (
            <g class="heatmap-axes" text-anchor="end">
              <text x={-8} y={-26}>{axes[0]} →</text>
              <text x={-8} y={-10}>{axes[1]} ↓</text>
            </g>
          )}
          {props.pending && <HeatmapPending shown={props} lengths={lengths} />}
          {props.ruleEvery && (
            <path class="heatmap-rule" d={Array.from({ length: Math.ceil(rows / props.ruleEvery) - 1 }, (_, i) => `M0 ${(i + 1) * (props.ruleEvery ?? 0) * cellHeight}h${width}`).join('')} />
          )}
          {labels}
          {words}
          <HeatmapLit
            {...{ rows, cols, cellWidth, cellHeight, gutter, head, rowLabels, colLabels, rowRunsOn }}
            kind={colLabelStyle}
            hovered={props.hovered}
            locked={props.locked}
          />
        </svg>
        {corner && bar}
        <HeatmapGrid
          shown={props}
          lengths={lengths}
          turned={colLabelStyle === 'turned'}
          {...{ gutter, head }}
          label={props.label}
          hovered={props.hovered}
          locked={props.locked}
          onHover={props.onHover}
          onLock={props.onLock}
          valueText={props.valueText}
        />
      </div>
      {!corner && bar}
    </>
  );
}

/** The canvas of the cells, drawn in the same frame as the labels around it. */
function useCells(props: HeatmapProps, cellWidth: number, cellHeight: number, ratio: number) {
  const element = useRef<HTMLCanvasElement>(null);
  const attached = useRef<Canvas | null>(null);
  useLayoutEffect(() => {
    attached.current = element.current && props.renderer.attach(element.current);
    return () => attached.current?.dispose();
  }, [props.renderer]);
  useLayoutEffect(() => {
    const { values, offset = 0, rows, cols, gap = 0, causal = false, scale, palette, theme } = props;
    const device = { width: Math.round(cellWidth * ratio), height: Math.round(cellHeight * ratio) };
    attached.current?.show({
      matrices: [{ values, offset, x: 0, y: 0 }],
      rows, cols, causal, scale, palette, theme,
      width: canvasSide(cols * device.width, ratio).devicePx,
      height: canvasSide(rows * device.height, ratio).devicePx,
      cellWidth: device.width,
      cellHeight: device.height,
      gap: gap && Math.max(1, Math.round(ratio)),
    });
  });
  return element;
}
