/* test_read.c: what must hold of every reading, in models of random shapes: nothing is left of a run less itself,
 * recomputed attention is the run's own to the bit, work comes in small units, and no document, however odd, does
 * more than name its field. */
#include "hs_read.h"
#include "random_model.h"
#include "run.h"

#include <math.h>

static hs_run *run_of(const hs_model *model, const int32_t *ids, int T, const hs_edits *edits, bool patterns)
{
    const char *globs[HS_READ_MAX_HOOKS + 2];
    hs_detail detail = {""};
    int n = hs_read_hooks(model, globs);
    if (patterns) {
        globs[n++] = "*.hook_pattern";
        globs[n++] = "*.hook_attn_scores";
    }
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .edits = edits, .capture = globs, .n_capture = n};
    hs_run *run = NULL;
    if (!CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail))
        exit(1);
    hs_run_forward(run);
    return run;
}

static hs_status read_text(hs_model *model, const hs_run *run, const hs_run *minus, const char *text, hs_detail *detail,
                           hs_reading **out)
{
    hs_status status = hs_read_new(model, run, minus, (hs_bytes){text, strlen(text), "spec.json"}, detail, out);
    return status == HS_OK ? hs_read_begin(*out, detail) : status;
}

static hs_reading *read_all(hs_model *model, const hs_run *run, const hs_run *minus, const char *text)
{
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    if (!CHECK_STATUS(read_text(model, run, minus, text, &detail, &reading), HS_OK, detail)) {
        printf("    %s\n", text);
        exit(1);
    }
    while (hs_read_step(reading))
        ;
    CHECK(!hs_read_step(reading));
    return reading;
}

static const hs_read_table *table_of(const hs_reading *reading, const char *name)
{
    static hs_read_table table;
    for (int i = 0; i < hs_read_count(reading); i++) {
        table = hs_read_array(reading, i);
        if (!strcmp(table.tensor.name, name))
            return &table;
    }
    printf("    there is no array %s\n", name);
    exit(1);
}

/* Documents that every model with a layer can answer; those after FIRST_OF_MLP need an MLP. */
static const char *const DOCUMENTS[] = {
    "{\"read\":\"lens\",\"k\":3,\"logits\":true}",
    "{\"read\":\"lens\",\"ln\":\"cached\",\"token\":2}",
    "{\"read\":\"lens\",\"token\":\"next\",\"positions\":[-1]}",
    "{\"read\":\"states\",\"along\":{\"token\":1},\"vectors\":true}",
    "{\"read\":\"attribution\",\"token\":1}",
    "{\"read\":\"attribution\",\"token\":1,\"wrong\":0,\"by\":\"head\",\"positions\":[0]}",
    "{\"read\":\"attribution\",\"token\":1,\"by\":\"source\",\"layer\":0,\"head\":0}",
    "{\"read\":\"decompose\",\"by\":\"head\",\"vectors\":true}",
    "{\"read\":\"decompose\",\"ln\":\"cached\"}",
    "{\"read\":\"attention\"}",
    "{\"read\":\"attention\",\"mode\":\"scores\"}",
    "{\"read\":\"attention\",\"mode\":\"result_weighted\",\"pool\":3}",
    "{\"read\":\"pair\",\"layer\":0,\"head\":0,\"dest\":-1,\"src\":0}",
    "{\"read\":\"written\"}",
    "{\"read\":\"detect\"}",
    "{\"read\":\"detect\",\"error_measure\":\"abs\"}",
    "{\"read\":\"detect\",\"on\":\"random\",\"batch\":1}",
    "{\"read\":\"predictions\"}",
    "{\"read\":\"attribution\",\"token\":1,\"by\":\"neuron\"}",
    "{\"read\":\"neurons\"}",
    "{\"read\":\"neuron\",\"layer\":0,\"neuron\":0}",
    "{\"read\":\"directions\",\"layer\":0,\"neuron\":0}",
};
enum { N_DOCUMENTS = sizeof DOCUMENTS / sizeof DOCUMENTS[0], FIRST_OF_MLP = N_DOCUMENTS - 4 };

