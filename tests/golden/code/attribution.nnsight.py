# attribution in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
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

def add_1(x, hook):
    v = torch.Tensor([0.141, -0.96, -0.413, 0.843, 0.652, -0.658, -0.839, 0.42])
    y = x.clone()
    y[:, 4:12, 32:40] += -2.5 * v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[1].hook_resid_mid.output = add_1(nn.blocks[1].hook_resid_mid.output, nn.blocks[1].hook_resid_mid)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

at = [-1]
direction = model.W_U[:, 970] - model.W_U[:, 823]
def attr(stack):  # ln_final's scale is the run's
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ (model.ln_final.w * direction)
logit = logits[at, 970] - logits[at, 823]
parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
def edit(hook, x):  # what an edit put into the stream
    if f"blocks.{l}.hook_{hook}" in ["blocks.1.hook_resid_mid"]:
        parts[f"edit {l}_{hook}"] = x - sum(parts.values())
for l in range(4):
    edit("resid_pre", cache["resid_pre", l])
    parts[f"{l}_attn_out"] = cache["attn_out", l]
    edit("resid_mid", cache["resid_mid", l])
    parts[f"{l}_mlp_out"] = cache["mlp_out", l]
    edit("resid_post", cache["resid_post", l])
stack = torch.stack([x for name, x in parts.items() if name[0] not in "LN"])[:, at]
bias = model.b_U[970] - model.b_U[823]
tail = [model.ln_final.b @ direction, bias]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
total = values.sum(-1)
out = {
    "values": values,
    "logit": logit,
    "sum": total,
    "error": logit - total,
}
print(out)
