/* test_paths.c: what must hold of the studies of paths in models of random shapes: path patching is, bit for bit, three
 * whole runs for each cell; all senders to the final stream give the other run; a run patched from itself is itself. */
#include "graph.h"
#include "pairs.h"
#include "random_model.h"

#include <math.h>

/* ---- studies ---- */

static hs_status begin_text(hs_model *model, const char *text, hs_detail *detail, hs_reading **out)
{
    hs_status status = hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, detail, out);
    if (status != HS_OK)
        return status;
    status = hs_read_begin(*out, detail);
    if (status != HS_OK)
        hs_read_free(*out);
    return status;
}

static hs_reading *study(hs_model *model, const char *text)
{
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    if (!CHECK_STATUS(begin_text(model, text, &detail, &reading), HS_OK, detail)) {
        printf("    %s\n", text);
        exit(1);
    }
    while (hs_read_step(reading))
        ;
    hs_read_work work = hs_read_progress(reading);
    CHECK(work.done == work.total && work.total > 0);
    return reading;
}

static const hs_real *array_of(const hs_reading *reading, const char *name)
{
    for (int i = 0; i < hs_read_count(reading); i++) {
        hs_read_table table = hs_read_array(reading, i);
        if (!strcmp(table.tensor.name, name))
            return table.tensor.data;
    }
    printf("    there is no array %s\n", name);
    exit(1);
}

static bool same_bits(hs_real a, hs_real b)
{
    return !memcmp(&a, &b, sizeof a);
}

/* ---- path patching as it is defined: whole runs ---- */

enum { T = 7 };

typedef struct naive {
    const hs_model *model;
    hs_run *base, *source, *sent;
    hs_node sender, receiver;
    bool frozen;
} naive;

static void put_rows(hs_real *to, const hs_real *from, hs_rows rows, int64_t stride, int64_t begin, int64_t n)
{
    for (int64_t t = rows.from; t < rows.to; t++)
        memcpy(to + t * stride + begin, from + t * stride + begin, (size_t)n * sizeof *to);
}

static void freeze(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    const naive *n = context;
    int64_t d = n->model->cfg.d_model, e = n->model->cfg.d_head, H = n->model->cfg.n_heads;
    (void)head;
    const hs_real *base = hs_run_at(n->base, hook, layer), *source = hs_run_at(n->source, hook, layer);
    if (hook == HS_HOOK_Z) {
        put_rows(data, base, rows, H * e, 0, H * e);
        if (n->sender.kind == HS_NODE_HEAD && n->sender.layer == layer)
            put_rows(data, source, rows, H * e, n->sender.head * e, e);
    } else if (hook == HS_HOOK_MLP_OUT) {
        bool sends = n->sender.kind == HS_NODE_MLP && n->sender.layer == layer;
        if (sends || n->frozen)
            put_rows(data, sends ? source : base, rows, d, 0, d);
    } else if (hook == HS_HOOK_EMBED && n->sender.kind == HS_NODE_EMBED)
        put_rows(data, source, rows, d, 0, d);
}

static void deliver(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    const naive *n = context;
    int64_t d = n->model->cfg.d_model, H = n->model->cfg.n_heads;
    hs_node to = n->receiver;
    (void)head;
    if (to.kind == HS_NODE_FINAL && hook == HS_HOOK_RESID_POST && layer == n->model->cfg.n_layers - 1)
        put_rows(data, hs_run_at(n->sent, hook, layer), rows, d, 0, d);
    else if (layer != to.layer || to.kind == HS_NODE_FINAL)
        return;
    else if (hook == HS_HOOK_MLP_IN && to.kind == HS_NODE_MLP_IN)
        put_rows(data, hs_run_at(n->sent, hook, layer), rows, d, 0, d);
    else if (to.kind != HS_NODE_MLP_IN && hook == HS_HOOK_Q_INPUT + (int)(to.kind - HS_NODE_Q))
        put_rows(data, hs_run_at(n->sent, hook, layer), rows, H * d, to.head * d, d);
}

