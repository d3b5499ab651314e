import type { Edit, MinusRun, ModelConfig, ReadName, RunRequest } from '../engine/types';
import { hooksOf, matches } from './hooks';
import type { Values } from './python';

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
  readonly along?: Readonly<Record<string, unknown>>;
  readonly token?: unknown;
  readonly by?: string;
  readonly layer?: number;
  readonly position?: number;
  readonly heads?: unknown;
  readonly pool?: number;
  readonly k?: number;
  readonly error_measure?: string;
}

/** Where ActivationCache looks for the last state of a model without layers. */
export const LAST_OF_NONE = 'blocks.-1.hook_resid_post';

/** What fills a reading's template, and the blocks that it is made of. `edited`: the hooks that an edit of either run writes. */
export function fillings(document: Document, config: ModelConfig, edited: readonly string[]) {
  const { read, along = {}, layer, by = 'component', pool, token = 'top', states, position = -1, state = 'final_post', cosine_to = 'final_post' } = document;
  const { n_layers, d_vocab_out } = config;
  const T = document.ids?.length ?? 0;
  const place = (label: unknown) => /^(\d+)_(pre|mid)$/.exec(`${label}`) ?? [];
  const vector = (label: unknown, field: string) => {
    const [, l, where] = place(label);
    return where ? `cache["resid_${where}", ${l}]` : label === 'final_post' ? 'cache["resid_post", -1]' : `cache[$${field}]`;
  };
  // Vectors of the stream's width by the names of their hooks, and by their labels.
  const known = hooksOf(config).filter((hook) => /resid|embed$|[12l]\.hook_normalized|_out$/.test(hook)).concat(n_layers ? [] : LAST_OF_NONE);
  const label = (hook: string) => hook.replace(/^blocks\.(-?\d+)\.hook_resid_/, '$1_').replace(`${n_layers - 1}_post`, 'final_post');
  const named = states?.flatMap((glob) => known.filter((hook) => matches(glob, hook) || matches(glob, label(hook))));
  const [, block, where] = place(read === 'pair' ? `${layer}_pre` : state);
  const apart = read === 'attribution' && by !== 'component';
  const divided = apart || read === 'pair' || (read === 'decompose' && by === 'head');
  const edits = edited.filter((hook) => /resid_|attn_out|mlp_out/.test(hook));
  const at = (hooks: RegExp) => edited.some((hook) => hook.startsWith(`blocks.${layer}.`) && hooks.test(hook));
  const values: Values = {
    ...config,
    ...document,
    ...Object.fromEntries(Object.entries(along).map(([name, value]) => [`a_${name}`, /neu|head/.test(name) ? `${value}` : value])),
    T,
    k: document.k ?? (read === 'neurons' ? 20 : Math.min(read === 'lens' ? 5 : 10, d_vocab_out)),
    positions: document.positions ?? (read === 'neurons' ? [position] : read === 'attribution' ? [-1] : undefined),
    vectors: document.vectors === true,
    token,
    LN: config.normalization_type === 'LN',
    deep: n_layers || undefined,
    fewer: d_vocab_out < config.d_vocab,
    scored: /mul|abs/.test(document.error_measure ?? ''),
    pooled: pool && pool < T,
    where,
    block: Number(block),
    apart,
    heads: document.heads ?? (divided || read === 'written'),
    plain: read === 'written' || (!divided && !edits.some((hook) => /resid/.test(hook))),
    edits: edits.length ? edits : undefined,
    edit_result: edited.some((hook) => /result/.test(hook)),
    edit_ln: edited.includes('ln_final.hook_normalized'),
    edit_logits: edited.includes('logits'),
    edit_head: at(/hook_z|result/),
    edit_scores: at(/scores/),
    edit_q: at(/hook_q|attn_in|ln1.*d/),
    edit_k: at(/hook_k|attn_in|ln1.*d/),
    edit_qk: at(/hook_[qk]|attn_in|ln1.*d/),
    named: [...new Set(named)],
  };
  const blocks: Readonly<Record<string, string>> = {
    states: states ? 'stack = torch.stack([cache[name] for name in $named])[:, at]'
      : 'stack = cache.accumulated_resid(~!attn_only:incl_mid=True, ^pos_slice=at)',
    state: vector(along['state'], 'a_state'),
    other: vector(cosine_to, 'cosine_to'),
    here: vector(state, 'state'),
  };
  return { values, blocks };
}
