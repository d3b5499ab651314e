# written in Hookscope, as Python: pip install transformer-lens==2.15.4
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
model.set_use_attn_result(True)

def scale_1(x, hook):
    y = x.clone()
    y[:, :, [0, 7]] *= 0.5
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with model.hooks(fwd_hooks=[
    ("blocks.0.attn.hook_result", scale_1),
    ("blocks.1.attn.hook_result", scale_1),
    ("blocks.2.attn.hook_result", scale_1),
    ("blocks.3.attn.hook_result", scale_1),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

at = [1, 2, 3]
stack = cache.accumulated_resid(incl_mid=True, pos_slice=at)
stream = stack
stack = cache.decompose_resid(pos_slice=at)
norm, variance = stack.norm(dim=-1), stack.var(-1, unbiased=False)
heads = cache.stack_head_results(pos_slice=at).unflatten(0, (4, 8))
out = {
    "norm": norm,
    "variance": variance,
    "norm_mean": norm.mean(-1),
    "variance_mean": variance.mean(-1),
    "heads_norm": heads.norm(dim=-1).mean(-1),
    "heads_variance": heads.var(-1, unbiased=False).mean(-1),
    "stream_norm": stream.norm(dim=-1).mean(-1),
}
print(out)
