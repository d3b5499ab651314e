# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from functools import reduce
import numpy as np
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)
clean, corrupted = torch.tensor([[0, 11, 22, 33, 44, 55, 66]]), torch.tensor([[0, 11, 22, 99, 44, 55, 66]])
base, source = clean, corrupted  # patched, and what from
_, source_cache = model.run_with_cache(source)
log_p = model(clean)[:, -1].log_softmax(-1)
def metric(logits):
    rows = logits[:, -1]
    return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()
layers, heads, positions, T = range(2), range(8), range(7), 7
def one(hook, l, cell):  # one patch, one run
    point = reduce(getattr, hook.split("."), nn.blocks[l])
    with nn.trace(base):
        x = point.output.clone()
        x[cell] = source_cache[f"blocks.{l}.{hook}"][cell]
        point.output = x
        patched = nn.output.save()
    return metric(patched)
values = [torch.stack([one(hook, l, np.s_[:, p, h]) for l in layers for p in positions for h in heads]).reshape(len(layers), len(positions), len(heads)) for hook in ["attn.hook_z"]]
out = {
    "values": values[0],
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
