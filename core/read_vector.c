/* read_vector.c: "vector": a steering vector from a recipe, and where it sits in the stream. steer_vector.c makes it. */
#include "steer_vector.h"

#include <math.h>
#include <string.h>

enum { LAST, MEAN_OF_ALL }; /* "position" */

typedef struct reader {
    hs_vector v;
    hs_state hook, at;     /* where activations are read; where the vector is looked at */
    bool has_hook, has_at; /* the recipe reads activations; the stream is looked at */
    int where, position;   /* "position" of a contrast; of a saved activation */
    int32_t **prompts;     /* positives, negatives, the saved activation's, and at's own: in this order */
    int *lengths, n_prompts, longest;
    int own;               /* which of them is at's own; -1: the recipe's prompts are looked at */
    int *sites, n_sites;   /* "positions" of it; none: all but the first */
    hs_run *run;
    char globs[2][64];
    int n_globs;
    int prompt;            /* that is being run */
    bool running;
    double n_seen, norm, *directions; /* of the stream: how many vectors, their summed length, their summed unit vectors */
    int k, out_vector, out_ids[2], out_values[2], out_singular;
    double *total; /* [d_model]: the vector; of several rows their sum */
    hs_real *scores; /* [d_vocab_out] */
    int *chosen, at_token;
} reader;

static void free_own(hs_reading *r)
{
    reader *s = r->own;
    hs_run_free(s->run);
}

/* ---- the recipe ---- */

static hs_json_at recipe_at(const hs_read_spec *spec, const char *key)
{
    return hs_json_get(spec->json, hs_spec_at(spec, "recipe"), key);
}

/* One of `names` at recipe.KEY or recipe.contrast...: its index; absent leaves *io. */
static hs_status read_choice(const hs_read_spec *spec, const char *key, const char *const *names, const char *all, int *io)
{
    char field[64];
    hs_json_at at = recipe_at(spec, key);
    const char *said = hs_json_string(spec->json, at);
    hs_format(field, sizeof field, "recipe.%s", key);
    if (at < 0)
        return HS_OK;
    for (int i = 0; said && names[i]; i++)
        if (!strcmp(said, names[i])) {
            *io = i;
            return HS_OK;
        }
    return HS_SPEC_FAIL(spec, field, "one of %s is needed here", all);
}

/* A state by the label or hook that stands there. */
static hs_status read_state(hs_reading *r, const hs_read_spec *spec, hs_json_at at, const char *field, hs_state *out)
{
    const char *label = hs_json_string(spec->json, at);
    if (!label)
        return HS_SPEC_FAIL(spec, field, "%s", "the name of a hook is needed here, such as \"blocks.2.hook_resid_pre\"");
    return hs_spec_find_state(r, spec, field, label, out);
}

static hs_status add_prompt(reader *s, hs_reading *r, const hs_read_spec *spec, hs_json_at at, const char *field)
{
    int i = s->n_prompts++;
    HS_TRY(hs_spec_ids(r, spec, at, field, &s->prompts[i], &s->lengths[i]));
    s->longest = s->lengths[i] > s->longest ? s->lengths[i] : s->longest;
    return HS_OK;
}

/* A list of two whole numbers, such as [layer, head]. */
static hs_status read_pair(hs_reading *r, const hs_read_spec *spec, const char *key, int n)
{
    reader *s = r->own;
    char field[64];
    hs_json_at at = recipe_at(spec, key);
    hs_format(field, sizeof field, "recipe.%s", key);
    if (!r->model->cfg.n_layers || !n)
        return HS_SPEC_FAIL(spec, field, "%s", "this model has none");
    if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY || hs_json_length(spec->json, at) != 2)
        return HS_SPEC_FAIL(spec, field, "%s", "a layer and an index are needed here, such as [1, 3]");
    at = hs_json_first(spec->json, at);
    HS_TRY(hs_spec_read_int(spec, at, field, 0, r->model->cfg.n_layers - 1, &s->v.layer));
    return hs_spec_read_int(spec, hs_json_next(spec->json, at), field, 0, n - 1, &s->v.index);
}

