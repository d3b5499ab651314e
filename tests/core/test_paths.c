/* test_paths.c: what must hold of the studies of paths in models of random shapes: path patching is, bit for bit, three
 * whole runs for each cell; all senders to the final stream give the other run; a run patched from itself is itself; a
 * circuit of all edges is the clean run, of none the corrupted one; no document, however odd, does more than name its
 * field. */
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

/* ---- circuits ---- */

static int count_edges(const hs_config *cfg)
{
    int n = 0;
    for (int s = 0; s < hs_n_nodes(cfg, HS_SENDERS); s++)
        for (int r = 0; r < hs_n_nodes(cfg, HS_RECEIVERS); r++)
            n += hs_is_edge(hs_node_at(cfg, HS_SENDERS, s), hs_node_at(cfg, HS_RECEIVERS, r));
    return n;
}

/* Every kept edge is fed, and is read by somebody or is the end. */
static void check_pruned(const hs_config *cfg, const hs_real *kept, double n)
{
    int S = hs_n_nodes(cfg, HS_SENDERS), R = hs_n_nodes(cfg, HS_RECEIVERS), count = 0;
    for (int i = 0; i < S * R; i++) {
        if (!(kept[i] == 1))
            continue;
        hs_node sender = hs_node_at(cfg, HS_SENDERS, i / R), receiver = hs_node_at(cfg, HS_RECEIVERS, i % R);
        bool fed = sender.kind == HS_NODE_EMBED, read = receiver.kind == HS_NODE_FINAL;
        for (int j = 0; j < S * R; j++) {
            hs_node from = hs_node_at(cfg, HS_SENDERS, j / R), to = hs_node_at(cfg, HS_RECEIVERS, j % R);
            bool to_mlp = to.kind == HS_NODE_MLP_IN, to_final = to.kind == HS_NODE_FINAL;
            fed = fed || (kept[j] == 1 && !to_final && to_mlp == (sender.kind == HS_NODE_MLP) && to.layer == sender.layer && to.head == sender.head);
            bool same = receiver.layer == from.layer && receiver.head == from.head && from.kind != HS_NODE_EMBED;
            read = read || (kept[j] == 1 && same && (receiver.kind == HS_NODE_MLP_IN) == (from.kind == HS_NODE_MLP));
        }
        CHECK(fed && read);
        count++;
    }
    CHECK(count == n);
}

static void test_circuits(void)
{
    uint64_t state = 23;
    for (int m = 0; m < 16; m++) {
        hs_model *model = random_model(&state, NULL);
        const hs_config *cfg = &model->cfg;
        int32_t clean[T], corrupted[T];
        char rest[256];
        bool zero = m % 2;
        draw_pair(&state, model, clean, corrupted);
        corrupted[0] = (clean[0] + 1) % cfg->d_vocab;
        TEST("circuits of all edges, of none: %d layers%s", cfg->n_layers, cfg->attn_only ? "" : ", MLP");
        if (cfg->n_layers) {
            int n = count_edges(cfg);
            snprintf(rest, sizeof rest, "\"direction\":\"noise\",\"steps\":%d,\"ablation\":\"%s\",\"counts\":[%d,0,%d,%d]", 1 + m % 3,
                     zero ? "zero" : "corrupted", n, n / 4, n / 2);
            hs_reading *reading = study(model, document("circuit", clean, corrupted, -1, rest));
            const hs_real *metric = array_of(reading, "metric"), *complement = array_of(reading, "complement");
            naive w = {.model = model};
            hs_run *whole = whole_run(&w, clean, NULL, NULL), *other = whole_run(&w, corrupted, NULL, NULL);
            CHECK(same_bits(metric[0], (hs_real)logit_diff(whole, T - 1)) && same_bits(complement[1], metric[0]));
            CHECK(same_bits(metric[1], complement[0]) && (zero || same_bits(metric[1], (hs_real)logit_diff(other, T - 1))));
            CHECK(array_of(reading, "faithfulness")[0] == 1 && array_of(reading, "completeness")[0] == 0);
            CHECK(array_of(reading, "faithfulness")[1] == 0 && array_of(reading, "completeness")[1] == 1);
            int64_t each = (int64_t)hs_n_nodes(cfg, HS_SENDERS) * hs_n_nodes(cfg, HS_RECEIVERS);
            for (int k = 0; k < 4; k++)
                check_pruned(cfg, array_of(reading, "kept") + k * each, (double)array_of(reading, "edges")[k]);
            CHECK(array_of(reading, "edges")[0] == n && array_of(reading, "edges")[1] == 0);
            hs_run_free(whole);
            hs_run_free(other);
            hs_read_free(reading);
        }
        hs_model_free(model);
    }
}

