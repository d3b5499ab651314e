/* test_sweep.c: every number of a sweep and of an ablation has the bits of a single run with one `patch` edit, in
 * models of random shapes: all hooks, all axes, both directions, all metrics, pairs. */
#include "hs_read.h"
#include "metric.h"
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

static const char *const METRICS[] = {"logit_diff", "log_prob", "rank", "kl"};

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

static double metric_of(const scene *s, int pair, const hs_run *run, const hs_run *clean)
{
    int V = s->model->cfg.d_vocab_out;
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
        if (memcmp(&want, &got, sizeof want)) {
            first = wrong++ ? first : i;
        }
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
    s.metric = (int)random_below(state, 4);
    s.position = random_below(state, 3) ? s.T - 1 : (int)random_below(state, s.T);
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
    for (int metric = 0; metric < 4; metric++) {
        scene s = random_scene(&state, model, MOST_TOKENS, 1);
        s.metric = metric;
        s.position = MOST_TOKENS - 1 - metric;
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

int main(void)
{
    test_bits();
    test_long();
    return HARNESS_END();
}
