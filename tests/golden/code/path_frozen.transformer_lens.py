# path in Hookscope, as Python: pip install transformer-lens==2.15.4
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
model.set_use_attn_result(True)
model.set_use_split_qkv_input(True)
model.set_use_hook_mlp_in(True)
clean, corrupted = torch.tensor([[80, 62, 174, 174, 62, 173], [5, 62, 100, 174, 62, 1]]), torch.tensor([[80, 62, 9, 174, 62, 173], [80, 62, 9, 174, 62, 3]])
base, source = clean, corrupted  # patched, and what from
def metric(logits):
    rows = logits[:, -2]
    return rows.log_softmax(-1)[range(2), [11, 12]].mean()
# Who writes to the stream and who reads it, in the order of the forward pass: hook, head, when.
every = slice(None)
writers, readers = {"embed": ("hook_embed", every, -1)}, {}
for l in range(2):
    writers |= {f"L{l}H{h}": (f"blocks.{l}.attn.hook_result", h, 2 * l) for h in range(3)}
    readers |= {f"L{l}H{h}.{x}": (f"blocks.{l}.hook_{x}_input", h, 2 * l) for x in "qkv" for h in range(3)}
    writers[f"{l}_mlp_out"] = (f"blocks.{l}.hook_mlp_out", every, 2 * l + 1)
    readers[f"{l}_mlp_in"] = (f"blocks.{l}.hook_mlp_in", every, 2 * l + 1)
readers["final"] = ("blocks.1.hook_resid_post", every, 2 * 2)
(_, base_cache), (_, source_cache) = (model.run_with_cache(ids) for ids in (base, source))
senders = [["embed"], ["L0H1"], ["L0H0", "0_mlp_out"], ["L1H2"]]
receivers = [[name] for name in readers]
def put(points, cache):  # what another run has there
    def write(x, hook):
        x = x.clone()
        for name, head, _ in points:
            if name == hook.name:
                x[:, :, head] = cache[name][:, :, head]
        return x
    return [(name, write) for name in {name for name, _, _ in points}]
frozen = [point for name, point in writers.items() if name != "embed"]
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
