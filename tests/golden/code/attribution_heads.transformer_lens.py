# attribution in Hookscope, as Python: pip install transformer-lens==2.15.4
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

runs = {}

ids = torch.tensor([[0, 333, 448, 823, 261, 647, 297, 260, 1008, 14, 376, 448]])
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

runs["B"] = cache

def patch_1(x, hook):
    v = runs["B"][hook.name][3:4]
    y = x.clone()
    y[:, 3:4] = v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with model.hooks(fwd_hooks=[
    ("blocks.0.hook_attn_out", patch_1),
    ("blocks.1.hook_attn_out", patch_1),
    ("blocks.2.hook_attn_out", patch_1),
    ("blocks.3.hook_attn_out", patch_1),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

ids_minus = torch.tensor([[0, 333, 448, 823, 261, 647, 297, 260, 1008, 14, 376, 448]])
logits_minus, cache_minus = model.run_with_cache(ids_minus, remove_batch_dim=True)
logits_minus = logits_minus[0]

at = [-1, 2]
runs = [(ids, logits, cache), (ids_minus, logits_minus, cache_minus)]
outs = []
for ids, logits, cache in runs:
    direction = model.W_U[:, 970]
    def attr(stack):  # ln_final's scale is the run's
        return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ (model.ln_final.w * direction)
    logit = logits[at, 970]
    cache.compute_head_results()
    parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
    def edit(hook, x):  # what an edit put into the stream
        if f"blocks.{l}.hook_{hook}" in ["blocks.0.hook_attn_out", "blocks.1.hook_attn_out", "blocks.2.hook_attn_out", "blocks.3.hook_attn_out"]:
            parts[f"edit {l}_{hook}"] = x - sum(parts.values())
    for l in range(4):
        edit("resid_pre", cache["resid_pre", l])
        parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
        parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
        edit("attn_out", cache["resid_pre", l] + cache["attn_out", l])
        edit("resid_mid", cache["resid_mid", l])
        parts[f"{l}_mlp_out"] = cache["mlp_out", l]
        edit("resid_post", cache["resid_post", l])
    stack = torch.stack([x for name, x in parts.items() if name[0] not in "LN"])[:, at]
    bias = model.b_U[970]
    tail = [model.ln_final.b @ direction, bias]
    values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
    heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, (4, 8))
    total = values.sum(-1) + heads.sum((-2, -1))
    outs.append({
        "values": values,
        "heads": heads,
        "logit": logit,
        "sum": total,
        "error": logit - total,
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}

print(out)
