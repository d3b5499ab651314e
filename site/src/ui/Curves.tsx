/** Curves whose x axis is a slider: the axis stands by itself, so that it can stay in sight, and has the curves' own places; it is
 *  dragged anywhere on it or on the curves, or moved by the arrow keys. */
import { useMemo, useRef } from 'preact/hooks';
import type { CurvesData } from './data';
import { axisOf, axisTicks, CHAR, layoutCurves } from './curvesLayout';
import { threeFigures } from './HeatmapNumbers';
import './Curves.css';

interface SlideProps {
  readonly data: CurvesData;
  readonly width: number;
  readonly at: number;
  readonly step: number;
  readonly onMove: (at: number) => void;
}

/** Two decimals, or three figures where those say little: +4.00, −0.13, +0.00421. */
export const signed = (value: number): string => {
  const size = Math.abs(value);
  const text = size >= 0.1 && size < 1000 ? size.toFixed(2) : threeFigures(size);
  return `${value > 0 ? '+' : value < 0 ? '\u2212' : ''}${text}`;
};

function useSlide({ data: { x }, width, at, step, onMove }: SlideProps) {
  const box = useRef<HTMLDivElement>(null);
  const axis = axisOf(x, width);
  const [low = 0, high = 1] = [x[0], x.at(-1)];
  const within = (to: number) => Math.max(low, Math.min(high, to));
  const move = (to: number) => {
    const whole = Number((Math.round(within(to) / step) * step).toPrecision(6));
    if (whole !== at) onMove(whole);
  };
  const drag = (event: PointerEvent) => {
    if (event.buttons === 1 && box.current) move(axis.at(event.clientX - box.current.getBoundingClientRect().left));
  };
  const hold = (event: PointerEvent) => {
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    drag(event);
  };
  return { box, axis, low, high, move, here: axis.place(within(at)), pointer: { onPointerDown: hold, onPointerMove: drag } };
}

/** CSS pixels: its line stands here below its top, its words so much lower; the label is so wide, and the first tick's clear of it. */
const LINE = 13;
const WORDS = LINE + 26;
const LABEL = 52;

interface SliderProps extends SlideProps {
  readonly label: string;
  /** What the numbers are there, in words. */
  readonly says: string;
}

export function CurvesSlider({ label, says, ...props }: SliderProps) {
  const { data: { x, zones }, width, at, step } = props;
  const { box, axis: { left, right, place }, low, high, move, here, pointer } = useSlide(props);
  const next = (up: boolean) => (up ? x.find((one) => one > at + step / 2) : x.findLast((one) => one < at - step / 2));
  return (
    <div class="curves" ref={box} style={{ width: `${width}px` }} {...pointer}>
      <svg width={width} height={42} aria-hidden="true">
        <Hatch />
        {zones.map(({ from, to }) => (
          <path key={from} class="hatch" d={`M${place(from)} ${LINE - 8}H${place(to)}v16H${place(from)}Z`} />
        ))}
        <path class="limit" d={`M${left} ${LINE}H${right}`} />
        <text x="0" y={WORDS} class="strong">
          {label}
        </text>
        {axisTicks(x, width).map(([tick, words]) => (
          <g key={tick}>
            <path class="limit" d={`M${place(tick)} ${LINE}v5`} />
            {place(tick) - (CHAR * words.length) / 2 > LABEL && (
              <text x={place(tick)} y={WORDS} text-anchor="middle">
                {words}
              </text>
            )}
          </g>
        ))}
      </svg>
      <div
        class="curves-handle"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={low}
        aria-valuemax={high}
        aria-valuenow={at}
        aria-valuetext={`${signed(at)}. ${says}`}
        title="Drag it, or use the arrow keys; with Page Up and Page Down from one measured strength to the next"
        style={{ left: `${here}px` }}
        onPointerDown={(event) => {
          event.stopPropagation(); // it is taken where it stands
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onKeyDown={(event) => {
          const to = {
            ArrowRight: at + step, ArrowUp: at + step, ArrowLeft: at - step, ArrowDown: at - step, Home: low, End: high, 0: 0,
            PageUp: next(true), PageDown: next(false),
          }[event.key];
          if (to === undefined) return;
          event.preventDefault();
          move(to);
        }}
      >
        {signed(at)}
      </div>
    </div>
  );
}

const Hatch = () => (
  <defs>
    <pattern id="curves-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <path d="M0 0V6" />
    </pattern>
  </defs>
);

interface Props extends SlideProps {
  readonly height: number;
  /** What was measured right there, for each panel; NaN: not known. */
  readonly known: readonly number[];
}

export function Curves({ height, known, ...props }: Props) {
  const { data, width } = props;
  const layout = useMemo(() => layoutCurves(data, width, height, known), [data, width, height, known.join()]);
  const { box, here, pointer } = useSlide(props);
  return (
    <div class="curves" ref={box} style={{ width: `${width}px`, height: `${height}px` }}>
      <svg width={width} height={height} role="img" aria-label={data.title} {...pointer}>
        {layout.shapes.map((shape, i) =>
          shape.kind === 'path' ? (
            <path key={i} class={shape.look} d={shape.d} />
          ) : shape.kind === 'dot' ? (
            <circle key={i} class={shape.single ? 'single' : 'point'} cx={shape.x} cy={shape.y} r={shape.single ? 1.5 : 2.5} />
          ) : (
            <text key={i} x={shape.x} y={shape.y} text-anchor={shape.anchor} class={shape.strong ? 'strong' : undefined}>
              {shape.words}
            </text>
          ),
        )}
        <path class="here" d={layout.rows.map(([from, to], i) => (layout.marks[i] === null ? '' : `M${here} ${from}V${to}`)).join('')} />
        {layout.marks.map((y, i) => y !== null && Number.isFinite(y) && <circle key={`at ${i}`} class="here" cx={here} cy={y} r="4.5" />)}
      </svg>
    </div>
  );
}
