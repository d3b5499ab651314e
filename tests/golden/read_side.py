"""One run as the reference sees it: TransformerLens' ActivationCache of it, the states and the parts of its stream.

Edits of the stream are parts of their own ("edit 1_resid_pre"), taken from the hooks' own values.
"""

import copy

import torch
from transformer_lens import ActivationCache

from reference import Run, matching, switch_of


def captured(name):
    return switch_of(name) is None or name.endswith("hook_result")


def folded(model):
    """The model with ln_final's gain and bias in W_U and b_U: logit_attrs knows no gain."""
    m = copy.deepcopy(model)
    if m.cfg.normalization_type == "LN":
        with torch.no_grad():
            m.unembed.b_U += m.ln_final.b @ m.unembed.W_U
            m.unembed.W_U.mul_(m.ln_final.w[:, None])
            m.ln_final.w.fill_(1.0)
            m.ln_final.b.zero_()
    return m


class Side:
    """One run and everything TransformerLens says of it."""

    def __init__(self, model, prompt):
        self.model, self.cfg = model, model.cfg
        self.ids = prompt["ids"]
        self.edits = prompt.get("edits", [])
        self.run = Run(model, self.ids, self.edits, prompt.get("runs"), capture=captured)
        self.values = self.run.values
        self.T, self.L, self.H = len(self.ids), self.cfg.n_layers, self.cfg.n_heads
        self.norm = self.cfg.normalization_type is not None
        entries = {k: v for k, v in self.values.items() if k != "logits"}
        self.standard = self.cfg.positional_embedding_type == "standard"
        if not self.standard:
            entries.pop("hook_pos_embed", None)
        self.cache = ActivationCache(entries, model, has_batch_dim=False)
        self.folded_model = folded(model)
        self.folded = ActivationCache(entries, self.folded_model, has_batch_dim=False)
        self.logits = self.values["logits"].double()

    def hook(self, name):
        return self.values[name]

    def edited(self, name):
        return bool(matching(self.edits, name))

    def stream(self):
        """What leaves the embedding."""
        x = self.hook("hook_embed")
        return x + self.hook("hook_pos_embed") if self.standard else x

    def accumulated(self):
        """(stack [state, T, d], labels)"""
        if self.L == 0:
            return self.stream()[None], ["final_post"]
        return self.cache.accumulated_resid(incl_mid=not self.cfg.attn_only, return_labels=True)

    def state(self, label):
        stack, labels = self.accumulated()
        return stack[labels.index(label)] if label in labels else self.hook(label)

    def ln_final(self, x, cached):
        """The row that W_U reads, [..., T, d]."""
        if not self.norm:
            return x
        if not cached:
            return self.model.ln_final(x)
        out = self.cache.apply_ln_to_stack(x[None], has_batch_dim=False)[0]
        if self.cfg.normalization_type == "LN":
            out = out * self.model.ln_final.w + self.model.ln_final.b
        return out

    def unembed(self, x):
        return (x @ self.model.W_U + self.model.b_U).double()

    def head_results(self):
        """[L, H, T, d], hook_result's edits in force."""
        if self.L == 0:
            return torch.zeros(0, self.H, self.T, self.cfg.d_model)
        return self.cache.stack_head_results().reshape(self.L, self.H, self.T, -1)

    def parts(self, state, by, edited):
        """(stack [part, T, d] float64, labels) of a state of the stream. `edited(hook)`: whether an edit acts there, in
        this run or the other."""
        if state == "final_post":
            layers, mid = self.L, False
        else:
            layer, where = state.split("_")
            layers, mid = int(layer), where == "mid"
        stack, labels = self.cache.decompose_resid(layer=layers, mlp_input=mid, return_labels=True)
        written = dict(zip(labels, stack.double()))
        heads = self.head_results().double()
        out, names = [], []

        def add(label, x):
            names.append(label)
            out.append(x)

        def add_edit(label, hook, x):
            if edited(hook):
                add(f"edit {label}", x())

        add("embed", written["embed"])
        if self.standard:
            add("pos_embed", written["pos_embed"])
        at_final = state == "final_post"
        for l in range(layers + (0 if at_final else 1)):
            block = f"blocks.{l}."
            pre = self.hook(block + "hook_resid_pre")
            before = self.hook(f"blocks.{l - 1}.hook_resid_post") if l else self.stream()
            add_edit(f"{l}_resid_pre", block + "hook_resid_pre", lambda: (pre - before).double())
            if l == layers and not mid and not at_final:
                break
            attn_out = self.hook(block + "hook_attn_out")
            if by == "component":
                add(f"{l}_attn_out", written[f"{l}_attn_out"])
            else:
                for h in range(self.H):
                    add(f"L{l}H{h}", heads[l, h])
                b_O = self.model.blocks[l].attn.b_O.double().expand(self.T, -1)
                add(f"{l}_attn_bias", b_O)
                add_edit(f"{l}_attn_out", block + "hook_attn_out", lambda: attn_out.double() - heads[l].sum(0) - b_O)
            if not self.cfg.attn_only:
                mid_value = self.hook(block + "hook_resid_mid")
                add_edit(f"{l}_resid_mid", block + "hook_resid_mid", lambda: (mid_value - (pre + attn_out)).double())
                if l == layers and mid:
                    break
                mlp_out = self.hook(block + "hook_mlp_out")
                if by == "neuron":
                    b_out = self.model.blocks[l].mlp.b_out.double().expand(self.T, -1)
                    post = self.hook(block + "mlp.hook_post").double()
                    add(f"{l}_mlp_bias", b_out)
                    add_edit(f"{l}_mlp_out", block + "hook_mlp_out",
                             lambda: mlp_out.double() - post @ self.model.blocks[l].mlp.W_out.double() - b_out)
                else:
                    add(f"{l}_mlp_out", written[f"{l}_mlp_out"])
                after = mid_value + mlp_out
            else:
                after = pre + attn_out
            add_edit(f"{l}_resid_post", block + "hook_resid_post", lambda: (self.hook(block + "hook_resid_post") - after).double())
        return torch.stack(out), names
