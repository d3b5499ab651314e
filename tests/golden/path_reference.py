"""What the studies of paths mean (docs/formats.md, "Study"), from the papers' definitions in TransformerLens hook functions and
autograd, in float64: path patching ("Interpretability in the Wild", appendix B), attribution patching, by edges, too ("Attribution
Patching Outperforms Automated Circuit Discovery"; with steps EAP-IG, "Have Faith in Faithfulness"), and circuits. Nothing is
shared with the core.

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
            return f"blocks.{self.cfg.n_layers - 1}.hook_resid_post" if self.cfg.n_layers else "hook_embed", None
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
            x = x[0]
            for name, f in functions:
                if name == hook.name:
                    x = f(x)
            if keep(hook.name):
                kept[hook.name] = x
            return x[None]

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
    out = {"values": values / len(pairs), "values.clean": whole[0] / len(pairs), "values.corrupted": whole[1] / len(pairs)}
    return out, {"sender": ["+".join(s) for s in senders], "receiver": ["+".join(r) for r in receivers]}


# ---- edge attribution patching -----------------------------------------------------------------------


def slopes(runs, doc, names):
    """For each pair: base's and source's hooks, the metrics of clean and corrupted, and {name: mean gradient over the steps}.
    Of `steps` gradients the k-th is taken at embeddings (steps - k) parts the source's and k parts the base's."""
    noise, steps = doc.get("direction") == "noise", doc.get("steps", 1)
    for clean, corrupted, metric in pairs_of(doc):
        base_ids, source_ids = (clean, corrupted) if noise else (corrupted, clean)
        with torch.no_grad():
            (base_logits, base), (source_logits, source) = (runs(ids, keep=lambda name: True) for ids in (base_ids, source_ids))
        clean_logits, corrupted_logits = (base_logits, source_logits) if noise else (source_logits, base_logits)
        mean = {name: 0 for name in names}
        for k in range(1, steps + 1):
            embed = (((steps - k) * source["hook_embed"] + k * base["hook_embed"]) / steps).requires_grad_()
            logits, kept = runs(base_ids, [("hook_embed", put(embed))], keep=lambda name: name in names)
            value = metric_of(logits, metric, clean_logits)
            for name, g in zip(names, torch.autograd.grad(value, [kept[name] for name in names], allow_unused=True)):
                mean[name] = mean[name] + (torch.zeros_like(kept[name]) if g is None else g) / steps
        yield base, source, [metric_of(x, metric, clean_logits) for x in (clean_logits, corrupted_logits)], mean


def write_of(runs, values, sender):
    """What a sender writes to the stream, [T, d_model]."""
    if sender == "embed":
        return values["hook_embed"]
    l, mlp = runs.graph.layer(sender)
    if mlp:
        return values[f"blocks.{l}.hook_mlp_out"]
    h = runs.graph.head(sender)
    return values[f"blocks.{l}.attn.hook_z"][:, h] @ runs.model.W_O[l, h]


def edge_scores(runs, doc):
    graph = runs.graph
    names = sorted({graph.hook(r)[0] for r in graph.receivers})
    scores, whole, n = torch.zeros(len(graph.senders), len(graph.receivers), dtype=torch.float64), torch.zeros(2, dtype=torch.float64), 0
    for base, source, metrics, slope in slopes(runs, doc, names):
        n, whole = n + 1, whole + torch.stack(metrics)
        for s, sender in enumerate(graph.senders):
            change = (write_of(runs, source, sender) - write_of(runs, base, sender)).detach()
            for r, receiver in enumerate(graph.receivers):
                name, head = graph.hook(receiver)
                g = slope[name] if head is None else slope[name][:, head]
                scores[s, r] += (change * g).sum() if graph.edge(sender, receiver) else torch.nan
    return scores / n, whole / n


def edges(runs, doc):
    scores, whole = edge_scores(runs, doc)
    return {"values": scores, "values.clean": whole[0].detach(), "values.corrupted": whole[1].detach()}, {
        "sender": runs.graph.senders, "receiver": runs.graph.receivers}


# ---- attribution patching ------------------------------------------------------------------------------------


def hook_of(what, l):
    inside = "mlp." if what in ("pre", "post") else "" if what.startswith("resid") or what.endswith("_out") else "attn."
    return f"blocks.{l}.{inside}hook_{what}"


def cell_masks(cfg, what, by, shape):
    """(index of the cell on the axes after the layer, mask of the hook's value [...])."""
    T = shape[1] if what == "pattern" else shape[0]
    axes = [axis for axis in by.split(",") if axis != "layer"]
    lengths = {"position": T, "head": cfg.n_heads, "dest": T, "src": T, "neuron": shape[-1]}
    own = ["head", "position", "src"] if what == "pattern" else ["position", "head", "dim"] if len(shape) == 3 else ["position", "neuron"]
    for cell in torch.cartesian_prod(*[torch.arange(lengths[axis]) for axis in axes]).reshape(-1, len(axes)).tolist():
        at = {("position" if axis == "dest" else axis): i for axis, i in zip(axes, cell)}
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[tuple(at.get(axis, slice(None)) for axis in own)] = True
        yield cell, mask


def attribute(runs, doc):
    """The estimate of each cell of a sweep; with compare the sweep, and the correlation of the two."""
    whats, by, cfg = doc["what"] if isinstance(doc["what"], list) else [doc["what"]], doc["by"], runs.graph.cfg
    names = {(what, l): hook_of(what, l) for what in whats for l in range(cfg.n_layers)}
    pairs, whole, estimates, truths, axes = list(pairs_of(doc)), torch.zeros(2, dtype=torch.float64), 0, 0, {}
    for (base, source, metrics, slope), (clean, corrupted, metric) in zip(slopes(runs, doc, list(names.values())), pairs):
        whole = whole + torch.stack(metrics).detach()
        base_ids, unpatched = (clean, metrics[0]) if doc.get("direction") == "noise" else (corrupted, metrics[1])
        clean_logits = runs(clean)[0]
        layers, true_layers = {}, {}
        for key, name in names.items():
            cells, true_cells = [], []
            for _, mask in cell_masks(cfg, key[0], by, base[name].shape):
                cells.append(unpatched + ((source[name] - base[name]) * slope[name])[mask].sum())
                if doc.get("compare"):
                    patched = torch.where(mask, source[name], base[name])
                    true_cells.append(metric_of(runs(base_ids, [(name, lambda x, now=patched, m=mask: torch.where(m, now, x))])[0], metric, clean_logits))
            layers[key], true_layers[key] = torch.stack(cells), torch.stack(true_cells) if true_cells else None
        stack = lambda of: torch.stack([torch.stack([of[what, l] for l in range(cfg.n_layers)]) for what in whats]).detach()
        estimates = estimates + stack(layers) / len(pairs)
        truths = truths + stack(true_layers) / len(pairs) if doc.get("compare") else None
    T = len(pairs[0][0])
    lengths = {"layer": cfg.n_layers, "position": T, "head": cfg.n_heads, "dest": T, "src": T, "neuron": cfg.d_mlp}
    shape = [len(whats)] * isinstance(doc["what"], list) + [lengths[axis] for axis in by.split(",")]
    axes = {axis: [str(i) for i in range(lengths[axis])] for axis in by.split(",")}
    if isinstance(doc["what"], list):
        axes["what"] = whats
    out = {"values": estimates.reshape(shape), "values.clean": whole[0] / len(pairs), "values.corrupted": whole[1] / len(pairs)}
    if doc.get("compare"):
        both = torch.stack([estimates.flatten(), truths.flatten()]).float()  # ties are those of what is told
        ranks = torch.stack([((x[:, None] > x).double() + (x[:, None] == x).double() / 2).sum(1) for x in both])
        out |= {"sweep": truths.reshape(shape), "values.pearson": torch.corrcoef(both.double())[0, 1], "values.spearman": torch.corrcoef(ranks)[0, 1]}
    return out, axes


# ---- circuits ---------------------------------------------------------------------------------------------


def pruned(graph, chosen):
    """The chosen edges that lie on a path of chosen edges from the embedding to the end."""
    into = lambda receiver: receiver.split(".")[0].replace("_in", "_out")
    while True:
        fed = {"embed"} | {into(r) for _, r in chosen}
        read = {s for s, r in chosen}
        left = {(s, r) for s, r in chosen if s in fed and (r == "final" or into(r) in read)}
        if left == chosen:
            return left
        chosen = left


def run_of_edges(runs, clean, ablated, kept):
    """The logits of the clean prompt where each receiver reads the sum of what kept senders write and of what stands in for
    the others: `ablated`, {sender: [T, d_model]}."""
    graph, model = runs.graph, runs.model
    now, functions = {}, []

    def note(l=None, mlp=False):
        def f(x):
            if l is None:
                now["embed"] = x
            elif mlp:
                now[f"{l}_mlp_out"] = x
            else:
                now.update({f"L{l}H{h}": x[:, h] @ model.W_O[l, h] for h in range(graph.cfg.n_heads)})
            return x
        return f

    def total(receiver):
        some = ablated["embed"]
        x = torch.zeros_like(some)
        if graph.cfg.positional_embedding_type == "standard":
            x = x + model.W_pos[: x.shape[0]]
        layer = graph.cfg.n_layers if receiver == "final" else graph.layer(receiver)[0] + receiver.endswith("_mlp_in")
        for l in range(layer):
            x = x + model.b_O[l]
        for sender in graph.senders:
            if graph.edge(sender, receiver):
                x = x + (now if (sender, receiver) in kept else ablated)[sender]
        return x

    def read(receivers):
        def f(x):
            x = x.clone()
            for r in receivers:
                head = graph.hook(r)[1]
                if head is None:
                    x = total(r)
                else:
                    x[:, head] = total(r)
            return x
        return f

    functions.append(("hook_embed", note()))
    for l in range(graph.cfg.n_layers):
        functions.append((f"blocks.{l}.attn.hook_z", note(l)))
        functions.append((f"blocks.{l}.hook_mlp_out", note(l, True)))
    for name in sorted({graph.hook(r)[0] for r in graph.receivers}):
        functions.append((name, read([r for r in graph.receivers if graph.hook(r)[0] == name])))
    return runs(clean, functions)[0]


def circuit(runs, doc):
    graph = runs.graph
    with torch.enable_grad():
        scores, whole = edge_scores(runs, doc)
    every = [(s, r) for s in graph.senders for r in graph.receivers if graph.edge(s, r)]
    size = {(s, r): abs(scores[graph.senders.index(s), graph.receivers.index(r)].item()) for s, r in every}
    ranked = sorted(every, key=lambda edge: -size[edge])
    given = doc.get("counts", doc.get("thresholds"))
    circuits = [pruned(graph, set(ranked[:x]) if "counts" in doc else {e for e in every if size[e] >= x}) for x in given]
    sets = [c for kept in circuits for c in (kept, set(every) - kept)] + [set()]
    sums, pairs = torch.zeros(len(sets), dtype=torch.float64), list(pairs_of(doc))
    for clean, corrupted, metric in pairs:
        clean_logits, _ = runs(clean)
        other = runs(corrupted, keep=lambda name: True)[1]
        ablated = {s: write_of(runs, other, s) * (doc.get("ablation") != "zero") for s in graph.senders}
        sums += torch.stack([metric_of(run_of_edges(runs, clean, ablated, kept), metric, clean_logits) for kept in sets])
    sums, whole = sums / len(pairs), whole.detach()
    metric, complement, nothing = sums[:-1:2], sums[1::2], sums[-1]
    kept = torch.stack([torch.where(scores.isnan(), torch.nan, torch.tensor([[float((s, r) in c) for r in graph.receivers] for s in graph.senders],
                                                                            dtype=torch.float64)) for c in circuits])
    return {"values": scores, "kept": kept, "edges": torch.tensor([float(len(c)) for c in circuits]), "metric": metric, "complement": complement,
            "faithfulness": (metric - nothing) / (whole[0] - nothing), "completeness": (complement - nothing) / (whole[0] - nothing),
            "values.clean": whole[0], "values.corrupted": whole[1], "values.nothing": nothing}, {
        "sender": graph.senders, "receiver": graph.receivers, "circuit": [f"{x:.9g}" for x in given]}


READS = {"path": path, "edges": edges, "attribute": attribute, "circuit": circuit}


def expected(double, doc):
    """`double` is the model in float64."""
    with torch.set_grad_enabled(doc["read"] in ("edges", "attribute")):
        out, axes = READS[doc["read"]](Runs(double), doc)
    return {name: x.detach() for name, x in out.items()}, axes
