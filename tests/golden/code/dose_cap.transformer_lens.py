# dose in Hookscope, as Python: pip install transformer-lens==2.15.4
import json
from glob import glob
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig

folder = "odd_gelu_ln"  # model.safetensors has SHA-256 75a489431e48f5b6fb79fbd095e8931d5cc6dc44704f482751d1cf6360d1c04a
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
    seen = list({*text})
    logits[seen] /= torch.where(logits[seen] > 0, 1.2, 1 / 1.2)
    x = logits.double() / 0.7
    x -= 0.3 * torch.tensor(text).bincount(minlength=len(x))
    p = x.softmax(-1)
    p[p < p.topk(min(50, len(p))).values[-1]] = 0
    p /= p.sum()
    order = p.argsort(descending=True, stable=True)
    p[order[p[order].cumsum(0) - p[order] > 0.9]] = 0
    ends = p.cumsum(0)
    return torch.searchsorted(ends, ends[-1] * uniform(seed, 3, i, 1)[0], right=True).item()
def tell(ids, seed, hooks=[], frozen=False, reference=None):  # the numbers of a text, and its tokens
    reference, told, log_p = reference or ids, [], []
    while len(told) < 13 and len(ids + told) <= 13:
        text = torch.tensor([ids + told])
        patterns = []
        if frozen:  # they are those of the unedited run over the same tokens
            _, cache = model.run_with_cache(text)
            patterns = [(lambda name: name.endswith("pattern"), lambda x, hook: cache[hook.name])]
        row = model.run_with_hooks(text, fwd_hooks=hooks + patterns)[0, -1]
        log_p.append(row.log_softmax(-1))
        told.append(draw(row, ids + told, seed, len(told)))
    log_p = torch.stack(log_p)
    log_q = model(torch.tensor([(reference + told[:-1])[:13]]))[0, len(reference) - 1:].log_softmax(-1)
    n, p = len(log_q), log_p.exp()
    effect = p[:, [4, 9]].sum(-1).logit().mean()
    kl = (p[:n] * (log_p[:n] - log_q)).sum(-1).mean()
    grams = [[*zip(*(told[i:] for i in range(size)))] for size in (2, 3)]
    repeated = [1 - len({*some}) / len(some) if some else 0 for some in grams]
    return torch.tensor([effect, (-log_q[range(n), told[:n]].mean()).exp(), kl, *repeated, *told, *[torch.nan] * (13 - len(told))])
def steer(strength, v, n):  # on a prompt of n tokens
    unit = v / v.norm(dim=-1, keepdim=True)
    def write(x, hook):
        y = x.clone()
        along = (y[:, [0, 1]] * unit).sum(-1, keepdim=True)
        y[:, [0, 1]] += (along.clamp(max=strength) - along) * unit
        return y
    return [("blocks.0.hook_resid_mid", write)]
def like(v, which):  # a random direction, as long
    x = torch.tensor([uniform(0x646F7365, which, i, 12 * v.shape[-1]) for i in range(v.numel() // v.shape[-1])]).unflatten(1, (-1, 12)).sum(-1) - 6
    return (x / x.norm(dim=-1, keepdim=True)).reshape(v.shape) * v.norm(dim=-1, keepdim=True)
v, strengths = torch.tensor([[1.082, 0.889, -0.212, 0.315, 0.658, 1.032, 0.393, 0.695, -0.263, -1.069, -0.495, 1.019, 0.978, 0.146, -0.567, 0.308, 1.663, 1.354, -0.684, -0.044, -1.452, -1.136, 0.188, 0.025, 0.965, 1.268, 0.835, 1.32, -0.547], [-1.129, 0.501, 2.679, 0.357, -1.152, 0.242, 1.426, -1.034, 0.803, -0.611, 1.273, 0.785, 0.304, 2, -0.409, -0.686, 1.855, -0.876, 2.199, -0.04, -1.037, -0.002, 0.13, 0.201, -0.192, 1.081, -2.32, -0.555, -0.262]]), [-3, 9]
ways = [(v, False), *((like(v, i + 1), False) for i in range(1))]
texts = [(ids, seed) for ids in [[80, 62, 174], [5, 6]] for seed in [1]]
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
