/** A line for every number of a vector, up or down from zero. */
import { three } from '../state/numbers';

const STRIP = { width: 240, height: 64 };

interface VectorStripProps {
  readonly vector: Float32Array;
  /** The number that is pointed at, here or in a strip beside it. */
  readonly lit?: number;
  readonly onPoint?: (index: number | null) => void;
}

export function VectorStrip({ vector, lit, onPoint }: VectorStripProps) {
  const top = Math.max(...vector.map(Math.abs), 1e-9);
  const x = (i: number) => ((i + 0.5) * STRIP.width) / vector.length;
  const y = (v: number) => (STRIP.height / 2) * (1 - v / top);
  const path = (wanted: (v: number) => boolean) =>
    Array.from(vector, (v, i) => (wanted(v) ? `M${x(i).toFixed(2)} ${STRIP.height / 2}V${y(v).toFixed(2)}` : '')).join('');
  return (
    <div class="vector-strip">
      <svg
        onPointerMove={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect();
          onPoint?.(Math.max(0, Math.min(vector.length - 1, Math.floor(((event.clientX - left) / width) * vector.length))));
        }}
        onPointerLeave={() => onPoint?.(null)}
        viewBox={`0 0 ${STRIP.width} ${STRIP.height}`} preserveAspectRatio="none" role="img" aria-label={`${vector.length} numbers between −${three(top)} and ${three(top)}`}>
        <path class="pos" d={path((v) => v > 0)} stroke-width={Math.max(0.6, (STRIP.width / vector.length) * 0.8)} />
        <path class="neg" d={path((v) => v < 0)} stroke-width={Math.max(0.6, (STRIP.width / vector.length) * 0.8)} />
        {lit !== undefined && <path class="lit-line" d={`M${x(lit)} 0V${STRIP.height}`} stroke-width={STRIP.width / vector.length} />}
        <path class="zero" d={`M0 ${STRIP.height / 2}H${STRIP.width}`} />
      </svg>
      <span class="end muted">+{three(top)}</span>
      <span class="end low muted">−{three(top)}</span>
    </div>
  );
}
