"""Write every committed fixture: python make_fixtures.py [MODEL...]. See README.md for the layout."""

import json
import os
import sys
from fnmatch import fnmatchcase

import numpy as np
import torch
from safetensors.numpy import save_file

import edit_cases
import grad_cases
from models import MODELS
from reference import Run, build, every_hook, gradient, in_double, seed_of, write_model

HERE = os.path.dirname(os.path.abspath(__file__))


def write_cases(path, cases, tensors):
    """path.json: the documents, one a line; path.safetensors: what each gives, under "<index>/<name>"."""
    with open(path + ".json", "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    if tensors:
        save_file({k: np.ascontiguousarray(x.to(torch.float32).numpy()) for k, x in tensors.items()}, path + ".safetensors")


def hooks_of(model, spec):
    cases, tensors = [], {}
    for ids in spec["prompts"]:
        for name, x in every_hook(model, ids).items():
            tensors[f"{len(cases)}/{name}"] = x
        cases.append({"ids": ids})
    return cases, tensors


def shapes_at(model):
    def at(T):
        return {n: list(x.shape) for n, x in every_hook(model, [0] * T).items()}
    return at


def edits_of(model, name):
    cases = edit_cases.cases(name, model.cfg, shapes_at(model))
    tensors = {}
    for i, case in enumerate(cases):
        vectors = {k: torch.tensor(v) for k, v in case.get("vectors", {}).items()}
        run = Run(model, case["ids"], case["edits"], case.get("runs"), vectors, capture=lambda n: n in case["capture"])
        for hook in case["capture"]:
            x = run.values[hook]
            if torch.isnan(x).any():
                raise SystemExit(f"{name}: edit case {i} gives NaN at {hook}: {json.dumps(case['edits'])}")
            tensors[f"{i}/{hook}"] = x
    return cases, tensors


def gradients_of(model, name, spec):
    double = in_double(model, spec["cfg"])
    cases, tensors = grad_cases.cases(name, model.cfg), {}
    params = {n for n, _ in model.named_parameters()}
    for i, case in enumerate(cases):
        case["value"], grads = gradient(double, case)
        for hook, g in grads.items():
            wanted = case["weights"] if hook in params else any(fnmatchcase(hook, g) for g in case["hooks"])
            if not wanted:
                continue
            if torch.isnan(g).any():
                raise SystemExit(f"{name}: gradient case {i} gives NaN at {hook}")
            if g.abs().max() < 1e-12:
                g = torch.zeros_like(g)
            tensors[f"{i}/{hook}"] = g
    return cases, tensors


def main(names):
    for name in names or MODELS:
        spec = MODELS[name]
        model = build(spec, seed_of(name))
        folder = f"{HERE}/models/{name}"
        write_model(model, spec, folder)
        where = f"{HERE}/cases/{name}"
        os.makedirs(where, exist_ok=True)
        write_cases(f"{where}/hooks", *hooks_of(model, spec))
        write_cases(f"{where}/edits", *edits_of(model, name))
        if name in grad_cases.MODELS:
            write_cases(f"{where}/gradients", *gradients_of(model, name, spec))
        if name in edit_cases.IDENTITY_MODELS:
            hooks = list(every_hook(model, [0]))
            write_cases(f"{where}/identities", edit_cases.identities(name, model.cfg, hooks, spec["prompts"][-1]), {})
        print(name, flush=True)


main(sys.argv[1:])
