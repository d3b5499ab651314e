# reading "written" of "tests/golden/models/odd_gelu_ln", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "tests/golden/models/odd_gelu_ln"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
cfg["normalization_type"] = "LNPre"  # what is left of it after fold_ln
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_and_process_state_dict(load_file(f"{MODEL}/model.safetensors"), fold_ln=True, center_writing_weights=True, center_unembed=True, fold_value_biases=False)
W_O = model.W_O

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [7, 210, 33, 7, 100, 0, 1]

a = run(ids)
positions = list(range(len(ids)))

def results(run, layer):  # what each head wrote, [position, head, d_model]
    return torch.einsum("thd,hdm->thm", run[f"blocks.{layer}.attn.hook_z"], W_O[layer])

def written(run, chosen=None):
    parts = torch.stack([
        run["hook_embed"],  # embed
        run["hook_pos_embed"],  # pos_embed
        run["blocks.0.hook_attn_out"],  # 0_attn_out
        run["blocks.0.hook_mlp_out"],  # 0_mlp_out
        run["blocks.1.hook_attn_out"],  # 1_attn_out
        run["blocks.1.hook_mlp_out"],  # 1_mlp_out
    ])[:, positions]  # [part, position, d_model]
    states = torch.stack([
        run["blocks.0.hook_resid_pre"],  # 0_pre
        run["blocks.0.hook_resid_mid"],  # 0_mid
        run["blocks.1.hook_resid_pre"],  # 1_pre
        run["blocks.1.hook_resid_mid"],  # 1_mid
        run["blocks.1.hook_resid_post"],  # final_post
    ])[:, positions]
    norm, variance = parts.norm(dim=-1), parts.var(-1, unbiased=False)
    heads = torch.stack([results(run, layer)[positions] for layer in range(len(W_O))])  # [layer, position, head, d_model]
    return {
        "norm": norm, "variance": variance, "norm_mean": norm.mean(-1), "variance_mean": variance.mean(-1),
        "heads_norm": heads.norm(dim=-1).mean(1), "heads_variance": heads.var(-1, unbiased=False).mean(1),
        "stream_norm": states.norm(dim=-1).mean(-1),
    }

reading = written(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
