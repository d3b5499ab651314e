# pair in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
model.set_use_split_qkv_input(True)

def scale_1(x, hook):
    y = x.clone()
    y[:, :, 1] *= 1.2
    return y

def add_2(x, hook):
    v = torch.Tensor([1, -0.5])
    y = x.tril()
    y[:, :, 14:15, [9, 4]] += v
    return torch.where(torch.ones_like(x).tril() > 0, y, x)  # what is masked stays

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])  # "Once upon a time there was a cat. Once upon a"
with model.hooks(fwd_hooks=[
    ("blocks.2.hook_q_input", scale_1),
    ("blocks.2.attn.hook_attn_scores", add_2),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

for l in range(4):
    cache.cache_dict[f"blocks.{l}.ln1.hook_scale"] = (cache["resid_pre", l].var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
l, h, dest, src = 2, 1, -1, 9
q, k, v = cache["q", l][dest, h], cache["k", l][src, h], cache["v", l][src, h]
scale = model.blocks[l].attn.attn_scale
product = q * k / scale
scores, pattern = cache["attn_scores", l][h, dest], cache["pattern", l][h, dest]
result = pattern[src] * v @ model.W_O[l, h]
direct = cache.apply_ln_to_stack(result[None, None], pos_slice=[dest], has_batch_dim=False)[0, 0]
direct = (model.ln_final.w * direct) @ model.W_U
top, bottom = direct.topk(4).indices, direct.topk(4, largest=False).indices
cache.compute_head_results()
parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
for l in range(3):
    if l == 2:
        break
    parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
    parts[f"{l}_mlp_out"] = cache["mlp_out", l]
stack = torch.stack([x for x in parts.values()])
stack = cache.apply_ln_to_stack(stack, layer=l, has_batch_dim=False)
def who(t, W, b, other, edited):  # the score, by who wrote the stream
    into = W @ other / scale
    parts = [*(stack[:, t] @ (model.blocks[l].ln1.w * into)), model.blocks[l].ln1.b @ into, b @ other / scale]
    if edited:
        parts.append(product.sum() - sum(parts))
    parts.append(scores[src] - product.sum())
    return torch.stack(parts)
key_parts = who(src, model.W_K[l, h], model.b_K[l, h], q, False)
query_parts = who(dest, model.W_Q[l, h], model.b_Q[l, h], k, True)
out = {
    "q": q,
    "k": k,
    "product": product,
    "scores": scores,
    "pattern": pattern,
    "v": v,
    "result": result,
    "key_parts": key_parts,
    "query_parts": query_parts,
    "top_ids": top,
    "top_values": direct[top],
    "bottom_ids": bottom,
    "bottom_values": direct[bottom],
}
print(out)
