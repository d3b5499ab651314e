/* Small pictures for documents, as SVG text: labels, grids of coloured numbers, rows of dots, arrows. */

const BLUE = [0, 99, 156];
const ORANGE = [179, 89, 0];
const escape = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** White at 0, blue at 1, orange at -1. */
function colour(share) {
  const strong = Math.min(1, Math.abs(share));
  const to = share < 0 ? ORANGE : BLUE;
  return `rgb(${to.map((x) => Math.round(255 + (x - 255) * strong)).join(',')})`;
}

export const label = (x, y, text, { anchor = 'start', kind = '' } = {}) =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${escape(text)}</text>`;

/** Cells [row][column] of { share, text }: share is the colour's, -1 to 1. Row and column names at the left and above. */
export function grid(left, top, { rows, columns, cells, width, height }) {
  const parts = rows.map((name, r) => label(left - 8, top + (r + 0.5) * height + 4, name, { anchor: 'end' }));
  parts.push(...columns.map((name, c) => label(left + (c + 0.5) * width, top - 6, name, { anchor: 'middle', kind: 'small' })));
  cells.forEach((row, r) => row.forEach(({ share, text }, c) => {
    const [x, y] = [left + c * width, top + r * height];
    parts.push(`<rect x="${x}" y="${y}" width="${width - 1}" height="${height - 1}" fill="${colour(share)}"/>`);
    if (text) parts.push(label(x + width / 2, y + height / 2 + 4, text, { anchor: 'middle', kind: Math.abs(share) > 0.55 ? 'small light' : 'small' }));
  }));
  return parts.join('\n');
}

/** A dot for each number between low and high, one above the other where they meet, on a line that ends at y. */
export function dots(left, y, width, numbers, [low, high], step = 4) {
  const heights = new Map();
  return numbers.map((number) => {
    const x = Math.round((left + ((Math.min(Math.max(number, low), high) - low) / (high - low)) * width) / step) * step;
    const n = heights.get(x) ?? 0;
    heights.set(x, n + 1);
    return `<circle cx="${x}" cy="${y - 3 - n * step}" r="1.8" class="dot"/>`;
  }).join('\n');
}

export const line = (x1, y1, x2, y2, kind) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${kind}"/>`;

/** A curve from one place to another with an arrow's head, bent upwards (or down) by `bend`. */
export function arrow([x1, y1], [x2, y2], bend, kind) {
  return `<path d="M${x1},${y1} Q${(x1 + x2) / 2},${(y1 + y2) / 2 - bend} ${x2},${y2}" class="${kind}" marker-end="url(#head)"/>`;
}

export const box = (x, y, width, height, text, kind) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" class="${kind}"/>${label(x + width / 2, y + height / 2 + 4, text, { anchor: 'middle' })}`;

/** The picture: what it shows in words, its size and its parts. */
export const svg = (title, width, height, parts) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">
<title>${escape(title)}</title>
<style>
  text { fill: #333 } .small { font-size: 11px } .light { fill: #fff } .head { font-weight: bold } .dot { fill: #00639c; fill-opacity: .6 }
  rect { stroke: #ddd } .axis { stroke: #999 } .guide { stroke: #ddd } .token { fill: #fff; stroke: #999 } .part { fill: #e6f0f6; stroke: #00639c }
  path { fill: none; stroke-width: 2 } .one { stroke: #00639c } .two { stroke: #b35900 } .three { stroke: #666 }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto"><path d="M0,0 L8,4 L0,8 z" style="fill:#333;stroke:none"/></marker></defs>
<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>
${parts.join('\n')}
</svg>
`;
