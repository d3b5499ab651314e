/* config.c: config.json -> hs_config. Fields and defaults are HookedTransformerConfig's; config.def says
 * how each is treated. */
#include "error.h"
#include "json.h"

#include <math.h>
#include <string.h>

typedef enum treatment { READ, IGNORED, FALSE, NONE, OFF, CAUSAL } treatment;

enum {
#define FIELD(name, how) F_##name,
#include "config.def"
#undef FIELD
    N_FIELDS
};

static const struct {
    const char *name;
    treatment how;
} FIELDS[N_FIELDS] = {
#define FIELD(name, how) {#name, how},
#include "config.def"
#undef FIELD
};

/* Beyond these a size is a mistake or an attack, and their products still fit 64 bits. */
enum { MAX_LAYERS = 1000, MAX_WIDTH = 65536, MAX_HEADS = 4096, MAX_LENGTH = 1048576 };

typedef struct reader {
    const hs_json *json;
    const char *file;
    hs_detail *detail;
    hs_json_at at[N_FIELDS]; /* -1: the field is absent */
} reader;

static bool is_null(const reader *r, int field)
{
    return r->at[field] < 0 || hs_json_type_of(r->json, r->at[field]) == HS_JSON_NULL;
}

static hs_status fail_type(const reader *r, int field, const char *expected)
{
    return hs_fail(r->detail, HS_EFIELD, "%s: %s must be %s, not %s", r->file, FIELDS[field].name, expected,
                   hs_json_type_name(r->json, r->at[field]));
}

static hs_status fail_missing(const reader *r, int field)
{
    return hs_fail(r->detail, HS_EFIELD, "%s: %s is missing", r->file, FIELDS[field].name);
}

/* ---- typed readers: absent and null give the default ---- */

static hs_status read_bool(const reader *r, int field, bool fallback, bool *out)
{
    *out = fallback;
    if (is_null(r, field) || hs_json_bool(r->json, r->at[field], out))
        return HS_OK;
    return fail_type(r, field, "true or false");
}

static hs_status read_number(const reader *r, int field, double fallback, double *out)
{
    *out = fallback;
    if (is_null(r, field) || hs_json_number(r->json, r->at[field], out))
        return HS_OK;
    return fail_type(r, field, "a finite number");
}

/* -1 as well gives the default: HookedTransformerConfig's "not set". A default of -1 makes the field one
 * that must be given. */
static hs_status read_size(const reader *r, int field, int64_t fallback, int64_t least, int64_t most, int *out)
{
    int64_t value = -1;
    if (!is_null(r, field) && !hs_json_int(r->json, r->at[field], &value))
        return fail_type(r, field, "a whole number");
    if (value == -1) {
        if (fallback < 0)
            return fail_missing(r, field);
        value = fallback;
    }
    if (value < least || value > most)
        return hs_fail(r->detail, HS_ECONFIG, "%s: %s is %lld; it must be %lld to %lld", r->file, FIELDS[field].name,
                       (long long)value, (long long)least, (long long)most);
    *out = (int)value;
    return HS_OK;
}

static hs_status read_string(const reader *r, int field, const char *fallback, const char **out)
{
    *out = is_null(r, field) ? fallback : hs_json_string(r->json, r->at[field]);
    return *out || is_null(r, field) ? HS_OK : fail_type(r, field, "a string");
}

/* ---- fields ---- */

static hs_status find_fields(reader *r)
{
    for (int i = 0; i < N_FIELDS; i++)
        r->at[i] = -1;
    hs_json_at root = hs_json_root(r->json);
    if (hs_json_type_of(r->json, root) != HS_JSON_OBJECT)
        return hs_fail(r->detail, HS_EFIELD, "%s: the configuration must be an object, not %s", r->file,
                       hs_json_type_name(r->json, root));
    for (hs_json_at at = hs_json_first(r->json, root); at >= 0; at = hs_json_next(r->json, at)) {
        const char *key = hs_json_key(r->json, at);
        int field = 0;
        while (field < N_FIELDS && strcmp(FIELDS[field].name, key))
            field++;
        if (field < N_FIELDS)
            r->at[field] = at;
        else if (strcmp(key, "model_type"))
            return hs_fail(r->detail, HS_EFIELD, "%s: \"%s\" is no field of HookedTransformerConfig", r->file, key);
    }
    return HS_OK;
}

