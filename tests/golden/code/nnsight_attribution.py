# reading "attribution" of "tests/golden/models/gpt2_shaped", as an experiment on Hugging Face's GPT-2 modules. nnsight 0.8.1, transformers 4.51.3.
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
ln_final = model.transformer.ln_f
W_U = model.lm_head.weight.T
b_U = torch.zeros(model.config.vocab_size)
W_O = [b.attn.c_proj.weight.view(model.config.n_head, -1, model.config.n_embd) for b in model.transformer.h]
b_O = [b.attn.c_proj.bias for b in model.transformer.h]
W_out = [b.mlp.c_proj.weight for b in model.transformer.h]
b_out = [b.mlp.c_proj.bias for b in model.transformer.h]
w_final = model.transformer.ln_f.weight
b_final = model.transformer.ln_f.bias

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
ids_minus = [1, 5, 7, 9, 11, 5, 7]
runs = {
    "B": run([3, 2, 1, 6, 11, 5, 8]),
}

def edit_1(v, name):  # blocks.1.attn.hook_v: patch, heads 0
    v = v.clone()
    v[:, 0:1] = runs["B"][name][:, 0:1]
    return v

edits = [
    ("blocks.1.attn.hook_v", edit_1),
]

a = run(ids, edits)
positions = [6]
direction = W_U[:, 4]
p = direction * w_final
p = p - p.mean()  # (x - mean(x)) . w W_U = x . (w W_U - mean(w W_U))

def results(run, layer):  # what each head wrote, [position, head, d_model]
    return torch.einsum("thd,hdm->thm", run[f"blocks.{layer}.attn.hook_z"], W_O[layer])

def attribution(run, chosen=None):
    scale = run["ln_final.hook_scale"][positions]  # cached
    logit = run["logits"][positions, 4]
    parts = torch.stack([
        run["hook_embed"],  # embed
        run["hook_pos_embed"],  # pos_embed
        b_O[0].expand(len(ids), -1),  # 0_attn_bias
        b_out[0].expand(len(ids), -1),  # 0_mlp_bias
        b_O[1].expand(len(ids), -1),  # 1_attn_bias
        b_out[1].expand(len(ids), -1),  # 1_mlp_bias
        b_O[2].expand(len(ids), -1),  # 2_attn_bias
        b_out[2].expand(len(ids), -1),  # 2_mlp_bias
    ])[:, positions]
    values = (parts @ p).T / scale  # [position, part]
    tail = [  # parts that are no vectors of the stream
        b_final @ direction,  # ln_final_bias
        b_U[4],  # unembed_bias
    ]
    values = torch.cat([values, torch.stack([x.expand(len(positions)) for x in tail], -1)], -1)
    heads = torch.stack([results(run, layer)[positions] @ p / scale for layer in range(len(W_O))], 1)
    neurons = torch.stack([run[f"blocks.{layer}.mlp.hook_post"][positions] * (W_out[layer] @ p) / scale for layer in range(len(W_out))], 1)
    whole = values.sum(-1) + heads.sum((1, 2)) + neurons.sum((1, 2))
    return {
        "values": values, "heads": heads, "neurons": neurons,
        "logit": logit, "sum": whole, "error": logit - whole,
    }

reading = attribution(a)
b = run(ids_minus)
other = attribution(b, reading)  # the same of the run that is taken away
reading = {name: x - other[name] for name, x in reading.items()}
for name, x in reading.items():
    print(name, list(x.shape))
    print(x)
