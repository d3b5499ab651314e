import type { Edit, MinusRun, ModelConfig, ReadName, RunRequest } from '../engine/types';
import { hooksOf, matches } from './hooks';
import { literal, range, tensor, type Values } from './python';

interface Along {
  readonly token?: number;
  readonly minus?: number;
  readonly neuron?: readonly [number, number];
  readonly neuron_in?: readonly [number, number];
  readonly state?: string;
  readonly head?: readonly [number, number];
  readonly position?: number;
  readonly vector?: readonly number[];
}

/** A reading document (docs/formats.md, "Reading"), with those fields of its own that are more than filled in. */
export interface Document {
  readonly read: ReadName;
  readonly ids?: ArrayLike<number>;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
  readonly minus?: MinusRun;
  readonly vectors?: unknown;
  readonly positions?: readonly number[];
  readonly states?: readonly string[];
  readonly state?: string;
  readonly cosine_to?: string;
  readonly along?: Along;
  readonly token?: number | string;
  readonly by?: string;
  readonly layer?: number;
  readonly head?: number;
  readonly k?: number;
  readonly position?: number;
  readonly pool?: number;
  readonly error_measure?: string;
}

const MOST: Partial<Record<ReadName, number>> = { lens: 5, neurons: 20 };

/** What fills a reading's template. `edited`: the hooks that an edit of either run writes. */
export function valuesOf(document: Document, config: ModelConfig, edited: ReadonlySet<string>): { readonly values: Values; readonly blocks: Readonly<Record<string, string>> } {
  const { read, minus, along, layer, by, pool, vectors, token, positions } = document;
  const { n_layers, d_mlp, d_vocab, d_vocab_out, attn_only, normalization_type: norm } = config;
  const T = document.ids?.length ?? 0;

  // States of the stream and other vectors of its width: their labels, and the names of their hooks.
  const known = hooksOf(config).flatMap((hook) => {
    const [, block, where] = /^blocks\.(\d+)\.hook_resid_(.*)$/.exec(hook) ?? [];
    if (where && (where !== 'post' || Number(block) === n_layers - 1)) return [[where === 'post' ? 'final_post' : `${block}_${where}`, hook]];
    return where || /(embed|n(1|2|al)\.hook_normalized|_out)$/.test(hook) ? [[hook, hook]] : [];
  });
  const state = (label: string) => {
    const hook = known.find((names) => names.includes(label))?.[1];
    return hook ? `cache[${literal(hook)}]` : '(&start)';
  };
  const named = (document.states ?? ['final_post']).flatMap((glob) => known.filter((names) => names.some((name) => matches(glob, name!))));
  const states = document.states || !n_layers
    ? `stack = torch.stack([${n_layers ? [...new Set(named)].map(([, hook]) => state(hook!)).join(', ') : state('')}])[:, at]`
    : `stack = cache.accumulated_resid(${attn_only ? '' : 'incl_mid=True, '}pos_slice=at)`;

  const direction = () => {
    const { token, minus, neuron, neuron_in, head, position, vector } = along ?? {};
    if (token !== undefined) return `model.W_U[:, ${token}]${minus === undefined ? '' : ` - model.W_U[:, ${minus}]`}`;
    if (neuron) return `model.W_out[${neuron}]`;
    if (neuron_in) return `model.W_in[${neuron_in[0]}, :, ${neuron_in[1]}]`;
    if (head) return `cache["z", ${head[0]}][${position}, ${head[1]}] @ model.W_O[${head}]`;
    return vector ? tensor(vector) : `${state(along?.state ?? '')}[${position}]`;
  };

  // The parts of a state, and which of them edits put in.
  const label = read === 'pair' ? `${layer}_pre` : (document.state ?? 'final_post');
  const [, block, where] = /^(\d+)_(pre|mid)$/.exec(label) ?? [];
  const last = where ? Number(block) : n_layers;
  const layers = (hook: string) => {
    const those = range(0, where && !/post|mlp/.test(hook) ? last + 1 : last).filter((l) => edited.has(`blocks.${l}.hook_${hook}`));
    return those.length && read !== 'written' ? those : undefined;
  };
  const edits = Object.fromEntries(['resid_pre', 'attn_out', 'resid_mid', 'mlp_out', 'resid_post'].map((hook) => [`edit_${hook}`, layers(hook)]));
  const whole = !where || (where === 'pre' && !edits['edit_resid_pre']?.includes(last)); // of the blocks
  const each = read === 'pair' || (read === 'decompose' && by === 'head');
  const apart = read === 'attribution' && by !== undefined && by !== 'component';
  const here = (...hooks: readonly string[]) => hooks.some((hook) => edited.has(`blocks.${layer}.${hook}`));
  const headInput = ['hook_attn_in', 'ln1.hook_normalized'];

  return {
    blocks: {
      states,
      along: along ? `?along = ${direction()}\n?along = along / along.norm()` : '',
      other: state(document.cosine_to ?? 'final_post'),
      here: state(label),
      final: state('final_post'),
      read: norm === null ? `${state('final_post')}[at]` : 'cache["ln_final.hook_normalized"][at]',
    },
    values: {
      ...config,
      ...document,
      T,
      k: document.k ?? Math.min(MOST[read] ?? 10, read === 'neurons' ? (layer === undefined ? n_layers : 1) * d_mlp : d_vocab_out, read === 'directions' ? d_vocab : Infinity),
      positions: positions ?? (read === 'neurons' ? [document.position ?? -1] : read === 'attribution' ? [-1] : undefined),
      token: typeof token === 'number' ? token : undefined,
      next: token === 'next',
      norm: norm !== null,
      LN: norm === 'LN',
      standard: config.positional_embedding_type === 'standard',
      fewer: d_vocab_out < d_vocab,
      neurons: read === 'neurons',
      keep: vectors === true,
      either: vectors === true || minus,
      stripe: (document.error_measure ?? 'stripe') === 'stripe',
      pooled: pool !== undefined && pool < T,
      ...edits,
      plain: !each && !apart && !edits['edit_resid_pre'] && !edits['edit_resid_mid'] && !edits['edit_resid_post'],
      each,
      apart,
      whole: !each && !apart,
      where,
      at_layer: last,
      blocks: whole ? last : last + 1,
      stop: whole ? undefined : where,
      edit_result: [...edited].some((hook) => hook.endsWith('result')),
      edit_ln: edited.has('ln_final.hook_normalized'),
      edit_logits: edited.has('logits'),
      edit_head: here('attn.hook_z', 'attn.hook_result'),
      edit_k: here('attn.hook_k', 'hook_k_input', ...headInput),
      edit_q: here('attn.hook_q', 'hook_q_input', ...headInput),
      edit_scores: here('attn.hook_attn_scores'),
    },
  };
}
