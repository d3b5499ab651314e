/* run.h: a run inside the core: where every tensor of the forward pass lives.
 *
 * A hook's tensor has a place of its own when somebody will read it after the run (a capture, or the
 * backward pass); all others share one scratch place per kind, used again by every layer. So capturing
 * costs no copy: the forward pass writes each tensor where it is to be found. */
#ifndef HS_RUN_H
#define HS_RUN_H

#include "edit.h"
#include "turns.h"

/* A hook function, for what an edit document cannot say because it depends on other runs as they go (path patching,
 * frozen attention): called after the edits wherever `at` marks the hook, with the rows that are being computed.
 * At attn_scores and pattern `head` says whose [T, T] `data` is; elsewhere data is the hook's whole tensor and head
 * HS_ALL_HEADS. The backward pass does not go through it: downstream of it gradients hold, at it and before they do not.
 * With no_attention (no_mlps) nothing inside attention (the MLPs) is computed and no hook inside exists: `act` fills
 * hook_attn_out (hook_mlp_out), where it must be marked in every layer. */
typedef struct hs_live {
    void (*act)(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data);
    void *context;
    const uint8_t *at; /* [HS_N_HOOKS * max(n_layers, 1)], by hs_hook_at */
    double row_flops;  /* that act takes for a row at one hook at most, where that is much */
    bool no_attention, no_mlps;
} hs_live;

struct hs_run {
    const hs_model *model;
    const hs_edits *edits;
    const hs_live *live; /* NULL: none */
    int n_tokens;
    bool keep; /* for the backward pass */
    hs_rows rows;     /* of the pass that hs_run_step does; all, unless hs_run_pass said otherwise */
    int logits_from;  /* rows before it are not unembedded */
    int stage, chunk; /* where it stands: 0 embed, 1.. blocks, n_layers + 1 unembed; which turn of it */
    hs_turns *turns;  /* of the walk in progress; NULL: all at once */
    int32_t *ids;
    hs_real **tensor;   /* [HS_N_HOOKS * layers], by hs_hook_at; NULL where nothing is computed */
    uint8_t *captured;  /* the same index */
    uint8_t *own;       /* the same index: the place is this hook's alone */
    int n_captured;
    hs_tensor *captures; /* [n_captured] */
    char (*names)[64];
    uint8_t *inside; /* marks of clamps (edit.h), in runs kept for the backward pass */
    hs_real *stream; /* [T, d_model]: what enters the first block */
    /* scratch of one layer */
    hs_real *qk_input;      /* [T, d_model]: shortformer's LN'd input plus positions */
    hs_real *head_input;    /* [T, d_model]: one head's input where the heads' inputs differ */
    hs_real *head_scale;    /* [T] */
    hs_real *packed;        /* one head's keys or values */
    hs_real *result;        /* [T, d_model]: one head's result before its edit */
    void *base;
    size_t bytes;
};

static inline hs_real *hs_run_at(const hs_run *run, int hook, int layer)
{
    return run->tensor[hs_hook_at(hook, layer)];
}

static inline bool hs_run_is_own(const hs_run *run, int hook, int layer)
{
    return run->own[hs_hook_at(hook, layer)];
}

/* Whether anything acts there. */
static inline bool hs_run_acts(const hs_run *run, int hook, int layer)
{
    return hs_edits_any(run->edits, hook, layer) || (run->live && run->live->at[hs_hook_at(hook, layer)]);
}

/* The one line of every hook point: what acts there acts on these rows. Captures need nothing. */
static inline void hs_hook_head(const hs_run *run, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    if (!hs_run_acts(run, hook, layer))
        return;
    if (hs_edits_any(run->edits, hook, layer))
        hs_edits_apply(run->edits, hook, layer, head, rows, data, run->inside);
    if (run->live && run->live->at[hs_hook_at(hook, layer)])
        run->live->act(run->live->context, hook, layer, head, rows, data);
}

static inline void hs_hook(const hs_run *run, int hook, int layer, hs_rows rows, hs_real *data)
{
    hs_hook_head(run, hook, layer, HS_ALL_HEADS, rows, data);
}

static inline hs_rows hs_run_all_rows(const hs_run *run)
{
    return (hs_rows){0, run->n_tokens};
}

static inline hs_hook_info hs_run_shape(const hs_run *run, int hook, int layer)
{
    hs_hook_info info;
    hs_hook_info_at(&run->model->cfg, hook, layer, run->n_tokens, &info);
    return info;
}

