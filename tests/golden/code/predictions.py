# reading "predictions" of "models/stories-2l", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "models/stories-2l"  # a folder: config.json and model.safetensors
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

ids = [0, 464, 318, 257, 1200, 31, 464, 318, 257]
ids_minus = [0, 464, 318, 257, 1200, 31, 464, 318, 257]
runs = {
    "B": run([0, 5, 6, 7, 8, 9]),
}

def edit_1(x, hook):  # blocks.0.hook_attn_out: mean, positions 4
    v = x[0].clone()
    v[4:5] = runs["B"][hook.name].mean(0, keepdim=True)
    return v[None]

edits = [
    ("blocks.0.hook_attn_out", edit_1),
]

a = run(ids, edits)
positions = list(range(len(ids)))
token = torch.tensor([464, 318, 257, 1200, 31, 464, 318, 257, -1])  # the next ones, none at the end

def predictions(run, chosen=None):
    logits = run["logits"][positions]
    log_p = logits.log_softmax(-1)
    top = chosen["top_ids"] if chosen else logits.topk(3).indices
    cell = (torch.arange(len(positions)), token)
    return {
        "top_ids": top, "top_logits": logits.gather(-1, top), "top_probs": log_p.gather(-1, top).exp(),
        "loss": torch.where(token < 0, torch.tensor(float("nan")), -log_p[cell]), "next_prob": torch.where(token < 0, torch.tensor(float("nan")), log_p[cell].exp()),
        "next_rank": torch.where(token < 0, torch.tensor(float("nan")), (logits > logits[cell][:, None]).sum(-1)), "entropy": -(log_p.exp() * log_p).sum(-1),
    }

def kl(run, other):  # KL(other || run)
    p, q = (x["logits"][positions].log_softmax(-1) for x in (other, run))
    return (p.exp() * (p - q)).sum(-1)

reading = predictions(a)
b = run(ids_minus)
other = predictions(b, reading)  # the same of the run that is taken away
reading = {name: x if name in ["top_ids"] else x - other[name] for name, x in reading.items()}
reading["kl"] = kl(a, b)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
