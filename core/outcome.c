/* outcome.c: see outcome.h. */
#include "outcome.h"

#include "kernels.h"
#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const HS_OUTCOME_NAMES[HS_N_OUTCOMES] = {"effect", "perplexity", "kl", "repetition2", "repetition3"};

/* ---- the document ---- */

static hs_status read_set(hs_teller *t, const hs_read_spec *spec, hs_json_at effect, const char *key, uint8_t mark)
{
    char field[32];
    int V = t->model->cfg.d_vocab_out, i = 0;
    hs_json_at list = hs_json_get(spec->json, effect, key);
    hs_format(field, sizeof field, "effect.%s", key);
    if (hs_json_type_of(spec->json, list) != HS_JSON_ARRAY || !hs_json_length(spec->json, list))
        return HS_SPEC_FAIL(spec, field, "%s", "a list of token ids is needed here");
    for (hs_json_at item = hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item), i++) {
        int64_t id;
        if (!hs_json_int(spec->json, item, &id) || id < 0 || id >= V)
            return hs_fail(spec->detail, HS_ETOKENS, "%s[%d]: a token of this model (0..%d) is needed here", field, i, V - 1);
        if (t->member[id] && t->member[id] != mark)
            return hs_fail(spec->detail, HS_ESPEC, "%s[%d]: token %d is in both sets", field, i, (int)id);
        t->member[id] = mark;
    }
    return HS_OK;
}

static hs_status read_effect(hs_teller *t, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const FIELDS[] = {"for", "against", NULL};
    hs_json_at effect = hs_spec_at(spec, "effect");
    int V = t->model->cfg.d_vocab_out, n_for = 0;
    if (effect < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, effect) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, "effect", "%s", "{for, against}, lists of token ids, is needed here");
    const char *unknown = hs_json_unknown_key(spec->json, effect, FIELDS);
    if (unknown)
        return hs_fail(spec->detail, HS_ESPEC, "effect.%s: there is no such field; there are for and against", unknown);
    t->has_effect = true;
    HS_TRY(read_set(t, spec, effect, "for", 1));
    bool against = hs_json_get(spec->json, effect, "against") >= 0;
    if (against)
        HS_TRY(read_set(t, spec, effect, "against", 2));
    for (int i = 0; i < V; i++) {
        n_for += t->member[i] == 1;
        t->member[i] = t->member[i] || against ? t->member[i] : 2;
    }
    if (n_for == V)
        return HS_SPEC_FAIL(spec, "effect.for", "%s", "all tokens there are; nothing is left to compare with");
    hs_read_convention(r, "effect",
                       against ? "mean over the text's tokens of log(P(for) / P(against)), the probabilities of two sets of tokens under the "
                                 "model with its edits, before temperature and cuts"
                               : "mean over the text's tokens of log(P(for) / (1 - P(for))), the probability of a set of tokens under the "
                                 "model with its edits, before temperature and cuts");
    return HS_OK;
}

static hs_status read_seeds(hs_teller *t, hs_reading *r, const hs_read_spec *spec)
{
    hs_json_at list = hs_spec_at(spec, "seeds");
    int n = list < 0 ? 1 : hs_json_type_of(spec->json, list) == HS_JSON_ARRAY ? hs_json_length(spec->json, list) : 0;
    if (n < 1 || n > HS_TELLER_SEEDS)
        return HS_SPEC_FAIL(spec, "seeds", "a list of 1 to %d whole numbers is needed here", HS_TELLER_SEEDS);
    HS_READ_TAKE(r, spec, t->seeds, n);
    t->seeds[0] = 1;
    for (hs_json_at item = list < 0 ? -1 : hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item)) {
        int64_t seed;
        if (!hs_json_int(spec->json, item, &seed) || seed < 0 || seed > INT64_C(1) << 53)
            return hs_fail(spec->detail, HS_ESPEC, "seeds[%d]: a whole number from 0 to 2^53 is needed here", t->n_seeds);
        char key[24];
        uint8_t seen = 0;
        for (int i = 0; i < t->n_seeds; i++)
            seen |= t->seeds[i] == (uint64_t)seed;
        hs_format(key, sizeof key, "seeds[%d]", t->n_seeds);
        HS_TRY(hs_spec_once(spec, key, &seen, 0));
        t->seeds[t->n_seeds++] = (uint64_t)seed;
    }
    t->n_seeds = n;
    return HS_OK;
}