static bool is_choice(const char *name)
{
    size_t n = strlen(name);
    return (n > 4 && !strcmp(name + n - 4, "_ids")) || !strcmp(name, "ids") || !strcmp(name, "layer") || !strcmp(name, "neuron");
}

/* Every number of a run less itself is 0, NaN where there is nothing to say, or the -inf of a masked score. */
static void check_nothing_left(hs_model *model, const hs_run *run, const char *text)
{
    hs_reading *reading = read_all(model, run, run, text);
    bool weights = strstr(text, "directions") || strstr(text, "random");
    for (int i = 0; !weights && i < hs_read_count(reading); i++) {
        hs_read_table table = hs_read_array(reading, i);
        bool nothing = true;
        for (int64_t j = 0; j < table.tensor.count; j++) {
            hs_real x = table.tensor.data[j];
            nothing = nothing && (x == 0 || isnan(x) || (isinf(x) && x < 0));
        }
        if (!CHECK(nothing || is_choice(table.tensor.name)))
            printf("    %s of %s\n", table.tensor.name, text);
    }
    hs_read_free(reading);
}

static void draw(uint64_t *state, const hs_model *model, int32_t *ids, int T)
{
    for (int t = 0; t < T; t++)
        ids[t] = (int32_t)random_below(state, (uint64_t)model->cfg.d_vocab);
}

static void test_minus_itself(void)
{
    uint64_t state = 11;
    for (int m = 0; m < 12; m++) {
        hs_model *model = random_model(&state, NULL);
        const hs_config *cfg = &model->cfg;
        int32_t ids[12];
        int T = 1 + (int)random_below(&state, 8);
        TEST("less itself: %d layers, T %d%s", cfg->n_layers, T, cfg->attn_only ? "" : ", MLP");
        draw(&state, model, ids, T);
        hs_run *run = run_of(model, ids, T, NULL, false);
        for (int i = 0; i < (cfg->attn_only || !cfg->n_layers ? FIRST_OF_MLP : N_DOCUMENTS); i++)
            if (cfg->n_layers || (!strstr(DOCUMENTS[i], "source") && !strstr(DOCUMENTS[i], "pair")))
                check_nothing_left(model, run, DOCUMENTS[i]);
        hs_run_free(run);
        hs_model_free(model);
    }
}

/* ---- attention, recomputed ---- */

static void check_same_attention(hs_model *model, const hs_run *run, const char *mode, const char *hook)
{
    char text[64], name[64];
    const hs_config *cfg = &model->cfg;
    hs_detail detail = {""};
    snprintf(text, sizeof text, "{\"read\":\"attention\",\"mode\":\"%s\"}", mode);
    hs_reading *reading = read_all(model, run, NULL, text);
    const hs_read_table *table = table_of(reading, "attention");
    int64_t each = (int64_t)cfg->n_heads * hs_run_n_tokens(run) * hs_run_n_tokens(run);
    for (int l = 0; l < cfg->n_layers; l++) {
        hs_tensor captured;
        snprintf(name, sizeof name, "blocks.%d.attn.%s", l, hook);
        CHECK_STATUS(hs_run_tensor(run, name, &detail, &captured), HS_OK, detail);
        CHECK(!memcmp(table->tensor.data + l * each, captured.data, (size_t)each * sizeof(hs_real)));
    }
    hs_read_free(reading);
}

