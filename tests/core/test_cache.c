/* test_cache.c: rows by rows is as good as at once, bit for bit: a pass in units, text that grows with keys and values
 * kept, the same with everything run again for each token, and one run over the whole text; with every operation at
 * every kind of hook, on random shapes. */
#include "hs_generate.h"
#include "random_model.h"
#include "run.h"

enum { MAX_ROWS = 24, MAX_TEXT = 4096 };

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

static hs_bytes bytes_of(const char *json)
{
    return (hs_bytes){json, strlen(json), "document"};
}

/* A prompt and what grows from it. */
typedef struct story {
    hs_model *model;
    int32_t ids[MAX_ROWS], other[MAX_ROWS];
    int n_prompt, n_rows, n_other;
    hs_run *b; /* run "B", of `other`, every hook captured */
} story;

static void put_ids(text *t, const int32_t *ids, int n)
{
    for (int i = 0; i < n; i++)
        put(t, i ? ",%d" : "%d", ids[i]);
}

/* What a generation gave. */
typedef struct grown {
    int count;
    hs_generated tokens[MAX_ROWS];
    hs_real logits[MAX_ROWS][64];
    char end[16];
} grown;

static bool generate_with(const story *s, const char *edits, bool cache, bool frozen, grown *out)
{
    static const char *const NAMES[] = {"B"};
    const hs_run *runs[] = {s->b};
    hs_sources sources = {NAMES, runs, 1, NULL, 0};
    hs_detail detail = {""};
    hs_generation *g;
    text t = {.n = 0};
    put(&t, "{\"v\":1,\"ids\":[");
    put_ids(&t, s->ids, s->n_prompt);
    put(&t, "],\"max_new\":%d,\"twin\":true,\"cache\":%s,\"freeze_attention\":%s,\"edits\":%s}", s->n_rows - s->n_prompt + 1,
        cache ? "true" : "false", frozen ? "true" : "false", edits);
    memset(out, 0, sizeof *out);
    if (!CHECK_STATUS(hs_generate_new(s->model, bytes_of(t.data), &sources, &detail, &g), HS_OK, detail)) {
        printf("    %s\n", edits);
        return false;
    }
    while (hs_generate_step(g))
        ;
    out->count = hs_generate_count(g);
    strcpy(out->end, hs_generate_end(g));
    for (int i = 0; i < out->count; i++) {
        out->tokens[i] = hs_generate_token(g, i);
        memcpy(out->logits[i], hs_generate_logits(g, i), (size_t)s->model->cfg.d_vocab_out * sizeof(hs_real));
    }
    hs_generate_free(g);
    return true;
}

static bool generate(const story *s, const char *edits, bool cache, grown *out)
{
    return generate_with(s, edits, cache, false, out);
}

/* The same bits; NaN is NaN, whatever its own. */
static bool same_reals(const hs_real *a, const hs_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) && (a[i] == a[i] || b[i] == b[i]))
            return false;
    return true;
}

static bool same_double(double a, double b)
{
    return !memcmp(&a, &b, sizeof a) || (a != a && b != b);
}

static bool same_grown(const grown *a, const grown *b, int n_vocab)
{
    bool same = a->count == b->count && !strcmp(a->end, b->end);
    for (int i = 0; same && i < a->count; i++) {
        same = a->tokens[i].id == b->tokens[i].id && same_reals(a->logits[i], b->logits[i], n_vocab);
        same = same && same_double(a->tokens[i].kl, b->tokens[i].kl) && same_double(a->tokens[i].drawn, b->tokens[i].drawn);
    }
    return same;
}

