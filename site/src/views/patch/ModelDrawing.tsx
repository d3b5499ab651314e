/** A small drawing of the model: what writes and what reads, from the embedding up to the end, and edges between them. One
 *  tab stop: the arrow keys walk the nodes, Enter picks one. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { colorOf, inkOn, type Scale } from '../../gl/palette';
import { three } from '../../state/numbers';
import { nodeOf } from '../../state/patch';
import type { ModelConfig } from '../../engine/types';
import { usePage } from '../page';
import { layoutDrawing, type Spot } from './drawing';

export interface Edge {
  readonly from: string;
  /** A receiver: "L1H3.k". */
  readonly to: string;
  /** CSS pixels. */
  readonly width: number;
  readonly value: number;
}

interface DrawingProps {
  readonly config: ModelConfig;
  readonly label: string;
  /** The number of a node, if it has one. */
  readonly valueOf: (node: string) => number | null;
  readonly scale: Scale;
  readonly says: (node: string) => string;
  readonly edges: readonly Edge[];
  /** What the lines mean: "raises the logit difference", "lowers it", "how much, by gradients". */
  readonly means: readonly [more: string, less: string, width: string];
  readonly picked: string | null;
  readonly lit: string | null;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly onPick: (node: string) => void;
  readonly onHover: (node: string | null) => void;
}

const nameOf = (node: string) => (/^L/.test(node) ? node.replace(/^L\d+H/, '') : node.replace(/^\d+_/, ''));

export function ModelDrawing({ config, label, valueOf, scale, says, edges, means, picked, lit, widthPx, heightPx, onPick, onHover }: DrawingProps) {
  const { theme } = usePage();
  const layout = useMemo(() => layoutDrawing(config, widthPx, heightPx + ROOM_FOR_KEY - keyHeight(widthPx)), [config, widthPx, heightPx]);
  const { rows, radius, at } = layout;
  const all = rows.flat().map(({ node }) => node);
  const [cursor, setCursor] = useState(picked ?? 'final');
  const stop = all.includes(cursor) ? cursor : 'final';
  const root = useRef<SVGSVGElement>(null);
  const go = (node: string | undefined) => {
    if (!node) return;
    setCursor(node);
    onHover(node);
    root.current?.querySelector<SVGElement>(`[data-node="${node}"]`)?.focus();
  };
  return (
    <svg
      class="model-drawing"
      ref={root}
      data-drawing
      width={widthPx}
      height={layout.height + keyHeight(widthPx)}
      role="group"
      aria-label={`${label}. Arrow keys walk the nodes, Enter picks one.`}
      onPointerLeave={() => onHover(null)}
      onKeyDown={(event) => {
        const { row } = at(stop);
        const here = rows[row] ?? [];
        const col = here.findIndex(({ node }) => node === stop);
        const near = (spots: readonly Spot[] | undefined) => spots && [...spots].sort((m, n) => Math.abs(m.x - at(stop).x) - Math.abs(n.x - at(stop).x))[0]?.node;
        if (event.key === 'Enter' || event.key === ' ') onPick(stop);
        else if (event.key === 'ArrowLeft') go(here[col - 1]?.node);
        else if (event.key === 'ArrowRight') go(here[col + 1]?.node);
        else if (event.key === 'ArrowUp') go(near(rows[row + 1]));
        else if (event.key === 'ArrowDown') go(near(rows[row - 1]));
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {rows.filter((row) => /^L/.test(row[0]?.node ?? '')).map((row, l) => (
        <text key={l} class="layer-name" x={0} y={(row[0]?.y ?? 0) + 4}>
          L{l}
        </text>
      ))}
      <g class="edges">
        {edges.map((edge) => (
          <path
            key={`${edge.from} ${edge.to}`}
            class={edge.value < 0 ? 'neg' : 'pos'}
            data-lit={lit !== null && (edge.from === lit || nodeOf(edge.to) === lit)}
            d={layout.path(edge.from, edge.to)}
            stroke-width={edge.width}
          >
            <title>{`${edge.from} → ${edge.to}`}</title>
          </path>
        ))}
      </g>
      {all.map((node) => {
        const { x, y, half } = at(node);
        const value = valueOf(node);
        const color = value !== null && Number.isFinite(value) ? colorOf(value, scale, 'diverging', theme.value) : null;
        const round = /^L/.test(node);
        return (
          <g
            key={node}
            class="node"
            data-node={node}
            data-ink={color ? inkOn(color) : 'none'}
            data-lit={node === lit}
            role="button"
            // In SVG an attribute's case counts.
            tabindex={node === stop ? 0 : -1}
            aria-pressed={node === picked}
            onPointerMove={(event) => event.pointerType !== 'touch' && onHover(node)}
            onFocus={() => setCursor(node)}
            onClick={() => onPick(node)}
          >
            <title>{says(node)}</title>
            <rect x={x - half} y={y - radius} width={2 * half} height={2 * radius} rx={round ? radius : 3} {...(color && { fill: `rgb(${color.join(' ')})` })} />
            <text x={x} y={y + 4} text-anchor="middle">{nameOf(node)}</text>
          </g>
        );
      })}
      {edges.length > 0 && <Key edges={edges} means={means} widthPx={widthPx} y={layout.height} />}
    </svg>
  );
}

const LINE_PX = 18;
/** The key's lines stand in one column, or two. */
const keyColumns = (widthPx: number) => (widthPx < 700 ? 1 : 2);
const keyHeight = (widthPx: number) => (4 / keyColumns(widthPx)) * LINE_PX + 8;
/** Whoever says the height leaves so much below it. */
const ROOM_FOR_KEY = 2 * LINE_PX + 8;

/** What the colours, the widths and the ends of the lines mean. */
function Key({ edges, means: [more, less, width], widthPx, y }: Pick<DrawingProps, 'edges' | 'means' | 'widthPx'> & { readonly y: number }) {
  const largest = edges.reduce((most, edge) => (Math.abs(edge.value) > Math.abs(most.value) ? edge : most));
  const columns = keyColumns(widthPx);
  const lines = [more, less, `width: ${width}; the widest ${three(largest.value)}`, edges.some(({ to }) => to.includes('.')) && 'at a head, left to right: into its q, k, v'];
  return (
    <g class="drawing-key edges">
      {lines.map((line, i) => (
        <g key={i} transform={`translate(${(widthPx / 2) * (i % columns)} ${y + LINE_PX * Math.floor(i / columns) + 12})`}>
          {i < 2 && <path class={i ? 'neg' : 'pos'} d="M0 -4h28" stroke-width={4} />}
          <text x={i < 2 ? 36 : 0}>{line}</text>
        </g>
      ))}
    </g>
  );
}
