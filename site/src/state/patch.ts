/** The Patch bench without its pictures: what is asked of the core (docs/formats.md, "Study"), what a place of a picture is
 *  as an intervention and in the page's one selection, and how a metric becomes a score. */
import type { Edit, ModelConfig, ReadRequest, Token } from '../engine/types';
import { softmax, topIndices } from './numbers';
import { states } from './reading';
import type { Prompt } from './run';
import type { HeadId, Selection } from './selection';
import type { View } from './view';

/** The token that A predicts, and the one that B does. */
export type Answers = readonly [correct: number, wrong: number];

/** The likeliest of each, `predicted`; where that is the same, the tokens whose probability differs most between them. */
export function ownAnswers(a: Float64Array, b: Float64Array): { readonly answers: Answers; readonly predicted: boolean } {
  const [topA, topB] = [topIndices(a, 1)[0] ?? 0, topIndices(b, 1)[0] ?? 0];
  const predicted = topA !== topB;
  const more = (p: Float64Array, q: Float64Array) => topIndices(p.map((x, i) => x - (q[i] ?? 0)), 1)[0] ?? 0;
  return { answers: predicted ? [topA, topB] : [more(a, b), more(b, a)], predicted };
}

/** Why two prompts cannot be patched into each other; null: they can. */
export function pairProblem(a: ArrayLike<number>, b: ArrayLike<number>): string | null {
  if (a.length !== b.length) return `A has ${a.length} tokens and B ${b.length}: patching needs prompts of as many tokens, one for one.`;
  return Array.from(a).every((id, i) => id === b[i]) ? 'A and B are the same: change a token of one, so that there is something to patch.' : null;
}

export type MetricKind = View['metric'];

export const METRICS: Readonly<Record<MetricKind, readonly [word: string, means: string]>> = {
  logit_diff: ['logit difference', 'The logit of A’s answer less that of B’s'],
  log_prob: ['log-probability', 'log p of A’s answer, nats'],
  rank: ['rank', 'How many tokens are likelier than A’s answer'],
  kl: ['KL from A', 'KL(A ‖ patched) of the prediction, nats'],
};

export interface IdPair {
  readonly clean: readonly number[];
  readonly corrupted: readonly number[];
  readonly correct: number;
  readonly wrong: number;
}

/** The metric of what comes after the last token; without answers, of a set whose pairs have their own. */
export const metricPart = (kind: MetricKind, answers: Answers | null) =>
  ({ kind, position: -1, ...(answers && kind !== 'kl' && { correct: answers[0] }), ...(answers && kind === 'logit_diff' && { wrong: answers[1] }) });

/** The pair, or the set, as every study of it takes it. */
export function pairPart({ direction, metric }: Pick<View, 'direction' | 'metric'>, pairs: readonly IdPair[]) {
  const [one, ...more] = pairs;
  return one && more.length === 0
    ? { clean: one.clean, corrupted: one.corrupted, direction, metric: metricPart(metric, [one.correct, one.wrong]) }
    : { pairs, direction, metric: metricPart(metric, null) };
}
export type PairPart = ReturnType<typeof pairPart>;

/** What the residual stream's picture patches, in the order of a layer. */
export const streamSites = ({ attn_only }: Pick<ModelConfig, 'attn_only'>) =>
  attn_only ? (['resid_pre', 'attn_out'] as const) : (['resid_pre', 'attn_out', 'resid_mid', 'mlp_out'] as const);

/** One activation of a run, or all positions of one head's. */
export interface Place {
  readonly site: Exclude<View['site'], 'head'> | View['of'];
  readonly layer: number;
  readonly head: number | null;
  readonly position: number | null;
  /** Of a pattern: one weight, that from `position` to this. */
  readonly source: number | null;
}

export const samePlace = (a: Place | null, b: Place | null): boolean => JSON.stringify(a) === JSON.stringify(b);

const ofHead = (site: Place['site']): site is View['of'] => ['z', 'q', 'k', 'v', 'pattern'].includes(site);

