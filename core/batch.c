/* batch.c: see batch.h. Layer by layer, for all patched runs of the batch that have come to their layer: the rows that
 * differ from the base before the block go from hook_resid_pre to q, k and v (READ); each run's attention takes the
 * rest of its keys, values and queries from the base (ATTEND); the rows that differ after it go from hook_z to
 * hook_resid_post (WRITE). At the end the rows that are read are unembedded (UNEMBED). */
#include "batch_plan.h"

#include "error.h"
#include "kernels.h"
#include "product.h"

#include <stdlib.h>
#include <string.h>

typedef enum stage { BASE, READ, ATTEND, WRITE, UNEMBED, DONE } stage; /* BASE, then UNEMBED, of the base run */

struct hs_batch {
    hs_batch_spec spec;
    hs_rows read;
    int columns[2]; /* -1: all */
    hs_run *base;
    hs_run *rows;   /* the rows of patched runs, gathered */
    hs_live patching_rows, patching_pattern;
    uint8_t *at_rows, *at_pattern;
    hs_run one;     /* the base's attention with q, k, v and z of a patched run; shares all else with it */
    hs_real **one_tensor, *qkvz[4]; /* [T, n_heads * d_head] each */
    hs_real *stream;  /* [most, d_model] */
    hs_real *logits;  /* [UNEMBED_ROWS, d_vocab_out] */
    hs_real *square;  /* [T, T]: a pattern of spec.source */
    hs_patched *list;    /* [most] */
    int32_t *owner, *position; /* [most]: of each gathered row, its run and its position */
    int most, n, n_rows; /* rows that there is room for; runs; rows of them */
    int n_gathered, n_queries;
    stage stage;
    bool is_base;     /* which logits UNEMBED is at */
    int layer, turn;  /* turn: of the stage */
    int next, column; /* next: the run that attends, or the row that is unembedded; column of the logits */
    const hs_real *unembedded; /* the final stream of those rows, normalised */
    double done;
};

enum { UNEMBED_ROWS = 16 };

static int n_layers(const hs_batch *b)
{
    return b->spec.model->cfg.n_layers;
}

/* ---- what is asked of patches ---- */

bool hs_batch_reaches(const hs_batch *b, const hs_patch *patch)
{
    return hs_patch_reaches(&b->spec.model->cfg, b->read, patch);
}

double hs_batch_done(const hs_batch *b)
{
    return b->done;
}

double hs_batch_cost(const hs_batch *b, const hs_patch *patch)
{
    hs_patched p = {.patch = *patch};
    double sum = 0;
    for (int layer = patch->layer; layer < n_layers(b); layer++) {
        hs_patched_plan(&b->spec.model->cfg, b->read, layer, &p);
        sum += hs_patched_cost(&b->spec.model->cfg, layer, &p);
    }
    return sum;
}

double hs_batch_whole(const hs_batch *b)
{
    hs_rows all = {0, b->spec.n_tokens};
    hs_patched whole = {.patch = {.hook = HS_HOOK_RESID_PRE, .layer = -1}, .reads = all, .queries = all, .writes = all, .attends = true};
    return n_layers(b) * hs_patched_cost(&b->spec.model->cfg, 0, &whole);
}

/* ---- the patches themselves ---- */

static void put(const hs_patch *p, int t, hs_real *row)
{
    memcpy(row + p->column, p->value + t * p->stride, (size_t)p->n_columns * sizeof *row);
}

/* On gathered rows. */
static void patch_rows(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    hs_batch *b = context;
    int64_t width = hs_run_shape(b->rows, hook, layer).count / b->rows->n_tokens;
    (void)head;
    for (int i = rows.from; i < rows.to; i++) {
        const hs_patch *p = &b->list[b->owner[i]].patch;
        if (p->hook == hook && p->layer == layer && b->position[i] >= p->from && b->position[i] < p->to)
            put(p, b->position[i], data + i * width);
    }
}

