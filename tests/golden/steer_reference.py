"""What the studies of steering give: a vector's recipe, in numpy from TransformerLens' cache; continued texts, each token from a
whole edited run of TransformerLens over what there is so far, and their numbers from the definitions. All in float64."""

import numpy as np
import torch

from generate_cases import of_unit_length
from read_side import Side
from reference import Run

MASK = 2**64 - 1


class Vector:
    def __init__(self, model, doc):
        self.model, self.doc, self.recipe = model, doc, doc["recipe"]
        self.seen = []  # vectors of the stream that are looked at

    def stream(self, ids, hook):
        with torch.no_grad():
            return Side(self.model, {"ids": ids}).state(hook).numpy()

    def sites(self, ids):
        """The positions that a contrast reads of a prompt."""
        if self.recipe.get("method") != "actadd" and self.recipe.get("position", "last") == "last":
            return [len(ids) - 1]
        return list(range(1 if len(ids) > 1 else 0, len(ids)))

    def read(self, ids):
        x = self.stream(ids, self.recipe["hook"])
        self.seen += list(x[self.sites(ids)])
        return x if self.recipe.get("method") == "actadd" else x[self.sites(ids)].mean(0)

    def fit(self, positive, negative):
        mean = np.mean(positive, 0) - np.mean(negative, 0)
        if self.recipe.get("method") != "pca":
            return mean, None
        _, s, vt = np.linalg.svd(np.array(positive) - np.array(negative))
        return vt[0] * (vt[0] @ mean), s[0] ** 2 / (s**2).sum()

    def contrast(self):
        positive, negative = ([self.read(ids) for ids in self.recipe["contrast"][side]] for side in ("positive", "negative"))
        out, explained = self.fit(positive, negative)
        values = {} if explained is None else {"explained": explained}
        if self.recipe.get("method") != "actadd":
            values["separation"] = self.separation(positive, negative)
        return out, values

    def separation(self, positive, negative):
        folds = min(len(positive), len(negative), 8)
        if folds < 2:
            return np.nan
        pairs = []
        for fold in range(folds):
            out, _ = self.fit(*([x for i, x in enumerate(side) if i % folds != fold] for side in (positive, negative)))
            for a in positive[fold::folds]:
                for b in negative[fold::folds]:
                    pairs.append(0.5 * (1 + np.sign(a @ out - b @ out)))
        return np.mean(pairs)

    def ov(self):
        layer, head = self.recipe["ov"]
        block = self.model.blocks[layer].attn
        u, s, vt = np.linalg.svd((block.W_V[head] @ block.W_O[head]).detach().numpy())
        k = self.recipe.get("k", 0)
        sign = np.sign(vt[k][np.abs(vt[k]).argmax()])
        self.singular = np.zeros(self.model.cfg.d_head)
        self.singular[:min(len(s), self.model.cfg.d_head)] = s[:self.model.cfg.d_head]
        return sign * (u[:, k] if self.recipe.get("side") == "read" else vt[k])

    def made(self):
        r, W_U = self.recipe, self.model.W_U.detach().numpy()
        if "contrast" in r:
            return self.contrast()
        if "activation" in r:
            x = self.stream(r["activation"], r["hook"])[r["position"]]
            self.seen.append(x)
            return x, {}
        if "token" in r:
            return W_U[:, r["token"]] - (W_U[:, r["minus"]] if "minus" in r else 0), {}
        if "neuron" in r:
            layer, n = r["neuron"]
            return self.model.blocks[layer].mlp.W_out[n].detach().numpy(), {}
        return self.ov(), {}

    def expected(self):
        out, values = self.made()
        if self.recipe.get("unit"):
            out = out / np.linalg.norm(out)
        out = out * self.recipe.get("scale", 1)
        if "at" in self.doc:
            at = self.doc["at"]
            self.seen = list(self.stream(at["prompt"], at["hook"])[at["positions"]])
        rows = np.atleast_2d(out)
        total = rows.sum(0)
        norm = np.linalg.norm(rows, axis=1).mean()
        lengths = [np.linalg.norm(x) for x in self.seen]
        stream = np.mean(lengths) if lengths else np.nan
        cosine = np.mean([x @ total / n for x, n in zip(self.seen, lengths)]) / np.linalg.norm(total) if lengths else np.nan
        scores = total @ self.model.W_U.detach().numpy()
        order, k = np.argsort(-scores, kind="stable"), self.doc["k"]
        low = np.argsort(scores, kind="stable")
        tensors = {"vector": out, "top_ids": order[:k], "top_values": scores[order[:k]], "bottom_ids": low[:k], "bottom_values": scores[low[:k]]}
        if "ov" in self.recipe:
            tensors["singular"] = self.singular
        values |= {"norm": norm, "stream_norm": stream, "ratio": norm / stream, "cosine": cosine}
        tensors |= {f"values.{name}": np.array(x) for name, x in values.items()}
        return {name: torch.tensor(np.asarray(x)) for name, x in tensors.items()}, {}


