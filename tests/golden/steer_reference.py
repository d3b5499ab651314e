"""What a vector's recipe gives, in numpy from TransformerLens' cache in float64."""

import numpy as np
import torch

from read_side import Side


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
        tensors |= {f"values.{name}": np.array([x]) for name, x in values.items()}
        return {name: torch.tensor(np.asarray(x)) for name, x in tensors.items()}, {}


def expected(model, doc):
    return Vector(model, doc).expected()
