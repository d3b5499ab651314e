"""code_run.py OUT FILE...: runs each file and writes the arrays of its `out`, f32, under the file's name: NAME/LIBRARY/ARRAY."""

import contextlib
import io
import os
import runpy
import sys

import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
arrays = {}
for path in sys.argv[2:]:
    torch.set_grad_enabled(True)
    with contextlib.redirect_stdout(io.StringIO()):
        out = runpy.run_path(path)["out"]
    name, library, _ = os.path.basename(path).split(".")
    for array, x in out.items():
        arrays[f"{name}/{library}/{array}"] = x.detach().float().contiguous().clone()
    print(name, library, len(out), "arrays", flush=True)
for name, x in arrays.items():
    other = arrays[name.replace("/nnsight/", "/transformer_lens/")]
    if not torch.equal(x.nan_to_num(), other.nan_to_num()):
        print(f"{name}: the libraries differ by {(x - other).abs().nan_to_num().max():.3g}")
save_file(arrays, sys.argv[1])
