/* model.c: a model's memory, and what can be asked about it. Loading is load.c. */
#include "model.h"
#include "error.h"
#include "params.h"

#include <stdlib.h>
#include <string.h>

/* Number of parameters and of their elements; false when the elements pass 64 bits. */
static bool measure(const hs_config *cfg, int *n_params, uint64_t *n_real)
{
    hs_param_walk walk = {0};
    hs_param param;
    *n_params = 0;
    *n_real = 0;
    for (; hs_param_next(cfg, &walk, &param); (*n_params)++)
        if (!hs_add_u64(*n_real, (uint64_t)hs_param_count(&param), n_real))
            return false;
    return true;
}

/* Name every parameter and point at its part of model->base. */
static void lay_out(hs_model *model)
{
    hs_param_walk walk = {0};
    hs_param param;
    hs_real *at = model->base;
    for (int i = 0; hs_param_next(&model->cfg, &walk, &param); i++) {
        hs_tensor *tensor = &model->params[i];
        memcpy(model->names[i], param.name, sizeof param.name);
        tensor->name = model->names[i];
        tensor->data = at;
        tensor->n_axes = param.n_axes;
        memcpy(tensor->shape, param.shape, sizeof param.shape);
        tensor->count = hs_param_count(&param);
        *hs_param_slot(model, &param) = at;
        at += tensor->count;
    }
}

hs_status hs_model_new(const hs_config *config, hs_detail *detail, hs_model **out)
{
    int n_params;
    uint64_t n_real, bytes;
    if (!measure(config, &n_params, &n_real) || !hs_mul_u64(n_real, sizeof(hs_real), &bytes) || bytes > SIZE_MAX)
        return hs_fail(detail, HS_EMEMORY, "a model of this configuration has more bytes than this machine can address");
    hs_model *model = calloc(1, sizeof *model);
    if (!model)
        return hs_fail(detail, HS_EMEMORY, "no memory for a model");
    model->cfg = *config;
    model->n_params = n_params;
    model->n_real = (int64_t)n_real;
    model->blocks = calloc((size_t)config->n_layers + 1, sizeof *model->blocks);
    model->params = calloc((size_t)n_params, sizeof *model->params);
    model->names = calloc((size_t)n_params, sizeof *model->names);
    model->base = calloc((size_t)n_real, sizeof *model->base);
    if (!model->blocks || !model->params || !model->names || !model->base) {
        hs_model_free(model);
        return hs_fail(detail, HS_EMEMORY, "the parameters need %llu bytes, which are not to be had",
                       (unsigned long long)bytes);
    }
    lay_out(model);
    *out = model;
    return HS_OK;
}

static void free_packed(hs_packed *packed)
{
    free(packed->blocks);
    free(packed->base);
}

void hs_model_free(hs_model *model)
{
    if (!model)
        return;
    free(model->blocks);
    free(model->params);
    free(model->names);
    free(model->base);
    free_packed(&model->forward);
    free_packed(&model->backward);
    free(model);
}

const hs_config *hs_model_config(const hs_model *model)
{
    return &model->cfg;
}

int hs_model_n_params(const hs_model *model)
{
    return model->n_params;
}

hs_tensor hs_model_param(const hs_model *model, int i)
{
    return model->params[i];
}

int64_t hs_model_count_all(const hs_model *model)
{
    return model->n_real;
}

int64_t hs_model_count_n_params(const hs_model *model)
{
    const hs_config *cfg = &model->cfg;
    int64_t attn = 4 * (int64_t)cfg->d_model * cfg->d_head * cfg->n_heads;
    int64_t mlp = cfg->attn_only ? 0 : 2 * (int64_t)cfg->d_model * cfg->d_mlp;
    return cfg->n_layers * (attn + mlp);
}

int64_t hs_model_n_not_finite(const hs_model *model)
{
    return model->n_not_finite;
}

size_t hs_model_bytes(const hs_model *model)
{
    size_t n_layers = (size_t)model->cfg.n_layers + 1;
    size_t tables = sizeof *model + n_layers * sizeof *model->blocks +
                    (size_t)model->n_params * (sizeof *model->params + sizeof *model->names);
    size_t n_packings = (model->forward.base != NULL) + (size_t)(model->backward.base != NULL);
    tables += n_packings * n_layers * sizeof *model->forward.blocks;
    return tables + (size_t)(model->n_real + model->forward.n_real + model->backward.n_real) * sizeof(hs_real);
}
