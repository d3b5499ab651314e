/* read_dose.c: "dose": one way of steering at many strengths, beside frozen attention and random directions: what it does
 * to the texts, and the strength at which they fall apart. */
#include "kernels.h"
#include "outcome.h"
#include "pairs.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STRENGTHS = 200, MOST_PROMPTS = 64, MOST_RANDOM = 64, RANDOM_STREAM = 0x646f7365 };
typedef enum dose_op { OP_ADD, OP_PROJECT_OUT, OP_CLAMP, OP_CAP, OP_ABLATE_ADD } dose_op;
static const char *const OPS[] = {"add", "project_out", "clamp", "cap", "ablate_add", NULL};

typedef struct dose {
    hs_teller teller;
    dose_op op;
    int32_t **prompts;
    int *lengths, n_prompts, n_rows;
    double *strengths;
    int n_strengths, n_random, n_ways;
    bool frozen;
    hs_edits **edits;  /* [n_prompts] */
    hs_real **values;  /* [entries of an edit list]: their operands as the document has them */
    int numbers, ids, base_numbers, base_ids, ratio, collapse;
    double *surprise;  /* [1 + n_ways * n_strengths, n_texts]: of each text, the base ones first */
    int cell, text;    /* that is told: 0 is the base, then by way and strength */
    bool telling;
} dose;

static int n_texts(const dose *s)
{
    return s->n_prompts * s->teller.n_seeds;
}

static int n_cells(const dose *s)
{
    return 1 + s->n_ways * s->n_strengths;
}

static void free_own(hs_reading *r)
{
    dose *s = r->own;
    hs_teller_free(&s->teller);
    for (int p = 0; s->edits && p < s->n_prompts; p++)
        hs_edits_free(s->edits[p]);
}

/* ---- the document ---- */

static hs_json_at steer_at(const hs_read_spec *spec, const char *key)
{
    return hs_json_get(spec->json, hs_spec_at(spec, "steer"), key);
}

static hs_status read_strengths(dose *s, hs_reading *r, const hs_read_spec *spec)
{
    hs_json_at list = hs_spec_at(spec, "strengths");
    int n = hs_json_type_of(spec->json, list) == HS_JSON_ARRAY ? hs_json_length(spec->json, list) : 0;
    if (n < 1 || n > MOST_STRENGTHS)
        return HS_SPEC_FAIL(spec, "strengths", "a list of 1 to %d numbers is needed here", MOST_STRENGTHS);
    HS_READ_TAKE(r, spec, s->strengths, n);
    for (hs_json_at item = hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item)) {
        char label[32];
        double *strength = &s->strengths[s->n_strengths];
        if (!hs_json_number(spec->json, item, strength) || fabs(*strength) > 1e30)
            return hs_fail(spec->detail, HS_ESPEC, "strengths[%d]: a number of at most 1e30 is needed here", s->n_strengths);
        uint8_t seen = 0;
        for (int i = 0; i < s->n_strengths; i++)
            seen |= s->strengths[i] == *strength;
        hs_format(label, sizeof label, "strengths[%d]", s->n_strengths);
        HS_TRY(hs_spec_once(spec, label, &seen, 0));
        hs_format(label, sizeof label, "%g", *strength);
        hs_read_label(r, "strength", label);
        s->n_strengths++;
    }
    return HS_OK;
}

