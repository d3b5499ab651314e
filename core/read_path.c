/* read_path.c: path patching (Wang et al. 2022, "Interpretability in the Wild", appendix B): what a sender's activation
 * of the other run changes through its direct path to a receiver alone.
 *
 * Of a pair, `base` is the run that is patched and `source` the one whose activations come in. For each sender the
 * stream is run through once with attention as in base (and the MLPs too, with mlps "frozen"; else they are computed
 * on the changed stream): `sent`. For each receiver that comes after it the last run, `patched`, begins at that
 * receiver's layer on base's stream, and reads the receivers' inputs from `sent`. Nothing before the first position at
 * which the prompts differ changes, and nothing after the metric's position is looked at: those rows are not run. */
#include "graph.h"
#include "kernels.h"
#include "pairs.h"

#include <math.h>
#include <string.h>

/* What comes when the run in progress has ended. */
typedef enum phase { BEGIN_PAIR, AFTER_BASE, AFTER_SOURCE, AFTER_WHOLE, NEXT_SENDER, NEXT_RECEIVER, AFTER_RECEIVER } phase;

typedef struct path {
    hs_pairs pairs;
    hs_node_lists senders, receivers;
    bool recomputed; /* the MLPs on a path */
    hs_run *base, *source, *sent, *patched;
    hs_live send, receive;
    uint8_t *send_at, *receive_at;
    hs_real *z, *kept; /* [T, n_heads, d_head]; [d_vocab_out]: clean's logits */
    double *sums;      /* [sender, receiver]: over the pairs so far */
    double clean, corrupted;
    int values;
    phase next;
    hs_run *running; /* NULL: none */
    int pair, sender, receiver;
    int last; /* of the blocks that `sent` must reach; -1: none */
} path;

/* ---- what a sender reaches ---- */

static bool reaches(const path *w, int sender, hs_node receiver)
{
    for (int i = w->senders.first[sender]; i < w->senders.first[sender + 1]; i++)
        if (hs_is_edge(w->senders.node[i], receiver))
            return true;
    return false;
}

/* The first block that the sender changes; n_layers would be none. */
static int first_block(const path *w, int sender)
{
    int first = w->senders.node[w->senders.first[sender]].layer;
    for (int i = w->senders.first[sender]; i < w->senders.first[sender + 1]; i++)
        if (w->senders.node[i].layer < first)
            first = w->senders.node[i].layer;
    return first;
}

/* The lowest layer of a list of receivers, of those that the sender reaches; n_layers: the final stream; -1: none. */
static int entry(const hs_reading *r, int sender, int receiver)
{
    const path *w = r->own;
    int lowest = -1;
    for (int i = w->receivers.first[receiver]; i < w->receivers.first[receiver + 1]; i++) {
        hs_node node = w->receivers.node[i];
        int layer = node.kind == HS_NODE_FINAL ? r->model->cfg.n_layers : node.layer;
        if (reaches(w, sender, node) && (lowest < 0 || layer < lowest))
            lowest = layer;
    }
    return lowest;
}

/* The last block of `sent` that a receiver needs. */
static int last_block(const hs_reading *r, int sender)
{
    const path *w = r->own;
    int last = -1;
    for (int i = 0; i < w->receivers.n_nodes; i++) {
        hs_node node = w->receivers.node[i];
        int block = node.kind == HS_NODE_FINAL ? r->model->cfg.n_layers - 1 : node.layer - (node.kind != HS_NODE_MLP_IN);
        if (reaches(w, sender, node) && block > last)
            last = block;
    }
    return last;
}

/* Work is counted in blocks that are run. */
static double work_of_pair(const hs_reading *r)
{
    const path *w = r->own;
    int L = r->model->cfg.n_layers;
    double sum = 3 * (L + 2.0);
    for (int s = 0; s < w->senders.n; s++)
        for (int v = -1; v < w->receivers.n; v++) {
            int from = v < 0 ? first_block(w, s) : entry(r, s, v), to = v < 0 ? last_block(r, s) : L;
            sum += from >= 0 && to >= from ? to - from + 1 : 0;
        }
    return sum;
}