/* On one run's pattern [T, T]; what is masked stays so. */
static void patch_pattern(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    hs_batch *b = context;
    const hs_patch *p = &b->list[b->next].patch;
    int T = b->spec.n_tokens;
    (void)hook;
    if (p->hook != HS_HOOK_PATTERN || p->layer != layer || p->head != head)
        return;
    hs_rows patched_rows = hs_rows_both(rows, (hs_rows){p->from, p->to});
    if (!p->value)
        hs_attention_head(b->spec.source, layer, head, patched_rows, b->square, b->square);
    for (int t = patched_rows.from; t < patched_rows.to; t++)
        for (int s = p->column; s < p->column + p->n_columns && s <= t; s++)
            data[(int64_t)t * T + s] = p->value ? p->value[t * p->stride + s - p->column] : b->square[(int64_t)t * T + s];
}

/* ---- memory ---- */

/* The room of a batch: every array once, for its size and for itself. */
typedef struct room {
    hs_batch *b; /* NULL: only count */
    uint64_t bytes;
    bool lost;
} room;

static void *take(room *r, uint64_t n, uint64_t size)
{
    uint64_t bytes;
    if (!hs_mul_u64(n + 1, size, &bytes) || !hs_add_u64(r->bytes, bytes, &r->bytes) || bytes > SIZE_MAX) {
        r->lost = true;
        return NULL;
    }
    void *p = r->b ? calloc((size_t)n + 1, (size_t)size) : NULL;
    r->lost = r->lost || (r->b && !p);
    return p;
}

static void take_all(room *r, const hs_batch_spec *spec, hs_batch *b)
{
    const hs_config *cfg = &spec->model->cfg;
    uint64_t T = (uint64_t)spec->n_tokens, n_z = (uint64_t)cfg->n_heads * (uint64_t)cfg->d_head, most = (uint64_t)b->most;
    uint64_t places = (uint64_t)HS_N_HOOKS * (uint64_t)cfg->n_layers;
    for (int i = 0; i < 4; i++)
        b->qkvz[i] = take(r, T * n_z, sizeof(hs_real));
    b->one_tensor = take(r, places, sizeof(hs_real *));
    b->at_rows = take(r, places, 1);
    b->at_pattern = take(r, places, 1);
    b->stream = take(r, most * (uint64_t)cfg->d_model, sizeof(hs_real));
    b->logits = take(r, UNEMBED_ROWS * (uint64_t)cfg->d_vocab_out, sizeof(hs_real));
    b->square = take(r, spec->source ? T * T : 0, sizeof(hs_real));
    b->list = take(r, most, sizeof *b->list);
    b->owner = take(r, most, sizeof *b->owner);
    b->position = take(r, most, sizeof *b->position);
}

enum { N_NEEDED = 5, MOST_CAPTURES = 8 };

/* The base run, and the one of gathered rows. */
static void run_specs(const hs_batch_spec *spec, const hs_batch *b, const int32_t *ids, const char *capture[MOST_CAPTURES],
                      hs_run_spec out[2])
{
    static const char *const NEEDED[N_NEEDED] = {"*.hook_resid_pre", "*.attn.hook_q", "*.attn.hook_k", "*.attn.hook_v", "*.attn.hook_z"};
    HS_ASSERT(N_NEEDED + spec->n_capture <= MOST_CAPTURES);
    for (int i = 0; i < N_NEEDED + spec->n_capture; i++)
        capture[i] = i < N_NEEDED ? NEEDED[i] : spec->capture[i - N_NEEDED];
    out[0] = (hs_run_spec){.ids = ids, .n_tokens = spec->n_tokens, .capture = capture,
                           .n_capture = N_NEEDED + spec->n_capture, .no_logits = true};
    out[1] = (hs_run_spec){.n_tokens = b->most, .no_logits = true, .live = &b->patching_rows};
}

static int room_for(const hs_batch_spec *spec)
{
    return hs_largest(spec->most_rows, spec->n_tokens);
}

static void mark(const hs_batch_spec *spec, uint8_t *at_rows, uint8_t *at_pattern)
{
    for (int i = 0; spec->hooks[i] >= 0; i++)
        for (int l = 0; l < spec->model->cfg.n_layers; l++) {
            int hook = spec->hooks[i];
            if (hook == HS_HOOK_PATTERN)
                at_pattern[hs_hook_at(hook, l)] = 1;
            else if (!hs_is_inside_attention(hook) && hook != HS_HOOK_Z)
                at_rows[hs_hook_at(hook, l)] = 1;
        }
}

