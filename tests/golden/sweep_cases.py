"""Documents of sweeps and ablations: TransformerLens' 18 get_act_patch_*, direct paths, every operation. Deterministic."""

import random

from path_cases import Maker as Prompts
from reference import seed_of

MODELS = ("attn_only_ln", "attn_only_shortformer", "deep", "odd_gelu_ln", "lnpre_silu_shards", "ln_solu_ln", "none_gelu_new")

# what, by: one for each of TransformerLens' functions.
FUNCTIONS = (
    ("resid_pre", "layer,position"), ("resid_mid", "layer,position"), ("attn_out", "layer,position"), ("mlp_out", "layer,position"),
    ("z", "layer,position,head"), ("q", "layer,position,head"), ("k", "layer,position,head"), ("v", "layer,position,head"),
    ("pattern", "layer,head,dest"), ("pattern", "layer,head,dest,src"),
    ("z", "layer,head"), ("q", "layer,head"), ("k", "layer,head"), ("v", "layer,head"), ("pattern", "layer,head"),
    (["z", "q", "k", "v", "pattern"], "layer,head"), (["z", "q", "k", "v", "pattern"], "layer,position,head"),
    (["resid_pre", "attn_out", "mlp_out"], "layer,position"),
)


class Maker(Prompts):
    def __init__(self, name, cfg):
        super().__init__(name, cfg)
        self.rng = random.Random(seed_of("sweeps", name))

    def there(self, what):
        """An attention-only model has the stream and its heads."""
        whats = [what] if isinstance(what, str) else what
        return not self.cfg.attn_only or not {"resid_mid", "mlp_out"} & set(whats)

    def sweeps(self):
        kinds = ("logit_diff", "log_prob", "kl", "rank")
        for i, (what, by) in enumerate(f for f in FUNCTIONS if self.there(f[0])):
            pair = self.pairs(2) if i % 4 == 3 else self.pair(i % 3)
            where = {"position": -2} if i % 5 == 4 else {}
            yield {"read": "sweep", **pair, **self.metric(kinds[i % 4] if i % 6 else "logit_diff", **where), "what": what, "by": by,
                   **({"direction": "noise"} if i % 2 else {})}
        layer, head = self.cfg.n_layers - 1, self.cfg.n_heads - 1
        yield {"read": "sweep", **self.pair(1), **self.metric("logit_diff"), "what": "z", "by": "layer,position,head", "layers": [layer], "heads": [head, 0],
               "positions": [-1, 2]}
        if not self.cfg.attn_only:
            yield {"read": "sweep", **self.pair(1), **self.metric("logit_diff"), "what": ["pre", "post"], "by": "layer,neuron"}
        yield {"read": "sweep", **self.pair(1), **self.metric("logit_diff"), "what": ["resid_post", "z", "q"], "by": "layer"}

    def direct(self):
        for i, receiver in enumerate("qkv"):
            source = {} if i == 0 else {"source": [0, self.rng.randrange(self.cfg.n_heads)]}
            yield {"read": "sweep", **(self.pairs(2) if i else self.pair(2)), **self.metric(("logit_diff", "kl", "log_prob")[i]), "what": "direct_path",
                   **source, "receiver": receiver, **({"direction": "noise"} if i == 1 else {})}

    def prompts(self, n, lengths=(0,)):
        return [[self.rng.randrange(self.cfg.d_vocab_out) for _ in range(self.T - lengths[i % len(lengths)])] for i in range(n)]

    def ablations(self):
        def ablate(what, by, op, metric, n=2, **how):
            return {"read": "ablate", "prompts": self.prompts(n), "what": what, "by": by, "op": op, **metric, **how}

        loss = {"metric": {"kind": "loss", "from": 2}}
        mlp = not self.cfg.attn_only
        yield ablate("z", "layer,head", "zero", loss)
        yield ablate(["attn_out"] + ["mlp_out"] * mlp, "layer", "mean", loss, over=self.prompts(3, (0, 1, 2)))
        yield ablate("z", "layer,head", "mean", self.metric("kl"))
        yield ablate(["z", "q", "k", "v", "pattern"], "layer,position,head", "position_mean", self.metric("log_prob"), over=self.prompts(3))
        yield ablate(["z", "pattern"], "layer,head", "resample", self.metric("logit_diff"), n=3, over=self.prompts(2))
        yield ablate("pattern", "layer,head,dest,src", "zero", self.metric("logit_diff", position=4), n=1)
        yield ablate("resid_pre", "layer,position", "position_mean", {"metric": {"kind": "loss"}}, over=self.prompts(2))
        yield ablate("result", "layer,head", "mean", self.metric("rank"), over=self.prompts(2))
        if mlp:
            yield ablate("post", "layer,neuron", "zero", loss)
            yield ablate(["resid_mid", "pre"], "layer,position", "resample", self.metric("logit_diff"), over=self.prompts(2))


def cases(name, cfg):
    m = Maker(name, cfg)
    return [*m.sweeps(), *m.direct(), *m.ablations()]
