import type { ReadName } from '../engine/types';

/** The studies as templates, as readings.ts has the readings: they make their own runs. Several pairs are a batch. */
export const STUDIES: Readonly<Partial<Record<ReadName, string>>> = {
  sweep: `
&pair
_, source_cache = model.run_with_cache(source)
&metric
~nnsight?&places
def one(hook, l, cell):  # one patch, one run
    point = reduce(getattr, hook.split("."), nn.blocks[l])
    with nn.trace(base):
        x = point.output.clone()
        x[cell] = source_cache[f"blocks.{l}.{hook}"][cell]
        point.output = x
        patched = nn.output.save()
    return metric(patched)
&cells;~"what":"dir?_, base_cache = model.run_with_cache(base)
def one(l, h, m, g):  # what head h of layer l changes, straight into head g of layer m
    change = (source_cache["z", l] - base_cache["z", l])[:, :, h] @ model.W_O[l, h]
    added = change~n_type":"? / base_cache["scale", m, "ln1"]^ @ model.W_%W[m, g]
    def put(x, hook):
        x = x.clone()
        x[:, :, g] += added
        return x
    return metric(model.run_with_hooks(base, fwd_hooks=[(f"blocks.{m}.attn.hook_%receiver", put)]))
heads = [(l, h) for l in range($n_layers) for h in range($n_heads)]
values = [torch.stack([one(*a, *b) if b[0] > a[0] else torch.tensor(0.0) for a in heads for b in heads]).reshape(2 * ($n_layers, $n_heads))]
;values = [&sweep]^^
--
&values
&ends`,

  ablate: `
prompts = torch.tensor($prompts)
&metric
&places
~"op":"[mpr]?caches = [model.run_with_cache(torch.tensor([ids]), remove_batch_dim=True)[1] for ids in $over]^
def one(hook, l, cell):  # one place, one run
    name = f"blocks.{l}.{hook}"
    ~:"mean?value = torch.cat([cache[name] for cache in caches]).mean(0)^
    ~_mean?value = torch.stack([cache[name] for cache in caches]).mean(0)^
    ~"resample?value = torch.stack([caches[i % len(caches)][name] for i in range(len(prompts))])^
    def put(x, hook):
        x = x.clone()
        x[cell] = ~"op":"[mpr]?value.expand_as(x)[cell];0^
        return x
    return metric(model.run_with_hooks(prompts, fwd_hooks=[(name, put)]))
&cells
--
&values
values.base=metric(model(prompts))`,

  path: `
&pair
&metric
&graph
senders = ~"senders":"all?[[name] for name in writers];$senders^
receivers = ~"receivers":"all?[[name] for name in readers];$receivers^
def put(points, cache):  # what another run has there
    def write(x, hook):
        x = x.clone()
        for name, head, _ in points:
            if name == hook.name:
                x[:, :, head] = cache[name][:, :, head]
        return x
    return [(name, write) for name in {name for name, _, _ in points}]
frozen = [point for name, point in writers.items() if name~"frozen? != "embed";[0] == "L"^]
values = torch.full((len(senders), len(receivers)), torch.nan)
for s, names in enumerate(senders):
    sent = [writers[name] for name in names]
    with model.hooks(put(frozen, base_cache) + put(sent, source_cache)):
        _, arrived = model.run_with_cache(base)
    for r, names in enumerate(receivers):
        reached = [readers[name] for name in names if any(when < readers[name][2] for _, _, when in sent)]
        if reached:
            values[s, r] = metric(model.run_with_hooks(base, fwd_hooks=put(reached, arrived)))
--
values
&ends`,

  attribute: `
&pair
&caches
&metric
&places
names = {f"blocks.{l}.{hook}" for hook in $hooks for l in layers}
&slopes
unpatched = metric(model(base))
def one(hook, l, cell):  # to first order
    name = f"blocks.{l}.{hook}"
    return unpatched + ((source_cache[name] - base_cache[name]) * grad[name])[cell].sum()
&cells
~re":true?sweep = [&sweep]
both = torch.stack([torch.stack(x).flatten() for x in (values, sweep)]).double()
def ranks(x):  # equals share the mean of theirs
    _, place, n = x.unique(return_inverse=True, return_counts=True)
    return (n.cumsum(0) - n / 2)[place]^
--
&values
&ends
~re":true?~"what":"?sweep=sweep[0];sweep=torch.stack(sweep)^
values.pearson=torch.corrcoef(both)[0, 1]
values.spearman=torch.corrcoef(torch.stack([ranks(x) for x in both]))[0, 1]^`,

  edges: `
&scores
--
values
&ends`,

  circuit: `
&scores
feeds = torch.tensor([[reader.split(".")[0].replace("_in", "_out") == writer for writer in writers] for reader in readers]).float()
def pruned(kept):  # what lies on a path of kept edges from the embedding to the end
    fed, used = kept.any(0).float() @ feeds > 0, feeds @ kept.any(1).float() > 0
    fed[0] = used[-1] = True
    left = kept & fed[:, None] & used
    return kept if left.equal(kept) else pruned(left)
def run(kept):  # of the clean prompt, where all other edges carry ~"zero"?nothing;what was written in the corrupted run^
    now = []
    def write(x, hook):
        x = x~"zero"?; - ~:"noise"?source_cache;base_cache^[hook.name]^
        now.extend(x.unbind(2) if "result" in hook.name else [x])
    def read(x, hook):
        x, all = x.clone(), torch.stack(now)
        for r, (name, head, _) in enumerate(readers.values()):
            if name == hook.name:
                x[:, :, head] -= torch.tensordot(1 - kept[:len(now), r].float(), all, 1)
        return x
    hooks = [(point[0], f) for points, f in ((writers, write), (readers, read)) for point in points.values()]
    return metric(model.run_with_hooks(clean, fwd_hooks=[*dict.fromkeys(hooks)]))
~counts"?rank = values.abs().nan_to_num(-1).flatten().argsort(descending=True, stable=True).argsort().reshape(values.shape)
circuits = [pruned(rank < n) for n in $counts];circuits = [pruned(values.abs() >= least) for least in $thresholds]^
whole, nothing = metric(model(clean)), run(torch.zeros_like(edge))
both = torch.stack([torch.stack([run(kept), run(kept.logical_not())]) for kept in circuits])
share = (both - nothing) / (whole - nothing)
--
values
kept=torch.stack([kept.float().where(edge, torch.nan) for kept in circuits])
edges=torch.tensor([kept.sum() for kept in circuits])
metric=both[:, 0]
complement=both[:, 1]
faithfulness=share[:, 0]
completeness=share[:, 1]
&ends
values.nothing=nothing`,

  dose: `
&texts
def steer(strength, v, n):  # on a prompt of n tokens
    &turns?unit = v / v.norm(dim=-1, keepdim=True)^
    def write(x, hook):
        y = x.clone()
        &turns?along = (y[:, %where] * unit).sum(-1, keepdim=True)^
        y[:, %where] += ~:"project?-strength * along * unit^~:"clamp?(strength - along) * unit^~:"cap?(along.clamp(max=strength) - along) * unit^~:"ablate?strength * v - along * unit^&turns?;strength * v^
        return y
    return [($hook, write)]
def like(v, which):  # a random direction, as long
    x = torch.tensor([uniform(0x646F7365, which, i, 12 * v.shape[-1]) for i in range(v.numel() // v.shape[-1])]).unflatten(1, (-1, 12)).sum(-1) - 6
    return (x / x.norm(dim=-1, keepdim=True)).reshape(v.shape) * v.norm(dim=-1, keepdim=True)
v, strengths = torch.tensor($value), $strengths
ways = [(v, False), ~frozen":true?(v, True), ^*((like(v, i + 1), False) for i in range($random))]
texts = [(ids, seed) for ids in $prompts for seed in $seeds]
base = torch.stack([tell(ids, seed) for ids, seed in texts])
told = torch.stack([tell(ids, seed, steer(s, v, len(ids)), frozen) for v, frozen in ways for s in strengths for ids, seed in texts])
told = told.reshape(len(ways), len(strengths), *base.shape)
base_ids, base_effect, base_perplexity, base_kl, base_repetition2, base_repetition3 = base[..., 5:], *base.unbind(-1)[:5]
&told
ratio = (perplexity / base_perplexity).log().mean(-1).exp()
fallen = [[s for s, f in zip(strengths, row) if f] for row in (ratio > 10) | (repetition3.mean(-1) > 0.5)]
collapse = [[min([s for s in some if s > 0], default=torch.nan), max([s for s in some if s < 0], default=torch.nan)] for some in fallen]
--
ids effect perplexity kl repetition2 repetition3
base_ids base_effect base_perplexity base_kl base_repetition2 base_repetition3
perplexity_ratio=ratio
collapse=torch.tensor(collapse)`,

  outcomes: `
&texts
ways = [
    ("base", $base, [], False),
    %ways
]
told = torch.stack([torch.stack([tell(ids, seed, hooks, frozen, $base) for seed in $seeds]) for _, ids, hooks, frozen in ways])
&told
--
ids effect perplexity kl repetition2 repetition3`,
};

