# path in Hookscope, as Python: pip install transformer-lens==2.15.4
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
model.set_use_attn_result(True)
model.set_use_split_qkv_input(True)
model.set_use_hook_mlp_in(True)
clean, corrupted = torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 308, 440]])
base, source = corrupted, clean  # patched, and what from
def metric(logits):
    rows = logits[:, -1]
    return (rows[:, 532] - rows[:, 308]).mean()
# Who writes to the stream and who reads it, in the order of the forward pass: hook, head, when.
every = slice(None)
writers, readers = {"embed": ("hook_embed", every, -1)}, {}
for l in range(4):
    writers |= {f"L{l}H{h}": (f"blocks.{l}.attn.hook_result", h, 2 * l) for h in range(8)}
    readers |= {f"L{l}H{h}.{x}": (f"blocks.{l}.hook_{x}_input", h, 2 * l) for x in "qkv" for h in range(8)}
    writers[f"{l}_mlp_out"] = (f"blocks.{l}.hook_mlp_out", every, 2 * l + 1)
    readers[f"{l}_mlp_in"] = (f"blocks.{l}.hook_mlp_in", every, 2 * l + 1)
readers["final"] = ("blocks.3.hook_resid_post", every, 2 * 4)
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
senders = [[name] for name in writers]
receivers = [["L3H1.v"]]
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
