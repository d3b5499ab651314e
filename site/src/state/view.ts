/** What is looked at and how: one table, from which the types, the page's controls and a link's checks come.
 *  The first option of each is the default. */
/** A direction of the stream: docs/formats.md, "Directions". */
export type Direction =
  | { readonly token: number; readonly minus?: number }
  | { readonly neuron: readonly [layer: number, neuron: number] }
  | { readonly neuron_in: readonly [layer: number, neuron: number] }
  | { readonly state: string; readonly position: number }
  | { readonly head: readonly [layer: number, head: number]; readonly position: number };

export const OPTIONS = {
  bench: ['look', 'patch', 'steer'],
  tab: ['attention', 'stream', 'lens', 'attribution', 'mlp', 'written', 'hooks', 'generate'],
  /** Prompt A, prompt B, A less B, or A less the same run without edits. */
  side: ['a', 'b', 'a-b', 'effect'],
  /** Of attention: docs/formats.md, "attention". */
  mode: ['pattern', 'scores', 'value_weighted', 'result_weighted'],
  order: ['layer', 'induction', 'previous', 'duplicate'],
  /** The locked pair of a head, step by step. */
  steps: ['hidden', 'shown'],
  /** Of the stream and the lens. */
  measure: ['norm', 'prob', 'logit', 'rank', 'kl', 'entropy', 'cosine', 'projection'],
  ln: ['recompute', 'cached'],
  /** What the rows of the stream's and the lens's pictures are. */
  rows: ['positions', 'depths'],
  /** Of attribution. */
  by: ['component', 'head', 'neuron', 'source'],
  /** Neurons by what they do at a position, or by what they add to the target's logit. */
  rank: ['activation', 'attribution'],
  /** Of what is written; with or without the token that begins the text. */
  size: ['norm', 'variance'],
  first: ['without', 'with'],
  /** Of detectors: docs/formats.md, "detect". */
  detect: ['text', 'random'],
  error: ['stripe', 'mul', 'abs'],
  /** Of the Patch bench: docs/formats.md, "Study". */
  study: ['sweep', 'path', 'attribute', 'circuit', 'ablate'],
  /** A's activations into the run of B, or B's into the run of A. */
  direction: ['denoise', 'noise'],
  metric: ['logit_diff', 'log_prob', 'rank', 'kl'],
  /** The shown pair, or all of the set that it is one of (state/tasks.ts). */
  set: ['one', 'all'],
  /** Cells say how far the metric went from B's to A's, or what it is. */
  cells: ['score', 'metric'],
  /** Which of a head's activations is patched. */
  of: ['z', 'q', 'k', 'v', 'pattern'],
  /** Heads by position, or one head's pattern by destination and source. */
  detail: ['position', 'source'],
  /** What the selected place is patched at. */
  site: ['resid_pre', 'attn_out', 'resid_mid', 'mlp_out', 'head'],
  /** Of path patching: every sender into the chosen node, from it into every receiver, or of each head into each later one; MLPs between both. */
  paths: ['into', 'from', 'heads'],
  mlps: ['recomputed', 'frozen'],
  /** Between heads: what the later one gets. */
  input: ['k', 'q', 'v'],
  /** Of attribution: what is estimated. */
  parts: ['heads', 'stream'],
  /** Gradients at B alone, or along the way from B to A. */
  gradient: ['one', 'integrated'],
  /** Of ablation; where there is no pair, it is judged by the loss. */
  ablated: ['z', 'attn_out', 'mlp_out', 'post'],
  judged: ['loss', 'metric'],
  family: ['induction', 'previous', 'duplicate'],
  op: ['zero', 'mean', 'position_mean', 'resample'],
  /** Of the Steer bench: one direction, or it beside other ways to the same end. */
  control: ['direction', 'ways'],
} as const;

type Choices = { readonly [K in keyof typeof OPTIONS]: (typeof OPTIONS)[K][number] };

/** The token that lens and attribution ask about: an id, each position's next one, or the run's own prediction. */
export type Target = number | 'top' | 'next';

export interface View extends Choices {
  readonly target: Target;
  /** Attribution of a difference: less this token's logit. */
  readonly wrong: number | null;
  /** What the stream is projected on; null: nothing chosen yet. */
  readonly along: Direction | null;
  /** The hook that the Hooks tab shows. */
  readonly hook: string | null;
  /** Of patching: the token that A predicts and the one that B does, where they are chosen; null: their likeliest. */
  readonly answers: readonly [correct: number, wrong: number] | null;
  /** Of path patching: "final", "1_mlp_in", "L1H3.k", "embed". */
  readonly receiver: string;
  /** Of the circuit: how many edges are kept. */
  readonly edges: number | null;
  /** Of ablation: whose neurons; null: the last layer's. */
  readonly layer: number | null;
}

export const VIEW: View = {
  ...(Object.fromEntries(Object.entries(OPTIONS).map(([name, [first]]) => [name, first])) as unknown as Choices),
  target: 'top',
  wrong: null,
  along: null,
  hook: null,
  answers: null,
  receiver: 'final',
  edges: null,
  layer: null,
};

/** What a visit begins with. VIEW is what a link of version 1 means where it says nothing, and cannot change. */
export const BEGUN: View = { ...VIEW, judged: 'metric' };

/** How text is continued: docs/formats.md, "Generation". [default, least, most]; which are whole: document.ts. */
export const SAMPLER_RANGES = {
  max_new: [40, 1, 200],
  temperature: [0.8, 0, 5],
  top_k: [0, 0, 100_000],
  top_p: [1, 0.01, 1],
  frequency_penalty: [0, 0, 10],
  repetition_penalty: [1, 0.1, 10],
  seed: [1, 0, 2 ** 32 - 1],
} as const;

export type Sampler = { readonly [K in keyof typeof SAMPLER_RANGES]: number };

export const SAMPLER = Object.fromEntries(Object.entries(SAMPLER_RANGES).map(([name, [initial]]) => [name, initial])) as unknown as Sampler;
