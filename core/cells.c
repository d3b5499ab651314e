/* cells.c: see cells.h. */
#include "cells.h"

#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of the stream or of neurons; rows of heads; the pattern; a direct path. */
typedef enum kind { PLAIN, NEURONS, HEADS, PATTERN, DIRECT } kind;

static const struct {
    const char *name;
    int hook;
    kind kind;
} WHAT[] = {
    {"resid_pre", HS_HOOK_RESID_PRE, PLAIN}, {"resid_mid", HS_HOOK_RESID_MID, PLAIN}, {"resid_post", HS_HOOK_RESID_POST, PLAIN},
    {"attn_out", HS_HOOK_ATTN_OUT, PLAIN},   {"mlp_out", HS_HOOK_MLP_OUT, PLAIN},     {"pre", HS_HOOK_MLP_PRE, NEURONS},
    {"mid", HS_HOOK_MLP_MID, NEURONS},       {"post", HS_HOOK_MLP_POST, NEURONS},     {"z", HS_HOOK_Z, HEADS},
    {"q", HS_HOOK_Q, HEADS},                 {"k", HS_HOOK_K, HEADS},                 {"v", HS_HOOK_V, HEADS},
    {"result", HS_HOOK_RESULT, HEADS},       {"pattern", HS_HOOK_PATTERN, PATTERN},   {"direct_path", -1, DIRECT},
};

enum { N_WHAT = sizeof WHAT / sizeof WHAT[0] };

typedef enum axis { LAYER, POSITION, HEAD, DEST, SRC, NEURON, SOURCE_LAYER, SOURCE_HEAD, NONE } axis;
static const char *const AXES[] = {"layer", "position", "head", "dest", "src", "neuron", "source_layer", "source_head"};

static const char *const BY[] = {"layer", "layer,position", "layer,head", "layer,position,head", "layer,head,dest",
                                 "layer,head,dest,src", "layer,neuron", NULL};
enum { BY_LAYER, BY_POSITION, BY_HEAD, BY_POSITION_HEAD, BY_DEST, BY_DEST_SRC, BY_NEURON, N_BY };
static const axis BY_AXES[N_BY][HS_CELLS_AXES] = {
    {LAYER, NONE, NONE, NONE}, {LAYER, POSITION, NONE, NONE}, {LAYER, HEAD, NONE, NONE},  {LAYER, POSITION, HEAD, NONE},
    {LAYER, HEAD, DEST, NONE}, {LAYER, HEAD, DEST, SRC},      {LAYER, NEURON, NONE, NONE},
};
static const axis ALL_SOURCES[HS_CELLS_AXES] = {SOURCE_LAYER, SOURCE_HEAD, LAYER, HEAD};

static bool fits(kind of, int by)
{
    switch (by) {
    case BY_LAYER:
    case BY_POSITION: return of == PLAIN || of == NEURONS || of == HEADS;
    case BY_HEAD: return of == HEADS || of == PATTERN || of == DIRECT;
    case BY_POSITION_HEAD: return of == HEADS || of == PATTERN; /* a pattern's position is its destination */
    case BY_NEURON: return of == NEURONS;
    default: return of == PATTERN;
    }
}

/* ---- the document ---- */

static hs_status read_what(hs_cells *c, const hs_read_spec *spec, hs_json_at at, const char *key, bool direct, int *out)
{
    const char *said = at < 0 ? NULL : hs_json_string(spec->json, at);
    const hs_config *cfg = &c->r->model->cfg;
    char all[160];
    size_t used = 0;
    for (int i = 0; i < N_WHAT - !direct; i++) {
        if (said && !strcmp(said, WHAT[i].name)) {
            if (WHAT[i].hook >= 0 && !hs_hook_exists(cfg, WHAT[i].hook, 0))
                return HS_SPEC_FAIL(spec, key, "this model has no %s", said);
            *out = i;
            return HS_OK;
        }
        hs_format(all + used, sizeof all - used, "%s%s", i ? ", " : "", WHAT[i].name);
        used += strlen(all + used);
    }
    return HS_SPEC_FAIL(spec, key, "one of %s is needed here", all);
}

