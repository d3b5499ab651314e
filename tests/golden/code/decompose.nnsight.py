# decompose in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
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
    v = torch.Tensor([-0.959, 0.418, 0.839, -0.658, -0.651, 0.844, 0.41, -0.961, -0.135, 1, -0.151, -0.957, 0.425, 0.835, -0.664, -0.645, 0.848, 0.403, -0.963, -0.127, 1, -0.159, -0.955, 0.432, 0.831, -0.669, -0.64, 0.852, 0.396, -0.965, -0.12, 1, -0.166, -0.952, 0.438, 0.827, -0.675, -0.634, 0.856, 0.389, -0.967, -0.112, 1, -0.174, -0.95, 0.445, 0.823, -0.68, -0.628, 0.86, 0.382, -0.969, -0.105, 0.999, -0.181, -0.947, 0.452, 0.818, -0.686, -0.622, 0.864, 0.375, -0.971, -0.097, 0.999, -0.189, -0.945, 0.459, 0.814, -0.692, -0.616, 0.868, 0.368, -0.973, -0.09, 0.999, -0.196, -0.943, 0.466, 0.809, -0.697, -0.61, 0.871, 0.361, -0.975, -0.082, 0.998, -0.203, -0.94, 0.472, 0.805, -0.702, -0.604, 0.875, 0.354, -0.976, -0.075, 0.998, -0.211, -0.937, 0.479, 0.8, -0.708, -0.598, 0.879, 0.347, -0.978, -0.067, 0.997, -0.218, -0.935, 0.486, 0.796, -0.713, -0.592, 0.882, 0.339, -0.979, -0.059, 0.996, -0.226, -0.932, 0.492, 0.791, -0.718, -0.586, 0.886, 0.332, -0.981, -0.052, 0.996, -0.233, -0.929, 0.499, 0.787, -0.724, -0.58, 0.889, 0.325, -0.982, -0.044, 0.995, -0.24, -0.926, 0.505, 0.782, -0.729, -0.573, 0.893, 0.318, -0.984, -0.037, 0.994, -0.248, -0.923, 0.512, 0.777, -0.734, -0.567, 0.896, 0.311, -0.985, -0.029, 0.993, -0.255, -0.921, 0.518, 0.772, -0.739, -0.561, 0.9, 0.304, -0.986, -0.021, 0.993, -0.262, -0.918, 0.525, 0.767, -0.744, -0.555, 0.903, 0.296, -0.988, -0.014, 0.992, -0.27, -0.914, 0.531, 0.763, -0.749, -0.548, 0.906, 0.289, -0.989, -0.006, 0.991, -0.277, -0.911, 0.538, 0.758, -0.754, -0.542, 0.909, 0.282, -0.99, 0.001, 0.99, -0.284, -0.908, 0.544, 0.753, -0.759, -0.535, 0.912, 0.275, -0.991, 0.009, 0.988, -0.292, -0.905, 0.55, 0.748, -0.764, -0.529, 0.916, 0.267, -0.992, 0.016, 0.987, -0.299, -0.902, 0.557, 0.743, -0.769, -0.523, 0.919, 0.26, -0.993, 0.024, 0.986, -0.306, -0.898, 0.563, 0.737, -0.774, -0.516, 0.922, 0.253, -0.994, 0.032, 0.985, -0.313, -0.895, 0.569, 0.732])
    y = x.clone()
    y[:, 9:12] += 0.5 * v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[1].hook_resid_post.output = add_1(nn.blocks[1].hook_resid_post.output, nn.blocks[1].hook_resid_post)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

at = [-1, 3]
cache.compute_head_results()
parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
def edit(hook, x):  # what an edit put into the stream
    if f"blocks.{l}.hook_{hook}" in ["blocks.1.hook_resid_post"]:
        parts[f"edit {l}_{hook}"] = x - sum(parts.values())
for l in range(3):
    edit("resid_pre", cache["resid_pre", l])
    parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
    edit("attn_out", cache["resid_pre", l] + cache["attn_out", l])
    edit("resid_mid", cache["resid_mid", l])
    if l == 2:
        break
    parts[f"{l}_mlp_out"] = cache["mlp_out", l]
    edit("resid_post", cache["resid_post", l])
stack = torch.stack([x for x in parts.values()])[:, at]
whole = cache["blocks.2.hook_resid_mid"][at]
stack, whole = (cache.apply_ln_to_stack(x, layer=2, mlp_input=True, pos_slice=at, has_batch_dim=False) for x in (stack, whole))
along = cache.stack_activation("z")[:, -1][1,4] @ model.W_O[1,4]
along = along / along.norm()
shares, length = (stack * along).sum(-1), (whole * along).sum(-1)
out = {
    "norm": stack.norm(dim=-1),
    "along": shares,
    "state_norm": whole.norm(dim=-1),
    "state_along": length,
    "sum": shares.sum(0),
    "error": length - shares.sum(0),
}
print(out)
