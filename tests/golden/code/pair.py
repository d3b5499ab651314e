# reading "pair" of "tests/golden/models/odd_gelu_ln", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "tests/golden/models/odd_gelu_ln"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_state_dict(load_file(f"{MODEL}/model.safetensors"), strict=False)
ln_final = model.ln_final
W_U = model.W_U
W_Q = model.W_Q
W_K = model.W_K
W_O = model.W_O
b_Q = model.b_Q
b_K = model.b_K
b_O = model.b_O
w_final = model.ln_final.w
w_ln1 = [block.ln1.w for block in model.blocks]
b_ln1 = [block.ln1.b for block in model.blocks]

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [7, 210, 33, 7, 100, 0, 1]
model.set_use_split_qkv_input(True)

def edit_1(x, hook):  # blocks.1.hook_q_input: scale 1.5, heads 1
    v = x[0].clone()
    v[:, 1:2] *= 1.5
    return v[None]

edits = [
    ("blocks.1.hook_q_input", edit_1),
]

a = run(ids, edits)
attn_scale = model.cfg.attn_scale * (1 + 1 if model.cfg.scale_attn_by_inverse_layer_idx else 1)

def results(run, layer):  # what each head wrote, [position, head, d_model]
    return torch.einsum("thd,hdm->thm", run[f"blocks.{layer}.attn.hook_z"], W_O[layer])

def pair(run, chosen=None):  # L1H1, from 3 to 6
    q, k, v = (run[f"blocks.1.attn.hook_{which}"][t, 1] for which, t in (("q", 6), ("k", 3), ("v", 3)))
    scores, pattern = (run[f"blocks.1.attn.hook_{which}"][1, 6] for which in ("attn_scores", "pattern"))
    result = pattern[3] * v @ W_O[1][1]  # without b_O
    logits = (result - result.mean()) / run["ln_final.hook_scale"][6] * w_final @ W_U  # directly, scale cached
    top, bottom = (chosen["top_ids"], chosen["bottom_ids"]) if chosen else (logits.topk(3).indices, (-logits).topk(3).indices)
    t, other, W = 3, q, W_K[1][1]  # by who wrote the key
    m = W @ other / attn_scale
    g = m * w_ln1[1]
    g = g - g.mean()
    g = g / (run["blocks.1.hook_resid_pre"].var(-1, unbiased=False, keepdim=True) + 0.00001).sqrt()[t]  # cached
    parts = [
        run["hook_embed"],  # embed
        run["hook_pos_embed"],  # pos_embed
        results(run, 0)[:, 0],  # L0H0
        results(run, 0)[:, 1],  # L0H1
        results(run, 0)[:, 2],  # L0H2
        b_O[0].expand(len(ids), -1),  # 0_attn_bias
        run["blocks.0.hook_mlp_out"],  # 0_mlp_out
    ]
    values = [x[t] @ g for x in parts] + [
        m @ b_ln1[1],  # ln1_bias
        b_K[1][1] @ other / attn_scale,  # b_K
    ]
    key_parts = torch.stack(values)
    t, other, W = 6, k, W_Q[1][1]  # by who wrote the query
    m = W @ other / attn_scale
    g = m * w_ln1[1]
    g = g - g.mean()
    g = g / (run["blocks.1.hook_resid_pre"].var(-1, unbiased=False, keepdim=True) + 0.00001).sqrt()[t]  # cached
    parts = [
        run["hook_embed"],  # embed
        run["hook_pos_embed"],  # pos_embed
        results(run, 0)[:, 0],  # L0H0
        results(run, 0)[:, 1],  # L0H1
        results(run, 0)[:, 2],  # L0H2
        b_O[0].expand(len(ids), -1),  # 0_attn_bias
        run["blocks.0.hook_mlp_out"],  # 0_mlp_out
    ]
    stream = run["blocks.1.hook_resid_pre"][t] @ g
    values = [x[t] @ g for x in parts] + [
        m @ b_ln1[1],  # ln1_bias
        b_Q[1][1] @ other / attn_scale,  # b_Q
    ]
    values.append(q @ k / attn_scale - stream - sum(values[len(parts):]))  # edit q
    query_parts = torch.stack(values)
    score = scores[3]
    return {
        "q": q, "k": k, "product": q * k / attn_scale, "scores": scores, "pattern": pattern, "v": v, "result": result,
        "top_ids": top, "top_values": logits[top], "bottom_ids": bottom, "bottom_values": logits[bottom],
        "key_parts": key_parts, "query_parts": query_parts, "score": score,
        "v_norm": v.norm(), "result_norm": result.norm(),
        "key_error": score - key_parts.sum(), "query_error": score - query_parts.sum(),
    }

reading = pair(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
