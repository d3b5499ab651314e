/* read_outcomes.c: "outcomes": several ways to one goal (edits, steering, another prompt) on the same numbers. */
#include "outcome.h"
#include "pairs.h"
#include "prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WAYS = 32 };

typedef struct way {
    int32_t *ids;
    int n_ids;
    bool frozen;
    hs_edits *edits; /* NULL: none */
    hs_prompt prompt; /* the runs that they name, until these are done */
} way;

typedef struct outcomes {
    hs_teller teller;
    way ways[1 + MOST_WAYS]; /* the first is the base */
    int n_ways, n_rows;
    hs_edits acts;
    int numbers, ids;
    int prepared; /* ways whose runs are done */
    int at, seed; /* which text is told */
    bool telling;
} outcomes;

static void free_own(hs_reading *r)
{
    outcomes *s = r->own;
    hs_teller_free(&s->teller);
    for (int i = 0; i < s->n_ways; i++) {
        hs_edits_free(s->ways[i].edits);
        hs_prompt_free(&s->ways[i].prompt);
    }
}

/* ---- the document ---- */

static hs_status read_way(outcomes *s, hs_reading *r, const hs_read_spec *spec, hs_json_at object, int i)
{
    static const char *const FIELDS[] = {"name", "ids", "edits", "runs", "frozen", NULL};
    char field[48];
    way *w = &s->ways[s->n_ways++];
    hs_format(field, sizeof field, "ways[%d]", i);
    if (hs_json_type_of(spec->json, object) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, field, "%s", "{name, ids, edits, frozen} is needed here");
    const char *unknown = hs_json_unknown_key(spec->json, object, FIELDS);
    if (unknown)
        return hs_fail(spec->detail, HS_ESPEC, "%s.%s: there is no such field", field, unknown);
    hs_format(field, sizeof field, "ways[%d].name", i);
    const char *name = hs_json_string(spec->json, hs_json_get(spec->json, object, "name"));
    if (!name || !*name)
        return HS_SPEC_FAIL(spec, field, "%s", "a name is needed here");
    for (hs_json_at item = hs_json_first(spec->json, hs_spec_at(spec, "ways")); item != object; item = hs_json_next(spec->json, item))
        if (!strcmp(name, hs_json_string(spec->json, hs_json_get(spec->json, item, "name"))))
            return HS_SPEC_FAIL(spec, field, "%s", "a way before it has this name");
    if (!strcmp(name, "base"))
        return HS_SPEC_FAIL(spec, field, "%s", "base is the first way, without edits");
    hs_read_label(r, "way", name);
    hs_format(field, sizeof field, "ways[%d].frozen", i);
    hs_json_at frozen = hs_json_get(spec->json, object, "frozen");
    if (frozen >= 0 && !hs_json_bool(spec->json, frozen, &w->frozen))
        return HS_SPEC_FAIL(spec, field, "%s", "true or false is needed here");
    hs_format(field, sizeof field, "ways[%d].ids", i);
    return hs_spec_ids(r, spec, hs_json_get(spec->json, object, "ids"), field, &w->ids, &w->n_ids);
}

/* The way's edits, for its own prompt and as many positions as the longest can have; the runs that they read come later. */
static hs_status compile(outcomes *s, hs_reading *r, const hs_read_spec *spec, hs_json_at object, int i)
{
    char where[32], lead[48];
    way *w = &s->ways[1 + i];
    hs_format(where, sizeof where, "ways[%d].", i);
    hs_format(lead, sizeof lead, "%sedits", where);
    HS_TRY(hs_prompt_read(r->model, spec->json, object, spec->text, where, NULL, 0, spec->detail, &w->prompt));
    hs_sources sources = hs_prompt_sources(&w->prompt);
    hs_read_promise(r, hs_prompt_bytes(&w->prompt));
    r->work.total += w->prompt.n_runs;
    if (!w->prompt.edits_text.size)
        return HS_OK;
    hs_status status = hs_edits_compile(r->model, w->prompt.edits_text, w->n_ids, s->n_rows, &sources, spec->detail, &w->edits);
    if (status != HS_OK)
        hs_detail_lead(spec->detail, "edits", lead);
    else
        hs_read_promise(r, hs_edits_bytes(w->edits, r->model->cfg.n_layers));
    return status;
}

/* Where any of them act. */
static hs_status merge(outcomes *s, hs_reading *r, const hs_read_spec *spec)
{
    int64_t n = (int64_t)HS_N_HOOKS * (r->model->cfg.n_layers > 1 ? r->model->cfg.n_layers : 1);
    s->acts.n_tokens = s->n_rows;
    HS_READ_TAKE(r, spec, s->acts.any, n);
    for (int i = 0; i < s->n_ways; i++)
        for (int64_t at = 0; s->ways[i].edits && at < n; at++)
            s->acts.any[at] |= s->ways[i].edits->any[at];
    s->teller.spec.acts = &s->acts;
    return HS_OK;
}

