/* grad_document.c: carry out a gradient document (docs/formats.md, "Gradient"): read it, run, take the
 * metric, go backward. */
#include "error.h"
#include "json.h"
#include "metric.h"
#include "model.h"
#include "prompt.h"

#include <stdlib.h>
#include <string.h>

typedef struct document {
    hs_model *model;
    const hs_json *json;
    hs_bytes text;
    hs_detail *detail;
    hs_prompt prompt;
    int32_t *clean;
    int n_clean;
    const char **hooks;
    int n_hooks;
    hs_run *other; /* the clean run of kl */
    hs_grad_result result;
} document;

/* The field (a format) and what is wrong with it; the field's arguments come first. */
#define FAIL(d, field, ...) hs_fail((d)->detail, HS_ESPEC, field ": " __VA_ARGS__)

static hs_status read_hooks(document *d)
{
    hs_json_at at = hs_json_get(d->json, hs_json_root(d->json), "hooks");
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(d->json, at) != HS_JSON_ARRAY)
        return FAIL(d, "hooks", "a list of names is needed here");
    d->hooks = calloc((size_t)hs_json_length(d->json, at) + 1, sizeof *d->hooks);
    if (!d->hooks)
        return hs_fail(d->detail, HS_EMEMORY, "no memory for the hooks");
    for (hs_json_at item = hs_json_first(d->json, at); item >= 0; item = hs_json_next(d->json, item)) {
        d->hooks[d->n_hooks] = hs_json_string(d->json, item);
        if (!d->hooks[d->n_hooks++])
            return FAIL(d, "hooks[%d]", "a name is needed here", d->n_hooks - 1);
    }
    return HS_OK;
}

/* The metric's value and its derivative by the logits [T, d_vocab_out], which is zero but for one row. */
static hs_status read_metric(document *d, hs_real *d_logits)
{
    hs_json_at root = hs_json_root(d->json);
    int V = d->model->cfg.d_vocab_out;
    hs_metric metric;
    HS_TRY(hs_metric_read(d->model, d->json, hs_json_get(d->json, root, "metric"), "metric", d->prompt.n_ids, d->detail, &metric));
    HS_TRY(hs_metric_check(d->model, &metric, "metric", true, d->detail));
    int64_t at = (int64_t)metric.position * V;
    const hs_real *clean = NULL;
    if (metric.kind == HS_METRIC_KL) {
        HS_TRY(hs_prompt_ids(d->json, hs_json_get(d->json, root, "clean"), "clean", d->detail, &d->clean, &d->n_clean));
        if (d->n_clean != d->prompt.n_ids)
            return FAIL(d, "clean", "%d ids for a run of %d: kl compares position by position", d->n_clean, d->prompt.n_ids);
        hs_run_spec spec = {.ids = d->clean, .n_tokens = d->n_clean};
        HS_TRY(hs_run_new(d->model, &spec, d->detail, &d->other));
        hs_run_forward(d->other);
        clean = hs_run_logits(d->other) + at;
    }
    d->result.metric = hs_metric_gradient(&metric, hs_run_logits(d->result.run) + at, clean, V, d_logits + at);
    return HS_OK;
}

static hs_status carry_out(document *d)
{
    static const char *const FIELDS[] = {"v", "ids", "metric", "hooks", "weights", "edits", "runs", "clean", NULL};
    hs_json_at root = hs_json_root(d->json), at;
    int64_t v;
    if (hs_json_type_of(d->json, root) != HS_JSON_OBJECT)
        return hs_fail(d->detail, HS_ESPEC, "a gradient document is an object, not %s", hs_json_type_name(d->json, root));
    const char *unknown = hs_json_unknown_key(d->json, root, FIELDS);
    if (unknown)
        return FAIL(d, "%s", "a gradient document has no such field", unknown);
    if ((at = hs_json_get(d->json, root, "v")) >= 0 && (!hs_json_int(d->json, at, &v) || v != 1))
        return FAIL(d, "v", "this program reads version 1");
    bool weights = false;
    if ((at = hs_json_get(d->json, root, "weights")) >= 0 && !hs_json_bool(d->json, at, &weights))
        return FAIL(d, "weights", "true or false is needed here");
    HS_TRY(hs_prompt_read(d->model, d->json, root, d->text, "", NULL, 0, d->detail, &d->prompt));
    HS_TRY(read_hooks(d));
    HS_TRY(hs_prompt_do_runs(&d->prompt, d->detail));
    hs_sources sources = hs_prompt_sources(&d->prompt);
    if (d->prompt.edits_text.size)
        HS_TRY(hs_edits_new(d->model, d->prompt.edits_text, d->prompt.n_ids, &sources, d->detail, &d->result.edits));
    hs_run_spec spec = {.ids = d->prompt.ids, .n_tokens = d->prompt.n_ids, .edits = d->result.edits, .keep_for_backward = true};
    HS_TRY(hs_run_new(d->model, &spec, d->detail, &d->result.run));
    hs_grad_spec grad = {d->hooks, d->n_hooks, weights};
    HS_TRY(hs_grad_new(d->model, d->result.run, &grad, d->detail, &d->result.grad));
    hs_run_forward(d->result.run);
    hs_real *d_logits = calloc((size_t)d->prompt.n_ids * (size_t)d->model->cfg.d_vocab_out, sizeof *d_logits);
    if (!d_logits)
        return hs_fail(d->detail, HS_EMEMORY, "no memory for the metric's gradient");
    hs_status status = read_metric(d, d_logits);
    if (status == HS_OK)
        hs_backward(d->result.run, d_logits, d->result.grad);
    free(d_logits);
    return status;
}

hs_status hs_grad_document(hs_model *model, hs_bytes text, hs_detail *detail, hs_grad_result *out)
{
    hs_json *json;
    HS_TRY(hs_json_parse(text, detail, &json));
    document d = {.model = model, .json = json, .text = text, .detail = detail};
    hs_status status = carry_out(&d);
    hs_prompt_free(&d.prompt);
    hs_run_free(d.other);
    free(d.hooks);
    free(d.clean);
    hs_json_free(json);
    if (status != HS_OK) {
        hs_grad_result_free(&d.result);
        return status;
    }
    *out = d.result;
    return HS_OK;
}

void hs_grad_result_free(hs_grad_result *result)
{
    hs_grad_free(result->grad);
    hs_run_free(result->run);
    hs_edits_free(result->edits);
}
