/* grad.h: what a backward pass fills and the places it works in. */
#ifndef HS_GRAD_H
#define HS_GRAD_H

#include "run.h"

struct hs_grad {
    const hs_model *model;
    int n_tokens;
    hs_real **hook; /* [HS_N_HOOKS * layers], by hs_hook_at: the requested gradients, NULL elsewhere */
    int n_hooks;
    hs_tensor *hooks; /* [n_hooks] */
    char (*names)[64];
    hs_real *params; /* laid out as model->base, or NULL */
    hs_real *base;   /* everything below and the hooks' gradients: one allocation */
    int64_t n_hook_reals; /* the hooks' gradients stand first in base */
    hs_real *d_resid, *d_branch, *d_norm; /* [T, d_model] */
    hs_real *d_x;                         /* [T, max(d_model, d_mlp)] */
    hs_real *d_pos;                       /* [T, d_model]: summed over layers (shortformer) */
    hs_real *d_q, *d_k, *d_v, *d_z;       /* [T, n_heads, d_head] */
    hs_real *d_pattern;                   /* [n_heads, T, T] */
    hs_real *d_mlp;                       /* [T, d_mlp] */
    hs_real *d_scale;                     /* [T] */
    hs_real *d_heads, *d_attn_in;         /* [T, n_heads, d_model], where heads have inputs of their own */
    hs_real *head_norm, *head_scale;      /* [T, d_model], [T]: one head's LN1, done again */
    hs_real *d_logits;                    /* [T, d_vocab_out] */
    hs_real *transposed, *packed;         /* operands of one product */
    int stage; /* of hs_backward_step: the unembedding, MLP and attention of the layers from the last, the embedding */
    int turn;  /* of the stage */
    hs_turns *turns; /* of the walk in progress; NULL: all at once */
    hs_rows used, rows; /* used: of d_logits; rows: that are gone through */
};

/* hs_backward in units: fill d_logits, enter, then step until it returns false. Rows of d_logits outside `used` are zero. */
void hs_backward_enter(hs_grad *grad, hs_rows used);
bool hs_backward_step(const hs_run *run, hs_grad *grad);

#endif
