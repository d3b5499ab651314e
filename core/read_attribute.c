/* read_attribute.c: "attribute": attribution patching (Nanda 2023): what each patch of a sweep (cells.h) would do to the
 * metric, to first order: its value in the base run plus (source's activation - base's) . d(metric)/d(activation); with
 * steps the mean of gradients (slopes.h). With "compare" the sweep itself is done too, and correlated. */
#include "cells.h"
#include "slopes.h"
#include "sort.h"

#include <math.h>
#include <string.h>

typedef struct ranked {
    double value;
    int64_t at;
} ranked;

typedef struct attribute {
    hs_slopes slopes;
    hs_cells cells;
    char names[HS_CELLS_WHAT][64];
    bool scoring;      /* a gradient is there, and these come next */
    int64_t cell;
    double scored, total, stage_flops;
    hs_reading *sweep; /* NULL: not compared */
    bool sweeping;
    int truth;           /* the array "sweep" */
    double *compared[2]; /* [cells] */
    ranked *order;       /* [cells] */
} attribute;

/* ---- the plan ---- */

static void free_own(hs_reading *r)
{
    attribute *a = r->own;
    hs_slopes_free(&a->slopes);
    hs_read_free(a->sweep);
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    attribute *a;
    bool compare = false;
    int hooks[HS_CELLS_WHAT + 1];
    HS_READ_TAKE(r, spec, a, 1);
    r->own = a;
    r->free_own = free_own;
    HS_TRY(hs_slopes_read(r, spec, &a->slopes));
    HS_TRY(hs_cells_read(r, spec, false, &a->cells));
    HS_TRY(hs_spec_bool(spec, "compare", &compare));
    hs_cells_hooks(&a->cells, hooks);
    for (int i = 0; hooks[i] >= 0; i++) {
        hs_hook_info info;
        hs_hook_info_at(cfg, hooks[i], 0, 1, &info);
        hs_format(a->names[i], sizeof a->names[i], "*%s", info.name + strlen("blocks.0"));
        a->slopes.capture[a->slopes.n_capture++] = a->slopes.hooks[a->slopes.n_hooks++] = a->names[i];
    }
    HS_TRY(hs_slopes_promise(&a->slopes, spec));
    a->stage_flops = 2.0 * a->slopes.n_tokens * cfg->d_model * (4.0 * cfg->n_heads * cfg->d_head + 2.0 * cfg->d_mlp);
    r->work.total = a->total = (a->slopes.total + (double)hs_slopes_total(&a->slopes)) * a->stage_flops;
    hs_read_convention(r, "values", "an estimate of the metric of each patched run: the base run's, plus the change of the activation times the metric's gradient; "
                                    "mean over the pairs");
    if (!compare)
        return HS_OK;
    HS_READ_TAKE(r, spec, a->compared[0], a->cells.n);
    HS_READ_TAKE(r, spec, a->compared[1], a->cells.n);
    HS_READ_TAKE(r, spec, a->order, a->cells.n);
    HS_TRY(hs_read_inside(r, spec, &hs_reader_sweep, &a->sweep));
    a->truth = hs_read_show(r, a->sweep, 0, "sweep");
    hs_read_convention(r, "sweep", "the metric of each patched run, as the sweep has it; pearson and spearman correlate the two over all cells");
    return HS_OK;
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    attribute *a = r->own;
    HS_TRY(hs_slopes_begin(&a->slopes, detail));
    if (!a->sweep)
        return HS_OK;
    HS_TRY(hs_read_begin(a->sweep, detail));
    r->work.total = a->total + hs_read_progress(a->sweep).total;
    return HS_OK;
}

/* ---- estimates ---- */

