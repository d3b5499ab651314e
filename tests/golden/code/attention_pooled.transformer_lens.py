# attention in Hookscope, as Python: pip install transformer-lens==2.15.4
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

ids = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])  # "no text: {$x} %y ~a?b;c^ &z \"quoted\"\n"
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

def zero_1(x, hook):
    y = x.clone()
    y[:, [2, 5]] = 0
    return y

ids_minus = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])
with model.hooks(fwd_hooks=[
    ("hook_pos_embed", zero_1),
]):
    logits_minus, cache_minus = model.run_with_cache(ids_minus, remove_batch_dim=True)
logits_minus = logits_minus[0]

runs = [(ids, logits, cache), (ids_minus, logits_minus, cache_minus)]
outs = []
for ids, logits, cache in runs:
    heads = [(l, h) for l in range(2) for h in range(3)]
    attention = torch.stack([cache["attn_scores", l][h] for l, h in heads])
    outs.append({
        "attention": attention,
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
attention = out["attention"]
attention[:, torch.ones(7, 7).triu(1) > 0] = -torch.inf
block = torch.arange(7) * 3 // 7
pooled = torch.full((len(heads), 3, 3), torch.nan)
for i in range(3):  # the largest unmasked entry of each block
    for j in range(i + 1):
        cells = attention.tril()[:, block == i][:, :, block == j].flatten(1)
        pooled[:, i, j] = cells.gather(1, cells.abs().argmax(1, keepdim=True))[:, 0]
attention = pooled
out["attention"] = attention

print(out)
