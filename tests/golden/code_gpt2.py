"""Run nnsight code on the same weights: python code_gpt2.py FOLDER CODE.py. The folder's model, which must be
GPT-2-shaped, is written as a GPT2LMHeadModel, and the code's MODEL is that. GPT-2 has no b_U; tests/wasm/code.ts
leaves it out, too."""

import json
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

folder, path = sys.argv[1:]
with open(f"{folder}/config.json") as file:
    cfg = json.load(file)
w = load_file(f"{folder}/model.safetensors")
d, n_layers = cfg["d_model"], cfg["n_layers"]
heads = lambda name: w[name].permute(1, 0, 2).reshape(d, -1)  # [head, d_model, d_head] side by side
state = {"transformer.wte.weight": w["embed.W_E"], "transformer.wpe.weight": w["pos_embed.W_pos"], "lm_head.weight": w["unembed.W_U"].T,
         "transformer.ln_f.weight": w["ln_final.w"], "transformer.ln_f.bias": w["ln_final.b"]}
for layer in range(n_layers):
    ours, theirs = f"blocks.{layer}.", f"transformer.h.{layer}."
    for ln in ("1", "2"):
        state |= {f"{theirs}ln_{ln}.weight": w[f"{ours}ln{ln}.w"], f"{theirs}ln_{ln}.bias": w[f"{ours}ln{ln}.b"]}
    state |= {
        f"{theirs}attn.c_attn.weight": torch.cat([heads(f"{ours}attn.W_{which}") for which in "QKV"], 1),
        f"{theirs}attn.c_attn.bias": torch.cat([w[f"{ours}attn.b_{which}"].flatten() for which in "QKV"]),
        f"{theirs}attn.c_proj.weight": w[f"{ours}attn.W_O"].reshape(-1, d), f"{theirs}attn.c_proj.bias": w[f"{ours}attn.b_O"],
        f"{theirs}mlp.c_fc.weight": w[f"{ours}mlp.W_in"], f"{theirs}mlp.c_fc.bias": w[f"{ours}mlp.b_in"],
        f"{theirs}mlp.c_proj.weight": w[f"{ours}mlp.W_out"], f"{theirs}mlp.c_proj.bias": w[f"{ours}mlp.b_out"],
    }
model = GPT2LMHeadModel(GPT2Config(
    n_layer=n_layers, n_embd=d, n_head=cfg["n_heads"], n_positions=cfg["n_ctx"], vocab_size=cfg["d_vocab"], n_inner=w["blocks.0.mlp.W_in"].shape[1],
    activation_function=cfg["act_fn"], tie_word_embeddings=False))
model.load_state_dict(state, strict=True)
with tempfile.TemporaryDirectory() as made, open(path) as file:
    model.save_pretrained(made)
    exec(compile(file.read().replace('"openai-community/gpt2"', repr(made)), path, "exec"), {"__name__": "__main__"})
