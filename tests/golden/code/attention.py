# reading "attention" of "tests/golden/models/attn_only_shortformer", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "tests/golden/models/attn_only_shortformer"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_state_dict(load_file(f"{MODEL}/model.safetensors"), strict=False)

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 9, 30, 9, 12]
runs = {
    "B": run([5, 5, 18, 2, 1]),
}

def edit_1(x, hook):  # blocks.0.attn.hook_pattern: freeze, heads 0, 2
    v = x[0].clone()
    causal = torch.ones_like(v, dtype=torch.bool).tril()  # cells that attention may use
    v[[0, 2]] = runs["B"][hook.name][[0, 2]]
    return torch.where(causal, v, x[0])[None]

def edit_2(x, hook):  # blocks.1.attn.hook_attn_scores: add, positions -1, sources 1, 3
    v = x[0].clone()
    causal = torch.ones_like(v, dtype=torch.bool).tril()  # cells that attention may use
    v[:, 4:5, [1, 3]] += 2
    return torch.where(causal, v, x[0])[None]

edits = [
    ("blocks.0.attn.hook_pattern", edit_1),
    ("blocks.1.attn.hook_attn_scores", edit_2),
]

a = run(ids, edits)
heads = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]

def attention(run, chosen=None):  # [head, destination, source]
    rows = []
    for layer, head in heads:
        row = run[f"blocks.{layer}.attn.hook_pattern"][head]
        carried = run[f"blocks.{layer}.attn.hook_v"][:, head]
        row = row * carried.norm(dim=-1)
        rows.append(row)
    return {"attention": torch.stack(rows)}

reading = attention(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
