"""The model loads in TransformerLens with the lines its card shows, and gives the same logits there.

    python models/check_transformerlens.py build/release/hs models/stories-2l

Needs torch, transformer-lens and safetensors. Compares `hs run --capture logits` with HookedTransformer
on random ids, from one token to the full context; exit 1 if they differ by more than 1e-4 of the largest
logit (at least 1).
"""
import json
import os
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

BUFFERS = ("mask", "IGNORE", "rotary_sin", "rotary_cos")


def load(folder: str) -> HookedTransformer:
    with open(os.path.join(folder, "config.json")) as file:
        cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
    model = HookedTransformer(HookedTransformerConfig(**cfg))
    weights = {k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    left = [name for name in missing if not name.endswith(BUFFERS)]
    if left or unexpected:
        sys.exit(f"missing {left}, unexpected {unexpected}")
    return model.eval()


def hs_logits(hs: str, folder: str, ids: list[int]) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "out.safetensors")
        arguments = ["run", folder, "--ids", ",".join(map(str, ids)), "--capture", "logits", "--out", out]
        subprocess.run([hs, *arguments], check=True, stdout=subprocess.DEVNULL)
        return load_file(out)["logits"]


def main(hs: str, folder: str) -> None:
    torch.set_num_threads(1)
    model = load(folder)
    generator = torch.Generator().manual_seed(1)
    for length in (1, 2, 17, model.cfg.n_ctx):
        ids = torch.randint(0, model.cfg.d_vocab, (length,), generator=generator)
        ids[0] = 0
        with torch.no_grad():
            want = model(ids[None])[0]
        got = hs_logits(hs, folder, ids.tolist())
        difference = (want - got).abs().max().item()
        allowed = 1e-4 * max(1.0, want.abs().max().item())
        print(f"{length} tokens: largest difference {difference:.2e}, allowed {allowed:.2e}")
        if not difference <= allowed:
            sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: check_transformerlens.py HS MODEL_FOLDER")
    main(sys.argv[1], sys.argv[2])
