"""TransformerLens as the reference: models with every parameter random, runs with every hook, edits as
hook functions, and gradients by autograd.

The edit operations here are written from what docs/formats.md says a document means, with torch's own
indexing; nothing is shared with the core.
"""

import fnmatch
import json
import logging
import os
import re
import zlib

import torch
from safetensors.torch import load_file, save_file

logging.getLogger().setLevel(logging.ERROR)
torch.set_num_threads(1)

from transformer_lens import HookedTransformer, HookedTransformerConfig  # noqa: E402

SPECIAL = {  # hooks behind a switch of the configuration
    "attn.hook_result": "use_attn_result",
    "hook_attn_in": "use_attn_in",
    "hook_q_input": "use_split_qkv_input",
    "hook_k_input": "use_split_qkv_input",
    "hook_v_input": "use_split_qkv_input",
    "hook_mlp_in": "use_hook_mlp_in",
}
SWITCHES = sorted(set(SPECIAL.values()))
BIASES = re.compile(r"(^|\.)b_(Q|K|V|O|in|out|U)$")
BUFFERS = re.compile(r"\.(mask|IGNORE)$")


def switch_of(name):
    return next((switch for end, switch in SPECIAL.items() if name.endswith("." + end)), None)


# ---- models ---------------------------------------------------------------------------------------


def new_model(cfg, dtype=torch.float32):
    return HookedTransformer(HookedTransformerConfig(**cfg, dtype=dtype, device="cpu")).eval()


def randomise(model, seed, gain=1.0, outlier=0.0):
    """Every parameter random and of a size that matters: patterns neither flat nor one-hot, biases and
    LayerNorm weights far from 0 and 1. A few exact -0.0 and denormals, which an identity edit must keep."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            x = torch.randn(p.shape, generator=g, dtype=torch.float32)
            last = name.split(".")[-1]
            if last == "w":
                x = 1.0 + 0.4 * x
            elif last == "b" or last.startswith("b_"):
                x = 0.3 * x
            elif last == "W_O":
                x = gain * x / (p.shape[0] * p.shape[1]) ** 0.5
            elif last in ("W_E", "W_pos"):
                x = gain * x
                x[..., 0, 0], x[..., -1, -1], x[..., 0, -1] = -0.0, -0.0, 1e-41
            else:
                x = 1.3 * gain * x / p.shape[-2] ** 0.5
            if outlier and last == "W_E":
                x[:, 3] += outlier
            p.copy_(x)


def build(spec, seed):
    """The model of a row of models.py, with the parameters as its file will hold them."""
    model = new_model(spec["cfg"])
    randomise(model, seed, spec.get("gain", 1.0), spec.get("outlier", 0.0))
    kinds = spec.get("file", [])
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "no_biases" in kinds and BIASES.search(name):
                p.zero_()
            if "f16" in kinds:
                p.copy_(p.half().float())
            if "bf16" in kinds:
                p.copy_(p.bfloat16().float())
    return model


def load(folder):
    """A model folder as docs/formats.md puts it into TransformerLens."""
    with open(f"{folder}/config.json") as f:
        cfg = {k: v for k, v in json.load(f).items() if k not in ("model_type", "dtype")}
    model = new_model(cfg)
    model.load_state_dict({k: v.float() for k, v in load_file(f"{folder}/model.safetensors").items()}, strict=False)
    return model


def in_double(model, cfg):
    """The same model in float64: what gradients are compared with."""
    double = new_model(cfg, torch.float64)
    double.load_state_dict(model.state_dict(), strict=False)
    return double


def write_model(model, spec, folder):
    os.makedirs(folder, exist_ok=True)
    kinds = spec.get("file", [])
    dtype = torch.float16 if "f16" in kinds else torch.bfloat16 if "bf16" in kinds else torch.float32
    config = {"model_type": "hooked_transformer", "dtype": str(dtype).removeprefix("torch.")}
    if spec.get("config") == "all":
        config.update({k: v for k, v in model.cfg.to_dict().items() if k != "dtype"})
    else:
        config.update(spec["cfg"])
    with open(f"{folder}/config.json", "w") as f:
        json.dump(config, f, indent=1, default=float)
        f.write("\n")
    tensors = {}
    for name, x in model.state_dict().items():
        if BUFFERS.search(name):
            if "buffers" in kinds:
                tensors[name] = x.clone()
        elif not ("no_biases" in kinds and BIASES.search(name)):
            tensors[name] = x.to(dtype).contiguous()
    if "shards" not in kinds:
        save_file(tensors, f"{folder}/model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    weight_map = {}
    for i, part in enumerate((names[::2], names[1::2])):
        file = f"model-{i + 1:05d}-of-00002.safetensors"
        save_file({n: tensors[n] for n in part}, f"{folder}/{file}", metadata={"format": "pt"})
        weight_map.update({n: file for n in part})
    total = sum(x.numel() * x.element_size() for x in tensors.values())
    with open(f"{folder}/model.safetensors.index.json", "w") as f:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, f, indent=1)
        f.write("\n")


# ---- runs -----------------------------------------------------------------------------------------


def set_switches(model, on):
    for switch in SWITCHES:
        setattr(model.cfg, switch, switch in on)


def every_hook(model, ids):
    """name -> value without a batch axis: all that fires with the switches off, each special hook with
    its own switch alone on, and the output as `logits`."""
    out = {}
    tokens = torch.tensor([ids])
    with torch.no_grad():
        set_switches(model, ())
        logits, cache = model.run_with_cache(tokens, remove_batch_dim=True, return_cache_object=False)
        out.update(cache)
        out["logits"] = logits[0]
        for switch in SWITCHES:
            if switch == "use_hook_mlp_in" and model.cfg.attn_only:
                continue
            set_switches(model, (switch,))
            _, cache = model.run_with_cache(tokens, remove_batch_dim=True, return_cache_object=False)
            out.update({n: x for n, x in cache.items() if switch_of(n) == switch})
    set_switches(model, ())
    return out


# ---- edits ----------------------------------------------------------------------------------------


def axes_of(name):
    """The axes of a hook, outermost first: p position, h head, s source position, d anything else."""
    last = name.split(".")[-1]
    if last in ("hook_attn_scores", "hook_pattern"):
        return "hps"
    if last in ("hook_q", "hook_k", "hook_v", "hook_z", "hook_result", "hook_attn_in", "hook_q_input", "hook_k_input", "hook_v_input"):
        return "phd"
    return "pd"


def indices(edit, axis, length):
    """The chosen indices of one axis, in the document's order, resolved from the end when negative."""
    every = list(range(length))
    if axis == "p" and "from" in edit:
        return every[edit["from"]:]
    if axis == "d" and "dims" in edit:
        return every[edit["dims"][0]:edit["dims"][1]]
    chosen = edit.get({"p": "positions", "h": "heads", "s": "sources"}.get(axis))
    return every if chosen is None else [every[i] for i in chosen]