/* ---- the hooks of the two runs ---- */

/* The rows of attn_out that these z give: forward.c's product, so with no head changed the same bits. */
static void attention_out(const hs_run *run, int layer, hs_rows rows, const hs_real *z, hs_real *out)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t d = cfg->d_model, n = cfg->n_heads * cfg->d_head;
    hs_gemm(out + rows.from * d, d, z + rows.from * n, n, run->model->forward.blocks[layer].W_O, HS_NR * n, run->model->blocks[layer].b_O,
            rows.to - rows.from, (int)d, (int)n, false);
}

static void copy_rows(hs_real *to, int64_t to_stride, const hs_real *from, int64_t from_stride, hs_rows rows, int64_t n)
{
    for (int t = rows.from; t < rows.to; t++)
        memcpy(to + t * to_stride, from + t * from_stride, (size_t)n * sizeof *to);
}

static bool sends(const path *w, hs_node_kind kind, int layer)
{
    for (int i = w->senders.first[w->sender]; i < w->senders.first[w->sender + 1]; i++)
        if (w->senders.node[i].kind == kind && w->senders.node[i].layer == layer)
            return true;
    return false;
}

/* In `sent`: what a layer writes is base's, but for the sender's heads and MLP, which are the source's. */
static void send(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    path *w = context;
    const hs_config *cfg = &w->base->model->cfg;
    int64_t e = cfg->d_head, n = cfg->n_heads * e, d = cfg->d_model;
    (void)head;
    if (hook == HS_HOOK_MLP_OUT || !sends(w, HS_NODE_HEAD, layer)) {
        const hs_run *from = hook == HS_HOOK_MLP_OUT && sends(w, HS_NODE_MLP, layer) ? w->source : w->base;
        copy_rows(data, d, hs_run_at(from, hook, layer), d, rows, d);
        return;
    }
    copy_rows(w->z, n, hs_run_at(w->base, HS_HOOK_Z, layer), n, rows, n);
    for (int i = w->senders.first[w->sender]; i < w->senders.first[w->sender + 1]; i++) {
        hs_node node = w->senders.node[i];
        if (node.kind == HS_NODE_HEAD && node.layer == layer)
            copy_rows(w->z + node.head * e, n, hs_run_at(w->source, HS_HOOK_Z, layer) + node.head * e, n, rows, e);
    }
    attention_out(w->base, layer, rows, w->z, data);
}

/* In `patched`: what the receivers read is what came to them in `sent`. */
static void receive(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    path *w = context;
    const hs_config *cfg = &w->base->model->cfg;
    int64_t d = cfg->d_model;
    (void)head;
    for (int i = w->receivers.first[w->receiver]; i < w->receivers.first[w->receiver + 1]; i++) {
        hs_node node = w->receivers.node[i];
        if (node.layer != layer || !reaches(w, w->sender, node))
            continue;
        if (hook == HS_HOOK_MLP_IN && node.kind == HS_NODE_MLP_IN)
            copy_rows(data, d, hs_run_at(w->sent, HS_HOOK_RESID_MID, layer), d, rows, d);
        else if (node.kind >= HS_NODE_Q && node.kind <= HS_NODE_V && hook - HS_HOOK_Q_INPUT == (int)(node.kind - HS_NODE_Q))
            copy_rows(data + node.head * d, cfg->n_heads * d, hs_run_stream(w->sent, layer), d, rows, d);
    }
}

static void mark_sender(const hs_reading *r, path *w)
{
    for (int layer = 0; layer < r->model->cfg.n_layers; layer++) {
        w->send_at[hs_hook_at(HS_HOOK_ATTN_OUT, layer)] = 1;
        w->send_at[hs_hook_at(HS_HOOK_MLP_OUT, layer)] = !w->recomputed || sends(w, HS_NODE_MLP, layer);
    }
}

static void mark_receiver(uint8_t *at, hs_node node)
{
    if (node.kind == HS_NODE_MLP_IN)
        at[hs_hook_at(HS_HOOK_MLP_IN, node.layer)] = 1;
    else if (node.kind != HS_NODE_FINAL)
        at[hs_hook_at(HS_HOOK_Q_INPUT + (int)(node.kind - HS_NODE_Q), node.layer)] = 1;
}

