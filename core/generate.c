/* generate.c: text that grows. A pass over the rows that are new, whose logits give a token, which is the next row.
 * hook_k and hook_v of the rows before stand in places of their own, so a pass needs nothing else of them. */
#include "hs_generate.h"

#include "kernels.h"
#include "read.h"
#include "run.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUN, TWIN, DRAW };

struct hs_generation {
    hs_model *model;
    hs_sampler sampler;
    int n_prompt, n_rows; /* of the prompt; of all positions that are ever run */
    int max_new, k;
    bool twin, cache;
    int32_t *ids, *stop, *forced;
    int n_stop, n_forced;
    hs_edits *edits;
    hs_run *runs[2]; /* RUN, TWIN */
    hs_generated *tokens;
    int count;
    double *probs;
    int32_t *heap;
    int doing;
    const char *end;
};

static const char *const FIELDS[] = {"v", "ids", "edits", "runs", "max_new", "temperature", "top_k", "top_p", "frequency_penalty",
                                     "repetition_penalty", "seed", "stop", "twin", "cache", "forced", "k", NULL};

/* ---- the document ---- */

static hs_status read_number(const hs_read_spec *spec, const char *key, double *io)
{
    hs_json_at at = hs_spec_at(spec, key);
    if (at >= 0 && !hs_json_number(spec->json, at, io))
        return HS_SPEC_FAIL(spec, key, "a finite number is needed here, not %s", hs_json_type_name(spec->json, at));
    return HS_OK;
}

/* A list of token ids below `limit`; NULL and 0 when absent. */
static hs_status read_tokens(const hs_read_spec *spec, const char *key, int limit, int32_t **out, int *n)
{
    hs_json_at at = hs_spec_at(spec, key);
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, key, "a list of token ids is needed here, not %s", hs_json_type_name(spec->json, at));
    *out = malloc((size_t)hs_json_length(spec->json, at) * sizeof **out + 1);
    if (!*out)
        return hs_fail(spec->detail, HS_EMEMORY, "no memory for %s", key);
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item)) {
        int64_t id;
        if (!hs_json_int(spec->json, item, &id) || id < 0 || id >= limit)
            return hs_fail(spec->detail, HS_ETOKENS, "%s[%d]: a token of this model (0..%d) is needed here", key, *n, limit - 1);
        (*out)[(*n)++] = (int32_t)id;
    }
    return HS_OK;
}

static hs_status read_sampler(const hs_read_spec *spec, hs_sampler *s)
{
    int top_k = 0;
    HS_TRY(read_number(spec, "temperature", &s->temperature));
    HS_TRY(read_number(spec, "top_p", &s->top_p));
    HS_TRY(read_number(spec, "frequency_penalty", &s->frequency_penalty));
    HS_TRY(read_number(spec, "repetition_penalty", &s->repetition_penalty));
    HS_TRY(hs_spec_int(spec, "top_k", 0, INT32_MAX, &top_k));
    s->top_k = top_k;
    if (s->temperature < 0)
        return HS_SPEC_FAIL(spec, "temperature", "%g is below 0", s->temperature);
    if (s->top_p <= 0 || s->top_p > 1)
        return HS_SPEC_FAIL(spec, "top_p", "%g is not above 0 and at most 1", s->top_p);
    if (s->frequency_penalty < 0)
        return HS_SPEC_FAIL(spec, "frequency_penalty", "%g is below 0", s->frequency_penalty);
    if (s->repetition_penalty <= 0)
        return HS_SPEC_FAIL(spec, "repetition_penalty", "%g is not above 0; 1 is none", s->repetition_penalty);
    hs_json_at seed = hs_spec_at(spec, "seed");
    if (seed >= 0 && !hs_json_uint(spec->json, seed, &s->seed))
        return HS_SPEC_FAIL(spec, "seed", "%s", "a whole number from 0 is needed here");
    return HS_OK;
}