static hs_run *whole_run(const naive *n, const int32_t *ids, void (*act)(void *, int, int, int, hs_rows, hs_real *), const int *hooks)
{
    static const char *const ALL[] = {"*"};
    uint8_t at[HS_N_HOOKS * 8] = {0};
    hs_detail detail = {""};
    hs_run *run;
    for (int l = 0; l < n->model->cfg.n_layers; l++)
        for (int i = 0; hooks && hooks[i] >= 0; i++)
            at[hs_hook_at(hooks[i], l)] = 1;
    at[hs_hook_at(HS_HOOK_EMBED, 0)] = act == freeze;
    hs_live live = {.act = act, .context = (void *)n, .at = at};
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .capture = ALL, .n_capture = 1, .live = act ? &live : NULL};
    if (!CHECK_STATUS(hs_run_new(n->model, &spec, &detail, &run), HS_OK, detail))
        exit(1);
    hs_run_forward(run);
    run->live = NULL;
    return run;
}

static double logit_diff(const hs_run *run, int position)
{
    const hs_real *row = hs_run_logits(run) + (int64_t)position * run->model->cfg.d_vocab_out;
    return (double)row[1] - (double)row[2];
}

static void draw_pair(uint64_t *state, const hs_model *model, int32_t *clean, int32_t *corrupted)
{
    int from = (int)random_below(state, T);
    for (int t = 0; t < T; t++) {
        clean[t] = (int32_t)random_below(state, (uint64_t)model->cfg.d_vocab);
        corrupted[t] = t < from || random_below(state, 2) ? clean[t] : (int32_t)random_below(state, (uint64_t)model->cfg.d_vocab);
    }
}

