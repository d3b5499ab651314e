/* read_circuit.c: "circuit": the edges that matter most by edge attribution (edges.h), those of them that lie on a path
 * from the embedding to the end, and what the model does with these edges alone, and without them.
 *
 * A run of a circuit computes every node. A receiver whose edges are all kept reads the stream as it is; any other reads
 * what it would with every edge cut, plus, for each kept edge, what its sender writes now less what stands in for it: with
 * ablation "corrupted" the sender's write in the corrupted run, with "zero" nothing. So a circuit of all edges is the
 * clean run and one of none the corrupted run, to the bit. */
#include "edges.h"

#include "kernels.h"
#include "sort.h"

#include <math.h>
#include <string.h>

enum { MOST_CIRCUITS = 256 };

/* Which edges a run keeps. */
typedef enum keep { CIRCUIT, COMPLEMENT, NOTHING } keep;
/* What comes when the run in progress has ended. */
typedef enum phase { SCORE, NEXT_PAIR, AFTER_CLEAN, AFTER_CORRUPTED, NEXT_RUN, AFTER_RUN } phase;

/* An edge, sender * n_receivers + receiver, and the size of its score. */
typedef struct ranked {
    double size;
    int edge;
} ranked;

typedef struct circuit {
    hs_edges_scores edges;
    int n_circuits;
    int *counts;        /* NULL: by thresholds */
    double *thresholds;
    bool zero;
    uint8_t *chosen; /* [circuit, sender, receiver]: pruned */
    uint8_t *kept;   /* [sender, receiver]: in the run in progress */
    bool *sends;     /* [sender]: whether any of its edges is */
    int n_edges;
    ranked *ranked;  /* [n_edges] */
    bool *from_start, *to_end; /* [sender], [receiver]: of prune */
    hs_run *run;
    hs_live live;
    uint8_t *live_at;
    hs_real *now;    /* [sender, n_tokens, d_model]: what it writes less what stands in for it */
    hs_real *z;      /* [n_tokens, d_head] */
    hs_real *biases; /* [n_layers + 1, d_model]: b_O of the layers before */
    double *sums;    /* [2, circuit]: metric, complement */
    double clean, corrupted, nothing;
    int a_n_edges, a_kept, a_metric, a_complement, a_faithfulness, a_completeness;
    phase phase;
    hs_run *running;
    int pair, at; /* at: the next of 2 n_circuits runs; -1: with nothing kept */
    double runs_done, runs_total; /* stages */
} circuit;

static const hs_config *cfg_of(const circuit *c)
{
    return &c->edges.slopes.r->model->cfg;
}

static hs_run *clean_run(const circuit *c)
{
    return c->edges.slopes.pairs.noise ? c->edges.slopes.base : c->edges.slopes.source;
}

static hs_run *corrupted_run(const circuit *c)
{
    return c->edges.slopes.pairs.noise ? c->edges.slopes.source : c->edges.slopes.base;
}

/* ---- a run that keeps some edges ---- */

/* These rows of what the senders that write at this hook write now, less what stands in for it. */
static void note_writes(circuit *c, int hook, int layer, hs_rows rows, const hs_real *data)
{
    const hs_model *model = c->edges.slopes.r->model;
    const hs_config *cfg = &model->cfg;
    int64_t d = cfg->d_model, e = cfg->d_head, n = (int64_t)cfg->n_heads * e, size = (int64_t)c->edges.slopes.n_tokens * d;
    const hs_real *other = c->zero ? NULL : hs_run_at(corrupted_run(c), hook, layer);
    hs_node node = {hook == HS_HOOK_EMBED ? HS_NODE_EMBED : hook == HS_HOOK_MLP_OUT ? HS_NODE_MLP : HS_NODE_HEAD, layer, 0};
    if (hook != HS_HOOK_Z) {
        hs_real *out = c->now + hs_node_index(cfg, node) * size;
        for (int64_t i = rows.from * d; i < rows.to * d; i++)
            out[i] = data[i] - (other ? other[i] : 0);
        return;
    }
    for (; node.head < cfg->n_heads; node.head++) {
        int sender = hs_node_index(cfg, node);
        if (!c->sends[sender])
            continue;
        for (int64_t t = rows.from; t < rows.to; t++)
            for (int64_t i = 0; i < e; i++) {
                int64_t at = t * n + node.head * e + i;
                c->z[t * e + i] = data[at] - (other ? other[at] : 0);
            }
        hs_gemm(c->now + sender * size + rows.from * d, d, c->z + rows.from * e, e,
                model->forward.blocks[layer].W_O + (int64_t)node.head * e * HS_NR, HS_NR * n, NULL, rows.to - rows.from, (int)d, (int)e, false);
    }
}