/* Of a model that is linear in the embeddings the first order is everything. */
static void test_linear(void)
{
    uint64_t state = 31;
    hs_model *model = random_model(&state, "{\"n_layers\":0,\"d_model\":9,\"n_ctx\":12,\"d_head\":3,\"n_heads\":3,\"d_vocab\":14,\"attn_only\":true,"
                                           "\"normalization_type\":null}");
    int32_t clean[T], corrupted[T];
    draw_pair(&state, model, clean, corrupted);
    corrupted[T - 1] = (clean[T - 1] + 1) % model->cfg.d_vocab;
    TEST("one edge of a linear model is the whole difference");
    naive n = {.model = model};
    hs_run *whole = whole_run(&n, clean, NULL, NULL), *other = whole_run(&n, corrupted, NULL, NULL);
    hs_reading *reading = study(model, document("edges", clean, corrupted, -1, "\"steps\":3"));
    CHECK(fabs((double)array_of(reading, "values")[0] - (logit_diff(whole, T - 1) - logit_diff(other, T - 1))) < 1e-5);
    hs_read_free(reading);
    hs_run_free(whole);
    hs_run_free(other);
    hs_model_free(model);
}

/* ---- documents that nobody would write; studies that are given up ---- */

static const char *const DOCUMENTS[] = {
    "{\"read\":\"path\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"senders\":\"all\",\"receivers\":[\"final\"]}",
    "{\"read\":\"path\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"senders\":[\"embed\",[\"L0H0\"]],\"receivers\":\"all\",\"mlps\":\"frozen\"}",
    "{\"read\":\"edges\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"}}",
    "{\"read\":\"edges\",\"pairs\":[{\"clean\":[1,2,3],\"corrupted\":[1,4,3]}],\"metric\":{\"kind\":\"log_prob\",\"correct\":1},\"steps\":2}",
    "{\"read\":\"attribute\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"log_prob\",\"correct\":1},\"what\":\"z\",\"by\":\"layer,head\",\"compare\":true}",
    "{\"read\":\"attribute\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"log_prob\",\"correct\":1},\"what\":\"pattern\",\"by\":\"layer,head,dest,src\",\"steps\":2}",
    "{\"read\":\"circuit\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"counts\":[3,1]}",
    "{\"read\":\"circuit\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"thresholds\":[0.001],\"ablation\":\"zero\"}",
};
static const char *const ODD[] = {
    "null", "true", "-1", "0", "1", "1e9", "99999999999999999999", "1.5", "1e308", "-0.5", "\"x\"", "\"\"", "\"all\"", "[]", "{}", "[[]]", "[null]", "[1e99]", "[-9]",
    "[[0,-1]]", "[0,0,0]", "[\"*\"]", "[\"L0H0\"]", "[\"L0H0.q\"]", "[\"final\",\"final\"]", "[[\"final\",\"L0H0.q\"]]", "[\"L99999999999H0\"]", "[\"L0H\"]", "[\"L0H0.qq\"]",
    "[\"-1_mlp_out\"]", "[\"0_mlp_in\"]", "[[\"embed\",\"embed\"],\"embed\"]", "[\"embed \"]", "{\"kind\":\"rank\",\"correct\":1}", "{\"kind\":\"logit_diff\",\"correct\":1}",
    "{\"kind\":\"kl\",\"position\":-3}", "{\"kind\":\"kl\",\"position\":3}", "[{\"clean\":[1],\"corrupted\":[2]}]", "[{\"clean\":[1],\"corrupted\":[2,3]}]", "[1,2]", "[3,2,1]",
    "\"noise\"", "\"frozen\"", "\"zero\"", "\"layer\"", "\"resid_mid\"", "[\"z\",\"z\"]",
};
static const char *const FIELDS[] = {"clean", "corrupted", "pairs", "metric", "direction", "senders", "receivers", "mlps", "steps", "counts", "thresholds",
                                     "ablation", "what", "by", "layers", "heads", "positions", "compare", "ids", "edits", "runs", "minus", "read", "v", "colour"};

