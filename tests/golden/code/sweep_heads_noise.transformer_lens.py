# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[0, 11, 22, 33, 44, 55, 66]]), torch.tensor([[0, 11, 22, 99, 44, 55, 66]])
base, source = clean, corrupted  # patched, and what from
_, source_cache = model.run_with_cache(source)
log_p = model(clean)[:, -1].log_softmax(-1)
def metric(logits):
    rows = logits[:, -1]
    return (log_p.exp() * (log_p - rows.log_softmax(-1))).sum(-1).mean()
values = [get(model, base, source_cache, metric) for get in [patching.get_act_patch_attn_head_out_by_pos]]
out = {
    "values": values[0],
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
