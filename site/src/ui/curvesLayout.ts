/** Curves over one x axis, as shapes: the page and its files draw the same ones. */
import type { Curve, CurvePanel, CurvesData } from './data';
import { threeFigures } from './HeatmapNumbers';

export type Look = Curve['look'] | 'grid' | 'limit' | 'hatch' | 'edge';

export type Shape =
  | { readonly kind: 'path'; readonly d: string; readonly look: Look }
  | { readonly kind: 'dot'; readonly x: number; readonly y: number }
  | { readonly kind: 'text'; readonly x: number; readonly y: number; readonly words: string; readonly anchor: 'start' | 'middle' | 'end'; readonly strong: boolean };

export interface Layout {
  readonly shapes: readonly Shape[];
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Where an x stands, and which x stands there. */
  readonly place: (x: number) => number;
  readonly at: (px: number) => number;
  /** Where the first curve of each panel is at an x, between its points. */
  readonly onCurves: (x: number) => readonly number[];
}

const GUTTER = 44;
const RIGHT = 16;
const TITLE = 22;
const GAP = 10;
const AXIS = 30;
const CHAR = 6.2;

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

/** Zero, and all values, are in it; a little room stands over them. */
function rangeOf({ curves, log = false, limit }: CurvePanel): readonly [number, number] {
  const all = finite(curves.flatMap(({ values, upTo = [] }) => [...Array.from(values), ...Array.from(upTo)]));
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

/** Where a curve's name has most room: away from the other curves. */
function nameShape(curve: Curve, others: readonly Curve[], x: readonly number[], y: (value: number) => number, [top, bottom]: readonly [number, number]): Shape | null {
  const words = curve.name ?? '';
  const half = (words.length * CHAR) / 2;
  const [left = 0, right = 0] = [x[0], x.at(-1)];
  let best: { readonly room: number; readonly shape: Shape } | null = null;
  x.forEach((at, i) => {
    const here = y(curve.upTo ? Math.max(curve.values[i] ?? NaN, curve.upTo[i] ?? NaN) : (curve.values[i] ?? NaN));
    if (!Number.isFinite(here) || !words) return;
    const center = Math.max(left + half + 4, Math.min(right - half - 4, at));
    for (const [side, dy] of [[-1, -7], [1, 16]] as const) {
      const base = here + dy;
      if (base - 11 < top || base + 3 > bottom) continue;
      // The free strip on this side, wherever the word reaches.
      const room = x.reduce((least, px, j) => {
        if (px < center - half - 6 || px > center + half + 6) return least;
        const own = y(curve.values[j] ?? NaN);
        const gap = others.flatMap(({ values, upTo }) => [y(values[j] ?? NaN), ...(upTo ? [y(upTo[j] ?? NaN)] : [])]).map((p) => Math.abs(p - (base - 4)));
        return Math.min(least, ...[...gap, Math.abs(own - (base - 4)) + (Math.sign(base - 4 - own) === side ? 6 : -6)].filter(Number.isFinite));
      }, 40);
      if (!best || room > best.room + 0.5) best = { room, shape: { kind: 'text', x: center, y: base, words, anchor: 'middle', strong: curve.look === 'main' } };
    }
  });
  return (best as { readonly shape: Shape } | null)?.shape ?? null;
}

export function layoutCurves(data: CurvesData, width: number, height: number): Layout {
  const { x, panels, zones } = data;
  const [low = 0, high = 1] = [x[0], x.at(-1)];
  const [left, right] = [GUTTER, width - RIGHT];
  const place = (value: number) => left + ((right - left) * (value - low)) / (high - low || 1);
  const px = x.map(place);
  const whole = height - AXIS - panels.length * TITLE - (panels.length - 1) * GAP;
  const shares = panels.reduce((sum, { share }) => sum + share, 0);
  const shapes: Shape[] = [];
  const scales: ((value: number) => number)[] = [];
  const text = (at: number, y: number, words: string, anchor: 'start' | 'middle' | 'end' = 'start', strong = false) =>
    shapes.push({ kind: 'text', x: at, y, words, anchor, strong });
  const path = (d: string, look: Look) => d && shapes.push({ kind: 'path', d, look });
  let top = 0;
  for (const panel of panels) {
    const { curves, log = false, limit, title } = panel;
    const tall = (whole * panel.share) / shares;
    const [from, to] = [top + TITLE, top + TITLE + tall];
    const [least, most] = rangeOf(panel);
    const of = log ? Math.log : (value: number) => value;
    const y = (value: number) => to - ((to - from) * (of(value) - of(least))) / (of(most) - of(least));
    const inside = (value: number) => y(Math.max(least, Math.min(most, value)));
    scales.push((at) => {
      const values = curves.find(({ look }) => look === 'main')?.values ?? [];
      const i = Math.max(0, Math.min(x.length - 2, x.findIndex((next) => next > at) - 1));
      const [a = 0, b = 1] = [x[i], x[i + 1]];
      const share = Math.max(0, Math.min(1, (at - a) / (b - a || 1)));
      return y((values[i] ?? NaN) * (1 - share) + (values[i + 1] ?? NaN) * share);
    });
    text(0, top + 13, title);
    for (const { from: start, to: end } of zones) path(`M${place(start)} ${from}H${place(end)}V${to}H${place(start)}Z`, 'hatch');
    const empty = !limit && finite(curves.flatMap(({ values }) => Array.from(values))).length === 0;
    if (empty) text((left + right) / 2, (from + to) / 2 + 4, 'not measured yet', 'middle');
    for (const tick of empty ? [] : ticksOf(least, most, log, Math.max(2, Math.floor(tall / 34)))) {
      path(`M${left} ${y(tick)}H${right}`, 'grid');
      text(left - 8, y(tick) + 4, `${!log && tick > 0 && least < 0 ? '+' : ''}${plain(tick)}`, 'end');
    }
    for (const curve of curves.filter(({ upTo }) => upTo)) {
      const back = [...px.keys()].reverse();
      const upper = back.map((i) => curve.upTo?.[i] ?? NaN);
      const close = line(upper, back.map((i) => px[i] ?? 0), inside).replace('M', 'L');
      path(close && `${line(curve.values, px, inside)}${close}Z`, 'band');
    }
    for (const { values, look, upTo } of [...curves].reverse()) if (!upTo) path(line(values, px, inside), look);
    const main = curves.find(({ look }) => look === 'main');
    px.forEach((at, i) => Number.isFinite(main?.values[i]) && shapes.push({ kind: 'dot', x: at, y: inside(main?.values[i] ?? 0) }));
    if (limit) {
      path(`M${left} ${y(limit.value)}H${right}`, 'limit');
      text(right - 4, y(limit.value) - 4, limit.says, 'end');
    }
    for (const curve of curves) {
      const named = nameShape(curve, curves.filter((other) => other !== curve), px, inside, [from, to]);
      if (named) shapes.push(named);
    }
    zones.forEach(({ from: start, to: end, says }) => {
      // At that end of the panel where the curve is not.
      const inZone = finite(px.map((at, i) => (at >= place(start) && at <= place(end) ? inside(main?.values[i] ?? NaN) : NaN)));
      const above = inZone.length > 0 && inZone.reduce((a, b) => a + b, 0) / inZone.length < (from + to) / 2;
      if (panel === panels[0]) text((place(start) + place(end)) / 2, above ? to - 8 : from + 14, says, 'middle', true);
      for (const edge of [start, end]) if (edge > low && edge < high) path(`M${place(edge)} ${from}V${to}`, 'edge');
    });
    top = to + GAP;
  }
  const bottom = top - GAP;
  for (const tick of ticksOf(low, high, false, Math.max(2, Math.floor(width / 80)))) {
    path(`M${place(tick)} ${bottom}v5`, 'limit');
    text(place(tick), bottom + 20, `${tick > 0 ? '+' : ''}${plain(tick)}`, 'middle');
  }
  return {
    shapes, left, right, top: TITLE, bottom, place,
    at: (at) => low + ((high - low) * (at - left)) / (right - left || 1),
    onCurves: (at) => scales.map((y) => y(at)),
  };
}

const plain = (tick: number) => (Math.abs(tick) < 1e4 && (tick === 0 || Math.abs(tick) >= 1e-3) ? String(tick).replace('-', '\u2212') : threeFigures(tick));
