/* test_sweep.c: every number of a sweep and of an ablation has the bits of a single run with one `patch` edit, in
 * models of random shapes: all hooks, all axes, both directions, all metrics, pairs. An ablation by resampling with the
 * mean loss for its metric is the same patches read another way. */
#include "hs_read.h"
#include "metric.h"
#include "kernels.h"
#include "random_model.h"
#include "run.h"

#include <math.h>

enum { SHORT = 9, MOST_TOKENS = 40, MOST_PAIRS = 3 };

typedef struct scene {
    hs_model *model;
    int T, n_pairs;
    int32_t clean[MOST_PAIRS][MOST_TOKENS], corrupted[MOST_PAIRS][MOST_TOKENS];
    int correct[MOST_PAIRS], wrong[MOST_PAIRS];
    bool noise;
    int metric, position;
} scene;

enum { LOSS = 4 };
static const char *const METRICS[] = {"logit_diff", "log_prob", "rank", "kl", "loss"};

/* Hooks by the kinds of axes that they have. */
static const char *const STREAM[] = {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "pre", "mid", "post", "z", "q", "k", "v", "result"};
static const char *const HEADS[] = {"z", "q", "k", "v", "result", "pattern"};
static const char *const NEURONS[] = {"pre", "mid", "post"};

static const struct {
    const char *by;
    const char *const *what;
    int n_what;
} SWEEPS[] = {
    {"layer", STREAM, 13},           {"layer,position", STREAM, 13}, {"layer,head", HEADS, 6},
    {"layer,position,head", HEADS, 6}, {"layer,head,dest", HEADS + 5, 1}, {"layer,head,dest,src", HEADS + 5, 1},
    {"layer,neuron", NEURONS, 3},
};

static bool exists(const hs_model *model, const char *what, char *name, size_t size)
{
    for (int i = 0; i < hs_hook_count(model); i++) {
        hs_hook_info info;
        hs_hook_describe(model, i, 1, &info);
        const char *last = strrchr(info.name, '.');
        if (last && strlen(info.name) < size && !strncmp(info.name, "blocks.0", 8) && !strncmp(last, ".hook_", 6) && !strcmp(last + 6, what)) {
            strcpy(name, info.name + strlen("blocks.0"));
            return true;
        }
    }
    return false;
}

static void put_ids(char *out, const int32_t *ids, int n)
{
    for (int i = 0; i < n; i++)
        out += sprintf(out, "%s%d", i ? "," : "[", (int)ids[i]);
    strcpy(out, "]");
}

static hs_run *run_of(const hs_model *model, const int32_t *ids, int T, const hs_edits *edits, const char *capture)
{
    hs_detail detail = {""};
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .edits = edits, .capture = &capture, .n_capture = capture ? 1 : 0};
    hs_run *run = NULL;
    if (!CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail))
        exit(1);
    hs_run_forward(run);
    return run;
}

/* The mean loss from s->position on, or the metric there. */
static double metric_of(const scene *s, int pair, const hs_run *run, const hs_run *clean)
{
    int V = s->model->cfg.d_vocab_out;
    if (s->metric == LOSS) {
        double sum = 0;
        for (int t = s->position; t + 1 < s->T; t++) {
            const hs_real *row = hs_run_logits(run) + t * V;
            int next = (s->noise ? s->clean : s->corrupted)[pair][t + 1];
            sum += next < V ? hs_logsumexp(row, V) - (double)row[next] : (double)NAN;
        }
        return sum / (s->T - 1 - s->position);
    }
    hs_metric metric = {(hs_metric_kind)s->metric, s->position, s->correct[pair], s->wrong[pair]};
    return hs_metric_value(&metric, hs_run_logits(run) + s->position * V, hs_run_logits(clean) + s->position * V, V);
}