# ---- texts ----


class Random:
    """SplitMix64 (Steele, Lea and Flood 2014), a stream for (seed, what, index)."""

    def __init__(self, seed, what, index):
        self.counter = seed
        for key in (what, index, 0):
            self.counter = self.next() ^ key

    def next(self):
        self.counter = (self.counter + 0x9E3779B97F4A7C15) & MASK
        z = self.counter
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) / 2**53


def log_softmax(x):
    return torch.log_softmax(x, -1).numpy()


class NearTie(Exception):
    """A draw that rounding could turn."""


class Texts:
    def __init__(self, model, doc):
        self.model, self.doc = model, doc
        self.max_new = doc["max_new"]

    def logits(self, text, edits, frozen, runs):
        edits, runs = list(edits), dict(runs)
        if frozen:
            runs[""] = text
            edits.append({"hook": "blocks.*.attn.hook_pattern", "op": "freeze", "value": {"run": ""}})
        return Run(self.model, text, edits, runs, {}, capture=lambda name: False).logits.detach()

    def draw(self, logits, seed, index):
        if self.doc.get("temperature", 1) == 0:
            top = logits.topk(2).values
            if top[0] - top[1] < 1e-3:
                raise NearTie
            return int(logits.argmax())
        ends = np.cumsum(torch.softmax(logits / self.doc.get("temperature", 1), -1).numpy())
        u = Random(seed, 3, index).uniform()
        if np.abs(ends - u).min() < 1e-6:
            raise NearTie
        return int(np.searchsorted(ends, u, side="right"))

    def tell(self, ids, edits, frozen, seed, reference, runs={}):
        """The text, and its numbers beside the reference prompt's."""
        told, p = [], []
        for i in range(min(self.max_new, self.model.cfg.n_ctx - len(ids) + 1)):
            logits = self.logits(ids + told, edits(len(ids) + i), frozen, runs)[-1]
            told.append(self.draw(logits, seed, i))
            p.append(log_softmax(logits))
        n = min(len(told), self.model.cfg.n_ctx - len(reference) + 1)
        q = log_softmax(self.logits(reference + told[:n - 1], [], False, {})[len(reference) - 1:])
        p = np.array(p)
        kl = (np.exp(p[:n]) * (p[:n] - q)).sum(-1)
        numbers = [np.mean([self.log_odds(row) for row in p]), np.exp(-q[np.arange(n), told[:n]].mean()), kl.mean()]
        return told, numbers + [repetition(told, 2), repetition(told, 3)]

    def log_odds(self, p):
        sets = self.doc["effect"]
        of = np.exp(p)
        against = sets.get("against", [i for i in range(len(p)) if i not in sets["for"]])
        return np.log(of[sets["for"]].sum() / of[against].sum())

    def padded(self, ids):
        return ids + [np.nan] * (self.max_new - len(ids))


