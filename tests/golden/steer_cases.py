"""Documents of the studies of steering: recipes of vectors. Deterministic."""

import random

from reference import seed_of

MODELS = ("attn_only_ln", "attn_only_shortformer", "deep", "odd_gelu_ln", "lnpre_gelu_fast", "ln_solu_ln", "none_gelu_new", "gpt2_shaped",
          "zero_layers_ln")


class Maker:
    def __init__(self, name, cfg):
        self.rng, self.cfg = random.Random(seed_of("steers", name)), cfg
        self.T = min(cfg.n_ctx, 6)

    def ids(self, n=None):
        n = n or self.rng.randint(1, self.T)
        return [self.rng.randrange(self.cfg.d_vocab) for _ in range(n)]

    def contrast(self, n, of=None):
        return {side: [self.ids(of) for _ in range(n)] for side in ("positive", "negative")}

    def hook(self):
        if not self.cfg.n_layers:
            return "final_post"
        return f"blocks.{self.rng.randrange(self.cfg.n_layers)}.hook_{self.rng.choice(['resid_pre', 'resid_post', 'attn_out'])}"

    def head(self):
        return [self.rng.randrange(self.cfg.n_layers), self.rng.randrange(self.cfg.n_heads)]

    def place(self):
        T = self.rng.randint(2, self.T) if self.T > 1 else 1
        return {"at": {"hook": self.hook(), "prompt": self.ids(T), "positions": [-1, 0][:T]}}

    def vectors(self):
        cfg, V = self.cfg, self.cfg.d_vocab_out
        k = {"k": min(7, V)}
        yield {"recipe": {"contrast": self.contrast(3), "hook": self.hook()}, **k}
        uneven = self.contrast(9)
        uneven["negative"] = uneven["negative"][:4]
        yield {"recipe": {"contrast": uneven, "hook": self.hook(), "position": "mean", "unit": True, "scale": 3}, **k}
        for n in (1, 4, 11):
            yield {"recipe": {"contrast": self.contrast(n), "hook": self.hook(), "method": "pca"}, **self.place(), **k}
        yield {"recipe": {"contrast": self.contrast(2, self.T), "hook": self.hook(), "method": "actadd", "scale": -2}, **k}
        yield {"recipe": {"activation": self.ids(), "hook": self.hook(), "position": -1}, **k}
        token = self.rng.randrange(V)
        yield {"recipe": {"token": token}, **k}
        yield {"recipe": {"token": token, "minus": (token + 1) % V, "unit": True}, **self.place(), **k}
        if not cfg.n_layers:
            return
        if not cfg.attn_only:
            yield {"recipe": {"neuron": [self.rng.randrange(cfg.n_layers), self.rng.randrange(cfg.d_mlp)]}, **self.place(), **k}
        for which in range(min(3, cfg.d_head, cfg.d_model)):
            for side in ("write", "read"):
                yield {"recipe": {"ov": self.head(), "k": which, "side": side}, **k}


def cases(name, cfg):
    return [{"read": "vector", **doc} for doc in Maker(name, cfg).vectors()]