static hs_status read_side(hs_reading *r, const hs_read_spec *spec, hs_json_at contrast, const char *side)
{
    reader *s = r->own;
    hs_json_at list = hs_json_get(spec->json, contrast, side);
    char field[64];
    int i = 0;
    hs_format(field, sizeof field, "recipe.contrast.%s", side);
    int n = hs_json_type_of(spec->json, list) == HS_JSON_ARRAY ? hs_json_length(spec->json, list) : 0;
    if (n < 1 || n > HS_VECTOR_PROMPTS)
        return HS_SPEC_FAIL(spec, field, "a list of 1 to %d prompts, each a list of token ids, is needed here", HS_VECTOR_PROMPTS);
    for (hs_json_at item = hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item), i++) {
        hs_format(field, sizeof field, "recipe.contrast.%s[%d]", side, i);
        HS_TRY(add_prompt(s, r, spec, item, field));
    }
    s->v.n[!strcmp(side, "negative")] = n;
    return HS_OK;
}

static hs_status read_contrast(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const METHODS[] = {"mean", "pca", "actadd", NULL}, *const WHERE[] = {"last", "mean", NULL};
    static const char *const FIELDS[] = {"positive", "negative", NULL};
    reader *s = r->own;
    int method = 0;
    hs_json_at contrast = recipe_at(spec, "contrast");
    if (hs_json_type_of(spec->json, contrast) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, "recipe.contrast", "%s", "{positive, negative}, each a list of prompts, is needed here");
    const char *unknown = hs_json_unknown_key(spec->json, contrast, FIELDS);
    if (unknown)
        return hs_fail(spec->detail, HS_ESPEC, "recipe.contrast.%s: there is no such field; there are positive and negative", unknown);
    HS_TRY(read_side(r, spec, contrast, "positive"));
    HS_TRY(read_side(r, spec, contrast, "negative"));
    HS_TRY(read_choice(spec, "method", METHODS, "mean, pca, actadd", &method));
    HS_TRY(read_choice(spec, "position", WHERE, "last, mean", &s->where));
    s->v.kind = method == 0 ? HS_VECTOR_MEAN : method == 1 ? HS_VECTOR_PCA : HS_VECTOR_ACTADD;
    if (s->v.kind != HS_VECTOR_MEAN && s->v.n[0] != s->v.n[1])
        return HS_SPEC_FAIL(spec, "recipe.contrast", "%d positive and %d negative prompts; this method takes pairs: make them as many",
                            s->v.n[0], s->v.n[1]);
    if (s->v.kind != HS_VECTOR_ACTADD)
        return HS_OK;
    if (recipe_at(spec, "position") >= 0)
        return HS_SPEC_FAIL(spec, "recipe.position", "%s", "has no meaning with actadd, which takes every position");
    for (int i = 1; i < s->n_prompts; i++)
        if (s->lengths[i] != s->lengths[0])
            return HS_SPEC_FAIL(spec, "recipe.contrast", "prompts of %d and of %d tokens; actadd takes prompts of one length",
                                s->lengths[0], s->lengths[i]);
    s->v.n_rows = s->lengths[0];
    return HS_OK;
}

static hs_status read_activation(hs_reading *r, const hs_read_spec *spec)
{
    reader *s = r->own;
    hs_json_at at = recipe_at(spec, "position");
    HS_TRY(add_prompt(s, r, spec, recipe_at(spec, "activation"), "recipe.activation"));
    int n = s->lengths[0];
    s->position = n - 1;
    if (at >= 0)
        HS_TRY(hs_spec_read_int(spec, at, "recipe.position", -n, n - 1, &s->position));
    s->position += s->position < 0 ? n : 0;
    s->v.n[0] = 1;
    return HS_OK;
}

static hs_status read_token(hs_reading *r, const hs_read_spec *spec)
{
    reader *s = r->own;
    int V = r->model->cfg.d_vocab_out;
    s->v.minus = -1;
    HS_TRY(hs_spec_read_int(spec, recipe_at(spec, "token"), "recipe.token", 0, V - 1, &s->v.index));
    hs_json_at minus = recipe_at(spec, "minus");
    return minus < 0 ? HS_OK : hs_spec_read_int(spec, minus, "recipe.minus", 0, V - 1, &s->v.minus);
}

static hs_status read_ov(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const SIDES[] = {"write", "read", NULL};
    reader *s = r->own;
    HS_TRY(read_pair(r, spec, "ov", r->model->cfg.n_heads));
    HS_TRY(read_choice(spec, "side", SIDES, "write, read", &s->v.side));
    hs_json_at k = recipe_at(spec, "k");
    return k < 0 ? HS_OK : hs_spec_read_int(spec, k, "recipe.k", 0, r->model->cfg.d_head - 1, &s->v.k);
}