hs_status hs_batch_size(const hs_batch_spec *spec, hs_detail *detail, uint64_t *out)
{
    size_t places = (size_t)HS_N_HOOKS * (size_t)spec->model->cfg.n_layers;
    uint8_t *at = calloc(2 * places + 1, 1);
    int32_t *ids = calloc((size_t)spec->n_tokens, sizeof *ids);
    hs_batch b = {.most = room_for(spec), .patching_rows = {.act = patch_rows, .at = at}};
    room r = {NULL, sizeof b, false};
    hs_status status = at && ids ? HS_OK : hs_fail(detail, HS_EMEMORY, "no memory to plan a batch");
    if (status == HS_OK) {
        const char *capture[MOST_CAPTURES];
        hs_run_spec runs[2];
        mark(spec, at, at + places);
        take_all(&r, spec, &b);
        run_specs(spec, &b, ids, capture, runs);
        for (int i = 0; status == HS_OK && i < 2; i++) {
            size_t bytes = 0;
            status = hs_run_size(spec->model, &runs[i], detail, &bytes);
            r.lost = r.lost || !hs_add_u64(r.bytes, bytes, &r.bytes);
        }
        if (status == HS_OK && r.lost)
            status = hs_fail(detail, HS_EMEMORY, "a batch of %d tokens is more than can be addressed", spec->n_tokens);
    }
    free(at);
    free(ids);
    *out = r.bytes;
    return status;
}

static hs_status set_up(hs_batch *b, hs_detail *detail)
{
    const char *capture[MOST_CAPTURES];
    hs_run_spec runs[2];
    room r = {b, 0, false};
    take_all(&r, &b->spec, b);
    int32_t *ids = calloc((size_t)b->spec.n_tokens, sizeof *ids);
    if (r.lost || !ids) {
        free(ids);
        return hs_fail(detail, HS_EMEMORY, "no memory for a batch of patched runs");
    }
    mark(&b->spec, b->at_rows, b->at_pattern);
    b->patching_rows = (hs_live){.act = patch_rows, .context = b, .at = b->at_rows};
    b->patching_pattern = (hs_live){.act = patch_pattern, .context = b, .at = b->at_pattern};
    run_specs(&b->spec, b, ids, capture, runs);
    hs_status status = hs_run_new(b->spec.model, &runs[0], detail, &b->base);
    free(ids);
    HS_TRY(status);
    HS_TRY(hs_run_new(b->spec.model, &runs[1], detail, &b->rows));
    static const int HOOKS[4] = {HS_HOOK_Q, HS_HOOK_K, HS_HOOK_V, HS_HOOK_Z};
    int places = HS_N_HOOKS * n_layers(b);
    memcpy(b->one_tensor, b->base->tensor, (size_t)places * sizeof *b->one_tensor);
    for (int l = 0; l < n_layers(b); l++)
        for (int i = 0; i < 4; i++)
            b->one_tensor[hs_hook_at(HOOKS[i], l)] = b->qkvz[i];
    b->one = *b->base;
    b->one.tensor = b->one_tensor;
    b->one.live = &b->patching_pattern;
    return HS_OK;
}

hs_status hs_batch_new(const hs_batch_spec *spec, hs_detail *detail, hs_batch **out)
{
    hs_batch *b = calloc(1, sizeof *b);
    if (!b)
        return hs_fail(detail, HS_EMEMORY, "no memory for a batch of patched runs");
    b->spec = *spec;
    b->most = room_for(spec);
    b->stage = DONE;
    hs_status status = set_up(b, detail);
    if (status != HS_OK) {
        hs_batch_free(b);
        return status;
    }
    *out = b;
    return HS_OK;
}

void hs_batch_free(hs_batch *b)
{
    if (!b)
        return;
    void *all[] = {b->qkvz[0], b->qkvz[1], b->qkvz[2], b->qkvz[3], b->one_tensor, b->at_rows, b->at_pattern, b->stream,
                   b->logits, b->square, b->list, b->owner, b->position};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    hs_run_free(b->base);
    hs_run_free(b->rows);
    free(b);
}

/* ---- what is asked ---- */

void hs_batch_read(hs_batch *b, hs_rows rows, int correct, int wrong)
{
    b->read = rows;
    b->columns[0] = correct;
    b->columns[1] = wrong;
}

