# reading "states" of "tests/golden/models/odd_gelu_ln", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "tests/golden/models/odd_gelu_ln"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_state_dict(load_file(f"{MODEL}/model.safetensors"), strict=False)
W_O = model.W_O

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [7, 210, 33, 7, 100, 0, 1]
ids_minus = [7, 210, 33, 7, 100, 0, 1]

def edit_1(x, hook):  # blocks.0.hook_resid_mid: project_out, positions 2, -1
    v = x[0].clone()
    u = torch.tensor([1.0, 0.0, -2.0, 0.5, 1.0, 1.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 3.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    u = u / u.norm(dim=-1, keepdim=True)
    v[[2, 6]] -= (v[[2, 6]] * u).sum(-1, keepdim=True) * u
    return v[None]

edits = [
    ("blocks.0.hook_resid_mid", edit_1),
]

a = run(ids, edits)
positions = list(range(len(ids)))
direction = a["blocks.1.attn.hook_z"][-2, 2] @ W_O[1][2]
direction = direction / direction.norm()

def states(run, chosen=None):
    states = torch.stack([
        run["blocks.0.hook_resid_pre"],  # 0_pre
        run["blocks.0.hook_resid_mid"],  # 0_mid
        run["blocks.1.hook_resid_pre"],  # 1_pre
        run["blocks.1.hook_resid_mid"],  # 1_mid
        run["blocks.1.hook_resid_post"],  # final_post
    ])[:, positions]  # [state, position, d_model]
    other = run["blocks.0.hook_resid_pre"][positions]  # 0_pre
    return {
        "norm": states.norm(dim=-1), "mean": states.mean(-1),
        "cosine": (states * other).sum(-1) / states.norm(dim=-1) / other.norm(dim=-1),
        "projection": states @ direction,
        "distance": (chosen["vectors"] - states).norm(dim=-1) if chosen else None,
        "vectors": states,
    }

reading = states(a)
b = run(ids_minus)
other = states(b, reading)  # the same of the run that is taken away
reading = {name: x if name in ["distance"] else x - other[name] for name, x in reading.items()}
del reading["vectors"]
reading["distance"] = other["distance"]
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
