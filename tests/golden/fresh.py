"""Models that nobody has seen: python fresh.py SEED N makes N random models of random odd shapes and
compares `hs run`, edits, readings and `hs grad` with TransformerLens, live. HS names the program.

Not part of the tests: it needs the reference (requirements.txt). Prints what differs and exits 1.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

import edit_cases
import grad_cases
import path_cases
import path_reference
import read_cases
import read_reference
import steer_cases
import steer_reference
from reference import Run, build, every_hook, gradient, in_double, write_model

HS = os.environ.get("HS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "release", "hs"))


def random_spec(rng):
    attn_only = rng.random() < 0.3
    cfg = dict(
        n_layers=rng.choice([0, 1, 1, 2, 2, 3, 4]), d_model=rng.randint(2, 50), n_ctx=rng.randint(1, 40), d_head=rng.randint(1, 20),
        n_heads=rng.choice([-1, 1, 2, 3, 5, 7]), d_vocab=rng.randint(3, 120), attn_only=attn_only, eps=rng.choice([1e-5, 1e-3, 0.1]),
        normalization_type=rng.choice([None, "LN", "LN", "LNPre"]), positional_embedding_type=rng.choice(["standard", "shortformer"]),
        use_attn_scale=rng.random() < 0.8, scale_attn_by_inverse_layer_idx=rng.random() < 0.3,
    )
    if cfg["n_heads"] == -1 and cfg["d_head"] > cfg["d_model"]:
        cfg["n_heads"] = 2
    if rng.random() < 0.3:
        cfg["d_vocab_out"] = rng.randint(3, 120)
    if rng.random() < 0.3:
        cfg["attn_scale"] = round(rng.uniform(0.5, 6), 2)
    if not attn_only:
        cfg["act_fn"] = rng.choice(["relu", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "silu", "solu", "solu_ln"])
        if rng.random() < 0.8:
            cfg["d_mlp"] = rng.randint(2, 90)
    file = rng.choice([[], [], [], ["f16"], ["bf16"], ["shards"], ["buffers"], ["no_biases"], ["no_biases", "buffers"]])
    return dict(cfg=cfg, gain=rng.choice([0.5, 0.8, 1.0]), file=file, config=rng.choice(["given", "all"]))


def hs(*args):
    done = subprocess.run([HS, *args], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"hs {args[0]} exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def hs_run(folder, case, capture):
    with tempfile.TemporaryDirectory() as t:
        args = ["run", folder, "--ids", ",".join(map(str, case["ids"])), "--out", f"{t}/out"]
        if "edits" in case:
            with open(f"{t}/edits.json", "w") as f:
                json.dump(case["edits"], f)
            args += ["--edits", f"{t}/edits.json"]
        for name, ids in case.get("runs", {}).items():
            args += ["--run", f"{name}={','.join(map(str, ids))}"]
        if "vectors" in case:
            save_file({k: torch.tensor(v) for k, v in case["vectors"].items()}, f"{t}/vectors")
            args += ["--vectors", f"{t}/vectors"]
        for glob in capture:
            args += ["--capture", glob]
        hs(*args)
        return load_file(f"{t}/out")


def value_problem(a, b):
    if a.shape != b.shape:
        return f"shape {list(b.shape)}, reference {list(a.shape)}"
    finite = torch.isfinite(a)
    if not torch.equal(a[~finite], b[~finite]) or not torch.isfinite(b[finite]).all():
        return "not finite"
    allowed = 1e-4 * max(1.0, a[finite].abs().max().item() if finite.any() else 0.0)
    worst = (a[finite] - b[finite]).abs().max().item() if finite.any() else 0.0
    return f"off by {worst:.3g}, allowed {allowed:.3g}" if worst > allowed else None


def gradient_problem(pair, b):
    """pair: the reference in float64 and in float32. Where float32 itself cannot hold the rule (a
    saturated softmax, a gradient that is zero in exact arithmetic), four times PyTorch's own error."""
    a, in_float = pair
    if a.shape != b.shape:
        return f"shape {list(b.shape)}, reference {list(a.shape)}"
    largest = a.abs().max().item()
    allowed = 1e-6 if largest < 1e-12 else 1e-3 * largest
    allowed = max(allowed, 4 * (a - in_float).abs().max().item())
    worst = (a - b).abs().max().item()
    return None if worst <= allowed else f"off by {worst:.3g}, allowed {allowed:.3g}"


def compare(reference, got, rule, said):
    for name in sorted(set(reference) ^ set(got)):
        said(f"{name} is {'missing' if name in reference else 'extra'}")
    for name in sorted(set(reference) & set(got)):
        problem = rule(reference[name], got[name])
        if problem:
            said(f"{name}: {problem}")


def hs_read(folder, document):
    """(arrays, labels); single numbers as "values.x"."""
    with tempfile.TemporaryDirectory() as t:
        with open(f"{t}/spec.json", "w") as f:
            json.dump(document, f)
        said = json.loads(hs(document["read"], folder, f"{t}/spec.json", "--out", f"{t}/out"))
        numbers = {f"values.{k}": torch.tensor(float("nan") if v is None else v) for k, v in said["values"].items()}
        return load_file(f"{t}/out") | numbers, said["axes"]


