# run in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
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

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
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
    outs.append({
        "blocks.1.attn.hook_attn_scores": cache["blocks.1.attn.hook_attn_scores"],
        "blocks.1.hook_resid_post": cache["blocks.1.hook_resid_post"],
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
out["blocks.1.attn.hook_attn_scores"].nan_to_num_()

print(out)
