/* test_steer.c: what must hold of the studies of steering in models of random shapes: strength 0 is no steering to the bit,
 * the texts and numbers of a dose are those of generations with the same edits, singular vectors are such, and documents
 * with any value in any place end in a result or in an error that names the field. */
#include "generate.h"
#include "jacobi.h"
#include "random_model.h"

#include <math.h>

enum { MAX_TEXT = 8192 };

typedef struct text {
    char data[MAX_TEXT];
    size_t n;
} text;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->n += (size_t)vsnprintf(t->data + t->n, sizeof t->data - t->n, format, args);
    va_end(args);
    if (t->n >= sizeof t->data)
        exit(1);
}

static void put_numbers(text *t, uint64_t *state, int n)
{
    put(t, "[");
    for (int i = 0; i < n; i++)
        put(t, i ? ",%.3f" : "%.3f", random_signed(state));
    put(t, "]");
}

static void put_ids(text *t, uint64_t *state, const hs_model *model, int n)
{
    put(t, "[");
    for (int i = 0; i < n; i++)
        put(t, i ? ",%d" : "%d", (int)random_below(state, (uint64_t)model->cfg.d_vocab));
    put(t, "]");
}

static hs_bytes bytes_of(const char *json)
{
    return (hs_bytes){json, strlen(json), "document"};
}

/* ---- studies ---- */

/* The study at its end; NULL with the detail when it is refused. */
static hs_reading *try_study(hs_model *model, const char *json, hs_status *status, hs_detail *detail)
{
    hs_reading *reading = NULL;
    *status = hs_read_new(model, NULL, NULL, bytes_of(json), detail, &reading);
    if (*status == HS_OK)
        *status = hs_read_begin(reading, detail);
    if (*status != HS_OK) {
        hs_read_free(reading);
        return NULL;
    }
    while (hs_read_step(reading))
        ;
    hs_read_work work = hs_read_progress(reading);
    CHECK(work.done == work.total && work.total > 0 && hs_read_text(reading));
    return reading;
}

static hs_reading *study(hs_model *model, const char *json)
{
    hs_status status;
    hs_detail detail = {""};
    hs_reading *reading = try_study(model, json, &status, &detail);
    if (!CHECK_STATUS(status, HS_OK, detail)) {
        printf("    %s\n", json);
        exit(1);
    }
    return reading;
}

static hs_tensor array_of(const hs_reading *reading, const char *name)
{
    for (int i = 0; i < hs_read_count(reading); i++)
        if (!strcmp(hs_read_array(reading, i).tensor.name, name))
            return hs_read_array(reading, i).tensor;
    printf("    there is no array %s\n", name);
    exit(1);
}

static bool same_bits(const hs_real *a, const hs_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) && (a[i] == a[i] || b[i] == b[i]))
            return false;
    return true;
}

static const char *const NUMBERS[] = {"effect", "perplexity", "kl", "repetition2", "repetition3"};
static const char *const BASE[] = {"base_effect", "base_perplexity", "base_kl", "base_repetition2", "base_repetition3"};

enum { N_PROMPT = 3, MAX_NEW = 6, STRENGTHS = 3, SEEDS = 2 };
static const double STRENGTH[STRENGTHS] = {-2, 0, 3};
static const int SEED[SEEDS] = {7, 8};

/* A dose of a vector; the edit that it is, at a strength, goes into *edit. */
static void put_dose(text *t, uint64_t *state, const hs_model *model, const char *op, const char *sampling, int layer, text *steer)
{
    steer->n = 0;
    put(steer, "\"hook\":\"blocks.%d.hook_resid_pre\",\"from\":1,\"op\":\"%s\",\"value\":", layer, op);
    put_numbers(steer, state, model->cfg.d_model);
    put(t, "{\"read\":\"dose\",\"prompts\":[");
    put_ids(t, state, model, N_PROMPT);
    put(t, "],\"steer\":{%s},\"strengths\":[-2,0,3],\"seeds\":[7,8],\"max_new\":%d,\"effect\":{\"for\":[0,3]},\"frozen\":true,\"random\":1%s}",
        steer->data, MAX_NEW, sampling);
}

