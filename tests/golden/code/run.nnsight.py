# run in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)
model.set_use_attn_result(True)
model.set_use_attn_in(True)
model.set_use_split_qkv_input(True)

def add_1(x, hook):
    v = torch.Tensor([[0.657, 0.412, -1, 0.42, 0.65, -0.961, 0.15, 0.837, -0.846, -0.132, 0.956, -0.664, -0.404, 1, -0.428, -0.644, 0.964, -0.159, -0.832, 0.851, 0.124, -0.954, 0.67, 0.396, -1, 0.436, 0.637, -0.966, 0.167], [0.989, -0.658, -0.277, 0.958, -0.76, -0.135, 0.906, -0.846, 0.01, 0.835, -0.914, 0.155, 0.747, -0.963, 0.296, 0.643, -0.992, 0.432, 0.525, -1, 0.558, 0.396, -0.986, 0.672, 0.259, -0.952, 0.772, 0.116, -0.898]]).reshape(2,29)
    y = x.clone()
    y[:, [[5], [1], [6]], [2, 0]] += v
    return y

def scale_2(x, hook):
    y = x.clone()
    y[:, 6] *= 0.5
    return y

def zero_3(x, hook):
    y = x.clone()
    y[:, 2] = 0
    return y

def set_4(x, hook):
    y = x.tril()
    y[:, [[[2]], [[0]]], [[0], [1], [2], [3], [4], [5], [6]], [4, 1]] = 0.75
    return torch.where(torch.ones_like(x).tril() > 0, y, x)  # what is masked stays

def set_5(x, hook):
    v = torch.Tensor([9, -9])
    y = x.clone()
    y[:, 6, 0:2] = v
    return y

ids = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])  # "no text: {$x} %y ~a?b;c^ &z \"quoted\"\n"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    nn.blocks[0].hook_attn_in.output = add_1(nn.blocks[0].hook_attn_in.output, nn.blocks[0].hook_attn_in)
    nn.blocks[0].hook_q_input.output = add_1(nn.blocks[0].hook_q_input.output, nn.blocks[0].hook_q_input)
    nn.blocks[0].hook_k_input.output = add_1(nn.blocks[0].hook_k_input.output, nn.blocks[0].hook_k_input)
    nn.blocks[0].hook_k_input.output = scale_2(nn.blocks[0].hook_k_input.output, nn.blocks[0].hook_k_input)
    nn.blocks[0].hook_v_input.output = add_1(nn.blocks[0].hook_v_input.output, nn.blocks[0].hook_v_input)
    for _ in tracer.iter[0:3]:  # q, k, v
        nn.blocks[0].ln1.hook_normalized.output = zero_3(nn.blocks[0].ln1.hook_normalized.output, nn.blocks[0].ln1.hook_normalized)
    nn.blocks[0].attn.hook_attn_scores.output = set_4(nn.blocks[0].attn.hook_attn_scores.output, nn.blocks[0].attn.hook_attn_scores)
    nn.blocks[1].attn.hook_attn_scores.output = set_4(nn.blocks[1].attn.hook_attn_scores.output, nn.blocks[1].attn.hook_attn_scores)
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = set_5(logits, None)
logits = logits[0]

for l in range(2):
    cache.cache_dict[f"blocks.{l}.ln1.hook_scale"] = (cache["resid_pre", l].var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
out = {
    "blocks.0.hook_v_input": cache["blocks.0.hook_v_input"],
    "blocks.0.hook_resid_post": cache["blocks.0.hook_resid_post"],
    "blocks.1.attn.hook_result": cache["blocks.1.attn.hook_result"],
    "blocks.1.hook_resid_post": cache["blocks.1.hook_resid_post"],
    "logits": logits,
}
print(out)