/* A row of the stream with every edge cut. */
static void cut_row(const circuit *c, hs_node receiver, int t, hs_real *out)
{
    const hs_config *cfg = cfg_of(c);
    const hs_model *model = c->edges.slopes.r->model;
    int d = cfg->d_model, layer = receiver.kind == HS_NODE_FINAL ? cfg->n_layers : receiver.layer;
    bool mid = receiver.kind == HS_NODE_MLP_IN;
    if (!c->zero) {
        const hs_real *stream = mid ? hs_run_at(corrupted_run(c), HS_HOOK_RESID_MID, layer) : hs_run_stream(corrupted_run(c), layer);
        memcpy(out, stream + (int64_t)t * d, (size_t)d * sizeof *out);
        return;
    }
    memcpy(out, c->biases + (int64_t)(layer + mid) * d, (size_t)d * sizeof *out);
    if (cfg->positional_embedding_type == HS_POSITIONS_STANDARD)
        hs_add(out, out, model->w.W_pos + (int64_t)t * d, d);
}

/* What the receiver reads, into rows `stride` apart that hold the stream as it is. */
static void feed(const circuit *c, hs_node receiver, hs_rows rows, hs_real *data, int64_t stride)
{
    const hs_config *cfg = cfg_of(c);
    int64_t d = cfg->d_model, size = (int64_t)c->edges.slopes.n_tokens * d;
    int R = c->edges.n_receivers, to = hs_node_index(cfg, receiver), n_edges = 0, n_kept = 0;
    for (int s = 0; s < c->edges.n_senders; s++) {
        n_edges += hs_is_edge(hs_node_at(cfg, HS_SENDERS, s), receiver);
        n_kept += c->kept[(int64_t)s * R + to];
    }
    if (n_kept == n_edges)
        return;
    for (int t = rows.from; t < rows.to; t++) {
        cut_row(c, receiver, t, data + t * stride);
        for (int s = 0; s < c->edges.n_senders; s++)
            if (c->kept[(int64_t)s * R + to])
                hs_add(data + t * stride, data + t * stride, c->now + s * size + t * d, d);
    }
}

static void act(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    circuit *c = context;
    int64_t d = cfg_of(c)->d_model, H = cfg_of(c)->n_heads;
    (void)head;
    switch (hook) {
    case HS_HOOK_Q_INPUT:
    case HS_HOOK_K_INPUT:
    case HS_HOOK_V_INPUT:
        for (int h = 0; h < H; h++)
            feed(c, (hs_node){HS_NODE_Q + (hook - HS_HOOK_Q_INPUT), layer, h}, rows, data + h * d, H * d);
        return;
    case HS_HOOK_MLP_IN: feed(c, (hs_node){HS_NODE_MLP_IN, layer, 0}, rows, data, d); return;
    case HS_HOOK_RESID_POST: feed(c, (hs_node){HS_NODE_FINAL, 0, 0}, rows, data, d); return;
    default: note_writes(c, hook, layer, rows, data);
    }
}

/* ---- which edges ---- */

static bool sends_to_end(const circuit *c, const uint8_t *chosen, const bool *reaches_end, int sender)
{
    int R = c->edges.n_receivers;
    for (int v = 0; v < R; v++)
        if (chosen[(int64_t)sender * R + v] && reaches_end[v])
            return true;
    return false;
}

/* The sender that a receiver's input goes into; -1: the end. */
static int owner(const circuit *c, int receiver)
{
    hs_node node = hs_node_at(cfg_of(c), HS_RECEIVERS, receiver);
    if (node.kind == HS_NODE_FINAL)
        return -1;
    return hs_node_index(cfg_of(c), (hs_node){node.kind == HS_NODE_MLP_IN ? HS_NODE_MLP : HS_NODE_HEAD, node.layer, node.head});
}