/* The value of a field of the document goes, another comes; begun and given up after some units. */
static void check_odd(hs_model *model, const char *document, const char *field, const char *value, int units)
{
    char text[1024], key[32];
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    snprintf(key, sizeof key, "\"%s\":", field);
    const char *at = strstr(document, key);
    if (at && (at[-1] == '{' || at[-1] == ',') && strcmp(field, "clean") && strcmp(field, "corrupted") && strcmp(field, "read")) {
        const char *end = at + strlen(key);
        bool inside = false; /* a string */
        for (int depth = 0; *end && (inside || depth > 0 || (*end != ',' && *end != '}')); end++) {
            inside ^= *end == '"';
            depth += inside ? 0 : (*end == '[' || *end == '{') - (*end == ']' || *end == '}');
        }
        snprintf(text, sizeof text, "%.*s%s%s%s", (int)(at - document), document, key, value, end);
    } else if (!at)
        snprintf(text, sizeof text, "{\"%s\":%s,%s", field, value, document + 1);
    else
        return;
    hs_status status = begin_text(model, text, &detail, &reading);
    if (status != HS_OK) {
        bool names_a_field = false;
        for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
            names_a_field = names_a_field || !strncmp(detail.text, FIELDS[i], strlen(FIELDS[i]));
        if (!CHECK((status == HS_ESPEC || status == HS_ETOKENS) && names_a_field && !strchr(detail.text, '\n')))
            printf("    %s: %s %s\n", text, hs_status_name(status), detail.text);
        return;
    }
    while (units-- && hs_read_step(reading))
        ;
    CHECK(hs_read_text(reading)[0] == '{');
    hs_read_free(reading);
}

static void test_odd_documents(void)
{
    uint64_t state = 5;
    for (int m = 0; m < 5; m++) {
        hs_model *model = random_model(&state, NULL);
        TEST("odd documents of studies: %d layers%s", model->cfg.n_layers, model->cfg.attn_only ? "" : ", MLP");
        for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
            for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++)
                for (size_t v = 0; v < sizeof ODD / sizeof *ODD; v++)
                    check_odd(model, DOCUMENTS[i], FIELDS[f], ODD[v], v % 4 ? -1 : (int)(f + v) % 11);
        hs_model_free(model);
    }
}

/* Weights that are not numbers give numbers that are not: no trap, and an end. */
static void test_not_finite(void)
{
    uint64_t state = 19;
    for (int m = 0; m < 4; m++) {
        hs_model *model = random_model(&state, "{\"n_layers\":2,\"d_model\":8,\"n_ctx\":9,\"d_head\":4,\"n_heads\":2,\"d_vocab\":12,\"d_mlp\":7,\"act_fn\":\"gelu\"}");
        hs_detail detail = {""};
        TEST("weights that are NaN or infinite");
        for (int i = 0; i < 3; i++)
            model->base[random_below(&state, (uint64_t)model->n_real)] = (hs_real)(m % 2 ? NAN : INFINITY);
        CHECK_STATUS(hs_model_pack(model, false, &detail), HS_OK, detail);
        for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
            hs_read_free(study(model, DOCUMENTS[i]));
        hs_model_free(model);
    }
}

int main(void)
{
    test_three_runs();
    test_all_and_nothing();
    test_circuits();
    test_linear();
    test_odd_documents();
    test_not_finite();
    return HARNESS_END();
}
