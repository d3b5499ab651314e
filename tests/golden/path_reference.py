"""What a study of paths means (docs/formats.md, "Study": path), from its definition ("Interpretability in the Wild",
appendix B) in TransformerLens hook functions, in float64. Nothing is shared with the core.

`expected(model, doc)` gives {array name: tensor} and {axis: labels}. Names "values.x" are single numbers.
"""

import torch

from reference import set_switches


class Graph:
    """Who writes to the stream and who reads from it, by name, in the order of the forward pass."""

    def __init__(self, cfg):
        self.cfg, self.mlps = cfg, not cfg.attn_only
        L, H = cfg.n_layers, cfg.n_heads
        self.senders, self.receivers = ["embed"], []
        for l in range(L):
            self.senders += [f"L{l}H{h}" for h in range(H)] + [f"{l}_mlp_out"] * self.mlps
            self.receivers += [f"L{l}H{h}.{x}" for x in "qkv" for h in range(H)] + [f"{l}_mlp_in"] * self.mlps
        self.receivers.append("final")

    def layer(self, name):
        """And whether it is an MLP's."""
        if name.startswith("L"):
            return int(name[1:name.index("H")]), False
        return int(name[:name.index("_")]), True

    def head(self, name):
        return int(name[name.index("H") + 1:].split(".")[0])

    def edge(self, sender, receiver):
        if sender == "embed" or receiver == "final":
            return True
        (a, from_mlp), (b, to_mlp) = self.layer(sender), self.layer(receiver)
        return a < b or (a == b and to_mlp and not from_mlp)

    def hook(self, receiver):
        """The hook of a receiver's input, and the head or None."""
        if receiver == "final":
            return f"blocks.{self.cfg.n_layers - 1}.hook_resid_post", None
        l, mlp = self.layer(receiver)
        return (f"blocks.{l}.hook_mlp_in", None) if mlp else (f"blocks.{l}.hook_{receiver[-1]}_input", self.head(receiver))


def together(lists):
    return [[x] if isinstance(x, str) else x for x in lists]


def pairs_of(doc):
    for pair in doc.get("pairs", [doc]):
        yield pair["clean"], pair["corrupted"], {**doc["metric"], **{k: pair[k] for k in ("correct", "wrong") if k in pair}}


def metric_of(logits, metric, clean_logits):
    """The metric of logits [T, d_vocab_out]."""
    row, clean = logits[metric.get("position", -1)], clean_logits[metric.get("position", -1)]
    kind, correct = metric["kind"], metric.get("correct")
    if kind == "logit_diff":
        return row[correct] - row[metric["wrong"]]
    log_p = torch.log_softmax(row, -1)
    if kind == "log_prob":
        return log_p[correct]
    if kind == "rank":
        return (row > row[correct]).sum().double() + (row[:correct] == row[correct]).sum()
    log_q = torch.log_softmax(clean, -1)
    return (log_q.exp() * (log_q - log_p)).sum()


class Runs:
    """A model in float64 and its runs with hook functions: {hook name: function of the value [...], without batch}."""

    def __init__(self, model):
        self.model, self.graph = model, Graph(model.cfg)

    def __call__(self, ids, functions=(), keep=lambda name: False):
        kept = {}

        def hook(x, hook):
            for name, f in functions:
                if name == hook.name:
                    x = f(x[0])[None]
            if keep(hook.name):
                kept[hook.name] = x[0]
            return x

        switches = {"use_split_qkv_input"} | ({"use_hook_mlp_in"} if self.graph.mlps else set())
        set_switches(self.model, switches)
        logits = self.model.run_with_hooks(torch.tensor([ids]), fwd_hooks=[(lambda name: True, hook)])[0]
        set_switches(self.model, ())
        return logits, kept


def put(value):
    return lambda x: value


def put_heads(value, heads):
    def f(x):
        x = x.clone()
        for h in heads:
            x[:, h] = value[:, h]
        return x
    return f


# ---- path patching ----------------------------------------------------------------------------------


def sent(runs, ids, base, source, senders, frozen):
    """What comes to each receiver's input when the senders write what they wrote in `source` and the heads (frozen:
    the MLPs, too) what they wrote in `base`."""
    graph, functions = runs.graph, []
    for l in range(graph.cfg.n_layers):
        heads = [graph.head(s) for s in senders if s in graph.senders and s.startswith(f"L{l}H")]
        z = f"blocks.{l}.attn.hook_z"
        functions += [(z, put(base[z])), (z, put_heads(source[z], heads))]
        out = f"blocks.{l}.hook_mlp_out"
        if f"{l}_mlp_out" in senders:
            functions.append((out, put(source[out])))
        elif frozen and graph.mlps:
            functions.append((out, put(base[out])))
    if "embed" in senders:
        functions.append(("hook_embed", put(source["hook_embed"])))
    names = {graph.hook(r)[0] for r in graph.receivers}
    return runs(ids, functions, keep=lambda name: name in names)[1]


def path(runs, doc):
    graph = runs.graph
    senders = together(graph.senders if doc["senders"] == "all" else doc["senders"])
    receivers = together(graph.receivers if doc["receivers"] == "all" else doc["receivers"])
    noise, frozen = doc.get("direction") == "noise", doc.get("mlps") == "frozen"
    values, whole = torch.zeros(len(senders), len(receivers), dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    pairs = list(pairs_of(doc))
    for clean, corrupted, metric in pairs:
        base_ids, source_ids = (clean, corrupted) if noise else (corrupted, clean)
        (base_logits, base), (source_logits, source) = (runs(ids, keep=lambda name: True) for ids in (base_ids, source_ids))
        clean_logits, corrupted_logits = (base_logits, source_logits) if noise else (source_logits, base_logits)
        whole += torch.stack([metric_of(x, metric, clean_logits) for x in (clean_logits, corrupted_logits)])
        for s, some in enumerate(senders):
            inputs = sent(runs, base_ids, base, source, some, frozen)
            for r, those in enumerate(receivers):
                reached = [x for x in those if any(graph.edge(y, x) for y in some)]
                if not reached:
                    values[s, r] = torch.nan
                    continue
                functions = []
                for name, head in map(graph.hook, reached):
                    functions.append((name, put(inputs[name]) if head is None else put_heads(inputs[name], [head])))
                values[s, r] += metric_of(runs(base_ids, functions)[0], metric, clean_logits)
    out = {"values": values / len(pairs), "values.clean": whole[:1] / len(pairs), "values.corrupted": whole[1:] / len(pairs)}
    return out, {"sender": ["+".join(s) for s in senders], "receiver": ["+".join(r) for r in receivers]}


READS = {"path": path}


def expected(double, doc):
    """`double` is the model in float64."""
    with torch.no_grad():
        return READS[doc["read"]](Runs(double), doc)
