import type { ReadName } from '../engine/types';

/** The readings as templates (python.ts): lines that are true of each run (`ids` [1, T], `logits` [T, vocab], `cache`); after a line
 *  "--" what they leave, `name=expression`, or names of variables; after another one what follows the difference of two runs. A line
 *  that begins with "?" chooses something, in the first run only; what begins with "!" was chosen. `&name` is a template of BLOCKS or
 *  one that documents.ts makes. */
export const READINGS: Readonly<Record<ReadName, string>> = {
  lens: `
&states
lens = model.unembed(~normalization_type:~ln=cached:cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False)~LN: * model.ln_final.w + model.ln_final.b^;model.ln_final(stack)^;stack^)  # [state, position, vocab]
log_p = lens.log_softmax(-1)
final = logits[at].log_softmax(-1)
?top = lens.topk($k).indices
~token=next:&next;?token = ~token=top:logits[at].argmax(-1);torch.full((len(final),), $token)^^
n = range(len(token))
mine = lens[:, n, token]
--
!top_ids=top
top_logits=lens.gather(-1, top)
top_probs=log_p.gather(-1, top).exp()
!token_ids=token~token=next:&where^
logit=mine~token=next:&where^
prob=log_p[:, n, token].exp()~token=next:&where^
rank=(lens > mine[..., None]).sum(-1)~token=next:&where^
kl=(final.exp() * (final - log_p)).sum(-1)
&entropy
~logits:logits=lens^`,

  states: `
&states
other = &other[at]
&along
--
norm=stack.norm(dim=-1)
mean=stack.mean(-1)
cosine=torch.cosine_similarity(stack, other, dim=-1, eps=0)
~along:projection=stack @ along^
~vectors:vectors=stack;~minus:vectors=stack^^
--
out["distance"] = out~vectors:["vectors"];.pop("vectors")^.norm(dim=-1)`,

  attribution: `
&attr
logit = logits[at, $token]~wrong: - logits[at, $wrong]^
&parts
bias = model.b_U[$token]~wrong: - model.b_U[$wrong]^
tail = [~LN:model.ln_final.b @ direction, ^~edit_ln:&read @ direction - attr(cache["resid_post", -1][None, at])[0]~LN: - model.ln_final.b @ direction^, ^bias~edit_logits:, logit - &read @ direction - bias^]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
~apart:heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, ($n_layers, $n_heads))^
~by=neuron:neurons = attr(cache.stack_neuron_results(-1, pos_slice=at)).T.unflatten(-1, ($n_layers, $d_mlp))^
~by=source:carried = cache["v", $layer][:, $head] @ model.W_O[$layer, $head]
source = attr(cache["pattern", $layer][$head, at].T[..., None] * carried[:, None]).T^
total = values.sum(-1)~apart: + heads.sum((-2, -1))^~by=neuron: + neurons.sum((-2, -1))^
--
values~apart: heads^~by=neuron: neurons^~by=source: source^ logit
~by=source:~edit_head:source_edit=heads[:, $layer, $head] - source.sum(-1)^^
sum=total
error=logit - total`,

  decompose: `
&parts
whole = &here[at]
~normalization_type:~ln=cached:stack, whole = (cache.apply_ln_to_stack(x~where:, layer=$block^~where=mid:, mlp_input=True^, pos_slice=at, has_batch_dim=False) for x in (stack, whole))^~ln=recompute:scale = (whole.var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
stack, whole = ((x - x.mean(-1, keepdim=True)) / scale for x in (stack, whole))^^
~along:&along;?along = whole / whole.norm(dim=-1, keepdim=True)  # its own^
shares, length = (stack * along).sum(-1), (whole * along).sum(-1)
--
norm=stack.norm(dim=-1)
along=shares
state_norm=whole.norm(dim=-1)
state_along=length
sum=shares.sum(0)
error=length - shares.sum(0)
~vectors:vectors=stack^`,

  attention: `
heads = ~heads:$heads;[(l, h) for l in range($n_layers) for h in range($n_heads)]^
attention = torch.stack([cache["~mode=scores:attn_scores;pattern^", l][h]~mode=value_weighted: * cache["v", l][:, h].norm(dim=-1)^~mode=result_weighted: * (cache["v", l][:, h] @ model.W_O[l, h]).norm(dim=-1)^ for l, h in heads])
~!minus:&pool^
--
attention
--
attention = out["attention"]
~mode=scores:attention[:, torch.ones($T, $T).triu(1) > 0] = -torch.inf^
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
direct = (~LN:model.ln_final.w * ^direct) @ model.W_U
?top, bottom = direct.topk($k).indices, direct.topk($k, largest=False).indices
&parts
stack = cache.apply_ln_to_stack(stack, layer=l, has_batch_dim=False)
def who(t, W, b, other~edit_qk:, edited^):  # the score, by who wrote the stream at t
    into = W @ other / scale
    parts = [*(stack[:, t] @ (~LN:model.blocks[l].ln1.w * ^into)), ~LN:model.blocks[l].ln1.b @ into, ^~!positional_embedding_type=standard:cache["pos_embed"][t] @ into, ^b @ other / scale]
    ~edit_qk:if edited:
        parts.append(product.sum() - sum(parts))^
    ~edit_scores:parts.append(scores[src] - product.sum())^
    return torch.stack(parts)
key_parts = who(src, model.W_K[l, h], model.b_K[l, h], q~edit_qk:, ~edit_k:True;False^^)
query_parts = who(dest, model.W_Q[l, h], model.b_Q[l, h], k~edit_qk:, ~edit_q:True;False^^)
--
q k product scores pattern v result key_parts query_parts
!top_ids=top
top_values=direct[top]
!bottom_ids=bottom
bottom_values=direct[bottom]
--
out["scores"].nan_to_num_(-torch.inf)  # masked in both`,

  neurons: `
?token = ~token=top:logits[at[0]].argmax();torch.tensor($token)^
&attr
layers = slice(~layer:$layer, $layer + 1;None^)
pre, post = (cache.stack_activation(name)[layers, at[0]].flatten() for name in ("pre", "post"))
attribution = attr(cache.stack_neuron_results(-1, pos_slice=at)).unflatten(0, ($n_layers, $d_mlp))[layers].flatten()
?chosen = ~by=attribution:attribution.abs();post^.argsort(descending=True, stable=True)[:$k]
--
!layer=chosen // $d_mlp~layer: + $layer^
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
reads = ~LN:model.blocks[$layer].ln2.w * ^model.W_in[$layer, :, $neuron]
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
&parts
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
~scored:keep = torch.ones($T, $T).tril(~exclude_current_token:-1^)
~exclude_bos:keep[:, 0] = 0^^
def score(kind, first):
    ideal = getattr(head_detector, f"get_{kind}_head_detection_pattern")(ids)
    ~scored:ideal *= keep
    return ~error_measure=mul:(pattern * ideal).sum((-2, -1)) / (pattern * keep).sum((-2, -1));1 - (pattern * keep - ideal).abs().sum((-2, -1)) / $T^
;ideal[:, :first] = 0  # the first position is no duplicate
    return (pattern * ideal).sum((-2, -1)) / max(ideal.any(1).sum(), 1)^
--
previous=score("previous_token", 0)
duplicate=score("duplicate_token", 1)
induction=score("induction", 2)`,

  predictions: `
rows = logits[at]
log_p = rows.log_softmax(-1)
?top = rows.topk($k).indices
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
log_p = logits[$last:].log_softmax(-1)  # what each of them was drawn from
log_prob = log_p[range(len(id)), id]
~twin:log_q = logits_twin[$last:].log_softmax(-1)^
top = log_p.topk($k)
--
id log_prob
prob=log_prob.exp()
&entropy
~twin:kl=(log_p.exp() * (log_p - log_q)).sum(-1)
twin_log_prob=log_q[range(len(id)), id]^
top_ids=top.indices
top_probs=top.values.exp()`;

/** What several templates share. */
export const BLOCKS: Readonly<Record<string, string>> = {
  entropy: 'entropy=-(log_p.exp() * log_p).sum(-1)',
  next: `?token = torch.cat([ids[0, 1:], torch.tensor([-1])])[at]  # -1: none
~fewer:?token[token >= $d_vocab_out] = -1^`,
  where: '.where(token >= 0, torch.nan)',
  attr: `direction = model.W_U[:, ~read=neurons:token;$token^]~wrong: - model.W_U[:, $wrong]^
def attr(stack):  # through ln_final, its scale as in the run (cached), and W_U
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ ~LN:(model.ln_final.w * direction);direction^`,
  pool: `~pooled:block = torch.arange($T) * $pool // $T
pooled = torch.full((len(heads), $pool, $pool), torch.nan)
for i in range($pool):  # of each block the unmasked entry of the largest size
    for j in range(i + 1):
        cells = attention.tril()[:, block == i][:, :, block == j].flatten(1)
        pooled[:, i, j] = cells.gather(1, cells.abs().argmax(1, keepdim=True))[:, 0]
attention = pooled^`,
  start: 'cache["embed"]~positional_embedding_type=standard: + cache["pos_embed"]^',
  read: 'cache[~normalization_type:"ln_final.hook_normalized";"resid_post", -1^][at]',
  along: `~along:?along = ~a_token:model.W_U[:, $a_token]~a_minus: - model.W_U[:, $a_minus]^^~a_neuron:model.W_out[%a_neuron]^~a_neuron_in:model.W_in.mT[%a_neuron_in]^~a_head:cache.stack_activation("z")[:, $a_position][%a_head] @ model.W_O[%a_head]^~a_vector:torch.Tensor($a_vector)^~a_state:&state[$a_position]^
?along = along / along.norm()^`,
  // What an edit put into the stream is a part. Heads and neurons that the reading has elsewhere count while it is found.
  parts: `~!edit_result:~heads:cache.compute_head_results()^^
~plain:~!positional_embedding_type=standard:cache.has_pos_embed = False  # they are not in the stream
^stack = cache.decompose_resid(~where:layer=$block, ^~where=mid:mlp_input=True, ^pos_slice=at);
parts = {"embed": cache["embed"]~positional_embedding_type=standard:, "pos_embed": cache["pos_embed"]^}
~edits:def edit(hook, x):  # what an edit put into the stream there
    if f"blocks.{l}.hook_{hook}" in $edits:
        parts[f"edit {l}_{hook}"] = x - sum(parts.values())^
for l in range(~where:$block + 1;$n_layers^):
    ~edits:edit("resid_pre", cache["resid_pre", l])^
    ~where=pre:if l == $block:
        break^
    ~heads:parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
    ~edits:edit("attn_out", cache["resid_pre", l] + cache["attn_out", l])^;parts[f"{l}_attn_out"] = cache["attn_out", l]^
    ~!attn_only:~edits:edit("resid_mid", cache["resid_mid", l])^
    ~where=mid:if l == $block:
        break^
    ~by=neuron:parts[f"N{l}"] = cache["post", l] @ model.W_out[l]
    parts[f"{l}_mlp_bias"] = model.b_out[l].expand_as(cache["embed"])
    ~edits:edit("mlp_out", cache["resid_mid", l] + cache["mlp_out", l])^;parts[f"{l}_mlp_out"] = cache["mlp_out", l]^^
    ~edits:edit("resid_post", cache["resid_post", l])^
stack = torch.stack([x for ~apart:name, x in parts.items() if name[0] not in "LN";x in parts.values()^])[:, at]^`,
};
