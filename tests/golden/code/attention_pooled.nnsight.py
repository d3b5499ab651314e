# attention in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)

ids = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])  # "no text: {$x} %y ~a?b;c^ &z \"quoted\"\n"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

def zero_1(x, hook):
    y = x.clone()
    y[:, [2, 5]] = 0
    return y

ids_minus = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])
with nn.trace(ids_minus) as tracer:
    cache_minus = tracer.cache()
    nn.hook_pos_embed.output = zero_1(nn.hook_pos_embed.output, nn.hook_pos_embed)
    logits_minus = nn.output.save()
cache_minus = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache_minus.items() if "hook_" in name
}, model, has_batch_dim=False)
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
