/* abi.c: hs.h for a caller that can pass numbers and addresses, but no structures: the worker's
 * JavaScript (site/src/worker/wasm.ts).
 *
 * A list of strings is one block: each ends in NUL, and an empty one ends the list.
 * The detail of the last failure is kept here, for hsw_detail(). */
#include "abi.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

static hs_detail last;
static hs_machine machine; // of every model that is loaded

const char *hsw_detail(void)
{
    return last.text;
}

static hs_status no_memory(void)
{
    strcpy(last.text, "the lists of this call do not fit into memory");
    return HS_EMEMORY;
}

static hs_bytes document(const char *json, size_t json_bytes, const char *name)
{
    return (hs_bytes){.data = json, .size = json_bytes, .name = name};
}

static int list_count(const char *list)
{
    int n = 0;
    for (; *list; list += strlen(list) + 1)
        n++;
    return n;
}

static void list_split(const char *list, const char **out /* [list_count(list)] */)
{
    for (; *list; list += strlen(list) + 1)
        *out++ = list;
}

static hsw_array array_of(hs_tensor tensor)
{
    hsw_array array = {.name = tensor.name, .data = tensor.data, .n_axes = tensor.n_axes};
    for (int axis = 0; axis < tensor.n_axes; axis++)
        array.shape[axis] = (int32_t)tensor.shape[axis];
    return array;
}

/* ---- the machine ----------------------------------------------------------------------------- */

int hsw_trial_count(void)
{
    return (int)hs_trial_count();
}

void hsw_use_tile(int tile)
{
    machine.tile = tile;
}

void hsw_use_threads(int n)
{
    machine.pool = hsw_pool(n);
}

/* ---- models ---------------------------------------------------------------------------------- */

/* One safetensors file for each of `names`. */
hs_status hsw_model_load(const char *config, size_t config_bytes, const char *names,
                         const void *const *weights, const size_t *weights_bytes, hs_model **out)
{
    int n = list_count(names);
    hs_bytes *files = malloc(sizeof *files * (size_t)(n + 1));
    if (!files)
        return no_memory();
    for (int i = 0; i < n; i++, names += strlen(names) + 1)
        files[i] = (hs_bytes){.data = weights[i], .size = weights_bytes[i], .name = names};
    hs_status status = hs_model_load(document(config, config_bytes, "config.json"), files, n, &last, out);
    if (status == HS_OK)
        hs_model_use(*out, &machine);
    free(files);
    return status;
}

void hsw_model_config(const hs_model *model, double *out)
{
    const hs_config *cfg = hs_model_config(model);
#define FIELD(name, kind) *out++ = (double)cfg->name;
#include "page_config.def"
#undef FIELD
}

void hsw_model_counts(const hs_model *model, hsw_counts *out)
{
    *out = (hsw_counts){
        .parameters = (double)hs_model_count_all(model),
        .n_params = (double)hs_model_count_n_params(model),
        .not_finite = (double)hs_model_n_not_finite(model),
    };
}

void hsw_model_param(const hs_model *model, int i, hsw_array *out)
{
    *out = array_of(hs_model_param(model, i));
}

/* `processes`: bits in the order of processes.def. */
hs_status hsw_model_process(hs_model *model, int processes)
{
    enum {
#define PROCESS(name) BIT_##name,
#include "processes.def"
#undef PROCESS
    };
    const hs_process process = {
#define PROCESS(name) .name = (processes >> BIT_##name & 1) != 0,
#include "processes.def"
#undef PROCESS
    };
    return hs_model_process(model, &process, &last);
}

void hsw_hook_describe(const hs_model *model, int i, int n_tokens, hsw_array *out)
{
    static hs_hook_info info; // out->name points into it until the next call
    hs_hook_describe(model, i, n_tokens, &info);
    hs_tensor shape = {.name = info.name, .n_axes = info.n_axes};
    memcpy(shape.shape, info.shape, sizeof shape.shape);
    *out = array_of(shape);
}

/* ---- edits ----------------------------------------------------------------------------------- */

typedef struct string_list {
    char *text;
    size_t bytes;
    bool failed;
} string_list;

static void list_append(void *context, const char *string)
{
    string_list *list = context;
    size_t length = strlen(string) + 1;
    char *grown = list->failed ? NULL : realloc(list->text, list->bytes + length + 1);
    if (!grown) {
        list->failed = true;
        return;
    }
    memcpy(grown + list->bytes, string, length);
    list->text = grown;
    list->bytes += length;
    grown[list->bytes] = '\0';
}

/* The globs that the document reads of run `run_name`, as a list that the caller frees; NULL for
 * none. */
hs_status hsw_edits_needs(const char *json, size_t json_bytes, const char *run_name, char **out)
{
    string_list list = {0};
    hs_status status =
        hs_edits_needs(document(json, json_bytes, "edits"), run_name, &last, list_append, &list);
    if (status == HS_OK && list.failed)
        status = no_memory();
    if (status != HS_OK) {
        free(list.text);
        return status;
    }
    *out = list.text;
    return HS_OK;
}

static hs_tensor tensor_of(const hsw_array *array)
{
    hs_tensor tensor = {.name = array->name, .data = array->data, .n_axes = array->n_axes, .count = 1};
    for (int axis = 0; axis < array->n_axes; axis++) {
        tensor.shape[axis] = array->shape[axis];
        tensor.count *= array->shape[axis];
    }
    return tensor;
}

