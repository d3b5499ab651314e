/* read_sweep.c: "sweep": activations of one prompt patched into the run of another, one patch after the other, and
 * what each does to the metric. TransformerLens' get_act_patch_* and get_act_patch_direct_path. */
#include "cells.h"
#include "kernels.h"
#include "pairs.h"
#include "product.h"

#include <string.h>

enum { ROWS = 256 }; /* of a batch: enough for the products, few enough for the map to fill as one watches */

typedef struct sweep {
    hs_cells cells;
    hs_pairs pairs;
    hs_run *source;
    const char *capture[HS_CELLS_WHAT + 4];
    char globs[HS_CELLS_WHAT][64];
    int n_capture;
    int hooks[HS_CELLS_WHAT + 1];
    int receiver, source_layer, source_head; /* of direct paths; layer -1: all heads are sources */
    hs_real *delta, *input; /* [T, d_model]: the change of what the source head writes; the same as a head reads it */
    hs_real *added;         /* [ROWS or T, and T, d_head]: patches of a batch, one after the other */
    int delta_of[3];        /* pair and head whose change it is */
    int turn;               /* of the patch that is being made */
    int first; /* the first row at which the prompts of this pair differ */
    int pair;
    bool source_done;
    bool measured; /* the first round, of base runs alone, is over */
    double clean, corrupted; /* sums over pairs */
    double pair_cost, run_cost, before; /* flops: of a pair, of a run; done before the patches */
} sweep;

static void free_own(hs_reading *r)
{
    sweep *s = r->own;
    hs_cells_free(&s->cells);
    hs_run_free(s->source);
}

static bool is_direct(const sweep *s)
{
    return s->hooks[0] < 0;
}

/* ---- the plan ---- */

static hs_status read_direct(sweep *s, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const RECEIVERS[] = {"q", "k", "v", NULL}, *const ONLY[] = {"source", "receiver"};
    const hs_config *cfg = &r->model->cfg;
    for (int i = 0; i < 2 && !is_direct(s); i++)
        if (hs_spec_at(spec, ONLY[i]) >= 0)
            return HS_SPEC_FAIL(spec, ONLY[i], "%s", "has a meaning with \"what\": \"direct_path\" only");
    HS_TRY(hs_spec_choice(spec, "receiver", RECEIVERS, &s->receiver));
    s->source_layer = -1;
    hs_json_at at = hs_spec_at(spec, "source");
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY || hs_json_length(spec->json, at) != 2)
        return HS_SPEC_FAIL(spec, "source", "%s", "[layer, head] is needed here");
    at = hs_json_first(spec->json, at);
    HS_TRY(hs_spec_read_int(spec, at, "source[0]", 0, cfg->n_layers - 1, &s->source_layer));
    return hs_spec_read_int(spec, hs_json_next(spec->json, at), "source[1]", 0, cfg->n_heads - 1, &s->source_head);
}

/* What the source run keeps. */
static void plan_captures(sweep *s)
{
    static const char *const NAMES[] = {"*.hook_q", "*.hook_k"};
    for (int i = 0; s->hooks[i] >= 0; i++) {
        hs_hook_info info;
        hs_hook_info_at(&s->cells.r->model->cfg, s->hooks[i], 0, 1, &info);
        hs_format(s->globs[i], sizeof s->globs[i], "*%s", info.name + strlen("blocks.0"));
        if (s->hooks[i] != HS_HOOK_PATTERN)
            s->capture[s->n_capture++] = s->globs[i];
        else
            for (int j = 0; j < 2; j++)
                s->capture[s->n_capture++] = NAMES[j];
    }
    if (is_direct(s))
        s->capture[s->n_capture++] = "*.attn.hook_z";
}

static const int RECEIVERS[] = {HS_HOOK_Q, HS_HOOK_K, HS_HOOK_V, -1};
static const char *const SCALE[] = {"*.ln1.hook_scale"};

static hs_batch_spec batch_spec(sweep *s)
{
    const hs_model *model = s->cells.r->model;
    return (hs_batch_spec){.model = s->cells.r->model, .n_tokens = s->pairs.n_tokens,
                           .hooks = is_direct(s) ? RECEIVERS : s->hooks, .source = s->source, .most_rows = ROWS,
                           .capture = SCALE, .n_capture = is_direct(s) && hs_hook_exists(&model->cfg, HS_HOOK_LN1_SCALE, 0)};
}

static hs_run_spec source_spec(sweep *s)
{
    return (hs_run_spec){.ids = hs_pair_source(&s->pairs, 0), .n_tokens = s->pairs.n_tokens, .capture = s->capture,
                         .n_capture = s->n_capture};
}

