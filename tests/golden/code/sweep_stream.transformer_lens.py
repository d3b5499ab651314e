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
base, source = torch.tensor([[0, 1649, 327, 657, 259, 308, 440]]), torch.tensor([[0, 1649, 327, 657, 259, 532, 440]])
_, cache = model.run_with_cache(source)
def metric(logits):
    row = logits[0, -1]
    return row[532] - row[308]
values = [get(model, base, cache, metric) for get in [patching.get_act_patch_resid_pre, patching.get_act_patch_attn_out, patching.get_act_patch_resid_mid, patching.get_act_patch_mlp_out]]
out = {
    "values": torch.stack(values),
    "values.clean": metric(model(torch.tensor([[0, 1649, 327, 657, 259, 532, 440]]))),
    "values.corrupted": metric(model(torch.tensor([[0, 1649, 327, 657, 259, 308, 440]]))),
}
print(out)
