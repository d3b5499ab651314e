import type { Edit, MinusRun, ReadName, RunRequest } from '../engine/types';
import { hooksOf, matches } from './hooks';
import { parts, state, type Context } from './parts';
import { literal, tensor } from './python';

/** What becomes Python of one reading. Lines that begin with "?" choose something, in the first run only; those of `out`
 *  that begin with "!" are what was chosen. `[:, at]`, `[at]` and `pos_slice=at` are taken out where no positions are named. */
export interface Template {
  /** Lines that are true of each run: `ids` [1, T], `logits` [T, vocab] and `cache`. */
  readonly run?: string;
  /** `name=expression`, a line each. */
  readonly out: string;
  /** With a run taken away, after the differences: `runs`, `out`. */
  readonly after?: string;
}

/** A reading document with the fields of every reading (docs/formats.md, "Reading"); the core has checked them. */
export interface Document {
  readonly read: ReadName;
  readonly ids?: ArrayLike<number>;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
  readonly minus?: MinusRun;
  readonly positions?: readonly number[];
  readonly states?: readonly string[];
  readonly ln?: string;
  readonly token?: number | string;
  readonly wrong?: number;
  readonly k?: number;
  readonly logits?: boolean;
  readonly vectors?: unknown;
  readonly along?: Along;
  readonly cosine_to?: string;
  readonly by?: string;
  readonly state?: string;
  readonly layer?: number;
  readonly head?: number;
  readonly heads?: readonly (readonly number[])[];
  readonly mode?: string;
  readonly pool?: number;
  readonly dest?: number;
  readonly src?: number;
  readonly position?: number;
  readonly neuron?: number;
  readonly on?: string;
  readonly length?: number;
  readonly batch?: number;
  readonly seed?: number;
  readonly bos?: number;
  readonly error_measure?: string;
  readonly exclude_bos?: boolean;
  readonly exclude_current_token?: boolean;
}
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

/** The states that a reading is of: those of accumulated_resid, or those that its globs name. */
function states(context: Context, { states: globs }: Document): string {
  const { n_layers, attn_only } = context.config;
  if (!globs && n_layers) return `stack = cache.accumulated_resid(${attn_only ? '' : 'incl_mid=True, '}pos_slice=at)`;
  const known = hooksOf(context.config).flatMap((hook) => {
    const [, layer, where] = /^blocks\.(\d+)\.hook_resid_(pre|mid|post)$/.exec(hook) ?? [];
    if (where === 'post' && Number(layer) === n_layers - 1) return [{ label: 'final_post', hook }];
    if (where && where !== 'post') return [{ label: `${layer}_${where}`, hook }];
    return where || /(embed|(?<!mlp\.ln\.hook_)normalized|_out)$/.test(hook) ? [{ label: hook, hook }] : [];
  });
  if (!n_layers) known.push({ label: 'final_post', hook: '' });
  const named = (globs ?? ['final_post']).flatMap((glob) => known.filter(({ label, hook }) => matches(glob, label) || matches(glob, hook)));
  return `stack = torch.stack([${[...new Set(named)].map(({ label }) => state(context, label)).join(', ')}])[:, at]`;
}

/** A direction of the stream, of length 1, chosen in the first run. */
function direction(context: Context, along: Along): string {
  const { token, minus, neuron, neuron_in, head, position, vector } = along;
  const unit = '\n?along = along / along.norm()';
  if (token !== undefined) return `?along = ${unembedding(token, minus)}${unit}`;
  if (neuron) return `?along = model.W_out[${neuron}]${unit}`;
  if (neuron_in) return `?along = model.W_in[${neuron_in[0]}, :, ${neuron_in[1]}]${unit}`;
  if (head) return `?along = cache["z", ${head[0]}][${position}, ${head[1]}] @ model.W_O[${head}]${unit}`;
  if (vector) return `?along = ${tensor(vector)}${unit}`;
  return `?along = ${state(context, along.state ?? '')}[${position}]${unit}`;
}

/** A column of W_U, or the difference of two, or the same of another array of logits. */
const unembedding = (token: unknown, wrong: unknown, of = 'model.W_U[:, ') =>
  wrong === undefined ? `${of}${token}]` : `${of}${token}] - ${of}${wrong}]`;

const gain = ({ config }: Context, norm: string) => (config.normalization_type === 'LN' ? `${norm}.w * ` : '');

