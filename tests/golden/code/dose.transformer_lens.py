# dose in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "stories-2l"  # model.safetensors has SHA-256 3f2aaa9328e0a69a9cf9e09d2f9c6e7a32cab64c61852dbe402268dfafd7c8a4
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
def uniform(seed, what, index, n):  # SplitMix64 (Steele, Lea and Flood 2014), n numbers of the stream (seed, what, index)
    def mix(z, mask=2**64 - 1):
        z = ((z & mask) ^ (z & mask) >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        return z ^ z >> 31
    step = 0x9E3779B97F4A7C15
    for key in (what, index, 0):
        seed = mix(seed + step) ^ key
    return [(mix(seed + step * (i + 1)) >> 11) / 2**53 for i in range(n)]
def draw(logits, text, seed, i):  # rounding can turn a draw, and the text that follows
    x = logits.double() / 0.8
    p = x.softmax(-1)
    ends = p.cumsum(0)
    return torch.searchsorted(ends, ends[-1] * uniform(seed, 3, i, 1)[0], right=True).item()
def tell(ids, seed, hooks=[], frozen=False, reference=None):  # the numbers of a text, and its tokens
    reference, told, log_p = reference or ids, [], []
    while len(told) < 8 and len(ids + told) <= 256 and not {*told} & {*[0]}:
        text = torch.tensor([ids + told])
        patterns = []
        if frozen:  # they are those of the unedited run over the same tokens
            _, cache = model.run_with_cache(text)
            patterns = [(lambda name: name.endswith("pattern"), lambda x, hook: cache[hook.name])]
        row = model.run_with_hooks(text, fwd_hooks=hooks + patterns)[0, -1]
        log_p.append(row.log_softmax(-1))
        told.append(draw(row, ids + told, seed, len(told)))
    log_p = torch.stack(log_p)
    log_q = model(torch.tensor([(reference + told[:-1])[:256]]))[0, len(reference) - 1:].log_softmax(-1)
    n, p = len(log_q), log_p.exp()
    effect = (p[:, [448, 297]].sum(-1) / p[:, [14, 260]].sum(-1)).log().mean()
    kl = (p[:n] * (log_p[:n] - log_q)).sum(-1).mean()
    grams = [[*zip(*(told[i:] for i in range(size)))] for size in (2, 3)]
    repeated = [1 - len({*some}) / len(some) if some else 0 for some in grams]
    return torch.tensor([effect, (-log_q[range(n), told[:n]].mean()).exp(), kl, *repeated, *told, *[torch.nan] * (8 - len(told))])
def steer(strength, v, n):  # on a prompt of n tokens
    def write(x, hook):
        y = x.clone()
        y[:, n - 1:] += strength * v
        return y
    return [("blocks.1.hook_resid_pre", write)]
def like(v, which):  # a random direction, as long
    x = torch.tensor([uniform(0x646F7365, which, i, 12 * v.shape[-1]) for i in range(v.numel() // v.shape[-1])]).unflatten(1, (-1, 12)).sum(-1) - 6
    return (x / x.norm(dim=-1, keepdim=True)).reshape(v.shape) * v.norm(dim=-1, keepdim=True)
v, strengths = torch.tensor([1.29, 1.45, 0.07, -0.76, -1.09, 0.03, -1.02, -1.44, 0.2, 0.13, 0.55, -0.91, 0.01, -0.06, -1.51, 0.54, 0.32, 2.39, 0.2, -0.14, 1.23, 0.2, 0.91, -0.37, 0.22, 1.02, 0.7, 0.13, -1.08, 0.45, 0.08, 0.72, 0.22, 1.09, -0.05, 0.2, 0.67, -1.09, -0.4, -0.5, 1.98, -0.09, 0.65, 0.62, -0.28, -1.55, 0.96, -0.41, 0.72, -1.31, -0.44, 1.26, 1.43, -1.3, -1.33, -0.04, 0.73, 0.16, 0.3, -0.99, 0.59, 1.12, -0.44, -1.43, -0.76, 0.76, -1.73, -0.09, -0.99, -0.13, -0.24, 0.02, 1.5, 0.42, 1.33, -0.14, -0.48, 0.38, -2.84, -0.04, 0.16, -1.24, 0.46, -0.56, -2.46, -0.21, -0.98, -0.52, -0.15, 1.25, 0.1, -0.03, 0.39, -1.81, 1.24, -1.08, 0.44, -1.13, -0.98, -0.4, 1.9, 0.7, -0.6, -0.28, -1.15, -0.03, -0.57, 0.72, -1.36, -0.33, -0.84, -0.72, 0.71, 0.13, 0.59, 1.19, 1.15, -1.37, 0.54, -1.76, -0.06, 1.92, -0.19, -0.37, 0.17, 0.02, 0.03, -0.76, 1.08, 0.89, -0.21, 0.31, 0.66, 1.03, 0.39, 0.7, -0.26, -1.07, -0.5, 1.02, 0.98, 0.15, -0.57, 0.31, 1.66, 1.35, -0.68, -0.04, -1.45, -1.14, 0.19, 0.02, 0.96, 1.27, 0.83, 1.32, -0.55, -1.13, 0.5, 2.68, 0.36, -1.15, 0.24, 1.43, -1.03, 0.8, -0.61, 1.27, 0.79, 0.3, 2, -0.41, -0.69, 1.85, -0.88, 2.2, -0.04, -1.04, 0, 0.13, 0.2, -0.19, 1.08, -2.32, -0.55, -0.26, 1.82, -1.99, -0.34, -1.14, -0.66, 0.64, 0.41, 1.44, -0.6, 0.27, 1.17, 0.9, -0.34, 1.13, -0.92, 1.8, 0.15, -0.11, 0.27, 0.85, 1.74, -0.14, -0.37, 0.59, -0.87, -1.7, 0.84, -0.38, 1.13, -1.03, -2.9, 0.28, 0.15, 1.6, 0.53, 0.31, 0.59, -0.37, 0.08, -1.35, 0.52, -0.81, -0.45, 0.7, 0.92, -1.01, 2, -0.59, 0.84, 0.95, 0.22, 0.17, 1.8, 0.89, 0.45, -1.82, -0.75, 1.16, 0.19, -0.96, -0.64, -0.31, 0.69, 0.39, 1, -0.82, 0.99, -0.5, -0.3, 1.73]), [-4, 0, 4]
ways = [(v, False), (v, True), *((like(v, i + 1), False) for i in range(2))]
texts = [(ids, seed) for ids in [[0, 333, 448, 970, 261, 647]] for seed in [1, 2]]
base = torch.stack([tell(ids, seed) for ids, seed in texts])
told = torch.stack([tell(ids, seed, steer(s, v, len(ids)), frozen) for v, frozen in ways for s in strengths for ids, seed in texts])
told = told.reshape(len(ways), len(strengths), *base.shape)
base_ids, base_effect, base_perplexity, base_kl, base_repetition2, base_repetition3 = base[..., 5:], *base.unbind(-1)[:5]
ids, effect, perplexity, kl, repetition2, repetition3 = told[..., 5:], *told.unbind(-1)[:5]
ratio = (perplexity / base_perplexity).log().mean(-1).exp()
fallen = [[s for s, f in zip(strengths, row) if f] for row in (ratio > 10) | (repetition3.mean(-1) > 0.5)]
collapse = [[min([s for s in some if s > 0], default=torch.nan), max([s for s in some if s < 0], default=torch.nan)] for some in fallen]
out = {
    "ids": ids,
    "effect": effect,
    "perplexity": perplexity,
    "kl": kl,
    "repetition2": repetition2,
    "repetition3": repetition3,
    "base_ids": base_ids,
    "base_effect": base_effect,
    "base_perplexity": base_perplexity,
    "base_kl": base_kl,
    "base_repetition2": base_repetition2,
    "base_repetition3": base_repetition3,
    "perplexity_ratio": ratio,
    "collapse": torch.tensor(collapse),
}
print(out)
