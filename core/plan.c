/* plan.c: lay out a run before it starts. The same walk counts the bytes (base NULL) and places them,
 * so what hs_run_size says is what hs_run_new takes. */
#include "error.h"
#include "kernels.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

/* Everything in an arena begins at a multiple of this. */
enum { ALIGN = 16 };

typedef struct arena {
    char *base;
    uint64_t used;
} arena;

static void *take(arena *a, uint64_t count, size_t size)
{
    void *p = a->base ? a->base + a->used : NULL;
    a->used += (count * size + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

static hs_real *take_reals(arena *a, int64_t count)
{
    return take(a, (uint64_t)count, sizeof(hs_real));
}

static int n_places(const hs_config *cfg)
{
    return HS_N_HOOKS * (cfg->n_layers > 0 ? cfg->n_layers : 1);
}

/* Hooks that are computed only when somebody asks. */
static bool on_demand(int hook)
{
    return hook == HS_HOOK_RESULT || hook == HS_HOOK_ATTN_IN || hook == HS_HOOK_Q_INPUT ||
           hook == HS_HOOK_K_INPUT || hook == HS_HOOK_V_INPUT || hook == HS_HOOK_MLP_IN;
}

/* What the backward pass reads (backward.c): inputs of every product and of every LayerNorm. */
static bool backward_reads(const hs_run *run, int hook, int layer)
{
    switch (hook) {
    case HS_HOOK_RESID_PRE:
    case HS_HOOK_LN1_SCALE:
    case HS_HOOK_LN1_NORMALIZED:
    case HS_HOOK_Q:
    case HS_HOOK_K:
    case HS_HOOK_V:
    case HS_HOOK_PATTERN:
    case HS_HOOK_Z:
    case HS_HOOK_RESID_MID:
    case HS_HOOK_LN2_SCALE:
    case HS_HOOK_LN2_NORMALIZED:
    case HS_HOOK_MLP_PRE:
    case HS_HOOK_MLP_MID:
    case HS_HOOK_MLP_LN_SCALE:
    case HS_HOOK_MLP_LN_NORMALIZED:
    case HS_HOOK_MLP_POST:
    case HS_HOOK_RESID_POST:
    case HS_HOOK_POS_EMBED:
    case HS_HOOK_LN_FINAL_SCALE:
    case HS_HOOK_LN_FINAL_NORMALIZED: return true;
    case HS_HOOK_ATTN_SCORES: return hs_edits_any(run->edits, HS_HOOK_PATTERN, layer);
    case HS_HOOK_Q_INPUT:
    case HS_HOOK_K_INPUT:
    case HS_HOOK_V_INPUT: return hs_run_splits(run, hook, layer);
    case HS_HOOK_MLP_IN: return hs_run_acts(run, hook, layer);
    default: return false;
    }
}

/* Which scratch place a hook shares when it has none of its own. Hooks of one group are never alive at
 * the same time with different values, or are worked on in place. */
static int shared_group(int hook)
{
    switch (hook) {
    case HS_HOOK_RESID_PRE:
    case HS_HOOK_RESID_MID:
    case HS_HOOK_RESID_POST: return HS_HOOK_RESID_POST;
    case HS_HOOK_LN1_SCALE:
    case HS_HOOK_LN2_SCALE:
    case HS_HOOK_MLP_LN_SCALE:
    case HS_HOOK_LN_FINAL_SCALE: return HS_HOOK_LN1_SCALE;
    case HS_HOOK_LN1_NORMALIZED:
    case HS_HOOK_LN2_NORMALIZED:
    case HS_HOOK_LN_FINAL_NORMALIZED: return HS_HOOK_LN1_NORMALIZED;
    case HS_HOOK_ATTN_OUT:
    case HS_HOOK_MLP_OUT:
    case HS_HOOK_EMBED: return HS_HOOK_ATTN_OUT;
    case HS_HOOK_MLP_MID:
    case HS_HOOK_MLP_LN_NORMALIZED:
    case HS_HOOK_MLP_POST: return HS_HOOK_MLP_POST;
    default: return hook;
    }
}

/* What is inside attention, or inside the MLPs, in a run that does not compute them (hs_live). */
static bool is_skipped(const hs_run *run, int hook)
{
    return (run->live && run->live->no_attention && hook >= HS_HOOK_ATTN_IN && hook <= HS_HOOK_RESULT) ||
           (run->live && run->live->no_mlps && hook >= HS_HOOK_LN2_SCALE && hook <= HS_HOOK_MLP_POST);
}

/* Place every tensor and scratch buffer. With a.base NULL the pointers stay NULL and a.used counts. */
static void lay_out(hs_run *run, arena *a)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t T = run->n_tokens, d = cfg->d_model;
    run->ids = take(a, (uint64_t)T, sizeof *run->ids);
    hs_real *shared[HS_N_HOOKS] = {NULL};
    bool has_shared[HS_N_HOOKS] = {false};
    bool needs_head_input = false;
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(cfg, &walk);) {
        int at = hs_hook_at(walk.hook, walk.layer), group = shared_group(walk.hook);
        hs_hook_info info = hs_run_shape(run, walk.hook, walk.layer);
        if (is_skipped(run, walk.hook))
            continue;
        bool edited = hs_run_acts(run, walk.hook, walk.layer);
        if (walk.hook == HS_HOOK_LOGITS && !run->captured[at])
            continue;
        bool own = run->captured[at] ||
                   (run->keep && backward_reads(run, walk.hook, walk.layer));
        bool split = walk.hook >= HS_HOOK_ATTN_IN && walk.hook <= HS_HOOK_V_INPUT &&
                     (edited || hs_run_splits(run, walk.hook, walk.layer));
        needs_head_input |= split;
        if (on_demand(walk.hook) && !own && !edited && !split)
            continue;
        run->own[at] = own;
        if (own) {
            run->tensor[at] = take_reals(a, info.count);
            continue;
        }
        if (walk.hook == HS_HOOK_ATTN_SCORES)
            continue; /* they are turned into the pattern in its place */
        int64_t count = walk.hook == HS_HOOK_PATTERN ? T * T : info.count; /* one head's, again for each */
        if (!has_shared[group]) {
            has_shared[group] = true;
            shared[group] = take_reals(a, count);
        }
        run->tensor[at] = shared[group];
    }
    int64_t widest = T > d ? T : d; /* a head's keys: [d_head, T]; its values: [T, d_head] */
    run->packed = take_reals(a, hs_packed_count(cfg->d_head, widest) + hs_packed_count(widest, cfg->d_head));
    run->qk_input = cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER ? take_reals(a, T * d) : NULL;
    run->head_input = needs_head_input ? take_reals(a, T * d) : NULL;
    run->head_scale = needs_head_input ? take_reals(a, T) : NULL;
    run->result = take_reals(a, T * d);
    run->stream = take_reals(a, T * d);
    run->inside = run->keep && run->edits ? take(a, (uint64_t)run->edits->n_inside + 1, 1) : NULL;
    run->captures = take(a, (uint64_t)run->n_captured, sizeof *run->captures);
    run->names = take(a, (uint64_t)run->n_captured, sizeof *run->names);
}