static hs_status check_model_type(const reader *r)
{
    hs_json_at at = hs_json_get(r->json, hs_json_root(r->json), "model_type");
    if (at < 0)
        return HS_OK;
    const char *type = hs_json_string(r->json, at);
    if (!type)
        return hs_fail(r->detail, HS_EFIELD, "%s: model_type must be a string, not %s", r->file,
                       hs_json_type_name(r->json, at));
    if (strcmp(type, "hooked_transformer"))
        return hs_fail(r->detail, HS_ECONFIG, "%s: model_type \"%s\" cannot be run; only \"hooked_transformer\" can", r->file,
                       type);
    return HS_OK;
}

/* A field for which the forward pass knows one value only. */
static hs_status check_only_value(const reader *r, int field)
{
    const char *name = FIELDS[field].name;
    bool flag = false;
    double number = -1;
    const char *text = NULL;
    switch (FIELDS[field].how) {
    case FALSE:
        HS_TRY(read_bool(r, field, false, &flag));
        return flag ? hs_fail(r->detail, HS_ECONFIG, "%s: %s is true, which cannot be run yet", r->file, name) : HS_OK;
    case NONE:
    case OFF:
        HS_TRY(read_number(r, field, -1, &number));
        if (FIELDS[field].how == NONE ? number == -1 : number <= 0)
            return HS_OK;
        return hs_fail(r->detail, HS_ECONFIG, "%s: %s is %g; models with it cannot be run yet", r->file, name, number);
    case CAUSAL:
        HS_TRY(read_string(r, field, "causal", &text));
        if (!strcmp(text, "causal"))
            return HS_OK;
        return hs_fail(r->detail, HS_ECONFIG, "%s: %s is \"%s\"; only \"causal\" can be run", r->file, name, text);
    default:
        return HS_OK;
    }
}

static hs_status read_sizes(const reader *r, hs_config *cfg)
{
    HS_TRY(read_size(r, F_n_layers, -1, 0, MAX_LAYERS, &cfg->n_layers));
    HS_TRY(read_size(r, F_d_model, -1, 1, MAX_WIDTH, &cfg->d_model));
    HS_TRY(read_size(r, F_n_ctx, -1, 1, MAX_LENGTH, &cfg->n_ctx));
    HS_TRY(read_size(r, F_d_head, -1, 1, MAX_WIDTH, &cfg->d_head));
    HS_TRY(read_size(r, F_n_heads, cfg->d_model / cfg->d_head, 1, MAX_HEADS, &cfg->n_heads));
    HS_TRY(read_size(r, F_d_vocab, -1, 1, MAX_LENGTH, &cfg->d_vocab));
    HS_TRY(read_size(r, F_d_vocab_out, cfg->d_vocab, 1, MAX_LENGTH, &cfg->d_vocab_out));
    HS_TRY(read_size(r, F_n_key_value_heads, cfg->n_heads, 1, MAX_HEADS, &cfg->n_key_value_heads));
    if (cfg->n_key_value_heads != cfg->n_heads)
        return hs_fail(r->detail, HS_ECONFIG,
                       "%s: n_key_value_heads is %d and n_heads %d; grouped queries cannot be run yet", r->file,
                       cfg->n_key_value_heads, cfg->n_heads);
    return HS_OK;
}

static hs_status read_mlp(const reader *r, hs_config *cfg)
{
    static const struct {
        const char *name;
        hs_act act;
    } ACTS[] = {{"relu", HS_ACT_RELU},         {"gelu", HS_ACT_GELU},
                {"gelu_new", HS_ACT_GELU_NEW}, {"gelu_fast", HS_ACT_GELU_FAST},
                {"silu", HS_ACT_SILU},         {"gelu_pytorch_tanh", HS_ACT_GELU_PYTORCH_TANH},
                {"solu", HS_ACT_SOLU},         {"solu_ln", HS_ACT_SOLU_LN}};
    HS_TRY(read_bool(r, F_attn_only, false, &cfg->attn_only));
    if (cfg->attn_only)
        return HS_OK;
    HS_TRY(read_size(r, F_d_mlp, 4 * (int64_t)cfg->d_model, 1, MAX_LENGTH, &cfg->d_mlp));
    const char *name;
    HS_TRY(read_string(r, F_act_fn, NULL, &name));
    if (!name)
        return hs_fail(r->detail, HS_EFIELD, "%s: act_fn is missing; a model with MLPs needs one", r->file);
    for (size_t i = 0; i < sizeof ACTS / sizeof ACTS[0]; i++)
        if (!strcmp(name, ACTS[i].name)) {
            cfg->act_fn = ACTS[i].act;
            return HS_OK;
        }
    return hs_fail(r->detail, HS_ECONFIG,
                   "%s: act_fn \"%s\" cannot be run; relu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, silu, solu and "
                   "solu_ln can",
                   r->file, name);
}

