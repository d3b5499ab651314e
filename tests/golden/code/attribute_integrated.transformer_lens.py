# attribute in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
import numpy as np
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "attn_only_ln"  # model.safetensors has SHA-256 92251ae37b655905e7009e9500ad5a26d8dbc32656d0697f89869431f51acd4b
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[3, 5, 8, 2, 17]]), torch.tensor([[3, 7, 8, 2, 9]])
base, source = clean, corrupted  # patched, and what from
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
log_p = model(clean)[:, -1].log_softmax(-1)
def metric(logits):
    rows = logits[:, -1]
    return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()
layers, heads, positions, T = range(2), range(4), range(5), 5
names = {f"blocks.{l}.{hook}" for hook in ["attn.hook_pattern"] for l in layers}
grad = {}
def save(x, hook):
    grad[hook.name] = grad.get(hook.name, 0) + x / 8
for k in range(1, 8 + 1):  # on the way from the source run's embeddings to the base run's
    embed = source_cache["embed"].lerp(base_cache["embed"], k / 8).requires_grad_()
    with torch.enable_grad(), model.hooks([("hook_embed", lambda x, hook: embed)], [(names.__contains__, save)]):
        metric(model(base)).backward()
unpatched = metric(model(base))
def one(hook, l, cell):  # to first order
    name = f"blocks.{l}.{hook}"
    return unpatched + ((source_cache[name] - base_cache[name]) * grad[name])[cell].sum()
values = [torch.stack([one(hook, l, np.s_[:, h, d]) for l in layers for h in heads for d in positions]).reshape(len(layers), len(heads), len(positions)) for hook in ["attn.hook_pattern"]]
sweep = [get(model, base, source_cache, metric) for get in [patching.get_act_patch_attn_head_pattern_by_pos]]
both = torch.stack([torch.stack(x).flatten() for x in (values, sweep)]).double()
def ranks(x):  # equals share the mean of theirs
    _, place, n = x.unique(return_inverse=True, return_counts=True)
    return (n.cumsum(0) - n / 2)[place]
out = {
    "values": torch.stack(values),
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
    "sweep": torch.stack(sweep),
    "values.pearson": torch.corrcoef(both)[0, 1],
    "values.spearman": torch.corrcoef(torch.stack([ranks(x) for x in both]))[0, 1],
}
print(out)