static hs_status read_whats(hs_cells *c, const hs_read_spec *spec, bool direct)
{
    hs_json_at at = hs_spec_at(spec, "what");
    c->n_what = 1;
    if (at < 0 || hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return read_what(c, spec, at, "what", direct, &c->what[0]);
    c->n_what = hs_json_length(spec->json, at);
    if (c->n_what < 1 || c->n_what > HS_CELLS_WHAT)
        return HS_SPEC_FAIL(spec, "what", "from 1 to %d of them are needed here", (int)HS_CELLS_WHAT);
    int i = 0;
    uint8_t seen[N_WHAT] = {0};
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        char key[24];
        hs_format(key, sizeof key, "what[%d]", i);
        HS_TRY(read_what(c, spec, item, key, false, &c->what[i]));
        HS_TRY(hs_spec_once(spec, key, seen, c->what[i]));
        hs_read_label(c->r, "what", WHAT[c->what[i]].name);
    }
    return HS_OK;
}

static bool is_list_of(const hs_read_spec *spec, hs_json_at at, int most)
{
    int n = hs_json_type_of(spec->json, at) == HS_JSON_ARRAY ? hs_json_length(spec->json, at) : 0;
    return n >= 1 && n <= most;
}

/* A list of numbers below n, each once; absent: all. `least` -n: negative ones count from the end. */
static hs_status read_list(hs_cells *c, const hs_read_spec *spec, const char *key, int least, int n, int **out, int *n_out)
{
    hs_json_at at = hs_spec_at(spec, key), item;
    if (at >= 0 && !is_list_of(spec, at, n))
        return HS_SPEC_FAIL(spec, key, "a list of 1 to %d numbers is needed here", n);
    *n_out = at < 0 ? n : hs_json_length(spec->json, at);
    uint8_t *seen;
    HS_READ_TAKE(c->r, spec, *out, *n_out);
    HS_READ_TAKE(c->r, spec, seen, n);
    item = at < 0 ? -1 : hs_json_first(spec->json, at);
    for (int i = 0; i < *n_out; i++) {
        char name[32];
        hs_format(name, sizeof name, "%s[%d]", key, i);
        (*out)[i] = i;
        if (item >= 0) {
            HS_TRY(hs_spec_read_int(spec, item, name, least, n - 1, &(*out)[i]));
            (*out)[i] += (*out)[i] < 0 ? n : 0;
            item = hs_json_next(spec->json, item);
        }
        HS_TRY(hs_spec_once(spec, name, seen, (*out)[i]));
    }
    return HS_OK;
}

static const axis *axes_of(const hs_cells *c)
{
    return c->all_sources ? ALL_SOURCES : BY_AXES[c->by];
}

static int64_t length_of(const hs_cells *c, axis a)
{
    const hs_config *cfg = &c->r->model->cfg;
    switch (a) {
    case LAYER: return c->n_layers;
    case HEAD: return c->n_heads;
    case POSITION:
    case DEST: return c->r->n_positions;
    case SRC: return c->r->n_tokens;
    case NEURON: return cfg->d_mlp;
    case SOURCE_LAYER: return cfg->n_layers;
    case SOURCE_HEAD: return cfg->n_heads;
    default: return 1;
    }
}

static int number_on(const hs_cells *c, axis a, int64_t i)
{
    switch (a) {
    case LAYER: return c->layers[i];
    case HEAD: return c->heads[i];
    case POSITION:
    case DEST: return c->r->positions[i];
    default: return (int)i;
    }
}

