# attribute in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
import numpy as np
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 308, 440]])
base, source = corrupted, clean  # patched, and what from
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
def metric(logits):
    rows = logits[:, -1]
    return (rows[:, 532] - rows[:, 308]).mean()
layers, heads, positions, T = range(4), range(8), range(7), 7
names = {f"blocks.{l}.{hook}" for hook in ["hook_resid_pre", "hook_attn_out", "hook_resid_mid", "hook_mlp_out"] for l in layers}
grad = {}
def save(x, hook):
    grad[hook.name] = grad.get(hook.name, 0) + x
with torch.enable_grad(), model.hooks(bwd_hooks=[(names.__contains__, save)]):
    metric(model(base)).backward()
unpatched = metric(model(base))
def one(hook, l, cell):  # to first order
    name = f"blocks.{l}.{hook}"
    return unpatched + ((source_cache[name] - base_cache[name]) * grad[name])[cell].sum()
values = [torch.stack([one(hook, l, np.s_[:, p]) for l in layers for p in positions]).reshape(len(layers), len(positions)) for hook in ["hook_resid_pre", "hook_attn_out", "hook_resid_mid", "hook_mlp_out"]]
sweep = [get(model, base, source_cache, metric) for get in [patching.get_act_patch_resid_pre, patching.get_act_patch_attn_out, patching.get_act_patch_resid_mid, patching.get_act_patch_mlp_out]]
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
