/* params.c: the table behind params.h, and the two columns that it shares with hooks.def. */
#include "params.h"
#include "error.h"

#include <stddef.h>

typedef enum scope { SCOPE_MODEL, SCOPE_LAYER } scope;

typedef struct row {
    const char *name;
    scope scope;
    hs_exists exists;
    size_t offset; /* of the pointer in hs_model_weights or hs_block_weights */
    hs_axis axes[HS_MAX_AXES];
} row;

#define MODEL(field) offsetof(hs_model_weights, field)
#define LAYER(field) offsetof(hs_block_weights, field)
#define AXES(...) SPREAD(__VA_ARGS__, NONE, NONE, NONE, )
#define SPREAD(a, b, c, d, ...) {HS_AXIS_##a, HS_AXIS_##b, HS_AXIS_##c, HS_AXIS_##d}
static const row ROWS[] = {
#define PARAM(field, name, scope, exists, ...) {name, SCOPE_##scope, HS_EXISTS_##exists, scope(field), AXES(__VA_ARGS__)},
#include "params.def"
#undef PARAM
};
enum { N_ROWS = sizeof ROWS / sizeof ROWS[0] };

int64_t hs_axis_length(const hs_config *cfg, hs_axis axis, int n_tokens)
{
    switch (axis) {
    case HS_AXIS_NONE:
    case HS_AXIS_ONE:
        return 1;
    case HS_AXIS_T:
    case HS_AXIS_T_SRC:
        return n_tokens;
    case HS_AXIS_N_HEADS:
        return cfg->n_heads;
    case HS_AXIS_N_KV_HEADS:
        return cfg->n_key_value_heads;
    case HS_AXIS_D_MODEL:
        return cfg->d_model;
    case HS_AXIS_D_HEAD:
        return cfg->d_head;
    case HS_AXIS_D_MLP:
        return cfg->d_mlp;
    case HS_AXIS_D_VOCAB:
        return cfg->d_vocab_out;
    case HS_AXIS_D_VOCAB_IN:
        return cfg->d_vocab;
    case HS_AXIS_N_CTX:
        return cfg->n_ctx;
    }
    return 1;
}

bool hs_exists_in(const hs_config *cfg, hs_exists exists)
{
    bool mlp = !cfg->attn_only, ln = cfg->normalization_type == HS_NORM_LN;
    bool norm = ln || cfg->normalization_type == HS_NORM_LNPRE;
    bool solu_ln = mlp && cfg->act_fn == HS_ACT_SOLU_LN;
    switch (exists) {
    case HS_EXISTS_ALWAYS:
    case HS_EXISTS_BIAS:
        return true;
    case HS_EXISTS_POS:
        return cfg->positional_embedding_type == HS_POSITIONS_STANDARD ||
               cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER;
    case HS_EXISTS_NORM:
        return norm;
    case HS_EXISTS_LN:
        return ln;
    case HS_EXISTS_MLP:
    case HS_EXISTS_MLPBIAS:
        return mlp;
    case HS_EXISTS_MLPNORM:
        return mlp && norm;
    case HS_EXISTS_MLPLN:
        return mlp && ln;
    case HS_EXISTS_SOLULN:
        return solu_ln;
    case HS_EXISTS_SOLULNW:
        return solu_ln && ln;
    }
    return false;
}

/* The next row of the walk: the rows of LAYER scope stand together and come once a layer. */
static void advance(const hs_config *cfg, hs_param_walk *walk)
{
    bool in_layers = ROWS[walk->row].scope == SCOPE_LAYER;
    walk->row++;
    if (!in_layers || (walk->row < N_ROWS && ROWS[walk->row].scope == SCOPE_LAYER))
        return;
    if (++walk->layer < cfg->n_layers)
        while (walk->row > 0 && ROWS[walk->row - 1].scope == SCOPE_LAYER)
            walk->row--;
}

bool hs_param_next(const hs_config *cfg, hs_param_walk *walk, hs_param *out)
{
    for (; walk->row < N_ROWS; advance(cfg, walk)) {
        const row *r = &ROWS[walk->row];
        bool layered = r->scope == SCOPE_LAYER;
        if (!hs_exists_in(cfg, r->exists) || (layered && walk->layer >= cfg->n_layers))
            continue;
        *out = (hs_param){.row = walk->row,
                          .layer = layered ? walk->layer : 0,
                          .optional = r->exists == HS_EXISTS_BIAS || r->exists == HS_EXISTS_MLPBIAS};
        hs_format(out->name, sizeof out->name, r->name, out->layer);
        for (; r->axes[out->n_axes] != HS_AXIS_NONE; out->n_axes++)
            out->shape[out->n_axes] = hs_axis_length(cfg, r->axes[out->n_axes], 0);
        advance(cfg, walk);
        return true;
    }
    return false;
}

int64_t hs_param_count(const hs_param *param)
{
    int64_t count = 1;
    for (int i = 0; i < param->n_axes; i++)
        count *= param->shape[i];
    return count;
}

hs_real **hs_param_slot(hs_model *model, const hs_param *param)
{
    const row *r = &ROWS[param->row];
    char *weights = r->scope == SCOPE_LAYER ? (char *)&model->blocks[param->layer] : (char *)&model->w;
    return (hs_real **)(weights + r->offset);
}