static void test_attention_bits(void)
{
    static const char EDITS[] =
        "[{\"hook\":\"blocks.*.hook_k\",\"op\":\"scale\",\"scale\":1.5},"
        "{\"hook\":\"*.hook_attn_scores\",\"positions\":[-1],\"op\":\"add\",\"value\":0.7},"
        "{\"hook\":\"*.hook_attn_scores\",\"heads\":[0],\"sources\":[0],\"op\":\"set\",\"value\":-2},"
        "{\"hook\":\"*.hook_pattern\",\"positions\":[1,-1],\"sources\":[0],\"op\":\"scale\",\"scale\":0.5}]";
    uint64_t state = 5;
    for (int m = 0; m < 10; m++) {
        hs_model *model = random_model(&state, NULL);
        int32_t ids[12];
        hs_detail detail = {""};
        hs_edits *edits = NULL;
        int T = 2 + (int)random_below(&state, 10);
        TEST("attention is the run's own: %d layers, %d heads, T %d", model->cfg.n_layers, model->cfg.n_heads, T);
        draw(&state, model, ids, T);
        if (model->cfg.n_layers && m % 2)
            CHECK_STATUS(hs_edits_new(model, (hs_bytes){EDITS, strlen(EDITS), "edits"}, T, NULL, &detail, &edits), HS_OK, detail);
        hs_run *run = run_of(model, ids, T, edits, model->cfg.n_layers > 0);
        check_same_attention(model, run, "pattern", "hook_pattern");
        check_same_attention(model, run, "scores", "hook_attn_scores");
        hs_run_free(run);
        hs_edits_free(edits);
        hs_model_free(model);
    }
}

/* ---- units ---- */

static int steps_of(hs_model *model, const hs_run *run, const char *text)
{
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    int n = 1;
    if (!CHECK_STATUS(read_text(model, run, NULL, text, &detail, &reading), HS_OK, detail))
        exit(1);
    while (hs_read_step(reading))
        n++;
    hs_read_free(reading);
    return n;
}

/* As many units as the work has 50 MFLOP, at least. */
static void test_units(void)
{
    enum { T = 700, E = 32, D = 96, V = 3000, L = 2, MLP = 128 };
    uint64_t state = 3;
    char config[512];
    static int32_t ids[T];
    snprintf(config, sizeof config,
             "{\"n_layers\":%d,\"d_model\":%d,\"n_ctx\":%d,\"d_head\":%d,\"n_heads\":3,\"d_vocab\":%d,\"d_mlp\":%d,\"act_fn\":\"gelu\"}", L, D, T,
             E, V, MLP);
    hs_model *model = random_model(&state, config);
    draw(&state, model, ids, T);
    TEST("units of at most 50 MFLOP");
    hs_run *run = run_of(model, ids, T, NULL, false);
    CHECK(steps_of(model, run, "{\"read\":\"lens\",\"k\":1}") >= 2.0 * (2 * L + 1) * T * D * V / 50e6);
    CHECK(steps_of(model, run, "{\"read\":\"attention\",\"pool\":8}") >= 3 * L * 2.0 * T * T * E / 50e6);
    CHECK(steps_of(model, run, "{\"read\":\"attention\",\"pool\":8,\"mode\":\"result_weighted\"}") >= 3 * L * (2.0 * T * T * E + 2.0 * T * E * D) / 50e6);
    CHECK(steps_of(model, run, "{\"read\":\"detect\"}") >= 3 * L * 2.0 * T * T * E / 50e6);
    CHECK(steps_of(model, run, "{\"read\":\"decompose\",\"by\":\"head\"}") >= 3 * L * 2.0 * T * E * D / 50e6);
    CHECK(steps_of(model, run, "{\"read\":\"written\"}") >= 3 * L * 2.0 * T * E * D / 50e6);
    hs_run_free(run);
    hs_model_free(model);
}

/* ---- documents that nobody would write ---- */

static const char *const ODD[] = {"null",  "true", "-1",  "1e9",   "99999999999999999999", "1.5",  "1e308",      "\"x\"", "\"\"",
                                  "[]",    "{}",   "[[]]", "[null]", "[1e99]",              "[-9]", "[[0,-1]]",   "[[99,0]]",
                                  "[\"*\"]", "{\"token\":-1}", "{\"vector\":[]}", "{\"state\":7,\"position\":0}", "{\"head\":[0],\"position\":0}",
                                  "{\"token\":1,\"neuron\":[0,0]}", "{\"neuron\":[0,999999]}", "{\"state\":\"final_post\",\"position\":99}"};