static hs_status read_document(hs_generation *g, const hs_read_spec *spec)
{
    const hs_config *cfg = &g->model->cfg;
    hs_json_at root = hs_json_root(spec->json);
    if (hs_json_type_of(spec->json, root) != HS_JSON_OBJECT)
        return hs_fail(spec->detail, HS_ESPEC, "generation: an object is needed, not %s", hs_json_type_name(spec->json, root));
    const char *unknown = hs_json_unknown_key(spec->json, root, FIELDS);
    if (unknown)
        return HS_SPEC_FAIL(spec, unknown, "a generation document has no such %s", "field");
    int v = 1;
    HS_TRY(hs_spec_int(spec, "v", 1, 1, &v));
    if (cfg->d_vocab_out > cfg->d_vocab)
        return hs_fail(spec->detail, HS_ESPEC, "this model predicts %d tokens and reads %d: it cannot read what it writes",
                       cfg->d_vocab_out, cfg->d_vocab);
    HS_TRY(read_tokens(spec, "ids", cfg->d_vocab, &g->ids, &g->n_prompt));
    if (!g->n_prompt)
        return hs_fail(spec->detail, HS_ETOKENS, "ids: there are none; a run needs at least one token");
    if (g->n_prompt > cfg->n_ctx)
        return hs_fail(spec->detail, HS_ETOKENS, "ids: %d tokens are more than the model's context of %d", g->n_prompt, cfg->n_ctx);
    HS_TRY(hs_spec_int(spec, "max_new", 1, INT32_MAX, &g->max_new));
    HS_TRY(hs_spec_int(spec, "k", 0, cfg->d_vocab_out < 100 ? cfg->d_vocab_out : 100, &g->k));
    HS_TRY(hs_spec_bool(spec, "twin", &g->twin));
    HS_TRY(hs_spec_bool(spec, "cache", &g->cache));
    HS_TRY(read_sampler(spec, &g->sampler));
    HS_TRY(read_tokens(spec, "stop", cfg->d_vocab_out, &g->stop, &g->n_stop));
    HS_TRY(read_tokens(spec, "forced", cfg->d_vocab_out, &g->forced, &g->n_forced));
    /* The last token is drawn from the last row and is no row itself. */
    g->n_rows = g->max_new <= cfg->n_ctx - g->n_prompt ? g->n_prompt + g->max_new - 1 : cfg->n_ctx;
    return HS_OK;
}

static hs_status read_edits(hs_generation *g, const hs_read_spec *spec, hs_bytes text, const hs_sources *sources)
{
    hs_json_at at = hs_spec_at(spec, "edits");
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, "edits", "a list of edits is needed here, not %s", hs_json_type_name(spec->json, at));
    size_t begin = hs_json_offset(spec->json, at);
    hs_bytes part = {(const char *)text.data + begin, hs_json_end(spec->json, at) - begin, "edits"};
    return hs_edits_compile(g->model, part, g->n_prompt, g->n_rows, sources, spec->detail, &g->edits);
}

/* ---- making ---- */

static hs_status make_run(hs_generation *g, int which, hs_detail *detail)
{
    static const char *const KEPT[] = {"blocks.*.attn.hook_k", "blocks.*.attn.hook_v"};
    hs_run_spec spec = {.ids = g->ids,
                        .n_tokens = g->n_rows,
                        .edits = which == RUN ? g->edits : NULL,
                        .capture = KEPT,
                        .n_capture = g->model->cfg.n_layers ? 2 : 0};
    HS_TRY(hs_run_new(g->model, &spec, detail, &g->runs[which]));
    hs_run_pass(g->runs[which], (hs_rows){0, g->n_prompt}, g->n_prompt - 1);
    return HS_OK;
}

static hs_status make(hs_generation *g, const hs_read_spec *spec, hs_bytes text, const hs_sources *sources)
{
    HS_TRY(read_document(g, spec));
    HS_TRY(read_edits(g, spec, text, sources));
    size_t V = (size_t)g->model->cfg.d_vocab_out, n = (size_t)(g->n_rows - g->n_prompt + 1);
    int32_t *ids = realloc(g->ids, (size_t)g->n_rows * sizeof *ids);
    g->ids = ids ? ids : g->ids;
    g->tokens = calloc(n, sizeof *g->tokens);
    g->probs = malloc(V * sizeof *g->probs);
    g->heap = malloc(V * sizeof *g->heap);
    if (!ids || !g->tokens || !g->probs || !g->heap)
        return hs_fail(spec->detail, HS_EMEMORY, "no memory for %d tokens", g->n_rows);
    memset(g->ids + g->n_prompt, 0, (size_t)(g->n_rows - g->n_prompt) * sizeof *ids);
    HS_TRY(make_run(g, RUN, spec->detail));
    return g->twin ? make_run(g, TWIN, spec->detail) : HS_OK;
}