/* Take away the edges that lie on no path of chosen edges from the embedding to the end; how many are left. Senders are
 * numbered as they run, so one pass each way sees every path. */
static int prune(const circuit *c, uint8_t *chosen, bool *from_start, bool *to_end)
{
    int S = c->edges.n_senders, R = c->edges.n_receivers, left = 0;
    for (int s = 0; s < S; s++)
        from_start[s] = s == 0;
    for (int s = 0; s < S; s++)
        for (int v = 0; from_start[s] && v < R - 1; v++)
            if (chosen[(int64_t)s * R + v])
                from_start[owner(c, v)] = true;
    for (int v = 0; v < R; v++)
        to_end[v] = v == R - 1;
    for (int s = S - 1; s >= 0; s--) {
        bool ends = sends_to_end(c, chosen, to_end, s);
        for (int v = 0; v < R - 1; v++)
            if (owner(c, v) == s)
                to_end[v] = ends;
    }
    for (int64_t i = 0; i < (int64_t)S * R; i++) {
        chosen[i] = chosen[i] && from_start[i / R] && to_end[i % R];
        left += chosen[i];
    }
    return left;
}

/* The largest first, the earlier first among equals; NaN last. */
static int by_size(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->edge < y->edge ? -1 : 1;
}

/* The scores are done: rank the edges and choose those of each circuit. */
static void choose(hs_reading *r, circuit *c)
{
    int S = c->edges.n_senders, R = c->edges.n_receivers, n = 0;
    const hs_real *scores = hs_read_data(r, c->edges.values, 0);
    for (int i = 0; i < S * R; i++)
        if (hs_is_edge(hs_node_at(cfg_of(c), HS_SENDERS, i / R), hs_node_at(cfg_of(c), HS_RECEIVERS, i % R))) {
            double size = fabs((double)scores[i]);
            c->ranked[n++] = (ranked){isnan(size) ? -1 : size, i};
        }
    hs_sort(c->ranked, (size_t)n, sizeof *c->ranked, by_size);
    for (int k = 0; k < c->n_circuits; k++) {
        uint8_t *chosen = c->chosen + (int64_t)k * S * R;
        hs_real *kept = hs_read_data(r, c->a_kept, 0) + (int64_t)k * S * R;
        for (int i = 0; i < n; i++)
            chosen[c->ranked[i].edge] = c->counts ? i < c->counts[k] : c->ranked[i].size >= c->thresholds[k];
        hs_read_data(r, c->a_n_edges, 0)[k] = (hs_real)prune(c, chosen, c->from_start, c->to_end);
        for (int i = 0; i < n; i++)
            kept[c->ranked[i].edge] = chosen[c->ranked[i].edge];
    }
}

/* ---- the plan ---- */

static void free_own(hs_reading *r)
{
    circuit *c = r->own;
    hs_run_free(c->run);
    hs_edges_free(&c->edges);
}

static hs_status read_choices(hs_reading *r, const hs_read_spec *spec, circuit *c)
{
    static const char *const ABLATIONS[] = {"corrupted", "zero", NULL};
    int ablation = 0, i = 0;
    hs_json_at counts = hs_spec_at(spec, "counts"), thresholds = hs_spec_at(spec, "thresholds"), at = counts >= 0 ? counts : thresholds;
    const char *key = counts >= 0 ? "counts" : "thresholds";
    HS_TRY(hs_spec_choice(spec, "ablation", ABLATIONS, &ablation));
    c->zero = ablation == 1;
    if ((counts >= 0) == (thresholds >= 0))
        return HS_SPEC_FAIL(spec, "counts", "%s", "either counts (how many edges) or thresholds (of their size) are needed here");
    c->n_circuits = hs_json_type_of(spec->json, at) == HS_JSON_ARRAY ? hs_json_length(spec->json, at) : 0;
    if (c->n_circuits < 1 || c->n_circuits > MOST_CIRCUITS)
        return HS_SPEC_FAIL(spec, key, "a list of 1 to %d numbers is needed here", (int)MOST_CIRCUITS);
    if (counts >= 0)
        HS_READ_TAKE(r, spec, c->counts, c->n_circuits);
    else
        HS_READ_TAKE(r, spec, c->thresholds, c->n_circuits);
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        char field[32];
        hs_format(field, sizeof field, "%s[%d]", key, i);
        if (counts >= 0)
            HS_TRY(hs_spec_read_int(spec, item, field, 0, c->n_edges, &c->counts[i]));
        else if (!hs_json_number(spec->json, item, &c->thresholds[i]) || c->thresholds[i] < 0)
            return HS_SPEC_FAIL(spec, field, "%s", "a number from 0 is needed here");
    }
    return HS_OK;
}

