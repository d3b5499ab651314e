# directions in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
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
reads = model.blocks[1].ln2.w * model.W_in[1, :, 900]
writes = model.W_out[1, 900]
read, write = model.W_E @ reads, writes @ model.W_U
out = {
    "read_ids": read.topk(5).indices,
    "read_values": read.topk(5).values,
    "read_low_ids": read.topk(5, largest=False).indices,
    "read_low_values": read.topk(5, largest=False).values,
    "write_ids": write.topk(5).indices,
    "write_values": write.topk(5).values,
    "write_low_ids": write.topk(5, largest=False).indices,
    "write_low_values": write.topk(5, largest=False).values,
    "values.read_norm": reads.norm(),
    "values.write_norm": writes.norm(),
    "values.cosine": torch.cosine_similarity(reads, writes, dim=0, eps=0),
}
print(out)