export const hookOf = ({ site, layer }: Pick<Place, 'site' | 'layer'>): string => `blocks.${layer}.${ofHead(site) ? 'attn.' : ''}hook_${site}`;

/** "resid_pre L1, position 4"; "z of L1H3, all positions". */
export function placeName({ site, layer, head, position, source }: Place): string {
  const what = head === null ? `${site} L${layer}` : `${site} of L${layer}H${head}`;
  return `${what}, ${position === null ? 'all positions' : source === null ? `position ${position}` : `${position} ← ${source}`}`;
}

/** Which prompt's run is patched. */
export const patched = (direction: View['direction']): Prompt => (direction === 'denoise' ? 'B' : 'A');

/** The place's activation of the other prompt put into the patched one's run. */
export function patchEdit(place: Place, direction: View['direction']): Edit {
  const { head, position, source } = place;
  return {
    hook: hookOf(place),
    ...(head !== null && { heads: [head] }),
    ...(position !== null && { positions: [position] }),
    ...(source !== null && { sources: [source] }),
    op: 'patch',
    value: { run: direction === 'denoise' ? 'A' : 'B' },
  };
}

/** Which state of the stream a place of it is, or is added to to make. */
function depthOf({ site, layer }: Place, config: ModelConfig): number {
  const labels = states(config);
  const after = config.attn_only || site === 'mlp_out' ? `${layer + 1}_pre` : `${layer}_mid`;
  const label = site === 'resid_pre' ? `${layer}_pre` : site === 'resid_mid' ? `${layer}_mid` : after;
  const at = labels.indexOf(label);
  return at < 0 ? labels.length - 1 : at;
}

/** A place in the page's one selection, with the view's `site`. */
export function selectionOf(place: Place, config: ModelConfig): { readonly site: View['site']; readonly at: Pick<Selection, 'dest' | 'src' | 'depth'> & Partial<Selection> } {
  const { site, layer, head, position: dest, source: src } = place;
  if (head !== null) return { site: 'head', at: { head: { layer, head }, dest, src, depth: null } };
  return { site: site as View['site'], at: { dest, src: null, depth: depthOf(place, config) } };
}

/** The place that is selected, if this model has such a one. */
export function placeAt({ head, dest, src, depth }: Selection, { site, of, detail }: Pick<View, 'site' | 'of' | 'detail'>, config: ModelConfig): Place | null {
  if (site === 'head') {
    if (!head) return null;
    const pair = detail === 'source' && dest !== null && src !== null;
    return { site: pair ? 'pattern' : of, ...head, position: dest, source: pair ? src : null };
  }
  if (dest === null || depth === null || !(streamSites(config) as readonly string[]).includes(site)) return null;
  const layer = Array.from({ length: config.n_layers }, (_, l) => l).find((l) => depthOf({ site, layer: l, head: null, position: null, source: null }, config) === depth);
  return layer === undefined ? null : { site, layer, head: null, position: dest, source: null };
}

/** A sweep's document, and which place each of its numbers is of. */
export interface Sweep {
  readonly document: ReadRequest;
  readonly rows: number;
  readonly cols: number;
  /** Without a column, what the whole row is, if it is something. */
  place(row: number, col: number | null): Place | null;
  /** Where a place stands in the picture; null: it is of another one. */
  lit(place: Place): { readonly row: number; readonly col: number | null } | null;
  /** Where its number stands in the reading's `values`. */
  index(row: number, col: number): number;
}

interface Of {
  readonly part: PairPart;
  readonly config: ModelConfig;
  readonly n: number;
}

/** The stream and what is added to it, by layer and position. */
export function streamSweep({ part, config, n }: Of): Sweep {
  const sites = streamSites(config);
  const { n_layers } = config;
  const at = (site: Place['site']) => (sites as readonly Place['site'][]).indexOf(site);
  return {
    document: { read: 'sweep', ...part, what: sites, by: 'layer,position' },
    rows: n_layers * sites.length,
    cols: n,
    place: (row, col) =>
      col === null ? null : { site: sites[row % sites.length] ?? 'resid_pre', layer: Math.floor(row / sites.length), head: null, position: col, source: null },
    lit: ({ site, layer, position }) => (at(site) < 0 ? null : { row: layer * sites.length + at(site), col: position }),
    index: (row, col) => ((row % sites.length) * n_layers + Math.floor(row / sites.length)) * n + col,
  };
}

