/* grad.c: plan a backward pass: what it fills and where it works. */
#include "grad.h"

#include "error.h"
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Place the gradients and the working space from g->base; with base NULL only count. */
static int64_t lay_out(hs_grad *g, const uint8_t *wanted)
{
    const hs_config *cfg = &g->model->cfg;
    int64_t T = g->n_tokens, d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head, m = cfg->d_mlp, V = cfg->d_vocab_out;
    int64_t used = 0, widest = max_of(max_of(d, H * e), max_of(m, T));
#define PLACE(pointer, count)                                \
    do {                                                     \
        (pointer) = g->base ? g->base + used : NULL;         \
        used += ((int64_t)(count) + 3) / 4 * 4;              \
    } while (0)
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(cfg, &walk);) {
        hs_hook_info info;
        hs_hook_info_at(cfg, walk.hook, walk.layer, g->n_tokens, &info);
        if (wanted[hs_hook_at(walk.hook, walk.layer)])
            PLACE(g->hook[hs_hook_at(walk.hook, walk.layer)], info.count);
    }
    g->n_hook_reals = used;
    PLACE(g->d_resid, T * d);
    PLACE(g->d_branch, T * d);
    PLACE(g->d_norm, T * d);
    PLACE(g->d_x, T * max_of(d, m));
    PLACE(g->d_pos, T * d);
    PLACE(g->d_q, T * H * e);
    PLACE(g->d_k, T * H * e);
    PLACE(g->d_v, T * H * e);
    PLACE(g->d_z, T * H * e);
    PLACE(g->d_pattern, H * T * T);
    PLACE(g->d_mlp, T * m);
    PLACE(g->d_scale, T);
    PLACE(g->head_norm, T * d);
    PLACE(g->head_scale, T);
    PLACE(g->d_logits, T * V);
    PLACE(g->transposed, T * widest);
    PLACE(g->packed, hs_packed_count(max_of(T, e), max_of(widest, V)));
    PLACE(g->d_heads, T * H * d);
    PLACE(g->d_attn_in, T * H * d);
#undef PLACE
    return used;
}

static size_t n_places(const hs_config *cfg)
{
    return (size_t)(HS_N_HOOKS * (cfg->n_layers > 0 ? cfg->n_layers : 1));
}

/* Which hooks the globs name, marked and counted. */
static hs_status mark_hooks(hs_grad *g, const hs_grad_spec *spec, hs_detail *detail, uint8_t *wanted)
{
    const hs_config *cfg = &g->model->cfg;
    for (int i = 0; i < spec->n_hooks; i++) {
        int n = 0;
        for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(cfg, &walk);) {
            hs_hook_info info;
            hs_hook_info_at(cfg, walk.hook, walk.layer, g->n_tokens, &info);
            if (!hs_glob_match(spec->hooks[i], info.name))
                continue;
            g->n_hooks += !wanted[hs_hook_at(walk.hook, walk.layer)];
            wanted[hs_hook_at(walk.hook, walk.layer)] = 1;
            n++;
        }
        if (!n)
            return hs_fail(detail, HS_EHOOK, "hooks[%d]: \"%s\" matches no hook of this model", i, spec->hooks[i]);
    }
    return HS_OK;
}

/* Everything but the memory of the gradients; *wanted is the caller's to free, also on failure. */
static hs_status plan(const hs_model *model, int n_tokens, const hs_grad_spec *spec, hs_detail *detail, hs_grad **out, uint8_t **wanted)
{
    hs_grad *g = calloc(1, sizeof *g);
    *wanted = calloc(n_places(&model->cfg), 1);
    if (g) {
        g->model = model;
        g->n_tokens = n_tokens;
        g->hook = calloc(n_places(&model->cfg), sizeof *g->hook);
    }
    hs_status status = !g || !*wanted || !g->hook ? hs_fail(detail, HS_EMEMORY, "no memory for the backward pass")
                                                  : mark_hooks(g, spec, detail, *wanted);
    if (status != HS_OK) {
        hs_grad_free(g);
        return status;
    }
    *out = g;
    return HS_OK;
}

static hs_status take(hs_grad *g, const hs_grad_spec *spec, const uint8_t *wanted, hs_detail *detail)
{
    const hs_config *cfg = &g->model->cfg;
    int64_t count = lay_out(g, wanted);
    g->base = (uint64_t)count < SIZE_MAX / sizeof(hs_real) ? calloc((size_t)count + 1, sizeof(hs_real)) : NULL;
    g->params = spec->weights ? calloc((size_t)g->model->n_real + 1, sizeof(hs_real)) : NULL;
    g->hooks = calloc((size_t)g->n_hooks + 1, sizeof *g->hooks);
    g->names = calloc((size_t)g->n_hooks + 1, sizeof *g->names);
    if (!g->base || (spec->weights && !g->params) || !g->hooks || !g->names)
        return hs_fail(detail, HS_EMEMORY, "no memory for the backward pass");
    lay_out(g, wanted);
    int i = 0;
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(cfg, &walk);) {
        int at = hs_hook_at(walk.hook, walk.layer);
        if (!wanted[at])
            continue;
        hs_hook_info info;
        hs_hook_info_at(cfg, walk.hook, walk.layer, g->n_tokens, &info);
        memcpy(g->names[i], info.name, sizeof g->names[i]);
        g->hooks[i] = (hs_tensor){g->names[i], g->hook[at], info.n_axes, {0}, info.count};
        memcpy(g->hooks[i].shape, info.shape, sizeof info.shape);
        i++;
    }
    return HS_OK;
}

hs_status hs_grad_new(hs_model *model, const hs_run *like, const hs_grad_spec *spec, hs_detail *detail,
                      hs_grad **out)
{
    hs_grad *g;
    uint8_t *wanted;
    if (!like->keep)
        return hs_fail(detail, HS_ESTATE, "the run was not made with keep_for_backward");
    HS_TRY(hs_model_pack(model, true, detail));
    hs_status status = plan(model, like->n_tokens, spec, detail, &g, &wanted);
    if (status == HS_OK && (status = take(g, spec, wanted, detail)) != HS_OK)
        hs_grad_free(g);
    free(wanted);
    if (status == HS_OK)
        *out = g;
    return status;
}

hs_status hs_grad_size(const hs_model *model, int n_tokens, const hs_grad_spec *spec, hs_detail *detail, uint64_t *out)
{
    hs_grad *g;
    uint8_t *wanted;
    uint64_t packed;
    HS_TRY(hs_model_pack_size(model, detail, &packed));
    hs_status status = plan(model, n_tokens, spec, detail, &g, &wanted);
    if (status == HS_OK) {
        *out = packed + ((uint64_t)lay_out(g, wanted) + (spec->weights ? (uint64_t)model->n_real : 0)) * sizeof(hs_real);
        hs_grad_free(g);
    }
    free(wanted);
    return status;
}

void hs_grad_free(hs_grad *g)
{
    if (!g)
        return;
    free(g->hook);
    free(g->hooks);
    free(g->names);
    free(g->params);
    free(g->base);
    free(g);
}

void hs_grad_zero(hs_grad *g)
{
    if (g->params)
        memset(g->params, 0, (size_t)g->model->n_real * sizeof(hs_real));
}

int hs_grad_n_hooks(const hs_grad *g)
{
    return g->n_hooks;
}

hs_tensor hs_grad_hook(const hs_grad *g, int i)
{
    return g->hooks[i];
}

hs_tensor hs_grad_param(const hs_grad *g, int i)
{
    hs_tensor t = g->model->params[i];
    t.data = g->params ? g->params + (t.data - g->model->base) : NULL;
    return t;
}