/* The edit of the cell at `index` of the axes in `by`. */
static void write_edit(char *out, size_t size, const char *hook, const char *by, const int64_t *index)
{
    int layer = 0, n = 0;
    char rest[200] = "", name[20];
    for (const char *axis = by; *axis; n++) {
        size_t length = strcspn(axis, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, axis);
        int i = (int)index[n];
        size_t used = strlen(rest);
        if (!strcmp(name, "layer"))
            layer = i;
        else if (!strcmp(name, "neuron"))
            snprintf(rest + used, sizeof rest - used, ",\"dims\":[%d,%d]", i, i + 1);
        else
            snprintf(rest + used, sizeof rest - used, ",\"%s\":[%d]",
                     !strcmp(name, "head") ? "heads" : !strcmp(name, "src") ? "sources" : "positions", i);
        axis += length + (axis[length] == ',');
    }
    snprintf(out, size, "[{\"hook\":\"blocks.%d%s\",\"op\":\"patch\",\"value\":{\"run\":\"B\"}%s}]", layer, hook, rest);
}

static hs_reading *read_all(hs_model *model, const char *text)
{
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    if (!CHECK_STATUS(hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, &detail, &reading), HS_OK, detail) ||
        !CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail)) {
        printf("    %s\n", text);
        exit(1);
    }
    while (hs_read_step(reading))
        ;
    hs_read_work work = hs_read_progress(reading);
    CHECK(work.done == work.total && work.total > 0);
    return reading;
}

static void write_ablation(char *out, size_t size, const scene *s, const char *what, const char *by)
{
    char ids[2][MOST_PAIRS * 240] = {"", ""};
    for (int i = 0; i < s->n_pairs; i++)
        for (int side = 0; side < 2; side++) {
            char *end = ids[side] + strlen(ids[side]);
            strcpy(end, i ? "," : "");
            put_ids(end + strlen(end), (side == 0) == s->noise ? s->clean[i] : s->corrupted[i], s->T);
        }
    snprintf(out, size, "{\"read\":\"ablate\",\"op\":\"resample\",\"what\":\"%s\",\"by\":\"%s\",\"prompts\":[%s],\"over\":[%s],"
             "\"metric\":{\"kind\":\"loss\",\"from\":%d}}", what, by, ids[0], ids[1], s->position);
}

/* The document's numbers against one run for each cell and pair. */
static void compare(const scene *s, const char *what, const char *hook, const char *by)
{
    char text[4096], ids[2][240], edit[300], glob[80];
    int used = snprintf(text, sizeof text, "{\"read\":\"sweep\",\"what\":\"%s\",\"by\":\"%s\",\"direction\":\"%s\",\"metric\":{\"kind\":\"%s\",\"position\":%d},\"pairs\":[",
                        what, by, s->noise ? "noise" : "denoise", METRICS[s->metric], s->position);
    for (int i = 0; i < s->n_pairs; i++) {
        put_ids(ids[0], s->clean[i], s->T);
        put_ids(ids[1], s->corrupted[i], s->T);
        used += snprintf(text + used, sizeof text - (size_t)used, "%s{\"clean\":%s,\"corrupted\":%s,\"correct\":%d,\"wrong\":%d}", i ? "," : "",
                         ids[0], ids[1], s->correct[i], s->wrong[i]);
    }
    snprintf(text + used, sizeof text - (size_t)used, "]}");
    if (s->metric == LOSS)
        write_ablation(text, sizeof text, s, what, by);
    hs_reading *reading = read_all(s->model, text);
    hs_read_table table = hs_read_array(reading, 0);
    double *sums = calloc((size_t)table.tensor.count + 1, sizeof *sums);
    snprintf(glob, sizeof glob, "*%s", hook);
    for (int pair = 0; pair < s->n_pairs; pair++) {
        const int32_t *base = s->noise ? s->clean[pair] : s->corrupted[pair], *other = s->noise ? s->corrupted[pair] : s->clean[pair];
        hs_run *source = run_of(s->model, other, s->T, NULL, glob), *clean = run_of(s->model, s->clean[pair], s->T, NULL, NULL);
        for (int64_t i = 0; i < table.tensor.count; i++) {
            int64_t index[4], rest = i;
            for (int a = table.tensor.n_axes - 1; a >= 0; a--) {
                index[a] = rest % table.tensor.shape[a];
                rest /= table.tensor.shape[a];
            }
            write_edit(edit, sizeof edit, hook, by, index);
            const char *name = "B";
            const hs_run *runs[] = {source};
            hs_sources sources = {.run_names = &name, .runs = runs, .n_runs = 1};
            hs_detail detail = {""};
            hs_edits *edits = NULL;
            if (!CHECK_STATUS(hs_edits_new(s->model, (hs_bytes){edit, strlen(edit), "edits"}, s->T, &sources, &detail, &edits), HS_OK, detail))
                exit(1);
            hs_run *patched = run_of(s->model, base, s->T, edits, NULL);
            sums[i] += metric_of(s, pair, patched, clean);
            hs_run_free(patched);
            hs_edits_free(edits);
        }
        hs_run_free(source);
        hs_run_free(clean);
    }
    int64_t wrong = 0, first = -1;
    for (int64_t i = 0; i < table.tensor.count; i++) {
        hs_real want = (hs_real)(sums[i] / s->n_pairs), got = table.tensor.data[i];
        if (memcmp(&want, &got, sizeof want) && !(isnan(want) && isnan(got)))
            first = wrong++ ? first : i;
    }
    if (!CHECK(wrong == 0))
        printf("    %lld of %lld, first %lld: %.9g, a single run %.9g: %s\n", (long long)wrong, (long long)table.tensor.count, (long long)first,
               (double)table.tensor.data[first], sums[first] / s->n_pairs, text);
    free(sums);
    hs_read_free(reading);
}