hs_status hs_teller_read(hs_teller *t, hs_reading *r, const hs_read_spec *spec)
{
    int V = r->model->cfg.d_vocab_out;
    t->model = r->model;
    t->spec = HS_GENERATE_SPEC;
    t->spec.k = 0;
    HS_TRY(hs_generate_read(spec, &r->model->cfg, &t->spec, &t->stop));
    if (t->spec.max_new > r->model->cfg.n_ctx)
        t->spec.max_new = r->model->cfg.n_ctx;
    HS_READ_TAKE(r, spec, t->member, V);
    HS_READ_TAKE(r, spec, t->row, V);
    HS_TRY(read_seeds(t, r, spec));
    HS_TRY(read_effect(t, r, spec));
    hs_read_convention(r, "perplexity", "exp of the mean surprise (nats) of the text's tokens under the model without edits");
    hs_read_convention(r, "kl", "mean over the text's tokens of KL(with edits || without), in nats");
    hs_read_convention(r, "repetition", "the share of the text's 2-grams (3-grams) that stood in it before");
    return HS_OK;
}

/* ---- runs ---- */

static hs_run_spec reference_spec(const hs_teller *t, const int32_t *zeros)
{
    static const char *const KEPT[] = {"blocks.*.attn.hook_k", "blocks.*.attn.hook_v"};
    return (hs_run_spec){.ids = zeros, .n_tokens = t->reference_rows, .capture = KEPT, .n_capture = t->model->cfg.n_layers ? 2 : 0};
}

hs_status hs_teller_promise(hs_teller *t, hs_reading *r, int n_reference, hs_detail *detail)
{
    uint64_t bytes;
    HS_TRY(hs_generate_size(t->model, &t->spec, detail, &bytes));
    hs_read_promise(r, bytes);
    t->reference_rows = hs_generate_rows(t->model, n_reference, t->spec.max_new);
    int32_t *zeros = calloc((size_t)t->reference_rows, sizeof *zeros);
    if (!zeros)
        return hs_fail(detail, HS_EMEMORY, "no memory for %d tokens", t->reference_rows);
    hs_run_spec run = reference_spec(t, zeros);
    hs_status status = hs_read_promise_run(r, &run, detail);
    free(zeros);
    return status;
}

hs_status hs_teller_begin(hs_teller *t, hs_detail *detail)
{
    HS_TRY(hs_generate_plan(t->model, &t->spec, detail, &t->g));
    int32_t *zeros = calloc((size_t)t->reference_rows, sizeof *zeros);
    if (!zeros)
        return hs_fail(detail, HS_EMEMORY, "no memory for %d tokens", t->reference_rows);
    hs_run_spec run = reference_spec(t, zeros);
    hs_status status = hs_run_new(t->model, &run, detail, &t->reference);
    free(zeros);
    return status;
}

void hs_teller_free(hs_teller *t)
{
    hs_generate_free(t->g);
    hs_run_free(t->reference);
    free(t->stop);
}

/* ---- a text ---- */

void hs_teller_tell(hs_teller *t, const hs_telling *telling, const int32_t *reference, int n_reference, bool again)
{
    if (again)
        hs_generate_again(t->g, telling->seed);
    else
        hs_generate_tell(t->g, telling);
    t->stands = t->stands && t->reference_ids == reference && t->n_reference == n_reference;
    t->reference_ids = reference;
    t->n_reference = n_reference;
    t->doing = HS_TELLING;
    t->judged = 0;
    t->surprise = 0;
    memset(t->numbers, 0, sizeof t->numbers);
}

/* How many of the text's tokens the reference can predict before its context is full. */
static int n_judged(const hs_teller *t)
{
    int n = hs_generate_count(t->g), room = t->reference_rows - t->n_reference + 1;
    return n < room ? n : room;
}

/* The reference has the text to read; false where it has read it all, a prompt that stands and one token. */
static bool begin_reading(hs_teller *t)
{
    int n = n_judged(t), from = t->stands ? t->n_reference : 0;
    memcpy(t->reference->ids, t->reference_ids, (size_t)t->n_reference * sizeof *t->reference->ids);
    for (int i = 0; i + 1 < n; i++)
        t->reference->ids[t->n_reference + i] = hs_generate_token(t->g, i).id;
    hs_run_pass(t->reference, (hs_rows){from, t->n_reference + n - 1}, t->stands ? t->n_reference : t->n_reference - 1);
    return from < t->n_reference + n - 1;
}

