"""Write every committed fixture: python make_fixtures.py [MODEL...]. See README.md for the layout."""

import json
import os
import sys
from fnmatch import fnmatchcase

import numpy as np
import torch
from safetensors.numpy import save_file

import edit_cases
import generate_cases
import grad_cases
import path_cases
import path_reference
import read_cases
import read_reference
import process_cases
import steer_cases
import steer_reference
import sweep_cases
import sweep_reference
from models import MODELS
from reference import Run, build, every_hook, gradient, in_double, load, seed_of, write_model

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


def indexed(pairs):
    """[(document, {name: tensor})] as write_cases wants it."""
    return [case for case, _ in pairs], {f"{i}/{k}": x for i, (_, tensors) in enumerate(pairs) for k, x in tensors.items()}


def reads_of(model, name):
    """The documents, each with the labels that the reading's axes must have."""
    cases, tensors = [], {}
    for i, doc in enumerate(read_cases.cases(name, model.cfg)):
        out, axes = read_reference.expected(model, doc)
        cases.append({"document": doc, "axes": axes})
        tensors.update({f"{i}/{array}": x for array, x in out.items()})
    return cases, tensors


def studies_of(model, name, spec, study_cases, reference):
    """The studies of one kind, as reads_of has readings; the reference is in float64."""
    double = in_double(model, spec["cfg"])
    cases, tensors = [], {}
    for i, doc in enumerate(study_cases.cases(name, model.cfg)):
        out, axes = reference.expected(double, doc)
        cases.append({"document": doc, "axes": axes})
        tensors.update({f"{i}/{array}": x for array, x in out.items()})
    return cases, tensors


def shipped(name):
    """Readings, generations and processes of a model that the page ships; it has no other cases."""
    model = load(f"{HERE}/../../models/{name}")
    where = f"{HERE}/cases/{name}"
    os.makedirs(where, exist_ok=True)
    write_cases(f"{where}/reads", *reads_of(model, name))
    write_cases(f"{where}/generations", *indexed(generate_cases.shipped(name, model)))
    write_cases(f"{where}/processes", *indexed(process_cases.cases(model, [0, 464, 318, 257, 31, 464], weights=False)))
    print(name, flush=True)


def main(names):
    for name in [n for n in read_cases.SHIPPED if not names or n in names]:
        shipped(name)
    for name in [n for n in names or MODELS if n not in read_cases.SHIPPED]:
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
        if name in generate_cases.MODELS:
            write_cases(f"{where}/generations", *indexed(generate_cases.cases(name, model, shapes_at(model))))
        if name in process_cases.MODELS:
            write_cases(f"{where}/processes", *indexed(process_cases.cases(model, spec["prompts"][-1])))
        if name in read_cases.MODELS:
            write_cases(f"{where}/reads", *reads_of(model, name))
        if name in path_cases.MODELS:
            write_cases(f"{where}/paths", *studies_of(model, name, spec, path_cases, path_reference))
        if name in steer_cases.MODELS:
            write_cases(f"{where}/steers", *studies_of(model, name, spec, steer_cases, steer_reference))
        if name in sweep_cases.MODELS:
            write_cases(f"{where}/sweeps", *studies_of(model, name, spec, sweep_cases, sweep_reference))
        if name in edit_cases.IDENTITY_MODELS:
            hooks = list(every_hook(model, [0]))
            write_cases(f"{where}/identities", edit_cases.identities(name, model.cfg, hooks, spec["prompts"][-1]), {})
        print(name, flush=True)


main(sys.argv[1:])
