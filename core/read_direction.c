/* read_direction.c: "along": a direction of the stream, from the weights, a state, a head or numbers. */
#include "read.h"

#include <math.h>
#include <string.h>

typedef struct reader {
    hs_reading *r;
    const hs_read_spec *spec;
    hs_json_at along;
    double *out; /* [d_model] */
} reader;

/* along.KEY as a whole number. */
static hs_status along_int(const reader *a, const char *key, int least, int most, int *out)
{
    char field[48];
    hs_format(field, sizeof field, "along.%s", key);
    return hs_spec_read_int(a->spec, hs_json_get(a->spec->json, a->along, key), field, least, most, out);
}

/* along.KEY as [layer, index]. */
static hs_status along_pair(const reader *a, const char *key, int n, int *layer, int *index)
{
    char field[48];
    hs_format(field, sizeof field, "along.%s", key);
    hs_json_at at = hs_json_get(a->spec->json, a->along, key);
    if (hs_json_type_of(a->spec->json, at) != HS_JSON_ARRAY || hs_json_length(a->spec->json, at) != 2)
        return HS_SPEC_FAIL(a->spec, field, "%s", "a layer and an index are needed here, such as [0, 3]");
    int n_layers = a->r->model->cfg.n_layers;
    if (!n_layers || !n)
        return HS_SPEC_FAIL(a->spec, field, "%s", "this model has none");
    hs_json_at first = hs_json_first(a->spec->json, at);
    HS_TRY(hs_spec_read_int(a->spec, first, field, 0, n_layers - 1, layer));
    return hs_spec_read_int(a->spec, hs_json_next(a->spec->json, first), field, 0, n - 1, index);
}

static hs_status along_position(const reader *a, int *out)
{
    if (!a->r->side[0])
        return HS_SPEC_FAIL(a->spec, "along.position", "%s", "there is no run to read it in");
    return hs_spec_read_position(a->r, a->spec, hs_json_get(a->spec->json, a->along, "position"), "along.position", out);
}

static hs_status along_token(const reader *a)
{
    const hs_config *cfg = &a->r->model->cfg;
    int V = cfg->d_vocab_out, token, minus = -1;
    HS_TRY(along_int(a, "token", 0, V - 1, &token));
    if (hs_json_get(a->spec->json, a->along, "minus") >= 0)
        HS_TRY(along_int(a, "minus", 0, V - 1, &minus));
    const hs_real *W_U = a->r->model->w.W_U;
    for (int i = 0; i < cfg->d_model; i++)
        a->out[i] = (double)W_U[(int64_t)i * V + token] - (minus >= 0 ? (double)W_U[(int64_t)i * V + minus] : 0);
    return HS_OK;
}

static hs_status along_neuron(const reader *a, const char *key, bool reads)
{
    const hs_config *cfg = &a->r->model->cfg;
    int layer, n;
    HS_TRY(along_pair(a, key, cfg->attn_only ? 0 : cfg->d_mlp, &layer, &n));
    const hs_block_weights *w = &a->r->model->blocks[layer];
    for (int i = 0; i < cfg->d_model; i++)
        a->out[i] = (double)(reads ? w->W_in[(int64_t)i * cfg->d_mlp + n] : w->W_out[(int64_t)n * cfg->d_model + i]);
    return HS_OK;
}

static hs_status along_state(const reader *a)
{
    int t;
    HS_TRY(along_position(a, &t));
    const char *label = hs_json_string(a->spec->json, hs_json_get(a->spec->json, a->along, "state"));
    if (!label)
        return HS_SPEC_FAIL(a->spec, "along.state", "%s", "the label of a state is needed here, such as \"final_post\"");
    hs_state state;
    HS_TRY(hs_spec_find_state(a->r, a->spec, "along.state", label, &state));
    const hs_real *x = hs_state_vector(a->r->side[0], &state, t);
    for (int i = 0; i < a->r->model->cfg.d_model; i++)
        a->out[i] = (double)x[i];
    return HS_OK;
}

