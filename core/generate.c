/* generate.c: text that grows. A pass over the rows that are new, whose logits give a token, which is the next row.
 * hook_k and hook_v of the rows before stand in places of their own, so a pass needs nothing else of them. The twin goes
 * first: frozen attention is its pattern, computed again from its queries and keys. */
#include "generate.h"

#include "kernels.h"
#include "read.h"
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TWIN, RUN, DRAW };

struct hs_generation {
    hs_model *model;
    hs_generate_spec spec;
    hs_telling telling;
    int n_rows, n_end; /* of the plan; of this text */
    int32_t *ids, *stop, *prompt, *forced; /* prompt, forced and edits: of a document */
    hs_edits *edits;
    hs_live live; /* frozen attention */
    uint8_t *at;
    hs_run *runs[2]; /* TWIN, RUN */
    hs_generated *tokens;
    int count;
    double *probs;
    int32_t *heap;
    int doing;
    const char *end;
};

static const char *const FIELDS[] = {"v", "ids", "edits", "runs", "seed", "twin", "cache", "freeze_attention", "forced", "k",
                                     HS_GENERATE_FIELDS, NULL};

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

hs_status hs_generate_read(const hs_read_spec *spec, const hs_config *cfg, hs_generate_spec *io, int32_t **stop)
{
    hs_sampler *s = &io->sampler;
    int top_k = 0;
    if (cfg->d_vocab_out > cfg->d_vocab)
        return hs_fail(spec->detail, HS_ESPEC, "this model predicts %d tokens and reads %d: it cannot read what it writes",
                       cfg->d_vocab_out, cfg->d_vocab);
    HS_TRY(hs_spec_int(spec, "max_new", 1, INT32_MAX, &io->max_new));
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
    HS_TRY(read_tokens(spec, "stop", cfg->d_vocab_out, stop, &io->n_stop));
    io->stop = *stop;
    return HS_OK;
}

const hs_generate_spec HS_GENERATE_SPEC = {
    .max_new = 40, .k = 5, .cache = true, .sampler = {.temperature = 1, .top_p = 1, .repetition_penalty = 1}};

typedef struct document {
    hs_generate_spec spec;
    hs_telling telling;
    int32_t *prompt, *forced, *stop; /* owned */
    hs_edits *edits;
} document;

/* Forced tokens that no text could have would be passed over. */
static hs_status check_forced(const hs_read_spec *spec, const hs_config *cfg, const document *d)
{
    int n = d->telling.n_forced, room = cfg->n_ctx - d->spec.n_prompt + 1;
    if (n > d->spec.max_new || n > room)
        return HS_SPEC_FAIL(spec, "forced", "%d tokens; max_new is %d, and the context has room for %d", n, d->spec.max_new, room);
    for (int i = 0; i + 1 < n; i++)
        for (int s = 0; s < d->spec.n_stop; s++)
            if (d->forced[i] == d->stop[s])
                return hs_fail(spec->detail, HS_ESPEC, "forced[%d]: token %d ends the text (stop), and forced goes on", i, (int)d->forced[i]);
    return HS_OK;
}

