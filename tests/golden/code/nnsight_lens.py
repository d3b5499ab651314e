# reading "lens" of "tests/golden/models/gpt2_shaped", as an experiment on Hugging Face's GPT-2 modules. nnsight 0.8.1, transformers 4.51.3.
# The numbers are the page's where MODEL holds the same weights.
# Layers, heads, neurons and token ids are those of "tests/golden/models/gpt2_shaped" (3 layers of 6 heads): change them for another model.
import torch
from nnsight import NNsight
from transformers import GPT2LMHeadModel

MODEL = "openai-community/gpt2"
torch.set_grad_enabled(False)
torch.set_printoptions(precision=6, sci_mode=False, linewidth=120, threshold=2000)
model = GPT2LMHeadModel.from_pretrained(MODEL, attn_implementation="eager").eval()
nn = NNsight(model)
unembed = lambda x: x @ model.lm_head.weight.T
ln_final = model.transformer.ln_f

def run(ids, edits=()):  # the hooks of one run under TransformerLens' names, without a batch axis, as the edits left them
    kept = {}
    H, T = model.config.n_head, len(ids)

    def hook(name, v):
        for at_hook, edit in edits:
            if at_hook == name:
                v = edit(v, name)
        kept[name] = v.detach().clone()
        return v[None]

    with nn.trace(torch.tensor([ids]), output_attentions=True):
        gpt = nn.transformer
        gpt.wte.output = hook("hook_embed", gpt.wte.output[0])
        gpt.wpe.output = hook("hook_pos_embed", gpt.wpe.output[0])
        for layer, block in enumerate(gpt.h):
            name = f"blocks.{layer}."
            block.input = pre = hook(name + "hook_resid_pre", block.input[0])
            block.ln_1.output = hook(name + "ln1.hook_normalized", block.ln_1.output[0])
            qkv = [x.view(T, H, -1) for x in block.attn.c_attn.output[0].chunk(3, -1)]
            qkv = [hook(f"{name}attn.hook_{which}", x).flatten(2) for which, x in zip("qkv", qkv)]
            block.attn.c_attn.output = torch.cat(qkv, -1)
            block.attn.c_proj.input = hook(name + "attn.hook_z", block.attn.c_proj.input[0].view(T, H, -1)).flatten(2)
            out = hook(name + "hook_attn_out", block.attn.c_proj.output[0])
            block.attn.c_proj.output = hook(name + "hook_resid_mid", (pre + out)[0]) - pre  # the block adds pre to it
            hook(name + "attn.hook_pattern", block.attn.output[-1][0])
            block.ln_2.input = hook(name + "hook_mlp_in", block.ln_2.input[0])
            block.ln_2.output = hook(name + "ln2.hook_normalized", block.ln_2.output[0])
            block.mlp.c_fc.output = hook(name + "mlp.hook_pre", block.mlp.c_fc.output[0])
            block.mlp.c_proj.input = hook(name + "mlp.hook_post", block.mlp.c_proj.input[0])
            block.mlp.output = hook(name + "hook_mlp_out", block.mlp.output[0])
            out = block.output
            block.output = (hook(name + "hook_resid_post", out[0][0]), *out[1:])
        x = gpt.ln_f.input[0]
        kept["ln_final.hook_scale"] = (x.var(-1, unbiased=False, keepdim=True) + model.config.layer_norm_epsilon).sqrt()
        gpt.ln_f.output = hook("ln_final.hook_normalized", gpt.ln_f.output[0])
        nn.lm_head.output = hook("logits", nn.lm_head.output[0])
    return kept

ids = [1, 5, 7, 9, 11, 5, 7]

def edit_1(v, name):  # blocks.0.attn.hook_z: zero, heads 1
    v = v.clone()
    v[:, 1:2] = 0
    return v

def edit_2(v, name):  # blocks.1.hook_resid_mid: add, positions -1
    v = v.clone()
    v[6:7] += 0.2
    return v

edits = [
    ("blocks.0.attn.hook_z", edit_1),
    ("blocks.1.hook_resid_mid", edit_2),
]

a = run(ids, edits)
positions = list(range(len(ids)))

def lens(run, chosen=None):  # `chosen`: the reading whose tokens are measured here
    states = torch.stack([
        run["blocks.0.hook_resid_pre"],  # 0_pre
        run["blocks.0.hook_resid_mid"],  # 0_mid
        run["blocks.1.hook_resid_pre"],  # 1_pre
        run["blocks.1.hook_resid_mid"],  # 1_mid
        run["blocks.2.hook_resid_pre"],  # 2_pre
        run["blocks.2.hook_resid_mid"],  # 2_mid
        run["blocks.2.hook_resid_post"],  # final_post
    ])[:, positions]  # [state, position, d_model]
    logits = unembed(ln_final(states))  # ln_final anew for each state
    log_p = logits.log_softmax(-1)
    final = run["logits"][positions].log_softmax(-1)
    top = chosen["top_ids"] if chosen else logits.topk(2).indices
    token = chosen["token_ids"] if chosen else run["logits"][positions].argmax(-1)
    cell = (slice(None), torch.arange(len(positions)), token)
    return {
        "top_ids": top, "top_logits": logits.gather(-1, top), "top_probs": log_p.gather(-1, top).exp(),
        "token_ids": token,
        "logit": logits[cell], "prob": log_p[cell].exp(),
        "rank": (logits > logits[cell][..., None]).sum(-1),
        "kl": (final.exp() * (final - log_p)).sum(-1), "entropy": -(log_p.exp() * log_p).sum(-1),
    }

reading = lens(a)
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