hs_status hs_batch_base(hs_batch *b, const int32_t *ids, hs_detail *detail)
{
    HS_TRY(hs_run_set_ids(b->base, ids, detail));
    hs_run_pass(b->base, (hs_rows){0, b->read.to}, b->read.to);
    b->stage = BASE;
    b->is_base = true;
    return HS_OK;
}

const hs_run *hs_batch_base_run(const hs_batch *b)
{
    return b->base;
}

bool hs_batch_add(hs_batch *b, const hs_patch *patch)
{
    int rows = b->read.to - patch->from;
    if (b->stage == DONE)
        b->n = b->n_rows = 0;
    if (b->n_rows + rows > b->most)
        return false;
    b->list[b->n++] = (hs_patched){.patch = *patch, .row = b->n_rows};
    b->n_rows += rows;
    b->layer = b->n == 1 ? patch->layer : hs_least(b->layer, patch->layer);
    b->stage = READ;
    b->is_base = false;
    b->turn = 0;
    return true;
}

/* ---- the stages ---- */

static const hs_real *base_row(const hs_batch *b, int hook, int t, int64_t width)
{
    return hs_run_at(b->base, hook, b->layer) + t * width;
}

/* The stream of a run before the block at a position: its own, or the base's. */
static hs_real *stream_row(hs_batch *b, const hs_patched *p, int t)
{
    return b->stream + (int64_t)(p->row + t - p->patch.from) * b->spec.model->cfg.d_model;
}

static void gather(hs_batch *b, int i, hs_rows rows, int *at)
{
    *at = b->n_gathered;
    for (int t = rows.from; t < rows.to; t++, b->n_gathered++) {
        b->owner[b->n_gathered] = i;
        b->position[b->n_gathered] = t;
    }
}

/* The gathered rows' stream into, or out of, the places of a hook of `rows`. */
static void copy_stream(hs_batch *b, hs_real *place, hs_rows rows, bool out)
{
    int d = b->spec.model->cfg.d_model;
    for (int i = rows.from; i < rows.to; i++) {
        hs_real *kept = stream_row(b, &b->list[b->owner[i]], b->position[i]);
        memcpy(out ? kept : place + (int64_t)i * d, out ? place + (int64_t)i * d : kept, (size_t)d * sizeof *place);
    }
}

/* Rows that the next block will write and that it does not read still stand as in the base. */
static void fill_from_base(hs_batch *b, const hs_patched *p)
{
    int d = b->spec.model->cfg.d_model;
    bool is_first = p->patch.layer == b->layer;
    for (int t = p->patch.from; t < b->read.to; t++)
        if (is_first || t < p->reads.from || t >= p->reads.to)
            memcpy(stream_row(b, p, t), base_row(b, HS_HOOK_RESID_PRE, t, d), (size_t)d * sizeof *b->stream);
}

static void begin_layer(hs_batch *b)
{
    b->n_gathered = 0;
    for (int i = 0; i < b->n; i++)
        if (hs_patched_plan(&b->spec.model->cfg, b->read, b->layer, &b->list[i])) {
            fill_from_base(b, &b->list[i]);
            gather(b, i, b->list[i].queries, &b->list[i].query_at);
        }
    b->n_queries = b->n_gathered;
    for (int i = 0; i < b->n; i++) {
        hs_patched *p = &b->list[i];
        if (p->patch.layer <= b->layer) /* the queries are the last of the rows that are read */
            gather(b, i, (hs_rows){p->reads.from, hs_rows_count(p->queries) ? p->queries.from : p->reads.to}, &p->read_at);
    }
    copy_stream(b, hs_run_at(b->rows, HS_HOOK_RESID_PRE, b->layer), (hs_rows){0, b->n_gathered}, false);
    const hs_config *cfg = &b->spec.model->cfg;
    for (int i = 0; cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER && i < b->n_gathered; i++)
        memcpy(hs_run_at(b->rows, HS_HOOK_POS_EMBED, 0) + (int64_t)i * cfg->d_model,
               hs_run_at(b->base, HS_HOOK_POS_EMBED, 0) + (int64_t)b->position[i] * cfg->d_model, (size_t)cfg->d_model * sizeof *b->stream);
}