/* One run over all rows, with the document compiled for that many tokens. */
static bool same_as_run(const story *s, const char *edits, const grown *g)
{
    static const char *const NAMES[] = {"B"};
    const hs_run *runs[] = {s->b};
    hs_sources sources = {NAMES, runs, 1, NULL, 0};
    hs_detail detail = {""};
    hs_edits *compiled;
    hs_run *run;
    int32_t ids[MAX_ROWS];
    memcpy(ids, s->ids, sizeof ids);
    for (int i = 0; i + 1 < g->count; i++)
        ids[s->n_prompt + i] = g->tokens[i].id;
    if (!CHECK_STATUS(hs_edits_new(s->model, bytes_of(edits), s->n_rows, &sources, &detail, &compiled), HS_OK, detail))
        return false;
    hs_run_spec spec = {.ids = ids, .n_tokens = s->n_rows, .edits = compiled};
    CHECK_STATUS(hs_run_new(s->model, &spec, &detail, &run), HS_OK, detail);
    hs_run_forward(run);
    int V = s->model->cfg.d_vocab_out;
    bool same = true;
    for (int i = 0; i < g->count; i++)
        same = same && same_reals(g->logits[i], hs_run_logits(run) + (int64_t)(s->n_prompt - 1 + i) * V, V);
    hs_run_free(run);
    hs_edits_free(compiled);
    return same;
}

static story make_story(uint64_t *state, const char *config)
{
    story s = {.model = random_model(state, config)};
    const hs_config *cfg = &s.model->cfg;
    static const char *const ALL[] = {"*"};
    hs_detail detail = {""};
    s.n_prompt = 2 + (int)random_below(state, 4);
    s.n_rows = s.n_prompt + 3 + (int)random_below(state, 4);
    s.n_other = s.n_prompt + (int)random_below(state, 3);
    for (int i = 0; i < MAX_ROWS; i++) {
        s.ids[i] = (int32_t)random_below(state, (uint64_t)cfg->d_vocab);
        s.other[i] = (int32_t)random_below(state, (uint64_t)cfg->d_vocab);
    }
    hs_run_spec spec = {.ids = s.other, .n_tokens = s.n_other, .capture = ALL, .n_capture = 1};
    CHECK_STATUS(hs_run_new(s.model, &spec, &detail, &s.b), HS_OK, detail);
    hs_run_forward(s.b);
    return s;
}

static void free_story(story *s)
{
    hs_run_free(s->b);
    hs_model_free(s->model);
}

/* ---- every operation at every kind of hook ---- */

static const char *const OPS[] = {"zero", "scale", "set", "add", "mean", "patch", "freeze", "project_out", "clamp"};
enum { ZERO, SCALE, SET, ADD, MEAN, PATCH, FREEZE, PROJECT_OUT, CLAMP, N_OPS };

/* A random edit of this operation at this hook. *alone: it means the same in one run over the whole text (no position
 * counts from the prompt's end, and no other run ends before the text does). */
static void put_edit(text *t, uint64_t *state, const story *s, int op, int hook, const hs_hook_info *info, bool *alone)
{
    bool masked = hs_hook_is_masked(hook), run_value = random_below(state, 4) == 0;
    int last = (int)info->shape[info->n_axes - 1], selected = last;
    put(t, "[{\"hook\":\"%s\",\"op\":\"%s\"", info->name, OPS[op]);
    if (info->n_axes == 3 && random_below(state, 2))
        put(t, ",\"heads\":[%d]", (int)random_below(state, (uint64_t)s->model->cfg.n_heads));
    switch (random_below(state, 4)) {
    case 0:
        put(t, ",\"positions\":[-1,0,%d]", s->n_rows - 1);
        *alone = run_value = false;
        break;
    case 1: put(t, ",\"from\":%d", 1 + (int)random_below(state, (uint64_t)s->n_prompt)); break;
    case 2:
        put(t, ",\"from\":-%d", 1 + (int)random_below(state, (uint64_t)s->n_prompt));
        *alone = false;
        break;
    default: break;
    }
    if (hook == HS_HOOK_ATTN_SCORES && op >= PROJECT_OUT) /* its masked cells are -inf: no direction */
        run_value = false;
    if (op == PATCH || op == FREEZE) { /* positions of B: one for all, or those that are written, where B has them */
        if (strstr(t->data, "\"positions\""))
            put(t, ",\"value\":{\"run\":\"B\",\"positions\":[%d]}", (int)random_below(state, (uint64_t)s->n_other));
        else
            put(t, ",\"value\":{\"run\":\"B\"}");
        *alone = *alone && (strstr(t->data, "\"positions\"") ? !masked : false);
    } else if (op == MEAN) {
        put(t, ",\"value\":{\"run\":\"B\"}");
        *alone = *alone && !masked;
    } else if (op >= SET && run_value) {
        put(t, ",\"value\":{\"run\":\"B\"}");
        *alone = false;
    } else if (op >= SET) {
        if (masked && random_below(state, 2)) {
            put(t, ",\"sources\":[1,0]");
            selected = 2;
        } else if (!masked && last > 2) {
            put(t, ",\"dims\":[1,%d]", last);
            selected = last - 1;
        }
        put(t, ",\"value\":[");
        for (int i = 0; i < selected; i++)
            put(t, i ? ",%.3f" : "%.3f", random_signed(state) + 1.5);
        put(t, "]");
    }
    if (op == SCALE || op == ADD)
        put(t, ",\"scale\":%.3f", random_signed(state));
    if (op == CLAMP)
        put(t, ",\"min\":-0.2,\"max\":0.1");
    put(t, "}]");
}