/* (source - base) . gradient over the cell. */
static double change_of(const attribute *a, const hs_patch *patch, int first, double *work)
{
    const hs_slopes *s = &a->slopes;
    int64_t T = s->n_tokens, at = hs_hook_at(patch->hook, patch->layer);
    const hs_real *base = s->base->tensor[at], *source = s->source->tensor[at], *slope = s->grad->hook[at];
    int from = patch->from > first ? patch->from : first, to = patch->to < T ? patch->to : (int)T, n = patch->n_columns;
    int64_t width = hs_run_shape(s->base, patch->hook, patch->layer).count / T;
    if (patch->hook == HS_HOOK_PATTERN) {
        width = T;
        base += patch->head * T * T;
        source += patch->head * T * T;
        slope += patch->head * T * T;
        n = patch->column + n > T ? (int)T - patch->column : n;
    }
    double sum = 0;
    for (int64_t t = from; t < to; t++)
        for (int64_t i = t * width + patch->column, end = i + n; i < end; i++)
            sum += ((double)source[i] - (double)base[i]) * (double)slope[i];
    *work += 100 + (to > from && n > 0 ? (double)(to - from) * n : 0);
    return sum;
}

/* Some cells of the gradient that is there; what a pair's last says is shown. */
static void score(hs_reading *r, attribute *a)
{
    const hs_slopes *s = &a->slopes;
    const hs_pair *pair = &s->pairs.list[s->pair];
    hs_real *values = hs_read_data(r, a->cells.out, 0);
    double base = s->pairs.noise ? s->clean : s->corrupted, work = 0;
    for (; a->cell < a->cells.n && work < HS_READ_UNIT / 4; a->cell++) {
        hs_patch patch = hs_cells_patch(&a->cells, a->cell);
        a->cells.sum[a->cell] += change_of(a, &patch, pair->first, &work) / s->steps;
        if (s->step == s->steps)
            values[a->cell] = (hs_real)((base + a->cells.sum[a->cell]) / (s->pair + 1));
    }
    if (a->cell < a->cells.n)
        return;
    a->scoring = false;
    a->scored++;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    attribute *a = r->own;
    (void)side, (void)i;
    if (a->sweeping) {
        bool more = hs_read_step(a->sweep);
        r->work.done = a->total + hs_read_progress(a->sweep).done;
        return more;
    }
    if (a->scoring)
        score(r, a);
    else {
        hs_slopes_state state = hs_slopes_step(&a->slopes);
        a->scoring = state == HS_SLOPES_READY;
        a->cell = 0;
        a->sweeping = state == HS_SLOPES_DONE;
    }
    r->work.done = (a->slopes.done + a->scored) * a->stage_flops;
    return !a->sweeping || a->sweep;
}

/* ---- correlation ---- */

/* Of the numbers that are finite in both. */
static double correlation(const double *x, const double *y, int64_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

static int by_value(const void *a, const void *b)
{
    double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return x < y ? -1 : x > y;
}

/* x becomes its ranks; equals share the mean of theirs. */
static void rank(double *x, ranked *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = (ranked){x[i], i};
    hs_sort(order, (size_t)n, sizeof *order, by_value);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && order[end].value == order[i].value; end++)
            ;
        for (int64_t j = i; j < end; j++)
            x[order[j].at] = (double)(i + end - 1) / 2;
    }
}

static void finish(hs_reading *r)
{
    attribute *a = r->own;
    if (!a->sweep)
        return;
    const hs_real *estimate = hs_read_data(r, a->cells.out, 0), *truth = hs_read_data(r, a->truth, 0);
    int64_t n = 0;
    for (int64_t i = 0; i < a->cells.n; i++)
        if (isfinite(estimate[i]) && isfinite(truth[i])) {
            a->compared[0][n] = (double)estimate[i];
            a->compared[1][n++] = (double)truth[i];
        }
    hs_read_value(r, "pearson", correlation(a->compared[0], a->compared[1], n));
    for (int i = 0; i < 2; i++)
        rank(a->compared[i], a->order, n);
    hs_read_value(r, "spearman", correlation(a->compared[0], a->compared[1], n));
}

static const char *const FIELDS[] = {HS_SLOPES_FIELDS, HS_CELLS_FIELDS, "compare", NULL};
const hs_reader hs_reader_attribute = {
    .name = "attribute", .fields = FIELDS, .without_run = true, .plan = plan, .begin = begin, .unit = unit, .finish = finish};
