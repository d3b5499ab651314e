/* batch.c: see batch.h. */
#include "batch.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

struct hs_batch {
    hs_batch_spec spec;
    hs_live live;
    uint8_t *at;
    hs_run *base, *run;
    hs_rows read;
    hs_patch patch;
    bool has_patch, is_base;
    hs_real *square;
    double done;
};

static void act(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    hs_batch *b = context;
    const hs_patch *p = &b->patch;
    if (!b->has_patch || hook != p->hook || layer != p->layer || (head >= 0 && head != p->head))
        return;
    int64_t T = b->spec.n_tokens, width = hs_run_shape(b->run, hook, layer).count / T;
    const hs_real *value = p->value;
    int64_t stride = p->stride;
    if (hook == HS_HOOK_PATTERN) {
        width = T;
        if (!value) {
            hs_attention_head(b->spec.source, layer, p->head, (hs_rows){0, (int)T}, b->square, b->square);
            value = b->square + p->column;
            stride = T;
        }
    }
    for (int t = p->from > rows.from ? p->from : rows.from; t < p->to && t < rows.to; t++)
        for (int i = 0; i < p->n_columns; i++)
            if (hook != HS_HOOK_PATTERN || p->column + i <= t)
                data[t * width + p->column + i] = value[t * stride + i];
}

hs_status hs_batch_size(const hs_batch_spec *spec, hs_detail *detail, uint64_t *out)
{
    (void)spec;
    (void)detail;
    *out = 0;
    return HS_OK;
}

hs_status hs_batch_new(const hs_batch_spec *spec, hs_detail *detail, hs_batch **out)
{
    static const char *const ALL[] = {"*"};
    hs_batch *b = calloc(1, sizeof *b);
    b->spec = *spec;
    b->at = calloc((size_t)(HS_N_HOOKS * spec->model->cfg.n_layers + 1), 1);
    for (int i = 0; spec->hooks[i] >= 0; i++)
        for (int l = 0; l < spec->model->cfg.n_layers; l++)
            b->at[hs_hook_at(spec->hooks[i], l)] = 1;
    b->square = calloc((size_t)spec->n_tokens * (size_t)spec->n_tokens, sizeof *b->square);
    b->live = (hs_live){.act = act, .context = b, .at = b->at};
    int32_t *ids = calloc((size_t)spec->n_tokens, sizeof *ids);
    hs_run_spec run = {.ids = ids, .n_tokens = spec->n_tokens, .live = &b->live};
    HS_TRY(hs_run_new(spec->model, &run, detail, &b->run));
    run.live = NULL;
    run.capture = ALL;
    run.n_capture = 1;
    HS_TRY(hs_run_new(spec->model, &run, detail, &b->base));
    free(ids);
    *out = b;
    return HS_OK;
}

void hs_batch_free(hs_batch *b)
{
    if (!b)
        return;
    hs_run_free(b->run);
    hs_run_free(b->base);
    free(b->square);
    free(b->at);
    free(b);
}

void hs_batch_read(hs_batch *b, hs_rows rows, int correct, int wrong)
{
    (void)correct;
    (void)wrong;
    b->read = rows;
}

hs_status hs_batch_base(hs_batch *b, const int32_t *ids, hs_detail *detail)
{
    b->is_base = true;
    HS_TRY(hs_run_set_ids(b->run, ids, detail));
    return hs_run_set_ids(b->base, ids, detail);
}

const hs_run *hs_batch_base_run(const hs_batch *b)
{
    return b->base;
}

bool hs_batch_reaches(const hs_batch *b, const hs_patch *patch)
{
    return patch->from < b->read.to;
}

bool hs_batch_add(hs_batch *b, const hs_patch *patch)
{
    if (b->has_patch)
        return false;
    b->has_patch = true;
    b->patch = *patch;
    return true;
}

bool hs_batch_step(hs_batch *b)
{
    hs_run *run = b->is_base ? b->base : b->run;
    if (hs_run_step(run))
        return true;
    for (int t = b->read.from; t < b->read.to; t++)
        b->spec.seen(b->spec.context, b->is_base ? -1 : 0, t, hs_run_logits(run) + (int64_t)t * b->spec.model->cfg.d_vocab_out);
    if (!b->is_base)
        b->done += hs_batch_whole(b);
    b->is_base = b->has_patch = false;
    return false;
}

double hs_batch_done(const hs_batch *b)
{
    return b->done;
}

double hs_batch_cost(const hs_batch *b, const hs_patch *patch)
{
    (void)patch;
    return hs_batch_whole(b);
}

double hs_batch_whole(const hs_batch *b)
{
    const hs_config *cfg = &b->spec.model->cfg;
    double d = cfg->d_model, n_z = (double)cfg->n_heads * cfg->d_head, T = b->spec.n_tokens;
    return cfg->n_layers * (T * (8 * d * n_z + (cfg->attn_only ? 0 : 4 * d * cfg->d_mlp)) + 4 * n_z * T * (T + 1) / 2);
}