static void check_every_edit(uint64_t *state, const story *s)
{
    static grown cached, again;
    hs_hook_walk walk = HS_HOOK_WALK;
    while (hs_hook_next(&s->model->cfg, &walk)) {
        hs_hook_info info;
        hs_hook_info_at(&s->model->cfg, walk.hook, walk.layer, s->n_rows, &info);
        for (int op = 0; op < N_OPS; op++) {
            if (op == FREEZE && walk.hook != HS_HOOK_PATTERN && !hs_hook_is_scale(walk.hook))
                continue;
            text edits = {.n = 0};
            bool alone = true;
            put_edit(&edits, state, s, op, walk.hook, &info, &alone);
            if (!generate(s, edits.data, true, &cached) || !generate(s, edits.data, false, &again))
                continue;
            if (!CHECK(same_grown(&cached, &again, s->model->cfg.d_vocab_out)))
                printf("    cache: %s\n", edits.data);
            if (alone && !CHECK(same_as_run(s, edits.data, &cached)))
                printf("    one run: %s\n", edits.data);
        }
    }
}

/* ---- positions of a text that grows ---- */

/* The two documents do the same. */
static void check_alike(const story *s, const char *a, const char *b)
{
    static grown x, y;
    if (generate(s, a, true, &x) && generate(s, b, true, &y) && !CHECK(same_grown(&x, &y, s->model->cfg.d_vocab_out)))
        printf("    %s\n    %s\n", a, b);
}

static void check_positions(const story *s)
{
    static grown edited, plain;
    text to_end = {.n = 0}, listed = {.n = 0}, patched = {.n = 0};
    for (int i = s->n_prompt - 1; i < s->n_rows; i++)
        put(&listed, "%s%d", to_end.n++ ? "," : "[{\"hook\":\"hook_embed\",\"op\":\"scale\",\"scale\":3,\"positions\":[", i);
    put(&listed, "]}]");
    TEST("negative positions count from the prompt's end, and the edit reaches what is generated");
    check_alike(s, "[{\"hook\":\"hook_embed\",\"op\":\"scale\",\"scale\":3,\"from\":-1}]", listed.data);
    CHECK(generate(s, listed.data, true, &edited) && generate(s, "[]", true, &plain));
    CHECK(!same_grown(&edited, &plain, s->model->cfg.d_vocab_out));
    for (int i = 0; i < plain.count; i++)
        CHECK(plain.tokens[i].kl == 0 && plain.tokens[i].twin_log_prob == plain.tokens[i].log_prob);
    CHECK(edited.tokens[0].kl > 0);
    TEST("a patch from a shorter run acts where that run has the position");
    put(&patched, "[{\"hook\":\"*hook_resid_post\",\"op\":\"patch\",\"value\":{\"run\":\"B\"},\"positions\":[");
    for (int i = 0; i < s->n_other; i++)
        put(&patched, i ? ",%d" : "%d", i);
    put(&patched, "]}]");
    check_alike(s, "[{\"hook\":\"*hook_resid_post\",\"op\":\"patch\",\"value\":{\"run\":\"B\"}}]", patched.data);
}

/* ---- steering ---- */