/* ---- the runs ---- */

typedef struct run_specs {
    const char *globs[3][4];
    hs_run_spec base, source, sent, patched;
} run_specs;

/* What each run captures. */
static void make_specs(const hs_reading *r, const path *w, run_specs *out)
{
    const hs_config *cfg = &r->model->cfg;
    int n[3] = {0, 0, 0};
#define CAPTURE(run, glob) out->globs[run][n[run]++] = glob
    if (cfg->n_layers) {
        CAPTURE(0, "*.hook_z");
        CAPTURE(0, "*.hook_attn_out");
        CAPTURE(0, "*.hook_resid_post");
        CAPTURE(1, "*.hook_resid_post");
        CAPTURE(2, "*.hook_k");
        CAPTURE(2, "*.hook_v");
    }
    if (cfg->n_layers && !cfg->attn_only) {
        CAPTURE(0, "*.hook_mlp_out");
        CAPTURE(1, "*.hook_resid_mid");
    }
#undef CAPTURE
    hs_run_spec spec = {.ids = hs_pair_base(&w->pairs, 0), .n_tokens = w->pairs.n_tokens, .capture = out->globs[0], .n_capture = n[0]};
    out->base = out->source = out->sent = out->patched = spec;
    out->sent.capture = out->globs[1];
    out->sent.n_capture = n[1];
    out->sent.live = &w->send;
    out->patched.capture = out->globs[2];
    out->patched.n_capture = n[2];
    out->patched.live = &w->receive;
}

static void free_own(hs_reading *r)
{
    path *w = r->own;
    hs_run_free(w->base);
    hs_run_free(w->source);
    hs_run_free(w->sent);
    hs_run_free(w->patched);
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    path *w = r->own;
    run_specs specs;
    make_specs(r, w, &specs);
    HS_TRY(hs_run_new(r->model, &specs.base, detail, &w->base));
    HS_TRY(hs_run_new(r->model, &specs.source, detail, &w->source));
    HS_TRY(hs_run_new(r->model, &specs.sent, detail, &w->sent));
    return hs_run_new(r->model, &specs.patched, detail, &w->patched);
}

/* ---- the plan ---- */

