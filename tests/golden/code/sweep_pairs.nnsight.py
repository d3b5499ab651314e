# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from functools import reduce
import numpy as np
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)
clean, corrupted = torch.tensor([[80, 62, 174, 174, 62, 173], [5, 62, 100, 174, 62, 1]]), torch.tensor([[80, 62, 9, 174, 62, 173], [80, 62, 9, 174, 62, 3]])
base, source = clean, corrupted  # patched, and what from
_, source_cache = model.run_with_cache(source)
def metric(logits):
    rows = logits[:, -1]
    return rows.log_softmax(-1)[range(2), [11, 12]].mean()
layers, heads, positions, T = [1], [2, 0], [-1, 2], 6
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