/* Strength 0 is no steering, bit for bit; with frozen attention too, with the cache and without. */
static void check_steering(const story *s)
{
    static const char *const OPS_OF_STRENGTH[] = {"add", "project_out", "clamp"};
    static grown plain, other;
    int d = s->model->cfg.d_model, V = s->model->cfg.d_vocab_out;
    CHECK(generate(s, "[]", true, &plain));
    for (int op = 0; op < 3; op++)
        for (int way = 0; way < 4; way++) {
            bool cache = way % 2 == 0, frozen = way >= 2;
            text none = {.n = 0}, some = {.n = 0};
            for (int strong = 0; strong < 2; strong++) {
                text *t = strong ? &some : &none;
                put(t, "[{\"hook\":\"blocks.*.hook_resid_pre\",\"op\":\"%s\",\"from\":1,\"value\":[", OPS_OF_STRENGTH[op]);
                for (int i = 0; i < d; i++)
                    put(t, i ? ",%d" : "%d", i % 3 - 1);
                put(t, op < 2 ? "],\"scale\":%d}]" : "],\"max\":%d}]", op < 2 ? 2 * strong : strong ? -3 : 1000);
            }
            CHECK(generate_with(s, none.data, cache, frozen, &other));
            if (!CHECK(same_grown(&plain, &other, V)))
                printf("    cache %d, frozen %d: %s\n", cache, frozen, none.data);
            CHECK(generate_with(s, some.data, cache, frozen, &other));
            CHECK(!same_grown(&plain, &other, V));
        }
    TEST("frozen attention: edits before the pattern do nothing, edits of what it carries do");
    static const char *const NOTHING[] = {"hook_q", "hook_k", "hook_attn_scores", "hook_pattern"};
    static grown frozen[2];
    for (int i = 0; i < 4; i++) {
        text t = {.n = 0};
        put(&t, "[{\"hook\":\"*%s\",\"op\":\"scale\",\"scale\":1.7,\"heads\":[0]}]", NOTHING[i]);
        CHECK(generate_with(s, t.data, true, true, &frozen[0]) && same_grown(&plain, &frozen[0], V));
        CHECK(generate_with(s, t.data, true, false, &frozen[0]) && !same_grown(&plain, &frozen[0], V));
    }
    static const char V_EDIT[] = "[{\"hook\":\"*hook_v\",\"op\":\"scale\",\"scale\":1.7}]";
    CHECK(generate_with(s, V_EDIT, true, true, &frozen[0]) && generate_with(s, V_EDIT, false, true, &frozen[1]));
    CHECK(same_grown(&frozen[0], &frozen[1], V) && !same_grown(&frozen[0], &plain, V));
}

/* ---- a pass in units ---- */

static void check_units(uint64_t *state, const char *config, const char *json)
{
    static const char *const ALL[] = {"*"};
    hs_model *model = random_model(state, config);
    const hs_config *cfg = &model->cfg;
    hs_detail detail = {""};
    hs_edits *edits;
    hs_run *whole, *units;
    int32_t *ids = malloc((size_t)cfg->n_ctx * sizeof *ids);
    for (int i = 0; i < cfg->n_ctx; i++)
        ids[i] = (int32_t)random_below(state, (uint64_t)cfg->d_vocab);
    CHECK_STATUS(hs_edits_new(model, bytes_of(json), cfg->n_ctx, NULL, &detail, &edits), HS_OK, detail);
    hs_run_spec spec = {.ids = ids, .n_tokens = cfg->n_ctx, .edits = edits, .capture = ALL, .n_capture = 1};
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &whole), HS_OK, detail);
    spec.n_capture = 0;
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &units), HS_OK, detail);
    hs_run_forward(whole);
    int n = 1;
    while (hs_run_step(units))
        n++;
    CHECK(n > cfg->n_layers + 2);
    size_t bytes = (size_t)cfg->n_ctx * (size_t)cfg->d_vocab_out * sizeof(hs_real);
    CHECK(!memcmp(hs_run_logits(whole), hs_run_logits(units), bytes));
    hs_run_free(units);
    spec.n_capture = 1;
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &units), HS_OK, detail);
    while (hs_run_step(units))
        ;
    for (int i = 0; i < hs_run_n_captured(whole); i++) {
        hs_tensor a = hs_run_captured(whole, i), b = hs_run_captured(units, i);
        if (!CHECK(!memcmp(a.data, b.data, (size_t)a.count * sizeof(hs_real))))
            printf("    %s\n", a.name);
    }
    hs_run_free(units);
    hs_run_free(whole);
    hs_edits_free(edits);
    hs_model_free(model);
    free(ids);
}