static scene random_scene(uint64_t *state, hs_model *model, int T, int n_pairs)
{
    scene s = {.model = model, .T = T, .n_pairs = n_pairs};
    for (int i = 0; i < n_pairs; i++) {
        int shared = (int)random_below(state, s.T);
        for (int t = 0; t < s.T; t++) {
            s.clean[i][t] = (int32_t)random_below(state, model->cfg.d_vocab);
            s.corrupted[i][t] = t < shared ? s.clean[i][t] : (int32_t)random_below(state, model->cfg.d_vocab);
        }
        s.correct[i] = (int)random_below(state, model->cfg.d_vocab_out);
        s.wrong[i] = (int)random_below(state, model->cfg.d_vocab_out);
    }
    s.noise = random_below(state, 2);
    s.metric = (int)random_below(state, 5);
    s.position = random_below(state, 3) ? s.T - 1 : (int)random_below(state, s.T);
    if (s.metric == LOSS)
        s.position = (int)random_below(state, s.T - 1);
    return s;
}

static void test_bits(void)
{
    for (uint64_t seed = 1; seed <= 24; seed++) {
        uint64_t state = seed;
        hs_model *model = random_model(&state, NULL);
        TEST("sweeps are single runs, bit for bit: model %d", (int)seed);
        for (size_t k = 0; model->cfg.n_layers && k < sizeof SWEEPS / sizeof SWEEPS[0]; k++)
            for (int w = 0; w < SWEEPS[k].n_what; w++) {
                char hook[64];
                scene s = random_scene(&state, model, 2 + (int)random_below(&state, SHORT - 1), 1 + (int)random_below(&state, MOST_PAIRS));
                if (exists(model, SWEEPS[k].what[w], hook, sizeof hook))
                    compare(&s, SWEEPS[k].what[w], hook, SWEEPS[k].by);
            }
        hs_model_free(model);
    }
}

/* So long that a sweep takes many batches, and a batch many parts. */
static void test_long(void)
{
    static const char CONFIG[] = "{\"n_layers\":3,\"d_model\":40,\"n_ctx\":64,\"d_head\":9,\"n_heads\":3,\"d_vocab\":50,\"attn_only\":false,"
                                 "\"d_mlp\":70,\"act_fn\":\"gelu\",\"normalization_type\":\"LN\"}";
    uint64_t state = 99;
    hs_model *model = random_model(&state, CONFIG);
    TEST("and with many batches");
    for (int metric = 0; metric <= LOSS; metric++) {
        scene s = random_scene(&state, model, MOST_TOKENS, 1);
        s.metric = metric;
        s.position = metric == LOSS ? 2 : MOST_TOKENS - 1 - metric;
        s.noise = metric & 1;
        for (int t = 0; t < 5 * metric; t++)
            s.corrupted[0][t] = s.clean[0][t];
        compare(&s, "resid_pre", ".hook_resid_pre", "layer,position");
        compare(&s, "z", ".attn.hook_z", "layer,position,head");
        compare(&s, "v", ".attn.hook_v", "layer,head");
        compare(&s, "pattern", ".attn.hook_pattern", "layer,head,dest");
    }
    hs_model_free(model);
}

