# ablate in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
import numpy as np
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
prompts = torch.tensor([[80, 62, 174, 174, 62, 173, 106], [5, 62, 174, 174, 62, 1, 2]])
def metric(logits):
    return model.loss_fn(logits, prompts, per_token=True)[:, 0:].mean()
layers, heads, positions, T = [1], range(3), range(7), 7
d_mlp = 50
caches = [model.run_with_cache(torch.tensor([ids]), remove_batch_dim=True)[1] for ids in [[80, 62, 9, 174, 62, 3, 3], [5, 62, 1, 174, 62, 3, 2], [7, 1, 1, 174, 60, 3, 2]]]
def one(hook, l, cell):  # one place, one run
    name = f"blocks.{l}.{hook}"
    value = torch.stack([cache[name] for cache in caches]).mean(0)
    def put(x, hook):
        x = x.clone()
        x[cell] = value.expand_as(x)[cell]
        return x
    return metric(model.run_with_hooks(prompts, fwd_hooks=[(name, put)]))
values = [torch.stack([one(hook, l, np.s_[:, :, n]) for l in layers for n in range(d_mlp)]).reshape(len(layers), d_mlp) for hook in ["mlp.hook_post"]]
out = {
    "values": values[0],
    "values.base": metric(model(prompts)),
}
print(out)
