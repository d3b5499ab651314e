# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from functools import reduce
import numpy as np
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)
clean, corrupted = torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 308, 440]])
base, source = corrupted, clean  # patched, and what from
_, source_cache = model.run_with_cache(source)
def metric(logits):
    rows = logits[:, -1]
    return (rows[:, 532] - rows[:, 308]).mean()
layers, heads, positions, T = range(4), range(8), range(7), 7
def one(hook, l, cell):  # one patch, one run
    point = reduce(getattr, hook.split("."), nn.blocks[l])
    with nn.trace(base):
        x = point.output.clone()
        x[cell] = source_cache[f"blocks.{l}.{hook}"][cell]
        point.output = x
        patched = nn.output.save()
    return metric(patched)
values = [torch.stack([one(hook, l, np.s_[:, p]) for l in layers for p in positions]).reshape(len(layers), len(positions)) for hook in ["hook_resid_pre", "hook_attn_out", "hook_resid_mid", "hook_mlp_out"]]
out = {
    "values": torch.stack(values),
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