static hs_status declare(hs_reading *r, const hs_read_spec *spec, circuit *c)
{
    const hs_axis_of one[] = {{"circuit", c->n_circuits}, {NULL, 0}};
    int S = c->edges.n_senders, R = c->edges.n_receivers;
    struct {
        const char *name;
        int *at;
    } numbers[] = {{"edges", &c->a_n_edges}, {"faithfulness", &c->a_faithfulness}, {"completeness", &c->a_completeness},
                   {"metric", &c->a_metric}, {"complement", &c->a_complement}};
    HS_TRY(hs_read_array_new(r, spec, "kept", true, HS_AXES({"circuit", c->n_circuits}, {"sender", S}, {"receiver", R}), &c->a_kept));
    for (int64_t i = 0; i < (int64_t)c->n_circuits * S * R; i++)
        hs_read_data(r, c->a_kept, 0)[i] = (hs_real)NAN;
    for (int i = 0; i < 5; i++) {
        HS_TRY(hs_read_array_new(r, spec, numbers[i].name, i == 0, one, numbers[i].at));
        for (int k = 0; k < c->n_circuits; k++)
            hs_read_data(r, *numbers[i].at, 0)[k] = (hs_real)NAN;
    }
    for (int k = 0; k < c->n_circuits; k++) {
        hs_text label = {0};
        hs_text_number(&label, c->counts ? c->counts[k] : c->thresholds[k]);
        r->axes.lost |= label.lost;
        hs_read_label(r, "circuit", label.lost ? "" : label.data);
        hs_text_free(&label);
    }
    hs_read_convention(r, "kept", "1 where the edge is in the circuit: chosen by the size of its score, and on a path of chosen edges from the embedding to the "
                                  "end; edges counts these");
    hs_read_convention(r, "metric", c->zero ? "of the clean run with every other edge cut: what its sender writes is taken as zero"
                                            : "of the clean run with every other edge carrying what its sender writes in the corrupted run");
    hs_read_convention(r, "complement", "the same with the circuit's edges in place of all others");
    hs_read_convention(r, "faithfulness", "(metric - nothing) / (clean - nothing), nothing being the metric with no edge kept");
    hs_read_convention(r, "completeness", "(complement - nothing) / (clean - nothing): what is left without the circuit");
    return HS_OK;
}

static int count_edges(const hs_config *cfg)
{
    int n = 0;
    for (int s = 0; s < hs_n_nodes(cfg, HS_SENDERS); s++)
        for (int v = 0; v < hs_n_nodes(cfg, HS_RECEIVERS); v++)
            n += hs_is_edge(hs_node_at(cfg, HS_SENDERS, s), hs_node_at(cfg, HS_RECEIVERS, v));
    return n;
}

static hs_run_spec run_spec(const circuit *c)
{
    return (hs_run_spec){.ids = hs_pair_base(&c->edges.slopes.pairs, 0), .n_tokens = c->edges.slopes.n_tokens, .live = &c->live};
}

