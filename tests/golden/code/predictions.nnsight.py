# predictions in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
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

runs = {}

ids = torch.tensor([[0, 333, 448, 823, 261, 647, 297, 260, 1008, 14, 376, 448]])
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

runs["girl"] = cache

def patch_1(x, hook):
    v = runs["girl"][hook.name][[3, 11]]
    y = x.clone()
    y[:, [3, 11]] = v
    return y

ids = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])  # "The little bird sang in the tree. The little"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[3].hook_resid_pre.output = patch_1(nn.blocks[3].hook_resid_pre.output, nn.blocks[3].hook_resid_pre)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

ids_minus = torch.tensor([[0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448]])
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
    rows = logits
    log_p = rows.log_softmax(-1)
    if not outs: top = rows.topk(4).indices
    if not outs: token = torch.cat([ids[0, 1:], torch.tensor([-1])])
    mine = log_p[range(len(token)), token].where(token >= 0, torch.nan)
    outs.append({
        "top_logits": rows.gather(-1, top),
        "top_probs": log_p.gather(-1, top).exp(),
        "loss": -mine,
        "next_prob": mine.exp(),
        "next_rank": (log_p > mine[:, None]).sum(-1).where(token >= 0, torch.nan),
        "entropy": -(log_p.exp() * log_p).sum(-1),
        "values.mean_loss": -mine.nanmean(),
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
p, q = (x.log_softmax(-1) for _, x, _ in runs)
out["kl"] = (q.exp() * (q - p)).sum(-1)
out |= {  # chosen in the first run
    "top_ids": top,
}
print(out)