def reading_problem(a, b):
    """NaN where there is nothing to say: there and nowhere else."""
    a = a.float()
    if a.shape == b.shape and torch.equal(torch.isnan(a), torch.isnan(b)):
        return value_problem(a.nan_to_num(0.0, torch.inf, -torch.inf), b.nan_to_num(0.0, torch.inf, -torch.inf))
    return f"shape {list(b.shape)}, reference {list(a.shape)}; NaN at {torch.isnan(b).sum()}, reference {torch.isnan(a).sum()}"


def nearly_equal(document, reference):
    """Ranks among what float32 may order otherwise; a share of almost nothing."""
    nothing = reference.get("values.nothing")
    return (document.get("metric", {}).get("kind") == "rank" or "values.spearman" in reference
            or (nothing is not None and abs(reference["values.clean"] - nothing) < 0.05))


def check_reads(model, cases, expected, folder, said):
    """Every document; returns how many were compared and how many float32 alone decides."""
    compared = left_out = 0
    for document in cases:
        about = lambda s: said(f"reading {json.dumps(document)[:700]}\n      {s}")
        try:
            reference, axes = expected(model, document)
        except ValueError:
            left_out += 1
            continue
        try:
            got, labels = hs_read(folder, document)
        except RuntimeError as e:
            about(str(e))
            continue
        if any(ill_posed(x[torch.isfinite(x)]) for x in reference.values() if torch.isfinite(x).any()) or nearly_equal(document, reference):
            left_out += 1
            continue
        compare(reference, {k: v for k, v in got.items() if k in reference}, reading_problem, about)
        for axis in axes:
            if labels.get(axis) != axes[axis]:
                about(f"labels of {axis}: {labels.get(axis)}, reference {axes[axis]}")
        for whole, error in (("logit", "error"), ("state_along", "error"), ("values.score", "values.key_error"), ("values.score", "values.query_error")):
            if whole in got and error in got and not got[error].abs().max() <= 1e-4 * max(1.0, got[whole].abs().max().item()):
                about(f"{error} {got[error].abs().max():.3g}")
        compared += 1
    return compared, left_out


def ill_posed(x):
    """Where float32 alone decides the result, nothing can be compared."""
    return torch.isnan(x).any() or x[torch.isfinite(x)].abs().max() > 1e4


def check_model(name, spec, rng, folder):
    seed = rng.randrange(1 << 30)
    model = build(spec, seed)
    cfg = model.cfg
    write_model(model, spec, folder)
    problems, counts = [], {"hooks": 0, "edits": 0, "gradients": 0, "readings": 0, "left out": 0}
    for T in sorted({1, cfg.n_ctx, rng.randint(1, cfg.n_ctx)}):
        case = {"ids": [rng.randrange(cfg.d_vocab) for _ in range(T)]}
        reference = every_hook(model, case["ids"])
        compare(reference, hs_run(folder, case, ["*"]), value_problem, lambda s: problems.append(f"hooks T={T} {s}"))
        counts["hooks"] += len(reference)

    def shapes_at(T):
        return {n: list(x.shape) for n, x in every_hook(model, [0] * T).items()}

    for case in edit_cases.cases(name, cfg, shapes_at, everything=True):
        vectors = {k: torch.tensor(v) for k, v in case.get("vectors", {}).items()}
        run = Run(model, case["ids"], case["edits"], case.get("runs"), vectors, capture=lambda n: n in case["capture"])
        if any(ill_posed(x) for x in run.values.values()):
            counts["left out"] += 1
            continue
        said = lambda s: problems.append(f"edits {json.dumps(case)[:700]}\n      {s}")
        try:
            compare(run.values, hs_run(folder, case, case["capture"]), value_problem, said)
        except RuntimeError as e:
            said(str(e))
        counts["edits"] += 1
    double = in_double(model, spec["cfg"])
    for which, cases, reference in ((model, read_cases.cases(name, cfg, everything=True), read_reference.expected),
                                    (double, path_cases.cases(name, cfg), path_reference.expected),
                                    (double, steer_cases.cases(name, cfg, everything=True), steer_reference.expected)):
        compared, left_out = check_reads(which, cases, reference, folder, problems.append)
        counts["readings"] += compared
        counts["left out"] += left_out
    for case in grad_cases.cases(name, cfg, everything=True):
        value, reference = gradient(double, case)
        if any(ill_posed(x) for x in reference.values()):
            counts["left out"] += 1
            continue
        _, in_float = gradient(model, case)
        reference = {n: (x, in_float[n].double()) for n, x in reference.items()}
        said = lambda s: problems.append(f"gradient {json.dumps(case)[:700]}\n      {s}")
        with tempfile.TemporaryDirectory() as t:
            with open(f"{t}/spec.json", "w") as f:
                json.dump(case, f)
            try:
                hs("grad", folder, f"{t}/spec.json", "--out", f"{t}/out")
                compare(reference, {n: x.double() for n, x in load_file(f"{t}/out").items()}, gradient_problem, said)
            except RuntimeError as e:
                said(str(e))
        counts["gradients"] += 1
    return problems, counts


def main(seed, n):
    failed = 0
    for i in range(n):
        rng = random.Random(f"{seed}/{i}")
        spec = random_spec(rng)
        with tempfile.TemporaryDirectory() as folder:
            problems, counts = check_model(f"fresh-{seed}-{i}", spec, rng, folder)
        failed += len(problems)
        print(f"{seed}/{i} {len(problems)} problems, {counts} {json.dumps(spec)}", flush=True)
        for problem in problems[:10]:
            print("   ", problem)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