static void check_strength_0(const hs_reading *dose)
{
    hs_tensor ids = array_of(dose, "ids"), base_ids = array_of(dose, "base_ids");
    int64_t ways = ids.shape[0];
    for (int64_t way = 0; way < ways; way++) {
        int64_t cell = way * STRENGTHS + 1;
        CHECK(same_bits(ids.data + cell * SEEDS * MAX_NEW, base_ids.data, SEEDS * MAX_NEW));
        for (int i = 0; i < 5; i++)
            if (!CHECK(same_bits(array_of(dose, NUMBERS[i]).data + cell * SEEDS, array_of(dose, BASE[i]).data, SEEDS)))
                printf("    way %d: %s\n", (int)way, NUMBERS[i]);
        CHECK(array_of(dose, "perplexity_ratio").data[cell] == 1);
    }
    for (int i = 0; i < SEEDS; i++)
        CHECK(array_of(dose, "base_kl").data[i] == 0);
}

/* The texts of the ways without a random direction, and their numbers, once more by generations with their twins. */
static void check_generations(hs_model *model, const hs_reading *dose, const char *prompt, const char *sampling, const text *steer)
{
    hs_tensor ids = array_of(dose, "ids"), perplexity = array_of(dose, "perplexity"), kl = array_of(dose, "kl");
    for (int way = 0; way < 2; way++)
        for (int i = 0; i < STRENGTHS; i++)
            for (int seed = 0; seed < SEEDS; seed++) {
                text t = {.n = 0};
                hs_detail detail = {""};
                hs_generation *g;
                put(&t, "{\"ids\":%s,\"edits\":[{%s,\"scale\":%g}],\"seed\":%d,\"max_new\":%d,\"twin\":true,\"freeze_attention\":%s%s}", prompt,
                    steer->data, STRENGTH[i], SEED[seed], MAX_NEW, way ? "true" : "false", sampling);
                if (!CHECK_STATUS(hs_generate_new(model, bytes_of(t.data), NULL, &detail, &g), HS_OK, detail))
                    return;
                while (hs_generate_step(g))
                    ;
                int n = hs_generate_count(g);
                int64_t at = ((int64_t)way * STRENGTHS + i) * SEEDS + seed;
                double surprise = 0, apart = 0;
                for (int j = 0; j < MAX_NEW; j++) {
                    hs_real told = ids.data[at * MAX_NEW + j];
                    CHECK(j < n ? told == (hs_real)hs_generate_token(g, j).id : isnan(told));
                    surprise -= j < n ? hs_generate_token(g, j).twin_log_prob / n : 0;
                    apart += j < n ? hs_generate_token(g, j).kl / n : 0;
                }
                CHECK(fabs(log((double)perplexity.data[at]) - surprise) < 1e-5);
                CHECK(fabs((double)kl.data[at] - apart) < 1e-6 * (1 + apart));
                hs_generate_free(g);
            }
}

static void test_doses(uint64_t *state)
{
    static const char *const SAMPLING[] = {"", ",\"temperature\":0", ",\"top_k\":4,\"frequency_penalty\":0.5,\"stop\":[1,2]"};
    static const char *const OPS[] = {"add", "project_out"};
    for (int shape = 0; shape < 12; shape++) {
        hs_model *model = random_model(state, NULL);
        if (model->cfg.n_layers) {
            text t = {.n = 0}, steer = {.n = 0};
            const char *sampling = SAMPLING[shape % 3];
            put_dose(&t, state, model, OPS[shape % 2], sampling, (int)random_below(state, (uint64_t)model->cfg.n_layers), &steer);
            hs_reading *dose = study(model, t.data);
            char prompt[64] = "", *from = strstr(t.data, "[[") + 1;
            memcpy(prompt, from, (size_t)(strchr(from, ']') + 1 - from));
            TEST("a dose at strength 0 has the texts and numbers without edits, to the bit");
            check_strength_0(dose);
            TEST("a dose's texts and numbers are those of generations with the same edits");
            check_generations(model, dose, prompt, sampling, &steer);
            hs_read_free(dose);
        }
        hs_model_free(model);
    }
}

