# attribution in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)

def add_1(x, hook):
    v = torch.Tensor([-0.757, -0.653, 0.758, 0.652, -0.758, -0.651, 0.759, 0.65, -0.76, -0.649, 0.761, 0.648, -0.762, -0.647, 0.763, 0.646, -0.763, -0.645, 0.764, 0.645, -0.765, -0.644, 0.766, 0.643, -0.767, -0.642, 0.767, 0.641, -0.768])
    y = x.clone()
    y[:] += v
    return y

ids = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])  # "no text: {$x} %y ~a?b;c^ &z \"quoted\"\n"
with model.hooks(fwd_hooks=[
    ("blocks.0.hook_mlp_out", add_1),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

at = [-1]
direction = model.W_U[:, 7] - model.W_U[:, 9]
def attr(stack):  # ln_final's scale is the run's
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ (model.ln_final.w * direction)
logit = logits[at, 7] - logits[at, 9]
cache.compute_head_results()
parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
def edit(hook, x):  # what an edit put into the stream
    if f"blocks.{l}.hook_{hook}" in ["blocks.0.hook_mlp_out"]:
        parts[f"edit {l}_{hook}"] = x - sum(parts.values())
for l in range(2):
    edit("resid_pre", cache["resid_pre", l])
    parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
    edit("attn_out", cache["resid_pre", l] + cache["attn_out", l])
    edit("resid_mid", cache["resid_mid", l])
    parts[f"N{l}"] = cache["post", l] @ model.W_out[l]
    parts[f"{l}_mlp_bias"] = model.b_out[l].expand_as(cache["embed"])
    edit("mlp_out", cache["resid_mid", l] + cache["mlp_out", l])
    edit("resid_post", cache["resid_post", l])
stack = torch.stack([x for name, x in parts.items() if name[0] not in "LN"])[:, at]
bias = model.b_U[7] - model.b_U[9]
tail = [model.ln_final.b @ direction, bias]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, (2, 3))
neurons = attr(cache.stack_neuron_results(-1, pos_slice=at)).T.unflatten(-1, (2, 50))
total = values.sum(-1) + heads.sum((-2, -1)) + neurons.sum((-2, -1))
out = {
    "values": values,
    "heads": heads,
    "neurons": neurons,
    "logit": logit,
    "sum": total,
    "error": logit - total,
}
print(out)
