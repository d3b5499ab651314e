"""Edit documents: every op on every kind of hook, with selections and operands of every form in turn,
then lists of several edits, globs and the combinations that touch each other. Deterministic."""

import random

from reference import axes_of, seed_of, switch_of

ONE_BY_ONE = ("ln_gelu_tanh_f16", "lnpre_solu_ln_shortformer", "none_gelu_new", "attn_only_shortformer", "ln_solu_ln")
A_FEW = ("zero_layers_ln", "attn_only_ln", "lnpre_gelu_fast", "odd_gelu_ln", "lnpre_silu_shards", "ln_solu", "none_solu_ln",
         "inferred_relu_none", "ones", "deep", "wide")
OPS = ("zero", "scale", "set", "add", "mean", "patch", "freeze", "project_out", "clamp")


def is_scale(hook):
    return hook.endswith("hook_scale")


def ops_for(hook):
    if is_scale(hook):  # zero and project_out would divide by zero
        return [op for op in OPS if op not in ("zero", "project_out")]
    return [op for op in OPS if op != "freeze" or hook.endswith("hook_pattern")]


class Maker:
    def __init__(self, name, shapes, n_vocab, T, seed):
        self.rng = random.Random(seed)
        self.name, self.shapes, self.n_vocab, self.T = name, shapes, n_vocab, T
        self.turn = 0
        self.prompt = self.ids(T)

    def ids(self, n):
        return [self.rng.randrange(self.n_vocab) for _ in range(n)]

    def numbers(self, shape, low=-1.0, high=1.0):
        if not shape:
            return round(self.rng.uniform(low, high), 3)
        return [self.numbers(shape[1:], low, high) for _ in range(shape[0])]

    def unit(self, n):
        v = [self.rng.gauss(0, 1) for _ in range(n)]
        length = sum(x * x for x in v) ** 0.5
        return [round(x / length, 9) for x in v] if n > 1 else [1.0]

    def some(self, n, most):
        k = self.rng.randint(1, max(1, min(n, most)))
        return [i if self.rng.random() < 0.6 else i - n for i in self.rng.sample(range(n), k)]

    def selection(self, hook, turn):
        """Which cells: all, positions (unsorted, some negative), heads, dims or sources, `from`."""
        axes, shape = axes_of(hook), self.shapes[hook]
        edit, T = {}, self.T
        way = turn % 5
        if way == 1 and T > 1:
            edit["positions"] = self.some(T, 3)
        if way == 2 and "h" in axes:
            edit["heads"] = [i % shape[axes.index("h")] for i in self.some(shape[axes.index("h")], 2)]
        if way == 3 and T > 1:
            edit["from"] = self.rng.randrange(1, T)
        if way in (2, 4) and axes[-1] == "d" and shape[-1] > 2:
            a = self.rng.randrange(shape[-1] - 2)
            edit["dims"] = [a, self.rng.randint(a + 1, shape[-1])]
        if way == 4 and axes[-1] == "s" and T > 1:
            edit["sources"] = self.some(T, 2)
        if way == 4 and "h" in axes:
            edit["positions"] = self.some(T, 2)
            edit["heads"] = [self.rng.randrange(shape[axes.index("h")])]
        return edit

    def selected_shape(self, hook, edit):
        shape = []
        for axis, n in zip(axes_of(hook), self.shapes[hook]):
            if axis == "p" and "from" in edit:
                n -= edit["from"]
            elif axis == "d" and "dims" in edit:
                n = edit["dims"][1] - edit["dims"][0]
            else:
                n = len(edit.get({"p": "positions", "h": "heads", "s": "sources"}.get(axis), range(n)))
            shape.append(n)
        return shape

    def one(self, hook, op, extra):
        """One edit; what it needs beside it (runs, vectors) goes into `extra`."""
        self.turn += 1
        turn = self.turn
        edit = {"hook": hook, **self.selection(hook, turn), "op": op}
        shape = self.selected_shape(hook, edit)
        low, high = (0.6, 1.6) if is_scale(hook) else (-1.0, 1.0)
        if hook.endswith("hook_pattern"):
            low, high = 0.0, 0.5
        T = self.T
        if op == "scale":
            edit["scale"] = self.rng.choice([0.5, 1.7, 3.0] if is_scale(hook) else [-1.5, 0.0, 0.5, 2.0])
        elif op in ("set", "add"):
            form = (turn // 3) % 4
            if form == 0:
                edit["value"] = self.numbers([], low, high)
            elif form == 1:
                edit["value"] = self.numbers(shape[-1:], low, high)
            elif form == 2:
                edit["value"] = self.numbers(shape[-2:], low, high)
            else:
                name = f"v{len(extra['vectors'])}"
                extra["vectors"][name] = self.numbers(shape[-1:], low, high)
                edit["value"] = {"vector": name}
            if op == "add" and turn % 2:
                edit["scale"] = 0.7 if is_scale(hook) else -2.5
        elif op == "mean" and turn % 3 == 0:
            edit["value"] = self.numbers(shape[-1:], low, high)
        elif op in ("mean", "patch", "freeze"):
            edit["value"] = {"run": "B"}
            crossed = axes_of(hook)[-1] == "s"  # sources are B's too: B is as long
            n_b = T if crossed or turn % 2 else min(T + 2, self.shapes["n_ctx"])
            if op == "mean":
                if turn % 2 or T < 2:
                    n_b = T
                else:
                    edit["value"]["positions"] = self.some(n_b, 3)
                if "scores" in hook:
                    edit["value"]["positions"] = [n_b - 1, -min(2, n_b)]
            elif "positions" in edit and turn % 3:
                # another length, shorter too, with positions said for both
                n_b = n_b if crossed else self.rng.choice([max(min(3, n_b), T - 3), n_b])
                edit["value"]["positions"] = [self.rng.randrange(n_b) - (n_b if self.rng.random() < 0.4 else 0) for _ in edit["positions"]]
            extra["runs"].setdefault("B", None)
            extra["n_b"] = max(extra.get("n_b", 0), n_b)
            if extra["runs"]["B"] is None or len(extra["runs"]["B"]) != n_b:
                extra["runs"]["B"] = self.ids(n_b)
        elif op in ("project_out", "clamp"):
            v = self.unit(shape[-1])
            if turn % 2:
                edit["value"] = v
            else:
                name = f"v{len(extra['vectors'])}"
                extra["vectors"][name] = v
                edit["value"] = {"vector": name}
            if op == "clamp":
                bounds = (0.3, 0.9) if is_scale(hook) else (-0.1, 0.2)
                if turn % 3 != 1:
                    edit["min"] = bounds[0]
                if turn % 3 != 2:
                    edit["max"] = bounds[1]
        return edit

    def case(self, edits, extra, capture):
        # capture "logits" last; a special hook and ln1 of split inputs only where the reference has one reading
        touched = {e["hook"] for e in edits}
        return {
            "ids": self.prompt,
            "edits": edits,
            **({"runs": extra["runs"]} if extra["runs"] else {}),
            **({"vectors": extra["vectors"]} if extra["vectors"] else {}),
            "capture": [c for c in dict.fromkeys(capture) if c in self.shapes and (switch_of(c) is None or c in touched)],
        }


def downstream(hook, n_layers):
    return [hook, f"blocks.{n_layers - 1}.hook_resid_post", "logits"]


def cases(name, cfg, shapes_at, everything=False):
    """shapes_at(T) -> {hook: shape} of this model for T tokens. `everything` (fresh.py): each op on each
    hook of each layer."""
    T = min(cfg.n_ctx, 5)
    maker = Maker(name, {**shapes_at(T), "n_ctx": cfg.n_ctx}, cfg.d_vocab, T, seed_of("edits", name))
    hooks = [h for h in maker.shapes if h != "n_ctx"]
    out = []

    def extra():
        return {"runs": {}, "vectors": {}}

    if everything or name in ONE_BY_ONE:
        n = cfg.n_layers
        kinds = sorted({h.split(".", 2)[2] for h in hooks if h.startswith("blocks.")})
        for hook in hooks:
            if not everything and hook.startswith("blocks."):
                _, layer, kind = hook.split(".", 2)
                if int(layer) != kinds.index(kind) % n:
                    continue  # each kind in one of the layers
            for op in ops_for(hook):
                e = extra()
                edit = maker.one(hook, op, e)
                out.append(maker.case([edit], e, downstream(hook, n) if maker.turn % 3 == 0 else [hook, "logits"]))
        if n > 0 and T > 4 and cfg.d_model > 9:
            out += together(maker, cfg)
    else:
        for k in range(8 if name != "wide" else 3):
            e = extra()
            picked = maker.rng.sample(hooks, min(len(hooks), 1 + k % 3))
            edits = [maker.one(h, maker.rng.choice([op for op in ops_for(h) if op not in ("patch", "freeze", "mean")]), e) for h in picked]
            out.append(maker.case(edits, e, ["logits"]))
    return out


def together(maker, cfg):
    """Several edits in order, globs, and hooks that feed each other."""
    T, n = maker.T, cfg.n_layers
    d, dh, H = cfg.d_model, cfg.d_head, cfg.n_heads
    b, b2 = maker.ids(T), maker.ids(min(T + 2, cfg.n_ctx))
    last = n - 1
    norm = cfg.normalization_type is not None
    z = f"blocks.{last}.attn.hook_z"
    u = maker.unit(d)
    v = maker.numbers([d])
    docs = [
        ([{"hook": "blocks.*.attn.hook_z", "heads": [0], "op": "zero"}], {}),
        ([{"hook": "*", "op": "scale", "scale": 0.9}], {}),
        ([{"hook": "*hook_resid_p*", "positions": [-1], "op": "add", "scale": 1.5, "value": v}], {}),
        ([{"hook": "blocks.?.hook_attn_out", "op": "patch", "value": {"run": "B"}}], {"B": b}),
        ([{"hook": "*", "op": "patch", "value": {"run": "B"}, "positions": [0, 2]}], {"B": b}),
        ([{"hook": "*.hook_pattern", "op": "freeze", "value": {"run": "B"}}], {"B": b}),
        ([{"hook": z, "op": "scale", "scale": 2.0}, {"hook": z, "positions": [-1], "op": "set", "value": 0.25},
          {"hook": z, "op": "add", "scale": -0.5, "value": maker.numbers([H, dh])}], {}),
        ([{"hook": z, "op": "set", "value": 0.25}, {"hook": z, "op": "scale", "scale": -2.0, "heads": [H - 1]}], {}),
        ([{"hook": "blocks.0.hook_resid_pre", "op": "patch", "positions": [-1, 0], "value": {"run": "B", "positions": [1, -1]}},
          {"hook": "blocks.0.hook_attn_out", "op": "mean", "value": {"run": "C"}}], {"B": b2, "C": b}),
        ([{"hook": "blocks.0.hook_attn_in", "heads": [0], "op": "add", "value": v},
          {"hook": "blocks.0.hook_q_input", "op": "scale", "scale": 1.3}], {}),
        ([{"hook": "blocks.0.hook_k_input", "positions": [1], "op": "project_out", "value": u},
          {"hook": "blocks.0.hook_v_input", "heads": [H - 1], "op": "patch", "value": {"run": "B"}}], {"B": b}),
        ([{"hook": f"blocks.{last}.hook_v_input", "heads": [0], "op": "clamp", "min": -0.1, "max": 0.1, "value": u},
          {"hook": f"blocks.{last}.attn.hook_result", "positions": [-1], "op": "scale", "scale": 3.0}], {}),
        ([{"hook": f"blocks.{last}.attn.hook_attn_scores", "op": "zero"},
          {"hook": f"blocks.{last}.attn.hook_pattern", "sources": [0], "op": "add", "value": 0.1}], {}),
        ([{"hook": f"blocks.{last}.attn.hook_attn_scores", "sources": [1, -1], "op": "add", "scale": 5.0, "value": [1.0, -0.5]}], {}),
        ([{"hook": f"blocks.{last}.attn.hook_pattern", "positions": [2, -1], "op": "patch", "value": {"run": "B", "positions": [1, 2]}}], {"B": b2}),
        ([{"hook": f"blocks.{last}.attn.hook_attn_scores", "positions": [-1], "op": "patch", "value": {"run": "B", "positions": [2]}}], {"B": b2}),
        ([{"hook": "blocks.*", "from": 2, "op": "scale", "scale": 1.05}], {}),
        ([{"hook": "logits", "positions": [-1], "dims": [0, 2], "op": "set", "value": [9.0, -9.0]}], {}),
    ]
    if norm:
        ln1 = "blocks.0.ln1.hook_normalized"
        docs += [
            ([{"hook": "blocks.0.hook_q_input", "heads": [0], "op": "add", "value": v},
              {"hook": ln1, "op": "scale", "scale": 0.5}], {}),
            ([{"hook": "blocks.0.hook_attn_in", "op": "scale", "scale": 1.5},
              {"hook": "blocks.0.ln1.hook_scale", "positions": [0], "op": "set", "value": 1.25},
              {"hook": ln1, "positions": [-1], "op": "project_out", "value": u}], {}),
            ([{"hook": "blocks.0.hook_v_input", "op": "scale", "scale": 0.2},
              {"hook": "blocks.0.ln1.hook_scale", "op": "freeze", "value": {"run": "B"}}], {"B": b}),
            ([{"hook": "*.hook_scale", "op": "freeze", "value": {"run": "B"}},
              {"hook": "hook_embed", "positions": [1], "op": "add", "value": v}], {"B": b}),
        ]
    if not cfg.attn_only:
        docs += [
            ([{"hook": "blocks.0.hook_resid_mid", "op": "project_out", "value": u},
              {"hook": "blocks.0.hook_mlp_in", "positions": [-1], "op": "patch", "value": {"run": "B"}}], {"B": b}),
            ([{"hook": "blocks.*.mlp.hook_p*", "dims": [3, 9], "op": "zero"}], {}),
        ]
    return [maker.case(edits, {"runs": runs, "vectors": {}}, [f"blocks.{last}.hook_resid_post", "logits"]) for edits, runs in docs]


IDENTITY_MODELS = ("odd_gelu_ln", "attn_only_shortformer", "none_gelu_new", "ln_solu_ln", "lnpre_silu_shards", "zero_layers_ln", "wide")


def identities(name, cfg, hooks, prompt):
    """Documents that change nothing, and must not change a bit."""
    scale = {"op": "scale", "scale": 1}
    nothing = {"op": "add", "value": 0}
    no_strength = {"op": "add", "scale": 0, "value": 7.5}
    own = {"op": "patch", "value": {"run": "B"}}
    kept = {"op": "freeze", "value": {"run": "B"}}
    edits = [{"hook": "*", **e} for e in (scale, nothing, no_strength, own)]
    edits += [{"hook": "*", "positions": [-1], **e} for e in (scale, nothing, own)]
    edits += [{"hook": h, **kept} for h in ("*.hook_pattern", "*.hook_scale") if any(x.endswith(h[1:]) for x in hooks)]
    for hook in hooks:
        if not hook.startswith("blocks.") or hook.startswith(f"blocks.{cfg.n_layers - 1}."):
            edits += [{"hook": hook, **e} for e in (scale, nothing, own)]
    return [{"ids": prompt, "edits": [e], **({"runs": {"B": prompt}} if e.get("value") == {"run": "B"} else {})} for e in edits]