static void test_outcomes(uint64_t *state)
{
    hs_model *model = random_model(state, "{\"n_layers\":2,\"d_model\":10,\"n_ctx\":9,\"d_head\":5,\"n_heads\":2,\"d_vocab\":12,\"attn_only\":true}");
    TEST("outcomes: a way that changes nothing is the base; a text past the reference's context is measured up to there");
    hs_reading *r = study(model, "{\"read\":\"outcomes\",\"base\":[1,2,3,4,5,6],\"ways\":[{\"name\":\"same\",\"ids\":[1,2,3,4,5,6],\"edits\":"
                                 "[{\"hook\":\"*hook_z\",\"op\":\"scale\",\"scale\":1},{\"hook\":\"*hook_result\",\"op\":\"add\",\"value\":0}]},"
                                 "{\"name\":\"own\",\"ids\":[1,2,3,4,5,6],\"runs\":{\"A\":[7],\"B\":[1,2,3,4,5,6]},\"edits\":"
                                 "[{\"hook\":\"*.hook_resid_pre\",\"op\":\"patch\",\"value\":{\"run\":\"B\"}},"
                                 "{\"hook\":\"ln_final.hook_scale\",\"op\":\"freeze\",\"value\":{\"run\":\"B\"}}]},"
                                 "{\"name\":\"short\",\"ids\":[7]}],\"max_new\":20,\"effect\":{\"for\":[1],\"against\":[2]}}");
    for (int i = 0; i < 5; i++)
        for (int way = 1; way < 3; way++)
            CHECK(same_bits(array_of(r, NUMBERS[i]).data, array_of(r, NUMBERS[i]).data + way, 1));
    hs_tensor ids = array_of(r, "ids");
    CHECK(ids.shape[2] == 9 && same_bits(ids.data, ids.data + 9, 9) && same_bits(ids.data, ids.data + 18, 9));
    CHECK(!isnan(ids.data[3]) && isnan(ids.data[4]) && !isnan(ids.data[3 * 9 + 8]));
    CHECK(isfinite(array_of(r, "kl").data[3]) && array_of(r, "kl").data[3] > 0);
    CHECK(strstr(hs_read_text(r), "\"values\":{\"perplexity_limit\":10,\"repetition_limit\":0.5}") != NULL);
    hs_read_free(r);
    TEST("outcomes: a direction of a run that turns out to have no length makes NaN of its way alone");
    memset(model->w.W_E + 70, 0, 10 * sizeof(hs_real));
    r = study(model, "{\"read\":\"outcomes\",\"base\":[1,2],\"max_new\":2,\"ways\":[{\"name\":\"a\",\"ids\":[1,2],\"runs\":{\"B\":[7]},\"edits\":"
                     "[{\"hook\":\"hook_embed\",\"op\":\"project_out\",\"value\":{\"run\":\"B\",\"positions\":[0]}}]},{\"name\":\"b\",\"ids\":[7]}]}");
    CHECK(isnan(array_of(r, "kl").data[1]) && isfinite(array_of(r, "kl").data[0]) && isfinite(array_of(r, "kl").data[2]));
    hs_read_free(r);
    hs_model_free(model);
}

/* ---- singular vectors ---- */