/* ---- work ---- */

static hs_reading *planned(hs_model *model, const char *text)
{
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    if (!CHECK_STATUS(hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, &detail, &reading), HS_OK, detail))
        exit(1);
    return reading;
}

/* A single number of a reading's text. */
static double value_of(hs_reading *reading, const char *name)
{
    char key[40];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *values = strstr(hs_read_text(reading), "\"values\":{"), *at = values ? strstr(values, key) : NULL;
    return at ? atof(at + strlen(key)) : (double)NAN;
}

/* T = 15 and 12 layers of GPT-2 small's proportions: sweeps by position take at most 1 / 3.4 of as many whole runs. */
static void test_work(void)
{
    static const char CONFIG[] = "{\"n_layers\":12,\"d_model\":48,\"n_ctx\":16,\"d_head\":4,\"n_heads\":12,\"d_vocab\":60,\"d_mlp\":192,"
                                 "\"act_fn\":\"gelu_new\",\"normalization_type\":\"LN\"}";
    static const char *const SWEEPS_BY_POSITION[] = {"\"what\":\"resid_pre\",\"by\":\"layer,position\"", "\"what\":\"z\",\"by\":\"layer,position,head\"",
                                                     "\"what\":\"k\",\"by\":\"layer,position,head\""};
    uint64_t state = 5;
    hs_model *model = random_model(&state, CONFIG);
    TEST("at 12 layers and 15 tokens at most 1/3.4 of the work");
    for (int i = 0; i < 3; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "{\"read\":\"sweep\",\"clean\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],\"corrupted\":[21,2,3,4,5,6,7,8,9,10,11,12,13,14,15],"
                 "\"metric\":{\"kind\":\"logit_diff\",\"correct\":1,\"wrong\":2},%s}", SWEEPS_BY_POSITION[i]);
        hs_reading *reading = planned(model, text);
        hs_detail detail = {""};
        CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail);
        double total = hs_read_progress(reading).total, before = 0;
        while (hs_read_step(reading)) {
            CHECK(hs_read_progress(reading).done >= before);
            before = hs_read_progress(reading).done;
        }
        double flops = value_of(reading, "flops"), naive = value_of(reading, "naive_flops");
        double whole = naive / (double)hs_read_array(reading, 0).tensor.count;
        CHECK(flops > 0 && 3.4 * flops <= naive);
        CHECK(fabs(total - flops - 2 * whole) < 1e-7 * total); /* counted as done, and as it was planned */
        hs_read_free(reading);
    }
    hs_model_free(model);
}

/* Progress counts every operation: no step does more than 50 MFLOP. */
static void test_units(void)
{
    static const char CONFIG[] = "{\"n_layers\":3,\"d_model\":256,\"n_ctx\":64,\"d_head\":32,\"n_heads\":8,\"d_vocab\":300,\"d_mlp\":1024,"
                                 "\"act_fn\":\"gelu_new\",\"normalization_type\":\"LN\"}";
    static const char *const DOCUMENTS[] = {
        "{\"read\":\"sweep\",\"clean\":[%s1],\"corrupted\":[%s2],\"metric\":{\"kind\":\"kl\"},\"what\":\"%s\",\"by\":\"layer,head\"}",
        "{\"read\":\"ablate\",\"prompts\":[[%s1]],\"over\":[[%s2]],\"metric\":{\"kind\":\"loss\"},\"op\":\"mean\",\"what\":\"%s\",\"by\":\"layer,head\"}"};
    uint64_t state = 6;
    hs_model *model = random_model(&state, CONFIG);
    TEST("units of at most 50 MFLOP");
    for (int i = 0; i < 2; i++) {
        char text[1000], ids[300] = "";
        for (int t = 0; t < 47; t++)
            sprintf(ids + strlen(ids), "%d,", 3 + t);
        snprintf(text, sizeof text, DOCUMENTS[i], ids, ids, "v");
        hs_reading *reading = planned(model, text);
        hs_detail detail = {""};
        CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail);
        double before = 0, total = hs_read_progress(reading).total;
        int steps = 1, n_large = 0;
        for (; hs_read_step(reading); steps++) {
            n_large += hs_read_progress(reading).done - before > 50e6;
            before = hs_read_progress(reading).done;
        }
        CHECK(n_large <= 2); /* the two whole runs, which are counted as they end; their steps are hs_run_step's */
        CHECK(steps > total / 50e6);
        hs_read_free(reading);
    }
    hs_model_free(model);
}

