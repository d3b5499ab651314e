# reading "detect" of "models/stories-2l", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "models/stories-2l"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_state_dict(load_file(f"{MODEL}/model.safetensors"), strict=False)

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 464, 318, 257, 1200, 31, 464, 318, 257]

def edit_1(x, hook):  # blocks.0.attn.hook_pattern: set, heads 1, positions 6
    v = x[0].clone()
    causal = torch.ones_like(v, dtype=torch.bool).tril()  # cells that attention may use
    v[1:2, 6:7] = torch.tensor([0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0])
    return torch.where(causal, v, x[0])[None]

edits = [
    ("blocks.0.attn.hook_pattern", edit_1),
]

a = run(ids, edits)
from transformer_lens.head_detector import (compute_head_attention_similarity_score, get_duplicate_token_head_detection_pattern,
                                            get_induction_head_detection_pattern, get_previous_token_head_detection_pattern)

def scores(ids, patterns):
    kinds = {"previous": get_previous_token_head_detection_pattern, "duplicate": get_duplicate_token_head_detection_pattern,
             "induction": get_induction_head_detection_pattern}
    return {kind: torch.tensor([[compute_head_attention_similarity_score(
        head, ideal(torch.tensor([ids])), exclude_bos=False, exclude_current_token=False, error_measure="mul")
        for head in layer] for layer in patterns]) for kind, ideal in kinds.items()}

def detect(run, chosen=None):
    return scores(ids, [run[f"blocks.{layer}.attn.hook_pattern"] for layer in range(2)])

reading = detect(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