/* One row a kind of recipe: the field that says so, and the others it takes. */
typedef struct kind_row {
    const char *name;
    hs_vector_kind kind;
    bool reads; /* activations, at recipe.hook */
    const char *fields[5];
} kind_row;
static const kind_row KINDS[] = {
    {"contrast", HS_VECTOR_MEAN, true, {"hook", "method", "position", NULL}},
    {"neuron", HS_VECTOR_NEURON, false, {NULL}},
    {"token", HS_VECTOR_TOKEN, false, {"minus", NULL}},
    {"ov", HS_VECTOR_OV, false, {"k", "side", NULL}},
    {"activation", HS_VECTOR_ACTIVATION, true, {"hook", "position", NULL}},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

static hs_status find_kind(const hs_read_spec *spec, const kind_row **out)
{
    hs_json_at recipe = hs_spec_at(spec, "recipe");
    if (hs_json_type_of(spec->json, recipe) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, "recipe", "%s", "an object is needed here, such as {\"token\": 3}");
    *out = NULL;
    for (int i = 0; i < N_KINDS && !*out; i++)
        if (recipe_at(spec, KINDS[i].name) >= 0)
            *out = &KINDS[i];
    if (!*out)
        return HS_SPEC_FAIL(spec, "recipe", "%s", "one of contrast, neuron, token, ov, activation is needed here");
    for (hs_json_at item = hs_json_first(spec->json, recipe); item >= 0; item = hs_json_next(spec->json, item)) {
        const char *key = hs_json_key(spec->json, item);
        bool known = !strcmp(key, (*out)->name) || !strcmp(key, "unit") || !strcmp(key, "scale");
        for (const char *const *f = (*out)->fields; *f; f++)
            known = known || !strcmp(key, *f);
        if (!known)
            return hs_fail(spec->detail, HS_ESPEC, "recipe.%s: a vector by \"%s\" has no such field", key, (*out)->name);
    }
    return HS_OK;
}

static hs_status read_recipe(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    reader *s = r->own;
    const kind_row *row = NULL;
    HS_TRY(find_kind(spec, &row));
    s->v.kind = row->kind;
    s->v.n_rows = 1;
    s->v.scale = 1;
    hs_json_at contrast = recipe_at(spec, "contrast"), at = recipe_at(spec, "scale");
    int most = 2;
    for (hs_json_at item = contrast < 0 ? -1 : hs_json_first(spec->json, contrast); item >= 0; item = hs_json_next(spec->json, item))
        most += hs_json_type_of(spec->json, item) == HS_JSON_ARRAY ? hs_json_length(spec->json, item) : 0;
    HS_READ_TAKE(r, spec, s->prompts, most);
    HS_READ_TAKE(r, spec, s->lengths, most);
    if (recipe_at(spec, "unit") >= 0 && !hs_json_bool(spec->json, recipe_at(spec, "unit"), &s->v.unit))
        return HS_SPEC_FAIL(spec, "recipe.unit", "%s", "true or false is needed here");
    if (at >= 0 && (!hs_json_number(spec->json, at, &s->v.scale) || fabs(s->v.scale) > 1e30))
        return HS_SPEC_FAIL(spec, "recipe.scale", "%s", "a number of at most 1e30 is needed here");
    s->has_hook = row->reads;
    if (row->reads)
        HS_TRY(read_state(r, spec, recipe_at(spec, "hook"), "recipe.hook", &s->hook));
    switch (row->kind) {
    case HS_VECTOR_NEURON: return read_pair(r, spec, "neuron", cfg->attn_only ? 0 : cfg->d_mlp);
    case HS_VECTOR_TOKEN: return read_token(r, spec);
    case HS_VECTOR_OV: return read_ov(r, spec);
    case HS_VECTOR_ACTIVATION: return read_activation(r, spec);
    default: return read_contrast(r, spec);
    }
}

/* ---- where the vector is looked at ---- */

static hs_status read_sites(hs_reading *r, const hs_read_spec *spec, hs_json_at list)
{
    reader *s = r->own;
    int n_tokens = s->lengths[s->own];
    if (hs_json_type_of(spec->json, list) != HS_JSON_ARRAY || !hs_json_length(spec->json, list) ||
        hs_json_length(spec->json, list) > n_tokens)
        return HS_SPEC_FAIL(spec, "at.positions", "a list of 1 to %d positions is needed here", n_tokens);
    uint8_t *seen;
    HS_READ_TAKE(r, spec, s->sites, n_tokens);
    HS_READ_TAKE(r, spec, seen, n_tokens);
    for (hs_json_at item = hs_json_first(spec->json, list); item >= 0; item = hs_json_next(spec->json, item)) {
        char field[32];
        int *p = &s->sites[s->n_sites];
        hs_format(field, sizeof field, "at.positions[%d]", s->n_sites++);
        HS_TRY(hs_spec_read_int(spec, item, field, -n_tokens, n_tokens - 1, p));
        *p += *p < 0 ? n_tokens : 0;
        HS_TRY(hs_spec_once(spec, field, seen, *p));
    }
    return HS_OK;
}

static hs_status read_place(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const FIELDS[] = {"hook", "prompt", "positions", NULL};
    reader *s = r->own;
    hs_json_at at = hs_spec_at(spec, "at");
    s->own = -1;
    s->at = s->hook;
    s->has_at = s->has_hook;
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, at) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, "at", "%s", "{hook, prompt, positions} is needed here");
    const char *unknown = hs_json_unknown_key(spec->json, at, FIELDS);
    if (unknown)
        return hs_fail(spec->detail, HS_ESPEC, "at.%s: there is no such field; there are hook, prompt and positions", unknown);
    hs_json_at hook = hs_json_get(spec->json, at, "hook"), prompt = hs_json_get(spec->json, at, "prompt");
    if (hook >= 0 || !s->has_hook)
        HS_TRY(read_state(r, spec, hook, "at.hook", &s->at));
    if (prompt >= 0 || !s->has_hook) {
        HS_TRY(add_prompt(s, r, spec, prompt, "at.prompt"));
        s->own = s->n_prompts - 1;
    }
    s->has_at = true;
    hs_json_at positions = hs_json_get(spec->json, at, "positions");
    if (positions >= 0 && s->own < 0)
        return HS_SPEC_FAIL(spec, "at.positions", "%s", "they are positions of at.prompt, which is missing");
    return positions < 0 ? HS_OK : read_sites(r, spec, positions);
}

