# decompose in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "stories-gelu-4l"  # config.json and model.safetensors, whose SHA-256 is 61e7df5ae25c745f0fe4d31eeb666585410bace3de02fc02976ba3cbb8bb9cab
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)

def add_1(x, hook):
    v = torch.Tensor([-0.958999991, 0.418000013, 0.838999987, -0.657999992, -0.651000023, 0.843999982, 0.409999996, -0.961000025, -0.135000005, 1, -0.150999993, -0.957000017, 0.425000012, 0.834999979, -0.663999975, -0.644999981, 0.84799999, 0.402999997, -0.963, -0.127000004, 1, -0.158999994, -0.954999983, 0.432000011, 0.83099997, -0.66900003, -0.639999986, 0.851999998, 0.395999998, -0.964999974, -0.119999997, 1, -0.165999994, -0.952000022, 0.437999994, 0.827000022, -0.675000012, -0.634000003, 0.856000006, 0.388999999, -0.967000008, -0.112000003, 1, -0.173999995, -0.949999988, 0.444999993, 0.823000014, -0.680000007, -0.628000021, 0.860000014, 0.381999999, -0.968999982, -0.104999997, 0.999000013, -0.180999994, -0.947000027, 0.451999992, 0.818000019, -0.68599999, -0.621999979, 0.864000022, 0.375, -0.971000016, -0.0970000029, 0.999000013, -0.188999996, -0.944999993, 0.458999991, 0.81400001, -0.691999972, -0.615999997, 0.867999971, 0.368000001, -0.97299999, -0.0900000036, 0.999000013, -0.195999995, -0.943000019, 0.465999991, 0.809000015, -0.697000027, -0.610000014, 0.870999992, 0.361000001, -0.975000024, -0.0820000023, 0.998000026, -0.202999994, -0.939999998, 0.472000003, 0.805000007, -0.702000022, -0.603999972, 0.875, 0.354000002, -0.976000011, -0.075000003, 0.998000026, -0.210999995, -0.936999977, 0.479000002, 0.800000012, -0.708000004, -0.59799999, 0.879000008, 0.347000003, -0.977999985, -0.0670000017, 0.996999979, -0.217999995, -0.935000002, 0.486000001, 0.796000004, -0.713, -0.592000008, 0.882000029, 0.338999987, -0.978999972, -0.0590000004, 0.995999992, -0.225999996, -0.931999981, 0.492000014, 0.791000009, -0.717999995, -0.586000025, 0.885999978, 0.331999987, -0.981000006, -0.0520000011, 0.995999992, -0.232999995, -0.92900002, 0.499000013, 0.787, -0.723999977, -0.579999983, 0.888999999, 0.324999988, -0.981999993, -0.0439999998, 0.995000005, -0.239999995, -0.925999999, 0.504999995, 0.782000005, -0.728999972, -0.573000014, 0.893000007, 0.317999989, -0.984000027, -0.0370000005, 0.994000018, -0.247999996, -0.922999978, 0.512000024, 0.77700001, -0.734000027, -0.566999972, 0.896000028, 0.31099999, -0.985000014, -0.0289999992, 0.992999971, -0.254999995, -0.921000004, 0.518000007, 0.772000015, -0.739000022, -0.56099999, 0.899999976, 0.30399999, -0.986000001, -0.0209999997, 0.992999971, -0.261999995, -0.917999983, 0.524999976, 0.76700002, -0.744000018, -0.555000007, 0.902999997, 0.296000004, -0.987999976, -0.0140000004, 0.991999984, -0.270000011, -0.913999975, 0.531000018, 0.763000011, -0.749000013, -0.547999978, 0.906000018, 0.289000005, -0.989000022, -0.00600000005, 0.990999997, -0.27700001, -0.911000013, 0.537999988, 0.758000016, -0.754000008, -0.541999996, 0.908999979, 0.282000005, -0.99000001, 0.00100000005, 0.99000001, -0.284000009, -0.907999992, 0.54400003, 0.753000021, -0.759000003, -0.535000026, 0.912, 0.275000006, -0.990999997, 0.00899999961, 0.987999976, -0.291999996, -0.904999971, 0.550000012, 0.748000026, -0.763999999, -0.528999984, 0.916000009, 0.26699999, -0.991999984, 0.0160000008, 0.986999989, -0.298999995, -0.90200001, 0.556999981, 0.742999971, -0.768999994, -0.523000002, 0.91900003, 0.25999999, -0.992999971, 0.0240000002, 0.986000001, -0.305999994, -0.898000002, 0.563000023, 0.736999989, -0.773999989, -0.515999973, 0.921999991, 0.252999991, -0.994000018, 0.0320000015, 0.985000014, -0.312999994, -0.894999981, 0.569000006, 0.731999993])
    y = x.clone()
    y[:, 9:12] += 0.5 * v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[1].hook_resid_post.output = add_1(nn.blocks[1].hook_resid_post.output, nn.blocks[1].hook_resid_post)
    logits = nn.output.save()
# of each hook the last call, without the batch axis
cache = {name.removeprefix("model."): x[-1] if isinstance(x, list) else x for name, x in cache.items() if "hook_" in name}
cache = ActivationCache({name: x.output[0] for name, x in cache.items()}, model, has_batch_dim=False)

logits = logits[0]

at = [-1, 3]
cache.compute_head_results()
parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
def edit(hook, x):  # what an edit put into the stream there
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
whole = cache["resid_mid", 2][at]
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
