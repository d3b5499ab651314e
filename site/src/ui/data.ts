/** What a picture shows, as data: its table, its CSV and its SVG come from this one description. */
import type { Palette, Scale } from '../gl/palette.ts';
import type { Shown } from './HeatmapCells.ts';
import type { CellText } from './HeatmapText.tsx';
import type { Label } from './HeatmapLabels.tsx';

export interface MatrixData extends Shown {
  readonly kind: 'matrix';
  readonly title: string;
  /** What the numbers mean, a line each. */
  readonly conventions: readonly string[];
  readonly rowLabels: readonly Label[];
  readonly colLabels: readonly Label[];
  readonly palette: Palette;
  readonly scale: Scale;
  readonly scaleLabel: string;
  /** Words in the cells, which the table has before the numbers. */
  readonly cellText?: (row: number, col: number) => CellText | null;
}

export interface BarRow {
  readonly name: string;
  /** The core's name, on hover. */
  readonly label?: string;
  readonly value: number;
  /** Drawn pale behind it. */
  readonly before?: number | null;
  /** In the place of three figures; the whole number stays on hover. */
  readonly says?: string;
  /** Set apart from the parts above: a sum, an error. */
  readonly total?: boolean;
}

export interface BarsData {
  readonly kind: 'bars';
  readonly title: string;
  readonly conventions: readonly string[];
  /** "logit", "nats": what the numbers are. */
  readonly unit: string;
  /** Where bars begin; 0 when absent. */
  readonly from?: number;
  /** What is below it has the colour of more. */
  readonly reversed?: boolean;
  /** Names are tokens: "␣cat (3)". */
  readonly tokens?: boolean;
  readonly rows: readonly BarRow[];
}

export interface Curve {
  /** Of the first panel's: stands in the legend. */
  readonly name?: string;
  /** One for each x; NaN where there is none (yet). */
  readonly values: ArrayLike<number>;
  /** It is the range between `values` and these. */
  readonly upTo?: ArrayLike<number>;
  /** `single`: points of one text, without a line. */
  readonly look: 'main' | 'dashed' | 'quiet' | 'band' | 'single';
}

export interface CurvePanel {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Share of the height. */
  readonly share: number;
  readonly log?: boolean;
  /** A value that counts as too much. */
  readonly limit?: { readonly value: number; readonly says: string } | null;
}

export interface CurvesData {
  readonly kind: 'curves';
  readonly title: string;
  readonly conventions: readonly string[];
  readonly x: readonly number[];
  readonly panels: readonly CurvePanel[];
  /** Ranges of x that are hatched, with words. */
  readonly zones: readonly { readonly from: number; readonly to: number; readonly says: string }[];
  /** All numbers, a row for each x. */
  readonly table: MatrixData;
}

export type PictureData = MatrixData | BarsData | CurvesData;

/** A scale for values that are not fixed to one: from zero to the largest, or around zero where some are negative. */
export function scaleOf(values: ArrayLike<number>, signed: boolean): Scale {
  let top = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] ?? 0);
    if (size > top && Number.isFinite(size)) top = size;
  }
  const round = niceCeiling(top);
  return signed ? [-round, round] : [0, round];
}

/** A round number at or above `value`, for the end of an axis. */
export function niceCeiling(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return Number(((([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((m) => m * unit >= value * 0.999999)) ?? 10) * unit).toPrecision(6));
}
