import type { ReadName } from '../engine/types';

/** The readings as templates (python.ts): lines that are true of each run (`ids` [1, T], `logits` [T, vocab], `cache`); after a line
 *  "--" what they leave, `name=expression`, or names of variables; after another one what follows the difference of two runs. A line
 *  that begins with "+" chooses something, in the first run only; what begins with "!" was chosen. `&name` is a template of BLOCKS.
 *  Studies, which make runs of their own, are in studies.ts. */
export const READINGS: Readonly<Partial<Record<ReadName, string>>> = {
  lens: `
&states
lens = model.unembed(~_type":null?stack;~"cached"?cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False)~"LN"? * model.ln_final.w + model.ln_final.b^;model.ln_final(stack)^^)
log_p = lens.log_softmax(-1)
final = logits[at].log_softmax(-1)
+top = lens.topk($k).indices
~"next"?&next;+token = ~token":\\d?torch.full((len(final),), $token);logits[at].argmax(-1)^^
n = range(len(token))
mine = lens[:, n, token]
--
!top_ids=top
top_logits=lens.gather(-1, top)
top_probs=log_p.gather(-1, top).exp()
!token_ids=token~"next"?&where^
logit=mine~"next"?&where^
prob=log_p[:, n, token].exp()~"next"?&where^
rank=(lens > mine[..., None]).sum(-1)~"next"?&where^
kl=(final.exp() * (final - log_p)).sum(-1)
&entropy
~"logits":true?logits=lens^`,

  states: `
&states
other = cache[$other][at]
&along
--
norm=stack.norm(dim=-1)
mean=stack.mean(-1)
cosine=torch.cosine_similarity(stack, other, dim=-1, eps=0)
~"along"?projection=stack @ along^
~"vectors":true?vectors=stack;~minus":t?vectors=stack^^
--
out["distance"] = out~"vectors":true?["vectors"];.pop("vectors")^.norm(dim=-1)`,

  attribution: `
&attr
logit = logits[at, $token]~wrong":\\d? - logits[at, $wrong]^
&parts
bias = model.b_U[$token]~wrong":\\d? - model.b_U[$wrong]^
tail = [~"LN"?model.ln_final.b @ direction, ^~ e:ln_final.*d?&read @ direction - attr(cache["resid_post", -1][None, at])[0]~"LN"? - model.ln_final.b @ direction^, ^bias~ e:logits?, logit - &read @ direction - bias^]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
~"by":"[hns]?heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, ($n_layers, $n_heads))^
~:"neuron"?neurons = attr(cache.stack_neuron_results(-1, pos_slice=at)).T.unflatten(-1, ($n_layers, $d_mlp))^
~:"source"?carried = cache["v", $layer][:, $head] @ model.W_O[$layer, $head]
source = attr(cache["pattern", $layer][$head, at].T[..., None] * carried[:, None]).T^
total = values.sum(-1)~"by":"[hns]? + heads.sum((-2, -1))^~:"neuron"? + neurons.sum((-2, -1))^
--
values~"by":"[hns]? heads^~:"neuron"? neurons^~:"source"? source^ logit
~:"source"?~ e:here.attn.hook_(z|result)?source_edit=heads[:, $layer, $head] - source.sum(-1)^^
sum=total
error=logit - total`,

  decompose: `
&parts
whole = cache[$here][at]
~_type":null?;~"cached"?stack, whole = (cache.apply_ln_to_stack(x~at_[pm]?, layer=$block^~at_mid?, mlp_input=True^, pos_slice=at, has_batch_dim=False) for x in (stack, whole))^~"recompute"?scale = (whole.var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
stack, whole = ((x - x.mean(-1, keepdim=True)) / scale for x in (stack, whole))^^
~"along"?&along;+along = whole / whole.norm(dim=-1, keepdim=True)^
shares, length = (stack * along).sum(-1), (whole * along).sum(-1)
--
norm=stack.norm(dim=-1)
along=shares
state_norm=whole.norm(dim=-1)
state_along=length
sum=shares.sum(0)
error=length - shares.sum(0)
~"vectors":true?vectors=stack^`,

  attention: `
heads = ~"heads"?$heads;[(l, h) for l in range($n_layers) for h in range($n_heads)]^
attention = torch.stack([cache["~"scores"?attn_scores;pattern^", l][h]~"value_? * cache["v", l][:, h].norm(dim=-1)^~"result_? * (cache["v", l][:, h] @ model.W_O[l, h]).norm(dim=-1)^ for l, h in heads])
~minus":t?;&pool^
--
attention
--
attention = out["attention"]
~"scores"?attention[:, torch.ones($T, $T).triu(1) > 0] = -torch.inf^
&pool
out["attention"] = attention`,

  pair: `
l, h, dest, src = $layer, $head, $dest, $src
q, k, v = cache["q", l][dest, h], cache["k", l][src, h], cache["v", l][src, h]
scale = model.blocks[l].attn.attn_scale
product = q * k / scale
scores, pattern = cache["attn_scores", l][h, dest], cache["pattern", l][h, dest]
result = pattern[src] * v @ model.W_O[l, h]
direct = cache.apply_ln_to_stack(result[None, None], pos_slice=[dest], has_batch_dim=False)[0, 0]
direct = (~"LN"?model.ln_final.w * ^direct) @ model.W_U
+top, bottom = direct.topk($k).indices, direct.topk($k, largest=False).indices
&parts
stack = cache.apply_ln_to_stack(stack, layer=l, has_batch_dim=False)
def who(t, W, b, other~ e:here.*(hook_[qk]|attn_in|ln1.*d)?, edited^):  # the score, by who wrote the stream
    into = W @ other / scale
    parts = [*(stack[:, t] @ (~"LN"?model.blocks[l].ln1.w * ^into)), ~"LN"?model.blocks[l].ln1.b @ into, ^~"standard"?;cache["pos_embed"][t] @ into, ^b @ other / scale]
    ~ e:here.*(hook_[qk]|attn_in|ln1.*d)?if edited:
        parts.append(product.sum() - sum(parts))^
    ~ e:here.*scores?parts.append(scores[src] - product.sum())^
    return torch.stack(parts)
key_parts = who(src, model.W_K[l, h], model.b_K[l, h], q~ e:here.*(hook_[qk]|attn_in|ln1.*d)?, ~ e:here.*(hook_k|attn_in|ln1.*d)?True;False^^)
query_parts = who(dest, model.W_Q[l, h], model.b_Q[l, h], k~ e:here.*(hook_[qk]|attn_in|ln1.*d)?, ~ e:here.*(hook_q|attn_in|ln1.*d)?True;False^^)
--
q k product scores pattern v result key_parts query_parts
!top_ids=top
top_values=direct[top]
!bottom_ids=bottom
bottom_values=direct[bottom]
--
out["scores"].nan_to_num_(-torch.inf)`,

  neurons: `
+token = ~token":\\d?torch.tensor($token);logits[at[0]].argmax()^
&attr
layers = slice(~layer":\\d?$layer, $layer + 1;None^)
pre, post = (cache.stack_activation(name)[layers, at[0]].flatten() for name in ("pre", "post"))
attribution = attr(cache.stack_neuron_results(-1, pos_slice=at)).unflatten(0, ($n_layers, $d_mlp))[layers].flatten()
+chosen = ~:"attribution"?attribution.abs();post^.argsort(descending=True, stable=True)[:$k]
--
!layer=chosen // $d_mlp~layer":\\d? + $layer^
!neuron=chosen % $d_mlp
pre=pre[chosen]
post=post[chosen]
attribution=attribution[chosen]
!values.token=token`,

  neuron: `
--
pre=cache["pre", $layer][:, $neuron]
post=cache["post", $layer][:, $neuron]`,

  directions: `
reads = ~"LN"?model.blocks[$layer].ln2.w * ^model.W_in[$layer, :, $neuron]
writes = model.W_out[$layer, $neuron]
read, write = model.W_E @ reads, writes @ model.W_U
--
read_ids=read.topk($k).indices
read_values=read.topk($k).values
read_low_ids=read.topk($k, largest=False).indices
read_low_values=read.topk($k, largest=False).values
write_ids=write.topk($k).indices
write_values=write.topk($k).values
write_low_ids=write.topk($k, largest=False).indices
write_low_values=write.topk($k, largest=False).values
values.read_norm=reads.norm()
values.write_norm=writes.norm()
values.cosine=torch.cosine_similarity(reads, writes, dim=0, eps=0)`,

  written: `
&states
stream = stack
&whole
&results
norm, variance = stack.norm(dim=-1), stack.var(-1, unbiased=False)
heads = cache.stack_head_results(pos_slice=at).unflatten(0, ($n_layers, $n_heads))
--
norm variance
norm_mean=norm.mean(-1)
variance_mean=variance.mean(-1)
heads_norm=heads.norm(dim=-1).mean(-1)
heads_variance=heads.var(-1, unbiased=False).mean(-1)
stream_norm=stream.norm(dim=-1).mean(-1)`,

  detect: `
pattern = cache.stack_activation("pattern")
~"(mul|abs)"?keep = torch.ones($T, $T).tril(~_token":true?-1^)
~e_bos":true?keep[:, 0] = 0^^
def score(kind, first):
    ideal = getattr(head_detector, f"get_{kind}_head_detection_pattern")(ids)
    ~"(mul|abs)"?ideal *= keep
    return ~"mul"?(pattern * ideal).sum((-2, -1)) / (pattern * keep).sum((-2, -1));1 - (pattern * keep - ideal).abs().sum((-2, -1)) / $T^
;ideal[:, :first] = 0
    return (pattern * ideal).sum((-2, -1)) / max(ideal.any(1).sum(), 1)^
--
previous=score("previous_token", 0)
duplicate=score("duplicate_token", 1)
induction=score("induction", 2)`,

  vector: `
def act(ids, hook):
    return model.run_with_cache(torch.tensor([ids]), names_filter=hook)[1][hook][0]
~"contrast"?positive, negative = (torch.stack([act(ids, $r_hook)~"actadd"?;~"position":"mean"?[1:].mean(0);[-1]^^ for ids in texts]) for texts in ($r_positive, $r_negative))
~"pca"?differences = positive - negative
v = torch.linalg.svd(differences).Vh[0]
vector = (differences.mean(0) @ v) * v;vector = positive.mean(0) - negative.mean(0)^^
~"neuron"?vector = model.W_out[%r_neuron]^
~"token"?vector = model.W_U[:, $r_token]~"minus":\\d? - model.W_U[:, $r_minus]^^
~"ov"?U, S, Vh = torch.linalg.svd(model.W_V[%r_ov] @ model.W_O[%r_ov])
wrote = Vh[$r_k]
vector = ~"read"?U[:, $r_k];wrote^ * wrote[wrote.abs().argmax()].sign()
^
~"activation"?vector = act($r_activation, $r_hook)[$r_position]^
stream = act($at_prompt, $at_hook)[1:]
total = vector~"actadd"?.sum(0)^
scores = total @ model.W_U
--
vector
~"ov"?singular=S[:$d_head]^
top_ids=scores.topk($k).indices
top_values=scores.topk($k).values
bottom_ids=scores.topk($k, largest=False).indices
bottom_values=scores.topk($k, largest=False).values
values.norm=vector.norm(dim=-1).mean()
values.stream_norm=stream.norm(dim=-1).mean()
values.ratio=vector.norm(dim=-1).mean() / stream.norm(dim=-1).mean()
values.cosine=(stream / stream.norm(dim=-1, keepdim=True)).mean(0) @ total / total.norm()`,

  predictions: `
rows = logits[at]
log_p = rows.log_softmax(-1)
+top = rows.topk($k).indices
&next
mine = log_p[range(len(token)), token]&where
--
!top_ids=top
top_logits=rows.gather(-1, top)
top_probs=log_p.gather(-1, top).exp()
loss=-mine
next_prob=mine.exp()
next_rank=(log_p > mine[:, None]).sum(-1)&where
&entropy
values.mean_loss=-mine.nanmean()
--
p, q = (x[at].log_softmax(-1) for _, x, _ in runs)
out["kl"] = (q.exp() * (q - p)).sum(-1)`,
};

