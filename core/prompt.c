/* prompt.c: see prompt.h. */
#include "prompt.h"

#include "error.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

static char *copy_of(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

hs_status hs_prompt_ids(const hs_json *json, hs_json_at at, const char *field, hs_detail *detail, int32_t **out, int *n)
{
    if (at < 0 || hs_json_type_of(json, at) != HS_JSON_ARRAY)
        return hs_fail(detail, HS_ESPEC, "%s: a list of token ids is needed here", field);
    *n = hs_json_length(json, at);
    *out = malloc((size_t)*n * sizeof **out + 1);
    if (!*out)
        return hs_fail(detail, HS_EMEMORY, "no memory for %s", field);
    int i = 0;
    for (hs_json_at item = hs_json_first(json, at); item >= 0; item = hs_json_next(json, item), i++) {
        int64_t id;
        if (!hs_json_int(json, item, &id) || id < INT32_MIN || id > INT32_MAX)
            return hs_fail(detail, HS_ESPEC, "%s[%d]: a token id is needed here", field, i);
        (*out)[i] = (int32_t)id;
    }
    return HS_OK;
}

/* ---- the runs that edits name ---- */

typedef struct globs {
    const hs_model *model;
    char **list;
    int n;
    bool logits; /* or what stands just before them is among them */
    bool lost;   /* no memory */
} globs;

/* A glob that matches nothing is left to hs_edits_new, which says in which edit it stands. */
static void keep(void *context, const char *glob)
{
    globs *g = context;
    bool matches = false;
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(&g->model->cfg, &walk);) {
        hs_hook_info hook;
        hs_hook_info_at(&g->model->cfg, walk.hook, walk.layer, 1, &hook);
        bool is = hs_glob_match(glob, hook.name);
        matches |= is;
        g->logits |= is && walk.hook >= HS_HOOK_LN_FINAL_SCALE;
    }
    if (!matches)
        return;
    char **list = realloc(g->list, ((size_t)g->n + 1) * sizeof *list);
    if (list)
        g->list = list;
    char *copy = list ? copy_of(glob) : NULL;
    if (copy)
        g->list[g->n++] = copy;
    g->lost |= !copy;
}

static hs_status plan_other(const hs_prompt *p, const char *name, const int32_t *ids, int n_ids, hs_detail *detail, hs_run **out)
{
    globs needed = {.model = p->model};
    hs_status status = p->edits_text.size ? hs_edits_needs(p->edits_text, name, detail, keep, &needed) : HS_OK;
    if (status == HS_OK && needed.lost)
        status = hs_fail(detail, HS_EMEMORY, "no memory for the hooks of run %s", name);
    if (status == HS_OK) {
        hs_run_spec spec = {.ids = ids, .n_tokens = n_ids, .capture = (const char *const *)needed.list, .n_capture = needed.n,
                            .no_logits = !needed.logits};
        status = hs_run_plan(p->model, &spec, detail, out);
    }
    for (int i = 0; i < needed.n; i++)
        free(needed.list[i]);
    free(needed.list);
    return status;
}

static hs_status read_runs(const hs_json *json, hs_json_at at, const char *where, hs_detail *detail, hs_prompt *p)
{
    if (at < 0)
        return HS_OK;
    if (hs_json_type_of(json, at) != HS_JSON_OBJECT)
        return hs_fail(detail, HS_ESPEC, "%sruns: an object of names and ids is needed here", where);
    size_t n = (size_t)hs_json_length(json, at);
    p->names = calloc(n + 1, sizeof *p->names);
    p->runs = calloc(n + 1, sizeof *p->runs);
    p->run_ids = calloc(n + 1, sizeof *p->run_ids);
    if (!p->names || !p->runs || !p->run_ids)
        return hs_fail(detail, HS_EMEMORY, "no memory for the runs");
    for (hs_json_at item = hs_json_first(json, at); item >= 0; item = hs_json_next(json, item)) {
        char field[64];
        int n_ids = 0, i = p->n_runs++;
        hs_format(field, sizeof field, "%sruns.%s", where, hs_json_key(json, item));
        HS_TRY(hs_prompt_ids(json, item, field, detail, &p->run_ids[i], &n_ids));
        if (!(p->names[i] = copy_of(hs_json_key(json, item))))
            return hs_fail(detail, HS_EMEMORY, "no memory for a run's name");
        HS_TRY(plan_other(p, p->names[i], p->run_ids[i], n_ids, detail, &p->runs[i]));
    }
    return HS_OK;
}