static hs_status read_steer(dose *s, const hs_read_spec *spec)
{
    static const char *const FIELDS[] = {"hook", "value", "op", "heads", "positions", "dims", "from", NULL};
    hs_json_at steer = hs_spec_at(spec, "steer"), at;
    if (hs_json_type_of(spec->json, steer) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, "steer", "%s", "{hook, value, op} is needed here");
    const char *unknown = hs_json_unknown_key(spec->json, steer, FIELDS);
    if (unknown)
        return hs_fail(spec->detail, HS_ESPEC, "steer.%s: there is no such field", unknown);
    if (!hs_json_string(spec->json, steer_at(spec, "hook")))
        return HS_SPEC_FAIL(spec, "steer.hook", "%s", "the name of a hook is needed here");
    if (hs_json_type_of(spec->json, steer_at(spec, "value")) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, "steer.value", "%s", "a list of numbers is needed here");
    const char *said = (at = steer_at(spec, "op")) < 0 ? "add" : hs_json_string(spec->json, at);
    for (int i = 0; said && OPS[i]; i++)
        if (!strcmp(said, OPS[i])) {
            s->op = (dose_op)i;
            return HS_OK;
        }
    return HS_SPEC_FAIL(spec, "steer.op", "%s", "one of add, project_out, clamp, cap, ablate_add is needed here");
}

/* The edit, with `op`, as an edit document has it. */
static hs_status put_edit(const hs_read_spec *spec, const char *op, hs_text *out)
{
    static const char *const COPIED[] = {"heads", "positions", "dims", "value"};
    hs_text_put(out, "{\"hook\":");
    hs_text_string(out, hs_json_string(spec->json, steer_at(spec, "hook")));
    hs_text_put(out, ",\"op\":");
    hs_text_string(out, op);
    for (int i = 0; i < 4; i++) {
        hs_json_at at = steer_at(spec, COPIED[i]);
        char field[32];
        if (at < 0)
            continue;
        hs_format(field, sizeof field, "steer.%s", COPIED[i]);
        if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
            return HS_SPEC_FAIL(spec, field, "%s", "a list is needed here");
        hs_text_put(out, ",\"");
        hs_text_put(out, COPIED[i]);
        hs_text_put(out, "\":");
        size_t begin = hs_json_offset(spec->json, at), end = hs_json_end(spec->json, at);
        hs_text_part(out, (const char *)spec->text.data + begin, end - begin);
    }
    hs_json_at from = steer_at(spec, "from");
    int64_t first;
    if (from >= 0) {
        char number[32];
        if (!hs_json_int(spec->json, from, &first))
            return HS_SPEC_FAIL(spec, "steer.from", "%s", "a position is needed here");
        hs_format(number, sizeof number, ",\"from\":%lld", (long long)first);
        hs_text_put(out, number);
    }
    hs_text_put(out, !strcmp(op, "clamp") ? ",\"min\":0,\"max\":0}" : "}");
    return HS_OK;
}

static hs_status put_document(const dose *s, const hs_read_spec *spec, hs_text *out)
{
    hs_text_put(out, "[");
    if (s->op == OP_ABLATE_ADD) {
        HS_TRY(put_edit(spec, "project_out", out));
        hs_text_put(out, ",");
    }
    HS_TRY(put_edit(spec, s->op == OP_PROJECT_OUT ? "project_out" : s->op == OP_CLAMP || s->op == OP_CAP ? "clamp" : "add", out));
    hs_text_put(out, "]");
    return out->lost ? hs_fail(spec->detail, HS_EMEMORY, "no memory for the edits") : HS_OK;
}

/* The edit compiled for every prompt, and what its operands are. */
static hs_status compile(dose *s, hs_reading *r, const hs_read_spec *spec, hs_bytes text)
{
    for (int p = 0; p < s->n_prompts; p++) {
        hs_status status = hs_edits_compile(r->model, text, s->lengths[p], s->n_rows, NULL, spec->detail, &s->edits[p]);
        if (status != HS_OK) {
            hs_detail_lead(spec->detail, "edits[0]", "steer");
            hs_detail_lead(spec->detail, "edits[1]", "steer");
            return status;
        }
        hs_read_promise(r, hs_edits_bytes(s->edits[p], r->model->cfg.n_layers));
    }
    const hs_edits *edits = s->edits[0];
    bool is_zero = true;
    HS_READ_TAKE(r, spec, s->values, edits->n);
    for (int i = 0; i < edits->n; i++) {
        int64_t n = hs_edit_n_values(&edits->list[i]);
        HS_READ_TAKE(r, spec, s->values[i], n);
        memcpy(s->values[i], edits->list[i].value, (size_t)n * sizeof(hs_real));
        for (int64_t j = 0; j < n; j++) {
            if (!(fabs((double)s->values[i][j]) <= 1e30))
                return HS_SPEC_FAIL(spec, "steer.value", "%s", "numbers of at most 1e30 are needed here");
            is_zero = is_zero && s->values[i][j] == 0;
        }
    }
    return is_zero ? HS_SPEC_FAIL(spec, "steer.value", "%s", "it is zero everywhere, or not finite; a direction has a length") : HS_OK;
}

