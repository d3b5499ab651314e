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
  readonly layer?: number;
  readonly position?: number;
  readonly pool?: number;
  readonly k?: number;
  /** Of a vector: how it is made, and where it is looked at. */
  readonly recipe?: Readonly<Record<string, unknown>>;
  readonly at?: Readonly<Record<string, unknown>>;
  /** Of a sweep. */
  readonly what?: unknown;
  readonly by?: string;
  readonly layers?: readonly number[];
  readonly heads?: unknown;
  readonly direction?: string;
  readonly metric?: Readonly<Record<string, unknown>>;
}

/** Which of TransformerLens' functions gives a sweep, by its axes; and a cell's index after the batch. */
const SWEEPS: Readonly<Record<string, readonly [suffix: string, loops: string, cell: string]>> = {
  'layer,position': ['', 'for p in range(T)', 'p'],
  'layer,head': ['_all_pos', 'for h in heads', ':, h'],
  'layer,position,head': ['_by_pos', 'for p in range(T) for h in heads', 'p, h'],
  'layer,head,dest': ['_by_pos', 'for h in heads for d in range(T)', 'h, d'],
  'layer,head,dest,src': ['_dest_src_pos', 'for h in heads for d in range(T) for s in range(T)', 'h, d, s'],
};

/** What a sweep's template is filled with. */
function sweepOf({ what, by = '', layers, heads, metric = {}, direction, read, ...rest }: Document, { n_layers, n_heads }: ModelConfig): Values {
  if (read !== 'sweep') return {};
  const [suffix = '', loops = '', cell = ''] = SWEEPS[by] ?? [];
  const { clean, corrupted } = rest as { readonly clean?: unknown; readonly corrupted?: unknown };
  const names = [what].flat().map(String);
  const hooks = names.map((name) => (suffix ? `attn.hook_${name}` : `hook_${name}`));
  const functions = names.map((name) => `patching.get_act_patch_${suffix ? 'attn_head_' : ''}${name === 'z' ? 'out' : name}${suffix}`);
  const pattern = names[0] === 'pattern';
  return {
    ...Object.fromEntries(Object.entries(metric).map(([name, value]) => [`m_${name}`, value])),
    base: direction === 'noise' ? clean : corrupted,
    source: direction === 'noise' ? corrupted : clean,
    from: direction === 'noise' ? 'clean' : 'corrupted',
    hooks, loops,
    functions: functions.join(', '),
    layers: layers ?? Array.from({ length: n_layers }, (_, l) => l),
    heads: heads ?? Array.from({ length: n_heads }, (_, h) => h),
    cell: pattern ? cell.replace(/^:, h/, 'h') : cell,
    shape: by.split(',').map((axis) => ({ layer: 'len(layers)', head: 'len(heads)' })[axis] ?? 'T').join(', '),
  };
}

/** What fills a reading's template, and the facts that choose among its lines. `edited`: the hooks that an edit of either run writes. */
export function fillings(
  document: Document,
  config: ModelConfig,
  edited: readonly string[],
): { readonly values: Values; readonly facts: string } {
  const { read, along = {}, recipe = {}, at = {}, layer, pool = 0, states, position = -1, state = 'final_post', cosine_to = 'final_post', positions, k } = document;
  const { n_layers, d_vocab_out } = config;
  const T = document.ids?.length ?? 0;
  // Vectors of the stream's width, by the names of their hooks or by their labels.
  const known = hooksOf(config)
    .filter((hook) => /resid|embed$|[12l]\.hook_normalized|_out$/.test(hook))
    .concat(n_layers ? [] : 'blocks.-1.hook_resid_post');
  const label = (hook: string) => hook.replace(/^blocks\.(.*)\.hook_resid_/, '$1_').replace(`${n_layers - 1}_post`, 'final_post');
  const named = (glob: unknown) => known.filter((hook) => matches(`${glob}`, hook) || matches(`${glob}`, label(hook)));
  const [, block, where] = /^(\d+)_(pre|mid)/.exec(read === 'pair' ? `${layer}_pre` : state) ?? [];
  const chosen = Object.entries({ ...along, state: named(along['state'])[0] });
  const made = Object.entries({ ...recipe, ...(recipe['contrast'] as object | undefined) });
  const facts = { ...config, ...document, pool: pool < T && pool, minus: Boolean(document.minus), edits: '', runs: '', ids: '' };
  return {
    facts: `${JSON.stringify(facts)} at_${where}${Object.keys(along).map((name) => ` a:${name} `)}${d_vocab_out < config.d_vocab && 'fewer'}${
      edited.map((hook) => `\n e:${hook.replace(`blocks.${layer}.`, 'here.')}`)}`,
    values: {
      ...config,
      ...document,
      ...sweepOf(document, config),
      ...Object.fromEntries(chosen.map(([name, value]) => [`a_${name}`, /neu|head/.test(name) ? `${value}` : value])),
      ...Object.fromEntries(made.map(([name, value]) => [`r_${name}`, /neuron|ov/.test(name) ? `${value}` : value])),
      ...Object.fromEntries(Object.entries(at).map(([name, value]) => [`at_${name}`, value])),
      T,
      k: k ?? (read === 'neurons' ? 20 : Math.min(read === 'lens' ? 5 : 10, d_vocab_out)),
      positions: positions ?? (read === 'neurons' ? [position] : read === 'attribution' ? [-1] : undefined),
      block: Number(block),
      blocks: block ? Number(block) + 1 : n_layers,
      edited,
      here: named(state)[0],
      other: named(cosine_to)[0],
      named: [...new Set(states?.flatMap(named))],
    },
  };
}
