"""Gradient documents: three metrics, at each position, with and without edits in force."""

import random

from reference import seed_of

MODELS = ("zero_layers_ln", "odd_gelu_ln", "attn_only_shortformer", "none_gelu_new", "lnpre_gelu_fast", "ln_gelu_tanh_f16",
          "lnpre_silu_shards", "ln_solu", "ln_solu_ln", "lnpre_solu_ln_shortformer", "none_solu_ln", "inferred_relu_none", "ones", "deep")


def cases(name, cfg, everything=False):
    """Each model takes every third document with edits, one of them with weights, so that the files stay
    small; `everything` (fresh.py) asks for all of them, every hook and the weights."""
    turn = MODELS.index(name) if name in MODELS else 0
    rng = random.Random(seed_of("grad", name))
    T = min(cfg.n_ctx, 4)
    ids = [rng.randrange(cfg.d_vocab) for _ in range(T)]
    other = [rng.randrange(cfg.d_vocab) for _ in range(T)]
    V, d, H, last = cfg.d_vocab_out, cfg.d_model, cfg.n_heads, cfg.n_layers - 1
    a, b = rng.sample(range(V), 2)

    def unit(n):
        v = [rng.gauss(0, 1) for _ in range(n)]
        length = sum(x * x for x in v) ** 0.5
        return [round(x / length, 9) for x in v]

    diff = {"kind": "logit_diff", "position": -1, "correct": a, "wrong": b}
    prob = {"kind": "log_prob", "position": T // 2, "correct": b}
    kl = {"kind": "kl", "position": -1}

    def asked(weights, hooks=("*",)):
        return {"hooks": ["*"] if everything else list(hooks), "weights": weights or everything}

    few = ("*embed", "*resid_p*", "*attn_scores", "*hook_pattern", "*mlp.hook_pre", "logits")
    few = [g for g in few if cfg.n_layers or not g.startswith("*") or g == "*embed"]
    few = [g for g in few if "mlp" not in g or not cfg.attn_only]

    out = [
        {"ids": ids, "metric": diff, **asked(True)},
        {"ids": ids, "metric": prob, **asked(False, few)},
        {"ids": ids, "metric": kl, "clean": other, **asked(False, few)},
    ]
    if T > 1:
        out.append({"ids": ids[:1], "metric": {**diff, "position": 0}, **asked(False)})
    if cfg.n_layers == 0:
        return out
    edits = [
        ([{"hook": "blocks.*.attn.hook_z", "heads": [0], "op": "scale", "scale": 0.3},
          {"hook": f"blocks.{last}.hook_resid_pre", "positions": [-1], "op": "add", "scale": 2.0, "value": [0.5] * d}], {}),
        ([{"hook": "blocks.0.hook_resid_post", "dims": [0, max(1, d // 2)], "op": "scale", "scale": 0.3},  # the order counts
          {"hook": "blocks.0.hook_resid_post", "op": "project_out", "value": unit(d)},
          {"hook": f"blocks.{last}.hook_attn_out", "positions": [0, -1][:T], "op": "clamp", "min": -0.2, "max": 0.1, "value": unit(d)}], {}),
        ([{"hook": f"blocks.{last}.hook_q_input", "heads": [0], "op": "scale", "scale": 1.5},
          {"hook": f"blocks.{last}.attn.hook_result", "heads": [H - 1], "op": "zero"},
          {"hook": "blocks.0.hook_attn_in", "positions": [0], "op": "project_out", "value": unit(d)}], {}),
        ([{"hook": f"blocks.{last}.attn.hook_pattern", "heads": [0], "op": "patch", "value": {"run": "B"}},
          {"hook": "blocks.0.attn.hook_v", "positions": [-1], "op": "patch", "value": {"run": "B", "positions": [0]}}], {"B": other}),
        ([{"hook": "blocks.0.attn.hook_attn_scores", "sources": [0], "op": "scale", "scale": 0.5},
          {"hook": f"blocks.{last}.attn.hook_pattern", "op": "clamp", "max": 0.4, "value": unit(T)},
          {"hook": "blocks.0.attn.hook_attn_scores", "positions": [-1], "op": "project_out", "value": unit(T)}], {}),
    ]
    if cfg.normalization_type is not None:
        edits[0][0].append({"hook": "*.hook_scale", "op": "scale", "scale": 1.4})
        edits[1][0].append({"hook": "ln_final.hook_scale", "op": "add", "value": 0.2})
        edits.append(([{"hook": "*.ln*.hook_scale", "op": "freeze", "value": {"run": "B"}},
                       {"hook": "blocks.0.hook_k_input", "op": "scale", "scale": 0.5},
                       {"hook": "blocks.0.ln1.hook_normalized", "positions": [-1], "op": "scale", "scale": 2.0},
                       {"hook": "blocks.*.ln1.hook_normalized", "op": "clamp", "min": -0.1, "max": 0.3, "value": unit(d)},
                       {"hook": "ln_final.hook_normalized", "dims": [0, d - 1], "op": "add", "value": 0.3}], {"B": ids}))
    if not cfg.attn_only:
        edits.append(([{"hook": "blocks.0.hook_mlp_in", "op": "scale", "scale": 0.7},
                       {"hook": f"blocks.{last}.mlp.hook_post", "dims": [0, max(1, cfg.d_mlp // 2)], "op": "zero"},
                       {"hook": f"blocks.{last}.mlp.hook_pre", "op": "add", "value": 0.2}], {}))
    metrics = (diff, prob, kl)
    for i, (list_of_edits, runs) in enumerate(edits):
        if (i + turn) % 3 and not everything:
            continue
        metric = metrics[i % 3]
        out.append({"ids": ids, "metric": metric, **({"clean": other} if metric["kind"] == "kl" else {}), **asked(i < 3),
                    "edits": list_of_edits, **({"runs": runs} if runs else {})})
    return out