/* What note_writes and feed look at. */
static hs_status take_places(hs_reading *r, const hs_read_spec *spec, circuit *c)
{
    const hs_config *cfg = &r->model->cfg;
    uint64_t S = (uint64_t)c->edges.n_senders, R = (uint64_t)c->edges.n_receivers, T = (uint64_t)c->edges.slopes.n_tokens, d = (uint64_t)cfg->d_model;
    HS_READ_TAKE(r, spec, c->chosen, S * R * (uint64_t)c->n_circuits);
    HS_READ_TAKE(r, spec, c->kept, S * R);
    HS_READ_TAKE(r, spec, c->sends, S);
    HS_READ_TAKE(r, spec, c->from_start, S);
    HS_READ_TAKE(r, spec, c->to_end, R);
    HS_READ_TAKE(r, spec, c->ranked, c->n_edges);
    HS_READ_TAKE(r, spec, c->now, S * T * d);
    HS_READ_TAKE(r, spec, c->z, T * (uint64_t)cfg->d_head);
    HS_READ_TAKE(r, spec, c->biases, (uint64_t)(cfg->n_layers + 1) * d);
    HS_READ_TAKE(r, spec, c->sums, 2 * c->n_circuits);
    HS_READ_TAKE(r, spec, c->live_at, (uint64_t)HS_N_HOOKS * (uint64_t)cfg->n_layers);
    for (int l = 0; l < cfg->n_layers; l++) {
        static const int HOOKS[] = {HS_HOOK_Z, HS_HOOK_MLP_OUT, HS_HOOK_Q_INPUT, HS_HOOK_K_INPUT, HS_HOOK_V_INPUT, HS_HOOK_MLP_IN};
        for (int i = 0; i < 6; i++)
            c->live_at[hs_hook_at(HOOKS[i], l)] = 1;
        hs_add(c->biases + (int64_t)(l + 1) * cfg->d_model, c->biases + (int64_t)l * cfg->d_model, r->model->blocks[l].b_O, cfg->d_model);
    }
    c->live_at[hs_hook_at(HS_HOOK_EMBED, 0)] = 1;
    c->live_at[hs_hook_at(HS_HOOK_RESID_POST, cfg->n_layers - 1)] = 1;
    double writes = 2.0 * cfg->d_model * cfg->n_heads * cfg->d_head, reads = (double)cfg->n_heads * c->edges.n_senders * cfg->d_model;
    c->live = (hs_live){.act = act, .context = c, .at = c->live_at, .row_flops = writes > reads ? writes : reads};
    return HS_OK;
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    circuit *c;
    if (!cfg->n_layers)
        return HS_SPEC_FAIL(spec, "read", "%s", "this model has no layers, and one edge");
    HS_READ_TAKE(r, spec, c, 1);
    r->own = c;
    r->free_own = free_own;
    c->n_edges = count_edges(cfg);
    c->edges.slopes.capture[c->edges.slopes.n_capture++] = "*.hook_resid_post";
    if (!cfg->attn_only)
        c->edges.slopes.capture[c->edges.slopes.n_capture++] = "*.hook_resid_mid";
    HS_TRY(hs_edges_read(r, spec, &c->edges));
    HS_TRY(read_choices(r, spec, c));
    HS_TRY(declare(r, spec, c));
    HS_TRY(take_places(r, spec, c));
    hs_run_spec run = run_spec(c);
    HS_TRY(hs_read_promise_run(r, &run, spec->detail));
    c->runs_total = (double)c->edges.slopes.pairs.n * (2 + c->zero + 2 * c->n_circuits) * (cfg->n_layers + 2);
    r->work.total = c->edges.total + c->runs_total;
    return HS_OK;
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    circuit *c = r->own;
    hs_run_spec run = run_spec(c);
    HS_TRY(hs_edges_begin(&c->edges, detail));
    return hs_run_new(r->model, &run, detail, &c->run);
}

/* ---- the work ---- */

static void set_ids(hs_run *run, const int32_t *ids)
{
    HS_ASSERT(hs_run_set_ids(run, ids, NULL) == HS_OK); /* checked when they were read */
}

static double metric_of(const circuit *c, const hs_run *run)
{
    int V = cfg_of(c)->d_vocab_out;
    int64_t at = (int64_t)(c->edges.slopes.n_tokens - 1) * V;
    return hs_metric_value(&c->edges.slopes.pairs.list[c->pair].metric, hs_run_logits(run) + at, hs_run_logits(clean_run(c)) + at, V);
}

