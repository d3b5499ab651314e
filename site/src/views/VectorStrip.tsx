/** A line for every number of a vector, up or down from zero. */
import { three } from '../state/numbers';

const STRIP = { width: 240, height: 64 };

export function VectorStrip({ vector }: { readonly vector: Float32Array }) {
  const top = Math.max(...vector.map(Math.abs), 1e-9);
  const x = (i: number) => ((i + 0.5) * STRIP.width) / vector.length;
  const y = (v: number) => (STRIP.height / 2) * (1 - v / top);
  const path = (wanted: (v: number) => boolean) =>
    Array.from(vector, (v, i) => (wanted(v) ? `M${x(i).toFixed(2)} ${STRIP.height / 2}V${y(v).toFixed(2)}` : '')).join('');
  return (
    <div class="vector-strip">
      <svg viewBox={`0 0 ${STRIP.width} ${STRIP.height}`} preserveAspectRatio="none" role="img" aria-label={`${vector.length} numbers between −${three(top)} and ${three(top)}`}>
        <path class="pos" d={path((v) => v > 0)} stroke-width={Math.max(0.6, (STRIP.width / vector.length) * 0.8)} />
        <path class="neg" d={path((v) => v < 0)} stroke-width={Math.max(0.6, (STRIP.width / vector.length) * 0.8)} />
        <path class="zero" d={`M0 ${STRIP.height / 2}H${STRIP.width}`} />
      </svg>
      <span class="end muted">+{three(top)}</span>
      <span class="end low muted">−{three(top)}</span>
    </div>
  );
}