/** Of a continued text, what each of its tokens was given. */
export const GENERATE = `
id = torch.tensor($forced)
log_p = logits[$last:].log_softmax(-1)
log_prob = log_p[range(len(id)), id]
~"twin":true?log_q = logits_twin[$last:].log_softmax(-1)^
top = log_p.topk($k)
--
id log_prob
prob=log_prob.exp()
&entropy
~"twin":true?kl=(log_p.exp() * (log_p - log_q)).sum(-1)
twin_log_prob=log_q[range(len(id)), id]^
top_ids=top.indices
top_probs=top.values.exp()`;

/** What several templates share. */
export const BLOCKS: Readonly<Record<string, string>> = {
  // What ActivationCache asks for: a last state where there is no block; LN1 of the stream, not of each head's input.
  before: `~n_layers":0?cache.cache_dict["blocks.-1.hook_resid_post"] = &start^
~ e:.*(_input|attn_in)?~_type":null?;for l in range($n_layers):
    cache.cache_dict[f"blocks.{l}.ln1.hook_scale"] = (cache["resid_pre", l].var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()^^`,
  states: `~states":\\[?stack = torch.stack([cache[name] for name in $named])[:, at];stack = cache.accumulated_resid(~only":true?;incl_mid=True, ^pos_slice=at)^`,
  entropy: 'entropy=-(log_p.exp() * log_p).sum(-1)',
  next: `+token = torch.cat([ids[0, 1:], torch.tensor([-1])])[at]
~fewer?+token[token >= $d_vocab_out] = -1^`,
  where: '.where(token >= 0, torch.nan)',
  attr: `direction = model.W_U[:, ~"neurons"?token;$token^]~wrong":\\d? - model.W_U[:, $wrong]^
def attr(stack):  # ln_final's scale is the run's
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ ~"LN"?(model.ln_final.w * direction);direction^`,
  pool: `~pool":[1-9]?block = torch.arange($T) * $pool // $T
pooled = torch.full((len(heads), $pool, $pool), torch.nan)
for i in range($pool):  # the largest unmasked entry of each block
    for j in range(i + 1):
        cells = attention.tril()[:, block == i][:, :, block == j].flatten(1)
        pooled[:, i, j] = cells.gather(1, cells.abs().argmax(1, keepdim=True))[:, 0]
attention = pooled^`,
  start: 'cache["embed"]~"standard"? + cache["pos_embed"]^',
  read: 'cache[~_type":null?"resid_post", -1;"ln_final.hook_normalized"^][at]',
  along: `~"along"?+along = ~a:token ?model.W_U[:, $a_token]~a:minus ? - model.W_U[:, $a_minus]^^~a:neuron ?model.W_out[%a_neuron]^~a:neuron_in ?model.W_in.mT[%a_neuron_in]^~a:head ?cache.stack_activation("z")[:, $a_position][%a_head] @ model.W_O[%a_head]^~a:vector ?torch.Tensor($a_vector)^~a:state ?cache[$a_state][$a_position]^
+along = along / along.norm()^`,
  // What an edit put into the stream is a part. Heads and neurons that the reading has elsewhere count while it is found.
  results: '~ e:.*result?;cache.compute_head_results()^',
  whole: `~"standard"?;cache.has_pos_embed = False
^stack = cache.decompose_resid(~at_[pm]?layer=$block, ^~at_mid?mlp_input=True, ^pos_slice=at)`,
  edit: ' e:.*(resid_|n_out|p_out)',
  parts: `~"by":"[hns]|"pair| e:.*resid_?~"by":"[hns]|"pair?&results^
parts = {"embed": cache["embed"]~"standard"?, "pos_embed": cache["pos_embed"]^}
~&edit?def edit(hook, x):  # what an edit put into the stream
    if f"blocks.{l}.hook_{hook}" in $edited:
        parts[f"edit {l}_{hook}"] = x - sum(parts.values())^
for l in range($blocks):
    ~&edit?edit("resid_pre", cache["resid_pre", l])^
    ~at_pre?if l == $block:
        break^
    ~"by":"[hns]|"pair?parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
    ~&edit?edit("attn_out", cache["resid_pre", l] + cache["attn_out", l])^;parts[f"{l}_attn_out"] = cache["attn_out", l]^
    ~only":true?;~&edit?edit("resid_mid", cache["resid_mid", l])^
    ~at_mid?if l == $block:
        break^
    ~:"neuron"?parts[f"N{l}"] = cache["post", l] @ model.W_out[l]
    parts[f"{l}_mlp_bias"] = model.b_out[l].expand_as(cache["embed"])
    ~&edit?edit("mlp_out", cache["resid_mid", l] + cache["mlp_out", l])^;parts[f"{l}_mlp_out"] = cache["mlp_out", l]^^
    ~&edit?edit("resid_post", cache["resid_post", l])^
stack = torch.stack([x for ~attribution?name, x in parts.items() if name[0] not in "LN";x in parts.values()^])[:, at];&whole^`,
};