static hs_status along_head(const reader *a)
{
    const hs_config *cfg = &a->r->model->cfg;
    int layer, h, t, d = cfg->d_model, e = cfg->d_head;
    HS_TRY(along_pair(a, "head", cfg->n_heads, &layer, &h));
    HS_TRY(along_position(a, &t));
    const hs_real *z = hs_run_at(a->r->side[0], HS_HOOK_Z, layer) + ((int64_t)t * cfg->n_heads + h) * e;
    const hs_real *W_O = a->r->model->blocks[layer].W_O + (int64_t)h * e * d;
    for (int j = 0; j < e; j++)
        for (int i = 0; i < d; i++)
            a->out[i] += (double)z[j] * (double)W_O[(int64_t)j * d + i];
    return HS_OK;
}

static hs_status along_vector(const reader *a)
{
    int d = a->r->model->cfg.d_model, i = 0;
    hs_json_at at = hs_json_get(a->spec->json, a->along, "vector");
    if (hs_json_type_of(a->spec->json, at) != HS_JSON_ARRAY || hs_json_length(a->spec->json, at) != d)
        return HS_SPEC_FAIL(a->spec, "along.vector", "a list of %d numbers is needed here", d);
    for (hs_json_at item = hs_json_first(a->spec->json, at); item >= 0; item = hs_json_next(a->spec->json, item), i++)
        if (!hs_json_number(a->spec->json, item, &a->out[i]) || fabs(a->out[i]) > 1e30)
            return hs_fail(a->spec->detail, HS_ESPEC, "along.vector[%d]: a number of at most 1e30 is needed here", i);
    return HS_OK;
}

static hs_status read_along(const reader *a)
{
    static const char *const KINDS[] = {"token", "neuron", "neuron_in", "state", "head", "vector"};
    static const char *const BESIDE[] = {"minus", NULL, NULL, "position", "position", NULL};
    int kind = -1;
    for (int i = 0; i < 6; i++)
        if (hs_json_get(a->spec->json, a->along, KINDS[i]) >= 0)
            kind = kind < 0 ? i : 6;
    if (kind < 0 || kind == 6)
        return HS_SPEC_FAIL(a->spec, "along", "%s", "one of token, neuron, neuron_in, state, head, vector is needed here");
    for (hs_json_at item = hs_json_first(a->spec->json, a->along); item >= 0; item = hs_json_next(a->spec->json, item)) {
        const char *key = hs_json_key(a->spec->json, item);
        if (strcmp(key, KINDS[kind]) && !(BESIDE[kind] && !strcmp(key, BESIDE[kind])))
            return hs_fail(a->spec->detail, HS_ESPEC, "along.%s: a direction by \"%s\" has no such field", key, KINDS[kind]);
    }
    switch (kind) {
    case 0: return along_token(a);
    case 1: return along_neuron(a, "neuron", false);
    case 2: return along_neuron(a, "neuron_in", true);
    case 3: return along_state(a);
    case 4: return along_head(a);
    default: return along_vector(a);
    }
}

hs_status hs_spec_direction(hs_reading *r, const hs_read_spec *spec, double **out)
{
    hs_json_at at = hs_spec_at(spec, "along");
    *out = NULL;
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(spec->json, at) != HS_JSON_OBJECT)
        return HS_SPEC_FAIL(spec, "along", "%s", "an object is needed here, such as {\"token\": 3}");
    int d = r->model->cfg.d_model;
    reader a = {r, spec, at, NULL};
    HS_READ_TAKE(r, spec, a.out, d);
    HS_TRY(read_along(&a));
    double squares = 0;
    for (int i = 0; i < d; i++)
        squares += a.out[i] * a.out[i];
    if (!(squares > 0) || !isfinite(squares))
        return HS_SPEC_FAIL(spec, "along", "%s", "it is zero everywhere, or not finite; a direction has a length");
    for (int i = 0; i < d; i++)
        a.out[i] /= sqrt(squares);
    *out = a.out;
    return HS_OK;
}
