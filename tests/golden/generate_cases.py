"""Generation documents and what TransformerLens gives for them.

Greedy ones come from HookedTransformer.generate without its cache, the edits as hooks. Of forced tokens the whole text
is one edited run (reference.Run): its logits at the last row of the prompt and after, and what follows from them in
float64. `drawn` is the distribution that sample_logits samples from, read where it makes it; numpy's where a field is
not TransformerLens' (repetition penalty, top-p after top-k).
"""

import random
from types import SimpleNamespace

import numpy as np
import torch
from transformer_lens import utils

from reference import Run, apply_edit, axes_of, matching, seed_of

MODELS = ("odd_gelu_ln", "attn_only_shortformer", "attn_only_ln", "lnpre_gelu_fast", "ln_gelu_tanh_f16", "lnpre_silu_shards",
          "ln_solu_ln", "none_gelu_new", "deep", "gpt2_shaped")


# ---- edits of a text that grows ----


def resolved(edits, n_prompt, n_rows, runs):
    """The same edits for a whole text of n_rows: negative positions from the prompt's end, a run's values where it has them."""
    out = []
    for edit in edits:
        edit = dict(edit)
        for field in ("positions", "sources"):
            if field in edit:
                edit[field] = [p if p >= 0 else p + n_prompt for p in edit[field]]
        if "from" in edit:
            edit["from"] += n_prompt if edit["from"] < 0 else 0
        value = edit.get("value")
        if isinstance(value, dict) and "run" in value and "positions" not in value and edit["op"] != "mean":
            first = edit.pop("from", 0)
            every = edit.pop("positions", range(first, n_rows))
            edit["positions"] = [p for p in every if p < max(n_prompt, len(runs[value["run"]]))]
        if isinstance(value, dict) and "run" in value and axes_of(edit["hook"]) == "hps" and "sources" not in edit:
            edit["sources"] = list(range(min(n_rows, len(runs[value["run"]]))))
        out.append(edit)
    return out


def of_unit_length(edit):
    """The edit with its direction as the reference takes it."""
    if edit["op"] not in ("project_out", "clamp") or abs(np.linalg.norm(edit["value"]) - 1) < 1e-6:
        return edit
    return {**edit, "value": (np.array(edit["value"]) / np.linalg.norm(edit["value"])).tolist()}


def up_to(edit, name, T):
    """The edit in a text that has only T positions yet; None when it acts on none of them."""
    edit = dict(edit)
    if "positions" in edit:
        edit["positions"] = [p for p in edit["positions"] if p < T]
        if not edit["positions"]:
            return None
    return None if edit.get("from", 0) >= T else edit


def greedy(model, case, n):
    """generate(), greedy and without its cache. Hooks of the blocks only: it embeds outside of the hooks."""
    model.tokenizer = SimpleNamespace(padding_side="right", pad_token_id=-1, eos_token_id=None, bos_token_id=None)
    edits = resolved(case.get("edits", []), len(case["ids"]), len(case["ids"]) + n - 1, {})
    seen = []

    def hook(x, hook):
        y = x[0]
        for edit in matching(edits, hook.name):
            now = up_to(edit, hook.name, y.shape[axes_of(hook.name).index("p")])
            y = apply_edit(y, now, hook.name, {}, {}) if now else y
        return y[None]

    def keep(x, hook):
        seen.append(x[0, -1])

    model.reset_hooks()
    hooks = [(lambda name: name.startswith("blocks.") and bool(matching(edits, name)), hook)]
    unembed = model.unembed.register_forward_hook(lambda module, args, out: keep(out, None))
    with torch.no_grad(), model.hooks(fwd_hooks=hooks):
        text = model.generate(torch.tensor([case["ids"]]), max_new_tokens=n, stop_at_eos=False, do_sample=False,
                              use_past_kv_cache=False, prepend_bos=False, verbose=False)
    unembed.remove()
    model.tokenizer = None
    return text[0, len(case["ids"]):].tolist(), torch.stack(seen)


# ---- what follows from the logits ----


def sampled_from(logits, text, case):
    """The probabilities that the next token is drawn with."""
    t, f, r = case.get("temperature", 1.0), case.get("frequency_penalty", 0.0), case.get("repetition_penalty", 1.0)
    k, p = case.get("top_k", 0), case.get("top_p", 1.0)
    x = logits.double().numpy().copy()
    if r != 1.0:
        for i in set(text):
            if i < len(x):
                x[i] = x[i] / r if x[i] > 0 else x[i] * r
    if t == 0.0:
        return np.eye(len(x))[x.argmax()]
    if r == 1.0 and not (k and p < 1.0):
        caught = []

        class Caught:
            def __init__(self, logits):
                caught.append(logits[0])

            def sample(self):
                return None

        kept, torch.distributions.categorical.Categorical = torch.distributions.categorical.Categorical, Caught
        utils.sample_logits(logits[None].clone(), top_k=k or None, top_p=p if p < 1.0 else None, temperature=t, freq_penalty=f,
                            tokens=torch.tensor([[i for i in text if i < len(x)]]))
        torch.distributions.categorical.Categorical = kept
        return torch.softmax(caught[0].double(), -1).numpy()
    x = x / t - f * np.bincount([i for i in text if i < len(x)], minlength=len(x))
    keep = np.ones(len(x), bool)
    if k:
        keep = x >= np.sort(x)[-min(k, len(x))]
    q = np.where(keep, np.exp(x - x.max()), 0)
    q /= q.sum()
    if p < 1.0:
        order = np.argsort(-q, kind="stable")
        before = np.cumsum(q[order]) - q[order]
        q[order[before > p]] = 0
        q /= q.sum()
    return q