/* ---- the plan ---- */

static void capture(reader *s, const hs_config *cfg, const hs_state *state)
{
    hs_hook_info info;
    if (state->hook < 0)
        return; /* the stream of a model without layers, which every run keeps */
    hs_hook_info_at(cfg, state->hook, state->layer, 1, &info);
    memcpy(s->globs[s->n_globs++], info.name, sizeof info.name);
}

static hs_run_spec run_spec(const reader *s, const char *globs[2])
{
    for (int i = 0; i < s->n_globs; i++)
        globs[i] = s->globs[i];
    int longest = 0;
    while (s->lengths[longest] < s->longest)
        longest++;
    return (hs_run_spec){.ids = s->prompts[longest], .n_tokens = s->longest, .capture = globs, .n_capture = s->n_globs};
}

static void write_conventions(const reader *s, hs_reading *r)
{
    static const char *const KIND[] = {
        "mean of the positive prompts' activations less that of the negative ones'",
        "first principal direction of the pairs' differences (not centred), as long as their mean along it",
        "at each position, the mean difference of the pairs: for the first positions of a text",
        "the neuron's row of W_out",
        "the token's column of W_U, less that of minus",
        "singular vector of the head's W_V W_O (without LN1's gain), of length 1, its largest entry positive on the side it writes",
        "the activation as the run has it"};
    hs_read_convention(r, "vector", KIND[s->v.kind]);
    if (s->has_hook && s->v.kind != HS_VECTOR_ACTADD && s->v.kind != HS_VECTOR_ACTIVATION)
        hs_read_convention(r, "position",
                           s->where == LAST ? "each prompt's last position" : "mean over each prompt's positions but the first");
    hs_read_convention(r, "tokens", "the vector times W_U: without ln_final's gain and scale, without b_U");
    if (s->has_at)
        hs_read_convention(r, "stream_norm", s->n_sites ? "mean length of what stands at this hook at these positions"
                           : s->own < 0 && s->where == LAST && s->v.kind != HS_VECTOR_ACTADD
                               ? "mean length of what stands at this hook at the positions that the recipe reads"
                               : "mean length of what stands at this hook, at all positions but the first");
    if (s->v.kind <= HS_VECTOR_PCA)
        hs_read_convention(r, "separation", "how often the vector tells prompts apart that it was not made from: of a positive and a negative "
                                            "prompt held out, the positive one lies further along it (1: always, 0.5: chance; up to 8 folds)");
}