static hs_status read_document(const hs_model *model, const hs_read_spec *spec, document *d)
{
    const hs_config *cfg = &model->cfg;
    int most_k = cfg->d_vocab_out < 100 ? cfg->d_vocab_out : 100, v = 1;
    hs_json_at root = hs_json_root(spec->json);
    if (hs_json_type_of(spec->json, root) != HS_JSON_OBJECT)
        return hs_fail(spec->detail, HS_ESPEC, "generation: an object is needed, not %s", hs_json_type_name(spec->json, root));
    const char *unknown = hs_json_unknown_key(spec->json, root, FIELDS);
    if (unknown)
        return HS_SPEC_FAIL(spec, unknown, "a generation document has no such %s", "field");
    HS_TRY(hs_spec_int(spec, "v", 1, 1, &v));
    HS_TRY(hs_generate_read(spec, cfg, &d->spec, &d->stop));
    HS_TRY(read_tokens(spec, "ids", cfg->d_vocab, &d->prompt, &d->spec.n_prompt));
    if (!d->spec.n_prompt)
        return hs_fail(spec->detail, HS_ETOKENS, "ids: there are none; a run needs at least one token");
    if (d->spec.n_prompt > cfg->n_ctx)
        return hs_fail(spec->detail, HS_ETOKENS, "ids: %d tokens are more than the model's context of %d", d->spec.n_prompt, cfg->n_ctx);
    d->spec.k = d->spec.k < most_k ? d->spec.k : most_k;
    HS_TRY(hs_spec_int(spec, "k", 0, most_k, &d->spec.k));
    HS_TRY(hs_spec_bool(spec, "twin", &d->spec.twin));
    HS_TRY(hs_spec_bool(spec, "cache", &d->spec.cache));
    HS_TRY(hs_spec_bool(spec, "freeze_attention", &d->telling.frozen));
    HS_TRY(read_tokens(spec, "forced", cfg->d_vocab_out, &d->forced, &d->telling.n_forced));
    HS_TRY(check_forced(spec, cfg, d));
    hs_json_at seed = hs_spec_at(spec, "seed");
    if (seed >= 0 && !hs_json_uint(spec->json, seed, &d->telling.seed))
        return HS_SPEC_FAIL(spec, "seed", "%s", "a whole number from 0 is needed here");
    return HS_OK;
}

static hs_status read_edits(const hs_model *model, const hs_read_spec *spec, const hs_sources *sources, document *d)
{
    hs_json_at at = hs_spec_at(spec, "edits");
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, "edits", "a list of edits is needed here, not %s", hs_json_type_name(spec->json, at));
    size_t begin = hs_json_offset(spec->json, at);
    hs_bytes part = {(const char *)spec->text.data + begin, hs_json_end(spec->json, at) - begin, "edits"};
    int n_rows = hs_generate_rows(model, d->spec.n_prompt, d->spec.max_new);
    return hs_edits_compile(model, part, d->spec.n_prompt, n_rows, sources, spec->detail, &d->edits);
}

static hs_status make(hs_model *model, const hs_read_spec *spec, const hs_sources *sources, document *d,
                      hs_generation **out)
{
    HS_TRY(read_document(model, spec, d));
    HS_TRY(read_edits(model, spec, sources, d));
    d->spec.freezes = d->telling.frozen;
    d->spec.acts = d->edits;
    d->telling.ids = d->prompt;
    d->telling.n_prompt = d->spec.n_prompt;
    d->telling.forced = d->forced;
    d->telling.edits = d->edits;
    return hs_generate_plan(model, &d->spec, spec->detail, out);
}

hs_status hs_generate_new(hs_model *model, hs_bytes text, const hs_sources *sources, hs_detail *detail, hs_generation **out)
{
    hs_json *json;
    HS_TRY(hs_json_parse(text, detail, &json));
    document d = {.spec = HS_GENERATE_SPEC, .telling = {.seed = 1}};
    hs_generation *g;
    hs_status status = make(model, &(hs_read_spec){json, detail, text}, sources, &d, &g);
    hs_json_free(json);
    free(d.stop);
    if (status != HS_OK) {
        free(d.prompt);
        free(d.forced);
        hs_edits_free(d.edits);
        return status;
    }
    g->prompt = d.prompt;
    g->forced = d.forced;
    g->edits = d.edits;
    hs_generate_tell(g, &d.telling);
    *out = g;
    return HS_OK;
}

/* ---- the plan ---- */

int hs_generate_rows(const hs_model *model, int n_prompt, int max_new)
{
    int n_ctx = model->cfg.n_ctx;
    return max_new <= n_ctx - n_prompt ? n_prompt + max_new - 1 : n_ctx;
}

static hs_run_spec run_spec(const hs_generation *g, int which)
{
    static const char *const KEPT[] = {"blocks.*.attn.hook_k", "blocks.*.attn.hook_v", "blocks.*.attn.hook_q"};
    bool freezes = which == TWIN && g->spec.freezes;
    return (hs_run_spec){.ids = g->ids,
                         .n_tokens = g->n_rows,
                         .edits = which == RUN ? g->spec.acts : NULL,
                         .live = which == RUN && g->spec.freezes ? &g->live : NULL,
                         .capture = KEPT,
                         .n_capture = !g->model->cfg.n_layers ? 0 : freezes ? 3 : 2};
}

