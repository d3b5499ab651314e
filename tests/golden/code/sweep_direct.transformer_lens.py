# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[80, 62, 174, 174, 62, 173], [5, 62, 100, 174, 62, 1]]), torch.tensor([[80, 62, 9, 174, 62, 173], [80, 62, 9, 174, 62, 3]])
base, source = clean, corrupted  # patched, and what from
_, source_cache = model.run_with_cache(source)
def metric(logits):
    rows = logits[:, -1]
    return (rows[range(2), [11, 12]] - rows[range(2), [3, 14]]).mean()
_, base_cache = model.run_with_cache(base)
def one(l, h, m, g):  # what head h of layer l changes, straight into head g of layer m
    change = (source_cache["z", l] - base_cache["z", l])[:, :, h] @ model.W_O[l, h]
    added = change / base_cache["scale", m, "ln1"] @ model.W_K[m, g]
    def put(x, hook):
        x = x.clone()
        x[:, :, g] += added
        return x
    return metric(model.run_with_hooks(base, fwd_hooks=[(f"blocks.{m}.attn.hook_k", put)]))
heads = [(l, h) for l in range(2) for h in range(3)]
values = [torch.stack([one(*a, *b) if b[0] > a[0] else torch.tensor(0.0) for a in heads for b in heads]).reshape(2 * (2, 3))]
out = {
    "values": values[0],
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
