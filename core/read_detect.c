/* read_detect.c: "detect": what heads do, on the run's text or on random tokens that stand twice. */
#include "read.h"
#include "rng.h"

#include <math.h>
#include <string.h>

typedef enum measure { STRIPE, MUL, ABS } measure;
enum { PREVIOUS, DUPLICATE, INDUCTION, N_KINDS };

typedef struct detect {
    bool random, exclude_bos, exclude_current_token;
    measure measure;
    int length, batch, bos, n_tokens, rows;
    uint64_t seed;
    int out[N_KINDS], ids;
    hs_run *run;       /* of random tokens: one after the other */
    bool has_run, stepping;
    int sequence, at_head, at_row; /* where the units stand */
    int n_duplicates;  /* destinations that can show one, in the last text */
    double *sums;      /* [n_layers * n_heads, N_KINDS] */
    hs_real *square;   /* [T, T] */
    int32_t *tokens;   /* [batch, T] */
} detect;

static void free_run(hs_reading *r)
{
    detect *s = r->own;
    if (s)
        hs_run_free(s->run);
}

/* `batch` sequences of `length` random tokens, each twice, with `bos` in front where one is given. */
static hs_status plan_random(detect *s, hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    int64_t seed = 1;
    s->bos = -1;
    s->batch = 4;
    HS_TRY(hs_spec_int(spec, "bos", 0, cfg->d_vocab - 1, &s->bos));
    int room = (cfg->n_ctx - (s->bos >= 0)) / 2;
    if (room < 1)
        return HS_SPEC_FAIL(spec, "on", "%s", "this model's context is too short for tokens that stand twice");
    s->length = room < 50 ? room : 50;
    HS_TRY(hs_spec_int(spec, "length", 1, room, &s->length));
    HS_TRY(hs_spec_int(spec, "batch", 1, 64, &s->batch));
    hs_json_at at = hs_spec_at(spec, "seed");
    if (at >= 0 && (!hs_json_int(spec->json, at, &seed) || seed < 0 || seed > INT64_C(1) << 53))
        return HS_SPEC_FAIL(spec, "seed", "%s", "a whole number from 0 to 2^53 is needed here");
    s->seed = (uint64_t)seed;
    s->n_tokens = 2 * s->length + (s->bos >= 0);
    HS_READ_TAKE(r, spec, s->tokens, (int64_t)s->batch * s->n_tokens);
    for (int b = 0; b < s->batch; b++) {
        hs_rng rng = hs_rng_stream(s->seed, 0x64657465, (uint64_t)b);
        int32_t *ids = s->tokens + (int64_t)b * s->n_tokens;
        if (s->bos >= 0)
            *ids++ = s->bos;
        for (int i = 0; i < s->length; i++)
            ids[i] = ids[i + s->length] = (int32_t)hs_rng_below(&rng, cfg->d_vocab);
    }
    static const char *const CAPTURE[] = {"*.hook_q", "*.hook_k"};
    hs_run_spec run = {.ids = s->tokens, .n_tokens = s->n_tokens, .capture = CAPTURE, .n_capture = cfg->n_layers ? 2 : 0};
    HS_TRY(hs_run_new(r->model, &run, spec->detail, &s->run));
    HS_TRY(hs_read_array_new(r, spec, "ids", true, HS_AXES({"batch", s->batch}, {"position", s->n_tokens}), &s->ids));
    for (int i = 0; i < s->batch * s->n_tokens; i++)
        hs_read_data(r, s->ids, 0)[i] = (hs_real)s->tokens[i];
    r->n_tokens = s->n_tokens;
    r->together = true; /* the other run is of other tokens */
    return HS_OK;
}

static hs_status plan_text(detect *s, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const RANDOM_ONLY[] = {"length", "batch", "seed", "bos"};
    if (!r->side[0])
        return HS_SPEC_FAIL(spec, "ids", "%s", "\"detect\" on \"text\" reads a run; say of which tokens");
    for (int i = 0; i < 4; i++)
        if (hs_spec_at(spec, RANDOM_ONLY[i]) >= 0)
            return HS_SPEC_FAIL(spec, RANDOM_ONLY[i], "%s", "has a meaning on \"random\" tokens only");
    s->n_tokens = r->n_tokens;
    s->batch = 1;
    return HS_OK;
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const ON[] = {"text", "random", NULL}, *const MEASURES[] = {"stripe", "mul", "abs", NULL};
    static const char *const NAMES[N_KINDS] = {"previous", "duplicate", "induction"};
    static const char *const WORDS[] = {
        "mean attention to the token before, to earlier same tokens, to those after them; without the first position",
        "detect_head's \"mul\": the share of all attention that falls where such a head would look",
        "detect_head's \"abs\": 1 less the sum of |pattern - ideal pattern| over the number of tokens"};
    const hs_config *cfg = &r->model->cfg;
    detect *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->free_own = free_run;
    int on = 0, how = 0;
    HS_TRY(hs_spec_choice(spec, "on", ON, &on));
    HS_TRY(hs_spec_choice(spec, "error_measure", MEASURES, &how));
    HS_TRY(hs_spec_bool(spec, "exclude_bos", &s->exclude_bos));
    HS_TRY(hs_spec_bool(spec, "exclude_current_token", &s->exclude_current_token));
    s->random = on == 1;
    s->measure = (measure)how;
    if (s->measure == STRIPE && (s->exclude_bos || s->exclude_current_token))
        return HS_SPEC_FAIL(spec, s->exclude_bos ? "exclude_bos" : "exclude_current_token", "%s", "has a meaning with \"mul\" and \"abs\" only");
    HS_TRY(s->random ? plan_random(s, r, spec) : plan_text(s, r, spec));
    for (int i = 0; i < N_KINDS; i++)
        HS_TRY(hs_read_array_new(r, spec, NAMES[i], false, HS_AXES({"layer", cfg->n_layers}, {"head", cfg->n_heads}), &s->out[i]));
    int64_t T = s->n_tokens;
    HS_READ_TAKE(r, spec, s->square, T * T);
    HS_READ_TAKE(r, spec, s->sums, (int64_t)cfg->n_layers * cfg->n_heads * N_KINDS + 1);
    s->rows = (int)hs_read_rows(2.0 * (double)T * (cfg->d_head + 10.0));
    hs_read_convention(r, "score", WORDS[s->measure]);
    hs_read_convention(r, "on", s->random ? "random tokens that stand twice, without edits; the array \"ids\" holds them" : "this text");
    return HS_OK;
}