static void begin_writes(hs_batch *b)
{
    b->n_gathered = 0;
    for (int i = 0; i < b->n; i++)
        if (b->list[i].patch.layer <= b->layer)
            gather(b, i, b->list[i].writes, &b->list[i].write_at);
    copy_stream(b, hs_run_at(b->rows, HS_HOOK_RESID_PRE, b->layer), (hs_rows){0, b->n_gathered}, false);
}

/* The gathered row of a position that is read: queries stand before the others. */
static int read_row(const hs_patched *p, int t)
{
    return t >= p->queries.from && t < p->queries.to ? p->query_at + t - p->queries.from : p->read_at + t - p->reads.from;
}

/* q, k or v of a run: the base's, its own rows, its patch. */
static void assemble(hs_batch *b, const hs_patched *p, int hook, hs_rows rows, hs_real *out)
{
    const hs_config *cfg = &b->spec.model->cfg;
    int64_t width = (int64_t)cfg->n_heads * cfg->d_head;
    hs_rows own = hs_rows_both(rows, hook == HS_HOOK_Q ? p->queries : p->reads);
    memcpy(out + rows.from * width, base_row(b, hook, rows.from, width), (size_t)(hs_rows_count(rows) * width) * sizeof *out);
    for (int t = own.from; t < own.to; t++)
        memcpy(out + t * width, hs_run_at(b->rows, hook, b->layer) + read_row(p, t) * width, (size_t)width * sizeof *out);
    hs_rows patch = hs_rows_both(rows, (hs_rows){p->patch.from, p->patch.to});
    for (int t = patch.from; p->patch.hook == hook && p->patch.layer == b->layer && t < patch.to; t++)
        put(&p->patch, t, out + t * width);
}

static void begin_attention(hs_batch *b, const hs_patched *p)
{
    const hs_config *cfg = &b->spec.model->cfg;
    int64_t width = (int64_t)cfg->n_heads * cfg->d_head;
    memcpy(b->qkvz[3] + p->writes.from * width, base_row(b, HS_HOOK_Z, p->writes.from, width),
           (size_t)(hs_rows_count(p->writes) * width) * sizeof *b->qkvz[3]);
    if (!p->attends)
        return;
    assemble(b, p, HS_HOOK_Q, p->writes, b->qkvz[0]);
    assemble(b, p, HS_HOOK_K, (hs_rows){0, p->writes.to}, b->qkvz[1]);
    assemble(b, p, HS_HOOK_V, (hs_rows){0, p->writes.to}, b->qkvz[2]);
}

/* The run's z goes to its rows among those that are written. */
static void end_attention(hs_batch *b, const hs_patched *p)
{
    const hs_config *cfg = &b->spec.model->cfg;
    int64_t width = (int64_t)cfg->n_heads * cfg->d_head;
    hs_real *z = b->qkvz[3];
    for (int t = p->writes.from; p->patch.hook == HS_HOOK_Z && p->patch.layer == b->layer && t < p->writes.to; t++)
        put(&p->patch, t, z + t * width);
    memcpy(hs_run_at(b->rows, HS_HOOK_Z, b->layer) + p->write_at * width, z + p->writes.from * width,
           (size_t)(hs_rows_count(p->writes) * width) * sizeof *z);
    b->done += hs_attention_cost(cfg, b->layer, p);
}

static void attend(hs_batch *b, hs_turns *turns)
{
    for (int i = 0; i < b->n; i++) {
        hs_patched *p = &b->list[i];
        if (p->patch.layer > b->layer || !hs_rows_count(p->writes))
            continue;
        if (hs_turn(turns, 0)) {
            b->next = i;
            begin_attention(b, p);
        }
        if (p->attends)
            hs_attend(&b->one, b->layer, p->writes, hs_patched_heads(&b->spec.model->cfg, b->layer, p));
        if (hs_turn(turns, 0))
            end_attention(b, p);
    }
}

