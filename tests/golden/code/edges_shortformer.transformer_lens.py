# edges in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "attn_only_shortformer"  # model.safetensors has SHA-256 347100d69f6051a45823d92ee6da7b87afc53aae7373a4274820720b1d3f8ed6
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
model.set_use_attn_result(True)
model.set_use_split_qkv_input(True)
clean, corrupted = torch.tensor([[3, 5, 8, 2]]), torch.tensor([[3, 7, 8, 2]])
base, source = clean, corrupted  # patched, and what from
log_p = model(clean)[:, -1].log_softmax(-1)
def metric(logits):
    rows = logits[:, -1]
    return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()
# Who writes to the stream and who reads it, in the order of the forward pass: hook, head, when.
every = slice(None)
writers, readers = {"embed": ("hook_embed", every, -1)}, {}
for l in range(2):
    writers |= {f"L{l}H{h}": (f"blocks.{l}.attn.hook_result", h, 2 * l) for h in range(3)}
    readers |= {f"L{l}H{h}.{x}": (f"blocks.{l}.hook_{x}_input", h, 2 * l) for x in "qkv" for h in range(3)}
readers["final"] = ("blocks.1.hook_resid_post", every, 2 * 2)
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
names = {name for name, _, _ in readers.values()}
grad = {}
def save(x, hook):
    grad[hook.name] = grad.get(hook.name, 0) + x / 3
for k in range(1, 3 + 1):  # on the way from the source run's embeddings to the base run's
    embed = source_cache["embed"].lerp(base_cache["embed"], k / 3).requires_grad_()
    with torch.enable_grad(), model.hooks([("hook_embed", lambda x, hook: embed)], [(names.__contains__, save)]):
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