/* An absent normalization_type is LN, null is none. */
static hs_status read_norm(const reader *r, hs_config *cfg)
{
    HS_TRY(read_number(r, F_eps, 1e-5, &cfg->eps));
    if (cfg->eps < 0)
        return hs_fail(r->detail, HS_ECONFIG, "%s: eps is %g; it must not be negative", r->file, cfg->eps);
    const char *name;
    HS_TRY(read_string(r, F_normalization_type, r->at[F_normalization_type] < 0 ? "LN" : NULL, &name));
    if (!name)
        cfg->normalization_type = HS_NORM_NONE;
    else if (!strcmp(name, "LN"))
        cfg->normalization_type = HS_NORM_LN;
    else if (!strcmp(name, "LNPre"))
        cfg->normalization_type = HS_NORM_LNPRE;
    else
        return hs_fail(r->detail, HS_ECONFIG, "%s: normalization_type \"%s\" cannot be run; \"LN\", \"LNPre\" and null can",
                       r->file, name);
    return HS_OK;
}

static hs_status read_positions(const reader *r, hs_config *cfg)
{
    const char *name;
    HS_TRY(read_string(r, F_positional_embedding_type, "standard", &name));
    if (!strcmp(name, "standard"))
        cfg->positional_embedding_type = HS_POSITIONS_STANDARD;
    else if (!strcmp(name, "shortformer"))
        cfg->positional_embedding_type = HS_POSITIONS_SHORTFORMER;
    else
        return hs_fail(r->detail, HS_ECONFIG,
                       "%s: positional_embedding_type \"%s\" cannot be run; \"standard\" and \"shortformer\" can", r->file,
                       name);
    return HS_OK;
}

static hs_status read_attention(const reader *r, hs_config *cfg)
{
    HS_TRY(read_bool(r, F_use_attn_scale, true, &cfg->use_attn_scale));
    HS_TRY(read_bool(r, F_scale_attn_by_inverse_layer_idx, false, &cfg->scale_attn_by_inverse_layer_idx));
    HS_TRY(read_bool(r, F_default_prepend_bos, true, &cfg->default_prepend_bos));
    HS_TRY(read_number(r, F_attn_scale, -1, &cfg->attn_scale));
    if (!cfg->use_attn_scale)
        cfg->attn_scale = 1;
    else if (cfg->attn_scale == -1)
        cfg->attn_scale = sqrt(cfg->d_head);
    if (cfg->attn_scale == 0)
        return hs_fail(r->detail, HS_ECONFIG, "%s: attn_scale is 0; scores are divided by it", r->file);
    return HS_OK;
}

static hs_status read_config(reader *r, hs_config *cfg)
{
    HS_TRY(find_fields(r));
    HS_TRY(check_model_type(r));
    for (int i = 0; i < N_FIELDS; i++)
        HS_TRY(check_only_value(r, i));
    HS_TRY(read_sizes(r, cfg));
    HS_TRY(read_mlp(r, cfg));
    HS_TRY(read_norm(r, cfg));
    HS_TRY(read_positions(r, cfg));
    return read_attention(r, cfg);
}

hs_status hs_config_read(hs_bytes text, hs_detail *detail, hs_config *out)
{
    hs_json *json;
    if (!text.name)
        text.name = "config.json";
    HS_TRY(hs_json_parse(text, detail, &json));
    reader r = {.json = json, .file = text.name, .detail = detail};
    hs_config cfg = {0};
    hs_status status = read_config(&r, &cfg);
    hs_json_free(json);
    if (status == HS_OK)
        *out = cfg;
    return status;
}
