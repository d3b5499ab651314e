"""What a reading document means, from TransformerLens' ActivationCache and head_detector; where it has
nothing, the formula in torch, in float64. Nothing is shared with the core.

`expected(model, doc)` gives {array name: tensor} and {axis: labels}. Names "values.x" are single numbers.
"""

from fnmatch import fnmatchcase

import torch

from read_heads import detect_as_transformer_lens, stripe
from read_side import Side


def largest(x, k):
    """Indices along the last axis, the lower one first among equals."""
    return torch.sort(x, dim=-1, descending=True, stable=True).indices[..., :k]


def entropy(logits):
    log_p = torch.log_softmax(logits, -1)
    return -(log_p.exp() * log_p).nan_to_num(0.0).sum(-1)


def kl(p_logits, q_logits):
    log_p, log_q = torch.log_softmax(p_logits, -1), torch.log_softmax(q_logits, -1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def rank(logits, ids):
    mine = logits.gather(-1, ids[..., None])
    return (logits > mine).sum(-1).double()


class Reader:
    def __init__(self, model, doc):
        self.model, self.doc, self.cfg = model, doc, model.cfg
        self.sides = [Side(model, doc)] if "ids" in doc else []
        if "minus" in doc:
            self.sides.append(Side(model, doc["minus"]))
        self.T = self.sides[0].T if self.sides else 0
        self.axes, self.fixed = {}, {}

    def edited(self, hook):
        return any(s.edited(hook) for s in self.sides)

    def positions(self, last=False):
        chosen = self.doc.get("positions", [-1] if last else range(self.T))
        return [range(self.T)[p] for p in chosen]

    def direction(self, side):
        along = self.doc.get("along")
        if along is None:
            return None
        m = self.model
        if "token" in along:
            v = m.W_U[:, along["token"]].double()
            if "minus" in along:
                v = v - m.W_U[:, along["minus"]].double()
        elif "neuron" in along:
            v = m.W_out[along["neuron"][0], along["neuron"][1]].double()
        elif "neuron_in" in along:
            v = m.W_in[along["neuron_in"][0], :, along["neuron_in"][1]].double()
        elif "state" in along:
            v = side.state(along["state"])[along["position"]].double()
        elif "head" in along:
            l, h = along["head"]
            v = side.hook(f"blocks.{l}.attn.hook_z")[along["position"], h].double() @ m.W_O[l, h].double()
        else:
            v = torch.tensor(along["vector"], dtype=torch.float64)
        return v / v.norm()

    # ---- readings: what one side gives; self.fixed keeps what was chosen in the first ----

    def states_chosen(self, side):
        """Labels; the document's may be globs."""
        _, labels = side.accumulated()
        wanted = self.doc.get("states", labels)
        known = labels + [name for name, x in side.values.items() if tuple(x.shape) == (self.T, self.cfg.d_model)]
        return [name for glob in wanted for name in known if name == glob or ("*" in glob and name in labels and fnmatchcase(name, glob))]

    def lens(self, side):
        doc, P = self.doc, self.positions()
        states = self.states_chosen(side)
        self.axes["state"] = states
        cached = doc.get("ln") == "cached"
        logits = torch.stack([side.unembed(side.ln_final(side.state(s), cached))[P] for s in states])
        final = side.logits[P]
        k = doc.get("k", min(5, final.shape[-1]))
        token = doc.get("token", "top")
        if "top_ids" not in self.fixed:
            self.fixed["top_ids"] = largest(logits, k)
            if token == "top":
                ids = final.argmax(-1)
            elif token == "next":
                ids = torch.tensor([(side.ids[p + 1] if p + 1 < self.T else -1) for p in P])
                ids = torch.where(ids < final.shape[-1], ids, -1)
            else:
                ids = torch.full((len(P),), token)
            self.fixed["ids"] = ids
        top, ids = self.fixed["top_ids"], self.fixed["ids"]
        none = (ids < 0).expand(logits.shape[:2])
        probs = logits.softmax(-1)
        at = ids.clamp(min=0).expand(logits.shape[:2])[..., None]

        def cell(x):
            return torch.where(none, torch.nan, x)

        out = {
            "top_ids": top.double(), "top_logits": logits.gather(-1, top), "top_probs": probs.gather(-1, top),
            "token_ids": torch.where(ids < 0, torch.nan, ids.double()),
            "logit": cell(logits.gather(-1, at)[..., 0]), "prob": cell(probs.gather(-1, at)[..., 0]),
            "rank": cell(rank(logits, at[..., 0])), "kl": kl(final.expand_as(logits), logits), "entropy": entropy(logits),
        }
        if doc.get("logits"):
            out["logits"] = logits
        return out

    def states(self, side):
        P, names = self.positions(), self.states_chosen(side)
        self.axes["state"] = names
        stack = torch.stack([side.state(s)[P] for s in names]).double()
        other = side.state(self.doc.get("cosine_to", "final_post"))[P].double()
        out = {"norm": stack.norm(dim=-1), "mean": stack.mean(-1),
               "cosine": torch.cosine_similarity(stack, other.expand_as(stack), dim=-1, eps=0)}
        if "along" in self.doc:
            self.fixed.setdefault("along", self.direction(side))
            out["projection"] = stack @ self.fixed["along"]
        if self.doc.get("vectors"):
            out["vectors"] = stack
        self.fixed.setdefault("stacks", []).append(stack)
        return out

    def tail(self, side, P, token, wrong):
        """Parts of a logit that are no vectors of the stream."""
        m = self.model
        W = m.W_U[:, token].double() - (m.W_U[:, wrong].double() if wrong is not None else 0)
        b_U = m.b_U[token].double() - (m.b_U[wrong].double() if wrong is not None else 0)
        logit = side.logits[P, token] - (side.logits[P, wrong] if wrong is not None else 0)
        final = side.state("final_post").double()[P]
        read = side.hook("ln_final.hook_normalized").double()[P] if side.norm else final
        out, names = [], []
        bias = torch.zeros(len(P), dtype=torch.float64)
        if self.cfg.normalization_type == "LN":
            bias = (m.ln_final.b.double() @ W).expand(len(P))
            names.append("ln_final_bias")
            out.append(bias)
        if self.edited("ln_final.hook_normalized"):
            names.append("edit ln_final")
            whole = side.ln_final(side.state("final_post"), True).double()[P]
            out.append(read @ W - whole @ W)
        names.append("unembed_bias")
        out.append(b_U.expand(len(P)))
        if self.edited("logits"):
            names.append("edit logits")
            out.append(logit - read @ W - b_U)
        return torch.stack(out, -1), names, logit

    def attribution(self, side):
        doc, P = self.doc, self.positions(last=True)
        by, token, wrong = doc["by"] if "by" in doc else "component", doc["token"], doc.get("wrong")
        attrs = lambda stack: side.folded.logit_attrs(stack.float(), tokens=token, incorrect_tokens=wrong, has_batch_dim=False).double()
        division = {"component": "component", "neuron": "neuron"}.get(by, "head")
        stack, labels = side.parts("final_post", division, self.edited)
        if by != "component":  # heads have an array of their own
            keep = [i for i, name in enumerate(labels) if not name.startswith("L")]
            stack, labels = stack[keep], [labels[i] for i in keep]
        tail, tail_names, logit = self.tail(side, P, token, wrong)
        self.axes["part"] = labels + tail_names
        out = {"values": torch.cat([attrs(stack)[:, P].T, tail], -1), "logit": logit}
        L, H = side.L, side.H
        if by != "component":
            heads = side.head_results()
            out["heads"] = attrs(heads.reshape(L * H, self.T, -1))[:, P].T.reshape(len(P), L, H) if L else torch.zeros(len(P), 0, H)
        if by == "neuron":
            neurons = side.cache.stack_neuron_results(layer=-1) if L else torch.zeros(0, self.T, self.cfg.d_model)
            out["neurons"] = attrs(neurons)[:, P].T.reshape(len(P), L, self.cfg.d_mlp)
        if by == "source":
            l, h = doc["layer"], doc["head"]
            pattern = side.hook(f"blocks.{l}.attn.hook_pattern")[h].double()
            v = side.hook(f"blocks.{l}.attn.hook_v")[:, h].double()
            rows = [attrs((pattern[p, :, None, None] * (v @ self.model.W_O[l, h].double())[:, None]).expand(-1, self.T, -1))[:, p] for p in P]
            out["source"] = torch.stack(rows)
            if self.edited(f"blocks.{l}.attn.hook_z") or self.edited(f"blocks.{l}.attn.hook_result"):
                out["source_edit"] = out["heads"][:, l, h] - out["source"].sum(-1)
        return out

    def decompose(self, side):
        doc, P = self.doc, self.positions()
        state, ln = doc.get("state", "final_post"), doc.get("ln", "none")
        stack, labels = side.parts(state, doc.get("by", "component"), self.edited)
        self.axes["part"] = labels
        whole = side.state(state).double()
        if ln != "none" and side.norm:
            if ln == "cached":
                layer, mid = (side.L, False) if state == "final_post" else (int(state.split("_")[0]), state.endswith("mid"))
                apply = lambda x: side.cache.apply_ln_to_stack(x.float(), layer, mlp_input=mid, has_batch_dim=False).double()
            else:
                scale = (whole.var(-1, unbiased=False, keepdim=True) + self.cfg.eps).sqrt()
                apply = lambda x: (x - x.mean(-1, keepdim=True)) / scale
            stack, whole = apply(stack), apply(whole[None])[0]
        stack, whole = stack[:, P], whole[P]
        if "along" in doc:
            self.fixed.setdefault("along", self.direction(side).expand(len(P), -1))
        else:
            self.fixed.setdefault("along", whole / whole.norm(dim=-1, keepdim=True))
        u = self.fixed["along"]
        out = {"norm": stack.norm(dim=-1), "along": (stack * u).sum(-1), "state_norm": whole.norm(dim=-1), "state_along": (whole * u).sum(-1)}
        if doc.get("vectors"):
            out["vectors"] = stack
        return out

    def heads_chosen(self, side):
        return self.doc.get("heads", [[l, h] for l in range(side.L) for h in range(side.H)])

    def weighted(self, side, l, h, mode):
        pattern = side.hook(f"blocks.{l}.attn.hook_pattern")[h].double()
        if mode == "scores":
            return side.hook(f"blocks.{l}.attn.hook_attn_scores")[h].double()
        if mode == "pattern":
            return pattern
        v = side.hook(f"blocks.{l}.attn.hook_v")[:, h].double()
        return pattern * (v if mode == "value_weighted" else v @ self.model.W_O[l, h].double()).norm(dim=-1)

    def attention(self):
        mode, pool, T = self.doc.get("mode", "pattern"), self.doc.get("pool"), self.T
        heads = self.heads_chosen(self.sides[0])
        self.axes["index"] = [f"L{l}H{h}" for l, h in heads]
        maps = []
        seen = torch.ones(T, T).tril().bool()
        for l, h in heads:
            x = self.weighted(self.sides[0], l, h, mode)
            if len(self.sides) > 1:
                x = torch.where(seen, x - self.weighted(self.sides[1], l, h, mode), x)
            if len(self.sides) > 1 and mode != "scores":
                x = torch.where(seen, x, 0)
            if pool and pool < T:
                cells = torch.full((pool, pool), torch.nan, dtype=torch.float64)
                for t in range(T):
                    for s in range(t + 1):
                        at = (t * pool // T, s * pool // T)
                        if torch.isnan(cells[at]) or x[t, s].abs() > cells[at].abs():
                            cells[at] = x[t, s]
                x = cells
            maps.append(x)
        return {"attention": torch.stack(maps)}

    def who(self, side, which, l, h, dest, src):
        """The score by who wrote the key (at src) or the query (at dest)."""
        m, cfg = self.model, self.cfg
        t = src if which == "key" else dest
        letter, hook = ("K", "k") if which == "key" else ("Q", "q")
        q = side.hook(f"blocks.{l}.attn.hook_q")[dest, h].double()
        k = side.hook(f"blocks.{l}.attn.hook_k")[src, h].double()
        other, own = (q, k) if which == "key" else (k, q)
        attn = m.blocks[l].attn
        scale = m.blocks[l].attn.attn_scale
        into = getattr(attn, f"W_{letter}")[h].double() @ other / scale
        stack, labels = side.parts(f"{l}_pre", "head", self.edited)
        x = stack[:, t]
        out, names = [], list(labels)
        if side.norm:
            ln = side.cache.apply_ln_to_stack(stack.float(), l, has_batch_dim=False).double()[:, t]
            x = ln * (m.blocks[l].ln1.w.double() if cfg.normalization_type == "LN" else 1)
        out.append(x @ into)
        tail = []
        if cfg.normalization_type == "LN":
            names.append("ln1_bias")
            tail.append(m.blocks[l].ln1.b.double() @ into)
        if not side.standard:
            names.append("pos_embed")
            tail.append(side.hook("hook_pos_embed")[t].double() @ into)
        names.append(f"b_{letter}")
        tail.append(getattr(attn, f"b_{letter}")[h].double() @ other / scale)
        whole = own @ other / scale
        hooks = [f"blocks.{l}.attn.hook_{hook}", f"blocks.{l}.hook_{hook}_input", f"blocks.{l}.hook_attn_in", f"blocks.{l}.ln1.hook_normalized"]
        if any(self.edited(name) for name in hooks):
            names.append(f"edit {hook}")
            tail.append(whole - out[0].sum() - sum(tail))
        if self.edited(f"blocks.{l}.attn.hook_attn_scores"):
            names.append("edit attn_scores")
            tail.append(side.hook(f"blocks.{l}.attn.hook_attn_scores")[h, dest, src].double() - whole)
        self.axes[f"{which}_part"] = names
        return torch.cat([out[0], torch.stack(tail)])

    def pair(self, side):
        doc, m, cfg = self.doc, self.model, self.cfg
        l, h = doc["layer"], doc["head"]
        dest, src = range(self.T)[doc["dest"]], range(self.T)[doc["src"]]
        block = f"blocks.{l}.attn."
        q, k, v = (side.hook(block + f"hook_{x}")[t, h].double() for x, t in (("q", dest), ("k", src), ("v", src)))
        scale = m.blocks[l].attn.attn_scale
        scores, pattern = (side.hook(block + f"hook_{x}")[h, dest].double() for x in ("attn_scores", "pattern"))
        result = pattern[src] * v @ m.W_O[l, h].double()
        read = result
        if side.norm:
            read = (result - result.mean()) / side.hook("ln_final.hook_scale")[dest].double()
            if cfg.normalization_type == "LN":
                read = read * m.ln_final.w.double()
        logits = read @ m.W_U.double()
        n = doc.get("k", min(10, len(logits)))
        self.fixed.setdefault("top", largest(logits, n))
        self.fixed.setdefault("bottom", largest(-logits, n))
        self.fixed["values.attn_scale"] = torch.tensor(scale)
        return {
            "q": q, "k": k, "product": q * k / scale, "scores": scores, "pattern": pattern, "v": v, "result": result,
            "key_parts": self.who(side, "key", l, h, dest, src), "query_parts": self.who(side, "query", l, h, dest, src),
            "top_ids": self.fixed["top"].double(), "top_values": logits[self.fixed["top"]],
            "bottom_ids": self.fixed["bottom"].double(), "bottom_values": logits[self.fixed["bottom"]],
            "values.score": scores[src], "values.pattern": pattern[src], "values.v_norm": v.norm(), "values.result_norm": result.norm(),
        }

    def neurons(self, side):
        doc = self.doc
        p = range(self.T)[doc.get("position", -1)]
        self.fixed.setdefault("token", doc.get("token", int(side.logits[p].argmax())))
        layers = [doc["layer"]] if "layer" in doc else range(side.L)
        m = self.cfg.d_mlp
        at = lambda name: torch.stack([side.hook(f"blocks.{l}.mlp.hook_{name}")[p] for l in layers]).double().flatten()
        stack = side.cache.stack_neuron_results(layer=-1)  # in the order of layers, then neurons
        attrs = side.folded.logit_attrs(stack, tokens=self.fixed["token"], incorrect_tokens=doc.get("wrong"), has_batch_dim=False)[:, p].double()
        attrs = attrs.reshape(side.L, m)[list(layers)].flatten()
        key = attrs.abs() if doc.get("by") == "attribution" else at("post")
        self.fixed.setdefault("chosen", largest(key, doc.get("k", min(20, len(key)))))
        i = self.fixed["chosen"]
        return {"layer": torch.tensor([layers[int(j) // m] for j in i]), "neuron": i % m, "pre": at("pre")[i], "post": at("post")[i], "attribution": attrs[i]}

    def neuron(self, side):
        name = f"blocks.{self.doc['layer']}.mlp.hook_"
        return {x: side.hook(name + x)[:, self.doc["neuron"]].double() for x in ("pre", "post")}

    def directions(self):
        m, l, n = self.model, self.doc["layer"], self.doc["neuron"]
        reads = m.W_in[l, :, n].double() * (m.blocks[l].ln2.w.double() if self.cfg.normalization_type == "LN" else 1)
        writes = m.W_out[l, n].double()
        out = {"values.read_norm": reads.norm(), "values.write_norm": writes.norm(), "values.cosine": torch.cosine_similarity(reads, writes, dim=0, eps=0)}
        k = self.doc.get("k", min(10, self.cfg.d_vocab, self.cfg.d_vocab_out))
        for name, x in (("read", m.W_E.double() @ reads), ("write", writes @ m.W_U.double())):
            top, low = largest(x, k), largest(-x, k)
            out |= {f"{name}_ids": top, f"{name}_values": x[top], f"{name}_low_ids": low, f"{name}_low_values": x[low]}
        return out

    def written(self, side):
        P = self.positions()
        stack, labels = side.cache.decompose_resid(layer=side.L, return_labels=True)
        stack, heads = stack.double()[:, P], side.head_results().double()[:, :, P]
        states, names = side.accumulated()
        self.axes |= {"part": labels, "state": names}
        norm, variance = stack.norm(dim=-1), stack.var(-1, unbiased=False)
        return {"norm": norm, "variance": variance, "norm_mean": norm.mean(-1), "variance_mean": variance.mean(-1),
                "heads_norm": heads.norm(dim=-1).mean(-1), "heads_variance": heads.var(-1, unbiased=False).mean(-1),
                "stream_norm": states.double()[:, P].norm(dim=-1).mean(-1)}

    def detect(self, side):
        """Heads on the side's text. For random tokens the caller gives the ids that were drawn."""
        measure = self.doc.get("error_measure", "stripe")
        options = {k: self.doc.get(k, False) for k in ("exclude_bos", "exclude_current_token")}
        ids = torch.tensor([side.ids])
        out = {}
        for kind in ("previous", "duplicate", "induction"):
            if measure == "stripe":
                out[kind] = torch.tensor([[stripe(kind, side.hook(f"blocks.{l}.attn.hook_pattern")[h].double(), side.ids) for h in range(side.H)]
                                          for l in range(side.L)]).reshape(side.L, side.H)
            else:
                out[kind] = detect_as_transformer_lens(side, ids, kind, measure, options)
        return out

    def predictions(self, side):
        doc, P = self.doc, self.positions()
        logits = side.logits[P]
        self.fixed.setdefault("top", largest(logits, doc.get("k", min(10, logits.shape[-1]))))
        top = self.fixed["top"]
        first = self.sides[0].ids
        V = logits.shape[-1]
        next_ids = [(first[p + 1] if p + 1 < self.T and first[p + 1] < V else -1) for p in P]
        none, at = torch.tensor(next_ids) < 0, torch.tensor(next_ids).clamp(min=0)
        log_p = torch.log_softmax(logits, -1)
        cell = lambda x: torch.where(none, torch.nan, x)
        self.fixed.setdefault("logits", []).append(logits)
        return {"top_ids": top.double(), "top_logits": logits.gather(-1, top), "top_probs": log_p.exp().gather(-1, top),
                "loss": cell(-log_p.gather(-1, at[:, None])[:, 0]), "next_prob": cell(log_p.exp().gather(-1, at[:, None])[:, 0]),
                "next_rank": cell(rank(logits, at)), "entropy": entropy(logits)}

    # ---- both sides ----

    CHOSEN = {"top_ids", "token_ids", "bottom_ids", "layer", "neuron"}

    def expected(self):
        read = self.doc["read"]
        if read in ("attention", "directions"):
            return getattr(self, read)(), self.axes
        out = getattr(self, read)(self.sides[0])
        if len(self.sides) > 1:
            other = getattr(self, read)(self.sides[1])
            for name in out:
                if name not in self.CHOSEN:
                    masked = torch.isinf(out[name]) & (out[name] == other[name])
                    out[name] = torch.where(masked, out[name], out[name] - other[name])
            if read == "states":
                a, b = self.fixed["stacks"]
                out["distance"] = (a - b).norm(dim=-1)
            if read == "predictions":
                a, b = self.fixed["logits"]
                out["kl"] = kl(b, a)
        out |= {k: v for k, v in self.fixed.items() if k.startswith("values.")}
        if read == "neurons":
            out["values.token"] = torch.tensor(float(self.fixed["token"]))
        return out, self.axes


@torch.no_grad()
def expected(model, doc):
    tensors, axes = Reader(model, doc).expected()
    bad = [k for k, v in tensors.items() if v.dtype.is_floating_point and torch.isnan(v).any() and k not in MAY_BE_NAN]
    if bad and "pool" not in doc:
        raise ValueError(f"NaN in {bad} of {doc}")
    return tensors, axes


MAY_BE_NAN = {"token_ids", "logit", "prob", "rank", "loss", "next_prob", "next_rank"}
