# attribution in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)

runs = {}

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

runs["B"] = cache

def freeze_1(x, hook):
    v = runs["B"][hook.name][3:4, 0:15, 0:15]
    y = x.tril()
    y[:, 3:4] = v
    return torch.where(torch.ones_like(x).tril() > 0, y, x)  # what is masked stays

def scale_2(x, hook):
    y = x.clone()
    y[:, 14, 3] *= 1.5
    return y

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])  # "Once upon a time there was a cat. Once upon a"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[1].attn.hook_pattern.output = freeze_1(nn.blocks[1].attn.hook_pattern.output, nn.blocks[1].attn.hook_pattern)
    nn.blocks[1].attn.hook_z.output = scale_2(nn.blocks[1].attn.hook_z.output, nn.blocks[1].attn.hook_z)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

at = [-1]
direction = model.W_U[:, 532]
def attr(stack):  # ln_final's scale is the run's
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ (model.ln_final.w * direction)
logit = logits[at, 532]
cache.compute_head_results()
parts = {"embed": cache["embed"]}
for l in range(2):
    parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
stack = torch.stack([x for name, x in parts.items() if name[0] not in "LN"])[:, at]
bias = model.b_U[532]
tail = [model.ln_final.b @ direction, bias]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, (2, 8))
carried = cache["v", 1][:, 3] @ model.W_O[1, 3]
source = attr(cache["pattern", 1][3, at].T[..., None] * carried[:, None]).T
total = values.sum(-1) + heads.sum((-2, -1))
out = {
    "values": values,
    "heads": heads,
    "source": source,
    "logit": logit,
    "source_edit": heads[:, 1, 3] - source.sum(-1),
    "sum": total,
    "error": logit - total,
}
print(out)