static hs_status plan_arrays(reader *s, hs_reading *r, const hs_read_spec *spec)
{
    static const char *const NAMES[2][2] = {{"top_ids", "top_values"}, {"bottom_ids", "bottom_values"}};
    int d = r->model->cfg.d_model;
    const hs_axis_of *rows = HS_AXES({"row", s->v.n_rows}, {"dim", d});
    HS_TRY(hs_read_array_new(r, spec, "vector", false, s->v.kind == HS_VECTOR_ACTADD ? rows : rows + 1, &s->out_vector));
    for (int i = 0; i < 2; i++) {
        HS_TRY(hs_read_array_new(r, spec, NAMES[i][0], true, HS_AXES({"k", s->k}), &s->out_ids[i]));
        HS_TRY(hs_read_array_new(r, spec, NAMES[i][1], false, HS_AXES({"k", s->k}), &s->out_values[i]));
    }
    return s->v.kind == HS_VECTOR_OV
               ? hs_read_array_new(r, spec, "singular", false, HS_AXES({"k", r->model->cfg.d_head}), &s->out_singular)
               : HS_OK;
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    int d = cfg->d_model, V = cfg->d_vocab_out;
    reader *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->free_own = free_own;
    s->k = V < 10 ? V : 10;
    HS_TRY(hs_spec_int(spec, "k", 1, V < 100 ? V : 100, &s->k));
    HS_TRY(read_recipe(r, spec));
    HS_TRY(read_place(r, spec));
    r->n_tokens = s->longest;
    if (s->has_hook)
        capture(s, cfg, &s->hook);
    if (s->has_at && (!s->has_hook || s->at.hook != s->hook.hook || s->at.layer != s->hook.layer))
        capture(s, cfg, &s->at);
    HS_TRY(plan_arrays(s, r, spec));
    HS_TRY(hs_vector_plan(&s->v, r, spec));
    HS_READ_TAKE(r, spec, s->total, d);
    HS_READ_TAKE(r, spec, s->directions, d);
    HS_READ_TAKE(r, spec, s->scores, V);
    HS_READ_TAKE(r, spec, s->chosen, s->k);
    const char *globs[2];
    if (s->n_prompts) {
        hs_run_spec run = run_spec(s, globs);
        HS_TRY(hs_read_promise_run(r, &run, spec->detail));
    }
    r->work.total = s->n_prompts + 2;
    write_conventions(s, r);
    return HS_OK;
}

static hs_status begin(hs_reading *r, hs_detail *detail)
{
    reader *s = r->own;
    const char *globs[2];
    hs_read_blank(r);
    if (!s->n_prompts)
        return HS_OK;
    hs_run_spec run = run_spec(s, globs);
    return hs_run_new(r->model, &run, detail, &s->run);
}

/* ---- units: the prompts, the vector, its tokens ---- */

/* One vector of the stream that is looked at. */
static void look_at(reader *s, const hs_real *x, int d)
{
    double length = hs_length_of(x, d);
    s->n_seen++;
    s->norm += length;
    for (int i = 0; i < d && length > 0; i++)
        s->directions[i] += (double)x[i] / length;
}

static void look(reader *s, int d)
{
    int n = s->lengths[s->prompt], first = n > 1;
    if (s->prompt != s->own && s->v.kind == HS_VECTOR_ACTIVATION)
        look_at(s, hs_state_vector(s->run, &s->at, s->position), d);
    else if (s->prompt == s->own && s->n_sites)
        for (int i = 0; i < s->n_sites; i++)
            look_at(s, hs_state_vector(s->run, &s->at, s->sites[i]), d);
    else
        for (int t = s->prompt != s->own && s->where == LAST && s->v.kind != HS_VECTOR_ACTADD ? n - 1 : first; t < n; t++)
            look_at(s, hs_state_vector(s->run, &s->at, t), d);
}

/* What the recipe takes of a prompt's run: one vector, or one a row. */
static void take(reader *s, int d)
{
    int n = s->lengths[s->prompt];
    double *out = hs_vector_activations(&s->v, s->prompt);
    const hs_real *x = hs_state_vector(s->run, &s->hook, 0);
    int from = s->v.kind == HS_VECTOR_ACTIVATION ? s->position : s->where == LAST ? n - 1 : n > 1, to = from + 1;
    if (s->v.kind == HS_VECTOR_ACTADD) {
        for (int64_t i = 0; i < (int64_t)n * d; i++)
            out[i] = (double)x[i];
        return;
    }
    if (s->v.kind != HS_VECTOR_ACTIVATION)
        to = n;
    for (int i = 0; i < d; i++) {
        double sum = 0;
        for (int t = from; t < to; t++)
            sum += (double)x[(int64_t)t * d + i];
        out[i] = sum / (to - from);
    }
}

