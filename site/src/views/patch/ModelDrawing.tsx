/** A small drawing of the model: what writes and what reads, from the embedding up to the end, and edges between them. One
 *  tab stop: the arrow keys walk the nodes, Enter picks one. */
import { useRef, useState } from 'preact/hooks';
import { colorOf, inkOn, type Scale } from '../../gl/palette';
import { INPUTS, nodeOf, nodesOf } from '../../state/patch';
import type { ModelConfig } from '../../engine/types';
import { usePage } from '../page';

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
  readonly picked: string | null;
  readonly lit: string | null;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly onPick: (node: string) => void;
  readonly onHover: (node: string | null) => void;
}

const RADIUS = 14;
const EDGE_ROOM = 30;

const nameOf = (node: string) => (/^L/.test(node) ? node.replace(/^L\d+H/, '') : node.replace(/^\d+_/, ''));

export function ModelDrawing({ config, label, valueOf, scale, says, edges, picked, lit, widthPx, heightPx, onPick, onHover }: DrawingProps) {
  const { theme } = usePage();
  const rows = nodesOf(config);
  const all = rows.flat();
  const [cursor, setCursor] = useState(picked ?? 'final');
  const stop = all.includes(cursor) ? cursor : 'final';
  const root = useRef<SVGSVGElement>(null);
  const pitch = Math.max(44, Math.min(110, (heightPx - 2 * EDGE_ROOM) / (rows.length - 1)));
  const height = pitch * (rows.length - 1) + 2 * EDGE_ROOM;
  const most = Math.max(...rows.map((row) => row.length));
  const radius = Math.min(RADIUS, (widthPx - 60) / most / 2.4);
  const at = (node: string) => {
    const row = rows.findIndex((nodes) => nodes.includes(node));
    const nodes = rows[row] ?? [];
    const x = nodes.length === 1 ? (widthPx + 40) / 2 : 48 + ((widthPx - 64) * (nodes.indexOf(node) + 0.5)) / most;
    return { row, x, y: height - EDGE_ROOM - row * pitch };
  };
  const path = ({ from, to }: Edge) => {
    const [a, b] = [at(from), at(nodeOf(to))];
    const input = INPUTS.indexOf(to.at(-1) as 'q');
    const x = b.x + (/\.[qkv]$/.test(to) ? (input - 1) * radius * 0.6 : 0);
    const [y1, y2] = [a.y - radius, b.y + radius];
    const bend = a.row === b.row ? pitch * 0.35 : (y1 - y2) / 2;
    return `M${a.x} ${y1}C${a.x} ${y1 - bend} ${x} ${y2 + bend} ${x} ${y2}`;
  };
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
      width={widthPx}
      height={height}
      role="group"
      aria-label={`${label}. Arrow keys walk the nodes, Enter picks one.`}
      onPointerLeave={() => onHover(null)}
      onKeyDown={(event) => {
        const { row } = at(stop);
        const here = rows[row] ?? [];
        const col = here.indexOf(stop);
        const near = (nodes: readonly string[] | undefined) => nodes && [...nodes].sort((m, n) => Math.abs(at(m).x - at(stop).x) - Math.abs(at(n).x - at(stop).x))[0];
        if (event.key === 'Enter' || event.key === ' ') onPick(stop);
        else if (event.key === 'ArrowLeft') go(here[col - 1]);
        else if (event.key === 'ArrowRight') go(here[col + 1]);
        else if (event.key === 'ArrowUp') go(near(rows[row + 1]));
        else if (event.key === 'ArrowDown') go(near(rows[row - 1]));
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {rows.slice(1, -1).map((_, l) => (
        <text key={l} class="layer-name" x={0} y={height - EDGE_ROOM - (l + 1) * pitch + 4}>
          L{l}
        </text>
      ))}
      <g class="edges">
        {edges.map((edge) => (
          <path
            key={`${edge.from} ${edge.to}`}
            class={edge.value < 0 ? 'neg' : 'pos'}
            data-lit={lit !== null && (edge.from === lit || nodeOf(edge.to) === lit)}
            d={path(edge)}
            stroke-width={edge.width}
          >
            <title>{`${edge.from} → ${edge.to}`}</title>
          </path>
        ))}
      </g>
      {all.map((node) => {
        const { x, y } = at(node);
        const value = valueOf(node);
        const color = value !== null && Number.isFinite(value) ? colorOf(value, scale, 'diverging', theme.value) : null;
        const round = /^L/.test(node);
        const half = round ? radius : node.length * 3.4 + 8;
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
            <rect x={x - half} y={y - radius} width={2 * half} height={2 * radius} rx={round ? radius : 3} {...(color && { style: { fill: `rgb(${color.join(' ')})` } })} />
            <text x={x} y={y + 4} text-anchor="middle">{nameOf(node)}</text>
          </g>
        );
      })}
    </svg>
  );
}