/** attr(stack): what each vector of [part, position, d_model] adds to the logit. */
const attr = (context: Context, token: unknown, wrong: unknown, at = 'at') => `
direction = ${unembedding(token, wrong)}
def attr(stack):  # through ln_final, its scale as in the run (cached), and W_U
    return cache.apply_ln_to_stack(stack, pos_slice=${at}, has_batch_dim=False) @ ${context.config.normalization_type === 'LN' ? '(model.ln_final.w * direction)' : 'direction'}`;

/** hook_result is in the cache where an edit made the run compute it. */
const results = ({ edited }: Context) => ([...edited].some((hook) => hook.endsWith('result')) ? '' : 'cache.compute_head_results()');

/** The next token at each position, -1 where there is none. */
const NEXT = ({ config }: Context) => `?token = torch.cat([ids[0, 1:], torch.tensor([-1])])[at]  # -1: none
${config.d_vocab_out < config.d_vocab ? `?token[token >= ${config.d_vocab_out}] = -1` : ''}`;
const WHERE = '.where(token >= 0, torch.nan)';

const few = (context: Context, k: number | undefined, absent: number) => k ?? Math.min(absent, context.config.d_vocab_out);

export const READINGS: Readonly<Record<ReadName, (document: Document, context: Context) => Template>> = {
  lens(document, context) {
    const { token = 'top', ln, k, logits } = document;
    const where = token === 'next' ? WHERE : '';
    const { normalization_type: norm } = context.config;
    const row = norm === null ? 'stack' : ln !== 'cached' ? 'model.ln_final(stack)'
      : `cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False)${norm === 'LN' ? ' * model.ln_final.w + model.ln_final.b' : ''}`;
    return {
      run: `
${states(context, document)}
lens = model.unembed(${row})  # [state, position, vocab]
log_p = lens.log_softmax(-1)
final = logits[at].log_softmax(-1)
?top = lens.topk(${few(context, k, 5)}).indices
${token === 'next' ? NEXT(context) : token === 'top' ? '?token = logits[at].argmax(-1)' : `?token = torch.full((len(final),), ${token})`}
n = range(len(token))
mine = lens[:, n, token]`,
      out: `
!top_ids=top
top_logits=lens.gather(-1, top)
top_probs=log_p.gather(-1, top).exp()
!token_ids=token${where}
logit=mine${where}
prob=log_p[:, n, token].exp()${where}
rank=(lens > mine[..., None]).sum(-1)${where}
kl=(final.exp() * (final - log_p)).sum(-1)
entropy=-(log_p.exp() * log_p).sum(-1)
${logits ? 'logits=lens' : ''}`,
    };
  },

  states(document, context) {
    const { along, cosine_to = 'final_post', vectors, minus } = document;
    return {
      run: `
${states(context, document)}
other = ${state(context, cosine_to)}[at]
${along ? direction(context, along) : ''}`,
      out: `
norm=stack.norm(dim=-1)
mean=stack.mean(-1)
cosine=torch.cosine_similarity(stack, other, dim=-1, eps=0)
${along ? 'projection=stack @ along' : ''}
${vectors === true || minus ? 'vectors=stack' : ''}`,
      after: `out["distance"] = out${vectors === true ? '["vectors"]' : '.pop("vectors")'}.norm(dim=-1)`,
    };
  },

  attribution(document, context) {
    const { token, wrong, by = 'component', layer, head } = document;
    const { edited, config } = context;
    const heads = by !== 'component', bias = config.normalization_type === 'LN';
    const final = state(context, 'final_post');
    const read = config.normalization_type === null ? `${final}[at]` : 'cache["ln_final.hook_normalized"][at]';
    const editedHead = ['z', 'result'].some((hook) => edited.has(`blocks.${layer}.attn.hook_${hook}`));
    const whole = `values.sum(-1)${heads ? ' + heads.sum((-2, -1))' : ''}${by === 'neuron' ? ' + neurons.sum((-2, -1))' : ''}`;
    const tail = [
      bias ? 'model.ln_final.b @ direction' : '',
      edited.has('ln_final.hook_normalized') ? `${read} @ direction - attr(${final}[None, at])[0]${bias ? ' - model.ln_final.b @ direction' : ''}` : '',
      unembedding(token, wrong, 'model.b_U['),
      edited.has('logits') ? `logit - ${read} @ direction - (${unembedding(token, wrong, 'model.b_U[')})` : '',
    ].filter(Boolean);
    return {
      run: `${attr(context, token, wrong)}
logit = ${unembedding(token, wrong, 'logits[at, ')}
${heads ? results(context) : ''}
${parts(context, 'final_post', heads ? 'apart' : 'whole', by === 'neuron' ? 'apart' : 'whole')}
tail = [${tail.join(', ')}]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
${heads ? `heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, (${config.n_layers}, ${config.n_heads}))` : ''}
${by === 'neuron' ? `neurons = attr(cache.stack_neuron_results(-1, pos_slice=at)).T.unflatten(-1, (${config.n_layers}, ${config.d_mlp}))` : ''}
${by === 'source' ? `carried = cache["v", ${layer}][:, ${head}] @ model.W_O[${layer}, ${head}]
source = attr(cache["pattern", ${layer}][${head}, at].T[..., None] * carried[:, None]).T` : ''}`,
      out: `
values=values
${heads ? 'heads=heads' : ''}
${by === 'neuron' ? 'neurons=neurons' : ''}
${by === 'source' ? `source=source${editedHead ? `\nsource_edit=heads[:, ${layer}, ${head}] - source.sum(-1)` : ''}` : ''}
logit=logit
sum=${whole}
error=logit - (${whole})`,
    };
  },

  decompose(document, context) {
    const { state: label = 'final_post', by, ln = 'none', along, vectors } = document;
    const [, layer, where] = /^(\d+)_(pre|mid)$/.exec(label) ?? [];
    const place = layer === undefined ? '' : `, layer=${layer}${where === 'mid' ? ', mlp_input=True' : ''}`;
    const scaled = (x: string) => `cache.apply_ln_to_stack(${x}${place}, pos_slice=at, has_batch_dim=False)`;
    const norm = context.config.normalization_type === null || ln === 'none' ? ''
      : ln === 'cached' ? `stack, whole = ${scaled('stack')}, ${scaled('whole')}  # its LayerNorm, the scale as in the run`
      : `scale = (whole.var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
stack, whole = ((x - x.mean(-1, keepdim=True)) / scale for x in (stack, whole))`;
    return {
      run: `
${by === 'head' ? results(context) : ''}
${parts(context, label, by === 'head' ? 'each' : 'whole')}
whole = ${state(context, label)}[at]
${norm}
${along ? direction(context, along) : '?along = whole / whole.norm(dim=-1, keepdim=True)  # its own, at each position'}
shares, length = (stack * along).sum(-1), (whole * along).sum(-1)`,
      out: `
norm=stack.norm(dim=-1)
along=shares
state_norm=whole.norm(dim=-1)
state_along=length
sum=shares.sum(0)
error=length - shares.sum(0)
${vectors === true ? 'vectors=stack' : ''}`,
    };
  },

  attention(document, { config, tokens }) {
    const { heads, mode = 'pattern', pool } = document;
    const weight: Readonly<Record<string, string>> = {
      value_weighted: ' * cache["v", l][:, h].norm(dim=-1)',
      result_weighted: ' * (cache["v", l][:, h] @ model.W_O[l, h]).norm(dim=-1)',
    };
    const pooled = pool && pool < tokens ? `
block = torch.arange(${tokens}) * ${pool} // ${tokens}
pooled = torch.full((len(heads), ${pool}, ${pool}), torch.nan)
for i in range(${pool}):  # of each block the unmasked entry of the largest size
    for j in range(i + 1):
        cells = attention.tril()[:, block == i][:, :, block == j].flatten(1)
        pooled[:, i, j] = cells.gather(1, cells.abs().argmax(1, keepdim=True))[:, 0]` : '';
    const masked = mode === 'scores' ? '.masked_fill(torch.ones_like(attention).triu(1) > 0, -torch.inf)' : '';
    return {
      run: `
heads = ${heads ? literal(heads) : `[(l, h) for l in range(${config.n_layers}) for h in range(${config.n_heads})]`}
attention = torch.stack([cache["${mode === 'scores' ? 'attn_scores' : 'pattern'}", l][h]${weight[mode] ?? ''} for l, h in heads])
${document.minus ? '' : pooled}`,
      out: `attention=${pooled && !document.minus ? 'pooled' : 'attention'}`,
      after: `${masked || pooled ? `attention = out["attention"]${masked}` : ''}${pooled}${masked || pooled ? `\nout["attention"] = ${pooled ? 'pooled' : 'attention'}` : ''}`,
    };
  },

  pair(document, context) {
    const { layer: l, head: h, dest = 0, src, k } = document;
    const { config, edited, tokens } = context;
    const ln = config.normalization_type === 'LN';
    const block = `model.blocks[${l}]`;
    const bottom = few(context, k, 10);
    const who = (which: 'key' | 'query') => {
      const letter = which === 'key' ? 'k' : 'q';
      const changed = [`attn.hook_${letter}`, `hook_${letter}_input`, 'hook_attn_in', 'ln1.hook_normalized'].some((hook) => edited.has(`blocks.${l}.${hook}`));
      const W = letter.toUpperCase(), other = which === 'key' ? 'q' : 'k', t = which === 'key' ? src : dest;
      return `${which}_parts = who(${t}, model.W_${W}[${l}, ${h}], model.b_${W}[${l}, ${h}], ${other})
${changed ? `${which}_parts = torch.cat([${which}_parts, (product.sum() - ${which}_parts.sum())[None]])` : ''}
${edited.has(`blocks.${l}.attn.hook_attn_scores`) ? `${which}_parts = torch.cat([${which}_parts, (score - product.sum())[None]])` : ''}`;
    };
    return {
      run: `
q, k, v = cache["q", ${l}][${dest}, ${h}], cache["k", ${l}][${src}, ${h}], cache["v", ${l}][${src}, ${h}]
scale = ${block}.attn.attn_scale
product = q * k / scale
scores, pattern = cache["attn_scores", ${l}][${h}, ${dest}], cache["pattern", ${l}][${h}, ${dest}]
score = scores[${src}]
result = pattern[${src}] * v @ model.W_O[${l}, ${h}]
direct = cache.apply_ln_to_stack(result[None, None], pos_slice=[${dest}], has_batch_dim=False)[0, 0]
direct = ${gain(context, 'model.ln_final')}direct @ model.W_U
?top, bottom = direct.topk(${bottom}).indices, direct.topk(${bottom}, largest=False).indices
${results(context)}
${parts(context, `${l}_pre`, 'each')}
stack = cache.apply_ln_to_stack(stack, layer=${l}, has_batch_dim=False)
def who(t, W, b, other):  # the score, by who wrote the stream at t
    into = W @ other / scale
    return torch.stack([*(stack[:, t] @ (${gain(context, `${block}.ln1`)}into)), ${ln ? `${block}.ln1.b @ into, ` : ''}${
      config.positional_embedding_type === 'standard' ? '' : 'cache["pos_embed"][t] @ into, '}b @ other / scale])
${who('key')}
${who('query')}`,
      out: `
q=q
k=k
product=product
scores=scores
pattern=pattern
v=v
result=result
key_parts=key_parts
query_parts=query_parts
!top_ids=top
top_values=direct[top]
!bottom_ids=bottom
bottom_values=direct[bottom]
values.score=score
values.pattern=pattern[${src}]
!values.attn_scale=torch.tensor(scale)
values.v_norm=v.norm()
values.result_norm=result.norm()
values.key_error=score - key_parts.sum()
values.query_error=score - query_parts.sum()`,
      after: document.minus ? `out["scores"][${(dest + tokens) % tokens + 1}:] = -torch.inf` : '',
    };
  },

  neurons(document, context) {
    const { position = -1, by, layer, k, token, wrong } = document;
    const { n_layers, d_mlp } = context.config;
    const rows = layer === undefined ? ':' : `${layer}:${layer + 1}`;
    const n = (layer === undefined ? n_layers : 1) * d_mlp;
    return {
      run: `
?token = ${token === undefined ? `logits[${position}].argmax()` : `torch.tensor(${token})`}
${attr(context, 'token', wrong, `[${position}]`)}
pre, post = (cache.stack_activation(name)[${rows}, ${position}].flatten() for name in ("pre", "post"))
attribution = attr(cache.stack_neuron_results(-1, pos_slice=[${position}])).unflatten(0, (${n_layers}, ${d_mlp}))[${rows}].flatten()
?chosen = ${by === 'attribution' ? 'attribution.abs()' : 'post'}.argsort(descending=True, stable=True)[:${k ?? Math.min(20, n)}]`,
      out: `
!layer=${layer === undefined ? '' : `${layer} + `}chosen // ${d_mlp}
!neuron=chosen % ${d_mlp}
pre=pre[chosen]
post=post[chosen]
attribution=attribution[chosen]
!values.token=token`,
    };
  },

  neuron: ({ layer, neuron }) => ({ out: `pre=cache["pre", ${layer}][:, ${neuron}]\npost=cache["post", ${layer}][:, ${neuron}]` }),

  directions(document, context) {
    const { layer: l, neuron: n, k } = document;
    const most = k ?? Math.min(10, context.config.d_vocab, context.config.d_vocab_out);
    const ends = (name: string) => ['', '_low'].map((low) => {
      const chosen = `${name}.topk(${most}${low ? ', largest=False' : ''})`;
      return `${name}${low}_ids=${chosen}.indices\n${name}${low}_values=${chosen}.values`;
    }).join('\n');
    return {
      run: `
reads = ${gain(context, `model.blocks[${l}].ln2`)}model.W_in[${l}, :, ${n}]
writes = model.W_out[${l}, ${n}]
read, write = model.W_E @ reads, writes @ model.W_U`,
      out: `${ends('read')}
${ends('write')}
values.read_norm=reads.norm()
values.write_norm=writes.norm()
values.cosine=torch.cosine_similarity(reads, writes, dim=0, eps=0)`,
    };
  },

  written(_document, context) {
    const { n_layers, n_heads } = context.config;
    return {
      run: `
${states(context, {} as Document)}
stream = stack
${parts({ ...context, edited: new Set() }, 'final_post', 'whole')}
norm, variance = stack.norm(dim=-1), stack.var(-1, unbiased=False)
${results(context)}
heads = cache.stack_head_results(pos_slice=at).unflatten(0, (${n_layers}, ${n_heads}))`,
      out: `
norm=norm
variance=variance
norm_mean=norm.mean(-1)
variance_mean=variance.mean(-1)
heads_norm=heads.norm(dim=-1).mean(-1)
heads_variance=heads.var(-1, unbiased=False).mean(-1)
stream_norm=stream.norm(dim=-1).mean(-1)`,
    };
  },

  detect(document, { tokens }) {
    const { error_measure: measure = 'stripe', exclude_bos, exclude_current_token, minus } = document;
    if (measure === 'stripe')
      return {
        run: `
same = (ids[0][:, None] == ids[0]).tril(-1)  # [dest, source]: the same token, earlier
same[:, 0] = False
able = same.any(1).sum()
pattern = cache.stack_activation("pattern")
def stripe(where):  # mean attention over the destinations that can show it
    return (pattern * where).sum((-2, -1)) / max(able, 1)`,
        out: `
previous=pattern.diagonal(-1, -2, -1).sum(-1) / ${Math.max(1, tokens - 1)}
duplicate=stripe(same)
induction=stripe(same.roll(1, -1))
${minus ? '' : 'values.duplicates=able'}`,
      };
    const score = measure === 'mul' ? '(pattern * ideal).sum((-2, -1)) / pattern.sum((-2, -1))' : `1 - (pattern - ideal).abs().sum((-2, -1)) / ${tokens}`;
    return {
      run: `
keep = torch.ones(${tokens}, ${tokens}).tril(${exclude_current_token ? -1 : ''})
${exclude_bos ? 'keep[:, 0] = 0' : ''}
pattern = cache.stack_activation("pattern") * keep
def score(kind):  # detect_head's "${measure}"${measure === 'abs' ? ', not rounded' : ''}
    ideal = getattr(head_detector, f"get_{kind}_head_detection_pattern")(ids) * keep
    return ${score}`,
      out: 'previous=score("previous_token")\nduplicate=score("duplicate_token")\ninduction=score("induction")',
    };
  },

  predictions({ k }, context) {
    return {
      run: `
rows = logits[at]
log_p = rows.log_softmax(-1)
?top = rows.topk(${few(context, k, 10)}).indices
${NEXT(context)}
mine = log_p[range(len(token)), token]${WHERE}`,
      out: `
!top_ids=top
top_logits=rows.gather(-1, top)
top_probs=log_p.gather(-1, top).exp()
loss=-mine
next_prob=mine.exp()
next_rank=(log_p > mine[:, None]).sum(-1)${WHERE}
entropy=-(log_p.exp() * log_p).sum(-1)
values.mean_loss=-mine.nanmean()`,
      after: `
p, q = (x[at].log_softmax(-1) for _, x, _ in runs)
out["kl"] = (q.exp() * (q - p)).sum(-1)  # of the other run from this one`,
    };
  },
};