/* ---- documents ---- */

static const char *const ODD[] = {"null", "true", "-1", "1e9", "99999999999999999999", "1.5", "\"x\"", "\"\"", "[]", "[[]]", "{}", "[0,0,0,0,0,0,0,0,0,0,0,0]",
                                  "[null]", "[\"z\",1]", "0", "\"layer\"", "\"pattern\"", "\"direct_path\"", "[\"direct_path\"]", "[\"z\",\"pattern\"]",
                                  "\"layer,head,dest,src\"", "\"layer,neuron\"", "\"layer,head\"", "{\"kind\":\"loss\"}", "{\"kind\":\"kl\"}", "{\"kind\":\"loss\",\"from\":-1}",
                                  "{\"kind\":\"rank\",\"correct\":1e6}", "{\"kind\":\"logit_diff\",\"correct\":1}", "{\"kind\":\"kl\",\"position\":9}",
                                  "[{\"clean\":[1],\"corrupted\":[1,2]}]", "[{\"clean\":[1,2],\"corrupted\":[1,2]}]", "[[1,2],[1]]", "[[1,2,3],[3,2,1]]", "[0,1]", "\"mean\"",
                                  "\"resample\"", "\"k\""};
static const char *const FIELDS[] = {"what", "by", "layers", "heads", "positions", "metric", "direction", "clean", "corrupted", "pairs", "source", "receiver",
                                     "prompts", "op", "over", "ids", "edits", "minus"};
static const char *const PLAIN[] = {
    "{\"read\":\"sweep\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"log_prob\",\"correct\":1},\"what\":\"z\"",
    "{\"read\":\"sweep\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"what\":\"direct_path\"",
    "{\"read\":\"ablate\",\"prompts\":[[1,2,3],[3,2,1]],\"metric\":{\"kind\":\"kl\"},\"what\":\"pattern\",\"op\":\"position_mean\"",
    "{\"read\":\"ablate\",\"prompts\":[[1,2,3]],\"over\":[[3,2,1]],\"metric\":{\"kind\":\"loss\"},\"what\":\"resid_post\",\"by\":\"layer\",\"op\":\"resample\"",
};

/* The document without the field that it has anyway, with the odd one. */
static void check_odd(hs_model *model, const char *plain, const char *field, const char *value)
{
    char text[1000], key[40];
    snprintf(key, sizeof key, ",\"%s\":", field);
    if (strstr(plain, key))
        return;
    snprintf(text, sizeof text, "%s,\"%s\":%s}", plain, field, value);
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    hs_status status = hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, &detail, &reading);
    if (status != HS_OK) {
        CHECK(status == HS_ESPEC || status == HS_ETOKENS);
        CHECK(strlen(detail.text) > strlen(field) && strchr(detail.text, ':'));
        return;
    }
    CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail);
    while (hs_read_step(reading))
        ;
    CHECK(hs_read_text(reading) != NULL);
    hs_read_free(reading);
}

/* The same fields, replaced. */
static void check_replaced(hs_model *model, const char *plain, const char *field, const char *value)
{
    char text[1000], key[40];
    snprintf(key, sizeof key, "\"%s\":", field);
    const char *at = strstr(plain, key);
    if (!at)
        return;
    const char *end = at + strlen(key);
    for (int depth = 0; *end && (depth > 0 || *end != ','); end++)
        depth += (*end == '[' || *end == '{') - (*end == ']' || *end == '}');
    snprintf(text, sizeof text, "%.*s\"%s\":%s%s", (int)(at - plain), plain, field, value, end);
    if (end[0] == ',')
        check_odd(model, text, "layers", "null");
    else
        check_odd(model, text, "heads", "null");
}