/* What edits may name, as the core takes it; sources_free frees the lists, whatever came of it. */
static hs_status sources_new(const char *run_names, const hs_run *const *runs, const hsw_array *vectors, int n_vectors, hs_sources *out)
{
    int n_runs = list_count(run_names);
    const char **names = malloc(sizeof *names * (size_t)(n_runs + 1));
    hs_tensor *tensors = malloc(sizeof *tensors * (size_t)(n_vectors + 1));
    *out = (hs_sources){names, runs, n_runs, tensors, n_vectors};
    if (!names || !tensors)
        return no_memory();
    list_split(run_names, names);
    for (int i = 0; i < n_vectors; i++)
        tensors[i] = tensor_of(&vectors[i]);
    return HS_OK;
}

static void sources_free(hs_sources *sources)
{
    free((void *)sources->run_names);
    free((void *)sources->vectors);
}

hs_status hsw_edits_new(const hs_model *model, const char *json, size_t json_bytes, int n_tokens,
                        const char *run_names, const hs_run *const *runs, const hsw_array *vectors,
                        int n_vectors, hs_edits **out)
{
    hs_sources sources;
    hs_status status = sources_new(run_names, runs, vectors, n_vectors, &sources);
    if (status == HS_OK)
        status = hs_edits_new(model, document(json, json_bytes, "edits"), n_tokens, &sources, &last, out);
    sources_free(&sources);
    return status;
}

/* ---- runs ------------------------------------------------------------------------------------ */

hs_status hsw_run_new(const hs_model *model, const int32_t *ids, int n_tokens, const hs_edits *edits,
                      const char *capture, hsw_run_made *out)
{
    int n_capture = list_count(capture);
    const char **globs = malloc(sizeof *globs * (size_t)(n_capture + 1));
    if (!globs)
        return no_memory();
    list_split(capture, globs);
    const hs_run_spec spec = {
        .ids = ids, .n_tokens = n_tokens, .edits = edits, .capture = globs, .n_capture = n_capture};
    size_t bytes = 0;
    hs_status status = hs_run_size(model, &spec, &last, &bytes);
    if (status == HS_OK)
        status = hs_run_new(model, &spec, &last, &out->run);
    out->bytes = (double)bytes;
    free(globs);
    return status;
}

void hsw_run_captured(const hs_run *run, int i, hsw_array *out)
{
    *out = array_of(hs_run_captured(run, i));
}

hs_status hsw_unembed(const hs_model *model, const float *x, int n, bool apply_ln_final, float *out)
{
    return hs_unembed(model, x, n, apply_ln_final, &last, out);
}

/* ---- readings and generation ----------------------------------------------------------------- */

hs_status hsw_read_new(hs_model *model, const hs_run *run, const hs_run *minus, const char *json, size_t json_bytes, hs_reading **out)
{
    return hs_read_new(model, run, minus, document(json, json_bytes, "reading"), &last, out);
}

double hsw_read_bytes(const hs_reading *reading)
{
    return (double)hs_read_bytes(reading);
}

hs_status hsw_read_begin(hs_reading *reading)
{
    return hs_read_begin(reading, &last);
}

void hsw_read_progress(const hs_reading *reading, hs_read_work *out)
{
    *out = hs_read_progress(reading);
}

/* The numbers of array i; its name, axes and shape stand in the text. */
const float *hsw_read_data(const hs_reading *reading, int i)
{
    return hs_read_array(reading, i).tensor.data;
}

hs_status hsw_generate_new(hs_model *model, const char *json, size_t json_bytes, const char *run_names, const hs_run *const *runs,
                           const hsw_array *vectors, int n_vectors, hs_generation **out)
{
    hs_sources sources;
    hs_status status = sources_new(run_names, runs, vectors, n_vectors, &sources);
    if (status == HS_OK)
        status = hs_generate_new(model, document(json, json_bytes, "generation"), &sources, &last, out);
    sources_free(&sources);
    return status;
}

void hsw_generate_token(const hs_generation *generation, int i, hs_generated *out)
{
    *out = hs_generate_token(generation, i);
}

/* ---- gradients ------------------------------------------------------------------------------- */

hs_status hsw_gradient_new(hs_model *model, const char *json, size_t json_bytes, hs_grad_result **out)
{
    hs_grad_result *gradient = malloc(sizeof *gradient);
    if (!gradient)
        return no_memory();
    hs_status status = hs_grad_document(model, document(json, json_bytes, "gradient"), &last, gradient);
    if (status == HS_OK)
        *out = gradient;
    else
        free(gradient);
    return status;
}

double hsw_gradient_metric(const hs_grad_result *gradient)
{
    return gradient->metric;
}

static bool has_weights(const hs_grad_result *gradient)
{
    return hs_grad_param(gradient->grad, 0).data != NULL;
}

/* The gradients at the hooks, then, if the document asks for them, those of the parameters. */
int hsw_gradient_count(const hs_grad_result *gradient)
{
    int n_params = has_weights(gradient) ? hs_model_n_params(hs_run_model(gradient->run)) : 0;
    return hs_grad_n_hooks(gradient->grad) + n_params;
}

void hsw_gradient_tensor(const hs_grad_result *gradient, int i, hsw_array *out)
{
    int n_hooks = hs_grad_n_hooks(gradient->grad);
    *out = array_of(i < n_hooks ? hs_grad_hook(gradient->grad, i) : hs_grad_param(gradient->grad, i - n_hooks));
}

void hsw_gradient_free(hs_grad_result *gradient)
{
    hs_grad_result_free(gradient);
    free(gradient);
}
