# vector in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "stories-gelu-4l"  # model.safetensors has SHA-256 d5f85ff8d375051976ad3e101dddd54e08e8edd125ba416bd25475fc8388bcc7
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)
def act(ids, hook):
    return model.run_with_cache(torch.tensor([ids]), names_filter=hook)[1][hook][0]
positive, negative = (torch.stack([act(ids, "blocks.2.hook_resid_pre")[1:].mean(0) for ids in texts]) for texts in ([[0, 333, 448, 970], [0, 376, 448, 261]], [[0, 333, 448, 823], [0, 376, 448, 647]]))
differences = positive - negative
v = torch.linalg.svd(differences).Vh[0]
vector = (differences.mean(0) @ v) * v
stream = act([0, 333, 448, 970, 261, 647, 297, 260, 1008, 14, 376, 448], "blocks.1.hook_resid_mid")[1:]
total = vector
scores = total @ model.W_U
out = {
    "vector": vector,
    "top_ids": scores.topk(10).indices,
    "top_values": scores.topk(10).values,
    "bottom_ids": scores.topk(10, largest=False).indices,
    "bottom_values": scores.topk(10, largest=False).values,
    "values.norm": vector.norm(dim=-1).mean(),
    "values.stream_norm": stream.norm(dim=-1).mean(),
    "values.ratio": vector.norm(dim=-1).mean() / stream.norm(dim=-1).mean(),
    "values.cosine": (stream / stream.norm(dim=-1, keepdim=True)).mean(0) @ total / total.norm(),
}
print(out)