/* The pattern of the unedited twin, over the same tokens. */
static void freeze(void *context, int hook, int layer, int head, hs_rows rows, hs_real *data)
{
    const hs_generation *g = context;
    (void)hook;
    if (g->telling.frozen)
        hs_attention_head(g->runs[TWIN], layer, head, rows, data, data);
}

static hs_status plan_freezing(hs_generation *g, hs_detail *detail)
{
    int n_layers = g->model->cfg.n_layers;
    g->live = (hs_live){.act = freeze, .context = g};
    if (!g->spec.freezes)
        return HS_OK;
    g->live.at = g->at = calloc((size_t)HS_N_HOOKS * (size_t)(n_layers > 1 ? n_layers : 1), 1);
    if (!g->at)
        return hs_fail(detail, HS_EMEMORY, "no memory to freeze attention");
    for (int layer = 0; layer < n_layers; layer++)
        g->at[hs_hook_at(HS_HOOK_PATTERN, layer)] = 1;
    return HS_OK;
}

static bool has_twin(const hs_generate_spec *spec)
{
    return spec->twin || spec->freezes;
}

/* Everything but the runs. */
static hs_status prepare(hs_model *model, const hs_generate_spec *spec, hs_detail *detail, hs_generation *g)
{
    size_t V = (size_t)model->cfg.d_vocab_out;
    *g = (hs_generation){.model = model, .spec = *spec, .end = "", .n_rows = hs_generate_rows(model, spec->n_prompt, spec->max_new)};
    g->ids = calloc((size_t)g->n_rows, sizeof *g->ids);
    g->tokens = calloc((size_t)g->n_rows, sizeof *g->tokens);
    g->stop = malloc((size_t)spec->n_stop * sizeof *g->stop + 1);
    g->probs = malloc(V * sizeof *g->probs);
    g->heap = malloc(V * sizeof *g->heap);
    if (!g->ids || !g->tokens || !g->stop || !g->probs || !g->heap)
        return hs_fail(detail, HS_EMEMORY, "no memory for %d tokens", g->n_rows);
    if (spec->n_stop)
        memcpy(g->stop, spec->stop, (size_t)spec->n_stop * sizeof *g->stop);
    g->spec.stop = g->stop;
    return plan_freezing(g, detail);
}

static void free_all(hs_generation *g)
{
    hs_run_free(g->runs[TWIN]);
    hs_run_free(g->runs[RUN]);
    hs_edits_free(g->edits);
    free(g->at);
    free(g->ids);
    free(g->stop);
    free(g->prompt);
    free(g->forced);
    free(g->tokens);
    free(g->probs);
    free(g->heap);
}

hs_status hs_generate_plan(hs_model *model, const hs_generate_spec *spec, hs_detail *detail, hs_generation **out)
{
    hs_generation *g = calloc(1, sizeof *g);
    hs_status status = g ? prepare(model, spec, detail, g) : hs_fail(detail, HS_EMEMORY, "no memory to generate");
    for (int which = has_twin(spec) ? TWIN : RUN; which <= RUN && status == HS_OK; which++) {
        hs_run_spec run = run_spec(g, which);
        status = hs_run_new(model, &run, detail, &g->runs[which]);
    }
    if (status != HS_OK) {
        hs_generate_free(g);
        return status;
    }
    *out = g;
    return HS_OK;
}

hs_status hs_generate_size(hs_model *model, const hs_generate_spec *spec, hs_detail *detail, uint64_t *out)
{
    hs_generation g;
    uint64_t V = (uint64_t)model->cfg.d_vocab_out;
    hs_status status = prepare(model, spec, detail, &g);
    *out = sizeof g + V * (sizeof *g.probs + sizeof *g.heap) + (uint64_t)g.n_rows * (sizeof *g.ids + sizeof *g.tokens);
    for (int which = has_twin(spec) ? TWIN : RUN; which <= RUN && status == HS_OK; which++) {
        hs_run_spec run = run_spec(&g, which);
        size_t bytes = 0;
        status = hs_run_size(model, &run, detail, &bytes);
        *out += bytes;
    }
    free_all(&g);
    return status;
}