/* The gathered rows, in groups, from hook_resid_pre to q, k and v, or from hook_z on. */
static void go_through_block(hs_batch *b, hs_turns *turns, bool reads)
{
    hs_run *run = b->rows;
    int group = hs_run_group(run);
    for (int from = 0; from < b->n_gathered; from += group) {
        hs_rows rows = {from, hs_least(from + group, b->n_gathered)}, queries = {from, hs_largest(from, hs_least(rows.to, b->n_queries))};
        if (reads)
            hs_block_reads(run, b->layer, rows, queries);
        else
            hs_block_writes(run, b->layer, rows);
        if (hs_turn(turns, 0))
            copy_stream(b, hs_run_at(run, reads ? HS_HOOK_RESID_PRE : HS_HOOK_RESID_POST, b->layer), rows, true);
    }
    b->done += turns->done;
}

/* The next unit of a layer. */
static void step_layer(hs_batch *b)
{
    hs_turns turns = {.wanted = b->turn};
    b->rows->turns = b->one.turns = &turns;
    if (b->stage == ATTEND)
        attend(b, &turns);
    else
        go_through_block(b, &turns, b->stage == READ);
    b->rows->turns = b->one.turns = NULL;
    if (hs_turns_left(&turns, &b->turn))
        return;
    if (b->stage == READ) {
        begin_writes(b);
        b->stage = ATTEND;
    } else if (b->stage == ATTEND)
        b->stage = WRITE;
    else if (b->layer == n_layers(b) - 1) {
        b->next = 0;
        b->stage = UNEMBED;
    } else {
        b->stage = READ;
        b->layer++;
    }
}

/* Columns [from, to) of the logits of some rows, from the start of a panel. */
static void multiply(hs_batch *b, const hs_real *x, int n_rows, int from, int to)
{
    const hs_model *model = b->spec.model;
    int d = model->cfg.d_model, V = model->cfg.d_vocab_out;
    hs_product(model, b->logits + from, V, x, d, model->forward.W_U + (int64_t)from * d, (int64_t)HS_NR * d, model->w.b_U + from, n_rows,
            hs_least(to, V) - from, d, false);
}

/* The logits of the next rows that are read; where all are wanted, in units of columns, and one for who sees them. */
static void unembed(hs_batch *b)
{
    const hs_run *run = b->is_base ? b->base : b->rows;
    int d = b->spec.model->cfg.d_model, V = b->spec.model->cfg.d_vocab_out, end = b->is_base ? b->read.to : b->n_gathered;
    enum { SEEN_FLOPS = 72 }; /* on a logit: three exponentials, of kl */
    bool all = b->columns[0] < 0;
    int fit = all ? hs_largest(1, (int)(HS_TURN / ((double)SEEN_FLOPS * V))) : UNEMBED_ROWS;
    hs_rows rows = {b->next, hs_least(b->next + hs_least(fit, UNEMBED_ROWS), end)};
    if (!b->column)
        b->unembedded = hs_final_norm(run, rows, hs_run_at(run, HS_HOOK_RESID_POST, n_layers(b) - 1)) + (int64_t)rows.from * d;
    if (!all)
        for (int c = 0; c < 2; c++) {
            int first = b->columns[c] / HS_NR * HS_NR;
            multiply(b, b->unembedded, hs_rows_count(rows), first, first + HS_NR);
        }
    else if (b->column < V) {
        double a_panel = 2.0 * d * hs_rows_count(rows) * HS_NR;
        int panels = hs_largest(1, (int)(HS_TURN / a_panel) - 1), from = b->column; /* one for the norm */
        b->column = V - from > (int64_t)panels * HS_NR ? from + panels * HS_NR : V;
        multiply(b, b->unembedded, hs_rows_count(rows), from, b->column);
        return;
    }
    b->column = 0;
    b->next = rows.to;
    for (int i = rows.from; i < rows.to; i++)
        b->spec.seen(b->spec.context, b->is_base ? -1 : b->owner[i], b->is_base ? i : b->position[i],
                     b->logits + (int64_t)(i - rows.from) * V);
    if (b->next == end)
        b->stage = DONE;
}

bool hs_batch_step(hs_batch *b)
{
    switch (b->stage) {
    case BASE:
        if (!hs_run_step(b->base)) {
            b->stage = UNEMBED;
            b->next = b->read.from;
        }
        break;
    case READ:
        if (!b->turn)
            begin_layer(b); /* fall through */
    case ATTEND:
    case WRITE: step_layer(b); break;
    case UNEMBED: unembed(b); break;
    case DONE: break;
    }
    return b->stage != DONE;
}
