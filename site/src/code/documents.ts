import type { Edit, MinusRun, ModelConfig, ReadName, RunRequest } from '../engine/types';
import { hooksOf, matches } from './hooks';
import { literal, type Values } from './python';
import { STUDIES } from './studies';

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
  /** Of a study. */
  readonly clean?: readonly number[];
  readonly corrupted?: readonly number[];
  readonly pairs?: readonly Pair[];
  readonly prompts?: readonly (readonly number[])[];
  readonly over?: unknown;
  readonly what?: string | readonly string[];
  readonly by?: string;
  readonly layers?: readonly number[];
  readonly heads?: unknown;
  readonly direction?: string;
  readonly metric?: Readonly<Record<string, unknown>>;
  readonly senders?: string | readonly (string | readonly string[])[];
  readonly source?: unknown;
  readonly receiver?: string;
  readonly receivers?: string | readonly (string | readonly string[])[];
  readonly steer?: Edit;
  readonly seeds?: readonly number[];
  readonly random?: number;
  readonly max_new?: number;
  readonly effect?: Readonly<Record<string, unknown>>;
  readonly ways?: readonly Way[];
}

export interface Way extends Pick<RunRequest, 'edits' | 'runs'> {
  readonly name: string;
  readonly ids: readonly number[];
  readonly frozen?: boolean;
}

interface Pair {
  readonly clean?: readonly number[];
  readonly corrupted?: readonly number[];
  readonly correct?: number;
  readonly wrong?: number;
}

/** By the axes of a sweep: which of TransformerLens' functions gives it, and a cell's index after the batch. */
const SWEEPS: Readonly<Record<string, readonly [suffix: string, loops: string, cell: string]>> = {
  'layer,position': ['', 'for p in positions', 'p'],
  'layer,head': ['_all_pos', 'for h in heads', ':, h'],
  'layer,position,head': ['_by_pos', 'for p in positions for h in heads', 'p, h'],
  'layer,head,dest': ['_by_pos', 'for h in heads for d in positions', 'h, d'],
  'layer,neuron': ['', 'for n in range(d_mlp)', ':, n'],
  'layer,head,dest,src': ['_dest_src_pos', 'for h in heads for d in positions for s in range(T)', 'h, d, s'],
};

/** What a study's template is filled with. */
function studyOf({ what, by = '', metric = {}, layers, heads, positions, senders, receivers, steer, ...rest }: Document, { n_layers, n_heads, n_ctx }: ModelConfig): Values {
  const names = [what ?? []].flat();
  const [suffix, loops, cell = ''] = SWEEPS[by] ?? [];
  const pattern = names[0] === 'pattern';
  const neurons = by === 'layer,neuron';
  const direct = rest.read === 'sweep' && by === 'layer,head' && !layers && !heads && !rest.source ? 'direct_path' : '';
  const known = neurons ? (rest.read === 'ablate' ? 'post' : '') : what === direct ? direct : suffix ? 'z q k v pattern' : suffix === '' ? 'resid_pre resid_mid attn_out mlp_out' : '';
  const asked = `${names} by ${by}`;
  if (steer?.heads || steer?.dims) throw new Error('there is no code for a part of a hook that is steered: copy it as a document for hs instead');
  if (names.some((name) => !known.split(' ').includes(name)) || /pattern(,|.*pos)|,pattern|^(?!pattern).*dest/.test(asked))
    throw new Error(`there is no code for ${asked}: copy it as a document for hs instead`);
  const pairs: readonly Pair[] = rest.pairs ?? [rest];
  const T = (rest.prompts?.[0] ?? pairs[0]?.clean)?.length;
  const axes = by.split(',');
  const chosen = { layer: layers, head: heads, position: positions, dest: positions } as Readonly<Record<string, unknown>>;
  const these = (some: unknown, n: unknown) => (some ? literal(some) : `range(${n})`);
  const lists = (of: typeof senders) => [of ?? []].flat().map((name) => [name].flat());
  const answer = (name: 'correct' | 'wrong') => rest.pairs?.map((pair) => pair[name] ?? metric[name]) ?? metric[name];
  return {
    m_correct: answer('correct'), m_wrong: answer('wrong'), m_position: metric['position'] ?? -1, m_from: metric['from'] ?? 0,
    each: rest.pairs ? `range(${pairs.length})` : ':',
    clean: pairs.map((pair) => pair.clean), corrupted: pairs.map((pair) => pair.corrupted),
    over: rest.over ?? rest.prompts,
    hooks: names.map((name) => `${neurons ? 'mlp.' : suffix && 'attn.'}hook_${name}`), T, loops,
    receiver: rest.receiver ?? 'q', W: (rest.receiver ?? 'q').toUpperCase(),
    functions: names.map((name) => `patching.get_act_patch_${suffix && 'attn_head_'}${name === 'z' ? 'out' : name}${suffix}`).join(', '),
    layers: these(layers, n_layers), heads: these(heads, n_heads), places: these(positions, T),
    cell: pattern ? cell.replace(/^:, h/, 'h') : cell,
    shape: axes.map((axis) => ({ layer: 'len(layers)', head: 'len(heads)', src: 'T', neuron: 'd_mlp' })[axis] ?? 'len(positions)').join(', '),
    // What a sweep of all gives, where some are asked for.
    subset: axes.map((axis, i) => (chosen[axis] ? `[${':, '.repeat(i)}${literal(chosen[axis])}]` : '')).join(''),
    ...steer, ...rest.effect, seeds: rest.seeds ?? [1], random: rest.random ?? 1, max_new: Math.min(rest.max_new ?? 40, n_ctx), xor: '^',
    where: steer?.positions ? literal(steer.positions) : steer?.from === undefined ? ':' : `${steer.from < 0 ? `n - ${-steer.from}` : steer.from}:`,
    senders: lists(senders), receivers: lists(receivers),
    final: n_layers ? `blocks.${n_layers - 1}.hook_resid_post` : 'hook_embed',
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
      ...(STUDIES[read] && { ...studyOf(document, config), positions: undefined }),
    },
  };
}