/* One head's pattern once more, from what a run kept, edits in force. */
static void check_attention_again(uint64_t *state)
{
    static const char *const ALL[] = {"*"};
    static const char EDITS[] = "[{\"hook\":\"*attn_scores\",\"op\":\"add\",\"value\":1.5,\"heads\":[1],\"sources\":[2,0]},"
                                "{\"hook\":\"*pattern\",\"op\":\"scale\",\"scale\":0.5,\"positions\":[3,-1]}]";
    enum { T = 9, H = 3 };
    hs_model *model = random_model(state, "{\"n_layers\":2,\"d_model\":10,\"n_ctx\":9,\"d_head\":5,\"n_heads\":3,\"d_vocab\":12,\"attn_only\":true}");
    int32_t ids[T];
    for (int i = 0; i < T; i++)
        ids[i] = (int32_t)random_below(state, 12);
    hs_detail detail = {""};
    hs_edits *edits;
    hs_run *run;
    hs_real scores[T * T], pattern[T * T];
    CHECK_STATUS(hs_edits_new(model, bytes_of(EDITS), T, NULL, &detail, &edits), HS_OK, detail);
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .edits = edits, .capture = ALL, .n_capture = 1};
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail);
    hs_run_forward(run);
    for (int layer = 0; layer < 2; layer++)
        for (int h = 0; h < H; h++) {
            for (int t = 0; t < T; t += 4)
                hs_attention_head(run, layer, h, (hs_rows){t, t + 4 < T ? t + 4 : T}, scores, pattern);
            CHECK(!memcmp(scores, hs_run_at(run, HS_HOOK_ATTN_SCORES, layer) + h * T * T, sizeof scores));
            CHECK(!memcmp(pattern, hs_run_at(run, HS_HOOK_PATTERN, layer) + h * T * T, sizeof pattern));
        }
    hs_run_free(run);
    hs_edits_free(edits);
    hs_model_free(model);
}

int main(void)
{
    uint64_t state = 20261122;
    for (int i = 0; i < 16; i++) {
        TEST("cache on and off, every edit: shape %d", i);
        story s = make_story(&state, NULL);
        check_every_edit(&state, &s);
        free_story(&s);
    }
    story s = make_story(&state, "{\"n_layers\":2,\"d_model\":12,\"n_ctx\":20,\"d_head\":4,\"n_heads\":3,\"d_vocab\":17,\"d_mlp\":9,\"act_fn\":\"gelu\"}");
    check_positions(&s);
    TEST("strength 0 is no steering, cache on and off, attention frozen and not");
    check_steering(&s);
    free_story(&s);
    TEST("a pass in units, all hooks");
    check_units(&state, "{\"n_layers\":2,\"d_model\":96,\"n_ctx\":330,\"d_head\":24,\"n_heads\":5,\"d_vocab\":2100,\"d_mlp\":350,\"act_fn\":\"solu_ln\"}", "[]");
    TEST("a pass in units, edits in force");
    check_units(&state, "{\"n_layers\":2,\"d_model\":96,\"n_ctx\":330,\"d_head\":24,\"n_heads\":5,\"d_vocab\":2100,\"attn_only\":true,\"positional_embedding_type\":\"shortformer\"}",
                "[{\"hook\":\"*\",\"op\":\"scale\",\"scale\":0.9,\"positions\":[3,100,200,-1]},{\"hook\":\"*pattern\",\"op\":\"zero\",\"heads\":[2],\"sources\":[0,150]}]");
    TEST("one head's attention once more");
    check_attention_again(&state);
    return HARNESS_END();
}
