# reading "attribution" of "models/stories-2l", as Hookscope shows it. TransformerLens 2.15.4.
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
ln_final = model.ln_final
W_U = model.W_U
b_U = model.b_U
W_O = model.W_O
b_O = model.b_O
w_final = model.ln_final.w
b_final = model.ln_final.b

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 464, 318, 257, 1200, 31, 464, 318, 257]

a = run(ids)
positions = [8]
direction = W_U[:, 1200]
p = direction * w_final
p = p - p.mean()  # (x - mean(x)) . w W_U = x . (w W_U - mean(w W_U))

def results(run, layer):  # what each head wrote, [position, head, d_model]
    return torch.einsum("thd,hdm->thm", run[f"blocks.{layer}.attn.hook_z"], W_O[layer])

def attribution(run, chosen=None):
    scale = run["ln_final.hook_scale"][positions]  # cached
    logit = run["logits"][positions, 1200]
    parts = torch.stack([
        run["hook_embed"],  # embed
        b_O[0].expand(len(ids), -1),  # 0_attn_bias
        b_O[1].expand(len(ids), -1),  # 1_attn_bias
    ])[:, positions]
    values = (parts @ p).T / scale  # [position, part]
    tail = [  # parts that are no vectors of the stream
        b_final @ direction,  # ln_final_bias
        b_U[1200],  # unembed_bias
    ]
    values = torch.cat([values, torch.stack([x.expand(len(positions)) for x in tail], -1)], -1)
    heads = torch.stack([results(run, layer)[positions] @ p / scale for layer in range(len(W_O))], 1)
    source = run["blocks.1.attn.hook_pattern"][3][positions] * (run["blocks.1.attn.hook_v"][:, 3] @ W_O[1][3] @ p) / scale
    whole = values.sum(-1) + heads.sum((1, 2))
    return {
        "values": values, "heads": heads, "source": source,
        "logit": logit, "sum": whole, "error": logit - whole,
    }

reading = attribution(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
