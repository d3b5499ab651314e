/* run.c: hs run: one prompt, with its edits, captures and the runs that the edits read from. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { IDS, EDITS, RUN, VECTORS, CAPTURE, OUT, N_FLAGS };

enum { TOP = 10 };

/* An unedited run that edits read from. */
typedef struct named_run {
    const hs_model *model;
    char *name;
    int32_t *ids;
    char **globs; /* what the edits need of it */
    int n_globs;
    bool lost; /* no memory for a glob */
    hs_run *run;
} named_run;

typedef struct work {
    const hs_flag *flags;
    hs_detail *detail;
    hs_model *model;
    int32_t *ids;
    void *document;
    hs_tensor_file vectors;
    named_run *named;
    int n_named;
    hs_edits *edits;
    hs_run *run;
} work;

static const char *value_of(const work *w, int flag)
{
    return w->flags[flag].n ? w->flags[flag].values[0] : NULL;
}

/* ---- named runs ---- */

/* A glob that matches nothing is left to hs_edits_new, which says in which edit it stands. */
static void keep_glob(void *context, const char *glob)
{
    named_run *named = context;
    bool matches = false;
    for (int i = 0; !matches && i < hs_hook_count(named->model); i++) {
        hs_hook_info hook;
        hs_hook_describe(named->model, i, 1, &hook);
        matches = hs_glob_match(glob, hook.name);
    }
    if (!matches)
        return;
    char **globs = realloc(named->globs, ((size_t)named->n_globs + 1) * sizeof *globs);
    char *copy = globs ? strdup(glob) : NULL;
    if (globs)
        named->globs = globs;
    if (copy)
        named->globs[named->n_globs++] = copy;
    else
        named->lost = true;
}

/* `text` is NAME=1,2,3. */
static hs_status run_named(work *w, hs_bytes document, const char *text, named_run *named)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return hs_fail(w->detail, HS_EUSAGE, "--run: \"%s\" is not of the form NAME=1,2,3", text);
    named->model = w->model;
    named->name = strndup(text, (size_t)(equals - text));
    if (!named->name)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for a run's name");
    for (const named_run *other = w->named; other < named; other++)
        if (!strcmp(other->name, named->name))
            return hs_fail(w->detail, HS_EUSAGE, "--run: there are two runs named %s", named->name);
    int n_ids;
    HS_TRY(hs_args_ids(equals + 1, "--run", w->detail, &named->ids, &n_ids));
    HS_TRY(hs_edits_needs(document, named->name, w->detail, keep_glob, named));
    if (named->lost)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for the hooks of run %s", named->name);
    hs_run_spec spec = {.ids = named->ids,
                        .n_tokens = n_ids,
                        .capture = (const char *const *)named->globs,
                        .n_capture = named->n_globs};
    HS_TRY(hs_run_new(w->model, &spec, w->detail, &named->run));
    hs_run_forward(named->run);
    return HS_OK;
}

static hs_status compile_edits(work *w, int n_tokens)
{
    const hs_flag *runs = &w->flags[RUN];
    size_t size = 0;
    HS_TRY(hs_file_read(value_of(w, EDITS), w->detail, &w->document, &size));
    hs_bytes document = {w->document, size, value_of(w, EDITS)};
    if (w->flags[VECTORS].n)
        HS_TRY(hs_tensors_read(value_of(w, VECTORS), w->detail, &w->vectors));
    w->named = calloc((size_t)runs->n + 1, sizeof *w->named);
    const char **names = calloc((size_t)runs->n + 1, sizeof *names);
    const hs_run **made = calloc((size_t)runs->n + 1, sizeof *made);
    hs_status status = w->named && names && made ? HS_OK : hs_fail(w->detail, HS_EMEMORY, "no memory for the runs");
    for (int i = 0; status == HS_OK && i < runs->n; i++) {
        w->n_named = i + 1;
        status = run_named(w, document, runs->values[i], &w->named[i]);
        names[i] = w->named[i].name;
        made[i] = w->named[i].run;
    }
    if (status == HS_OK) {
        hs_sources sources = {names, made, runs->n, w->vectors.tensors, w->vectors.n};
        status = hs_edits_new(w->model, document, n_tokens, &sources, w->detail, &w->edits);
    }
    free(names);
    free(made);
    return status;
}

/* ---- results ---- */

