"""Reading documents: every reading of every kind of model, plain, with edits in force and with `minus`.
Deterministic."""

import random

from reference import seed_of

MODELS = ("attn_only_shortformer", "odd_gelu_ln", "gpt2_shaped", "ln_gelu_tanh_f16", "wide", "none_gelu_new", "lnpre_silu_shards",
          "ln_solu_ln", "lnpre_gelu_fast", "attn_only_ln", "deep", "zero_layers_ln", "zero_layers_none", "ones")
SHIPPED = ("stories-2l",)
A_FEW = ("ln_gelu_tanh_f16", "wide", "ln_solu_ln", "lnpre_gelu_fast", "attn_only_ln", "deep")


class Maker:
    def __init__(self, name, cfg):
        self.rng, self.cfg = random.Random(seed_of("reads", name)), cfg
        self.T = min(cfg.n_ctx, 7)
        self.out_vocab = cfg.d_vocab_out
        self.prompt, self.other = self.ids(), self.ids()

    def ids(self):
        ids = [self.rng.randrange(self.cfg.d_vocab) for _ in range(self.T)]
        if self.T > 4:
            ids[4] = ids[1]  # something to be a duplicate of
        return ids

    def numbers(self, n, size=1.0):
        return [round(self.rng.uniform(-size, size), 3) for _ in range(n)]

    def block(self):
        """A value for some of the stream's entries: short to write, and no LayerNorm takes it away."""
        a = self.rng.randrange(self.cfg.d_model - 1)
        return {"dims": [a, self.rng.randint(a + 1, self.cfg.d_model)], "value": round(self.rng.uniform(0.5, 1.5), 2)}

    def k(self, n):
        return min(n, self.out_vocab, self.cfg.d_vocab)

    def token(self):
        return self.rng.randrange(self.out_vocab)

    def difference(self):
        token = self.token()
        return {"token": token, "minus": (token + 1) % self.out_vocab}

    def head(self):
        return self.rng.randrange(self.cfg.n_layers), self.rng.randrange(self.cfg.n_heads)

    def stream_edits(self):
        """Edits of the stream, of parts of it, and of a scale."""
        cfg, last = self.cfg, self.cfg.n_layers - 1
        edits = [{"hook": "hook_embed", "positions": [0], "op": "scale", "scale": 1.5}]
        if cfg.n_layers:
            edits += [
                {"hook": "blocks.0.hook_resid_pre", "positions": [-1], "op": "add", **self.block()},
                {"hook": f"blocks.{last}.hook_resid_post", "op": "add", "scale": 0.5, **self.block()},
                {"hook": f"blocks.{last}.attn.hook_z", "heads": [0], "op": "scale", "scale": -1.5},
            ]
            if not cfg.attn_only:
                edits += [{"hook": f"blocks.{last}.hook_resid_mid", "op": "scale", "scale": 0.8},
                          {"hook": "blocks.0.mlp.hook_post", "positions": [-1], "dims": [0, 1], "op": "set", "value": 2.0}]
            edits.append({"hook": f"blocks.{last}.hook_resid_pre", "positions": [0], "op": "set", **self.block()})
        if cfg.normalization_type:
            edits.append({"hook": "ln_final.hook_scale", "op": "scale", "scale": 1.25})
        return edits

    def part_edits(self):
        """Edits inside attention and of what components write."""
        cfg, last = self.cfg, self.cfg.n_layers - 1
        edits = [{"hook": "logits", "positions": [-1], "dims": [0, 2], "op": "add", "value": [0.5, -1.0]}]
        if cfg.normalization_type:
            edits.append({"hook": "ln_final.hook_normalized", "op": "scale", "scale": 1.1})
        if cfg.n_layers:
            block = f"blocks.{last}."
            edits += [
                {"hook": block + "attn.hook_q", "positions": [-1], "op": "scale", "scale": 1.4},
                {"hook": block + "attn.hook_k", "op": "add", "value": 0.2},
                {"hook": block + "attn.hook_attn_scores", "sources": [0], "op": "add", "value": 0.3},
                {"hook": block + "attn.hook_pattern", "heads": [0], "sources": [0], "op": "scale", "scale": 0.5},
                {"hook": block + "attn.hook_result", "heads": [cfg.n_heads - 1], "op": "scale", "scale": 2.0},
                {"hook": block + "hook_attn_out", "positions": [-1], "op": "add", **self.block()},
            ]
            if not cfg.attn_only:
                edits.append({"hook": "blocks.0.hook_mlp_out", "op": "scale", "scale": 0.7})
        return edits

    def some(self, read, **fields):
        return {"read": read, "ids": self.prompt, **fields}

    def states_of(self, where):
        last = self.cfg.n_layers - 1
        if where == "mid" and not self.cfg.attn_only and last >= 0:
            return f"{last}_mid"
        return f"{last}_pre" if last >= 0 else "final_post"

    def plain(self):
        """One of each, with its fields in turn."""
        cfg, L = self.cfg, self.cfg.n_layers
        mlp = not cfg.attn_only and L > 0
        yield self.some("lens", k=self.k(3))
        yield self.some("lens", ln="cached", token=self.token(), k=self.k(1), positions=[-1, 0] if self.T > 1 else [0])
        yield self.some("lens", token="next", states=["final_post", "hook_embed"], logits=self.out_vocab < 500, k=self.k(2))
        yield self.some("states", along=self.difference(), vectors=True)
        yield self.some("states", along={"vector": self.numbers(cfg.d_model)}, cosine_to="hook_embed", positions=[-1])
        yield self.some("attribution", token=self.token())
        yield self.some("attribution", token=self.token(), wrong=self.token(), by="head", positions=list(range(self.T)))
        yield self.some("decompose", vectors=True)
        yield self.some("decompose", by="head", ln="cached", along={"token": self.token()})
        yield self.some("decompose", state=self.states_of("mid"), by="head")
        yield self.some("decompose", state=self.states_of("pre"), ln="cached", positions=[-1])
        yield self.some("decompose", ln="recompute", by="head", positions=[0])
        yield self.some("written")
        yield self.some("detect")
        yield self.some("predictions", k=self.k(2))
        if L:
            l, h = self.head()
            yield self.some("states", along={"head": [l, h], "position": -1})
            yield self.some("states", along={"state": "0_pre", "position": 0}, states=["*_pre", "blocks.0.hook_attn_out"])
            yield self.some("attribution", token=self.token(), by="source", layer=l, head=h, positions=[-1, 0] if self.T > 1 else [0])
            for mode in ("pattern", "scores", "value_weighted", "result_weighted"):
                yield self.some("attention", mode=mode, **({"heads": [[l, h]]} if mode == "scores" else {}))
            yield self.some("attention", pool=3)
            yield self.some("pair", layer=l, head=h, dest=-1, src=self.T // 2, k=self.k(3))
            yield self.some("pair", layer=L - 1, head=0, dest=self.T // 2, src=0, k=self.k(2))
            if self.T > 1:
                yield self.some("detect", error_measure="mul", exclude_bos=True)
                yield self.some("detect", error_measure="mul", exclude_current_token=True)
                yield self.some("detect", error_measure="abs")
                yield self.some("detect", error_measure="abs", exclude_bos=True, exclude_current_token=True)
        if mlp:
            n = self.rng.randrange(cfg.d_mlp)
            yield self.some("states", along={"neuron": [0, n]}, positions=[-1])
            yield self.some("states", along={"neuron_in": [L - 1, n]}, positions=[0])
            yield self.some("attribution", token=self.token(), wrong=self.token(), by="neuron")
            yield self.some("neurons", k=min(4, cfg.d_mlp))
            yield self.some("neurons", k=min(3, cfg.d_mlp), by="attribution", token=self.token(), wrong=self.token(), layer=L - 1, position=0)
            yield self.some("neuron", layer=0, neuron=n)
            yield {"read": "directions", "layer": L - 1, "neuron": n, "k": min(3, cfg.d_vocab, cfg.d_vocab_out)}

    def changed(self, how):
        """With edits in force, or less another run, or both."""
        cfg, L = self.cfg, self.cfg.n_layers
        mlp = not cfg.attn_only and L > 0
        yield self.some("lens", k=self.k(2), **how)
        yield self.some("lens", ln="cached", token=self.token(), k=self.k(1), **how)
        yield self.some("states", along={"token": self.token()}, **how)
        yield self.some("attribution", token=self.token(), wrong=self.token(), by="head", **how)
        yield self.some("decompose", by="head", **how)
        yield self.some("decompose", by="component", ln="cached", along={"token": self.token()}, **how)
        yield self.some("written", **how)
        yield self.some("predictions", k=self.k(2), **how)
        if L:
            l, h = L - 1, 0
            yield self.some("attribution", token=self.token(), by="source", layer=l, head=cfg.n_heads - 1, positions=[-1], **how)
            yield self.some("attribution", token=self.token(), by="source", layer=l, head=h, positions=[-1], **how)
            yield self.some("decompose", state=self.states_of("pre"), ln="cached", **how)
            yield self.some("attention", heads=[[l, h]], **how)
            yield self.some("attention", heads=[[l, h]], mode="scores", **how)
            yield self.some("attention", mode="result_weighted", pool=4, **how)
            yield self.some("pair", layer=l, head=h, dest=-1, src=0, k=self.k(2), **how)
            yield self.some("detect", **how)
        if mlp:
            yield self.some("attribution", token=self.token(), by="neuron", **how)
            yield self.some("neurons", k=min(3, cfg.d_mlp), **how)


def cases(name, cfg, everything=False):
    m = Maker(name, cfg)
    out = list(m.plain())
    if cfg.n_layers == 0 or m.T < 2 or (name in A_FEW and not everything):
        return out
    with_edits = {"edits": m.stream_edits()}
    out += m.changed(with_edits)
    if name in SHIPPED and not everything:
        return out
    out += m.changed({"edits": m.part_edits()})
    out += m.changed({"minus": {"ids": m.other}})
    out += m.changed({**with_edits, "minus": {"ids": m.prompt}})
    return out
