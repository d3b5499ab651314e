import type { ModelConfig } from '../engine/types';

/** What the templates of readings are filled from: the model, the length of the prompt, where edits act. */
export interface Context {
  readonly config: ModelConfig;
  readonly tokens: number;
  /** The hooks that an edit of either run writes. */
  readonly edited: ReadonlySet<string>;
}

/** The stream as the first block reads it. */
export const start = ({ config }: Context): string =>
  config.positional_embedding_type === 'standard' ? 'cache["embed"] + cache["pos_embed"]' : 'cache["embed"]';

/** A state of the stream by its label, or a hook by its name, as Python. */
export function state(context: Context, label: string): string {
  const [, layer, where] = /^(\d+)_(pre|mid)$/.exec(label) ?? [];
  if (where) return `cache["resid_${where}", ${layer}]`;
  if (label !== 'final_post') return `cache[${JSON.stringify(label)}]`;
  return context.config.n_layers ? 'cache["resid_post", -1]' : `(${start(context)})`;
}

/** What an edit put in, by what it wrote: the value there less what flowed in. */
function editsOf({ config }: Context): Readonly<Record<string, string>> {
  const [last, written] = config.attn_only ? ['resid_pre', 'attn_out'] : ['resid_mid', 'mlp_out'];
  return {
    resid_pre: 'cache["resid_pre", l] - before',
    attn_out: 'cache["attn_out", l] - cache["result", l].sum(1) - model.b_O[l]',
    resid_mid: 'cache["resid_mid", l] - cache["resid_pre", l] - cache["attn_out", l]',
    mlp_out: 'cache["mlp_out", l] - cache["post", l] @ model.W_out[l] - model.b_out[l]',
    resid_post: `cache["resid_post", l] - cache["${last}", l] - cache["${written}", l]`,
  };
}

/** Lines that leave `stack` [part, position, d_model]: the parts that a state is the sum of. `heads` and `neurons` say what
 *  attn_out and mlp_out are divided into: parts of their own, or "apart", which the reading has elsewhere. */
export function parts(context: Context, label: string, heads: 'whole' | 'each' | 'apart', neurons: 'whole' | 'apart' = 'whole'): string {
  const { config, edited } = context;
  const [, layer, where] = /^(\d+)_(pre|mid)$/.exec(label) ?? [];
  const last = where ? Number(layer) : config.n_layers;
  const editsAt = (hook: string) =>
    Array.from({ length: where ? last + 1 : last }, (_, l) => l).filter((l) => edited.has(`blocks.${l}.hook_${hook}`) && (l < last || !/post|mlp/.test(hook)));
  const streamEdited = ['resid_pre', 'resid_mid', 'resid_post'].some((hook) => editsAt(hook).length);
  const standard = config.positional_embedding_type === 'standard';
  if (heads === 'whole' && !streamEdited)
    return `${standard ? '' : 'cache.has_pos_embed = False  # they are not in the stream\n'}stack = cache.decompose_resid(${where ? `layer=${last}, ` : ''}${where === 'mid' ? 'mlp_input=True, ' : ''}pos_slice=at)`;
  const edit = (hook: string) => {
    const layers = editsAt(hook);
    if (!layers.length) return '';
    return `\n    if l in [${layers}]:  # what the edit put in\n        parts[f"edit {l}_${hook}"] = ${editsOf(context)[hook]}`;
  };
  const stop = (here: string) => (where === here ? `\n    if l == ${last}:\n        break` : '');
  const whole = !where || (where === 'pre' && !editsAt('resid_pre').includes(last)); // of blocks
  const attention = {
    whole: '\n    parts[f"{l}_attn_out"] = cache["attn_out", l]',
    each: '\n    parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}',
    apart: '',
  }[heads];
  const bias = heads === 'whole' ? '' : `\n    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])${edit('attn_out')}`;
  const mlp = neurons === 'whole' ? '\n    parts[f"{l}_mlp_out"] = cache["mlp_out", l]' : `\n    parts[f"{l}_mlp_bias"] = model.b_out[l].expand_as(cache["embed"])${edit('mlp_out')}`;
  const before = editsAt('resid_pre').length ? `\n    before = cache["resid_post", l - 1] if l else ${start(context)}${edit('resid_pre')}` : '';
  const rest = config.attn_only ? '' : edit('resid_mid') + stop('mid') + mlp;
  return `parts = {"embed": cache["embed"]${standard ? ', "pos_embed": cache["pos_embed"]' : ''}}
for l in range(${whole ? last : last + 1}):${before}${whole ? '' : stop('pre')}${attention}${bias}${rest}${edit('resid_post')}
stack = torch.stack(list(parts.values()))[:, at]`;
}
