import type { Edit, MinusRun, ModelConfig, ReadName, RunRequest } from '../engine/types';
import { hooksOf, matches } from './hooks';
import { Code, type Values } from './python';

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
  readonly pool?: number;
  readonly k?: number;
  readonly error_measure?: string;
}

const BLOCK_STATE = /^(\d+)_(pre|mid)$/;

/** What fills a reading's template, and the blocks that it is made of. `edited`: the hooks that an edit of either run writes. */
export function fillings(document: Document, config: ModelConfig, edited: readonly string[]) {
  const { read, along, layer, by, pool, token, states, positions, position = -1, state: label = 'final_post', cosine_to = 'final_post' } = document;
  const { n_layers, d_vocab_out, normalization_type: norm } = config;
  const T = document.ids?.length ?? 0;
  const state = (label: unknown, field: string) => {
    const [, l, where] = BLOCK_STATE.exec(`${label}`) ?? [];
    return where ? `cache["resid_${where}", ${l}]` : label === 'final_post' ? '&final' : `cache[$${field}]`;
  };
  // Vectors of the stream's width by their labels, or else the names of their hooks.
  const known = hooksOf(config).filter((hook) => /resid|embed$|[12l]\.hook_normalized|_out$/.test(hook)).map((hook) => [hook,
    hook === `blocks.${n_layers - 1}.hook_resid_post` ? 'final_post' : hook.replace(/^blocks\.(\d+)\.hook_resid_(pre|mid)$/, '$1_$2')]);
  const named = new Set(states?.flatMap((glob) => known.filter((names) => names.some((name) => matches(glob, name!))).map(([hook]) => hook)));

  const [, block, where] = BLOCK_STATE.exec(read === 'pair' ? `${layer}_pre` : label) ?? [];
  const apart = read === 'attribution' && by !== undefined && by !== 'component';
  const divided = apart || read === 'pair' || (read === 'decompose' && by === 'head');
  const edits = edited.filter((hook) => /resid_|attn_out|mlp_out/.test(hook));
  const at = (...hooks: readonly string[]) => hooks.some((hook) => edited.includes(`blocks.${layer}.${hook}`));
  const input = (letter: string) => at(`attn.hook_${letter}`, `hook_${letter}_input`, 'hook_attn_in', 'ln1.hook_normalized');
  const [edit_q, edit_k] = [input('q'), input('k')];
  const values: Values = {
    ...config,
    ...document,
    ...Object.fromEntries(Object.entries(along ?? {}).map(([name, value]) => [`a_${name}`, /neu|head/.test(name) ? new Code(`${value}`) : value])),
    T,
    k: document.k ?? (read === 'neurons' ? 20 : Math.min(read === 'lens' ? 5 : 10, d_vocab_out)),
    positions: positions ?? (read === 'neurons' ? [position] : read === 'attribution' ? [-1] : undefined),
    vectors: document.vectors === true,
    top: token === undefined || token === 'top',
    next: token === 'next',
    norm: norm !== null,
    LN: norm === 'LN',
    standard: config.positional_embedding_type === 'standard',
    deep: n_layers > 0,
    fewer: d_vocab_out < config.d_vocab,
    scored: /mul|abs/.test(document.error_measure ?? ''),
    pooled: pool !== undefined && pool < T,
    where,
    block: Number(block),
    apart,
    heads: document['heads' as never] ?? (divided || read === 'written'),
    plain: read === 'written' || (!divided && !edits.some((hook) => /resid/.test(hook))),
    edits: edits.length ? edits : undefined,
    edit_result: edited.some((hook) => /result/.test(hook)),
    edit_ln: edited.includes('ln_final.hook_normalized'),
    edit_logits: edited.includes('logits'),
    edit_head: at('attn.hook_z', 'attn.hook_result'),
    edit_scores: at('attn.hook_attn_scores'),
    edit_q,
    edit_k,
    edit_qk: edit_q || edit_k,
    named: [...named],
  };
  return {
    values,
    blocks: {
      states: states ? 'stack = torch.stack([cache[name] for name in $named])[:, at]'
        : `stack = <<deep:cache.accumulated_resid(<<!attn_only:incl_mid=True, >>pos_slice=at)||&final[None][:, at]>>`,
      state: state(along?.['state'], 'a_state'),
      other: state(cosine_to, 'cosine_to'),
      here: state(label, 'state'),
    } as Readonly<Record<string, string>>,
  };
}
