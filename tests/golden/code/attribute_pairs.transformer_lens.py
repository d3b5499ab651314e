# attribute in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
import numpy as np
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[80, 62, 174, 174, 62, 173], [5, 62, 100, 174, 62, 1]]), torch.tensor([[80, 62, 9, 174, 62, 173], [80, 62, 9, 174, 62, 3]])
base, source = clean, corrupted  # patched, and what from
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
def metric(logits):
    rows = logits[:, -1]
    return (rows[range(2), [11, 12]] - rows[range(2), [200, 14]]).mean()
layers, heads, positions, T = range(2), range(3), range(6), 6
names = {f"blocks.{l}.{hook}" for hook in ["attn.hook_z", "attn.hook_v"] for l in layers}
grad = {}
def save(x, hook):
    grad[hook.name] = grad.get(hook.name, 0) + x
with torch.enable_grad(), model.hooks(bwd_hooks=[(names.__contains__, save)]):
    metric(model(base)).backward()
unpatched = metric(model(base))
def one(hook, l, cell):  # to first order
    name = f"blocks.{l}.{hook}"
    return unpatched + ((source_cache[name] - base_cache[name]) * grad[name])[cell].sum()
values = [torch.stack([one(hook, l, np.s_[:, p, h]) for l in layers for p in positions for h in heads]).reshape(len(layers), len(positions), len(heads)) for hook in ["attn.hook_z", "attn.hook_v"]]
out = {
    "values": torch.stack(values),
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
