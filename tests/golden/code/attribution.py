# reading "attribution" of "tests/golden/models/odd_gelu_ln", as Hookscope shows it. TransformerLens 2.15.4.
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
ln_final = model.ln_final
W_U = model.W_U
b_U = model.b_U
W_O = model.W_O
b_O = model.b_O
w_final = model.ln_final.w
b_final = model.ln_final.b

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [7, 210, 33, 7, 100, 0, 1]
ids_minus = [7, 210, 33, 7, 100, 0, 1]

def edit_1(x, hook):  # blocks.0.attn.hook_z: zero, heads 1
    v = x[0].clone()
    v[:, 1:2] = 0
    return v[None]

def edit_2(x, hook):  # blocks.1.hook_resid_pre: add, positions from 3
    v = x[0].clone()
    v[3:] += 2 * 0.1
    return v[None]

def edit_3(x, hook):  # blocks.*.hook_attn_out: scale 0.5
    v = x[0].clone()
    v[:] *= 0.5
    return v[None]

edits = [
    ("blocks.0.attn.hook_z", edit_1),
    ("blocks.1.hook_resid_pre", edit_2),
    ("blocks.0.hook_attn_out", edit_3),
    ("blocks.1.hook_attn_out", edit_3),
]

a = run(ids, edits)
positions = [3, 6]
direction = W_U[:, 4] - W_U[:, 9]
p = direction * w_final
p = p - p.mean()  # (x - mean(x)) . w W_U = x . (w W_U - mean(w W_U))

def results(run, layer):  # what each head wrote, [position, head, d_model]
    return torch.einsum("thd,hdm->thm", run[f"blocks.{layer}.attn.hook_z"], W_O[layer])

def attribution(run, chosen=None):
    scale = run["ln_final.hook_scale"][positions]  # cached
    logit = run["logits"][positions, 4] - run["logits"][positions, 9]
    parts = torch.stack([
        run["hook_embed"],  # embed
        run["hook_pos_embed"],  # pos_embed
        b_O[0].expand(len(ids), -1),  # 0_attn_bias
        run["blocks.0.hook_attn_out"] - (results(run, 0).sum(1) + b_O[0]),  # edit 0_attn_out
        run["blocks.0.hook_mlp_out"],  # 0_mlp_out
        run["blocks.1.hook_resid_pre"] - (run["blocks.0.hook_resid_post"]),  # edit 1_resid_pre
        b_O[1].expand(len(ids), -1),  # 1_attn_bias
        run["blocks.1.hook_attn_out"] - (results(run, 1).sum(1) + b_O[1]),  # edit 1_attn_out
        run["blocks.1.hook_mlp_out"],  # 1_mlp_out
    ])[:, positions]
    values = (parts @ p).T / scale  # [position, part]
    tail = [  # parts that are no vectors of the stream
        b_final @ direction,  # ln_final_bias
        b_U[4] - b_U[9],  # unembed_bias
    ]
    values = torch.cat([values, torch.stack([x.expand(len(positions)) for x in tail], -1)], -1)
    heads = torch.stack([results(run, layer)[positions] @ p / scale for layer in range(len(W_O))], 1)
    whole = values.sum(-1) + heads.sum((1, 2))
    return {
        "values": values, "heads": heads,
        "logit": logit, "sum": whole, "error": logit - whole,
    }

reading = attribution(a)
b = run(ids_minus)
other = attribution(b, reading)  # the same of the run that is taken away
reading = {name: x - other[name] for name, x in reading.items()}
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