static hs_status declare(hs_cells *c, const hs_read_spec *spec)
{
    hs_axis_of axes[HS_CELLS_AXES + 2] = {{NULL, 0}};
    int n = 0;
    bool is_list = hs_json_type_of(spec->json, hs_spec_at(spec, "what")) == HS_JSON_ARRAY;
    if (is_list)
        axes[n++] = (hs_axis_of){"what", c->n_what};
    if (n + HS_CELLS_AXES > HS_MAX_AXES && axes_of(c)[HS_CELLS_AXES - 1] != NONE)
        return HS_SPEC_FAIL(spec, "what", "%s", "one at a time by these axes");
    uint64_t count = (uint64_t)c->n_what;
    for (int i = 0; i < HS_CELLS_AXES && axes_of(c)[i] != NONE; i++) {
        axis a = axes_of(c)[i];
        axes[n++] = (hs_axis_of){AXES[a], length_of(c, a)};
        if (!hs_mul_u64(count, (uint64_t)length_of(c, a), &count))
            count = UINT64_MAX;
        for (int64_t j = 0; j < length_of(c, a); j++) {
            char label[16];
            hs_format(label, sizeof label, "%d", number_on(c, a, j));
            hs_read_label(c->r, AXES[a], label);
        }
    }
    HS_TRY(hs_read_array_new(c->r, spec, "values", false, axes, &c->out));
    HS_READ_TAKE(c->r, spec, c->sum, count);
    c->n = (int64_t)count;
    for (int64_t i = 0; i < c->n; i++)
        hs_read_data(c->r, c->out, 0)[i] = NAN;
    return HS_OK;
}

/* A list of what is no axis would do nothing. */
static hs_status check_lists(const hs_cells *c, const hs_read_spec *spec)
{
    bool by[NONE + 1] = {false};
    for (int i = 0; i < HS_CELLS_AXES; i++)
        by[axes_of(c)[i]] = true;
    const char *unused = hs_spec_at(spec, "heads") >= 0 && !by[HEAD]                            ? "heads"
                         : hs_spec_at(spec, "positions") >= 0 && !by[POSITION] && !by[DEST] ? "positions"
                                                                                             : NULL;
    return unused ? HS_SPEC_FAIL(spec, unused, "\"%s\" does not go by these; add them to \"by\" or leave the list out", BY[c->by]) : HS_OK;
}

hs_status hs_cells_read(hs_reading *r, const hs_read_spec *spec, bool direct, hs_cells *out)
{
    const hs_config *cfg = &r->model->cfg;
    hs_cells c = {.r = r};
    if (!cfg->n_layers)
        return HS_SPEC_FAIL(spec, "what", "%s", "this model has no layers");
    HS_TRY(read_whats(&c, spec, direct));
    c.by = fits(WHAT[c.what[0]].kind, BY_POSITION) && WHAT[c.what[0]].kind != HEADS ? BY_POSITION : BY_HEAD;
    HS_TRY(hs_spec_choice(spec, "by", BY, &c.by));
    for (int i = 0; i < c.n_what; i++)
        if (!fits(WHAT[c.what[i]].kind, c.by))
            return HS_SPEC_FAIL(spec, "by", "%s does not go by \"%s\"", WHAT[c.what[i]].name, BY[c.by]);
    c.all_sources = WHAT[c.what[0]].kind == DIRECT && hs_spec_at(spec, "source") < 0;
    HS_TRY(read_list(&c, spec, "layers", 0, cfg->n_layers, &c.layers, &c.n_layers));
    HS_TRY(read_list(&c, spec, "heads", 0, cfg->n_heads, &c.heads, &c.n_heads));
    HS_TRY(read_list(&c, spec, "positions", -r->n_tokens, r->n_tokens, &r->positions, &r->n_positions));
    HS_TRY(check_lists(&c, spec));
    HS_TRY(declare(&c, spec));
    *out = c;
    return HS_OK;
}

void hs_cells_hooks(const hs_cells *c, int hooks[HS_CELLS_WHAT + 1])
{
    int n = 0;
    for (int i = 0; i < c->n_what; i++) {
        bool known = WHAT[c->what[i]].hook < 0;
        for (int j = 0; j < n; j++)
            known = known || hooks[j] == WHAT[c->what[i]].hook;
        if (!known)
            hooks[n++] = WHAT[c->what[i]].hook;
    }
    hooks[n] = -1;
}

/* ---- cells ---- */

static hs_cell cell_at(const hs_cells *c, int64_t i)
{
    int number[NONE + 1];
    for (int a = 0; a <= NONE; a++)
        number[a] = -1;
    for (int a = HS_CELLS_AXES - 1; a >= 0; a--) {
        axis on = axes_of(c)[a];
        int64_t length = length_of(c, on);
        number[on] = number_on(c, on, i % length);
        i /= length;
    }
    int what = c->what[i];
    return (hs_cell){.what = what, .hook = WHAT[what].hook, .layer = number[LAYER], .head = number[HEAD],
                     .position = number[DEST] >= 0 ? number[DEST] : number[POSITION], .src = number[SRC], .neuron = number[NEURON],
                     .source_layer = number[SOURCE_LAYER], .source_head = number[SOURCE_HEAD]};
}

