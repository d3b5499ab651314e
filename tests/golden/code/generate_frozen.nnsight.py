# generate in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)

runs = {}

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448, 970, 308, 665]])
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
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
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[0].attn.hook_pattern.output = freeze_1(nn.blocks[0].attn.hook_pattern.output, nn.blocks[0].attn.hook_pattern)
    nn.blocks[1].hook_resid_pre.output = project_out_2(nn.blocks[1].hook_resid_pre.output, nn.blocks[1].hook_resid_pre)
    nn.blocks[1].attn.hook_pattern.output = freeze_1(nn.blocks[1].attn.hook_pattern.output, nn.blocks[1].attn.hook_pattern)
    nn.blocks[2].attn.hook_pattern.output = freeze_1(nn.blocks[2].attn.hook_pattern.output, nn.blocks[2].attn.hook_pattern)
    nn.blocks[2].hook_resid_post.output = add_3(nn.blocks[2].hook_resid_post.output, nn.blocks[2].hook_resid_post)
    nn.blocks[3].attn.hook_pattern.output = freeze_1(nn.blocks[3].attn.hook_pattern.output, nn.blocks[3].attn.hook_pattern)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

ids_twin = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448, 970, 308, 665]])
with nn.trace(ids_twin) as tracer:
    cache_twin = tracer.cache()
    logits_twin = nn.output.save()
cache_twin = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache_twin.items() if "hook_" in name
}, model, has_batch_dim=False)
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
