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
log_p = model(prompts)[:, -1].log_softmax(-1)
def metric(logits):
    rows = logits[:, -1]
    return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()
layers, heads, positions, T = range(2), range(3), [1, -1], 7
caches = [model.run_with_cache(torch.tensor([ids]), remove_batch_dim=True)[1] for ids in [[80, 62, 9, 174, 62, 3, 3]]]
def one(hook, l, cell):  # one place, one run
    name = f"blocks.{l}.{hook}"
    value = torch.stack([caches[i % len(caches)][name] for i in range(len(prompts))])
    def put(x, hook):
        x = x.clone()
        x[cell] = value.expand_as(x)[cell]
        return x
    return metric(model.run_with_hooks(prompts, fwd_hooks=[(name, put)]))
values = [torch.stack([one(hook, l, np.s_[:, p]) for l in layers for p in positions]).reshape(len(layers), len(positions)) for hook in ["hook_attn_out", "hook_mlp_out"]]
out = {
    "values": torch.stack(values),
    "values.base": metric(model(prompts)),
}
print(out)
