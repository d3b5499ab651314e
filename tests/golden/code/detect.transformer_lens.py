# detect in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, head_detector

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)

runs = {}

ids = torch.tensor([[0, 259, 259, 259, 259, 259, 259, 259, 259, 259, 259, 259, 259, 259, 259]])
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

runs["B"] = cache

def freeze_1(x, hook):
    v = runs["B"][hook.name][0:15]
    y = x.clone()
    y[:] = v
    return y

def scale_2(x, hook):
    y = x.clone()
    y[:, 4] *= 0.5
    return y

ids = torch.tensor([[0, 1649, 327, 657, 259, 532, 440, 308, 259, 1045, 14, 1579, 327, 657, 259]])  # "Once upon a time there was a cat. Once upon a"
with model.hooks(fwd_hooks=[
    ("blocks.1.ln1.hook_scale", freeze_1),
    ("blocks.1.ln1.hook_normalized", scale_2),
]):
    logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

pattern = cache.stack_activation("pattern")
def score(kind, first):
    ideal = getattr(head_detector, f"get_{kind}_head_detection_pattern")(ids)
    ideal[:, :first] = 0
    return (pattern * ideal).sum((-2, -1)) / max(ideal.any(1).sum(), 1)
out = {
    "previous": score("previous_token", 0),
    "duplicate": score("duplicate_token", 1),
    "induction": score("induction", 2),
}
print(out)
