# reading "decompose" of "tests/golden/models/none_gelu_new", as Hookscope shows it. TransformerLens 2.15.4.
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
W_O = model.W_O
b_O = model.b_O

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 1, 2, 3, 5]
ids_minus = [8, 13, 21, 1, 1]
runs = {
    "B": run([8, 13, 21, 1, 1]),
}

def edit_1(x, hook):  # blocks.0.hook_resid_post: patch, positions 2, -1
    v = x[0].clone()
    v[[2, 4]] = runs["B"][hook.name][[2, 4]]
    return v[None]

edits = [
    ("blocks.0.hook_resid_post", edit_1),
]

a = run(ids, edits)
positions = [1, 4]

def results(run, layer):  # what each head wrote, [position, head, d_model]
    return torch.einsum("thd,hdm->thm", run[f"blocks.{layer}.attn.hook_z"], W_O[layer])

def decompose(run, chosen=None):  # what wrote final_post
    state = run["blocks.1.hook_resid_post"][positions]
    parts = torch.stack([
        run["hook_embed"],  # embed
        run["hook_pos_embed"],  # pos_embed
        results(run, 0)[:, 0],  # L0H0
        results(run, 0)[:, 1],  # L0H1
        results(run, 0)[:, 2],  # L0H2
        results(run, 0)[:, 3],  # L0H3
        b_O[0].expand(len(ids), -1),  # 0_attn_bias
        run["blocks.0.hook_mlp_out"],  # 0_mlp_out
        run["blocks.0.hook_resid_post"] - (run["blocks.0.hook_resid_mid"] + run["blocks.0.hook_mlp_out"]),  # edit 0_resid_post
        results(run, 1)[:, 0],  # L1H0
        results(run, 1)[:, 1],  # L1H1
        results(run, 1)[:, 2],  # L1H2
        results(run, 1)[:, 3],  # L1H3
        b_O[1].expand(len(ids), -1),  # 1_attn_bias
        run["blocks.1.hook_mlp_out"],  # 1_mlp_out
    ])[:, positions]  # [part, position, d_model]
    unit = chosen["unit"] if chosen else state / state.norm(dim=-1, keepdim=True)  # the state's own direction
    along = (parts * unit).sum(-1)
    state_along = (state * unit).sum(-1)
    return {
        "norm": parts.norm(dim=-1), "along": along,
        "state_norm": state.norm(dim=-1), "state_along": state_along,
        "sum": along.sum(0), "error": state_along - along.sum(0),
        "unit": unit,
    }

reading = decompose(a)
b = run(ids_minus)
other = decompose(b, reading)  # the same of the run that is taken away
reading = {name: x - other[name] for name, x in reading.items()}
del reading["unit"]
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
