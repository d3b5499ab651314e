/* slopes.c: see slopes.h. */
#include "slopes.h"

#include "kernels.h"
#include "model.h"

#include <string.h>

/* ---- the plan ---- */

hs_status hs_slopes_read(hs_reading *r, const hs_read_spec *spec, hs_slopes *s)
{
    s->r = r;
    s->steps = 1;
    HS_TRY(hs_pairs_read(r, spec, true, &s->pairs));
    HS_TRY(hs_spec_int(spec, "steps", 1, 1000, &s->steps));
    if (s->steps == 1 && s->pairs.noise && s->pairs.list[0].metric.kind == HS_METRIC_KL) /* every pair's */
        return HS_SPEC_FAIL(spec, "steps", "%s", "kl has no slope in the clean run, where noise begins; take 2 or more, or denoise");
    s->n_tokens = s->pairs.list[0].metric.position + 1; /* every pair's */
    double run = r->model->cfg.n_layers + 2, backward = 2 * r->model->cfg.n_layers + 2;
    s->total = s->pairs.n * (2 * run + s->steps * ((s->steps > 1 ? run : 0) + backward));
    hs_read_convention(r, "direction", s->pairs.noise ? "noise: corrupted activations go into the clean run, where the gradient is taken"
                                                      : "denoise: clean activations go into the corrupted run, where the gradient is taken");
    hs_read_convention(r, "steps", s->steps > 1 ? "integrated gradients: the mean of gradients on the way from the other prompt's embeddings to this run's, "
                                                  "this run's the last"
                                                : "one gradient, at the run that is patched");
    return HS_OK;
}

/* The embeddings of `at`: between the two runs'. Exactly base's at the last step. */
static void between(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    const hs_slopes *s = context;
    int64_t d = s->r->model->cfg.d_model;
    const hs_real *base = hs_run_at(s->base, hook, layer), *source = hs_run_at(s->source, hook, layer);
    (void)head;
    for (int64_t i = rows.from * d; i < rows.to * d; i++)
        data[i] = (hs_real)(((double)(s->steps - s->step) * (double)source[i] + (double)s->step * (double)base[i]) / s->steps);
}

/* Of the runs; `at` is base with one step. */
static void make_specs(const hs_slopes *s, hs_run_spec *base, hs_run_spec *source, hs_run_spec *at)
{
    *source = (hs_run_spec){.ids = hs_pair_base(&s->pairs, 0), .n_tokens = s->n_tokens, .capture = s->capture, .n_capture = s->n_capture};
    *base = *source;
    base->keep_for_backward = s->steps == 1;
    *at = (hs_run_spec){.ids = source->ids, .n_tokens = s->n_tokens, .keep_for_backward = true, .live = &s->live};
}

hs_status hs_slopes_promise(hs_slopes *s, const hs_read_spec *spec)
{
    hs_run_spec base, source, at;
    hs_grad_spec grad = {.hooks = s->hooks, .n_hooks = s->n_hooks};
    uint64_t bytes;
    HS_ASSERT(s->n_capture < HS_SLOPES_GLOBS && s->n_hooks < HS_SLOPES_GLOBS);
    s->capture[s->n_capture++] = "hook_embed";
    HS_READ_TAKE(s->r, spec, s->clean_row, s->r->model->cfg.d_vocab_out);
    HS_READ_TAKE(s->r, spec, s->live_at, (uint64_t)HS_N_HOOKS * (uint64_t)(s->r->model->cfg.n_layers + 1));
    s->live_at[hs_hook_at(HS_HOOK_EMBED, 0)] = 1;
    s->live = (hs_live){.act = between, .context = s, .at = s->live_at};
    make_specs(s, &base, &source, &at);
    HS_TRY(hs_read_promise_run(s->r, &base, spec->detail));
    HS_TRY(hs_read_promise_run(s->r, &source, spec->detail));
    if (s->steps > 1)
        HS_TRY(hs_read_promise_run(s->r, &at, spec->detail));
    HS_TRY(hs_grad_size(s->r->model, s->n_tokens, &grad, spec->detail, &bytes));
    hs_read_promise(s->r, bytes);
    return HS_OK;
}

