"""Weights as HookedTransformer.process_weights_ leaves them, each transformation alone and all together.

process_weights_ always folds the value biases, so its own two steps are taken here: the LayerNorms become LayerNormPre,
then load_and_process_state_dict with exactly the flags of the case."""

import copy

import torch
from transformer_lens.components import LayerNormPre

KINDS = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
# GPT-2's shape, LN + GELU, odd sizes, d_vocab_out of its own, attention only, LNPre, solu_ln, shortformer.
MODELS = ("gpt2_shaped", "ln_gelu_tanh_f16", "odd_gelu_ln", "wide", "attn_only_ln", "lnpre_gelu_fast", "ln_solu_ln", "attn_only_shortformer",
          "none_gelu_new", "zero_layers_ln")


def refused(kinds, cfg):
    norm, shortformer = cfg.normalization_type, cfg.positional_embedding_type == "shortformer"
    return ("fold_ln" in kinds and (norm != "LN" or shortformer)) or ("center_writing_weights" in kinds and (norm is None or shortformer))


def processed(model, kinds):
    out = copy.deepcopy(model)
    state = out.state_dict()
    if "fold_ln" in kinds:
        out.cfg.normalization_type = "LNPre"
        out.ln_final = LayerNormPre(out.cfg)
        for block in out.blocks:
            block.ln1 = LayerNormPre(out.cfg)
            if not out.cfg.attn_only:
                block.ln2 = LayerNormPre(out.cfg)
            if out.cfg.is_layer_norm_activation():
                block.mlp.ln = LayerNormPre(out.cfg)
    out.load_and_process_state_dict({k: v.clone() for k, v in state.items()}, refactor_factored_attn_matrices=False,
                                    **{kind: kind in kinds for kind in KINDS})
    return out


def cases(model, prompt, weights=True):
    """Each case: the document and the tensors that changed (unless `weights` is false), with the logits of the prompt.
    "gone" lists those that are no more."""
    cfg, out = model.cfg, []
    before = {k: v for k, v in model.named_parameters()}
    together = [k for k in KINDS if not refused([k], cfg)]
    for kinds in [[k] for k in KINDS] + [together]:
        if refused(kinds, cfg):
            out.append(({"process": kinds, "refused": "ESPEC"}, {}))
            continue
        after = processed(model, kinds)
        params = dict(after.named_parameters())
        with torch.no_grad():
            tensors = {"logits": after(torch.tensor([prompt]))[0]}
        if weights:
            tensors.update({k: v.detach() for k, v in params.items() if not torch.equal(v, before[k])})
        out.append(({"process": kinds, "ids": prompt, "gone": sorted(set(before) - set(params)), **({} if weights else {"weights": False})}, tensors))
    return out