static void test_odd_documents(void)
{
    uint64_t state = 78;
    for (int m = 0; m < 4; m++) {
        hs_model *model = random_model(&state, NULL);
        TEST("odd documents: %d layers%s", model->cfg.n_layers, model->cfg.attn_only ? "" : ", MLP");
        for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++)
            for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++)
                for (size_t v = 0; v < sizeof ODD / sizeof *ODD; v++) {
                    check_odd(model, PLAIN[i], FIELDS[f], ODD[v]);
                    check_replaced(model, PLAIN[i], FIELDS[f], ODD[v]);
                }
        hs_model_free(model);
    }
}

/* What would be passed over, or be zero everywhere, is refused by its name. */
static void test_refused(void)
{
    static const struct {
        const char *begins, *document;
    } REFUSED[] = {
        {"heads: ", "{\"read\":\"sweep\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"what\":\"z\",\"by\":\"layer,position\",\"heads\":[0]}"},
        {"positions: ", "{\"read\":\"ablate\",\"prompts\":[[1,2,3]],\"metric\":{\"kind\":\"loss\"},\"what\":\"z\",\"by\":\"layer,head\",\"positions\":[1]}"},
        {"positions: ", "{\"read\":\"attribute\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"what\":\"z\",\"by\":\"layer,head\",\"positions\":[1]}"},
        {"steps: ", "{\"read\":\"attribute\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"what\":\"z\",\"direction\":\"noise\"}"},
        {"steps: ", "{\"read\":\"edges\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"direction\":\"noise\"}"},
        {"steps: ", "{\"read\":\"circuit\",\"clean\":[1,2,3],\"corrupted\":[1,4,3],\"metric\":{\"kind\":\"kl\"},\"direction\":\"noise\",\"counts\":[3]}"},
        {"metric.kind: ", "{\"read\":\"ablate\",\"prompts\":[[1,2,3]],\"metric\":{\"kind\":\"x\",\"from\":1},\"what\":\"z\"}"},
    };
    static const char CONFIG[] = "{\"n_layers\":2,\"d_model\":8,\"n_ctx\":8,\"d_head\":4,\"n_heads\":2,\"d_vocab\":9,\"attn_only\":true,\"normalization_type\":null}";
    uint64_t state = 3;
    hs_model *model = random_model(&state, CONFIG);
    TEST("refused by name");
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++) {
        hs_detail detail = {""};
        hs_reading *reading = NULL;
        const char *text = REFUSED[i].document;
        CHECK(hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec.json"}, &detail, &reading) == HS_ESPEC);
        if (!CHECK(!strncmp(detail.text, REFUSED[i].begins, strlen(REFUSED[i].begins))))
            printf("    %s\n", detail.text);
    }
    hs_model_free(model);
}

/* Weights that are not finite: the same bits as single runs, NaN or not. */
static void test_not_finite(void)
{
    static const hs_real BAD[] = {(hs_real)NAN, (hs_real)INFINITY, -(hs_real)INFINITY};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t state = 100 + seed;
        hs_model *model = random_model(&state, NULL);
        TEST("weights that are not finite: model %d", (int)seed);
        model->base[random_below(&state, (int)model->n_real)] = BAD[seed % 3];
        hs_detail detail = {""};
        CHECK_STATUS(hs_model_pack(model, false, &detail), HS_OK, detail);
        if (model->cfg.n_layers) {
            scene s = random_scene(&state, model, 6, 1);
            compare(&s, "resid_pre", ".hook_resid_pre", "layer,position");
            compare(&s, "v", ".attn.hook_v", "layer,head");
        }
        hs_model_free(model);
    }
}

int main(void)
{
    test_bits();
    test_long();
    test_work();
    test_units();
    test_odd_documents();
    test_refused();
    test_not_finite();
    return HARNESS_END();
}