/** What several studies share. */
export const STUDY_BLOCKS: Readonly<Record<string, string>> = {
  pair: `clean, corrupted = torch.tensor($clean), torch.tensor($corrupted)
base, source = ~:"noise"?clean, corrupted;corrupted, clean^  # patched, and what from`,
  caches: '(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))',
  metric: `~:"kl"?log_p = model(~"prompts?prompts;clean^)[:, $m_position].log_softmax(-1)
^def metric(logits):
    ~:"loss"?return model.loss_fn(logits, prompts, per_token=True)[:, $m_from:].mean();rows = logits[:, $m_position]^
    ~"logit_diff"?return (rows[%each, $m_correct] - rows[%each, $m_wrong]).mean()^
    ~"log_prob"?return rows.log_softmax(-1)[%each, $m_correct].mean()^
    ~"rank"?return rows.argsort(descending=True, stable=True).argsort()[%each, $m_correct].float().mean()^
    ~:"kl"?return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()^`,
  cells: 'values = [torch.stack([one(hook, l, np.s_[:, %cell]) for l in layers %loops]).reshape(%shape) for hook in $hooks]',
  places: `layers, heads, positions, T = %layers, %heads, %places, $T
~:"layer,n?d_mlp = $d_mlp^`,
  sweep: 'get(model, base, source_cache, metric)%subset for get in [%functions]',
  values: '~"what":"?values=values[0];values=torch.stack(values)^',
  ends: `values.clean=metric(model(clean))
values.corrupted=metric(model(corrupted))`,
  // Heads and MLPs by name, as the page has them.
  graph: `# Who writes to the stream and who reads it, in the order of the forward pass: hook, head, when.
every = slice(None)
writers, readers = {"embed": ("hook_embed", every, -1)}, {}
for l in range($n_layers):
    writers |= {f"L{l}H{h}": (f"blocks.{l}.attn.hook_result", h, 2 * l) for h in range($n_heads)}
    readers |= {f"L{l}H{h}.{x}": (f"blocks.{l}.hook_{x}_input", h, 2 * l) for x in "qkv" for h in range($n_heads)}
    ~attn_only":true?;writers[f"{l}_mlp_out"] = (f"blocks.{l}.hook_mlp_out", every, 2 * l + 1)
    readers[f"{l}_mlp_in"] = (f"blocks.{l}.hook_mlp_in", every, 2 * l + 1)^
readers["final"] = ($final, every, 2 * $n_layers)
&caches`,
  slopes: `grad = {}
def save(x, hook):
    grad[hook.name] = grad.get(hook.name, 0) + x&steps? / $steps^
&steps?for k in range(1, $steps + 1):  # on the way from the source run's embeddings to the base run's
    embed = source_cache["embed"].lerp(base_cache["embed"], k / $steps).requires_grad_()
    with torch.enable_grad(), model.hooks([("hook_embed", lambda x, hook: embed)], [(names.__contains__, save)]):
        metric(model(base)).backward();with torch.enable_grad(), model.hooks(bwd_hooks=[(names.__contains__, save)]):
    metric(model(base)).backward()^`,
  steps: '~"steps":([2-9]|\\d\\d)',
  // A text as the page draws it.
  texts: `def uniform(seed, what, index, n):  # SplitMix64 (Steele, Lea and Flood 2014), n numbers of the stream (seed, what, index)
    def mix(z, mask=2**64 - 1):
        z = ((z & mask) %xor (z & mask) >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z %xor z >> 27) * 0x94D049BB133111EB & mask
        return z %xor z >> 31
    step = 0x9E3779B97F4A7C15
    for key in (what, index, 0):
        seed = mix(seed + step) %xor key
    return [(mix(seed + step * (i + 1)) >> 11) / 2**53 for i in range(n)]
def draw(logits, text, seed, i):  # rounding can turn a draw, and the text that follows
    ~"repetition_penalty":(1[.\\d]|[02-9])?seen = list({*text})
    logits[seen] /= torch.where(logits[seen] > 0, $repetition_penalty, 1 / $repetition_penalty)^
    ~"temperature":0[,}]?return logits.argmax().item();x = logits.double()~"temperature"? / $temperature^
    ~"frequency_penalty":(0\\.|[1-9])?x -= $frequency_penalty * torch.tensor(text).bincount(minlength=len(x))^
    p = x.softmax(-1)
    ~"top_k":[1-9]?p[p < p.topk(min($top_k, len(p))).values[-1]] = 0^
    ~"top_p":0?p /= p.sum()
    order = p.argsort(descending=True, stable=True)
    p[order[p[order].cumsum(0) - p[order] > $top_p]] = 0^
    ends = p.cumsum(0)
    return torch.searchsorted(ends, ends[-1] * uniform(seed, 3, i, 1)[0], right=True).item()^
def tell(ids, seed, hooks=[], frozen=False, reference=None):  # the numbers of a text, and its tokens
    reference, told, log_p = reference or ids, [], []
    while len(told) < $max_new and len(ids + told) <= $n_ctx~stop":.\\d? and not {*told} & {*$stop}^:
        text = torch.tensor([ids + told])
        patterns = []
        if frozen:  # they are those of the unedited run over the same tokens
            _, cache = model.run_with_cache(text)
            patterns = [(lambda name: name.endswith("pattern"), lambda x, hook: cache[hook.name])]
        row = model.run_with_hooks(text, fwd_hooks=hooks + patterns)[0, -1]
        log_p.append(row.log_softmax(-1))
        told.append(draw(row, ids + told, seed, len(told)))
    log_p = torch.stack(log_p)
    log_q = model(torch.tensor([(reference + told[:-1])[:$n_ctx]]))[0, len(reference) - 1:].log_softmax(-1)
    n, p = len(log_q), log_p.exp()
    effect = ~"effect?~against?(p[:, $for].sum(-1) / p[:, $against].sum(-1)).log().mean();p[:, $for].sum(-1).logit().mean()^;torch.nan^
    kl = (p[:n] * (log_p[:n] - log_q)).sum(-1).mean()
    grams = [[*zip(*(told[i:] for i in range(size)))] for size in (2, 3)]
    repeated = [1 - len({*some}) / len(some) if some else 0 for some in grams]
    return torch.tensor([effect, (-log_q[range(n), told[:n]].mean()).exp(), kl, *repeated, *told, *[torch.nan] * ($max_new - len(told))])`,
  turns: '~:"(project|clamp|cap|ablate)',
  told: 'ids, effect, perplexity, kl, repetition2, repetition3 = told[..., 5:], *told.unbind(-1)[:5]',
  // To first order: what each edge would change.
  scores: `&pair
&metric
&graph
names = {name for name, _, _ in readers.values()}
&slopes
change = torch.stack([(source_cache[name] - base_cache[name])[:, :, head] for name, head, _ in writers.values()])
slope = torch.stack([grad[name][:, :, head] for name, head, _ in readers.values()])
edge = torch.tensor([[wrote < reads for _, _, reads in readers.values()] for _, _, wrote in writers.values()])
values = torch.einsum("sbpd,rbpd->sr", change, slope).where(edge, torch.nan)`,
};