def log_softmax(x):
    return torch.log_softmax(x.double(), -1)


def results(logits, twin, ids, case):
    """Tensors of a generation that gave `ids` from these logits [n, d_vocab_out]."""
    log_p, at = log_softmax(logits), torch.arange(len(ids))
    drawn = [sampled_from(logits[i], case["ids"] + ids[:i], case)[ids[i]] for i in range(len(ids))]
    out = {"ids": torch.tensor(ids), "logits": logits, "log_prob": log_p[at, ids], "entropy": -(log_p.exp() * log_p).sum(-1),
           "drawn": torch.tensor(np.array(drawn))}
    if twin is not None:
        log_q = log_softmax(twin)
        out["twin_log_prob"] = log_q[at, ids]
        out["kl"] = (log_p.exp() * (log_p - log_q)).sum(-1)
    return out


def forced(model, case):
    ids, n = case["ids"], len(case["forced"])
    text, n_prompt = ids + case["forced"][:-1], len(ids)
    runs, vectors = case.get("runs", {}), {k: torch.tensor(v) for k, v in case.get("vectors", {}).items()}
    edits = [of_unit_length(edit) for edit in resolved(case.get("edits", []), n_prompt, len(text), runs)]
    if case.get("freeze_attention"):
        runs = {**runs, "": text}
        edits = edits + [{"hook": "blocks.*.attn.hook_pattern", "op": "freeze", "value": {"run": ""}}] * bool(model.cfg.n_layers)
    run = Run(model, text, edits, runs, vectors, capture=lambda name: False)
    twin = Run(model, text, (), capture=lambda name: False) if case.get("twin") else None
    rows = slice(n_prompt - 1, n_prompt - 1 + n)
    return results(run.logits[rows].detach(), twin and twin.logits[rows].detach(), case["forced"], case)


# ---- documents ----


def vector(rng, n, scale=1.0):
    return [round(rng.gauss(0, scale), 3) for _ in range(n)]


def unit(rng, n):
    v = np.array(vector(rng, n)) + 0.01
    return [float(x) for x in v / np.linalg.norm(v)]


def block_edits(rng, cfg):
    """Edits whose operands do not depend on the length, for generate()."""
    last = cfg.n_layers - 1
    edits = [
        {"hook": "blocks.0.attn.hook_z", "heads": [0], "op": "zero", "from": -1},
        {"hook": f"blocks.{last}.hook_resid_pre", "op": "add", "value": vector(rng, cfg.d_model), "scale": 1.5},
        {"hook": "blocks.*.attn.hook_pattern", "op": "scale", "scale": 0.5, "heads": [cfg.n_heads - 1], "positions": [-1, 0]},
    ]
    if not cfg.attn_only:
        edits.append({"hook": "blocks.0.mlp.hook_post", "op": "clamp", "value": unit(rng, cfg.d_mlp), "max": 0.1, "from": 2})
    return edits


def every_kind(rng, cfg, hooks, n_prompt, n_rows):
    """One document for each hook of one of the layers, ops and selections in turn."""
    out = []
    for turn, (hook, shape) in enumerate(hooks.items()):
        last = shape[-1]
        selection = [{}, {"positions": [-1, 0, n_prompt]}, {"from": -1}, {"from": 1}][turn % 4]
        scale_hook = hook.endswith("hook_scale")
        op = ["add", "patch", "clamp", "scale", "set", "mean", "zero", "project_out"][(turn * 3 + 1) % 8]
        op = "scale" if scale_hook and op in ("zero", "project_out", "set", "clamp") else op
        edit = {"hook": hook, **selection, "op": op}
        masked = axes_of(hook) == "hps"
        if masked and op in ("add", "clamp", "set", "project_out"):
            edit["sources"], last = [1, 0], 2
        if op == "scale":
            edit["scale"] = 1.3
        elif op in ("add", "set"):
            edit["value"] = vector(rng, last, 0.5)
        elif op in ("clamp", "project_out"):
            edit["value"] = unit(rng, last)
            edit.update({"min": -0.1, "max": 0.2} if op == "clamp" else {})
        elif op in ("patch", "mean"):
            edit["value"] = {"run": "B"}
            if op == "patch" and "positions" in selection:
                edit["value"]["positions"] = [0, 1, 0]
            if masked and op == "mean":
                edit["op"] = "patch"
        out.append([edit])
    return out