void hs_generate_free(hs_generation *g)
{
    if (!g)
        return;
    free_all(g);
    free(g);
}

/* ---- a text ---- */

/* The first of the runs that this text needs. */
static int first_run(const hs_generation *g)
{
    return g->spec.twin || g->telling.frozen ? TWIN : RUN;
}

void hs_generate_tell(hs_generation *g, const hs_telling *t)
{
    g->telling = *t;
    g->count = 0;
    g->end = "";
    g->n_end = hs_generate_rows(g->model, t->n_prompt, g->spec.max_new);
    HS_ASSERT(g->n_end <= g->n_rows && (!t->frozen || g->spec.freezes));
    memcpy(g->ids, t->ids, (size_t)t->n_prompt * sizeof *g->ids);
    g->doing = first_run(g);
    g->runs[RUN]->edits = t->edits;
    for (int which = TWIN; which <= RUN; which++)
        if (g->runs[which]) {
            memcpy(g->runs[which]->ids, t->ids, (size_t)t->n_prompt * sizeof *g->ids);
            hs_run_pass(g->runs[which], (hs_rows){0, t->n_prompt}, t->n_prompt - 1);
        }
}

void hs_generate_again(hs_generation *g, uint64_t seed)
{
    HS_ASSERT(g->count > 0);
    g->telling.seed = seed;
    g->count = 0;
    g->end = "";
    g->doing = DRAW;
}

/* ---- a token ---- */

static const hs_real *logits_of(const hs_generation *g, int which, int i)
{
    return hs_run_logits(g->runs[which]) + (int64_t)(g->telling.n_prompt - 1 + i) * g->model->cfg.d_vocab_out;
}

static const char *end_of(const hs_generation *g, int32_t id)
{
    for (int s = 0; s < g->spec.n_stop; s++)
        if (g->stop[s] == id)
            return "stop";
    if (g->count == g->spec.max_new)
        return "max_new";
    return g->telling.n_prompt + g->count > g->n_end ? "context" : "";
}

static void draw(hs_generation *g)
{
    int i = g->count, V = g->model->cfg.d_vocab_out, n_text = g->telling.n_prompt + i;
    const hs_real *logits = logits_of(g, RUN, i);
    g->spec.sampler.seed = g->telling.seed;
    hs_sampler_probs(&g->spec.sampler, logits, V, g->ids, n_text, g->heap, g->probs);
    int32_t id = i < g->telling.n_forced ? g->telling.forced[i] : hs_sampler_draw(&g->spec.sampler, g->probs, V, i);
    hs_row_stats row = hs_row_measure(logits, V);
    hs_generated *token = &g->tokens[g->count++];
    *token = (hs_generated){.id = id, .log_prob = (double)logits[id] - row.logsumexp, .entropy = row.entropy,
                            .drawn = g->probs[id], .kl = (double)NAN, .twin_log_prob = (double)NAN};
    token->prob = (double)hs_exp((hs_real)token->log_prob);
    if (g->spec.twin) {
        const hs_real *twin = logits_of(g, TWIN, i);
        token->twin_log_prob = (double)twin[id] - hs_row_measure(twin, V).logsumexp;
        token->kl = hs_row_kl(logits, twin, V);
    }
    g->end = end_of(g, id);
    if (*g->end)
        return;
    g->ids[n_text] = id;
    for (int which = first_run(g); which <= RUN; which++) {
        g->runs[which]->ids[n_text] = id;
        hs_run_pass(g->runs[which], (hs_rows){g->spec.cache ? n_text : 0, n_text + 1}, n_text);
    }
}

bool hs_generate_step(hs_generation *g)
{
    if (*g->end)
        return false;
    if (g->doing == DRAW) {
        draw(g);
        g->doing = first_run(g);
    } else if (!hs_run_step(g->runs[g->doing]))
        g->doing++;
    return !*g->end;
}

int hs_generate_count(const hs_generation *g)
{
    return g->count;
}

int hs_generate_k(const hs_generation *g)
{
    return g->spec.k;
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
