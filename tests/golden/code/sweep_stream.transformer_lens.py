# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 308, 440]])
base, source = corrupted, clean  # patched, and what from
_, source_cache = model.run_with_cache(source)
def metric(logits):
    rows = logits[:, -1]
    return (rows[:, 532] - rows[:, 308]).mean()
values = [get(model, base, source_cache, metric) for get in [patching.get_act_patch_resid_pre, patching.get_act_patch_attn_out, patching.get_act_patch_resid_mid, patching.get_act_patch_mlp_out]]
out = {
    "values": torch.stack(values),
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
