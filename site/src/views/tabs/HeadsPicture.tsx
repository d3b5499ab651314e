/** One number of each head, as a picture: rows are layers, columns are heads. Pointing at one looks at it everywhere. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { isDifference } from '../../state/documents';
import { full, three } from '../../state/numbers';
import { headName } from '../../state/reading';
import { scaleOf, type MatrixData } from '../../ui/data';
import type { Lit } from '../../ui/Heatmap';
import { HeatPicture, type HeatPictureProps } from '../HeatPicture';
import { usePage } from '../page';
import { arrayOf, type Read } from '../useReading';
import { conventionsOf } from './parts';

interface HeadsPictureProps extends Pick<Read, 'reading'>, Pick<HeatPictureProps, 'title' | 'name' | 'controls' | 'stale' | 'failure' | 'children'> {
  readonly document: ReadRequest | null;
  /** The array [..., layer, head] of the reading; its first one where others stand before. */
  readonly array: string;
  /** Of the data: in files and for who does not see the picture. */
  readonly called: string;
  readonly unit: string;
  readonly signed?: boolean;
  /** Where the values have an end of their own. */
  readonly most?: number;
}

export function HeadsPicture({ reading, document, array, called, unit, signed: own = false, most, ...frame }: HeadsPictureProps) {
  const { app } = usePage();
  const { selection } = app;
  const signed = own || (document !== null && isDifference(document));
  const [rows = 0, cols = 0] = reading?.arrays.get(array)?.shape.slice(-2) ?? [];
  const data = useMemo<MatrixData | null>(() => {
    if (!reading || rows === 0) return null;
    const values = arrayOf(reading, array);
    return {
      kind: 'matrix', title: called, conventions: conventionsOf(reading),
      values, rows, cols,
      rowLabels: Array.from({ length: rows }, (_, l) => ({ text: `L${l}` })),
      colLabels: Array.from({ length: cols }, (_, h) => ({ text: `H${h}` })),
      palette: signed ? 'diverging' : 'cividis',
      scale: most === undefined || signed ? scaleOf(values, signed) : [0, most],
      scaleLabel: unit,
      cellText: (row, col) => (cols <= 16 ? { text: short(values[row * cols + col] ?? Number.NaN, scaleOf(values, false)[1]), whole: true } : null),
    };
  }, [reading, array, called, signed]);
  const hovered = useComputed<Lit | null>(() => cellOf(selection.hover.value?.head));
  const locked = useComputed<Lit | null>(() => cellOf(selection.lock.value.head));
  return (
    <HeatPicture
      {...frame}
      data={data}
      what={document && { kind: 'read', document }}
      heightPx={240}
      colPx={[12, 64]}
      hovered={hovered}
      locked={locked}
      onHover={(lit) => selection.preview(headOf(lit))}
      onLock={(lit) => {
        const picked = headOf(lit);
        if (picked) selection.moveTo({ ...picked, src: null });
        else if (!lit) selection.unlock();
      }}
      valueText={(row, col) => `${headName({ layer: row, head: col })}: ${full(data?.values[row * cols + col] ?? Number.NaN)} ${unit}`}
    />
  );
}

/** As many decimals as the largest has with three figures: what a cell has room for. */
const short = (value: number, top: number): string =>
  Number.isFinite(value) ? value.toFixed(Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(top))))).replace('-', '−') : three(value);

const cellOf = (head: { readonly layer: number; readonly head: number } | null | undefined): Lit | null => head ? { row: head.layer, col: head.head } : null;
const headOf = (lit: Lit | null) => (lit && lit.row !== null && lit.col !== null ? { head: { layer: lit.row, head: lit.col } } : null);