/* Whether the heads of a layer read different inputs, for the q, k or v path (hook = Q_INPUT, ...). */
static inline bool hs_run_splits(const hs_run *run, int hook, int layer)
{
    return hs_run_acts(run, HS_HOOK_ATTN_IN, layer) || hs_run_acts(run, hook, layer);
}

/* What the scores of a layer are divided by. */
double hs_attn_scale(const hs_config *cfg, int layer);

/* Whether the LayerNorm with this scale exists; solu_ln's does in every model. */
static inline bool hs_normalises(const hs_run *run, int hook_scale)
{
    return hook_scale == HS_HOOK_MLP_LN_SCALE || run->model->cfg.normalization_type != HS_NORM_NONE;
}

/* hs_run_new in two: a run that is checked and laid out (run->bytes), and the memory for it, with its ids. */
hs_status hs_run_plan(const hs_model *model, const hs_run_spec *spec, hs_detail *detail, hs_run **out);
hs_status hs_run_take(hs_run *run, const int32_t *ids, hs_detail *detail);
/* Have hs_run_step and hs_run_forward compute only these rows, from run->ids. What earlier rows gave at hook_k
 * and hook_v must still stand, in places of their own (captured). Rows before logits_from get no logits. */
void hs_run_pass(hs_run *run, hs_rows rows, int logits_from);
/* Have hs_run_step begin at block `layer` (n_layers: at the unembedding) with the pass's rows of `stream` [T, d_model]
 * before it. */
void hs_run_enter(hs_run *run, int layer, const hs_real *stream);
/* The stream before a block (n_layers: the final one) in a run that captured hook_resid_post. */
const hs_real *hs_run_stream(const hs_run *run, int layer);

/* ---- forward.c and attend.c; `rows` are those that are computed, pointers are to row 0 ---- */

/* Rows of the attention of one head, from hook_q and hook_k with the edits in force: its scores and its pattern,
 * both [T, T], in one place or in two. */
void hs_attention_head(const hs_run *run, int layer, int head, hs_rows rows, hs_real *scores, hs_real *pattern);
/* From q, k and v to hook_z, through hook_attn_scores and hook_pattern: of one head, of all. */
void hs_attend_head(const hs_run *run, int layer, int head, hs_rows rows);
void hs_attend(const hs_run *run, int layer, hs_rows rows, hs_rows heads);
/* Operations on a row of hook_pre on the way to hook_post or back, with solu_ln's LayerNorm. */
static inline int hs_act_flops(const hs_config *cfg, int norm)
{
    return (cfg->act_fn == HS_ACT_SOLU_LN ? HS_ACT_FLOPS + norm : HS_ACT_FLOPS) * cfg->d_mlp;
}
/* How many rows of blocks to take together in turns. */
int hs_run_group(const hs_run *run);
/* A block before and after its attention: from hook_resid_pre to hook_q (of the rows `queries` alone, which are among
 * the others), hook_k and hook_v; and from hook_z to hook_resid_post. Row by row, so that the rows may be any. */
void hs_block_reads(const hs_run *run, int layer, hs_rows rows, hs_rows queries);
void hs_block_writes(const hs_run *run, int layer, hs_rows rows);
/* These rows of stream [T, d_model] as the unembedding reads them. */
const hs_real *hs_final_norm(const hs_run *run, hs_rows rows, const hs_real *stream);
/* hook_result, where somebody reads or edits it; attn_out gets what the edits changed. */
void hs_head_results(const hs_run *run, int layer, hs_rows rows, hs_real *attn_out);

/* LayerNorm of these rows of x (x_stride apart) with its two hooks: scale [T] and out [T, d]. Without
 * normalisation a copy, and the hooks do not exist. w and b may be NULL. */
void hs_layernorm(const hs_run *run, hs_rows rows, int hook_scale, int hook_normalized, int layer, const hs_real *x,
                  int64_t x_stride, const hs_real *w, const hs_real *b, int d, hs_real *scale, hs_real *out);

/* Shortformer: positions join the inputs of queries and keys, never the stream. x [T, d_model] plus
 * hook_pos_embed, in run->qk_input; x itself under other positions. */
const hs_real *hs_with_positions(const hs_run *run, hs_rows rows, const hs_real *x);

#endif
