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
prompts = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])
def metric(logits):
    return model.loss_fn(logits, prompts, per_token=True)[:, 0:].mean()
layers, heads, positions, T = range(2), range(8), range(12), 12
caches = [model.run_with_cache(torch.tensor([ids]), remove_batch_dim=True)[1] for ids in [[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]]]
def one(hook, l, cell):  # one place, one run
    name = f"blocks.{l}.{hook}"
    value = torch.cat([cache[name] for cache in caches]).mean(0)
    def put(x, hook):
        x = x.clone()
        x[cell] = value.expand_as(x)[cell]
        return x
    return metric(model.run_with_hooks(prompts, fwd_hooks=[(name, put)]))
values = [torch.stack([one(hook, l, np.s_[:, :, h]) for l in layers for h in heads]).reshape(len(layers), len(heads)) for hook in ["attn.hook_z"]]
out = {
    "values": values[0],
    "values.base": metric(model(prompts)),
}
print(out)
