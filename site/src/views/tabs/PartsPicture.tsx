/** Parts of the stream at every position: rows are positions, columns are parts. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Reading } from '../../engine/types';
import { full } from '../../state/numbers';
import { label } from '../../state/reading';
import type { Shown } from '../../state/run';
import { scaleOf, type MatrixData } from '../../ui/data';
import type { Lit } from '../../ui/Heatmap';
import { HeatPicture, type HeatPictureProps } from '../HeatPicture';
import { usePage } from '../page';
import { partName } from './partName';
import { conventionsOf, positionLabels } from './parts';

interface PartsPictureProps extends Pick<HeatPictureProps, 'title' | 'sub' | 'name' | 'what' | 'stale' | 'failure'> {
  readonly shown: Shown;
  readonly reading: Reading | null;
  /** [position, part] of a reading. */
  readonly valuesOf: (reading: Reading) => Float32Array;
  readonly called: string;
  readonly unit: string;
  readonly signed: boolean;
}

export function PartsPicture({ shown, reading, valuesOf, called, unit, signed, ...frame }: PartsPictureProps) {
  const { selection } = usePage().app;
  const { tokens } = shown.tokenized;
  const data = useMemo<MatrixData | null>(() => {
    const parts = reading?.axes.part ?? [];
    const positions = reading?.axes.position ?? [];
    const values = reading && valuesOf(reading);
    if (!values || values.length !== positions.length * parts.length) return null;
    const labels = positionLabels(tokens);
    return {
      kind: 'matrix', title: called, conventions: conventionsOf(reading), values, rows: positions.length, cols: parts.length,
      rowLabels: positions.map((p) => labels[Number(p)] ?? { text: p }),
      colLabels: parts.map((part) => ({ text: partName(part) })),
      palette: signed ? 'diverging' : 'cividis', scale: scaleOf(values, signed), scaleLabel: unit,
    };
  }, [reading, called, signed]);
  const from = Number(reading?.axes.position?.[0] ?? 0);
  const at = (dest: number | null | undefined): Lit | null => (dest == null || dest < from ? null : { row: dest - from, col: null });
  const hovered = useComputed(() => at(selection.hover.value?.dest));
  const locked = useComputed(() => at(selection.lock.value.dest));
  const destOf = (lit: Lit | null) => (lit && lit.row !== null ? { dest: lit.row + from, src: null, depth: null } : null);
  return (
    <HeatPicture
      {...frame}
      data={data}
      colPx={[16, 64]}
      hovered={hovered}
      locked={locked}
      onHover={(lit) => selection.preview(destOf(lit))}
      onLock={(lit) => {
        const to = destOf(lit);
        if (to) selection.moveTo(to);
        else selection.unlock();
      }}
      valueText={(row, col) => {
        const token = tokens[row + from];
        return token && data ? `${label(token, row + from)}, ${data.colLabels[col]?.text}: ${full(data.values[row * data.cols + col] ?? Number.NaN)} ${unit}` : '';
      }}
    />
  );
}