static hs_status check_lists(const hs_reading *r, const hs_read_spec *spec, const path *w)
{
    (void)r;
    for (int v = 0; v < w->receivers.n; v++)
        for (int i = w->receivers.first[v]; i < w->receivers.first[v + 1]; i++)
            if (w->receivers.node[i].kind == HS_NODE_FINAL && w->receivers.first[v + 1] - w->receivers.first[v] > 1)
                return HS_SPEC_FAIL(spec, "receivers", "[%d] has final beside others, whose effect it would hide; let it stand alone", v);
    return HS_OK;
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const MLPS[] = {"recomputed", "frozen", NULL};
    const hs_config *cfg = &r->model->cfg;
    path *w;
    int mlps = 0;
    HS_READ_TAKE(r, spec, w, 1);
    r->own = w;
    r->free_own = free_own;
    HS_TRY(hs_pairs_read(r, spec, false, &w->pairs));
    HS_TRY(hs_spec_choice(spec, "mlps", MLPS, &mlps));
    w->recomputed = mlps == 0;
    HS_TRY(hs_spec_nodes(r, spec, "senders", HS_SENDERS, &w->senders));
    HS_TRY(hs_spec_nodes(r, spec, "receivers", HS_RECEIVERS, &w->receivers));
    HS_TRY(check_lists(r, spec, w));
    HS_TRY(hs_read_array_new(r, spec, "values", false, HS_AXES({"sender", w->senders.n}, {"receiver", w->receivers.n}), &w->values));
    HS_READ_TAKE(r, spec, w->sums, (uint64_t)w->senders.n * (uint64_t)w->receivers.n);
    HS_READ_TAKE(r, spec, w->z, (uint64_t)r->n_tokens * (uint64_t)cfg->n_heads * (uint64_t)cfg->d_head);
    HS_READ_TAKE(r, spec, w->kept, cfg->d_vocab_out);
    HS_READ_TAKE(r, spec, w->send_at, (uint64_t)HS_N_HOOKS * (uint64_t)(cfg->n_layers + 1));
    HS_READ_TAKE(r, spec, w->receive_at, (uint64_t)HS_N_HOOKS * (uint64_t)(cfg->n_layers + 1));
    for (int64_t i = 0; i < (int64_t)w->senders.n * w->receivers.n; i++)
        hs_read_data(r, w->values, 0)[i] = (hs_real)NAN;
    for (int i = 0; i < w->receivers.n_nodes; i++)
        mark_receiver(w->receive_at, w->receivers.node[i]);
    w->send = (hs_live){.act = send, .context = w, .at = w->send_at, .no_attention = true, .no_mlps = !w->recomputed,
                        .row_flops = 2.0 * cfg->d_model * cfg->n_heads * cfg->d_head};
    w->receive = (hs_live){.act = receive, .context = w, .at = w->receive_at};
    run_specs specs;
    make_specs(r, w, &specs);
    HS_TRY(hs_read_promise_run(r, &specs.base, spec->detail));
    HS_TRY(hs_read_promise_run(r, &specs.source, spec->detail));
    HS_TRY(hs_read_promise_run(r, &specs.sent, spec->detail));
    HS_TRY(hs_read_promise_run(r, &specs.patched, spec->detail));
    hs_label_nodes(r, "sender", &w->senders);
    hs_label_nodes(r, "receiver", &w->receivers);
    hs_read_convention(r, "values", "the metric where the receivers' inputs are what the sender's activation of the other run makes of them on its direct "
                                    "path, and all after them is computed; NaN where the sender does not come before a receiver");
    hs_read_convention(r, "mlps", w->recomputed ? "recomputed: heads between sender and receiver are frozen, MLPs pass the change on"
                                                : "frozen: heads and MLPs between sender and receiver are frozen");
    hs_read_convention(r, "direction", w->pairs.noise ? "noise: corrupted activations go into the clean run"
                                                      : "denoise: clean activations go into the corrupted run");
    r->work.total = work_of_pair(r) * w->pairs.n;
    return HS_OK;
}

/* ---- the work ---- */

/* The metric of a run of this pair. */
static double metric_of(const hs_reading *r, const path *w, const hs_run *run)
{
    const hs_metric *metric = &w->pairs.list[w->pair].metric;
    int V = r->model->cfg.d_vocab_out;
    return hs_metric_value(metric, hs_run_logits(run) + (int64_t)metric->position * V, w->kept, V);
}

static void set_ids(hs_run *run, const int32_t *ids)
{
    HS_ASSERT(hs_run_set_ids(run, ids, NULL) == HS_OK); /* checked when they were read */
}

static void begin_pair(const hs_reading *r, path *w)
{
    const int32_t *base = hs_pair_base(&w->pairs, w->pair);
    int position = w->pairs.list[w->pair].metric.position;
    hs_rows all = hs_run_all_rows(w->base);
    memset(w->receive_at, 0, (size_t)HS_N_HOOKS * (size_t)(r->model->cfg.n_layers + 1));
    set_ids(w->base, base);
    set_ids(w->source, hs_pair_source(&w->pairs, w->pair));
    set_ids(w->patched, base);
    hs_run_pass(w->base, all, position);
    hs_run_pass(w->source, all, position);
    hs_run_pass(w->patched, all, position);
}

/* The pair's own runs are there: what they say, and which rows the others compute. */
static void begin_senders(hs_reading *r, path *w)
{
    const hs_pair *pair = &w->pairs.list[w->pair];
    int V = r->model->cfg.d_vocab_out, to = pair->metric.position + 1, from = pair->first < to ? pair->first : to;
    const hs_run *clean = w->pairs.noise ? w->base : w->source, *corrupted = w->pairs.noise ? w->source : w->base;
    memcpy(w->kept, hs_run_logits(clean) + (int64_t)pair->metric.position * V, (size_t)V * sizeof *w->kept);
    w->clean += metric_of(r, w, clean);
    w->corrupted += metric_of(r, w, corrupted);
    if (w->pair + 1 == w->pairs.n) {
        hs_read_value(r, "clean", w->clean / w->pairs.n);
        hs_read_value(r, "corrupted", w->corrupted / w->pairs.n);
    }
    hs_run_pass(w->sent, (hs_rows){from, to}, to);
    hs_run_pass(w->patched, (hs_rows){from, to}, to - 1);
}

