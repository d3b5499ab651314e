/** Words in the cells, black or white, whichever contrasts more with the colour below. */
import { colorOf, inkOn, type Palette, type Scale, type Theme } from '../gl/palette.ts';
import { clip, openCols, valueAt, type Lengths, type Shown } from './HeatmapCells.ts';

export interface CellText {
  readonly text: string;
  /** A dot at the cell's end. */
  readonly dot?: boolean;
  /** A number: without room for all of it, nothing is written. */
  readonly whole?: boolean;
  /** In the middle of the cell. */
  readonly centred?: boolean;
}

interface TextProps {
  readonly shown: Shown;
  readonly lengths: Lengths;
  readonly scale: Scale;
  readonly palette: Palette;
  readonly theme: Theme;
  readonly cellText: (row: number, col: number) => CellText | null;
}

const INSET_PX = 6;
const DOT_PX = 12;
/** A line of 12 px text needs this; in lower cells the colour speaks alone. */
export const LEAST_HEIGHT_PX = 15;

export function HeatmapText({ shown, lengths, scale, palette, theme, cellText }: TextProps) {
  const { cellWidth, cellHeight } = lengths;
  if (cellHeight < LEAST_HEIGHT_PX) return null;
  const words = [];
  for (let row = 0; row < shown.rows; row++) {
    for (let col = 0; col < openCols(shown, row); col++) {
      const said = cellText(row, col);
      if (!said) continue;
      const ink = inkOn(colorOf(valueAt(shown, row, col), scale, palette, theme));
      const room = cellWidth - (said.centred ? 2 : 2 * INSET_PX) - (said.dot ? DOT_PX - INSET_PX : 0);
      const middle = row * cellHeight + cellHeight / 2;
      if (said.whole && clip(said.text, room) !== said.text) continue;
      words.push(
        <text
          key={`${row} ${col}`}
          class={`heatmap-on-${ink}`}
          x={col * cellWidth + (said.centred ? cellWidth / 2 : INSET_PX)}
          y={middle + 4}
          {...(said.centred && { 'text-anchor': 'middle' })}
        >
          {clip(said.text, room)}
        </text>,
      );
      if (said.dot) {
        words.push(
          <circle
            key={`dot ${row} ${col}`}
            class={`heatmap-on-${ink}`}
            cx={(col + 1) * cellWidth - 8}
            cy={middle}
            r={2.2}
          />,
        );
      }
    }
  }
  return <g class="heatmap-text">{words}</g>;
}
