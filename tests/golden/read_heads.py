"""What heads do: TransformerLens' detect_head, and the stripes of a pattern."""

import types

import torch
import transformer_lens.head_detector as head_detector


def stripe(kind, pattern, ids):
    """Mean attention over the destinations that can show it; position 0 is neither destination nor duplicate."""
    T = len(ids)
    if kind == "previous":
        return pattern.diagonal(-1).mean().item() if T > 1 else 0.0
    earlier = {t: [s for s in range(1, t) if ids[s] == ids[t]] for t in range(1, T)}
    able = [t for t in earlier if earlier[t]]
    shift = 1 if kind == "induction" else 0
    return sum(pattern[t, s + shift].item() for t in able for s in earlier[t]) / len(able) if able else 0.0


def detect_as_transformer_lens(side, ids, kind, measure, options):
    """detect_head itself. It edits the cache in place, wants fewer tokens than n_ctx, and rounds "abs" to three
    decimals: it gets copies, a roomier n_ctx, and its round() is switched off."""
    class Patterns:
        def __getitem__(self, key):
            return side.hook(f"blocks.{key[1]}.attn.hook_pattern").clone()

    cfg = types.SimpleNamespace(n_layers=side.L, n_heads=side.H, n_ctx=10**9, device="cpu", dtype=torch.float32)
    stand_in = types.SimpleNamespace(cfg=cfg, to_tokens=lambda seq: seq)
    head_detector.round = lambda x, digits: x
    try:
        name = {"previous": "previous_token_head", "duplicate": "duplicate_token_head", "induction": "induction_head"}[kind]
        return head_detector.detect_head(stand_in, ids, name, cache=Patterns(), error_measure=measure, **options).double()
    finally:
        del head_detector.round