static hs_status plan_edits(dose *s, hs_reading *r, const hs_read_spec *spec)
{
    hs_text text = {0};
    HS_READ_TAKE(r, spec, s->edits, s->n_prompts);
    hs_status status = put_document(s, spec, &text);
    if (status == HS_OK)
        status = compile(s, r, spec, (hs_bytes){text.data, text.used, "steer"});
    hs_text_free(&text);
    return status;
}

static hs_status read_prompts(dose *s, hs_reading *r, const hs_read_spec *spec)
{
    HS_TRY(hs_spec_prompts(r, spec, "prompts", &s->prompts, &s->lengths, &s->n_prompts));
    if (s->n_prompts > MOST_PROMPTS)
        return HS_SPEC_FAIL(spec, "prompts", "%d are more than %d", s->n_prompts, MOST_PROMPTS);
    for (int p = 0; p < s->n_prompts; p++)
        s->teller.spec.n_prompt = s->lengths[p] > s->teller.spec.n_prompt ? s->lengths[p] : s->teller.spec.n_prompt;
    s->n_rows = hs_generate_rows(r->model, s->teller.spec.n_prompt, s->teller.spec.max_new);
    return HS_OK;
}

static void write_labels(const dose *s, hs_reading *r)
{
    static const char *const STRENGTH[] = {
        "times the vector, added", "times what stands along the direction, taken out", "what stands along the direction is set to it",
        "what stands along the direction is at most it", "what stands along the direction is taken out, then it times the vector added"};
    char label[64];
    hs_read_label(r, "way", "steered");
    if (s->frozen)
        hs_read_label(r, "way", "frozen");
    for (int i = 1; i <= s->n_random; i++) {
        hs_format(label, sizeof label, "random %d", i);
        hs_read_label(r, "way", label);
    }
    for (int p = 0; p < s->n_prompts; p++)
        for (int i = 0; i < s->teller.n_seeds; i++) {
            hs_format(label, sizeof label, "prompt %d, seed %lld", p, (long long)s->teller.seeds[i]);
            hs_read_label(r, "text", label);
        }
    hs_read_label(r, "side", "up");
    hs_read_label(r, "side", "down");
    hs_read_convention(r, "strength", STRENGTH[s->op]);
    hs_read_convention(r, "random", "the same with directions of the same length from a seeded generator");
    hs_read_convention(r, "collapse",
                       "of the strengths above 0 (below 0) the nearest to 0 at which the perplexity is more than 10 times that of the texts "
                       "without edits (geometric means), or more than half of the 3-grams stood in the text before (mean)");
    hs_read_value(r, "perplexity_limit", HS_PERPLEXITY_LIMIT);
    hs_read_value(r, "repetition_limit", HS_REPETITION_LIMIT);
}