/* The rows and columns of a cell; value and stride stay to be said. */
static hs_patch patch_of(const hs_cells *c, const hs_cell *cell)
{
    const hs_config *cfg = &c->r->model->cfg;
    int T = c->r->n_tokens, from = cell->position < 0 ? 0 : cell->position, to = cell->position < 0 ? T : from + 1;
    hs_patch p = {.hook = cell->hook, .layer = cell->layer, .from = from, .to = to, .head = cell->head, .column = 0};
    if (cell->hook == HS_HOOK_PATTERN) {
        p.column = cell->src < 0 ? 0 : cell->src;
        p.n_columns = cell->src < 0 ? T : 1;
        if (cell->src >= 0 && p.from < cell->src)
            p.from = cell->src;
    } else if (cell->neuron >= 0) {
        p.column = cell->neuron;
        p.n_columns = 1;
    } else {
        hs_hook_info info;
        hs_hook_info_at(cfg, cell->hook < 0 ? HS_HOOK_Q : cell->hook, cell->layer, 1, &info);
        p.n_columns = (int)(cell->head < 0 ? info.count : info.count / cfg->n_heads);
        p.column = cell->head < 0 ? 0 : cell->head * p.n_columns;
    }
    return p;
}

hs_patch hs_cells_patch(const hs_cells *c, int64_t i)
{
    hs_cell cell = cell_at(c, i);
    return patch_of(c, &cell);
}

/* ---- filling ---- */

static double loss_at(const hs_cells *c, int t, const hs_real *row)
{
    int V = c->r->model->cfg.d_vocab_out, next = c->ids[t + 1];
    return next < V ? hs_logsumexp(row, V) - (double)row[next] : (double)NAN;
}

double hs_cells_metric(const hs_cells *c, const hs_real *row)
{
    return hs_metric_value(&c->metric, row, c->clean_row, c->r->model->cfg.d_vocab_out);
}

static void seen(void *context, int patch, int t, const hs_real *row)
{
    hs_cells *c = context;
    if (c->is_loss && patch < 0)
        c->base_loss[t] = loss_at(c, t, row);
    else if (c->is_loss) {
        HS_ASSERT(t == c->reached[patch]);
        c->got[patch] += loss_at(c, t, row);
        c->reached[patch]++;
    } else if (patch < 0)
        memcpy(c->base_row, row, (size_t)c->r->model->cfg.d_vocab_out * sizeof *row);
    else
        c->got[patch] = hs_cells_metric(c, row);
}

static hs_rows rows_read(const hs_cells *c)
{
    return c->is_loss ? (hs_rows){c->loss_from, c->r->n_tokens - 1} : (hs_rows){c->metric.position, c->metric.position + 1};
}

/* Goes on with a sum of losses in the order of the rows, as a run of its own has it, over rows that are the base's. */
static double with_base(const hs_cells *c, double sum, int from, int to)
{
    for (int t = from; t < to; t++)
        sum += c->base_loss[t];
    return sum;
}

static double mean_loss(const hs_cells *c, double sum, int from)
{
    hs_rows rows = rows_read(c);
    return with_base(c, sum, from, rows.to) / (rows.to - rows.from);
}

static hs_batch_spec with_us(hs_cells *c, const hs_batch_spec *batch)
{
    hs_batch_spec spec = *batch;
    spec.seen = seen;
    spec.context = c;
    return spec;
}