static const char *const FIELDS[] = {"states", "positions", "ln", "token", "wrong", "k", "logits", "along", "cosine_to", "vectors", "by", "layer",
                                     "head", "state", "heads", "mode", "pool", "dest", "src", "position", "neuron", "on", "length", "batch", "seed",
                                     "bos", "error_measure", "exclude_bos", "exclude_current_token", "read", "v", "colour"};

/* It works, or the line begins with the field, or with another that the odd value makes needless or needed. */
static void check_odd(hs_model *model, const hs_run *run, const hs_run *minus, const char *document, const char *field, const char *value)
{
    char text[512];
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", field);
    if (strstr(document, key))
        return; /* the key would stand twice */
    snprintf(text, sizeof text, "{\"%s\":%s,%s", field, value, document + 1);
    hs_status status = read_text(model, run, minus, text, &detail, &reading);
    if (status != HS_OK) {
        bool names_a_field = false;
        for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++)
            names_a_field = names_a_field || !strncmp(detail.text, FIELDS[i], strlen(FIELDS[i]));
        if (!CHECK(status == HS_ESPEC && names_a_field && !strchr(detail.text, '\n')))
            printf("    %s: %s %s\n", text, hs_status_name(status), detail.text);
        return;
    }
    while (hs_read_step(reading))
        ;
    CHECK(hs_read_text(reading)[0] == '{');
    hs_read_free(reading);
}

static void test_odd_documents(void)
{
    uint64_t state = 77;
    for (int m = 0; m < 4; m++) {
        hs_model *model = random_model(&state, NULL);
        int32_t ids[5];
        TEST("odd documents: %d layers%s", model->cfg.n_layers, model->cfg.attn_only ? "" : ", MLP");
        draw(&state, model, ids, 5);
        hs_run *run = run_of(model, ids, 5, NULL, false);
        for (int i = 0; i < N_DOCUMENTS; i++)
            for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++)
                for (size_t v = 0; v < sizeof ODD / sizeof *ODD; v++)
                    check_odd(model, run, v % 2 ? run : NULL, DOCUMENTS[i], FIELDS[f], ODD[v]);
        hs_run_free(run);
        hs_model_free(model);
    }
}

/* ---- calls at the wrong time ---- */

static void test_calls(void)
{
    uint64_t state = 9;
    hs_model *model = random_model(&state, "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":8,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"act_fn\":\"relu\"}");
    int32_t ids[] = {1, 2, 3, 4};
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    TEST("calls that do not fit");
    hs_run *run = run_of(model, ids, 4, NULL, false), *shorter = run_of(model, ids, 3, NULL, false), *bare;
    CHECK_STATUS(read_text(model, run, shorter, "{\"read\":\"written\"}", &detail, &reading), HS_ESPEC, detail);
    CHECK_SAYS(detail.text, "minus: it has 3 tokens and the run has 4");
    CHECK_STATUS(read_text(model, NULL, NULL, "{\"read\":\"lens\"}", &detail, &reading), HS_ESPEC, detail);
    CHECK_SAYS(detail.text, "ids: \"lens\" reads a run");
    CHECK_STATUS(read_text(model, NULL, NULL, "{\"read\":\"detect\"}", &detail, &reading), HS_ESPEC, detail);
    CHECK_SAYS(detail.text, "ids: ");
    hs_run_spec spec = {.ids = ids, .n_tokens = 4};
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &bare), HS_OK, detail);
    CHECK_STATUS(read_text(model, bare, NULL, "{\"read\":\"lens\"}", &detail, &reading), HS_ESTATE, detail);
    CHECK_SAYS(detail.text, "was not captured");
    reading = read_all(model, NULL, NULL, "{\"read\":\"directions\",\"layer\":0,\"neuron\":1}");
    hs_read_free(reading);
    hs_run_free(bare);
    hs_run_free(shorter);
    hs_run_free(run);
    hs_model_free(model);
}

int main(void)
{
    test_minus_itself();
    test_attention_bits();
    test_units();
    test_odd_documents();
    test_calls();
    return HARNESS_END();
}
