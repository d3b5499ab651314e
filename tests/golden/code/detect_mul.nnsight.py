# detect in Hookscope, as Python: pip install transformer-lens==2.15.4 nnsight==0.7.0
import json
from glob import glob
import torch
from nnsight import NNsight
from safetensors.torch import load_file
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig, head_detector

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
nn = NNsight(model)

ids = torch.tensor([[80, 62, 174, 174, 62, 173, 106]])  # "no text: {$x} %y ~a?b;c^ &z \"quoted\"\n"
with nn.trace(ids) as tracer:
    cache = tracer.cache()
    logits = nn.output.save()
cache = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache.items() if "hook_" in name
}, model, has_batch_dim=False)
logits = logits[0]

pattern = cache.stack_activation("pattern")
keep = torch.ones(7, 7).tril()
keep[:, 0] = 0
def score(kind, first):
    ideal = getattr(head_detector, f"get_{kind}_head_detection_pattern")(ids)
    ideal *= keep
    return (pattern * ideal).sum((-2, -1)) / (pattern * keep).sum((-2, -1))
out = {
    "previous": score("previous_token", 0),
    "duplicate": score("duplicate_token", 1),
    "induction": score("induction", 2),
}
print(out)