static hs_status check_ids(const hs_model *model, const int32_t *ids, int n, hs_detail *detail)
{
    for (int i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= model->cfg.d_vocab)
            return hs_fail(detail, HS_ETOKENS, "ids[%d]: %d is not a token of this model (0..%d)", i, (int)ids[i],
                           model->cfg.d_vocab - 1);
    return HS_OK;
}

/* Mark what the globs name. LOGITS is captured in every run that has them. */
static hs_status mark_captures(hs_run *run, const hs_run_spec *spec, hs_detail *detail)
{
    const hs_config *cfg = &run->model->cfg;
    for (int g = 0; g < spec->n_capture; g++) {
        int n = 0;
        for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(cfg, &walk);) {
            hs_hook_info info = hs_run_shape(run, walk.hook, walk.layer);
            if (!hs_glob_match(spec->capture[g], info.name))
                continue;
            run->captured[hs_hook_at(walk.hook, walk.layer)] = 1;
            n++;
        }
        if (!n)
            return hs_fail(detail, HS_EHOOK, "capture \"%s\" matches no hook of this model",
                           spec->capture[g]);
    }
    run->captured[hs_hook_at(HS_HOOK_LOGITS, 0)] = !spec->no_logits;
    for (int i = 0; i < n_places(cfg); i++)
        run->n_captured += run->captured[i];
    return HS_OK;
}

