/* read_ablate.c: "ablate": each head, neuron, position or layer taken away in turn, and what that does to a metric. */
#include "cells.h"
#include "pairs.h"

#include <math.h>
#include <string.h>

enum { ROWS = 256 }; /* of a batch */
typedef enum op { ZERO, MEAN, POSITION_MEAN, RESAMPLE } op;

typedef struct ablate {
    hs_cells cells;
    op op;
    int32_t **prompts, **over;
    int *lengths, *over_lengths, n_prompts, n_over, n_tokens, longest;
    hs_run *other; /* of the prompts in `over`, one after the other */
    int32_t *padded; /* [longest] */
    const char *capture[2 * HS_CELLS_WHAT];
    char globs[HS_CELLS_WHAT][64];
    int n_capture, n_hooks;
    int hooks[HS_CELLS_WHAT + 1];
    int64_t width[HS_CELLS_WHAT]; /* of a hook's row; of the pattern all heads' */
    double *sums[HS_CELLS_WHAT];  /* [n_layers, T or 1, width] over the prompts so far */
    hs_real *means[HS_CELLS_WHAT];
    hs_real *zeros, *square; /* [the widest], [T, T] */
    int64_t n_rows; /* that a mean of all positions is over */
    int prompt, at_over, at_head, at_row; /* at_head: of all layers, whose numbers are added next */
    bool prepared, running;
    double base; /* sum over prompts */
    double run_cost, before;
} ablate;

static void free_own(hs_reading *r)
{
    ablate *s = r->own;
    hs_cells_free(&s->cells);
    hs_run_free(s->other);
}

static bool has_means(const ablate *s)
{
    return s->op == MEAN || s->op == POSITION_MEAN;
}

/* ---- the plan ---- */

static hs_status read_metric(ablate *s, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const LOSS[] = {"kind", "from", NULL};
    hs_json_at at = hs_spec_at(spec, "metric"), kind = at >= 0 ? hs_json_get(spec->json, at, "kind") : -1;
    const char *said = kind >= 0 ? hs_json_string(spec->json, kind) : NULL;
    s->cells.is_loss = said && !strcmp(said, "loss");
    if (!s->cells.is_loss) {
        HS_TRY(hs_metric_read(r->model, spec->json, at, "metric", s->n_tokens, spec->detail, &s->cells.metric));
        return hs_metric_check(r->model, &s->cells.metric, "metric", false, spec->detail);
    }
    const char *unknown = hs_json_unknown_key(spec->json, at, LOSS);
    if (unknown)
        return hs_fail(spec->detail, HS_ESPEC, "metric.%s: the loss has no such field", unknown);
    if (s->n_tokens < 2)
        return HS_SPEC_FAIL(spec, "metric.kind", "%s", "a loss needs prompts of at least 2 tokens");
    if ((at = hs_json_get(spec->json, at, "from")) >= 0)
        return hs_spec_read_int(spec, at, "metric.from", 0, s->n_tokens - 2, &s->cells.loss_from);
    return HS_OK;
}

static hs_status read_prompts(ablate *s, hs_reading *r, const hs_read_spec *spec)
{
    HS_TRY(hs_spec_prompts(r, spec, "prompts", &s->prompts, &s->lengths, &s->n_prompts));
    s->n_tokens = r->n_tokens = s->lengths[0];
    for (int i = 1; i < s->n_prompts; i++)
        if (s->lengths[i] != s->n_tokens)
            return hs_fail(spec->detail, HS_ESPEC, "prompts[%d]: %d tokens, and prompts[0] has %d; all must be of one length", i,
                           s->lengths[i], s->n_tokens);
    bool said = hs_spec_at(spec, "over") >= 0;
    if (s->op == ZERO && said)
        return HS_SPEC_FAIL(spec, "over", "%s", "has no meaning with op zero");
    if (s->op == RESAMPLE && !said)
        return HS_SPEC_FAIL(spec, "over", "%s", "the prompts that activations are taken from are needed here");
    s->over = s->prompts;
    s->over_lengths = s->lengths;
    s->n_over = s->n_prompts;
    if (said)
        HS_TRY(hs_spec_prompts(r, spec, "over", &s->over, &s->over_lengths, &s->n_over));
    for (int i = 0; i < s->n_over; i++) {
        if (s->op != MEAN && s->over_lengths[i] != s->n_tokens)
            return hs_fail(spec->detail, HS_ESPEC, "over[%d]: %d tokens, and the prompts have %d; only op mean takes others", i,
                           s->over_lengths[i], s->n_tokens);
        s->longest = s->over_lengths[i] > s->longest ? s->over_lengths[i] : s->longest;
    }
    return HS_OK;
}

