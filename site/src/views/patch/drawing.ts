/** Where the parts of a model and the lines between them stand on a drawing: rows from the embedding up to the end, heads
 *  below their layer's MLP, and lines that pass between the nodes of the rows they cross. */
import type { ModelConfig } from '../../engine/types';
import { INPUTS, nodeOf, nodesOf } from '../../state/patch';

const RADIUS = 14;
const EDGE_ROOM = 30;
/** Names of layers stand here. */
const LEFT = 48;
const PITCH = { least: 44, most: 170 };
const CHAR_PX = 6.8;
/** Room between a node and a line that passes it. */
const BESIDE = 6;

export interface Spot {
  readonly node: string;
  readonly row: number;
  readonly x: number;
  readonly y: number;
  /** Half its width. */
  readonly half: number;
}

export interface Layout {
  readonly rows: readonly (readonly Spot[])[];
  readonly height: number;
  readonly radius: number;
  at(node: string): Spot;
  /** From a sender's node to a receiver: "L1H3.k". */
  path(from: string, to: string): string;
}

const isHead = (node: string) => /^L/.test(node);

export function layoutDrawing(config: ModelConfig, widthPx: number, heightPx: number): Layout {
  const names = nodesOf(config).flatMap((row) => [row.filter(isHead), row.filter((node) => !isHead(node))]).filter((row) => row.length > 0);
  const pitch = Math.max(PITCH.least, Math.min(PITCH.most, (heightPx - 2 * EDGE_ROOM) / (names.length - 1)));
  const height = pitch * (names.length - 1) + 2 * EDGE_ROOM;
  const spacing = (widthPx - LEFT - 16) / config.n_heads;
  const radius = Math.min(RADIUS, spacing / 2.4);
  const middle = LEFT + (spacing * config.n_heads) / 2;
  const rows = names.map((row, r) =>
    row.map((node, i): Spot => ({
      node, row: r, y: height - EDGE_ROOM - r * pitch,
      ...(isHead(node) ? { x: LEFT + spacing * (i + 0.5), half: radius } : { x: middle, half: node.length * CHAR_PX * 0.5 + 8 }),
    })));
  const all = new Map(rows.flat().map((spot) => [spot.node, spot]));
  const at = (node: string) => all.get(node) ?? (all.get('final') as Spot);

  /** The x nearest to the wanted one at which no node of the row stands. */
  function free(row: readonly Spot[], wanted: number): number {
    for (const { x, half } of row) {
      const beside = half + (row.length > 1 ? Math.min(BESIDE, (spacing / 2 - half) / 2) : BESIDE);
      if (Math.abs(wanted - x) < beside) return wanted < x ? x - beside : x + beside;
    }
    return wanted;
  }

  function path(from: string, to: string): string {
    const [a, b] = [at(from), at(nodeOf(to))];
    const end = b.x + (to.includes('.') ? (INPUTS.indexOf(to.at(-1) as 'q') - 1) * radius * 0.6 : 0);
    let [x, y] = [a.x, a.y - radius];
    let d = `M${x} ${y}`;
    // Between two rows a curve, through a row straight up.
    for (let r = a.row + 1; r <= b.row; r++) {
      const row = rows[r] ?? [];
      const next = r === b.row ? end : free(row, a.x + ((end - a.x) * (r - a.row)) / (b.row - a.row));
      const below = (row[0]?.y ?? 0) + radius;
      d += `C${x} ${(y + below) / 2} ${next} ${(y + below) / 2} ${next} ${below}`;
      [x, y] = [next, below - 2 * radius];
      if (r < b.row) d += `V${y}`;
    }
    return d;
  }
  return { rows, height, radius, at, path };
}
