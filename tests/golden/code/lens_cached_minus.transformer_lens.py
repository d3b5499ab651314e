# lens in Hookscope, as Python: pip install transformer-lens==2.15.4
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

def zero_1(x, hook):
    y = x.clone()
    y[:, :, [2, 5]] = 0
    return y

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])  # "Once upon a time there was a cat. Once upon a"
with model.hooks(fwd_hooks=[
    ("blocks.1.attn.hook_z", zero_1),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

ids_minus = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])
logits_minus, cache_minus = model.run_with_cache(ids_minus, remove_batch_dim=True)
logits_minus = logits_minus[0]

at = [-1, 4]
runs = [(ids, logits, cache), (ids_minus, logits_minus, cache_minus)]
outs = []
for ids, logits, cache in runs:
    stack = torch.stack([cache[name] for name in ["blocks.1.hook_resid_post", "blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre", "blocks.0.hook_attn_out"]])[:, at]
    lens = model.unembed(cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) * model.ln_final.w + model.ln_final.b)
    log_p = lens.log_softmax(-1)
    final = logits[at].log_softmax(-1)
    if not outs: top = lens.topk(2).indices
    if not outs: token = torch.full((len(final),), 532)
    n = range(len(token))
    mine = lens[:, n, token]
    outs.append({
        "top_logits": lens.gather(-1, top),
        "top_probs": log_p.gather(-1, top).exp(),
        "logit": mine,
        "prob": log_p[:, n, token].exp(),
        "rank": (lens > mine[..., None]).sum(-1),
        "kl": (final.exp() * (final - log_p)).sum(-1),
        "entropy": -(log_p.exp() * log_p).sum(-1),
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
out |= {  # chosen in the first run
    "top_ids": top,
    "token_ids": token,
}
print(out)
