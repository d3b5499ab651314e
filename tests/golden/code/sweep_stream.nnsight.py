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
base, source = torch.tensor([[0, 1649, 327, 657, 259, 308, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 532, 440]])
_, cache = model.run_with_cache(source)
def metric(logits):
    row = logits[0, -1]
    return row[532] - row[308]
layers, heads, T = [0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7], base.shape[1]
def patch(hook, l, cell):  # one patch, one run
    point = reduce(getattr, hook.split("."), nn.blocks[l])
    with nn.trace(base):
        x = point.output.clone()
        x[cell] = cache[f"blocks.{l}.{hook}"][cell]
        point.output = x
        patched = nn.output.save()
    return metric(patched)
values = [torch.stack([patch(hook, l, np.s_[0, p]) for l in layers for p in range(T)]).reshape(len(layers), T) for hook in ["hook_resid_pre", "hook_attn_out", "hook_resid_mid", "hook_mlp_out"]]
out = {
    "values": torch.stack(values),
    "values.clean": metric(model(torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]))),
    "values.corrupted": metric(model(torch.tensor([[0, 1649, 327, 657, 259, 308, 440]]))),
}
print(out)