/* One step of a prompt's run; the next prompt when it is over. */
static void run_prompt(hs_reading *r)
{
    reader *s = r->own;
    int n = s->lengths[s->prompt], d = r->model->cfg.d_model;
    if (!s->running) {
        memcpy(s->run->ids, s->prompts[s->prompt], (size_t)n * sizeof *s->run->ids);
        hs_run_pass(s->run, (hs_rows){0, n}, n - 1);
        s->running = true;
    }
    if (hs_run_step(s->run))
        return;
    s->running = false;
    if (s->has_hook && s->prompt != s->own)
        take(s, d);
    if (s->has_at && (s->own < 0 || s->prompt == s->own))
        look(s, d);
    s->prompt++;
    r->work.done++;
}

/* The vector goes where it is read, and what is said of it. */
static void report(hs_reading *r)
{
    reader *s = r->own;
    int d = r->model->cfg.d_model;
    double norm = 0, squares = 0, along = 0;
    hs_real *out = hs_read_data(r, s->out_vector, 0);
    for (int row = 0; row < s->v.n_rows; row++) {
        const double *v = s->v.out + (int64_t)row * d;
        for (int i = 0; i < d; i++) {
            out[(int64_t)row * d + i] = (hs_real)v[i];
            s->total[i] += v[i];
        }
        norm += hs_length_of(out + (int64_t)row * d, d) / s->v.n_rows;
    }
    for (int i = 0; i < d; i++) {
        squares += s->total[i] * s->total[i];
        along += s->total[i] * (s->n_seen > 0 ? s->directions[i] / s->n_seen : 0);
    }
    double stream = s->n_seen > 0 ? s->norm / s->n_seen : (double)NAN;
    hs_read_value(r, "norm", norm);
    hs_read_value(r, "stream_norm", stream);
    hs_read_value(r, "ratio", norm / stream);
    hs_read_value(r, "cosine", s->n_seen > 0 ? along / sqrt(squares) : (double)NAN);
    if (s->v.kind <= HS_VECTOR_PCA)
        hs_read_value(r, "separation", s->v.separation);
    if (s->v.kind == HS_VECTOR_PCA)
        hs_read_value(r, "explained", s->v.explained);
    for (int i = 0; s->v.kind == HS_VECTOR_OV && i < r->model->cfg.d_head; i++)
        hs_read_data(r, s->out_singular, 0)[i] = (hs_real)s->v.singular[i];
    r->work.done++;
}

/* Some tokens' numbers; true while there are more. */
static bool some_tokens(hs_reading *r)
{
    reader *s = r->own;
    int d = r->model->cfg.d_model, V = r->model->cfg.d_vocab_out;
    int64_t to = s->at_token + hs_read_rows(2.0 * d);
    for (to = to < V ? to : V; s->at_token < to; s->at_token++) {
        double sum = 0;
        for (int i = 0; i < d; i++)
            sum += s->total[i] * (double)r->model->w.W_U[(int64_t)i * V + s->at_token];
        s->scores[s->at_token] = (hs_real)sum;
    }
    if (s->at_token < V)
        return true;
    for (int i = 0; i < 2; i++) {
        hs_choose(s->scores, V, s->k, i ? -1 : 1, s->chosen);
        for (int j = 0; j < s->k; j++) {
            hs_read_data(r, s->out_ids[i], 0)[j] = (hs_real)s->chosen[j];
            hs_read_data(r, s->out_values[i], 0)[j] = s->scores[s->chosen[j]];
        }
    }
    r->work.done++;
    return false;
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    reader *s = r->own;
    (void)side;
    (void)i;
    if (s->prompt < s->n_prompts) {
        run_prompt(r);
        return true;
    }
    if (!s->v.made) {
        hs_vector_make(&s->v, HS_READ_UNIT);
        if (s->v.made)
            report(r);
        return true;
    }
    return some_tokens(r);
}

static const char *const FIELDS[] = {"recipe", "at", "k", NULL};
const hs_reader hs_reader_vector = {"vector", FIELDS, true, plan, unit, NULL, begin};
