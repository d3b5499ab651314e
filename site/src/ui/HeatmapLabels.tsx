/** Names of rows and columns. */
import { CHAR_PX, clip, labelStep } from './HeatmapCells.ts';

export interface Label {
  /** As shown: a space is already "␣", a newline "↵"; those glyphs are printed muted. */
  readonly text: string;
  /** Printed muted after it: "(3)". */
  readonly note?: string;
}

export type ColLabelStyle = 'turned' | 'flat';

const GAP_PX = 8;
const SIN_60 = 0.866;

interface TextProps {
  readonly label: Label;
  readonly roomPx: number;
}

/** Glyphs that stand for something invisible recede. */
function Spelled({ label, roomPx }: TextProps) {
  const note = label.note ? ` ${label.note}` : '';
  const parts = clip(label.text, roomPx - note.length * CHAR_PX).split(/([␣↵⇥]+)/);
  return (
    <>
      {parts.map((part, i) => (i % 2 ? <tspan class="heatmap-glyph">{part}</tspan> : part))}
      {note && <tspan class="heatmap-glyph">{note}</tspan>}
    </>
  );
}

interface PlaceProps {
  readonly label: Label;
  readonly index: number;
  readonly cell: number;
  readonly lit?: boolean;
}

export function RowLabel({ label, index, cell, lit, gutter }: PlaceProps & { readonly gutter: number }) {
  const name = lit ? 'heatmap-label heatmap-lit' : 'heatmap-label';
  return (
    <text class={name} x={-GAP_PX} y={index * cell + cell / 2 + 4} text-anchor="end">
      <Spelled label={label} roomPx={gutter} />
    </text>
  );
}

interface CoverProps {
  readonly index: number;
  readonly cell: number;
}

/** Ground over a standing label that the lit one beside it would run into. */
export function RowLabelCover({ index, cell, gutter }: CoverProps & { readonly gutter: number }) {
  const middle = index * cell + cell / 2;
  return <rect class="heatmap-cover" x={-gutter - GAP_PX} y={middle - 7} width={gutter + GAP_PX - 1} height={14} />;
}

export function ColLabelCover({ index, cell, head }: CoverProps & { readonly head: number }) {
  return (
    <rect class="heatmap-cover" transform={turned(index, cell)} x={-2} y={-10} width={head / SIN_60} height={13} />
  );
}

const turned = (index: number, cell: number) =>
  `translate(${index * cell + cell / 2 + 3} ${-GAP_PX + 1}) rotate(-60)`;

export function ColLabel(
  { label, index, cell, lit, head, kind }: PlaceProps & { readonly head: number; readonly kind: ColLabelStyle },
) {
  const middle = index * cell + cell / 2;
  const name = lit ? 'heatmap-label heatmap-lit' : 'heatmap-label';
  if (kind === 'flat') {
    return (
      <text class={`${name} heatmap-flat`} x={middle} y={-GAP_PX} text-anchor="middle">
        {label.text}
      </text>
    );
  }
  return (
    <text class={name} transform={turned(index, cell)}>
      <Spelled label={label} roomPx={(head - GAP_PX) / SIN_60} />
    </text>
  );
}

interface LabelsProps {
  readonly rowLabels: readonly Label[];
  readonly colLabels: readonly Label[];
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly gutter: number;
  readonly head: number;
  readonly kind: ColLabelStyle;
}

/** The labels that stand whatever is lit, thinned where cells are small. */
export function Labels({ rowLabels, colLabels, cellWidth, cellHeight, gutter, head, kind }: LabelsProps) {
  const rowStep = labelStep(cellHeight);
  const colStep = labelStep(cellWidth);
  return (
    <>
      {gutter > 0 &&
        rowLabels.map(
          (label, i) =>
            i % rowStep === 0 && <RowLabel key={i} label={label} index={i} cell={cellHeight} gutter={gutter} />,
        )}
      {head > 0 &&
        colLabels.map(
          (label, i) =>
            i % colStep === 0 && <ColLabel key={i} label={label} index={i} cell={cellWidth} head={head} kind={kind} />,
        )}
    </>
  );
}

/** A label as plain text; a row or column without one is its number. */
export const labelText = (label: Label | undefined, index: number) =>
  label ? `${label.text}${label.note ? ` ${label.note}` : ''}` : String(index);
