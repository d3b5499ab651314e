/** Curves whose x axis is a slider: its handle is dragged anywhere over them, or moved by the arrow keys. */
import { useMemo, useRef } from 'preact/hooks';
import type { CurvesData } from './data';
import { layoutCurves } from './curvesLayout';
import { threeFigures } from './HeatmapNumbers';
import './Curves.css';

interface CurvesProps {
  readonly data: CurvesData;
  readonly width: number;
  readonly height: number;
  /** Of the slider. */
  readonly label: string;
  readonly at: number;
  readonly step: number;
  /** What the numbers are there, in words. */
  readonly says: string;
  readonly onMove: (at: number) => void;
}

/** Two decimals, or three figures where those say little: +4.00, −0.13, +0.00421. */
export const signed = (value: number): string => {
  const size = Math.abs(value);
  const text = size >= 0.1 && size < 1000 ? size.toFixed(2) : threeFigures(size);
  return `${value > 0 ? '+' : value < 0 ? '\u2212' : ''}${text}`;
};

export function Curves({ data, width, height, label, at, step, says, onMove }: CurvesProps) {
  const layout = useMemo(() => layoutCurves(data, width, height), [data, width, height]);
  const box = useRef<HTMLDivElement>(null);
  const [low = 0, high = 1] = [data.x[0], data.x.at(-1)];
  const move = (to: number) => {
    const whole = Number((Math.round(Math.max(low, Math.min(high, to)) / step) * step).toPrecision(6));
    if (whole !== at) onMove(whole);
  };
  const drag = (event: PointerEvent) => {
    if (event.buttons !== 1 || !box.current) return;
    move(layout.at(event.clientX - box.current.getBoundingClientRect().left));
  };
  const here = layout.place(Math.max(low, Math.min(high, at)));
  const next = (up: boolean) => (up ? data.x.find((x) => x > at + step / 2) : data.x.findLast((x) => x < at - step / 2));
  return (
    <div class="curves" ref={box} style={{ width: `${width}px`, height: `${height}px` }}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={data.title}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag(event);
        }}
        onPointerMove={drag}
      >
        <defs>
          <pattern id="curves-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0V6" />
          </pattern>
        </defs>
        {layout.shapes.map((shape, i) =>
          shape.kind === 'path' ? (
            <path key={i} class={shape.look} d={shape.d} />
          ) : shape.kind === 'dot' ? (
            <circle key={i} cx={shape.x} cy={shape.y} r="2.5" />
          ) : (
            <text key={i} x={shape.x} y={shape.y} text-anchor={shape.anchor} class={shape.strong ? 'strong' : undefined}>
              {shape.words}
            </text>
          ),
        )}
        <path class="here" d={`M${here} ${layout.top}V${layout.bottom}`} />
        {layout.onCurves(at).map((y, i) => Number.isFinite(y) && <circle key={`at ${i}`} class="here" cx={here} cy={y} r="4.5" />)}
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
        style={{ left: `${here}px`, top: `${layout.bottom}px` }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
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