/* Which edges the next run keeps. */
static void keep_edges(circuit *c, keep which, int k)
{
    int S = c->edges.n_senders, R = c->edges.n_receivers;
    const uint8_t *chosen = c->chosen + (int64_t)k * S * R;
    for (int s = 0; s < S; s++) {
        c->sends[s] = false;
        for (int v = 0; v < R; v++) {
            int64_t i = (int64_t)s * R + v;
            bool edge = hs_is_edge(hs_node_at(cfg_of(c), HS_SENDERS, s), hs_node_at(cfg_of(c), HS_RECEIVERS, v));
            c->kept[i] = which == CIRCUIT ? chosen[i] : which == COMPLEMENT ? edge && !chosen[i] : 0;
            c->sends[s] |= c->kept[i];
        }
    }
}

/* What the runs of the pairs so far say of a circuit. */
static void tell(hs_reading *r, const circuit *c, int k)
{
    double n = c->pair + 1, whole = (c->clean - c->nothing) / n;
    double metric = c->sums[k] / n, complement = c->sums[c->n_circuits + k] / n, nothing = c->nothing / n;
    hs_read_data(r, c->a_metric, 0)[k] = (hs_real)metric;
    hs_read_data(r, c->a_complement, 0)[k] = (hs_real)complement;
    hs_read_data(r, c->a_faithfulness, 0)[k] = (hs_real)((metric - nothing) / whole);
    hs_read_data(r, c->a_completeness, 0)[k] = (hs_real)((complement - nothing) / whole);
}

static void after_run(hs_reading *r, circuit *c)
{
    double metric = metric_of(c, c->run);
    if (c->at < 0)
        c->nothing += metric;
    else {
        c->sums[c->at % 2 * c->n_circuits + c->at / 2] += metric;
        if (c->at % 2)
            tell(r, c, c->at / 2);
    }
    c->at++;
}

/* Begin the next run; false when all is done. */
static bool go_on(hs_reading *r, circuit *c)
{
    const hs_pairs *pairs = &c->edges.slopes.pairs;
    c->running = NULL;
    while (!c->running)
        switch (c->phase) {
        case SCORE:
            choose(r, c);
            c->phase = NEXT_PAIR;
            break;
        case NEXT_PAIR:
            if (c->pair == pairs->n)
                return false;
            set_ids(clean_run(c), pairs->list[c->pair].clean);
            set_ids(corrupted_run(c), pairs->list[c->pair].corrupted);
            set_ids(c->run, pairs->list[c->pair].clean);
            c->running = clean_run(c);
            c->phase = AFTER_CLEAN;
            break;
        case AFTER_CLEAN:
            c->running = corrupted_run(c);
            c->phase = AFTER_CORRUPTED;
            break;
        case AFTER_CORRUPTED:
            c->clean += metric_of(c, clean_run(c));
            if (!c->zero)
                c->nothing += metric_of(c, corrupted_run(c));
            c->at = c->zero ? -1 : 0;
            c->phase = NEXT_RUN;
            break;
        case AFTER_RUN: after_run(r, c); /* fall through */
        case NEXT_RUN:
            if (c->at == 2 * c->n_circuits) {
                c->pair++;
                c->phase = NEXT_PAIR;
                break;
            }
            keep_edges(c, c->at < 0 ? NOTHING : c->at % 2 ? COMPLEMENT : CIRCUIT, c->at < 0 ? 0 : c->at / 2);
            c->running = c->run;
            c->phase = AFTER_RUN;
            break;
        }
    return true;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    circuit *c = r->own;
    (void)side, (void)i;
    bool more;
    if (c->phase == SCORE) {
        more = hs_edges_step(&c->edges);
        r->work.done = hs_edges_done(&c->edges);
        return more || go_on(r, c);
    }
    more = hs_run_step(c->running);
    c->runs_done += c->running->chunk == 0;
    r->work.done = hs_edges_done(&c->edges) + c->runs_done;
    return more || go_on(r, c);
}

static void finish(hs_reading *r)
{
    const circuit *c = r->own;
    hs_read_value(r, "nothing", c->nothing / c->edges.slopes.pairs.n);
}

static const char *const FIELDS[] = {HS_SLOPES_FIELDS, "counts", "thresholds", "ablation", NULL};
const hs_reader hs_reader_circuit = {.name = "circuit", .fields = FIELDS, .without_run = true, .plan = plan, .begin = begin, .unit = unit, .finish = finish};
