# reading "neurons" of "tests/golden/models/none_gelu_new", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "tests/golden/models/none_gelu_new"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_state_dict(load_file(f"{MODEL}/model.safetensors"), strict=False)
W_U = model.W_U
W_out = model.W_out

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 1, 2, 3, 5]

def edit_1(x, hook):  # blocks.0.hook_mlp_out: clamp
    v = x[0].clone()
    u = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    u = u / u.norm(dim=-1, keepdim=True)
    c = (v[:] * u).sum(-1, keepdim=True)
    v[:] += (c.clamp(max=0.1) - c) * u
    return v[None]

edits = [
    ("blocks.0.hook_mlp_out", edit_1),
]

a = run(ids, edits)
position, layers = 4, range(2)
token = 3
p = (W_U[:, token] - W_U[:, 2])

def neurons(run, chosen=None):
    scale = 1
    pre, post = (torch.stack([run[f"blocks.{l}.mlp.hook_{name}"][position] for l in layers]) for name in ("pre", "post"))
    attribution = torch.stack([run[f"blocks.{l}.mlp.hook_post"][position] * (W_out[l] @ p) / scale for l in layers])
    best = attribution.abs().flatten().topk(6).indices
    layer, neuron = (chosen["layer"], chosen["neuron"]) if chosen else (best // 31 + layers[0], best % 31)
    at = (layer - layers[0], neuron)
    return {"layer": layer, "neuron": neuron, "pre": pre[at], "post": post[at], "attribution": attribution[at]}

reading = neurons(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
