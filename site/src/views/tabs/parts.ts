/** What several tabs share: labels of positions, and the selection as rows and columns of a picture. */
import { useComputed } from '@preact/signals';
import type { Reading, Token } from '../../engine/types';
import { glyphs } from '../../state/reading';
import type { Label, Lit } from '../../ui/Heatmap';
import { usePage } from '../page';

export const positionLabels = (tokens: readonly Token[]): readonly Label[] =>
  tokens.map((token, i) => ({ text: glyphs(token, i), note: `(${i})` }));

/** What a reading's numbers mean, a line each. */
export const conventionsOf = ({ conventions }: Reading): readonly string[] => Object.entries(conventions).map(([of, words]) => `${of}: ${words}`);

/** [cols, rows] as [rows, cols]. */
export function turned(from: Float32Array, cols: number, rows: number): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) out[row * cols + col] = from[col * rows + row] ?? Number.NaN;
  return out;
}

const NOWHERE: Lit = { row: null, col: null };

/** Positions by states, in the page's one selection; the view says which of them are the rows. */
export function useStatesSelection() {
  const { selection, view } = usePage().app;
  const across = () => view.value.rows === 'depths';
  const lit = (dest: number, depth: number | null): Lit => (across() ? { row: depth, col: dest } : { row: dest, col: depth });
  const at = ({ row, col }: Lit) => (across() ? { dest: col, depth: row } : { dest: row, depth: col });
  const hovered = useComputed<Lit | null>(() => {
    const h = selection.hover.value;
    return h?.dest == null ? null : lit(h.dest, h.depth ?? null);
  });
  const locked = useComputed<Lit | null>(() => {
    const { dest, depth } = selection.lock.value;
    return dest === null ? null : lit(dest, depth);
  });
  return {
    hovered,
    locked,
    onHover: (pointed: Lit | null) => {
      const { dest, depth } = at(pointed ?? NOWHERE);
      selection.preview(dest === null ? null : { dest, depth, src: null });
    },
    onLock: (pointed: Lit | null) => {
      if (!pointed) return selection.unlock();
      const { dest, depth } = at(pointed);
      selection.moveTo({ ...(dest !== null && { dest }), depth, src: null });
    },
  };
}

/** Rows are positions alone. */
export function usePositionSelection() {
  const { selection } = usePage().app;
  const hovered = useComputed<Lit | null>(() => {
    const h = selection.hover.value;
    return h?.dest == null ? null : { row: h.dest, col: null };
  });
  const locked = useComputed<Lit | null>(() => {
    const { dest } = selection.lock.value;
    return dest === null ? null : { row: dest, col: null };
  });
  return {
    hovered,
    locked,
    onHover: (lit: Lit | null) => selection.preview(lit && lit.row !== null ? { dest: lit.row, src: null } : null),
    onLock: (lit: Lit | null) => {
      if (!lit || lit.row === null) selection.unlock();
      else selection.moveTo({ dest: lit.row, src: null, depth: null });
    },
  };
}
