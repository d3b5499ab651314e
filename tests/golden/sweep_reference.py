"""What sweeps and ablations mean (docs/formats.md, "Study"), in float64: TransformerLens' own get_act_patch_* where it has one, else
hook functions; direct paths in numpy from the formula of TransformerLens' documentation. Nothing is shared with the core.

`expected(model, doc)` gives {array name: tensor} and {axis: labels}. Names "values.x" are single numbers.
"""

import itertools
from fnmatch import fnmatchcase

import numpy as np
import torch
from transformer_lens import patching

from path_reference import metric_of, pairs_of
from reference import set_switches

patching.tqdm = lambda x, **_: x

HOOKS = {"z": "attn.hook_z", "q": "attn.hook_q", "k": "attn.hook_k", "v": "attn.hook_v", "pattern": "attn.hook_pattern", "result": "attn.hook_result",
         "pre": "mlp.hook_pre", "mid": "mlp.hook_mid", "post": "mlp.hook_post"}


def hook_of(what, layer):
    return f"blocks.{layer}.{HOOKS.get(what, f'hook_{what}')}"


def functions():
    """(what, by): TransformerLens' function, of whom what and by are lists where it stacks."""
    p = patching
    out = {("resid_pre", "layer,position"): p.get_act_patch_resid_pre, ("resid_mid", "layer,position"): p.get_act_patch_resid_mid,
           ("attn_out", "layer,position"): p.get_act_patch_attn_out, ("mlp_out", "layer,position"): p.get_act_patch_mlp_out,
           ("z", "layer,head"): p.get_act_patch_attn_head_out_all_pos, ("z", "layer,position,head"): p.get_act_patch_attn_head_out_by_pos,
           ("pattern", "layer,head"): p.get_act_patch_attn_head_pattern_all_pos, ("pattern", "layer,head,dest"): p.get_act_patch_attn_head_pattern_by_pos,
           ("pattern", "layer,head,dest,src"): p.get_act_patch_attn_head_pattern_dest_src_pos,
           ("z q k v pattern", "layer,head"): p.get_act_patch_attn_head_all_pos_every,
           ("z q k v pattern", "layer,position,head"): p.get_act_patch_attn_head_by_pos_every,
           ("resid_pre attn_out mlp_out", "layer,position"): p.get_act_patch_block_every}
    for x in "qkv":
        out[x, "layer,head"] = getattr(p, f"get_act_patch_attn_head_{x}_all_pos")
        out[x, "layer,position,head"] = getattr(p, f"get_act_patch_attn_head_{x}_by_pos")
    return out


FUNCTIONS = functions()


def listed(doc):
    return doc["what"] if isinstance(doc["what"], list) else [doc["what"]]


class Axes:
    """The cells of a document, and its labels."""

    def __init__(self, cfg, doc, T):
        positions = [p % T for p in doc.get("positions", range(T))]
        lengths = {"layer": doc.get("layers", range(cfg.n_layers)), "head": doc.get("heads", range(cfg.n_heads)), "position": positions,
                   "dest": positions, "src": range(T), "neuron": range(cfg.d_mlp or 0)}
        self.names = doc.get("by", "layer,head").split(",")
        self.numbers = [list(lengths[name]) for name in self.names]
        self.labels = {name: [str(i) for i in numbers] for name, numbers in zip(self.names, self.numbers)}
        if isinstance(doc["what"], list):
            self.labels = {"what": doc["what"], **self.labels}

    def fill(self, what, value):
        """value(what, {axis: number}) of every cell."""
        cells = [value(w, dict(zip(self.names, at))) for w in what for at in itertools.product(*self.numbers)]
        return torch.tensor(cells, dtype=torch.float64).reshape([len(what)] * ("what" in self.labels) + [len(n) for n in self.numbers])


class Cells:
    """Runs of a model in float64 with one hook function."""

    def __init__(self, model):
        self.model = model

    def run(self, ids, hooks=(), keep=()):
        kept = {}
        set_switches(self.model, {"use_attn_result"})

        def save(x, hook):
            kept[hook.name] = x[0].clone()

        names = (lambda name: any(fnmatchcase(name, f"*{k}") for k in keep), save)
        logits = self.model.run_with_hooks(torch.tensor([ids]), fwd_hooks=[*hooks, names])[0]
        set_switches(self.model, ())
        return logits, kept

    def patched(self, ids, what, at, value):
        """The logits with the cell's part of the hook from `value`, of the hook's shape without batch."""
        def put(x, hook):
            x = x.clone()
            if what == "pattern":
                dest = slice(None) if at.get("dest", at.get("position")) is None else at.get("dest", at.get("position"))
                src = slice(None) if at.get("src") is None else at["src"]
                x[0, at["head"], dest, src] = value[at["head"], dest, src]
                return x.tril()
            position = slice(None) if "position" not in at else at["position"]
            if "head" in at:
                x[0, position, at["head"]] = value[position, at["head"]]
            elif "neuron" in at:
                x[0, :, at["neuron"]] = value[:, at["neuron"]]
            else:
                x[0, position] = value[position]
            return x

        return self.run(ids, [(hook_of(what, at["layer"]), put)])[0]


# ---- sweeps -----------------------------------------------------------------------------------------


def both_runs(doc, clean, corrupted):
    """The run that is patched and the one that is read."""
    return (clean, corrupted) if doc.get("direction") == "noise" else (corrupted, clean)