hs_status hs_generate_new(hs_model *model, hs_bytes text, const hs_sources *sources, hs_detail *detail, hs_generation **out)
{
    hs_json *json;
    HS_TRY(hs_json_parse(text, detail, &json));
    hs_generation *g = calloc(1, sizeof *g);
    hs_status status = g ? HS_OK : hs_fail(detail, HS_EMEMORY, "no memory to generate");
    if (g) {
        *g = (hs_generation){.model = model, .max_new = 40, .k = 5, .cache = true, .end = ""};
        g->k = model->cfg.d_vocab_out < g->k ? model->cfg.d_vocab_out : g->k;
        g->sampler = (hs_sampler){.temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 1};
        status = make(g, &(hs_read_spec){json, detail}, text, sources);
    }
    hs_json_free(json);
    if (status != HS_OK) {
        hs_generate_free(g);
        return status;
    }
    *out = g;
    return HS_OK;
}

void hs_generate_free(hs_generation *g)
{
    if (!g)
        return;
    hs_run_free(g->runs[RUN]);
    hs_run_free(g->runs[TWIN]);
    hs_edits_free(g->edits);
    free(g->ids);
    free(g->stop);
    free(g->forced);
    free(g->tokens);
    free(g->probs);
    free(g->heap);
    free(g);
}

/* ---- a token ---- */

static const hs_real *logits_of(const hs_generation *g, int which, int i)
{
    return hs_run_logits(g->runs[which]) + (int64_t)(g->n_prompt - 1 + i) * g->model->cfg.d_vocab_out;
}

static void draw(hs_generation *g)
{
    int i = g->count, V = g->model->cfg.d_vocab_out, n_text = g->n_prompt + i;
    const hs_real *logits = logits_of(g, RUN, i);
    hs_sampler_probs(&g->sampler, logits, V, g->ids, n_text, g->heap, g->probs);
    int32_t id = i < g->n_forced ? g->forced[i] : hs_sampler_draw(&g->sampler, g->probs, V, i);
    hs_row_stats row = hs_row_measure(logits, V);
    hs_generated *token = &g->tokens[g->count++];
    *token = (hs_generated){.id = id, .log_prob = (double)logits[id] - row.logsumexp, .entropy = row.entropy,
                            .drawn = g->probs[id], .kl = (double)NAN, .twin_log_prob = (double)NAN};
    token->prob = (double)hs_exp((hs_real)token->log_prob);
    if (g->twin) {
        const hs_real *twin = logits_of(g, TWIN, i);
        token->twin_log_prob = (double)twin[id] - hs_row_measure(twin, V).logsumexp;
        token->kl = hs_row_kl(logits, twin, V);
    }
    for (int s = 0; s < g->n_stop && !*g->end; s++)
        g->end = g->stop[s] == id ? "stop" : g->end;
    if (!*g->end && g->count == g->max_new)
        g->end = "max_new";
    if (!*g->end && n_text == g->n_rows)
        g->end = "context";
    if (*g->end)
        return;
    g->ids[n_text] = id;
    for (int which = RUN; which <= TWIN && g->runs[which]; which++) {
        g->runs[which]->ids[n_text] = id;
        hs_run_pass(g->runs[which], (hs_rows){g->cache ? n_text : 0, n_text + 1}, n_text);
    }
}

bool hs_generate_step(hs_generation *g)
{
    if (*g->end)
        return false;
    if (g->doing == DRAW) {
        draw(g);
        g->doing = RUN;
    } else if (!hs_run_step(g->runs[g->doing]))
        g->doing = g->doing == RUN && g->twin ? TWIN : DRAW;
    return !*g->end;
}

int hs_generate_count(const hs_generation *g)
{
    return g->count;
}

int hs_generate_k(const hs_generation *g)
{
    return g->k;
}

hs_generated hs_generate_token(const hs_generation *g, int i)
{
    return g->tokens[i];
}

const hs_real *hs_generate_logits(const hs_generation *g, int i)
{
    return logits_of(g, RUN, i);
}

const char *hs_generate_end(const hs_generation *g)
{
    return g->end;
}
