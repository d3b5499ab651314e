/** Dots on paper where a number is still to come. */
import { useId } from 'preact/hooks';
import { valueAt, type Lengths, type Shown } from './HeatmapCells.ts';

const PITCH_PX = 6;

export function HeatmapPending({ shown, lengths: { cellWidth, cellHeight } }: { readonly shown: Shown; readonly lengths: Lengths }) {
  const id = useId();
  let path = '';
  for (let row = 0; row < shown.rows; row++)
    for (let col = 0, from = 0; col <= shown.cols; col++)
      if (col === shown.cols || !Number.isNaN(valueAt(shown, row, col))) {
        if (col > from) path += `M${from * cellWidth} ${row * cellHeight}h${(col - from) * cellWidth}v${cellHeight}h${(from - col) * cellWidth}z`;
        from = col + 1;
      }
  return (
    <g class="heatmap-pending">
      <pattern id={id} width={PITCH_PX} height={PITCH_PX} patternUnits="userSpaceOnUse">
        <circle cx={PITCH_PX / 2} cy={PITCH_PX / 2} r={0.7} />
      </pattern>
      <path class="heatmap-cover" d={path} />
      <path fill={`url(#${id})`} d={path} />
    </g>
  );
}
