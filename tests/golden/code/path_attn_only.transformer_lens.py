# path in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "attn_only_ln"  # model.safetensors has SHA-256 92251ae37b655905e7009e9500ad5a26d8dbc32656d0697f89869431f51acd4b
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
model.set_use_attn_result(True)
model.set_use_split_qkv_input(True)
clean, corrupted = torch.tensor([[3, 5, 8, 2]]), torch.tensor([[3, 7, 8, 2]])
base, source = corrupted, clean  # patched, and what from
log_p = model(clean)[:, -1].log_softmax(-1)
def metric(logits):
    rows = logits[:, -1]
    return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()
# Who writes to the stream and who reads it, in the order of the forward pass: hook, head, when.
every = slice(None)
writers, readers = {"embed": ("hook_embed", every, -1)}, {}
for l in range(2):
    writers |= {f"L{l}H{h}": (f"blocks.{l}.attn.hook_result", h, 2 * l) for h in range(4)}
    readers |= {f"L{l}H{h}.{x}": (f"blocks.{l}.hook_{x}_input", h, 2 * l) for x in "qkv" for h in range(4)}
readers["final"] = ("blocks.1.hook_resid_post", every, 2 * 2)
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
senders = [[name] for name in writers]
receivers = [["final"], ["L1H0.q", "L1H1.k"]]
def put(points, cache):  # what another run has there
    def write(x, hook):
        x = x.clone()
        for name, head, _ in points:
            if name == hook.name:
                x[:, :, head] = cache[name][:, :, head]
        return x
    return [(name, write) for name in {name for name, _, _ in points}]
frozen = [point for name, point in writers.items() if name[0] == "L"]
values = torch.full((len(senders), len(receivers)), torch.nan)
for s, names in enumerate(senders):
    sent = [writers[name] for name in names]
    with model.hooks(put(frozen, base_cache) + put(sent, source_cache)):
        _, arrived = model.run_with_cache(base)
    for r, names in enumerate(receivers):
        reached = [readers[name] for name in names if any(when < readers[name][2] for _, _, when in sent)]
        if reached:
            values[s, r] = metric(model.run_with_hooks(base, fwd_hooks=put(reached, arrived)))
out = {
    "values": values,
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
