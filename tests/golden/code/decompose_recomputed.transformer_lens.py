# decompose in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])  # "Once upon a time there was a cat. Once upon a"
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

at = [-1]
cache.has_pos_embed = False
stack = cache.decompose_resid(pos_slice=at)
whole = cache["blocks.1.hook_resid_post"][at]
scale = (whole.var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
stack, whole = ((x - x.mean(-1, keepdim=True)) / scale for x in (stack, whole))
along = whole / whole.norm(dim=-1, keepdim=True)
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
