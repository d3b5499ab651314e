# ablate in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
import numpy as np
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
prompts = torch.tensor([[0, 333, 448, 970, 261, 647]])
def metric(logits):
    rows = logits[:, -1]
    return (rows[:, 297] - rows[:, 308]).mean()
layers, heads, positions, T = [1], range(8), range(6), 6
def one(hook, l, cell):  # one place, one run
    name = f"blocks.{l}.{hook}"
    def put(x, hook):
        x = x.clone()
        x[cell] = 0
        return x
    return metric(model.run_with_hooks(prompts, fwd_hooks=[(name, put)]))
values = [torch.stack([one(hook, l, np.s_[:, h]) for l in layers for h in heads]).reshape(len(layers), len(heads)) for hook in ["attn.hook_pattern"]]
out = {
    "values": values[0],
    "values.base": metric(model(prompts)),
}
print(out)
