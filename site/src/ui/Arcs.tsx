/** Arcs over a token strip, from the destination to its sources; width is the weight. */
import './Arcs.css';

export interface ArcsProps {
  /** x of each token's centre, CSS pixels, in the strip's own coordinates. */
  readonly centres: readonly number[];
  readonly width: number;
  /** The line the arcs stand on, CSS pixels from the top; they fill the room above it. */
  readonly baseline: number;
  readonly dest: number;
  /** The destination's row: one weight a source, from `offset`. */
  readonly weights: Float32Array;
  readonly offset?: number;
  /** The locked source; null = the strongest is drawn in the accent. */
  readonly source: number | null;
}

/** Thinner than a hairline: not drawn. */
const LEAST_WEIGHT = 0.004;
const FULL_PX = 6;
/** Under a lower arc its number would not fit; it stands above then. */
const ROOM_BELOW_PX = 26;

export function Arcs({ centres, width, baseline, dest, weights, offset = 0, source }: ArcsProps) {
  const to = centres[dest];
  const first = centres[0];
  if (to === undefined || first === undefined) return null;
  const weight = (i: number) => weights[offset + i] ?? 0;
  const sources = Array.from({ length: dest }, (_, i) => i).filter((i) => weight(i) >= LEAST_WEIGHT);
  const strong = source ?? sources.reduce((best, i) => (weight(i) > weight(best) ? i : best), dest);

  const rise = (i: number) =>
    (baseline - FULL_PX) * Math.sqrt((to - (centres[i] ?? to)) / Math.max(1, to - first));
  const path = (i: number) => {
    const from = centres[i] ?? to;
    return `M${from} ${baseline}A${(to - from) / 2} ${rise(i)} 0 0 1 ${to} ${baseline}`;
  };
  const height = rise(strong);
  return (
    <svg class="arcs" width={width} height={baseline} aria-hidden="true">
      {sources.map(
        (i) => i !== strong && <path key={i} d={path(i)} stroke-width={Math.max(0.6, FULL_PX * weight(i))} />,
      )}
      {strong < dest && (
        <>
          <path class="arcs-strong" d={path(strong)} stroke-width={Math.max(1, (FULL_PX - 1) * weight(strong))} />
          <text
            x={((centres[strong] ?? to) + to) / 2}
            y={baseline - height + (height >= ROOM_BELOW_PX ? 17 : -6)}
            text-anchor="middle"
          >
            {weight(strong).toFixed(2)}
          </text>
        </>
      )}
    </svg>
  );
}
