"""TransformerLens on the same weights, taking turns with `hs bench turns`: a line in, a line out.

    threads N        -> how many torch uses
    forward T        -> seconds of model(ids), logits only
    captures T       -> seconds of model.run_with_cache(ids)
    sweep WHAT T N   -> seconds of N cells of the patching sweep, by get_act_patch_*'s own code; and of how many in all
"""
import functools
import json
import sys
import time

import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig, patching

folder = sys.argv[1]
cfg = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg, device="cpu"))
model.load_state_dict(load_file(f"{folder}/model.safetensors"), strict=False)
model.eval()
torch.set_grad_enabled(False)


def ids(n_tokens, shift=0):
    return torch.tensor([[(i * 7919 + shift) % cfg["d_vocab"] for i in range(n_tokens)]])


def timed(do):
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def metric(logits):
    return logits[0, -1, 11] - logits[0, -1, 13]


@functools.cache
def clean_cache(n_tokens):
    return model.run_with_cache(ids(n_tokens))[1]


def sweep(what, n_tokens, n_cells):
    """get_act_patch_resid_pre, or the z of each head at each position, over some of their rows."""
    import pandas

    layers, heads = range(cfg["n_layers"]), range(cfg["n_heads"])
    if what == "resid_pre":
        rows = [(layer, position) for layer in layers for position in range(n_tokens)]
        setter, columns = patching.layer_pos_patch_setter, ["layer", "pos"]
    else:
        rows = [(layer, position, head) for layer in layers for position in range(n_tokens) for head in heads]
        setter, columns = patching.layer_pos_head_vector_patch_setter, ["layer", "pos", "head"]
    some = rows[:: max(1, len(rows) // n_cells)][:n_cells]
    cache = clean_cache(n_tokens)
    took = timed(lambda: patching.generic_activation_patch(
        model, ids(n_tokens, 1), cache, metric, patch_setter=setter, activation_name=what,
        index_df=pandas.DataFrame(some, columns=columns)))
    return f"{took:.6f} {len(some)} {len(rows)}"


print("ready", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "threads":
        torch.set_num_threads(int(rest[0]))
        print(torch.get_num_threads(), flush=True)
    elif word == "forward":
        print(f"{timed(lambda: model(ids(int(rest[0])))):.6f}", flush=True)
    elif word == "captures":
        print(f"{timed(lambda: model.run_with_cache(ids(int(rest[0])))):.6f}", flush=True)
    else:
        print(sweep(rest[0], int(rest[1]), int(rest[2])), flush=True)