/* ---- one head on one sequence ---- */

/* Whether an ideal head of this kind looks from t to s; detect_head's detection patterns. */
static bool looks(int kind, const int32_t *ids, int t, int s)
{
    switch (kind) {
    case PREVIOUS: return s == t - 1;
    case DUPLICATE: return s < t && ids[s] == ids[t];
    default: return s > 0 && s <= t && ids[s - 1] == ids[t];
    }
}

static double compare(const detect *s, int kind, const int32_t *ids, int T)
{
    double there = 0, all = 0, apart = 0;
    for (int t = 0; t < T; t++)
        for (int src = s->exclude_bos; src <= t - s->exclude_current_token; src++) {
            double p = (double)s->square[(int64_t)t * T + src], ideal = looks(kind, ids, t, src);
            there += p * ideal;
            all += p;
            apart += fabs(p - ideal);
        }
    return s->measure == MUL ? there / all : 1 - apart / T;
}

static void score(detect *s, const int32_t *ids, double *sums)
{
    int T = s->n_tokens;
    if (s->measure != STRIPE) {
        for (int kind = 0; kind < N_KINDS; kind++)
            sums[kind] += compare(s, kind, ids, T) / s->batch;
        return;
    }
    hs_head_scores scores;
    hs_detect_heads(s->square, ids, 1, T, &scores, &s->n_duplicates);
    sums[PREVIOUS] += (double)scores.previous / s->batch;
    sums[DUPLICATE] += (double)scores.duplicate / s->batch;
    sums[INDUCTION] += (double)scores.induction / s->batch;
}

/* Some rows of the head at hand; true while the sequence has more. */
static bool some_rows(const hs_reading *r, const hs_run *run, const int32_t *ids)
{
    detect *s = r->own;
    const hs_config *cfg = &run->model->cfg;
    int T = s->n_tokens, to = s->at_row + s->rows < T ? s->at_row + s->rows : T;
    if (!cfg->n_layers)
        return false;
    hs_attention_head(run, s->at_head / cfg->n_heads, s->at_head % cfg->n_heads, (hs_rows){s->at_row, to}, s->square, s->square);
    s->at_row = to;
    if (to < T)
        return true;
    score(s, ids, s->sums + (int64_t)s->at_head * N_KINDS);
    s->at_row = 0;
    return ++s->at_head < cfg->n_layers * cfg->n_heads;
}

static bool next_unit(hs_reading *r, int side)
{
    detect *s = r->own;
    if (!s->random)
        return some_rows(r, r->side[side], r->side[side]->ids);
    const int32_t *ids = s->tokens + (int64_t)s->sequence * s->n_tokens;
    if (!s->has_run) {
        if (!s->stepping)
            (void)hs_run_set_ids(s->run, ids, NULL); /* drawn from the vocabulary: cannot fail */
        s->stepping = hs_run_step(s->run);
        s->has_run = !s->stepping;
        return true;
    }
    if (some_rows(r, s->run, ids))
        return true;
    s->has_run = false;
    s->at_head = 0;
    return ++s->sequence < s->batch;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    detect *s = r->own;
    int n = r->model->cfg.n_layers * r->model->cfg.n_heads;
    if (i == 0) {
        memset(s->sums, 0, (size_t)n * N_KINDS * sizeof *s->sums);
        s->at_head = s->at_row = s->sequence = 0;
    }
    bool more = next_unit(r, side);
    for (int h = 0; !more && h < n; h++)
        for (int kind = 0; kind < N_KINDS; kind++)
            hs_read_data(r, s->out[kind], side)[h] = (hs_real)s->sums[(int64_t)h * N_KINDS + kind];
    return more;
}

static void finish(hs_reading *r)
{
    const detect *s = r->own;
    if (s->measure == STRIPE && !s->random && r->model->cfg.n_layers)
        hs_read_value(r, "duplicates", s->n_duplicates);
}

static const char *const FIELDS[] = {"on",   "length", "batch", "seed", "bos", "error_measure", "exclude_bos", "exclude_current_token", NULL};
const hs_reader hs_reader_detect = {"detect", FIELDS, true, plan, unit, finish, NULL};