/* What the runs of `over` keep, and room for the means. */
static hs_status plan_values(ablate *s, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const QK[] = {"*.hook_q", "*.hook_k"};
    const hs_config *cfg = &r->model->cfg;
    int64_t widest = s->n_tokens;
    for (int i = 0; s->hooks[i] >= 0; i++) {
        hs_hook_info info;
        hs_hook_info_at(cfg, s->hooks[i], 0, 1, &info);
        bool pattern = s->hooks[i] == HS_HOOK_PATTERN;
        if (pattern && s->op == MEAN)
            return HS_SPEC_FAIL(spec, "op", "%s", "a pattern has a mean by position only: position_mean");
        s->n_hooks++;
        s->width[i] = pattern ? (int64_t)cfg->n_heads * s->n_tokens : info.count;
        widest = s->width[i] > widest ? s->width[i] : widest;
        hs_format(s->globs[i], sizeof s->globs[i], "*%s", info.name + strlen("blocks.0"));
        if (!pattern)
            s->capture[s->n_capture++] = s->globs[i];
        for (int j = 0; pattern && j < 2; j++)
            s->capture[s->n_capture++] = QK[j];
        int64_t count = cfg->n_layers * s->width[i] * (s->op == POSITION_MEAN ? s->n_tokens : 1);
        if (has_means(s)) {
            HS_READ_TAKE(r, spec, s->sums[i], count);
            HS_READ_TAKE(r, spec, s->means[i], count);
        }
    }
    HS_READ_TAKE(r, spec, s->zeros, widest);
    if (has_means(s))
        HS_READ_TAKE(r, spec, s->square, (int64_t)s->n_tokens * s->n_tokens);
    HS_READ_TAKE(r, spec, s->padded, s->longest);
    return HS_OK;
}

static hs_batch_spec batch_spec(ablate *s)
{
    return (hs_batch_spec){.model = s->cells.r->model, .n_tokens = s->n_tokens, .hooks = s->hooks,
                           .source = s->op == RESAMPLE ? s->other : NULL, .most_rows = ROWS};
}

static hs_run_spec other_spec(ablate *s)
{
    return (hs_run_spec){.ids = s->padded, .n_tokens = s->longest, .capture = s->capture, .n_capture = s->n_capture};
}

static bool value(void *context, const hs_cell *cell, int nth, hs_patch *patch);

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const OPS[] = {"zero", "mean", "position_mean", "resample", NULL};
    static const char *const WORDS[] = {
        "set to zero",
        "set to the mean over all positions of the prompts in \"over\"",
        "set to the mean over the prompts in \"over\" at the same position",
        "set to what it is at this position in the prompt of \"over\" with the same number (from the first again at their end)",
    };
    ablate *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->free_own = free_own;
    int how = 0;
    HS_TRY(hs_spec_choice(spec, "op", OPS, &how));
    s->op = (op)how;
    HS_TRY(read_prompts(s, r, spec));
    HS_TRY(hs_cells_read(r, spec, false, &s->cells));
    HS_TRY(read_metric(s, r, spec));
    s->cells.value = value;
    s->cells.context = s;
    hs_cells_hooks(&s->cells, s->hooks);
    HS_TRY(plan_values(s, r, spec));
    hs_read_convention(r, "values", "the metric of each ablated run, mean over the prompts");
    hs_read_convention(r, "op", WORDS[how]);
    hs_batch_spec batch = batch_spec(s);
    hs_run_spec other = other_spec(s);
    HS_TRY(hs_cells_promise(&s->cells, spec, &batch));
    return s->op == ZERO ? HS_OK : hs_read_promise_run(r, &other, spec->detail);
}

/* The next of the other runs. */
static void next_other(ablate *s)
{
    int i = s->at_over % s->n_over, n = s->over_lengths[i];
    memcpy(s->padded, s->over[i], (size_t)n * sizeof *s->padded);
    hs_status status = hs_run_set_ids(s->other, s->padded, NULL);
    HS_ASSERT(status == HS_OK); /* they were checked as they were read */
    hs_run_pass(s->other, (hs_rows){0, n}, s->op == RESAMPLE ? 0 : n); /* what follows does not reach back */
    s->running = true;
    s->at_head = 0;
}

static void next_prompt(ablate *s)
{
    hs_cells_prompt(&s->cells, s->prompts[s->prompt]);
    if (s->op != RESAMPLE)
        return;
    s->at_over = s->prompt;
    next_other(s);
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    ablate *s = r->own;
    hs_run_spec other = other_spec(s);
    if (s->op != ZERO)
        HS_TRY(hs_run_new(r->model, &other, detail, &s->other));
    hs_batch_spec batch = batch_spec(s);
    HS_TRY(hs_cells_begin(&s->cells, &batch, detail));
    next_prompt(s);
    s->run_cost = hs_batch_whole(s->cells.batch);
    int others = s->op == ZERO ? 0 : s->op == RESAMPLE ? s->n_prompts : s->n_over;
    r->work.total = s->n_prompts * (hs_cells_cost(&s->cells) + s->run_cost) + others * s->run_cost;
    s->prepared = !has_means(s);
    if (has_means(s))
        next_other(s);
    return HS_OK;
}

/* ---- means ---- */

static void add_row(double *sum, const hs_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += (double)x[i];
}

