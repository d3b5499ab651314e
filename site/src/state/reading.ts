/** Reading one run: the views' only way into its tensors, so that a number has one source. */
import type { HeadScores, ModelConfig, Token } from '../engine/types';
import type { HeadId, NeuronId } from './selection';
import { softmax } from './numbers';
import type { Run } from './run';

export const headName = ({ layer, head }: HeadId): string => `L${layer}H${head}`;
export const neuronName = ({ layer, neuron }: NeuronId): string => `L${layer} N${neuron}`;

/** The head of that name; null: it names none. */
export function headNamed(name: string): HeadId | null {
  const [, layer, head] = /^L(\d+)H(\d+)$/.exec(name) ?? [];
  return layer === undefined ? null : { layer: Number(layer), head: Number(head) };
}

export const weightIn = (pattern: Float32Array | null, dest: number, src: number): number =>
  pattern ? (pattern[dest * Math.sqrt(pattern.length) + src] ?? 0) : 0;

export const weightAt = (run: Run, head: HeadId, dest: number, src: number): number => weightIn(run.pattern(head), dest, src);

/** Where a destination looks most. */
export function strongestSource(run: Run, head: HeadId, dest: number): number {
  const pattern = run.pattern(head);
  let best = 0;
  for (let s = 1; s <= dest; s++) if (weightIn(pattern, dest, s) > weightIn(pattern, dest, best)) best = s;
  return best;
}

/** The states of the residual stream that a model has, in their order: TransformerLens' accumulated_resid labels. */
export function states({ n_layers, attn_only }: ModelConfig): readonly string[] {
  const each = Array.from({ length: n_layers }, (_, l) => (attn_only ? [`${l}_pre`] : [`${l}_pre`, `${l}_mid`]));
  return [...each.flat(), 'final_post'];
}

/** A state as people say it. */
export function stateName(label: string, { n_layers }: ModelConfig): string {
  const [, layer, point] = /^(\d+)_(pre|mid)$/.exec(label) ?? [];
  if (label === 'final_post') return n_layers === 0 ? 'embed' : `after L${n_layers - 1}`;
  if (layer === undefined) return label;
  if (point === 'mid') return `mid L${layer}`;
  return layer === '0' ? 'embed' : `after L${Number(layer) - 1}`;
}

/** The hook of a state; of a model without layers there is none. */
export function stateHook(label: string, { n_layers }: ModelConfig): string {
  const [, layer, point] = /^(\d+)_(pre|mid)$/.exec(label) ?? [];
  if (layer !== undefined) return `blocks.${layer}.hook_resid_${point}`;
  return label === 'final_post' && n_layers > 0 ? `blocks.${n_layers - 1}.hook_resid_post` : label;
}

/** null while the logits are on their way. */
export function probabilitiesAt(run: Run, position: number): Float64Array | null {
  const logits = run.logits(position);
  return logits && softmax(logits);
}

/** Positions whose next token is the one that followed an earlier occurrence of this one: what copying can predict. */
export function repeatedPart(ids: ArrayLike<number>): number[] {
  const out: number[] = [];
  const pairs = new Set<string>();
  for (let i = 0; i + 1 < ids.length; i++) {
    const pair = `${ids[i]} ${ids[i + 1]}`;
    if (pairs.has(pair)) out.push(i);
    pairs.add(pair);
  }
  return out;
}

export function meanLoss(loss: Float32Array, positions?: readonly number[]): number | null {
  const values = positions ? positions.map((p) => loss[p] ?? Number.NaN) : [...loss];
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}

export const DETECTORS = ['induction', 'previous', 'duplicate'] as const;
export type Detector = (typeof DETECTORS)[number];

/** Below this a head is not called by a detector's name. */
export const SHOWS = 0.2;

/** Whether a head can do what a detector looks for. Induction reads at a source what stood before it, and an earlier
 *  layer has to have written that there: a score in layer 0 is chance. */
const able = (scores: HeadScores, kind: Detector): boolean => kind !== 'induction' || scores.layer > 0;

/** What a head does most on this text, if any detector sees it. */
export function role(scores: HeadScores): { readonly kind: Detector; readonly score: number } | null {
  const kind = DETECTORS.filter((k) => able(scores, k)).reduce((a, b) => (scores[b] > scores[a] ? b : a));
  return scores[kind] >= SHOWS ? { kind, score: scores[kind] } : null;
}

export const scoresOfHead = (run: Run, { layer, head }: HeadId): HeadScores | undefined =>
  run.heads.find((s) => s.layer === layer && s.head === head);

export function bestHead(run: Run, kind: Detector): HeadScores | null {
  return run.heads
    .filter((s) => able(s, kind))
    .reduce<HeadScores | null>((best, s) => (best === null || s[kind] > best[kind] ? s : best), null);
}

/** A token with spaces, newlines and bytes that are no character made visible. The special token that begins
 *  a text has names of many lengths; there it is written as what it does. */
export function glyphs(token: Token, position?: number): string {
  if (token.special && position === 0) return '<bos>';
  const text = token.text.includes('\ufffd')
    ? [...token.bytes].map((b) => `\\x${b.toString(16).padStart(2, '0')}`).join('')
    : token.text;
  return text.replace(/ /g, '\u2423').replace(/\n/g, '\u21b5').replace(/\t/g, '\u21e5').replace(/\r/g, '\u240d');
}

/** `cat (3)`: a token with its position. */
export const label = (token: Token, position: number): string => `${glyphs(token, position)} (${position})`;
