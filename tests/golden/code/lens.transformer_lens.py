# lens in Hookscope, as Python: pip install transformer-lens==2.15.4
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

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])  # "Once upon a time there was a cat. Once upon a"
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

stack = cache.accumulated_resid(incl_mid=True)
lens = model.unembed(model.ln_final(stack))
log_p = lens.log_softmax(-1)
final = logits.log_softmax(-1)
top = lens.topk(3).indices
token = torch.cat([ids[0, 1:], torch.tensor([-1])])
n = range(len(token))
mine = lens[:, n, token]
out = {
    "top_ids": top,
    "top_logits": lens.gather(-1, top),
    "top_probs": log_p.gather(-1, top).exp(),
    "token_ids": token.where(token >= 0, torch.nan),
    "logit": mine.where(token >= 0, torch.nan),
    "prob": log_p[:, n, token].exp().where(token >= 0, torch.nan),
    "rank": (lens > mine[..., None]).sum(-1).where(token >= 0, torch.nan),
    "kl": (final.exp() * (final - log_p)).sum(-1),
    "entropy": -(log_p.exp() * log_p).sum(-1),
}
print(out)
