# reading "lens" of "models/stories-2l", as Hookscope shows it. TransformerLens 2.15.4.
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
unembed = model.unembed
ln_final = model.ln_final

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 464, 318, 257, 1200, 31, 464, 318, 257]  # "Once upon a time there was a cat. Once"

a = run(ids)
positions = list(range(len(ids)))

def lens(run, chosen=None):  # `chosen`: the reading whose tokens are measured here
    states = torch.stack([
        run["blocks.0.hook_resid_pre"],  # 0_pre
        run["blocks.1.hook_resid_pre"],  # 1_pre
        run["blocks.1.hook_resid_post"],  # final_post
    ])[:, positions]  # [state, position, d_model]
    logits = unembed(ln_final(states))  # ln_final anew for each state
    log_p = logits.log_softmax(-1)
    final = run["logits"][positions].log_softmax(-1)
    top = chosen["top_ids"] if chosen else logits.topk(2).indices
    token = chosen["token_ids"] if chosen else run["logits"][positions].argmax(-1)
    cell = (slice(None), torch.arange(len(positions)), token)
    return {
        "top_ids": top, "top_logits": logits.gather(-1, top), "top_probs": log_p.gather(-1, top).exp(),
        "token_ids": token,
        "logit": logits[cell], "prob": log_p[cell].exp(),
        "rank": (logits > logits[cell][..., None]).sum(-1),
        "kl": (final.exp() * (final - log_p)).sum(-1), "entropy": -(log_p.exp() * log_p).sum(-1),
    }

reading = lens(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