static void test_jacobi(uint64_t *state)
{
    enum { MOST = 12 };
    TEST("rotated rows are orthogonal, and the sum of their products is what it was");
    for (int turn = 0; turn < 40; turn++) {
        double x[MOST * MOST], y[MOST * MOST], before[MOST * MOST] = {0}, after[MOST * MOST] = {0}, lengths[MOST];
        int n = 1 + (int)random_below(state, MOST), d = 1 + (int)random_below(state, MOST), e = 1 + (int)random_below(state, MOST);
        for (int i = 0; i < n * MOST; i++) {
            x[i] = random_signed(state) * (turn % 5 == 0 && i % 3 ? 1e-9 : 1);
            y[i] = random_signed(state);
        }
        if (turn % 4 == 0)
            memcpy(x + (n - 1) * d, x, (size_t)d * sizeof *x); /* not of full rank */
        for (int k = 0; k < n; k++)
            for (int i = 0; i < d; i++)
                for (int j = 0; j < e; j++)
                    before[i * MOST + j] += x[k * d + i] * y[k * e + j];
        /* A row that the others make up is left as rounding. */
        hs_jacobi jacobi = {.x = x, .y = y, .n = n, .d = d, .e = e};
        while (hs_jacobi_step(&jacobi, 100))
            ;
        CHECK(jacobi.sweep < 12);
        hs_jacobi_lengths(&jacobi, lengths);
        for (int k = 0; k < n; k++)
            for (int i = 0; i < d; i++)
                for (int j = 0; j < e; j++)
                    after[i * MOST + j] += x[k * d + i] * y[k * e + j];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < e; j++)
                CHECK(fabs(after[i * MOST + j] - before[i * MOST + j]) < 1e-12);
        for (int p = 0; p < n; p++)
            for (int q = 0; q < p; q++) {
                double product = 0;
                for (int i = 0; i < d; i++)
                    product += x[p * d + i] * x[q * d + i];
                CHECK(fabs(product) <= 1e-13 * lengths[p] * lengths[q] + 1e-14 * jacobi.total);
            }
        for (int k = 1; k < n; k++)
            CHECK(lengths[hs_jacobi_choose(lengths, n, k - 1)] >= lengths[hs_jacobi_choose(lengths, n, k)]);
    }
    TEST("numbers that are none end it");
    double wild[6] = {NAN, INFINITY, 1, 2, -INFINITY, 0}, lengths[2];
    hs_jacobi jacobi = {.x = wild, .n = 2, .d = 3};
    while (hs_jacobi_step(&jacobi, 1))
        ;
    hs_jacobi_lengths(&jacobi, lengths);
    CHECK(hs_jacobi_choose(lengths, 2, 1) < 2);
}

/* ---- documents with any value in any place ---- */

static const char *const WILD[] = {"null", "true", "-1",     "0",      "3",  "1.5",           "1e39",       "-1e308",  "1e999", "9007199254740993",
                                   "\"x\"", "\"\"",  "[]",     "[[]]",   "{}", "[1,2]",         "[1e39,0,0]", "[0,0,0]", "[[1],[2,3]]", "{\"run\":\"B\"}"};
enum { N_WILD = sizeof WILD / sizeof *WILD };

/* One past the value that begins there. */
static size_t value_end(const char *json, size_t at)
{
    int depth = 0;
    bool quoted = false;
    for (;; at++) {
        char c = json[at];
        if (c == '"')
            quoted = !quoted;
        if (!quoted && (c == '[' || c == '{'))
            depth++;
        if (!quoted && (c == ']' || c == '}') && depth-- == 0)
            return at;
        if (!quoted && depth == 0 && (c == ',' || !c))
            return at;
        if (!quoted && depth == 0 && (c == ']' || c == '}'))
            return at + 1;
    }
}

/* Whether the line names a key of the document. */
static bool names_a_key(const char *json, const char *line)
{
    for (const char *key = json; (key = strchr(key, '"'));) {
        const char *end = strchr(++key, '"');
        char name[64] = "";
        if (end[1] == ':' && (size_t)(end - key) < sizeof name) {
            memcpy(name, key, (size_t)(end - key));
            if (strstr(line, name))
                return true;
        }
        key = end + 1;
    }
    return false;
}

static void check_wild(hs_model *model, const char *json)
{
    hs_reading *good = study(model, json);
    hs_read_free(good);
    for (size_t at = 1; json[at]; at++) {
        bool begins = (json[at - 1] == ':' || json[at - 1] == '[' || json[at - 1] == ',') && json[at] != '"';
        begins = begins || (json[at - 1] == ':' && json[at] == '"') || (json[at - 1] == ',' && json[at] == '[');
        if (!begins)
            continue;
        size_t end = value_end(json, at);
        for (int w = 0; w < N_WILD && end > at; w++) {
            text t = {.n = 0};
            hs_status status;
            hs_detail detail = {""};
            put(&t, "%.*s%s%s", (int)at, json, WILD[w], json + end);
            hs_reading *reading = try_study(model, t.data, &status, &detail);
            if (status != HS_OK && !CHECK((status == HS_ESPEC || status == HS_ETOKENS || status == HS_EEDIT) && names_a_key(json, detail.text)))
                printf("    %s\n    %s: %s\n", t.data, hs_status_name(status), detail.text);
            hs_read_free(reading);
        }
    }
}

