/* The training curve as a picture: reads the JSONL log of `hs train`, writes an SVG.
 *
 *     node models/curve.mjs LOG.jsonl [LOG-2.jsonl ...] OUT.svg [--bigram 4.26]
 *
 * Several logs are of runs that each went on from the one before: the tokens are counted on.
 * Above: training loss (averaged over the last twenty log lines) and held-out loss, with the bigram
 * counts as a dashed line. Below, where the log has them: the best previous-token score of layer 0 and
 * the best induction score of the last layer. */

import { readFileSync, writeFileSync } from 'node:fs';

const WIDTH = 760;
const LEFT = 56;
const RIGHT = 150;
const PANEL = 210;
const GAP = 36;
const TOP = 24;
const AVERAGED = 20;
const LOSS_TOP = 6.5;

const args = process.argv.slice(2);
const [flag, bigramText] = args.length > 3 && args.at(-2).startsWith('--') ? args.splice(-2) : [];
const outPath = args.pop();
if (args.length === 0 || (flag !== undefined && flag !== '--bigram')) {
  console.error('usage: node models/curve.mjs LOG.jsonl [LOG-2.jsonl ...] OUT.svg [--bigram LOSS]');
  process.exit(2);
}
const rows = [];
for (const logPath of args) {
  const before = rows.at(-1)?.tokens ?? 0;
  for (const line of readFileSync(logPath, 'utf8').split('\n').filter((text) => text !== '')) {
    const row = JSON.parse(line);
    rows.push({ ...row, tokens: before + row.tokens });
  }
}
const series = (field) => rows.filter((row) => typeof row[field] === 'number').map((row) => [row.tokens / 1e6, row[field]]);

const smooth = (points) =>
  points.map(([x], i) => {
    const recent = points.slice(Math.max(0, i + 1 - AVERAGED), i + 1);
    return [x, recent.reduce((sum, [, y]) => sum + y, 0) / recent.length];
  });

const lastX = rows[rows.length - 1].tokens / 1e6;
const xOf = (x) => LEFT + (x / lastX) * (WIDTH - LEFT - RIGHT);

/** One panel: axes, then named lines, each labelled at its end. */
function panel(top, [low, high], ticks, lines) {
  const yOf = (y) => top + PANEL - ((Math.min(Math.max(y, low), high) - low) / (high - low)) * PANEL;
  const parts = ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${yOf(tick)}" y2="${yOf(tick)}"/>` +
      `<text x="${LEFT - 8}" y="${yOf(tick) + 4}" text-anchor="end">${tick}</text>`,
  );
  let labelled = [];
  for (const { name, kind, points } of lines) {
    if (points.length === 0) continue;
    const path = points.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ');
    parts.push(`<polyline class="${kind}" points="${path}"/>`);
    labelled.push({ y: yOf(points[points.length - 1][1]) + 4, kind, text: name });
  }
  labelled = labelled.sort((a, b) => a.y - b.y);
  labelled.forEach((label, i) => {
    if (i > 0) label.y = Math.max(label.y, labelled[i - 1].y + 15);
    parts.push(`<text class="${label.kind}" x="${WIDTH - RIGHT + 8}" y="${label.y.toFixed(1)}">${label.text}</text>`);
  });
  return parts.join('\n');
}

function millions(bottom) {
  const step = [0.5, 1, 2, 5, 10, 20].find((s) => lastX / s <= 8);
  const ticks = Array.from({ length: Math.floor(lastX / step) + 1 }, (_, i) => i * step);
  return ticks.map((x) => `<text x="${xOf(x)}" y="${bottom + 18}" text-anchor="middle">${x}</text>`).join('\n');
}

const train = smooth(series('loss'));
const heldout = series('heldout');
const lowest = Math.floor(2 * Math.min(...[...train, ...heldout].map(([, y]) => y))) / 2;
const lossTicks = Array.from({ length: Math.floor((LOSS_TOP - lowest) / 0.5) + 1 }, (_, i) => lowest + i * 0.5);
const bigram = bigramText === undefined ? [] : [[0, Number(bigramText)], [lastX, Number(bigramText)]];
const last = (points) => points[points.length - 1][1].toFixed(2);
const named = (name, kind, points) => ({ name: points.length > 0 ? `${name} ${last(points)}` : name, kind, points });
const panels = [
  panel(TOP, [lowest, LOSS_TOP], lossTicks, [
    named('training', 'one', train),
    named('held-out', 'two', heldout),
    named('bigram counts', 'counts', bigram),
  ]),
];
let bottom = TOP + PANEL;
const scores = [
  named('previous token', 'one', series('previous')),
  named('induction', 'two', series('induction')),
].filter(({ points }) => points.length > 0);
if (scores.length > 0) {
  panels.push(panel(bottom + GAP, [0, 1], [0, 0.25, 0.5, 0.75, 1], scores));
  panels.push(`<text x="${LEFT}" y="${bottom + GAP - 8}">best head's score, layer 0 and last layer</text>`);
  bottom += GAP + PANEL;
}

writeFileSync(
  outPath,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 44}" font-family="sans-serif" font-size="13">
<style>
  text { fill: #333 } .grid { stroke: #ddd } polyline { fill: none; stroke-width: 2 }
  polyline.one { stroke: #00639c } text.one { fill: #00639c }
  polyline.two { stroke: #b35900 } text.two { fill: #b35900 }
  polyline.counts { stroke: #666; stroke-dasharray: 5 4 } text.counts { fill: #666 }
</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="${TOP - 8}">loss, nats a token</text>
${panels.join('\n')}
${millions(bottom)}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 36}" text-anchor="middle">million tokens</text>
</svg>
`,
);
