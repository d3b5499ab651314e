# neurons in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)

runs = {}

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

runs["B"] = cache

def mean_1(x, hook):
    v = runs["B"][hook.name][[1, 2, 14]].mean(0, keepdim=True)
    y = x.clone()
    y[:] = v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with model.hooks(fwd_hooks=[
    ("blocks.0.hook_mlp_out", mean_1),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

at = [-1]
token = torch.tensor(970)
direction = model.W_U[:, token]
def attr(stack):  # ln_final's scale is the run's
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ (model.ln_final.w * direction)
layers = slice(None)
pre, post = (cache.stack_activation(name)[layers, at[0]].flatten() for name in ("pre", "post"))
attribution = attr(cache.stack_neuron_results(-1, pos_slice=at)).unflatten(0, (4, 1024))[layers].flatten()
chosen = attribution.abs().argsort(descending=True, stable=True)[:8]
out = {
    "layer": chosen // 1024,
    "neuron": chosen % 1024,
    "pre": pre[chosen],
    "post": post[chosen],
    "attribution": attribution[chosen],
    "values.token": token,
}
print(out)