def mesh(lists):
    n = len(lists)
    return tuple(torch.tensor(l, dtype=torch.long).view([-1 if i == j else 1 for j in range(n)]) for i, l in enumerate(lists))


def operand(edit, name, chosen, like, runs, vectors):
    value = edit["value"]
    if isinstance(value, dict) and "vector" in value:
        return vectors[value["vector"]].to(like.dtype)
    if not isinstance(value, dict):
        return torch.tensor(value, dtype=like.dtype)
    source = runs[value["run"]][name].to(like.dtype)
    p = axes_of(name).index("p")
    lists = list(chosen)
    length = source.shape[p]
    if edit["op"] == "mean":
        lists[p] = [list(range(length))[i] for i in value["positions"]] if "positions" in value else list(range(length))
        return source[mesh(lists)].mean(p, keepdim=True)
    if "positions" in value:
        lists[p] = [list(range(length))[i] for i in value["positions"]]
    return source[mesh(lists)]


def apply_edit(x, edit, name, runs, vectors):
    """x: the hook's value without a batch axis."""
    axes = axes_of(name)
    chosen = [indices(edit, a, n) for a, n in zip(axes, x.shape)]
    at = mesh(chosen)
    old = x[at]
    if axes == "hps":  # source <= destination; the rest is out of reach
        seen = (at[2] <= at[1]).expand(old.shape)
    else:
        seen = torch.ones(old.shape, dtype=torch.bool)
    op = edit["op"]
    if op == "zero":
        new = torch.zeros_like(old)
    elif op == "scale":
        new = old * edit["scale"]
    else:
        value = operand(edit, name, chosen, x, runs, vectors)
        if op in ("set", "mean", "patch", "freeze"):
            new = value.expand(old.shape)
        elif op == "add":
            new = old + edit.get("scale", 1.0) * value
        else:
            assert op in ("project_out", "clamp"), op
            c = (torch.where(seen, old, torch.zeros_like(old)) * value).sum(-1, keepdim=True)
            kept = torch.zeros_like(c) if op == "project_out" else torch.clamp(c, edit.get("min"), edit.get("max"))
            new = old + edit.get("scale", 1.0) * (kept - c) * value
    out = x.clone()
    out[at] = torch.where(seen, new, old)
    return out


