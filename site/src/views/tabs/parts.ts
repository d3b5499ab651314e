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

/** Rows are positions and columns states, in the page's one selection. */
export function useStatesSelection() {
  const { selection } = usePage().app;
  const hovered = useComputed<Lit | null>(() => {
    const h = selection.hover.value;
    return h?.dest == null ? null : { row: h.dest, col: h.depth ?? null };
  });
  const locked = useComputed<Lit | null>(() => {
    const { dest, depth } = selection.lock.value;
    return dest === null ? null : { row: dest, col: depth };
  });
  return {
    hovered,
    locked,
    onHover: (lit: Lit | null) => selection.preview(lit && lit.row !== null ? { dest: lit.row, depth: lit.col, src: null } : null),
    onLock: (lit: Lit | null) => {
      if (!lit) selection.unlock();
      else selection.moveTo({ ...(lit.row !== null && { dest: lit.row }), depth: lit.col, src: null });
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