hs_status hs_slopes_begin(hs_slopes *s, hs_detail *detail)
{
    hs_run_spec base, source, at;
    hs_grad_spec grad = {.hooks = s->hooks, .n_hooks = s->n_hooks};
    make_specs(s, &base, &source, &at);
    HS_TRY(hs_run_new(s->r->model, &base, detail, &s->base));
    HS_TRY(hs_run_new(s->r->model, &source, detail, &s->source));
    s->at = s->base;
    if (s->steps > 1)
        HS_TRY(hs_run_new(s->r->model, &at, detail, &s->at));
    return hs_grad_new(s->r->model, s->at, &grad, detail, &s->grad);
}

void hs_slopes_free(hs_slopes *s)
{
    hs_grad_free(s->grad);
    if (s->at != s->base)
        hs_run_free(s->at);
    hs_run_free(s->base);
    hs_run_free(s->source);
}

/* ---- the work ---- */

static void set_ids(hs_run *run, const int32_t *ids)
{
    HS_ASSERT(hs_run_set_ids(run, ids, NULL) == HS_OK); /* checked when they were read */
}

static const hs_real *last_row(const hs_slopes *s, const hs_run *run)
{
    return hs_run_logits(run) + (int64_t)(s->n_tokens - 1) * s->r->model->cfg.d_vocab_out;
}

/* Both runs of the pair are there. */
static void measure(hs_slopes *s)
{
    const hs_metric *metric = &s->pairs.list[s->pair].metric;
    int V = s->r->model->cfg.d_vocab_out;
    const hs_real *base = last_row(s, s->base), *source = last_row(s, s->source), *clean = s->pairs.noise ? base : source;
    memcpy(s->clean_row, clean, (size_t)V * sizeof *clean);
    s->clean += hs_metric_value(metric, clean, s->clean_row, V);
    s->corrupted += hs_metric_value(metric, s->pairs.noise ? source : base, s->clean_row, V);
    if (s->pair + 1 == s->pairs.n) {
        hs_read_value(s->r, "clean", s->clean / s->pairs.n);
        hs_read_value(s->r, "corrupted", s->corrupted / s->pairs.n);
    }
}

/* The metric is of the last row; those before it are zero since they were taken. */
static void begin_backward(hs_slopes *s)
{
    int64_t V = s->r->model->cfg.d_vocab_out;
    hs_metric_gradient(&s->pairs.list[s->pair].metric, last_row(s, s->at), s->clean_row, (int)V, s->grad->d_logits + (s->n_tokens - 1) * V);
    hs_backward_enter(s->grad, (hs_rows){s->n_tokens - 1, s->n_tokens});
}

/* What comes when the run in progress has ended. */
static hs_slopes_state go_on(hs_slopes *s)
{
    switch (s->phase) {
    case HS_SLOPES_PAIR:
        if (s->pair == s->pairs.n)
            return HS_SLOPES_DONE;
        s->step = 0;
        set_ids(s->base, hs_pair_base(&s->pairs, s->pair));
        set_ids(s->source, hs_pair_source(&s->pairs, s->pair));
        set_ids(s->at, hs_pair_base(&s->pairs, s->pair));
        s->running = s->base;
        s->phase = HS_SLOPES_BASE;
        break;
    case HS_SLOPES_BASE:
        s->running = s->source;
        s->phase = HS_SLOPES_SOURCE;
        break;
    case HS_SLOPES_SOURCE:
        measure(s);
        s->phase = HS_SLOPES_NEXT;
        break;
    case HS_SLOPES_NEXT:
        if (s->step == s->steps) {
            s->pair++;
            s->phase = HS_SLOPES_PAIR;
            break;
        }
        s->step++;
        s->running = s->at == s->base ? NULL : s->at;
        s->phase = HS_SLOPES_AT;
        break;
    case HS_SLOPES_AT:
        begin_backward(s);
        s->phase = HS_SLOPES_BACKWARD;
        break;
    case HS_SLOPES_BACKWARD: {
        bool more = hs_backward_step(s->at, s->grad);
        s->done += s->grad->turn == 0;
        if (more)
            break;
        s->phase = HS_SLOPES_NEXT;
        return HS_SLOPES_READY;
    }
    }
    return HS_SLOPES_BUSY;
}

hs_slopes_state hs_slopes_step(hs_slopes *s)
{
    if (s->running) {
        bool more = hs_run_step(s->running);
        s->done += s->running->chunk == 0;
        if (more)
            return HS_SLOPES_BUSY;
        s->running = NULL;
    }
    return go_on(s);
}

int64_t hs_slopes_count(const hs_slopes *s)
{
    return (int64_t)s->pair * s->steps + s->step;
}

int64_t hs_slopes_total(const hs_slopes *s)
{
    return (int64_t)s->pairs.n * s->steps;
}