static hs_status write_captures(const work *w, const char *path)
{
    int n = hs_run_n_captured(w->run);
    hs_tensor *tensors = calloc((size_t)n + 1, sizeof *tensors);
    if (!tensors)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for %d captures", n);
    for (int i = 0; i < n; i++)
        tensors[i] = hs_run_captured(w->run, i);
    hs_status status = hs_tensors_write(path, tensors, n, HS_F32, NULL, w->detail);
    free(tensors);
    return status;
}

static void print_reals(const char *field, const hs_real *values, int n)
{
    printf(",\"%s\":[", field);
    for (int i = 0; i < n; i++) {
        if (i)
            putchar(',');
        hs_print_real(stdout, values[i]);
    }
    putchar(']');
}

static void print_top(const hs_run *run)
{
    int n = hs_model_config(hs_run_model(run))->d_vocab_out, n_tokens = hs_run_n_tokens(run);
    int k = n < TOP ? n : TOP;
    printf("{\"v\":1,\"tokens\":%d,\"top\":[", n_tokens);
    for (int t = 0; t < n_tokens; t++) {
        int32_t ids[TOP];
        hs_real logits[TOP], probs[TOP];
        hs_top_k(hs_run_logits(run) + (int64_t)t * n, n, k, ids, logits, probs);
        printf("%s\n{\"position\":%d,\"ids\":[", t ? "," : "", t);
        for (int i = 0; i < k; i++)
            printf(i ? ",%d" : "%d", ids[i]);
        putchar(']');
        print_reals("logits", logits, k);
        print_reals("probs", probs, k);
        putchar('}');
    }
    printf("]}\n");
}

static hs_status run(work *w, const char *path)
{
    if (!w->flags[IDS].n)
        return hs_fail(w->detail, HS_EUSAGE, "--ids is missing");
    if (!w->flags[EDITS].n && (w->flags[RUN].n || w->flags[VECTORS].n))
        return hs_fail(w->detail, HS_EUSAGE, "--run and --vectors serve --edits, which is missing");
    int n_ids;
    HS_TRY(hs_args_ids(value_of(w, IDS), "--ids", w->detail, &w->ids, &n_ids));
    HS_TRY(hs_model_open(path, w->detail, &w->model));
    hs_run_spec spec = {
        .ids = w->ids, .n_tokens = n_ids, .capture = w->flags[CAPTURE].values, .n_capture = w->flags[CAPTURE].n};
    if (w->flags[EDITS].n) {
        size_t bytes;
        HS_TRY(hs_run_size(w->model, &spec, w->detail, &bytes)); /* ids are judged before edits */
        HS_TRY(compile_edits(w, n_ids));
    }
    spec.edits = w->edits;
    HS_TRY(hs_run_new(w->model, &spec, w->detail, &w->run));
    hs_run_forward(w->run);
    if (w->flags[OUT].n)
        HS_TRY(write_captures(w, value_of(w, OUT)));
    print_top(w->run);
    return HS_OK;
}

static void free_work(work *w)
{
    hs_run_free(w->run);
    hs_edits_free(w->edits);
    for (int i = 0; i < w->n_named; i++) {
        hs_run_free(w->named[i].run);
        for (int g = 0; g < w->named[i].n_globs; g++)
            free(w->named[i].globs[g]);
        free(w->named[i].globs);
        free(w->named[i].ids);
        free(w->named[i].name);
    }
    free(w->named);
    hs_tensors_free(&w->vectors);
    free(w->document);
    free(w->ids);
    hs_model_free(w->model);
}

hs_status hs_cmd_run(int argc, char **argv, hs_detail *detail)
{
    hs_flag flags[N_FLAGS] = {
        [IDS] = {.name = "--ids", .most = 1},         [EDITS] = {.name = "--edits", .most = 1},
        [RUN] = {.name = "--run", .most = argc},      [VECTORS] = {.name = "--vectors", .most = 1},
        [CAPTURE] = {.name = "--capture", .most = argc}, [OUT] = {.name = "--out", .most = 1}};
    const char *path;
    work w = {.flags = flags, .detail = detail};
    hs_status status = hs_args_read(argc, argv, &path, 1, flags, N_FLAGS, detail);
    if (status == HS_OK)
        status = run(&w, path);
    free_work(&w);
    hs_args_free(flags, N_FLAGS);
    return status;
}
