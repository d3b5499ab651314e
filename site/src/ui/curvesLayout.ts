/** Curves over one x axis, as shapes: the page and its files draw the same ones. */
import type { Curve, CurvePanel, CurvesData } from './data';
import { threeFigures } from './HeatmapNumbers';

export type Look = Exclude<Curve['look'], 'single'> | 'grid' | 'limit' | 'hatch' | 'edge';

export type Shape =
  | { readonly kind: 'path'; readonly d: string; readonly look: Look }
  /** `single`: of one text, not of a curve. */
  | { readonly kind: 'dot'; readonly x: number; readonly y: number; readonly single?: boolean }
  | { readonly kind: 'text'; readonly x: number; readonly y: number; readonly words: string; readonly anchor: 'start' | 'middle' | 'end'; readonly strong: boolean };

export interface Layout extends Axis {
  readonly shapes: readonly Shape[];
  /** Where the panels are, from top to bottom. */
  readonly rows: readonly (readonly [from: number, to: number])[];
  /** Where the values that are `known` stand in them; NaN: not known. null: nothing is drawn in the panel yet. */
  readonly marks: readonly (number | null)[];
}

const GUTTER = 60;
const RIGHT = 28;
const TITLE = 22;
const GAP = 10;
const AXIS = 30;
/** Of a letter, about. */
export const CHAR = 6.2;
/** Over the first panel's curves where zones are named, so that no curve runs through the word. */
const HEAD = 16;
const LEGEND = 18;
const SAMPLE = 18;

const finite = (values: ArrayLike<number>) => Array.from(values).filter(Number.isFinite);

function ticksOf(low: number, high: number, log: boolean, most: number): readonly number[] {
  if (log) {
    const all: number[] = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) for (const m of [1, 2, 5]) all.push(m * 10 ** e);
    const inside = all.filter((x) => x >= low && x <= high);
    return inside.length > most ? inside.filter((x) => /^1/.test(x.toExponential())) : inside;
  }
  const rough = (high - low) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((m) => m * unit >= rough) ?? 10);
  return Array.from({ length: Math.floor(high / step) - Math.ceil(low / step) + 1 }, (_, i) => Number(((Math.ceil(low / step) + i) * step).toPrecision(6)));
}

/** Zero, and all values, are in it, the one that is known too; a little room stands over them. */
function rangeOf({ curves, log = false, limit }: CurvePanel, known: number): readonly [number, number] {
  const all = finite([known, ...curves.flatMap(({ values, upTo = [] }) => [...Array.from(values), ...Array.from(upTo)])]);
  if (log) {
    const top = Math.max(2, ...all, limit?.value ?? 0);
    return [Math.max(1, Math.min(...all, top / 2) * 0.8), top * 1.25];
  }
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all, limit?.value ?? 0)];
  const room = (high - low || 1) * 0.08;
  return [low < 0 ? low - room : low, high + room];
}

/** A line through the finite points, in as many pieces as gaps make. */
function line(values: ArrayLike<number>, x: readonly number[], y: (value: number) => number): string {
  let pen = 'M';
  return x
    .map((at, i) => {
      const value = values[i] ?? NaN;
      const step = Number.isFinite(value) ? `${pen}${at.toFixed(1)} ${y(value).toFixed(1)}` : '';
      pen = step ? 'L' : 'M';
      return step;
    })
    .join('');
}

export interface Axis {
  readonly left: number;
  readonly right: number;
  /** Where an x stands, and which x stands there. */
  readonly place: (x: number) => number;
  readonly at: (px: number) => number;
}

/** The x axis of curves in so many pixels. */
export function axisOf(x: readonly number[], width: number): Axis {
  const [low = 0, high = 1] = [x[0], x.at(-1)];
  const [left, right] = [GUTTER, width - RIGHT];
  return {
    left, right,
    place: (value) => left + ((right - left) * (value - low)) / (high - low || 1),
    at: (px) => low + ((high - low) * (px - left)) / (right - left || 1),
  };
}

/** Ticks of that axis, with their words. */
export const axisTicks = (x: readonly number[], width: number): readonly (readonly [x: number, words: string])[] =>
  ticksOf(x[0] ?? 0, x.at(-1) ?? 1, false, Math.max(2, Math.floor(width / 60))).map((tick) => [tick, `${tick > 0 ? '+' : ''}${plain(tick)}`]);