static bool value(void *context, const hs_cell *cell, int nth, hs_patch *patch);

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    sweep *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->free_own = free_own;
    HS_TRY(hs_pairs_read(r, spec, false, &s->pairs));
    HS_TRY(hs_cells_read(r, spec, true, &s->cells));
    s->cells.value = value;
    s->cells.context = s;
    hs_cells_hooks(&s->cells, s->hooks);
    HS_TRY(read_direct(s, r, spec));
    plan_captures(s);
    if (is_direct(s)) {
        const hs_config *cfg = &r->model->cfg;
        int64_t rows = (r->n_tokens > ROWS ? r->n_tokens : ROWS) + r->n_tokens; /* and one patch that finds the batch full */
        HS_READ_TAKE(r, spec, s->delta, (int64_t)r->n_tokens * cfg->d_model);
        HS_READ_TAKE(r, spec, s->input, (int64_t)r->n_tokens * cfg->d_model);
        HS_READ_TAKE(r, spec, s->added, rows * cfg->d_head);
        s->delta_of[0] = -1;
        s->cells.value_flops = 6.0 * r->n_tokens * cfg->d_model * cfg->d_head;
        hs_read_convention(r, "values", "the metric when a head's q, k or v gets what the source head's change adds to it, divided by ln1's scale "
                           "of the unpatched run; ln1's weights and centring are left out, as in TransformerLens; 0 where no path leads");
    } else
        hs_read_convention(r, "values", "the metric of each patched run, mean over the pairs");
    hs_read_convention(r, "direction", s->pairs.noise ? "activations of the corrupted prompt, patched into the clean run"
                                                      : "activations of the clean prompt, patched into the corrupted run");
    hs_read_convention(r, "flops", "floating-point operations in the blocks: done, and of one whole run for each cell; the two base "
                                   "runs aside");
    hs_batch_spec batch = batch_spec(s);
    hs_run_spec source = source_spec(s);
    HS_TRY(hs_cells_promise(&s->cells, spec, &batch));
    return hs_read_promise_run(r, &source, spec->detail);
}

static void next_pair(sweep *s)
{
    const hs_pair *pair = &s->pairs.list[s->pair];
    s->cells.metric = pair->metric;
    s->first = pair->first;
    hs_status status = hs_run_set_ids(s->source, hs_pair_source(&s->pairs, s->pair), NULL);
    HS_ASSERT(status == HS_OK); /* they were checked as they were read */
    hs_cells_prompt(&s->cells, hs_pair_base(&s->pairs, s->pair));
    s->source_done = false;
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    sweep *s = r->own;
    hs_run_spec source = source_spec(s);
    HS_TRY(hs_run_new(r->model, &source, detail, &s->source));
    hs_batch_spec batch = batch_spec(s);
    HS_TRY(hs_cells_begin(&s->cells, &batch, detail));
    next_pair(s);
    s->run_cost = hs_batch_whole(s->cells.batch);
    s->pair_cost = hs_cells_cost(&s->cells);
    r->work.total = s->pairs.n * (s->pair_cost + 2 * s->run_cost) + (s->pairs.n > 1 ? s->pairs.n * 2 * s->run_cost : 0);
    return HS_OK;
}

/* ---- values ---- */

/* What a head writes to these rows of the stream, less b_O, into out [T, d_model]. */
static void head_writes(hs_turns *turns, const hs_run *run, int layer, int head, hs_rows rows, hs_real *out)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, e = cfg->d_head;
    int64_t n_z = (int64_t)cfg->n_heads * e;
    hs_product_by(turns, run->model, out + (int64_t)rows.from * d, d, hs_run_at(run, HS_HOOK_Z, layer) + rows.from * n_z + head * e, n_z,
                  run->model->forward.blocks[layer].W_O + (int64_t)head * e * HS_NR, HS_NR * n_z, NULL, rows.to - rows.from, d, e, false);
}

/* A unit of these rows of the head's q, k or v, with what the change of the source head adds to them, into out; true
 * while another is needed. */
static bool direct_path(sweep *s, const hs_cell *cell, int source_layer, int source_head, hs_rows rows, hs_real *out)
{
    const hs_model *model = s->cells.r->model;
    const hs_config *cfg = &model->cfg;
    const hs_run *base = hs_batch_base_run(s->cells.batch);
    const hs_packed_block *w = &model->forward.blocks[cell->layer];
    const hs_real *W = (s->receiver == 0 ? w->W_Q : s->receiver == 1 ? w->W_K : w->W_V) +
                       cell->head * hs_packed_count(cfg->d_model, cfg->d_head);
    const hs_real *was = hs_run_at(base, RECEIVERS[s->receiver], cell->layer), *scale = hs_run_at(base, HS_HOOK_LN1_SCALE, cell->layer);
    int d = cfg->d_model, e = cfg->d_head, now[] = {s->pair, source_layer, source_head};
    hs_turns turns = {.wanted = s->turn};
    if (memcmp(now, s->delta_of, sizeof now)) {
        head_writes(&turns, s->source, source_layer, source_head, rows, s->delta);
        head_writes(&turns, base, source_layer, source_head, rows, s->input);
        bool both = hs_turn(&turns, 0);
        for (int64_t i = (int64_t)rows.from * d; both && i < (int64_t)rows.to * d; i++)
            s->delta[i] -= s->input[i];
    }
    if (hs_turn(&turns, 0))
        for (int t = rows.from; t < rows.to; t++)
            for (int i = 0; i < d; i++)
                s->input[(int64_t)t * d + i] = s->delta[(int64_t)t * d + i] / (scale ? scale[t] : 1);
    hs_product_by(&turns, model, out, e, s->input + (int64_t)rows.from * d, d, W, (int64_t)HS_NR * d, NULL, rows.to - rows.from, e, d, false);
    bool ends = hs_turn(&turns, 0);
    for (int t = rows.from; ends && t < rows.to; t++, out += e)
        hs_add(out, out, was + ((int64_t)t * cfg->n_heads + cell->head) * e, e);
    if (hs_turns_left(&turns, &s->turn))
        return true;
    memcpy(s->delta_of, now, sizeof now);
    return false;
}