def repetition(ids, n):
    grams = [tuple(ids[i:i + n]) for i in range(len(ids) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


NAMES = ("effect", "perplexity", "kl", "repetition2", "repetition3")


def random_like(rows, which):
    """Each row's direction replaced by the which-th random one, as long as it."""
    out = []
    for i, row in enumerate(np.atleast_2d(rows)):
        rng = Random(0x646F7365, which, i)
        x = np.array([sum(rng.uniform() for _ in range(12)) - 6 for _ in row])
        out.append(x * np.linalg.norm(row) / np.linalg.norm(x))
    return np.array(out).reshape(np.shape(rows)).tolist()


class Dose(Texts):
    def edits(self, way, strength, n_prompt):
        """The edits of a text that has T tokens so far."""
        steer = self.doc["steer"]
        edit = {k: v for k, v in steer.items() if k != "op"}
        if way:
            edit["value"] = random_like(edit["value"], way)
        op = steer.get("op", "add")
        kinds = {"add": [{"op": "add", "scale": strength}], "project_out": [{"op": "project_out", "scale": strength}],
                 "clamp": [{"op": "clamp", "min": strength, "max": strength}], "cap": [{"op": "clamp", "max": strength}],
                 "ablate_add": [{"op": "project_out"}, {"op": "add", "scale": strength}]}[op]
        if "from" in edit and edit["from"] < 0:
            edit["from"] += n_prompt
        return lambda T: [of_unit_length({**edit, **kind}) for kind in kinds]

    def expected(self):
        doc = self.doc
        ways = ["steered"] + ["frozen"] * bool(doc.get("frozen")) + [f"random {i + 1}" for i in range(doc.get("random", 1))]
        texts = [(ids, seed) for ids in doc["prompts"] for seed in doc.get("seeds", [1])]
        base = [self.tell(ids, lambda T: [], False, seed, ids) for ids, seed in texts]
        cells = []
        for name in ways:
            way = int(name.split()[1]) if name.startswith("random") else 0
            for strength in doc["strengths"]:
                cells.append([self.tell(ids, self.edits(way, strength, len(ids)), name == "frozen", seed, ids) for ids, seed in texts])
        shape = (len(ways), len(doc["strengths"]), len(texts))
        out = {}
        for i, name in enumerate(NAMES):
            out[name] = np.array([[told[1][i] for told in cell] for cell in cells]).reshape(shape)
            out["base_" + name] = np.array([told[1][i] for told in base])
        out["base_kl"][:] = 0
        out["ids"] = np.array([[self.padded(told[0]) for told in cell] for cell in cells]).reshape(*shape, -1)
        out["base_ids"] = np.array([self.padded(told[0]) for told in base])
        out["perplexity_ratio"] = np.exp(np.log(out["perplexity"] / out["base_perplexity"]).mean(-1))
        fallen = (out["perplexity_ratio"] > 10) | (out["repetition3"].mean(-1) > 0.5)
        strengths = np.array(doc["strengths"])
        out["collapse"] = np.array([[min(strengths[f & (strengths > 0)], default=np.nan), max(strengths[f & (strengths < 0)], default=np.nan)]
                                    for f in fallen])
        values = {"collapse_up": out["collapse"][0, 0], "collapse_down": out["collapse"][0, 1], "base_effect": out["base_effect"].mean(),
                  "base_perplexity": np.exp(np.log(out["base_perplexity"]).mean()), "base_repetition3": out["base_repetition3"].mean(),
                  "perplexity_limit": 10, "repetition_limit": 0.5}
        out |= {f"values.{k}": np.array(x) for k, x in values.items()}
        axes = {"way": ways, "strength": [f"{s:g}" for s in doc["strengths"]], "side": ["up", "down"]}
        return {k: torch.tensor(x) for k, x in out.items()}, axes


class Outcomes(Texts):
    def expected(self):
        doc = self.doc
        told = []
        for way in [{"ids": doc["base"]}] + doc["ways"]:
            edits = [of_unit_length(e) for e in way.get("edits", [])]
            told.append([self.tell(way["ids"], lambda T: edits, way.get("frozen", False), seed, doc["base"], way.get("runs", {}))
                         for seed in doc.get("seeds", [1])])
        out = {name: np.array([[one[1][i] for one in way] for way in told]) for i, name in enumerate(NAMES)}
        out["ids"] = np.array([[self.padded(one[0]) for one in way] for way in told])
        axes = {"way": ["base"] + [way["name"] for way in doc["ways"]], "seed": [str(s) for s in doc.get("seeds", [1])]}
        return {k: torch.tensor(x) for k, x in out.items()}, axes


def expected(model, doc):
    """Where a draw is too near another token's, the document gets other seeds."""
    for _ in range(200):
        try:
            return {"vector": Vector, "dose": Dose, "outcomes": Outcomes}[doc["read"]](model, doc).expected()
        except NearTie:
            doc["temperature"] = doc["temperature"] or 1
            doc["seeds"] = [seed + 1000 for seed in doc["seeds"]]
    raise SystemExit(f"no texts without near ties: {doc}")
