"""Documents of the studies of steering: recipes of vectors. Deterministic."""

import random

from reference import seed_of

TEXTS = ("attn_only_ln", "odd_gelu_ln", "lnpre_gelu_fast", "ln_solu_ln", "gpt2_shaped")  # of some shapes: each token is a whole run
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

    def numbers(self, n, size=1.0):
        return [round(self.rng.gauss(0, size), 3) for _ in range(n)]

    def drawn(self):
        """How texts are drawn, and what is measured."""
        sets = self.rng.sample(range(self.cfg.d_vocab_out), 4)
        effect = {"for": sets[:2], "against": sets[2:]} if self.rng.random() < 0.5 else {"for": sets}
        return {"seeds": self.rng.sample(range(1000), 2), "max_new": 4, "effect": effect, "temperature": self.rng.choice([0, 0.7, 1])}

    def doses(self):
        n_prompt = min(3, self.cfg.n_ctx - 4)
        hook = f"blocks.{self.cfg.n_layers // 2}.hook_resid_pre"
        for op in ("add", "project_out", "clamp", "cap", "ablate_add"):
            steer = {"hook": hook, "value": self.numbers(self.cfg.d_model), "op": op, **self.rng.choice([{}, {"from": -1}, {"from": 1}])}
            yield {"read": "dose", "prompts": [self.ids(n_prompt), self.ids(n_prompt - 1)][:2 if op == "add" else 1], "steer": steer,
                   "strengths": [-8, 0, 0.5, 12] if op == "add" else [1, -2], "random": 1, "frozen": op != "cap", **self.drawn()}
        rows = [self.numbers(self.cfg.d_model) for _ in range(2)]
        yield {"read": "dose", "prompts": [self.ids(n_prompt)], "steer": {"hook": hook, "value": rows, "positions": [0, 1]},
               "strengths": [2], "random": 2, **self.drawn()}

    def outcomes(self):
        n_prompt = min(3, self.cfg.n_ctx - 4)
        base = self.ids(n_prompt)
        add = {"hook": f"blocks.{self.cfg.n_layers - 1}.hook_resid_pre", "op": "add", "value": self.numbers(self.cfg.d_model)}
        ways = [
            {"name": "prompt", "ids": self.ids(n_prompt + 2)},
            {"name": "shorter", "ids": base[1:]},
            {"name": "ablate", "ids": base, "edits": [{"hook": "blocks.*.attn.hook_z", "op": "zero", "heads": [0]}]},
            {"name": "steer", "ids": base, "edits": [add]},
            {"name": "frozen", "ids": base, "edits": [{**add, "scale": 2}], "frozen": True},
            {"name": "patch", "ids": base, "runs": {"B": self.ids(n_prompt)},
             "edits": [{"hook": "blocks.0.hook_resid_post", "op": "patch", "positions": [0], "value": {"run": "B"}}]},
        ]
        yield {"read": "outcomes", "base": base, "ways": ways, **self.drawn()}


def cases(name, cfg, everything=False):
    maker = Maker(name, cfg)
    can = cfg.n_layers and cfg.n_ctx > 6 and 4 < cfg.d_vocab_out <= cfg.d_vocab
    texts = [*maker.doses(), *maker.outcomes()] if name in TEXTS or everything and can else []
    return [{"read": "vector", **doc} for doc in maker.vectors()] + texts