/* These rows of a head of the run that is done, and with the first of a layer all but patterns, into the sums. */
static void add_head(ablate *s, int layer, int h, hs_rows rows)
{
    int T = s->n_tokens, n = s->over_lengths[s->at_over], n_heads = s->cells.r->model->cfg.n_heads;
    for (int i = 0; i < s->n_hooks; i++) {
        int64_t width = s->width[i];
        if (s->hooks[i] == HS_HOOK_PATTERN) {
            int64_t from = (int64_t)rows.from * T, count = (int64_t)(rows.to - rows.from) * T;
            hs_attention_head(s->other, layer, h, rows, s->square, s->square);
            add_row(s->sums[i] + ((int64_t)layer * n_heads + h) * T * T + from, s->square + from, count);
        } else
            for (int t = 0; !h && !rows.from && t < n; t++)
                add_row(s->sums[i] + ((int64_t)layer * (s->op == MEAN ? 1 : T) + (s->op == MEAN ? 0 : t)) * width,
                        hs_run_at(s->other, s->hooks[i], layer) + t * width, width);
    }
}

static void divide(ablate *s)
{
    int64_t rows = s->op == MEAN ? 1 : s->n_tokens;
    for (int i = 0; i < s->n_hooks; i++)
        for (int64_t j = 0; j < s->cells.r->model->cfg.n_layers * rows * s->width[i]; j++)
            s->means[i][j] = (hs_real)(s->sums[i][j] / (double)(s->op == MEAN ? s->n_rows : s->n_over));
}

/* One unit of the runs that means are over. */
static void prepare(ablate *s, hs_reading *r)
{
    if (s->running) {
        s->running = hs_run_step(s->other);
        return;
    }
    const hs_config *cfg = &r->model->cfg;
    int n_heads = cfg->n_heads, T = s->n_tokens;
    int64_t group = hs_read_rows((2.0 * cfg->d_head + 2 * HS_SOFTMAX_FLOPS) * T);
    hs_rows rows = {s->at_row, T - s->at_row < group ? T : s->at_row + (int)group};
    add_head(s, s->at_head / n_heads, s->at_head % n_heads, rows);
    s->at_row = rows.to < T ? rows.to : 0;
    if (s->at_row || ++s->at_head < cfg->n_layers * n_heads)
        return;
    s->n_rows += s->over_lengths[s->at_over];
    r->work.done = s->before += s->run_cost;
    if (++s->at_over < s->n_over) {
        next_other(s);
        return;
    }
    divide(s);
    s->prepared = true;
}

/* ---- values ---- */

static int hook_number(const ablate *s, int hook)
{
    int i = 0;
    while (s->hooks[i] != hook)
        i++;
    return i;
}

static bool value(void *context, const hs_cell *cell, int nth, hs_patch *patch)
{
    (void)nth;
    ablate *s = context;
    int i = hook_number(s, cell->hook), T = s->n_tokens;
    bool pattern = cell->hook == HS_HOOK_PATTERN;
    switch (s->op) {
    case ZERO: patch->value = s->zeros; break;
    case MEAN: patch->value = s->means[i] + cell->layer * s->width[i] + patch->column; break;
    case POSITION_MEAN:
        patch->stride = pattern ? T : s->width[i];
        patch->value = s->means[i] + ((int64_t)cell->layer * T * s->width[i] + (pattern ? (int64_t)cell->head * T * T : 0)) + patch->column;
        break;
    case RESAMPLE:
        if (pattern)
            break;
        patch->stride = s->width[i];
        patch->value = hs_run_at(s->other, cell->hook, cell->layer) + patch->column;
    }
    return true;
}

/* ---- work ---- */

static bool unit(hs_reading *r, int side, int64_t i)
{
    (void)side, (void)i;
    ablate *s = r->own;
    if (!s->prepared) {
        prepare(s, r);
        return true;
    }
    if (s->running) {
        s->running = hs_run_step(s->other);
        if (!s->running)
            r->work.done = s->before += s->run_cost;
        return true;
    }
    bool was_base = !s->cells.base_done, more = hs_cells_step(&s->cells);
    if (was_base && s->cells.base_done) {
        r->work.done = s->before += s->run_cost;
        memcpy(s->cells.clean_row, s->cells.base_row, (size_t)r->model->cfg.d_vocab_out * sizeof *s->cells.base_row);
    }
    if (!was_base)
        r->work.done = s->before + hs_batch_done(s->cells.batch);
    if (more)
        return true;
    s->base += s->cells.base;
    if (++s->prompt == s->n_prompts)
        return false;
    next_prompt(s);
    return true;
}

static void finish(hs_reading *r)
{
    ablate *s = r->own;
    hs_read_value(r, "base", s->base / s->n_prompts);
    hs_read_value(r, "flops", hs_batch_done(s->cells.batch));
    hs_read_value(r, "naive_flops", (double)s->n_prompts * (double)s->cells.n * s->run_cost);
    r->work.done = r->work.total;
}

const hs_reader hs_reader_ablate = {
    .name = "ablate",
    .fields = (const char *const[]){HS_CELLS_FIELDS, "prompts", "op", "over", "metric", NULL},
    .without_run = true,
    .plan = plan,
    .begin = begin,
    .unit = unit,
    .finish = finish,
};