hs_status hs_cells_promise(hs_cells *c, const hs_read_spec *spec, const hs_batch_spec *batch)
{
    hs_batch_spec mine = with_us(c, batch);
    int V = c->r->model->cfg.d_vocab_out;
    uint64_t bytes;
    HS_TRY(hs_batch_size(&mine, spec->detail, &bytes));
    hs_read_promise(c->r, bytes);
    c->most = batch->most_rows;
    HS_READ_TAKE(c->r, spec, c->pending, c->most);
    HS_READ_TAKE(c->r, spec, c->got, c->most);
    HS_READ_TAKE(c->r, spec, c->clean_row, V);
    HS_READ_TAKE(c->r, spec, c->base_row, V);
    HS_READ_TAKE(c->r, spec, c->reached, c->most);
    HS_READ_TAKE(c->r, spec, c->base_loss, c->r->n_tokens);
    return HS_OK;
}

hs_status hs_cells_begin(hs_cells *c, const hs_batch_spec *batch, hs_detail *detail)
{
    hs_batch_spec mine = with_us(c, batch);
    return hs_batch_new(&mine, detail, &c->batch);
}

void hs_cells_free(hs_cells *c)
{
    hs_batch_free(c->batch);
}

void hs_cells_prompt(hs_cells *c, const int32_t *ids)
{
    bool two = !c->is_loss && c->metric.kind == HS_METRIC_LOGIT_DIFF;
    c->ids = ids;
    c->at = 0;
    c->stepping = true;
    c->base_done = false;
    hs_batch_read(c->batch, rows_read(c), two ? c->metric.correct : -1, two ? c->metric.wrong : -1);
    hs_status status = hs_batch_base(c->batch, ids, NULL);
    HS_ASSERT(status == HS_OK); /* the ids were checked as they were read */
}

static void put(hs_cells *c, int64_t cell, double value)
{
    c->sum[cell] += value;
    hs_read_data(c->r, c->out, 0)[cell] = (hs_real)(c->sum[cell] / (double)(c->prompts + 1));
}

/* A batch of the next cells; those that change nothing are done at once. */
static void fill(hs_cells *c)
{
    enum { A_UNIT = 4096 };
    double spent = 0, each = c->value_flops + HS_TURN / A_UNIT;
    c->stepping = false;
    for (; c->at < c->n && c->n_pending < c->most; c->at++, spent += each) {
        if (spent > 0 && spent + each > HS_TURN)
            return; /* more fits the batch; in the next unit */
        hs_cell cell = cell_at(c, c->at);
        hs_patch patch = patch_of(c, &cell);
        bool changes = c->value(c->context, &cell, c->n_pending, &patch);
        if (c->again) {
            c->again = false;
            return;
        }
        if (!changes || patch.from >= patch.to || !hs_batch_reaches(c->batch, &patch)) {
            put(c, c->at, c->base);
            continue;
        }
        if (!hs_batch_add(c->batch, &patch))
            break;
        hs_rows rows = rows_read(c);
        int first = patch.from > rows.from ? patch.from : rows.from;
        c->reached[c->n_pending] = first;
        c->got[c->n_pending] = c->is_loss ? with_base(c, 0, rows.from, first) : 0;
        c->pending[c->n_pending++] = c->at;
    }
    c->stepping = c->n_pending > 0;
}

bool hs_cells_step(hs_cells *c)
{
    if (c->stepping && hs_batch_step(c->batch))
        return true;
    if (!c->stepping) {
        if (!c->at && !c->n_pending) /* both prompts have run by now */
            c->base = c->is_loss ? mean_loss(c, 0, c->loss_from) : hs_cells_metric(c, c->base_row);
        fill(c);
    } else {
        c->stepping = false;
        if (!c->base_done) {
            c->base_done = true;
            return true;
        }
        for (int i = 0; i < c->n_pending; i++)
            put(c, c->pending[i], c->is_loss ? mean_loss(c, c->got[i], c->reached[i]) : c->got[i]);
        c->n_pending = 0;
    }
    if (c->stepping || c->at < c->n)
        return true;
    c->prompts++;
    return false;
}

double hs_cells_cost(const hs_cells *c)
{
    double cost = 0;
    for (int64_t i = 0; i < c->n; i++) {
        hs_cell cell = cell_at(c, i);
        hs_patch patch = patch_of(c, &cell);
        if (c->value(c->context, &cell, -1, &patch) && patch.from < patch.to && hs_batch_reaches(c->batch, &patch))
            cost += hs_batch_cost(c->batch, &patch);
    }
    return cost;
}