/** Heads, by position, or at all positions where `whole`. */
export function headSweep({ part, config, n }: Of, of: View['of'], whole: boolean): Sweep {
  const { n_layers, n_heads } = config;
  const byDest = of === 'pattern'; // TransformerLens: [layer, head, dest], others [layer, position, head]
  return {
    document: { read: 'sweep', ...part, what: of, by: whole ? 'layer,head' : byDest ? 'layer,head,dest' : 'layer,position,head' },
    rows: n_layers * n_heads,
    cols: whole ? 1 : n,
    place: (row, col) => ({ site: of, layer: Math.floor(row / n_heads), head: row % n_heads, position: whole ? null : col, source: null }),
    lit: ({ site, layer, head, position, source }) =>
      head === null || site !== of || source !== null || (whole && position !== null) ? null : { row: layer * n_heads + head, col: whole ? 0 : position },
    index: (row, col) => (whole ? row : byDest ? row * n + col : (Math.floor(row / n_heads) * n + col) * n_heads + (row % n_heads)),
  };
}

/** One head's pattern, weight by weight. */
export function sourceSweep({ part, n }: Of, { layer, head }: HeadId): Sweep {
  return {
    document: { read: 'sweep', ...part, what: 'pattern', by: 'layer,head,dest,src', layers: [layer], heads: [head] },
    rows: n,
    cols: n,
    place: (row, col) => (col === null ? null : { site: 'pattern', layer, head, position: row, source: col }),
    lit: (place) => (place.layer === layer && place.head === head && place.source !== null ? { row: place.position ?? 0, col: place.source } : null),
    index: (row, col) => row * n + col,
  };
}

/** A sweep estimated by gradients, with the true one beside it. */
export const estimated = (sweep: Sweep, steps: number): Sweep => ({ ...sweep, document: { ...sweep.document, read: 'attribute', steps, compare: true } });

/* Nodes of the model as paths have them: docs/formats.md, "path". */

export const INPUTS = ['q', 'k', 'v'] as const;

/** A node of the drawing: "embed", "L1H3", "1_mlp", "final". */
export const nodeOf = (label: string): string => label.replace(/\.[qkv]$/, '').replace(/_(in|out)$/, '');

/** What a node writes, as a sender; null: it does not write. */
export const senderOf = (node: string): string | null => (node === 'final' ? null : node.replace(/_mlp$/, '_mlp_out'));

/** What it reads; `input`: of a head. Null: it does not read. */
export const receiverOf = (node: string, input: (typeof INPUTS)[number]): string | null =>
  node === 'embed' ? null : /^L/.test(node) ? `${node}.${input}` : node.replace(/_mlp$/, '_mlp_in');

/** The nodes of a model, row by row from the embedding up. */
export function nodesOf({ n_layers, n_heads, attn_only }: ModelConfig): readonly (readonly string[])[] {
  const layer = (l: number) => [...Array.from({ length: n_heads }, (_, h) => `L${l}H${h}`), ...(attn_only ? [] : [`${l}_mlp`])];
  return [['embed'], ...Array.from({ length: n_layers }, (_, l) => layer(l)), ['final']];
}

export function pathDocument(part: PairPart, { receiver, paths, mlps }: Pick<View, 'receiver' | 'paths' | 'mlps'>): ReadRequest {
  const node = nodeOf(receiver);
  const sender = senderOf(node);
  const from = node === 'embed' || (paths === 'from' && sender !== null);
  return { read: 'path', ...part, senders: from ? [sender] : 'all', receivers: from ? 'all' : [receiver], mlps };
}

export type HeadInput = (typeof INPUTS)[number];

