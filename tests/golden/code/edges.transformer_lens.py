# edges in Hookscope, as Python: pip install transformer-lens==2.15.4
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
model.set_use_attn_result(True)
model.set_use_split_qkv_input(True)
clean, corrupted = torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 308, 440]])
base, source = corrupted, clean  # patched, and what from
def metric(logits):
    rows = logits[:, -1]
    return (rows[:, 532] - rows[:, 308]).mean()
# Who writes to the stream and who reads it, in the order of the forward pass: hook, head, when.
every = slice(None)
writers, readers = {"embed": ("hook_embed", every, -1)}, {}
for l in range(2):
    writers |= {f"L{l}H{h}": (f"blocks.{l}.attn.hook_result", h, 2 * l) for h in range(8)}
    readers |= {f"L{l}H{h}.{x}": (f"blocks.{l}.hook_{x}_input", h, 2 * l) for x in "qkv" for h in range(8)}
readers["final"] = ("blocks.1.hook_resid_post", every, 2 * 2)
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
names = {name for name, _, _ in readers.values()}
grad = {}
def save(x, hook):
    grad[hook.name] = grad.get(hook.name, 0) + x
with torch.enable_grad(), model.hooks(bwd_hooks=[(names.__contains__, save)]):
    metric(model(base)).backward()
change = torch.stack([(source_cache[name] - base_cache[name])[:, :, head] for name, head, _ in writers.values()])
slope = torch.stack([grad[name][:, :, head] for name, head, _ in readers.values()])
edge = torch.tensor([[wrote < reads for _, _, reads in readers.values()] for _, _, wrote in writers.values()])
values = torch.einsum("sbpd,rbpd->sr", change, slope).where(edge, torch.nan)
out = {
    "values": values,
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