/* log of the summed probabilities of a set, but for the softmax's own constant. */
static double log_weight(const hs_teller *t, const hs_real *logits, uint8_t mark)
{
    int V = t->model->cfg.d_vocab_out, n = 0;
    for (int i = 0; i < V; i++)
        if (t->member[i] == mark)
            t->row[n++] = logits[i];
    return hs_logsumexp(t->row, n);
}

double hs_repetition(const hs_generation *g, int n)
{
    int all = hs_generate_count(g) - n + 1, again = 0;
    for (int i = 1; i < all; i++) {
        bool before = false;
        for (int j = 0; j < i && !before; j++) {
            before = true;
            for (int k = 0; k < n; k++)
                before = before && hs_generate_token(g, i + k).id == hs_generate_token(g, j + k).id;
        }
        again += before;
    }
    return all > 0 ? (double)again / all : 0;
}

static void judge_token(hs_teller *t, int i)
{
    int V = t->model->cfg.d_vocab_out;
    const hs_real *logits = hs_generate_logits(t->g, i);
    if (t->has_effect)
        t->numbers[HS_EFFECT] += log_weight(t, logits, 1) - log_weight(t, logits, 2);
    if (i >= n_judged(t))
        return;
    const hs_real *row = hs_run_logits(t->reference) + (int64_t)(t->n_reference - 1 + i) * V;
    t->surprise += hs_logsumexp(row, V) - (double)row[hs_generate_token(t->g, i).id];
    t->numbers[HS_KL] += hs_row_kl(logits, row, V);
}

static void sum_up(hs_teller *t)
{
    int n = n_judged(t);
    double kl = t->numbers[HS_KL] / n, effect = t->numbers[HS_EFFECT] / hs_generate_count(t->g);
    t->surprise /= n;
    t->numbers[HS_EFFECT] = t->has_effect ? effect : (double)NAN;
    t->numbers[HS_PERPLEXITY] = (double)hs_exp((hs_real)t->surprise);
    t->numbers[HS_KL] = kl < 0 ? 0 : kl; /* rounding alone is below 0 */
    t->numbers[HS_REPETITION2] = hs_repetition(t->g, 2);
    t->numbers[HS_REPETITION3] = hs_repetition(t->g, 3);
}

bool hs_teller_step(hs_teller *t)
{
    switch (t->doing) {
    case HS_TELLING:
        if (!hs_generate_step(t->g))
            t->doing = begin_reading(t) ? HS_READING : HS_JUDGING;
        return true;
    case HS_READING:
        if (!hs_run_step(t->reference))
            t->doing = HS_JUDGING;
        return true;
    default: break;
    }
    t->stands = true;
    int64_t n = hs_generate_count(t->g), to = t->judged + hs_read_rows(100.0 * t->model->cfg.d_vocab_out);
    while (t->judged < n && t->judged < to)
        judge_token(t, t->judged++);
    if (t->judged < n)
        return true;
    sum_up(t);
    return false;
}

hs_status hs_teller_arrays(hs_reading *r, const hs_read_spec *spec, const char *const names[HS_N_OUTCOMES], const hs_axis_of *axes,
                           int *out)
{
    for (int i = 0, index; i < HS_N_OUTCOMES; i++) {
        HS_TRY(hs_read_array_new(r, spec, names[i], false, axes, &index));
        *out = i ? *out : index;
    }
    return HS_OK;
}

void hs_teller_write(const hs_teller *t, const hs_reading *r, int first, int64_t at)
{
    for (int i = 0; i < HS_N_OUTCOMES; i++)
        hs_read_data(r, first + i, 0)[at] = (hs_real)t->numbers[i];
}

void hs_teller_write_ids(const hs_teller *t, hs_real *out)
{
    int n = hs_generate_count(t->g);
    for (int i = 0; i < t->spec.max_new; i++)
        out[i] = i < n ? (hs_real)hs_generate_token(t->g, i).id : (hs_real)NAN;
}

void hs_detail_lead(hs_detail *detail, const char *old, const char *with)
{
    size_t n = strlen(old);
    hs_detail was;
    if (!detail || strncmp(detail->text, old, n))
        return;
    was = *detail;
    hs_format(detail->text, sizeof detail->text, "%s%s", with, was.text + n);
}
