/** Reading one run: the views' only way into its tensors, so that a number has one source. */
import type { HeadScores, RunResult, Token } from '../engine/types';
import type { HeadId } from './selection';
import { norm, softmax } from './numbers';
import { streamHooks, type Shown } from './run';

export const headName = ({ layer, head }: HeadId): string => `L${layer}H${head}`;

/** One head's square of a [n_heads, T, T] tensor, row-major. A view, not a copy. */
function headSquare(run: RunResult, hook: string, { layer, head }: HeadId): Float32Array | null {
  const tensor = run.tensors.get(`blocks.${layer}.attn.${hook}`);
  if (!tensor) return null;
  const n = tensor.shape[1] ?? 0;
  return tensor.data.subarray(head * n * n, (head + 1) * n * n);
}

export const patternOf = (run: RunResult, head: HeadId) => headSquare(run, 'hook_pattern', head);
export const scoresOf = (run: RunResult, head: HeadId) => headSquare(run, 'hook_attn_scores', head);

export function weightAt(run: RunResult, head: HeadId, dest: number, src: number): number {
  const pattern = patternOf(run, head);
  return pattern ? (pattern[dest * Math.sqrt(pattern.length) + src] ?? 0) : 0;
}

/** Where a destination looks most. */
export function strongestSource(run: RunResult, head: HeadId, dest: number): number {
  let best = 0;
  for (let s = 1; s <= dest; s++) if (weightAt(run, head, dest, s) > weightAt(run, head, dest, best)) best = s;
  return best;
}

/** ||v||_2 of the value that a source carries in a head; grouped heads share it. */
export function valueNorm(shown: Shown, run: RunResult, { layer, head }: HeadId, src: number): number | null {
  const v = run.tensors.get(`blocks.${layer}.attn.hook_v`);
  if (!v) return null;
  const [, kv = 1, d = 0] = v.shape;
  const group = Math.floor((head * kv) / shown.info.config.n_heads);
  const at = (src * kv + group) * d;
  return norm(v.data.subarray(at, at + d));
}

/** Which points of the residual stream a run has, with what each is called. */
export function depths(shown: Shown): readonly { readonly name: string; readonly hook: string }[] {
  const { n_layers } = shown.info.config;
  if (n_layers === 0) return [{ name: 'embed', hook: 'hook_embed' }];
  return streamHooks(shown.info.config).map((hook, d) => ({ name: d === 0 ? 'embed' : `after L${d - 1}`, hook }));
}

/** The residual stream at one depth, [T, d_model]. Without layers it is the embedding, plus standard positions. */
export function streamAt(shown: Shown, run: RunResult, depth: number): Float32Array | null {
  const hooks = streamHooks(shown.info.config);
  const x = run.tensors.get(hooks[depth] ?? '')?.data;
  if (!x) return null;
  if (shown.info.config.n_layers > 0) return x;
  const positions = run.tensors.get('hook_pos_embed')?.data;
  return positions ? x.map((value, i) => value + (positions[i] ?? 0)) : x;
}

export function vectorAt(shown: Shown, run: RunResult, depth: number, position: number): Float32Array | null {
  const { d_model } = shown.info.config;
  return streamAt(shown, run, depth)?.subarray(position * d_model, (position + 1) * d_model) ?? null;
}

function logitsAt(run: RunResult, position: number): Float32Array {
  const n = run.logits.shape[1] ?? 0;
  return run.logits.data.subarray(position * n, (position + 1) * n);
}

export const probabilitiesAt = (run: RunResult, position: number): Float64Array => softmax(logitsAt(run, position));

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

export const scoresOfHead = (run: RunResult, { layer, head }: HeadId): HeadScores | undefined =>
  run.heads.find((s) => s.layer === layer && s.head === head);

export function bestHead(run: RunResult, kind: Detector): HeadScores | null {
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