def steering(rng, cfg):
    """Steering at the stream, each operation; a direction need not be of unit length."""
    hook = f"blocks.{cfg.n_layers // 2}.hook_resid_pre"
    v = vector(rng, cfg.d_model)
    add = {"hook": hook, "op": "add", "value": v, "scale": -2.5}
    return [
        [{**add, "from": -1}],
        [{**add, "positions": [0, 1, 2], "value": [vector(rng, cfg.d_model) for _ in range(3)]}],
        [{"hook": hook, "op": "project_out", "value": v}],
        [{"hook": hook, "op": "clamp", "value": v, "min": 3, "max": 3}],
        [{"hook": hook, "op": "clamp", "value": v, "max": 0.5}],
        [{"hook": hook, "op": "project_out", "value": v, "scale": 0.6, "from": 1}],
        [{"hook": hook, "op": "project_out", "value": v}, {**add, "scale": 4}],
    ]


def greedy_case(name, model, rng, n_prompt, n, edited):
    """A greedy text without ties or near ties."""
    for _ in range(20):
        case = {"ids": [rng.randrange(min(model.cfg.d_vocab, model.cfg.d_vocab_out)) for _ in range(n_prompt)], "temperature": 0, "max_new": n}
        if edited:
            case["edits"] = block_edits(rng, model.cfg)
        chosen, logits = greedy(model, case, n)
        top = logits.topk(2, -1).values
        if (top[:, 0] - top[:, 1]).min() > 1e-2:
            return case, results(logits, None, chosen, case)
    raise SystemExit(f"{name}: no greedy text without near ties")


def shipped(name, model):
    """A few, of a model whose vocabulary is large."""
    rng = random.Random(seed_of("generate", name))
    out = [greedy_case(name, model, rng, 7, 8, edited) for edited in (False, True)]
    ids = [rng.randrange(model.cfg.d_vocab) for _ in range(12)]
    case = {"ids": ids[:7], "forced": ids[7:], "max_new": 5, "twin": True, "edits": block_edits(rng, model.cfg), "temperature": 0.8, "top_k": 900,
            "frequency_penalty": 0.3}
    out.append((case, forced(model, case)))
    for i, edits in enumerate(steering(rng, model.cfg)):
        case = {"ids": ids[:7], "forced": ids[7:], "max_new": 5, "twin": True, "edits": edits, "freeze_attention": i % 2 == 0}
        out.append((case, forced(model, case)))
    return out


def cases(name, model, shapes_at):
    cfg = model.cfg
    rng = random.Random(seed_of("generate", name))
    V, n_prompt = cfg.d_vocab_out, min(4, cfg.n_ctx - 4)
    n = min(6, cfg.n_ctx - n_prompt + 1)
    most = min(V, cfg.d_vocab)

    def ids(k):
        return [rng.randrange(most) for _ in range(k)]

    out = []

    def add(case, tensors):
        out.append((case, tensors))

    for edited in (False, True):
        out.append(greedy_case(name, model, rng, n_prompt, n, edited))
    samplers = [
        {"temperature": 0.7, "top_k": 5}, {"temperature": 1.4, "top_p": 0.8}, {"frequency_penalty": 0.9}, {"repetition_penalty": 1.7},
        {"temperature": 0.5, "frequency_penalty": 0.6, "top_k": 7}, {"top_k": 6, "top_p": 0.7, "repetition_penalty": 1.2, "temperature": 1.2},
        {"temperature": 0, "repetition_penalty": 3.0, "frequency_penalty": 1.0},
    ]
    for sampler in samplers:
        case = {"ids": ids(n_prompt), **sampler, "forced": ids(n), "max_new": n}
        case["forced"][1] = case["ids"][0]
        add(case, forced(model, case))
    hooks = {h: s for h, s in shapes_at(n_prompt).items() if not h.startswith("blocks.") or h.startswith(f"blocks.{cfg.n_layers // 2}.")}
    n_rows = n_prompt + n - 1
    for edits in every_kind(rng, cfg, hooks, n_prompt, n_rows):
        case = {"ids": ids(n_prompt), "edits": edits, "forced": ids(n), "max_new": n, "twin": True}
        if "run" in str(edits):
            case["runs"] = {"B": ids(n_prompt + 1)}
        add(case, forced(model, case))
    for edits in steering(rng, cfg):
        for frozen in (False, True):
            case = {"ids": ids(n_prompt), "edits": edits, "forced": ids(n), "max_new": n, "twin": True, "freeze_attention": frozen}
            add(case, forced(model, case))
    return out
