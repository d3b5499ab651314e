# reading "generate" of "models/stories-2l", as Hookscope shows it. TransformerLens 2.15.4.
import json
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

MODEL = "models/stories-2l"  # a folder: config.json and model.safetensors
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
with open(f"{MODEL}/config.json") as file:
    cfg = {k: v for k, v in json.load(file).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**cfg)).eval()
model.load_state_dict(load_file(f"{MODEL}/model.safetensors"), strict=False)

def run(ids, edits=()):  # every hook of one run by name, without a batch axis; caches see what the edits made
    with model.hooks(fwd_hooks=list(edits)):
        logits, hooks = model.run_with_cache(torch.tensor([ids]), return_cache_object=False, remove_batch_dim=True)
    return {**hooks, "logits": logits[0]}

ids = [0, 464, 318, 257]

def edit_1(x, hook):  # blocks.1.attn.hook_z: zero, heads 0
    v = x[0].clone()
    v[:, 0:1] = 0
    return v[None]

edits = [
    ("blocks.1.attn.hook_z", edit_1),
]

def random_words(seed, what, index):  # SplitMix64: the stream of these three
    def mix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)
    counter = seed
    for word in (what, index, 0):
        counter = mix((counter + 0x9E3779B97F4A7C15) % 2**64) ^ word
    while True:
        counter = (counter + 0x9E3779B97F4A7C15) % 2**64
        yield mix(counter)

def chances(logits, text):  # what the sampler sees
    x = logits.double()
    x = (x - x.max()) / 0.9
    p = (x - x.max()).exp()
    p[p < p.topk(min(20, len(p))).values[-1]] = 0
    order = p.argsort(descending=True, stable=True)
    before = p[order].cumsum(0) - p[order]
    p[order[before > 0.95 * p.sum()]] = 0
    return p / p.sum()

text, rows = list(ids), []
for index in range(min(6, 256 - len(ids) + 1)):  # the whole text each time: slow, and the same numbers
    logits = run(text, edits)["logits"][-1]
    p = chances(logits, text)
    token = int((p.cumsum(0) <= (next(random_words(7, 3, index)) >> 11) / 2**53).sum())
    log_p = logits.log_softmax(-1)
    twin = run(text)["logits"][-1].log_softmax(-1)  # the same tokens without the edits
    rows.append({
        "id": token, "prob": log_p[token].exp(), "log_prob": log_p[token], "entropy": -(log_p.exp() * log_p).sum(), "drawn": p[token],
        "kl": (log_p.exp() * (log_p - twin)).sum(), "twin_log_prob": twin[token],
        "top_ids": log_p.topk(2).indices, "top_probs": log_p.topk(2).values.exp(),
    })
    text.append(token)
reading = {name: torch.stack([torch.as_tensor(row[name]) for row in rows]) for name in rows[0]}
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