static hs_status read_ways(outcomes *s, hs_reading *r, const hs_read_spec *spec)
{
    hs_json_at list = hs_spec_at(spec, "ways");
    int n = hs_json_type_of(spec->json, list) == HS_JSON_ARRAY ? hs_json_length(spec->json, list) : 0, i = 0;
    if (n < 1 || n > MOST_WAYS)
        return HS_SPEC_FAIL(spec, "ways", "a list of 1 to %d ways is needed here", MOST_WAYS);
    hs_read_label(r, "way", "base");
    HS_TRY(hs_spec_ids(r, spec, hs_spec_at(spec, "base"), "base", &s->ways[0].ids, &s->ways[0].n_ids));
    s->n_ways = 1;
    for (hs_json_at item = hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item), i++)
        HS_TRY(read_way(s, r, spec, item, i));
    for (i = 0; i < s->n_ways; i++) {
        s->teller.spec.n_prompt = s->ways[i].n_ids > s->teller.spec.n_prompt ? s->ways[i].n_ids : s->teller.spec.n_prompt;
        s->teller.spec.freezes |= s->ways[i].frozen;
    }
    s->n_rows = hs_generate_rows(r->model, s->teller.spec.n_prompt, s->teller.spec.max_new);
    i = 0;
    for (hs_json_at item = hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item), i++)
        HS_TRY(compile(s, r, spec, item, i));
    return merge(s, r, spec);
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    outcomes *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->free_own = free_own;
    HS_TRY(hs_teller_read(&s->teller, r, spec));
    HS_TRY(read_ways(s, r, spec));
    int64_t W = s->n_ways, S = s->teller.n_seeds, N = s->teller.spec.max_new;
    HS_TRY(hs_teller_arrays(r, spec, HS_OUTCOME_NAMES, HS_AXES({"way", W}, {"seed", S}), &s->numbers));
    HS_TRY(hs_read_array_new(r, spec, "ids", true, HS_AXES({"way", W}, {"seed", S}, {"token", N}), &s->ids));
    for (int i = 0; i < S; i++) {
        char label[32];
        hs_format(label, sizeof label, "%lld", (long long)s->teller.seeds[i]);
        hs_read_label(r, "seed", label);
    }
    hs_read_convention(r, "reference",
                       "the model without edits that reads the base prompt and then the same tokens: what perplexity and kl compare with, "
                       "for a way with a prompt of its own too");
    r->n_tokens = s->teller.spec.n_prompt;
    r->work.total += (double)(W * S);
    return hs_teller_promise(&s->teller, r, s->ways[0].n_ids, spec->detail);
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    outcomes *s = r->own;
    hs_read_blank(r);
    hs_read_value(r, "perplexity_limit", HS_PERPLEXITY_LIMIT);
    hs_read_value(r, "repetition_limit", HS_REPETITION_LIMIT);
    for (int i = 0; i < s->n_ways; i++)
        HS_TRY(hs_prompt_take(&s->ways[i].prompt, detail));
    return hs_teller_begin(&s->teller, detail);
}

/* ---- the runs that edits read, then the texts ---- */

/* One unit of them; false when all are done. */
static bool prepare(hs_reading *r, outcomes *s)
{
    for (; s->prepared < s->n_ways; s->prepared++) {
        way *w = &s->ways[s->prepared];
        int done = w->prompt.at;
        if (hs_prompt_step(&w->prompt)) {
            r->work.done += w->prompt.at - done;
            return true;
        }
        if (w->edits)
            hs_edits_fill(w->edits);
        hs_prompt_free(&w->prompt);
    }
    return false;
}

static void begin_text(outcomes *s)
{
    const way *w = &s->ways[s->at], *base = &s->ways[0];
    hs_telling telling = {.ids = w->ids, .n_prompt = w->n_ids, .edits = w->edits, .frozen = w->frozen, .seed = s->teller.seeds[s->seed]};
    hs_teller_tell(&s->teller, &telling, base->ids, base->n_ids, s->seed > 0);
    s->telling = true;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    outcomes *s = r->own;
    (void)side;
    (void)i;
    if (prepare(r, s))
        return true;
    if (!s->telling)
        begin_text(s);
    if (hs_teller_step(&s->teller))
        return true;
    int64_t at = (int64_t)s->at * s->teller.n_seeds + s->seed;
    hs_teller_write(&s->teller, r, s->numbers, at);
    hs_teller_write_ids(&s->teller, hs_read_data(r, s->ids, 0) + at * s->teller.spec.max_new);
    s->telling = false;
    r->work.done++;
    if (++s->seed == s->teller.n_seeds) {
        s->seed = 0;
        s->at++;
    }
    return s->at < s->n_ways;
}

static const char *const FIELDS[] = {"base", "ways", HS_TELLER_FIELDS, NULL};
const hs_reader hs_reader_outcomes = {"outcomes", FIELDS, true, plan, unit, NULL, begin};
