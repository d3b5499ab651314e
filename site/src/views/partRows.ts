/** Parts that make up a whole, as rows of bars: all of them, or the largest and the rest in one. */
import type { Reading } from '../engine/types';
import { topIndices } from '../state/numbers';
import { headNamed } from '../state/reading';
import { sameHead } from '../state/selection';
import type { BarRow } from '../ui/data';
import { usePage } from './page';
import { partName } from './tabs/partName';
import { arrayOf } from './useReading';

/** A part by the core's name for it. */
export type Part = readonly [label: string, value: number];

/** The parts that an axis of a reading names. */
export const partsIn = (reading: Reading | null, axis: string, array: string): readonly Part[] =>
  reading?.axes[axis]?.map((called, i) => [called, arrayOf(reading, array)[i] ?? Number.NaN]) ?? [];

const sum = (parts: readonly Part[]) => parts.reduce((total, [, value]) => total + value, 0);

/** `before`: the same parts, drawn pale behind. `labels` are those of the rows, as far as they are single parts. */
export function partRows(parts: readonly Part[], most: number, before: readonly Part[] | null = null): { readonly rows: BarRow[]; readonly labels: readonly string[] } {
  const then = new Map(before);
  const listed = parts.length > most ? topIndices(parts.map(([, value]) => Math.abs(value)), most).flatMap((i) => (parts[i] ? [parts[i]] : [])) : parts;
  const was = listed.map(([called]): Part => [called, then.get(called) ?? 0]);
  const rows: BarRow[] = listed.map(([called, value], i) => ({ name: partName(called), label: called, value, ...(before && { before: was[i]?.[1] ?? 0 }) }));
  const others = parts.length - listed.length;
  if (others > 0)
    rows.push({ name: others === 1 ? '1 other' : `${others} others`, value: sum(parts) - sum(listed), ...(before && { before: sum(before) - sum(was) }) });
  return { rows, labels: listed.map(([called]) => called) };
}

/** Bars of which some are heads: the selected one is lit, and a click selects another. */
export function useHeadRows(labels: readonly string[]) {
  const { head } = usePage().app.selection.shown.value;
  const headAt = (row: number | null) => headNamed((row !== null && labels[row]) || '');
  return { headAt, lit: head && labels.findIndex((called) => sameHead(headNamed(called), head)) };
}