static void test_wild(uint64_t *state)
{
    static const char *const DOCUMENTS[] = {
        "{\"read\":\"vector\",\"recipe\":{\"contrast\":{\"positive\":[[1,2],[3]],\"negative\":[[4],[5,6]]},\"hook\":\"blocks.1.hook_resid_pre\","
        "\"method\":\"pca\",\"position\":\"mean\",\"unit\":true,\"scale\":2},\"at\":{\"hook\":\"0_pre\",\"prompt\":[1,2],\"positions\":[-1]},\"k\":3}",
        "{\"read\":\"vector\",\"recipe\":{\"contrast\":{\"positive\":[[1,2]],\"negative\":[[4,5]]},\"hook\":\"final_post\",\"method\":\"actadd\"}}",
        "{\"read\":\"vector\",\"recipe\":{\"ov\":[1,1],\"k\":1,\"side\":\"read\"}}",
        "{\"read\":\"vector\",\"recipe\":{\"neuron\":[0,1]},\"at\":{\"hook\":\"0_mid\",\"prompt\":[1]}}",
        "{\"read\":\"vector\",\"recipe\":{\"token\":1,\"minus\":2}}",
        "{\"read\":\"vector\",\"recipe\":{\"activation\":[1,2],\"hook\":\"1_pre\",\"position\":0}}",
        "{\"read\":\"dose\",\"prompts\":[[1,2],[3]],\"steer\":{\"hook\":\"blocks.0.hook_resid_pre\",\"value\":[1,2,3],\"op\":\"ablate_add\",\"from\":-1},"
        "\"strengths\":[-1,2],\"seeds\":[1],\"max_new\":2,\"effect\":{\"for\":[1],\"against\":[2]},\"random\":1,\"frozen\":true,\"stop\":[3]}",
        "{\"read\":\"dose\",\"prompts\":[[1,2]],\"steer\":{\"hook\":\"blocks.*.attn.hook_z\",\"value\":[[1,2]],\"op\":\"cap\",\"heads\":[1],"
        "\"positions\":[0,1],\"dims\":[0,2]},\"strengths\":[2],\"max_new\":2,\"temperature\":0.5,\"top_k\":2,\"top_p\":0.5,\"random\":0}",
        "{\"read\":\"outcomes\",\"base\":[1,2],\"ways\":[{\"name\":\"a\",\"ids\":[1,2],\"edits\":[{\"hook\":\"hook_embed\",\"op\":\"patch\","
        "\"positions\":[0],\"value\":{\"run\":\"B\"}}],\"runs\":{\"B\":[3,4]},\"frozen\":true}],\"seeds\":[1],\"max_new\":2,\"effect\":{\"for\":[1]}}",
    };
    hs_model *model = random_model(state, "{\"n_layers\":2,\"d_model\":3,\"n_ctx\":6,\"d_head\":2,\"n_heads\":2,\"d_vocab\":7,\"d_mlp\":2,\"act_fn\":\"gelu\"}");
    TEST("any value in any place: a result, or an error that names the field");
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
        check_wild(model, DOCUMENTS[i]);
    TEST("the same in a model whose weights are not all numbers");
    for (int i = 0; i < 9; i++)
        model->base[random_below(state, (uint64_t)model->n_real)] = i % 2 ? NAN : INFINITY;
    hs_detail detail = {""};
    CHECK_STATUS(hs_model_pack(model, false, &detail), HS_OK, detail);
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++)
        hs_read_free(study(model, DOCUMENTS[i]));
    hs_model_free(model);
}

int main(void)
{
    uint64_t state = 11;
    test_doses(&state);
    test_outcomes(&state);
    test_jacobi(&state);
    test_wild(&state);
    return HARNESS_END();
}
