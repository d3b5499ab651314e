# states in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
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

def clamp_1(x, hook):
    v = torch.Tensor([0.909, -0.144, -0.99, -0.413])
    v = v / v.norm()
    y = x.clone()
    c = (y[:, :, 8:12] @ v)[..., None]
    y[:, :, 8:12] += (c.clamp(-0.1, 0.3) - c) * v
    return y

def project_out_2(x, hook):
    v = torch.Tensor([0.841, 0.841, -0.144, -0.96, -0.653, 0.418, 1, 0.412, -0.658, -0.958, -0.137, 0.844, 0.838, -0.149, -0.961, -0.649])
    v = v / v.norm()
    y = x.clone()
    y[:, [3, 11], 0:16] -= (y[:, [3, 11], 0:16] @ v)[..., None] * v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[1].mlp.hook_post.output = clamp_1(nn.blocks[1].mlp.hook_post.output, nn.blocks[1].mlp.hook_post)
    nn.blocks[2].hook_resid_pre.output = project_out_2(nn.blocks[2].hook_resid_pre.output, nn.blocks[2].hook_resid_pre)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

ids_minus = torch.tensor([[0, 333, 448, 823, 261, 647, 297, 260, 1008, 14, 376, 448]])
with nn.trace(ids_minus) as tracer:
    cache_minus = tracer.cache()
    logits_minus = nn.output.save()
cache_minus = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache_minus.items() if "hook_" in name
}, model, has_batch_dim=False)
logits_minus = logits_minus[0]

runs = [(ids, logits, cache), (ids_minus, logits_minus, cache_minus)]
outs = []
for ids, logits, cache in runs:
    stack = cache.accumulated_resid(incl_mid=True)
    other = cache["hook_embed"]
    if not outs: along = model.W_U[:, 474] - model.W_U[:, 707]
    if not outs: along = along / along.norm()
    outs.append({
        "norm": stack.norm(dim=-1),
        "mean": stack.mean(-1),
        "cosine": torch.cosine_similarity(stack, other, dim=-1, eps=0),
        "projection": stack @ along,
        "vectors": stack,
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
out["distance"] = out.pop("vectors").norm(dim=-1)

print(out)
