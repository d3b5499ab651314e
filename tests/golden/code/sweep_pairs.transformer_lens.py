# sweep in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
clean, corrupted = torch.tensor([[80, 62, 174, 174, 62, 173], [5, 62, 100, 174, 62, 1]]), torch.tensor([[80, 62, 9, 174, 62, 173], [80, 62, 9, 174, 62, 3]])
base, source = clean, corrupted  # patched, and what from
_, source_cache = model.run_with_cache(source)
def metric(logits):
    rows = logits[:, -1]
    return rows.log_softmax(-1)[range(2), [11, 12]].mean()
values = [get(model, base, source_cache, metric)[[1]][:, [-1, 2]][:, :, [2, 0]] for get in [patching.get_act_patch_attn_head_out_by_pos]]
out = {
    "values": values[0],
    "values.clean": metric(model(clean)),
    "values.corrupted": metric(model(corrupted)),
}
print(out)
