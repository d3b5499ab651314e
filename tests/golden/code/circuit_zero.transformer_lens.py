# circuit in Hookscope, as Python: pip install transformer-lens==2.15.4
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
    rows = logits[:, -1]
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
feeds = torch.tensor([[reader.split(".")[0].replace("_in", "_out") == writer for writer in writers] for reader in readers]).float()
def pruned(kept):  # what lies on a path of kept edges from the embedding to the end
    fed, used = kept.any(0).float() @ feeds > 0, feeds @ kept.any(1).float() > 0
    fed[0] = used[-1] = True
    left = kept & fed[:, None] & used
    return kept if left.equal(kept) else pruned(left)
def run(kept):  # of the clean prompt, where all other edges carry nothing
    now = []
    def write(x, hook):
        x = x
        now.extend(x.unbind(2) if "result" in hook.name else [x])
    def read(x, hook):
        x, all = x.clone(), torch.stack(now)
        for r, (name, head, _) in enumerate(readers.values()):
            if name == hook.name:
                x[:, :, head] -= torch.tensordot(1 - kept[:len(now), r].float(), all, 1)
        return x
    hooks = [(point[0], f) for points, f in ((writers, write), (readers, read)) for point in points.values()]
    return metric(model.run_with_hooks(clean, fwd_hooks=[*dict.fromkeys(hooks)]))
circuits = [pruned(values.abs() >= least) for least in [0, 0.02, 1000]]
whole, nothing = metric(model(clean)), run(torch.zeros_like(edge))
both = torch.stack([torch.stack([run(kept), run(kept.logical_not())]) for kept in circuits])
share = (both - nothing) / (whole - nothing)
out = {
    "values": values,
    "kept": torch.stack([kept.float().where(edge, torch.nan) for kept in circuits]),
    "edges": torch.tensor([kept.sum() for kept in circuits]),
    "metric": both[:, 0],
    "complement": both[:, 1],
    "faithfulness": share[:, 0],
    "completeness": share[:, 1],
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
    "values.nothing": nothing,
}
print(out)