static hs_status plan_arrays(dose *s, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const BASE[] = {"base_effect", "base_perplexity", "base_kl", "base_repetition2", "base_repetition3"};
    int64_t W = s->n_ways, S = s->n_strengths, T = n_texts(s), N = s->teller.spec.max_new;
    HS_TRY(hs_teller_arrays(r, spec, HS_OUTCOME_NAMES, HS_AXES({"way", W}, {"strength", S}, {"text", T}), &s->numbers));
    HS_TRY(hs_read_array_new(r, spec, "ids", true, HS_AXES({"way", W}, {"strength", S}, {"text", T}, {"token", N}), &s->ids));
    HS_TRY(hs_teller_arrays(r, spec, BASE, HS_AXES({"text", T}), &s->base_numbers));
    HS_TRY(hs_read_array_new(r, spec, "base_ids", true, HS_AXES({"text", T}, {"token", N}), &s->base_ids));
    HS_TRY(hs_read_array_new(r, spec, "perplexity_ratio", false, HS_AXES({"way", W}, {"strength", S}), &s->ratio));
    HS_TRY(hs_read_array_new(r, spec, "collapse", false, HS_AXES({"way", W}, {"side", 2}), &s->collapse));
    HS_READ_TAKE(r, spec, s->surprise, n_cells(s) * T);
    return HS_OK;
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    dose *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->free_own = free_own;
    s->n_random = 1;
    HS_TRY(hs_teller_read(&s->teller, r, spec));
    HS_TRY(hs_spec_int(spec, "random", 0, MOST_RANDOM, &s->n_random));
    HS_TRY(hs_spec_bool(spec, "frozen", &s->frozen));
    s->n_ways = 1 + s->frozen + s->n_random;
    HS_TRY(read_prompts(s, r, spec));
    HS_TRY(read_strengths(s, r, spec));
    HS_TRY(read_steer(s, spec));
    HS_TRY(plan_edits(s, r, spec));
    HS_TRY(plan_arrays(s, r, spec));
    write_labels(s, r);
    r->n_tokens = s->teller.spec.n_prompt;
    r->work.total = (double)n_cells(s) * n_texts(s);
    s->teller.spec.acts = s->edits[0];
    s->teller.spec.freezes = s->frozen;
    return hs_teller_promise(&s->teller, r, s->teller.spec.n_prompt, spec->detail);
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    dose *s = r->own;
    hs_read_blank(r);
    return hs_teller_begin(&s->teller, detail);
}

/* ---- the texts ---- */

/* A direction of its own for each row of the operand, as long as the row. Twelve uniform numbers less 6 are normal enough
 * to point anywhere, and the same bits everywhere. */
static void randomise(hs_real *value, const hs_real *like, int64_t n, int width, int which)
{
    for (int64_t row = 0; row < n / width; row++) {
        hs_rng rng = hs_rng_stream(RANDOM_STREAM, (uint64_t)which, (uint64_t)row);
        double squares = 0, of_like = 0;
        for (int i = 0; i < width; i++) {
            double x = -6;
            for (int k = 0; k < 12; k++)
                x += hs_rng_uniform(&rng);
            squares += x * x;
            of_like += (double)like[row * width + i] * (double)like[row * width + i];
            value[row * width + i] = (hs_real)x;
        }
        for (int i = 0; i < width; i++)
            value[row * width + i] = (hs_real)((double)value[row * width + i] * sqrt(of_like / squares));
    }
}

/* The edits of a prompt become those of this way and strength. */
static void set_edits(const dose *s, int prompt, int way, double strength)
{
    int which = way - s->frozen; /* of the random directions, from 1 */
    for (int i = 0; i < s->edits[prompt]->n; i++) {
        hs_edit *e = &s->edits[prompt]->list[i];
        int64_t n = hs_edit_n_values(e);
        int last = e->n_axes - 1;
        if (which >= 1)
            randomise(e->value, s->values[i], n, e->value_stride[last] ? e->n_index[last] : 1, which);
        else
            memcpy(e->value, s->values[i], (size_t)n * sizeof(hs_real));
        if (e->op == HS_OP_CLAMP) {
            e->max = (hs_real)strength;
            e->min = s->op == OP_CLAMP ? e->max : (hs_real)-INFINITY;
        } else
            e->scale = e->op == HS_OP_PROJECT_OUT && s->op == OP_ABLATE_ADD ? 1 : (hs_real)strength;
    }
}

