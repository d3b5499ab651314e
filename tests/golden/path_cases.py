"""Documents of the studies of paths: every kind of model, direction, metric, pairs, sets. Deterministic."""

import random

from path_reference import Graph
from reference import seed_of

MODELS = ("attn_only_ln", "attn_only_shortformer", "deep", "odd_gelu_ln", "lnpre_gelu_fast", "lnpre_silu_shards", "ln_solu_ln", "none_gelu_new",
          "gpt2_shaped", "zero_layers_ln")


class Maker:
    def __init__(self, name, cfg):
        self.rng, self.cfg, self.graph = random.Random(seed_of("paths", name)), cfg, Graph(cfg)
        self.T = min(cfg.n_ctx, 7)

    def pair(self, from_position):
        """Two prompts that are the same up to a position, and again here and there after it."""
        from_position = min(from_position, self.T - 1)
        clean = [self.rng.randrange(self.cfg.d_vocab) for _ in range(self.T)]
        corrupted = [x if t < from_position or (t > from_position and self.rng.random() < 0.5) else self.rng.randrange(self.cfg.d_vocab)
                     for t, x in enumerate(clean)]
        corrupted[from_position] = (clean[from_position] + 1) % self.cfg.d_vocab
        return {"clean": clean, "corrupted": corrupted}

    def tokens(self):
        correct = self.rng.randrange(self.cfg.d_vocab_out)
        return {"correct": correct, "wrong": (correct + 1 + self.rng.randrange(self.cfg.d_vocab_out - 1)) % self.cfg.d_vocab_out}

    def metric(self, kind, position=-1):
        where = {"position": position} if -self.T <= position < self.T and position != -1 else {}
        return {"metric": {"kind": kind, **where, **({} if kind == "kl" else self.tokens())}}

    def pairs(self, n):
        return {"pairs": [{**self.pair(i + 1), **(self.tokens() if i else {})} for i in range(n)]}

    def some(self, names, n):
        return self.rng.sample(names, min(n, len(names)))

    def paths(self):
        g = self.graph
        yield {"read": "path", **self.pair(2), **self.metric("logit_diff"), "senders": "all", "receivers": "all"}
        yield {"read": "path", **self.pair(0), **self.metric("kl"), "direction": "noise", "mlps": "frozen", "senders": "all", "receivers": "all"}
        if not self.cfg.n_layers:
            return
        sets = [g.senders, self.some(g.senders, 2), "embed", [s for s in g.senders if s.startswith("L")]]
        inputs = [r for r in g.receivers if r != "final"]
        into = [self.some(inputs, 3), self.some(inputs, 4), "final", [r for r in inputs if r.startswith(f"L{self.cfg.n_layers - 1}")]]
        for how in ({"direction": "noise"}, {"mlps": "frozen"}):
            yield {"read": "path", **self.pairs(2), **self.metric("log_prob", position=-2), **how, "senders": sets, "receivers": into}
        yield {"read": "path", **self.pair(3), **self.metric("rank", position=4), "senders": self.some(g.senders, 5), "receivers": into}

    def edges(self):
        yield {"read": "edges", **self.pair(1), **self.metric("logit_diff")}
        yield {"read": "edges", **self.pair(0), **self.metric("kl", position=3), "steps": 5}
        yield {"read": "edges", **self.pairs(2), **self.metric("log_prob"), "direction": "noise", "steps": 2}

    def attributes(self):
        def some(what, by, metric, **how):
            return {"read": "attribute", **(how.pop("pairs", None) or self.pair(1)), **metric, "what": what, "by": by, **how}

        mlp = not self.cfg.attn_only
        streams = ["resid_pre", "attn_out"] + ["resid_mid", "mlp_out"] * mlp
        yield some(streams, "layer,position", self.metric("logit_diff"))
        yield some(["z", "q", "k", "v"], "layer,head", self.metric("log_prob"), compare=True)
        yield some(["z", "q", "k", "v", "pattern"], "layer,position,head", self.metric("log_prob", position=-2), direction="noise", steps=5)
        yield some(["z", "v"], "layer,head", self.metric("logit_diff"), pairs=self.pairs(2), direction="noise", steps=5, compare=True)
        yield some("pattern", "layer,head,dest,src", self.metric("kl", position=4), pairs=self.pairs(2))
        if mlp:
            yield some("post", "layer,neuron", self.metric("logit_diff"), steps=2, compare=True)

    def circuits(self):
        g = self.graph
        n = sum(g.edge(s, r) for s in g.senders for r in g.receivers)
        counts = {"counts": [0, n // 8, n // 3, n - 2, n]}
        yield {"read": "circuit", **self.pair(1), **self.metric("logit_diff"), "direction": "noise", **counts}
        yield {"read": "circuit", **self.pairs(2), **self.metric("log_prob", position=-2), "steps": 3, "ablation": "zero", **counts}
        yield {"read": "circuit", **self.pair(0), **self.metric("kl"), "thresholds": [0, 1e-3, 0.02, 1000]}


def cases(name, cfg):
    m = Maker(name, cfg)
    return [*m.paths(), *m.edges(), *(m.circuits() if cfg.n_layers else []), *(m.attributes() if cfg.n_layers else [])]
