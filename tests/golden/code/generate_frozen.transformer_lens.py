# generate in Hookscope, as Python: pip install transformer-lens==2.15.4
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

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448, 970, 308, 665]])
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

runs["unedited"] = cache

def freeze_1(x, hook):
    v = runs["unedited"][hook.name][:, 0:15, 0:15]
    y = x.tril()
    y[:] = v
    return torch.where(torch.ones_like(x).tril() > 0, y, x)  # what is masked stays

def project_out_2(x, hook):
    v = torch.Tensor([-0.279, 1, -0.285, -0.839, 0.759, 0.41, -0.991, 0.15])
    v = v / v.norm()
    y = x.clone()
    y[:, :, 0:8] -= 0.5 * (y[:, :, 0:8] @ v)[..., None] * v
    return y

def add_3(x, hook):
    v = torch.Tensor([-0.279, 1, -0.285, -0.839, 0.759, 0.41, -0.991, 0.15])
    y = x.clone()
    y[:, :, 0:8] += 3 * v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448, 970, 308, 665]])  # "The little bird sang in the tree. The little"
with model.hooks(fwd_hooks=[
    ("blocks.0.attn.hook_pattern", freeze_1),
    ("blocks.1.hook_resid_pre", project_out_2),
    ("blocks.1.attn.hook_pattern", freeze_1),
    ("blocks.2.attn.hook_pattern", freeze_1),
    ("blocks.2.hook_resid_post", add_3),
    ("blocks.3.attn.hook_pattern", freeze_1),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

ids_twin = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448, 970, 308, 665]])
logits_twin, cache_twin = model.run_with_cache(ids_twin, remove_batch_dim=True)
logits_twin = logits_twin[0]

id = torch.tensor([970, 308, 665, 14])
log_p = logits[11:].log_softmax(-1)
log_prob = log_p[range(len(id)), id]
log_q = logits_twin[11:].log_softmax(-1)
top = log_p.topk(3)
out = {
    "id": id,
    "log_prob": log_prob,
    "prob": log_prob.exp(),
    "entropy": -(log_p.exp() * log_p).sum(-1),
    "kl": (log_p.exp() * (log_p - log_q)).sum(-1),
    "twin_log_prob": log_q[range(len(id)), id],
    "top_ids": top.indices,
    "top_probs": top.values.exp(),
}
print(out)
