import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { canvasSide } from '../gl/geometry.ts';
import type { Palette, Scale, Theme } from '../gl/palette.ts';
import type { Renderer } from '../gl/renderer.ts';
import { threeFigures } from './HeatmapNumbers.ts';
import { usePixelRatio } from './pixelRatio.ts';

interface BarProps {
  readonly renderer: Renderer;
  readonly theme: Theme;
  readonly palette: Palette;
  readonly scale: Scale;
  readonly label: string;
  readonly ticks: readonly number[];
  readonly width: number;
}

const BAR_HEIGHT_PX = 8;

/** The colour bar: the scale itself, drawn by the same painter as the picture. */
export function HeatmapBar({ renderer, theme, palette, scale, label, ticks, width }: BarProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = usePixelRatio();
  const [lo, hi] = scale;
  const side = canvasSide(Math.round(width * ratio), ratio);
  const cols = side.devicePx;
  const values = useMemo(
    () => Float32Array.from({ length: cols }, (_, i) => lo + ((hi - lo) * i) / (cols - 1)),
    [cols, lo, hi],
  );
  useLayoutEffect(() => {
    if (!canvas.current) return;
    const shown = renderer.attach(canvas.current);
    const height = Math.round(BAR_HEIGHT_PX * ratio);
    shown.show({
      matrices: [{ values, offset: 0, x: 0, y: 0 }],
      rows: 1, cols, width: cols, height, cellWidth: 1, cellHeight: height,
      gap: 0, causal: false, scale: [lo, hi], palette, theme,
    });
    return () => shown.dispose();
  }, [renderer, values, palette, theme]);
  return (
    <div class="heatmap-bar" style={{ width: `${width}px` }}>
      <span class="heatmap-bar-name">{label}</span>
      <canvas ref={canvas} aria-hidden="true" style={{ width: `${side.cssPx}px`, height: `${BAR_HEIGHT_PX}px` }} />
      {ticks.map((tick) => (
        <span key={tick} class="heatmap-tick" style={{ left: `${((tick - lo) / (hi - lo)) * width}px` }}>
          {tickText(tick)}
        </span>
      ))}
    </div>
  );
}

/** Round numbers stay round: 0, 0.5, 1. */
const tickText = (tick: number) => {
  const short = String(tick).replace('-', '−');
  return short.length <= 5 ? short : threeFigures(tick);
};