/* ---- the prompt ---- */

static hs_status read_fields(const hs_json *json, hs_json_at object, hs_bytes text, const char *where, hs_detail *detail,
                             hs_prompt *p)
{
    char field[32];
    hs_format(field, sizeof field, "%sids", where);
    HS_TRY(hs_prompt_ids(json, hs_json_get(json, object, "ids"), field, detail, &p->ids, &p->n_ids));
    hs_json_at edits = hs_json_get(json, object, "edits");
    if (edits >= 0 && hs_json_type_of(json, edits) != HS_JSON_ARRAY)
        return hs_fail(detail, HS_ESPEC, "%sedits: a list of edits is needed here", where);
    if (edits >= 0 && hs_json_length(json, edits)) {
        size_t begin = hs_json_offset(json, edits);
        p->edits_text = (hs_bytes){(const char *)text.data + begin, hs_json_end(json, edits) - begin, "edits"};
    }
    return read_runs(json, hs_json_get(json, object, "runs"), where, detail, p);
}

hs_status hs_prompt_read(const hs_model *model, const hs_json *json, hs_json_at object, hs_bytes text, const char *where,
                         const hs_tensor *vectors, int n_vectors, hs_detail *detail, hs_prompt *out)
{
    hs_prompt p = {.model = model, .vectors = vectors, .n_vectors = n_vectors};
    hs_status status = read_fields(json, object, text, where, detail, &p);
    if (status == HS_OK)
        *out = p;
    else
        hs_prompt_free(&p);
    return status;
}

void hs_prompt_free(hs_prompt *p)
{
    hs_edits_free(p->edits);
    for (int i = 0; i < p->n_runs; i++) {
        hs_run_free(p->runs[i]);
        free(p->names[i]);
        free(p->run_ids[i]);
    }
    free(p->names);
    free(p->runs);
    free(p->run_ids);
    free(p->ids);
    *p = (hs_prompt){0};
}

uint64_t hs_prompt_bytes(const hs_prompt *p)
{
    uint64_t bytes = 0;
    for (int i = 0; i < p->n_runs; i++)
        bytes += p->runs[i]->bytes;
    return bytes;
}

hs_status hs_prompt_take(hs_prompt *p, hs_detail *detail)
{
    for (int i = 0; i < p->n_runs; i++)
        HS_TRY(hs_run_take(p->runs[i], p->run_ids[i], detail));
    return HS_OK;
}

bool hs_prompt_step(hs_prompt *p)
{
    if (p->at == p->n_runs)
        return false;
    p->at += !hs_run_step(p->runs[p->at]);
    return true;
}

hs_status hs_prompt_do_runs(hs_prompt *p, hs_detail *detail)
{
    HS_TRY(hs_prompt_take(p, detail));
    for (; p->at < p->n_runs; p->at++)
        hs_run_forward(p->runs[p->at]);
    return HS_OK;
}

hs_sources hs_prompt_sources(const hs_prompt *p)
{
    return (hs_sources){(const char *const *)p->names, (const hs_run *const *)p->runs, p->n_runs, p->vectors, p->n_vectors};
}

hs_status hs_prompt_run(hs_prompt *p, const char *const *capture, int n_capture, hs_detail *detail, hs_run **out)
{
    hs_run_spec spec = {.ids = p->ids, .n_tokens = p->n_ids, .capture = capture, .n_capture = n_capture};
    size_t bytes;
    HS_TRY(hs_run_size(p->model, &spec, detail, &bytes)); /* ids are judged before edits */
    if (p->edits_text.size) {
        hs_sources sources = hs_prompt_sources(p);
        HS_TRY(hs_edits_new(p->model, p->edits_text, p->n_ids, &sources, detail, &p->edits));
    }
    spec.edits = p->edits;
    HS_TRY(hs_run_new(p->model, &spec, detail, out));
    hs_run_forward(*out);
    return HS_OK;
}