/** `known`: a value for each panel, which is to have its mark there. */
export function layoutCurves(data: CurvesData, width: number, height: number, known: readonly number[] = []): Layout {
  const { x, panels, zones } = data;
  const axis = axisOf(x, width);
  const { left, right, place } = axis;
  const px = x.map(place);
  const shapes: Shape[] = [];
  const rows: [number, number][] = [];
  const marks: (number | null)[] = [];
  const text = (at: number, y: number, words: string, anchor: 'start' | 'middle' | 'end' = 'start', strong = false) =>
    shapes.push({ kind: 'text', x: at, y, words, anchor, strong });
  const path = (d: string, look: Look) => d && shapes.push({ kind: 'path', d, look });
  const wide = (words: string) => words.length * CHAR;

  // What the lines are stands over them, never on them.
  let [next, row] = [0, 0];
  for (const { name, look } of panels[0]?.curves ?? []) {
    if (!name) continue;
    const needs = SAMPLE + 6 + wide(name);
    if (next > 0 && next + needs > width) [next, row] = [0, row + 1];
    const y = row * LEGEND + 9;
    if (look === 'band') path(`M${next} ${y - 5}h${SAMPLE}v10h${-SAMPLE}Z`, look);
    if (look === 'single') shapes.push({ kind: 'dot', x: next + SAMPLE / 2, y, single: true });
    else path(`M${next} ${y}h${SAMPLE}`, look === 'band' ? 'quiet' : look);
    text(next + SAMPLE + 6, y + 4, name);
    next += needs + 16;
  }
  const begin = next > 0 ? (row + 1) * LEGEND + 4 : 0;

  /** A limit's words stand in the line of the title, or in one of their own where that is too short. */
  const fits = ({ title, limit }: CurvePanel) => !limit || wide(title) + wide(limit.says) + SAMPLE + 24 < right;
  const over = (panel: CurvePanel, p: number) => TITLE + (fits(panel) ? 0 : LEGEND) + (p === 0 && zones.length > 0 ? HEAD : 0);
  const whole = height - AXIS - begin - panels.reduce((sum, panel, p) => sum + over(panel, p) + (p > 0 ? GAP : 0), 0);
  const shares = panels.reduce((sum, { share }) => sum + share, 0);
  let top = begin;
  panels.forEach((panel, p) => {
    const { curves, log = false, limit, title } = panel;
    const tall = (whole * panel.share) / shares;
    const from = top + over(panel, p);
    const to = from + tall;
    rows.push([from, to]);
    const hatched = p === 0 && zones.length > 0 ? from - HEAD : from;
    const empty = !limit && finite(curves.flatMap(({ values }) => Array.from(values))).length === 0;
    const mark = empty ? NaN : (known[p] ?? NaN);
    const [least, most] = rangeOf(panel, mark);
    const of = log ? Math.log : (value: number) => value;
    const y = (value: number) => to - ((to - from) * (of(value) - of(least))) / (of(most) - of(least));
    const inside = (value: number) => y(Math.max(least, Math.min(most, value)));
    const main = curves.find(({ look }) => look === 'main')?.values ?? [];
    marks.push(empty ? null : inside(mark));
    text(0, top + 13, title);
    if (limit) {
      const at = fits(panel) ? right - wide(limit.says) : SAMPLE + 6;
      const base = fits(panel) ? top + 13 : top + 13 + LEGEND;
      path(`M${at - SAMPLE - 6} ${base - 4}h${SAMPLE}`, 'limit');
      text(at, base, limit.says);
    }
    for (const { from: start, to: end } of zones) path(`M${place(start)} ${hatched}H${place(end)}V${to}H${place(start)}Z`, 'hatch');
    if (empty) text((left + right) / 2, (from + to) / 2 + 4, 'not measured yet', 'middle');
    for (const tick of empty ? [] : ticksOf(least, most, log, Math.max(2, Math.floor(tall / 18)))) {
      path(`M${left} ${y(tick)}H${right}`, 'grid');
      text(left - 8, y(tick) + 4, `${!log && tick > 0 && least < 0 ? '+' : ''}${plain(tick)}`, 'end');
    }
    for (const { values, upTo, look } of curves) {
      if (look === 'single') px.forEach((at, i) => Number.isFinite(values[i]) && shapes.push({ kind: 'dot', x: at, y: inside(values[i] ?? 0), single: true }));
      if (!upTo) continue;
      const back = [...px.keys()].reverse();
      const upper = back.map((i) => upTo[i] ?? NaN);
      const close = line(upper, back.map((i) => px[i] ?? 0), inside).replace('M', 'L');
      path(close && `${line(values, px, inside)}${close}Z`, 'band');
    }
    if (limit) path(`M${left} ${y(limit.value)}H${right}`, 'limit');
    for (const { values, look, upTo } of [...curves].reverse()) if (!upTo && look !== 'single') path(line(values, px, inside), look);
    px.forEach((at, i) => Number.isFinite(main[i]) && shapes.push({ kind: 'dot', x: at, y: inside(main[i] ?? 0) }));
    for (const { from: start, to: end, says } of zones) {
      const half = wide(says) / 2 + 4;
      if (hatched < from && says) text(Math.max(left + half, Math.min(right - half, (place(start) + place(end)) / 2)), from - 4, says, 'middle', true);
      for (const edge of [start, end]) if (edge > (x[0] ?? 0) && edge < (x.at(-1) ?? 1)) path(`M${place(edge)} ${from}V${to}`, 'edge');
    }
    top = to + GAP;
  });
  const bottom = top - GAP;
  for (const [tick, words] of axisTicks(x, width)) {
    path(`M${place(tick)} ${bottom}v5`, 'limit');
    text(place(tick), bottom + 20, words, 'middle');
  }
  return { ...axis, shapes, rows, marks };
}

const plain = (tick: number) => (Math.abs(tick) < 1e4 && (tick === 0 || Math.abs(tick) >= 1e-3) ? String(tick).replace('-', '\u2212') : threeFigures(tick));