static void begin_text(dose *s)
{
    int n_seeds = s->teller.n_seeds, prompt = s->text / n_seeds, seed = s->text % n_seeds, at = s->cell - 1;
    int way = s->cell ? at / s->n_strengths : 0;
    if (s->cell && !seed)
        set_edits(s, prompt, way, s->strengths[at % s->n_strengths]);
    hs_telling telling = {.ids = s->prompts[prompt],
                          .n_prompt = s->lengths[prompt],
                          .edits = s->cell ? s->edits[prompt] : NULL,
                          .frozen = s->cell && s->frozen && way == 1,
                          .seed = s->teller.seeds[seed]};
    hs_teller_tell(&s->teller, &telling, s->prompts[prompt], s->lengths[prompt], seed > 0);
    s->telling = true;
}

static void end_text(dose *s, hs_reading *r)
{
    int64_t T = n_texts(s), at = s->cell ? (int64_t)(s->cell - 1) * T + s->text : s->text, N = s->teller.spec.max_new;
    hs_teller_write(&s->teller, r, s->cell ? s->numbers : s->base_numbers, at);
    hs_teller_write_ids(&s->teller, hs_read_data(r, s->cell ? s->ids : s->base_ids, 0) + at * N);
    s->surprise[s->cell * T + s->text] = s->teller.surprise;
    s->telling = false;
    r->work.done++;
    if (++s->text < T)
        return;
    double more = 0;
    for (int i = 0; i < T; i++)
        more += (s->surprise[s->cell * T + i] - s->surprise[i]) / (double)T;
    if (s->cell)
        hs_read_data(r, s->ratio, 0)[s->cell - 1] = hs_exp((hs_real)more);
    s->text = 0;
    s->cell++;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    dose *s = r->own;
    (void)side;
    (void)i;
    if (!s->telling)
        begin_text(s);
    if (!hs_teller_step(&s->teller))
        end_text(s, r);
    return s->cell < n_cells(s);
}

/* ---- where it collapses ---- */

static double mean_of(const hs_reading *r, int array, int64_t from, int n)
{
    return hs_mean(hs_read_data(r, array, 0) + from, n);
}

/* The nearest strength to 0 on one side at which a way's texts fall apart; NaN if at none. */
static double collapse_of(const dose *s, const hs_reading *r, int way, double sign)
{
    double nearest = (double)NAN;
    int T = n_texts(s);
    for (int i = 0; i < s->n_strengths; i++) {
        int64_t cell = (int64_t)way * s->n_strengths + i;
        double size = sign * s->strengths[i];
        bool fallen = (double)hs_read_data(r, s->ratio, 0)[cell] > HS_PERPLEXITY_LIMIT ||
                      mean_of(r, s->numbers + HS_REPETITION3, cell * T, T) > HS_REPETITION_LIMIT;
        if (size > 0 && fallen && !(sign * nearest <= size))
            nearest = s->strengths[i];
    }
    return nearest;
}

static void finish(hs_reading *r)
{
    static const char *const NAMES[] = {"collapse_up", "collapse_down"};
    dose *s = r->own;
    for (int way = 0; way < s->n_ways; way++)
        for (int side = 0; side < 2; side++) {
            double at = collapse_of(s, r, way, side ? -1 : 1);
            hs_read_data(r, s->collapse, 0)[way * 2 + side] = (hs_real)at;
            if (!way)
                hs_read_value(r, NAMES[side], at);
        }
    double surprise = 0;
    for (int i = 0; i < n_texts(s); i++)
        surprise += s->surprise[i] / n_texts(s);
    hs_read_value(r, "base_effect", mean_of(r, s->base_numbers + HS_EFFECT, 0, n_texts(s)));
    hs_read_value(r, "base_perplexity", (double)hs_exp((hs_real)surprise));
    hs_read_value(r, "base_repetition3", mean_of(r, s->base_numbers + HS_REPETITION3, 0, n_texts(s)));
}

static const char *const FIELDS[] = {"prompts", "steer", "strengths", "random", "frozen", HS_TELLER_FIELDS, NULL};
const hs_reader hs_reader_dose = {"dose", FIELDS, true, plan, unit, finish, begin};