def by_transformerlens(model, doc, function):
    """TransformerLens' function, pairs as a batch."""
    triples = list(pairs_of(doc))
    clean, corrupted = (torch.tensor([t[i] for t in triples]) for i in (0, 1))
    base, source = both_runs(doc, clean, corrupted)
    cache = model.run_with_cache(source)[1]
    clean_logits = model(clean)
    return function(model, base, cache, lambda logits: torch.stack([metric_of(x, t[2], c) for x, t, c in zip(logits, triples, clean_logits)]).mean())


def by_hooks(model, doc, axes):
    runs, total = Cells(model), 0
    for clean, corrupted, metric in pairs_of(doc):
        base, source = both_runs(doc, clean, corrupted)
        clean_logits = runs.run(clean)[0]
        kept = runs.run(source, keep=[hook_of(w, 0).removeprefix("blocks.0") for w in listed(doc)])[1]
        total = total + axes.fill(listed(doc), lambda what, at: metric_of(
            runs.patched(base, what, at, kept[hook_of(what, at["layer"])]), metric, clean_logits).item())
    return total / len(list(pairs_of(doc)))


def direct_path(model, doc):
    """patched q of B = q of B + (what A writes in the source run - what it writes in the base) / ln1's scale at B @ W_Q of B."""
    cfg, total = model.cfg, 0
    x = doc.get("receiver", "q")
    sources = [tuple(doc["source"])] if "source" in doc else list(itertools.product(range(cfg.n_layers), range(cfg.n_heads)))
    for clean, corrupted, metric in pairs_of(doc):
        base, source = both_runs(doc, clean, corrupted)
        clean_logits = model(torch.tensor([clean]))[0]
        was, other = (model.run_with_cache(torch.tensor([ids]), remove_batch_dim=True)[1] for ids in (base, source))
        out = np.zeros([len(sources), cfg.n_layers, cfg.n_heads])
        for i, (a, h) in enumerate(sources):
            z = f"blocks.{a}.attn.hook_z"
            change = (other[z][:, h] - was[z][:, h]).numpy() @ model.W_O[a, h].detach().numpy()
            for b, g in itertools.product(range(a + 1, cfg.n_layers), range(cfg.n_heads)):
                scale = was[f"blocks.{b}.ln1.hook_scale"].numpy() if cfg.normalization_type else 1
                added = torch.from_numpy((change / scale) @ getattr(model, f"W_{x.upper()}")[b, g].detach().numpy())

                def add(value, hook):
                    value = value.clone()
                    value[0, :, g] += added
                    return value

                logits = model.run_with_hooks(torch.tensor([base]), fwd_hooks=[(f"blocks.{b}.attn.hook_{x}", add)])[0]
                out[i, b, g] = metric_of(logits, metric, clean_logits)
        total = total + out
    total = torch.from_numpy(total / len(list(pairs_of(doc))))
    layers, heads = ([str(i) for i in range(n)] for n in (cfg.n_layers, cfg.n_heads))
    if "source" in doc:
        return total[0], {"layer": layers, "head": heads}
    return total.reshape(cfg.n_layers, cfg.n_heads, cfg.n_layers, cfg.n_heads), {"source_layer": layers, "source_head": heads, "layer": layers, "head": heads}


def sweep(model, doc):
    triples = list(pairs_of(doc))
    ends = {name: np.mean([metric_of(model(torch.tensor([t[i]]))[0], t[2], model(torch.tensor([t[0]]))[0]).item() for t in triples])
            for i, name in enumerate(("clean", "corrupted"))}
    if doc["what"] == "direct_path":
        values, labels = direct_path(model, doc)
    else:
        axes = Axes(model.cfg, doc, len(triples[0][0]))
        labels = axes.labels
        function = FUNCTIONS.get((" ".join(listed(doc)), doc["by"])) if not {"layers", "heads", "positions"} & set(doc) else None
        values = by_transformerlens(model, doc, function) if function else by_hooks(model, doc, axes)
    return {"values": values, **{f"values.{k}": torch.tensor([v]) for k, v in ends.items()}}, labels


# ---- ablations --------------------------------------------------------------------------------------


def replacements(runs, doc):
    """For a prompt's number: {hook: what takes its place}."""
    names = [hook_of(w, 0).removeprefix("blocks.0") for w in listed(doc)]
    over = [runs.run(ids, keep=names)[1] for ids in doc.get("over", doc["prompts"])]
    if doc["op"] == "resample":
        return lambda i: over[i % len(over)]
    of = {"zero": lambda xs: 0 * xs[0], "position_mean": lambda xs: sum(xs) / len(xs),
          "mean": lambda xs: torch.cat(xs).mean(0, keepdim=True).expand(len(doc["prompts"][0]), *xs[0].shape[1:])}[doc["op"]]
    values = {name: of([o[name] for o in over]) for name in over[0]}
    return lambda i: values


def ablate(model, doc):
    runs, axes = Cells(model), Axes(model.cfg, doc, len(doc["prompts"][0]))
    value_for = replacements(runs, doc)

    def measured(logits, ids, unablated):
        if doc["metric"]["kind"] != "loss":
            return metric_of(logits, doc["metric"], unablated).item()
        losses = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
        return losses[doc["metric"].get("from", 0):].mean().item()

    total, base = 0, []
    for i, ids in enumerate(doc["prompts"]):
        unablated = runs.run(ids)[0]
        base.append(measured(unablated, ids, unablated))
        total = total + axes.fill(listed(doc), lambda what, at: measured(
            runs.patched(ids, what, at, value_for(i)[hook_of(what, at["layer"])]), ids, unablated))
    return {"values": total / len(base), "values.base": torch.tensor([np.mean(base)])}, axes.labels


def expected(model, doc):
    with torch.no_grad():
        return {"sweep": sweep, "ablate": ablate}[doc["read"]](model, doc)
