/* load.c: config.json and safetensors bytes -> a model. The files are checked against the configuration,
 * tensor by tensor, before the parameters' memory is taken, so a small file cannot ask for a large model. */
#include "error.h"
#include "params.h"
#include "sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One tensor of the files. */
typedef struct source {
    const hs_safetensors *file;
    const char *file_name;
    int entry;
    bool used;
} source;

typedef struct loader {
    hs_safetensors **files;
    int n_files;
    source *sources; /* sorted by name */
    int n_sources;
    hs_detail *detail;
} loader;

static const hs_st_entry *entry_of(const source *s)
{
    return hs_safetensors_entry(s->file, s->entry);
}

static int compare_sources(const void *left, const void *right)
{
    return strcmp(entry_of(left)->name, entry_of(right)->name);
}

static source *find(const loader *l, const char *name)
{
    int from = 0, to = l->n_sources;
    while (from < to) {
        int middle = from + (to - from) / 2, order = strcmp(entry_of(&l->sources[middle])->name, name);
        if (order == 0)
            return &l->sources[middle];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static hs_status open_files(loader *l, const hs_bytes *weights, int n_weights)
{
    l->files = calloc((size_t)n_weights + 1, sizeof *l->files);
    if (!l->files)
        return hs_fail(l->detail, HS_EMEMORY, "no memory for %d files", n_weights);
    int n = 0;
    for (; l->n_files < n_weights; l->n_files++) {
        HS_TRY(hs_safetensors_open(weights[l->n_files], l->detail, &l->files[l->n_files]));
        n += hs_safetensors_count(l->files[l->n_files]);
    }
    l->sources = malloc(((size_t)n + 1) * sizeof *l->sources);
    if (!l->sources)
        return hs_fail(l->detail, HS_EMEMORY, "no memory for %d tensors", n);
    for (int f = 0; f < n_weights; f++)
        for (int i = 0; i < hs_safetensors_count(l->files[f]); i++)
            l->sources[l->n_sources++] =
                (source){l->files[f], weights[f].name ? weights[f].name : "safetensors", i, false};
    hs_sort(l->sources, (size_t)n, sizeof *l->sources, compare_sources);
    for (int i = 1; i < n; i++)
        if (!compare_sources(&l->sources[i - 1], &l->sources[i]))
            return hs_fail(l->detail, HS_EDUPNAME, "%s and %s both hold %s", l->sources[i - 1].file_name,
                           l->sources[i].file_name, entry_of(&l->sources[i])->name);
    return HS_OK;
}

/* ---- checking ---- */

/* TransformerLens keeps keys and values of a model with n_key_value_heads under W_K's name with an
 * underscore before it. NULL for a parameter that has no such name. */
static source *find_grouped(const loader *l, const char *name)
{
    static const char *const PLAIN[] = {".attn.W_K", ".attn.W_V", ".attn.b_K", ".attn.b_V"};
    size_t length = strlen(name), tail = strlen(PLAIN[0]);
    for (int i = 0; i < 4; i++)
        if (length > tail && !strcmp(name + length - tail, PLAIN[i])) {
            char grouped[72];
            hs_format(grouped, sizeof grouped, "%s", name);
            memcpy(grouped + length - 3, "_", 1);
            memcpy(grouped + length - 2, name + length - 3, 4);
            return find(l, grouped);
        }
    return NULL;
}

static source *find_param(const loader *l, const hs_param *param)
{
    source *found = find(l, param->name);
    return found ? found : find_grouped(l, param->name);
}

static hs_status check_param(const loader *l, const hs_param *param)
{
    source *s = find_param(l, param);
    if (!s)
        return param->optional ? HS_OK : hs_fail(l->detail, HS_EMISSING, "the model lacks %s", param->name);
    const hs_st_entry *entry = entry_of(s);
    if (entry->n_axes != param->n_axes || memcmp(entry->shape, param->shape, (size_t)param->n_axes * sizeof *param->shape)) {
        hs_shape_buffer have, want;
        return hs_fail(l->detail, HS_EMISMATCH, "%s: %s has shape %s; the configuration asks for %s", s->file_name,
                       entry->name, hs_shape_text(&have, entry->shape, entry->n_axes),
                       hs_shape_text(&want, param->shape, param->n_axes));
    }
    if (entry->dtype == HS_OTHER)
        return hs_fail(l->detail, HS_EDTYPE, "%s: %s: a parameter must be F32, F16, BF16 or F64", s->file_name, entry->name);
    s->used = true;
    return HS_OK;
}

/* Buffers of a state_dict that are no parameters: the causal mask and its value, rotary tables. */
static bool is_buffer(const hs_config *cfg, const char *name)
{
    static const char *const TAILS[] = {".attn.mask", ".attn.IGNORE", ".attn.rotary_sin", ".attn.rotary_cos"};
    if (strncmp(name, "blocks.", 7) || name[7] < '0' || name[7] > '9')
        return false;
    char *tail;
    unsigned long layer = strtoul(name + 7, &tail, 10);
    for (int i = 0; i < 4; i++)
        if (!strcmp(tail, TAILS[i]))
            return layer < (unsigned long)cfg->n_layers;
    return false;
}

static hs_status check_tensors(const loader *l, const hs_config *cfg)
{
    hs_param_walk walk = {0};
    hs_param param;
    while (hs_param_next(cfg, &walk, &param))
        HS_TRY(check_param(l, &param));
    for (int i = 0; i < l->n_sources; i++) {
        const source *s = &l->sources[i];
        if (!s->used && !is_buffer(cfg, entry_of(s)->name))
            return hs_fail(l->detail, HS_EUNEXPECTED, "%s: the configuration has no place for %s", s->file_name,
                           entry_of(s)->name);
    }
    return HS_OK;
}

/* ---- reading ---- */

static hs_status read_tensors(const loader *l, hs_model *model)
{
    hs_param_walk walk = {0};
    hs_param param;
    while (hs_param_next(&model->cfg, &walk, &param)) {
        const source *s = find_param(l, &param);
        if (s)
            HS_TRY(hs_safetensors_read(s->file, s->entry, l->detail, *hs_param_slot(model, &param)));
    }
    for (int64_t i = 0; i < model->n_real; i++)
        model->n_not_finite += !isfinite(model->base[i]);
    return hs_model_pack(model, false, l->detail);
}

static hs_status load(loader *l, const hs_config *cfg, const hs_bytes *weights, int n_weights, hs_model **out)
{
    HS_TRY(open_files(l, weights, n_weights));
    HS_TRY(check_tensors(l, cfg));
    hs_model *model;
    HS_TRY(hs_model_new(cfg, l->detail, &model));
    hs_status status = read_tensors(l, model);
    if (status == HS_OK)
        *out = model;
    else
        hs_model_free(model);
    return status;
}

hs_status hs_model_load(hs_bytes config, const hs_bytes *weights, int n_weights, hs_detail *detail, hs_model **out)
{
    hs_config cfg;
    HS_TRY(hs_config_read(config, detail, &cfg));
    loader l = {.detail = detail};
    hs_status status = load(&l, &cfg, weights, n_weights, out);
    for (int i = 0; l.files && i < l.n_files; i++)
        hs_safetensors_close(l.files[i]);
    free(l.files);
    free(l.sources);
    return status;
}