static hs_status check_tokens(const hs_model *model, const hs_run_spec *spec, hs_detail *detail)
{
    if (spec->n_tokens < 1)
        return hs_fail(detail, HS_ETOKENS, "ids: there are none; a run needs at least one token");
    if (spec->n_tokens > model->cfg.n_ctx)
        return hs_fail(detail, HS_ETOKENS, "ids: %d tokens are more than the model's context of %d",
                       spec->n_tokens, model->cfg.n_ctx);
    HS_TRY(check_ids(model, spec->ids, spec->n_tokens, detail));
    if (spec->edits && spec->edits->n_tokens != spec->n_tokens)
        return hs_fail(detail, HS_ESTATE, "the edits were compiled for %d tokens and the run has %d",
                       spec->edits->n_tokens, spec->n_tokens);
    return HS_OK;
}

hs_status hs_run_plan(const hs_model *model, const hs_run_spec *spec, hs_detail *detail, hs_run **out)
{
    if (spec->ids || !spec->no_logits) /* else rows of any runs (hs.h) */
        HS_TRY(check_tokens(model, spec, detail));
    size_t places = (size_t)n_places(&model->cfg);
    hs_run *run = calloc(1, sizeof *run);
    if (run) {
        run->tensor = calloc(places, sizeof *run->tensor);
        run->captured = calloc(places, 1);
        run->own = calloc(places, 1);
    }
    if (!run || !run->tensor || !run->captured || !run->own) {
        hs_run_free(run);
        return hs_fail(detail, HS_EMEMORY, "no memory to plan the run");
    }
    run->model = model;
    run->edits = spec->edits;
    run->live = spec->live;
    run->n_tokens = spec->n_tokens;
    run->keep = spec->keep_for_backward;
    hs_status status = mark_captures(run, spec, detail);
    if (status != HS_OK) {
        hs_run_free(run);
        return status;
    }
    arena a = {NULL, 0};
    lay_out(run, &a);
    run->bytes = (size_t)a.used;
    if (a.used > SIZE_MAX - ALIGN) {
        hs_run_free(run);
        return hs_fail(detail, HS_EMEMORY, "the run needs %lld bytes, more than can be addressed",
                       (long long)a.used);
    }
    *out = run;
    return HS_OK;
}

hs_status hs_run_size(const hs_model *model, const hs_run_spec *spec, hs_detail *detail, size_t *out)
{
    hs_run *run;
    HS_TRY(hs_run_plan(model, spec, detail, &run));
    *out = run->bytes;
    hs_run_free(run);
    return HS_OK;
}

hs_status hs_run_take(hs_run *run, const int32_t *ids, hs_detail *detail)
{
    run->base = calloc(run->bytes, 1);
    if (!run->base)
        return hs_fail(detail, HS_EMEMORY, "the run needs %lld bytes, which are not to be had; capture less",
                       (long long)run->bytes);
    arena a = {run->base, 0};
    lay_out(run, &a);
    if (ids)
        memcpy(run->ids, ids, (size_t)run->n_tokens * sizeof *run->ids);
    hs_run_pass(run, hs_run_all_rows(run), 0);
    int i = 0;
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(&run->model->cfg, &walk);) {
        int at = hs_hook_at(walk.hook, walk.layer);
        if (!run->captured[at])
            continue;
        hs_hook_info info = hs_run_shape(run, walk.hook, walk.layer);
        memcpy(run->names[i], info.name, sizeof run->names[i]);
        run->captures[i] = (hs_tensor){run->names[i], run->tensor[at], info.n_axes, {0}, info.count};
        memcpy(run->captures[i].shape, info.shape, sizeof info.shape);
        i++;
    }
    return HS_OK;
}

hs_status hs_run_new(const hs_model *model, const hs_run_spec *spec, hs_detail *detail, hs_run **out)
{
    hs_run *run;
    HS_TRY(hs_run_plan(model, spec, detail, &run));
    hs_status status = hs_run_take(run, spec->ids, detail);
    if (status == HS_OK)
        *out = run;
    else
        hs_run_free(run);
    return status;
}

void hs_run_free(hs_run *run)
{
    if (!run)
        return;
    free(run->tensor);
    free(run->captured);
    free(run->own);
    free(run->base);
    free(run);
}

hs_status hs_run_set_ids(hs_run *run, const int32_t *ids, hs_detail *detail)
{
    HS_TRY(check_ids(run->model, ids, run->n_tokens, detail));
    memcpy(run->ids, ids, (size_t)run->n_tokens * sizeof *run->ids);
    hs_run_pass(run, hs_run_all_rows(run), 0);
    return HS_OK;
}