/** Direct paths of heads (rows) into an input of later heads (columns). */
export function directSweep(part: PairPart, { n_layers, n_heads }: ModelConfig, receiver: HeadInput) {
  const side = (n_layers - 1) * n_heads;
  const head = (i: number): HeadId => ({ layer: Math.floor(i / n_heads), head: i % n_heads });
  return {
    document: { read: 'sweep' as const, ...part, what: 'direct_path', by: 'layer,head', receiver },
    rows: side,
    cols: side,
    sender: head,
    receiver: (col: number) => head(col + n_heads),
    // No number where the receiver does not come later: the core has 0 there.
    index: (row: number, col: number) => (head(row).layer > head(col).layer ? -1 : row * n_layers * n_heads + n_heads + col),
  };
}

/** How many edges there are: each input of a head, each MLP and the end read all that was written before. */
export function edgeCount({ n_layers, n_heads, attn_only }: ModelConfig): number {
  let [senders, edges] = [1, 0];
  for (let l = 0; l < n_layers; l++) {
    edges += 3 * n_heads * senders;
    senders += n_heads;
    if (!attn_only) edges += senders++;
  }
  return edges + senders;
}

/** Sizes of the circuits that are judged. */
export function circuitCounts(config: ModelConfig): readonly number[] {
  const all = edgeCount(config);
  return [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000].filter((n) => n < all).concat(all);
}

export const circuitDocument = (part: PairPart, config: ModelConfig, steps: number): ReadRequest =>
  ({ read: 'circuit', ...part, steps, counts: circuitCounts(config) });

/** `n` random tokens, and the same again, the same for a seed; special tokens are none. */
export function twice(n: number, seed: number, vocabulary: readonly Token[], bos: number | undefined): readonly number[] {
  const ids = vocabulary.filter((token) => !token.special).map((token) => token.id);
  if (ids.length === 0) return [];
  let state = seed >>> 0;
  const once = Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ids[Math.floor((state / 2 ** 32) * ids.length)] ?? 0;
  });
  return [...(bos === undefined ? [] : [bos]), ...once, ...once];
}

/** The mean of some positions' losses; null where there is none. */
export const inContextLoss = (loss: Float32Array, at: readonly number[]): number | null =>
  loss.length === 0 || at.length === 0 ? null : at.reduce((sum, p) => sum + (loss[p] ?? Number.NaN), 0) / at.length;

/** The metric of one prediction, from its logits; `clean`: A's. */
export function metricOf(kind: MetricKind, logits: Float32Array, clean: Float32Array, [correct, wrong]: Answers): number {
  const at = (id: number) => logits[id] ?? Number.NaN;
  if (kind === 'logit_diff') return at(correct) - at(wrong);
  if (kind === 'rank') return Array.from(logits).filter((x, id) => x > at(correct) || (x === at(correct) && id < correct)).length;
  const p = softmax(logits);
  if (kind === 'log_prob') return Math.log(p[correct] ?? Number.NaN);
  return divergence(softmax(clean), p);
}

/** KL(p || q), nats. */
export const divergence = (p: Float64Array, q: Float64Array): number => p.reduce((sum, x, i) => sum + (x > 0 ? x * Math.log(x / (q[i] ?? 0)) : 0), 0);

/** Gradients of an estimate. */
export const STEPS: Readonly<Record<View['gradient'], number>> = { one: 1, integrated: 8 };

/** Why there is no gradient to estimate by; null: there is one. `one`: of a single gradient, at the run that is patched. */
export function noGradient({ metric, direction }: Pick<View, 'metric' | 'direction'>, one: boolean): string | null {
  if (metric === 'rank') return 'A rank has no gradient: choose another metric.';
  if (metric === 'kl' && direction === 'noise' && one) return 'KL from A has no slope at A itself, where noise begins: take integrated gradients, or denoise.';
  return null;
}

/** How far the metric went from B's to A's. NaN or infinite where both have the same. */
export const scoreOf = (metric: number, clean: number, corrupted: number): number => (metric - corrupted) / (clean - corrupted);