def matching(edits, name):
    return [e for e in edits if fnmatch.fnmatchcase(name, e["hook"])]


class Run:
    """One edited forward pass. `values` has each captured hook after its edits; with `probes`, a zero
    tensor is added there whose gradient is the total derivative at the hook."""

    def __init__(self, model, ids, edits=(), runs=None, vectors=None, capture=None, probes=False):
        self.model, self.edits, self.probes = model, list(edits), probes
        self.vectors = vectors or {}
        self.runs = {k: every_hook(model, v) for k, v in (runs or {}).items()}
        self.capture = capture or (lambda name: True)
        self.values, self.taps = {}, {}
        names = set(every_hook(model, ids[:1])) - {"logits"}
        on = {switch_of(n) for n in names if matching(self.edits, n) or self.capture(n)} - {None}
        if "use_attn_in" in on:
            on = on - {"use_attn_in"} | {"use_split_qkv_input"}
        set_switches(model, on)
        hooks = [(n, self.hook) for n in names if switch_of(n) in on | {None}]
        with torch.set_grad_enabled(probes):
            logits = model.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0]
            self.logits = self.tap("logits", self.edited(logits, "logits"))
        set_switches(model, ())
        self.values["logits"] = self.logits.detach()

    def edited(self, x, name):
        for edit in matching(self.edits, name):
            x = apply_edit(x, edit, name, self.runs, self.vectors)
        return x

    def tap(self, name, x):
        if self.capture(name):
            self.values[name] = x.detach()
            if self.probes:
                probe = torch.zeros_like(x, requires_grad=True)
                self.taps.setdefault(name, []).append(probe)
                x = x + probe
        return x

    def hook(self, x, hook):
        name, x = hook.name, x[0]
        split = re.fullmatch(r"(blocks\.\d+)\.hook_[qkv]_input", name)
        if split:  # what is written to attn_in reaches the three inputs
            attn_in = split[1] + ".hook_attn_in"
            x = self.tap(attn_in, self.edited(x, attn_in))
        if x.dim() == 3 and axes_of(name) == "pd":  # ln1 of inputs that are split by head
            x = torch.stack([self.edited(x[:, h], name) for h in range(x.shape[1])], 1)
        else:
            x = self.edited(x, name)
        return self.tap(name, x)[None]

    def gradients(self, objective):
        """hook name -> total derivative; a hook that fires several times, or once a head, is summed."""
        flat = [(n, p) for n, probes in self.taps.items() for p in probes]
        params = list(self.model.named_parameters())
        grads = torch.autograd.grad(objective, [p for _, p in flat] + [p for _, p in params], allow_unused=True)
        out = {}
        for (name, p), g in zip(flat + params, grads):
            g = torch.zeros_like(p) if g is None else g
            if axes_of(name) == "pd" and name in self.taps and g.dim() == 3:
                g = g.sum(1)
            out[name] = out[name] + g if name in out else g
        return {n: g.detach() for n, g in out.items()}


def metric(kind, logits, spec, clean_logits=None):
    row = logits[spec["metric"].get("position", -1)]
    m = spec["metric"]
    if kind == "logit_diff":
        return row[m["correct"]] - row[m["wrong"]]
    log_p = torch.log_softmax(row, -1)
    if kind == "log_prob":
        return log_p[m["correct"]]
    assert kind == "kl", kind
    clean = torch.log_softmax(clean_logits[m.get("position", -1)], -1)
    return (clean.exp() * (clean - log_p)).sum()


def gradient(double, spec):
    """The reference of a gradient document on the float64 model: (metric, name -> derivative)."""
    run = Run(double, spec["ids"], spec.get("edits", ()), spec.get("runs"), probes=True)
    clean = every_hook(double, spec["clean"])["logits"] if "clean" in spec else None
    value = metric(spec["metric"]["kind"], run.logits, spec, clean)
    return value.item(), run.gradients(value)


def seed_of(*words):
    return zlib.crc32("/".join(map(str, words)).encode())