/* The sender's stream; NULL when no block of it is needed. */
static hs_run *begin_sender(const hs_reading *r, path *w)
{
    bool embed = sends(w, HS_NODE_EMBED, 0);
    int first = first_block(w, w->sender);
    mark_sender(r, w);
    w->last = last_block(r, w->sender);
    hs_run_enter(w->sent, first, hs_run_stream(embed ? w->source : w->base, first));
    return w->last >= first ? w->sent : NULL;
}

/* The receiver's run; NULL when the sender does not reach it. */
static hs_run *begin_receiver(const hs_reading *r, path *w)
{
    int L = r->model->cfg.n_layers, layer = entry(r, w->sender, w->receiver);
    if (layer < 0)
        return NULL;
    memset(w->receive_at, 0, (size_t)HS_N_HOOKS * (size_t)(L + 1));
    for (int i = w->receivers.first[w->receiver]; i < w->receivers.first[w->receiver + 1]; i++)
        mark_receiver(w->receive_at, w->receivers.node[i]);
    hs_run_enter(w->patched, layer, hs_run_stream(layer == L ? w->sent : w->base, layer));
    return w->patched;
}

/* The cell's mean over the pairs so far. */
static void enter_value(hs_reading *r, path *w)
{
    int64_t cell = (int64_t)w->sender * w->receivers.n + w->receiver;
    w->sums[cell] += metric_of(r, w, w->patched);
    hs_read_data(r, w->values, 0)[cell] = (hs_real)(w->sums[cell] / (w->pair + 1));
}

/* Begin the next run; false when all is done. */
static bool go_on(hs_reading *r, path *w)
{
    w->running = NULL;
    while (!w->running)
        switch (w->next) {
        case BEGIN_PAIR:
            if (w->pair == w->pairs.n)
                return false;
            begin_pair(r, w);
            w->running = w->base;
            w->next = AFTER_BASE;
            break;
        case AFTER_BASE:
            w->running = w->source;
            w->next = AFTER_SOURCE;
            break;
        case AFTER_SOURCE: /* for the keys and values of the rows that never change */
            w->running = w->patched;
            w->next = AFTER_WHOLE;
            break;
        case AFTER_WHOLE:
            begin_senders(r, w);
            w->sender = -1;
            w->next = NEXT_SENDER;
            break;
        case NEXT_SENDER:
            if (++w->sender == w->senders.n) {
                w->pair++;
                w->next = BEGIN_PAIR;
                break;
            }
            w->running = begin_sender(r, w);
            w->receiver = -1;
            w->next = NEXT_RECEIVER;
            break;
        case AFTER_RECEIVER: enter_value(r, w); /* fall through */
        case NEXT_RECEIVER:
            w->next = NEXT_SENDER;
            if (++w->receiver == w->receivers.n)
                break;
            w->running = begin_receiver(r, w);
            w->next = w->running ? AFTER_RECEIVER : NEXT_RECEIVER;
            break;
        }
    return true;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    path *w = r->own;
    (void)side;
    (void)i;
    if (!w->running)
        return go_on(r, w);
    bool more = hs_run_step(w->running);
    r->work.done += w->running->chunk == 0;
    if (w->running == w->sent && w->sent->stage > w->last + 1)
        more = false;
    return more || go_on(r, w);
}

static const char *const FIELDS[] = {HS_PAIRS_FIELDS, "senders", "receivers", "mlps", NULL};
const hs_reader hs_reader_path = {.name = "path", .fields = FIELDS, .without_run = true, .plan = plan, .begin = begin, .unit = unit};
