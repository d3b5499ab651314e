# attribution in Hookscope, as Python: pip install transformer-lens==2.15.4
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
kinds = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
model.load_and_process_state_dict(model.state_dict(), **{kind: kind in ["fold_ln", "center_unembed"] for kind in kinds})
for name, x in model.named_parameters():
    if "ln" in name:  # gain 1, bias 0
        x.fill_(name.endswith("w"))

ids = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])  # "no text: {$x} %y ~a?b;c^ &z \"quoted\"\n"
logits, cache = model.run_with_cache(ids, remove_batch_dim=True)
logits = logits[0]

at = [0, -1]
direction = model.W_U[:, 11]
def attr(stack):  # ln_final's scale is the run's
    return cache.apply_ln_to_stack(stack, pos_slice=at, has_batch_dim=False) @ direction
logit = logits[at, 11]
cache.compute_head_results()
parts = {"embed": cache["embed"], "pos_embed": cache["pos_embed"]}
for l in range(2):
    parts |= {f"L{l}H{h}": x for h, x in enumerate(cache["result", l].unbind(1))}
    parts[f"{l}_attn_bias"] = model.b_O[l].expand_as(cache["embed"])
    parts[f"{l}_mlp_out"] = cache["mlp_out", l]
stack = torch.stack([x for name, x in parts.items() if name[0] not in "LN"])[:, at]
bias = model.b_U[11]
tail = [bias]
values = torch.cat([attr(stack), torch.stack([x.expand(len(logit)) for x in tail])]).T
heads = attr(cache.stack_head_results(pos_slice=at)).T.unflatten(-1, (2, 3))
total = values.sum(-1) + heads.sum((-2, -1))
out = {
    "values": values,
    "heads": heads,
    "logit": logit,
    "sum": total,
    "error": logit - total,
}
print(out)