/* {"read": ..., "clean": [...], "corrupted": [...], "metric": ..., rest}. */
static const char *document(const char *read, const int32_t *clean, const int32_t *corrupted, int position, const char *rest)
{
    static char text[1024];
    int used = snprintf(text, sizeof text, "{\"read\":\"%s\",\"clean\":[", read);
    for (int t = 0; t < T; t++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%d", t ? "," : "", (int)clean[t]);
    used += snprintf(text + used, sizeof text - (size_t)used, "],\"corrupted\":[");
    for (int t = 0; t < T; t++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%d", t ? "," : "", (int)corrupted[t]);
    snprintf(text + used, sizeof text - (size_t)used, "],\"metric\":{\"kind\":\"logit_diff\",\"correct\":1,\"wrong\":2,\"position\":%d},%s}", position, rest);
    return text;
}

static void check_cell(naive *n, const int32_t *base, int position, hs_real got)
{
    static const int INSIDE[] = {HS_HOOK_Z, HS_HOOK_MLP_OUT, -1};
    static const int INPUTS[] = {HS_HOOK_Q_INPUT, HS_HOOK_K_INPUT, HS_HOOK_V_INPUT, HS_HOOK_MLP_IN, HS_HOOK_RESID_POST, -1};
    hs_node_label from, to;
    if (!hs_is_edge(n->sender, n->receiver)) {
        CHECK(isnan(got));
        return;
    }
    n->sent = whole_run(n, base, freeze, INSIDE);
    hs_run *patched = n->model->cfg.n_layers ? whole_run(n, base, deliver, INPUTS) : n->sent;
    if (!CHECK(same_bits(got, (hs_real)logit_diff(patched, position))))
        printf("    %s to %s: %g, three runs give %g\n", hs_node_text(n->sender, &from), hs_node_text(n->receiver, &to), (double)got,
               logit_diff(patched, position));
    if (patched != n->sent)
        hs_run_free(patched);
    hs_run_free(n->sent);
}

static void test_three_runs(void)
{
    uint64_t state = 41;
    for (int m = 0; m < 14; m++) {
        hs_model *model = random_model(&state, NULL);
        const hs_config *cfg = &model->cfg;
        int32_t clean[T], corrupted[T];
        char rest[128];
        bool noise = m % 2, frozen = m / 2 % 2;
        int position = (int)random_below(&state, T);
        draw_pair(&state, model, clean, corrupted);
        TEST("path patching is three runs: %d layers, %d heads%s", cfg->n_layers, cfg->n_heads, cfg->attn_only ? "" : ", MLP");
        snprintf(rest, sizeof rest, "\"senders\":\"all\",\"receivers\":\"all\",\"direction\":\"%s\",\"mlps\":\"%s\"", noise ? "noise" : "denoise",
                 frozen ? "frozen" : "recomputed");
        hs_reading *reading = study(model, document("path", clean, corrupted, position, rest));
        const hs_real *values = array_of(reading, "values");
        naive n = {.model = model, .frozen = frozen};
        const int32_t *base = noise ? clean : corrupted;
        n.base = whole_run(&n, base, NULL, NULL);
        n.source = whole_run(&n, noise ? corrupted : clean, NULL, NULL);
        int R = hs_n_nodes(cfg, HS_RECEIVERS), S = hs_n_nodes(cfg, HS_SENDERS);
        for (int c = 0; c < S * R; c++) {
            n.sender = hs_node_at(cfg, HS_SENDERS, c / R);
            n.receiver = hs_node_at(cfg, HS_RECEIVERS, c % R);
            CHECK(hs_node_index(cfg, n.sender) == c / R && hs_node_index(cfg, n.receiver) == c % R);
            check_cell(&n, base, position, values[c]);
        }
        hs_run_free(n.base);
        hs_run_free(n.source);
        hs_read_free(reading);
        hs_model_free(model);
    }
}

/* ---- the ends of the scale ---- */

static void test_all_and_nothing(void)
{
    uint64_t state = 8;
    for (int m = 0; m < 12; m++) {
        hs_model *model = random_model(&state, NULL);
        const hs_config *cfg = &model->cfg;
        int32_t clean[T], corrupted[T];
        char rest[1024];
        draw_pair(&state, model, clean, corrupted);
        TEST("all senders are the other run, a run patched from itself is itself: %d layers%s", cfg->n_layers, cfg->attn_only ? "" : ", MLP");
        int used = snprintf(rest, sizeof rest, "\"mlps\":\"%s\",\"receivers\":[\"final\"],\"senders\":[[", m % 2 ? "frozen" : "recomputed");
        for (int i = 0; i < hs_n_nodes(cfg, HS_SENDERS); i++) {
            hs_node_label label;
            used += snprintf(rest + used, sizeof rest - (size_t)used, "%s\"%s\"", i ? "," : "", hs_node_text(hs_node_at(cfg, HS_SENDERS, i), &label));
        }
        snprintf(rest + used, sizeof rest - (size_t)used, "]]");
        hs_reading *all = study(model, document("path", clean, corrupted, -1, rest));
        naive n = {.model = model};
        hs_run *other = whole_run(&n, clean, NULL, NULL);
        CHECK(same_bits(array_of(all, "values")[0], (hs_real)logit_diff(other, T - 1)));
        hs_reading *itself = study(model, document("path", clean, clean, -1, "\"senders\":\"all\",\"receivers\":\"all\""));
        int n_cells = hs_n_nodes(cfg, HS_SENDERS) * hs_n_nodes(cfg, HS_RECEIVERS);
        for (int i = 0; i < n_cells; i++) {
            hs_real x = array_of(itself, "values")[i];
            CHECK(isnan(x) || same_bits(x, (hs_real)logit_diff(other, T - 1)));
        }
        hs_run_free(other);
        hs_read_free(itself);
        hs_read_free(all);
        hs_model_free(model);
    }
}

int main(void)
{
    test_three_runs();
    test_all_and_nothing();
    return HARNESS_END();
}