static bool direct_value(sweep *s, const hs_cell *cell, int nth, hs_patch *patch)
{
    int e = s->cells.r->model->cfg.d_head, rows = s->cells.metric.position + 1 - patch->from;
    bool one = s->source_layer >= 0;
    int source_layer = one ? s->source_layer : cell->source_layer;
    patch->hook = RECEIVERS[s->receiver];
    if (cell->layer <= source_layer || rows < 1)
        return false;
    if (nth < 0)
        return true;
    hs_real *out = s->added + (int64_t)nth * rows * e;
    patch->to = s->cells.metric.position + 1; /* later rows are not read */
    s->cells.again = direct_path(s, cell, source_layer, one ? s->source_head : cell->source_head, (hs_rows){patch->from, patch->to}, out);
    patch->value = out - (int64_t)patch->from * e;
    patch->stride = e;
    return true;
}

static bool value(void *context, const hs_cell *cell, int nth, hs_patch *patch)
{
    sweep *s = context;
    if (patch->from < s->first)
        patch->from = s->first; /* the same in both runs before it */
    if (patch->from >= patch->to)
        return false;
    if (is_direct(s))
        return direct_value(s, cell, nth, patch);
    if (cell->hook != HS_HOOK_PATTERN) {
        patch->value = hs_run_at(s->source, cell->hook, cell->layer) + patch->column;
        patch->stride = hs_run_shape(s->source, cell->hook, cell->layer).count / s->pairs.n_tokens;
    }
    return true;
}

/* ---- work ---- */

/* Both prompts of the pair have run. False: that was all that was wanted of them yet. */
static bool measure(sweep *s)
{
    hs_cells *c = &s->cells;
    int V = c->r->model->cfg.d_vocab_out;
    const hs_real *source = hs_run_logits(s->source) + (int64_t)c->metric.position * V;
    memcpy(c->clean_row, s->pairs.noise ? c->base_row : source, (size_t)V * sizeof *c->clean_row);
    if (s->measured)
        return true;
    double of_source = hs_cells_metric(c, source), of_base = hs_cells_metric(c, c->base_row);
    s->clean += s->pairs.noise ? of_base : of_source;
    s->corrupted += s->pairs.noise ? of_source : of_base;
    if (++s->pair < s->pairs.n)
        return false;
    s->measured = true;
    s->pair = 0;
    hs_read_value(c->r, "clean", s->clean / s->pairs.n);
    hs_read_value(c->r, "corrupted", s->corrupted / s->pairs.n);
    return s->pairs.n == 1;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    (void)side, (void)i;
    sweep *s = r->own;
    if (!s->source_done) {
        if (hs_run_step(s->source))
            return true;
        s->source_done = true;
        r->work.done = s->before += s->run_cost;
        return true;
    }
    bool was_base = !s->cells.base_done, more = hs_cells_step(&s->cells);
    if (was_base) {
        if (!s->cells.base_done)
            return true;
        r->work.done = s->before += s->run_cost;
        if (!measure(s))
            next_pair(s);
        return true;
    }
    r->work.done = s->before + hs_batch_done(s->cells.batch);
    if (more)
        return true;
    if (++s->pair == s->pairs.n)
        return false;
    next_pair(s);
    return true;
}

/* TransformerLens' value where no path leads. */
static void clear_pathless(sweep *s)
{
    hs_cells *c = &s->cells;
    int64_t heads = (int64_t)c->n_layers * c->n_heads;
    for (int64_t i = 0; i < c->n; i++) {
        int source = s->source_layer >= 0 ? s->source_layer : (int)(i / heads / c->r->model->cfg.n_heads);
        if (c->layers[i / c->n_heads % c->n_layers] <= source)
            hs_read_data(c->r, c->out, 0)[i] = 0;
    }
}

static void finish(hs_reading *r)
{
    sweep *s = r->own;
    if (is_direct(s))
        clear_pathless(s);
    hs_read_value(r, "flops", hs_batch_done(s->cells.batch));
    hs_read_value(r, "naive_flops", (double)s->pairs.n * (double)s->cells.n * hs_batch_whole(s->cells.batch));
    r->work.done = r->work.total;
}

const hs_reader hs_reader_sweep = {
    .name = "sweep",
    .fields = (const char *const[]){HS_PAIRS_FIELDS, HS_CELLS_FIELDS, "source", "receiver", NULL},
    .without_run = true,
    .plan = plan,
    .begin = begin,
    .unit = unit,
    .finish = finish,
};
