/* read.c: hs lens, hs attribution, ...: the readings of reads.def, each from a reading document. */
#include "cli.h"
#include "hs_read.h"
#include "prompt.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *what;
} READINGS[] = {
#define READ(name, what) {#name, what},
#include "reads.def"
#undef READ
};

enum { N_READINGS = sizeof READINGS / sizeof READINGS[0] };

bool hs_cmd_is_reading(const char *name)
{
    for (int i = 0; i < N_READINGS; i++)
        if (!strcmp(READINGS[i].name, name))
            return true;
    return false;
}

void hs_cmd_print_readings(void)
{
    for (int i = 0; i < N_READINGS; i++)
        printf("hs %-12s MODEL SPEC.json [...]    %s\n", READINGS[i].name, READINGS[i].what);
}

typedef struct work {
    const char *name;
    hs_bytes document;
    hs_detail *detail;
    hs_model *model;
    hs_json *json;
    hs_tensor_file vectors;
    hs_prompt prompts[2]; /* the run's, minus' */
    hs_run *runs[2];
    hs_reading *reading;
} work;

static hs_status write_arrays(const work *w, const char *path)
{
    int n = hs_read_count(w->reading);
    hs_tensor *tensors = calloc((size_t)n + 1, sizeof *tensors);
    if (!tensors)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for %d arrays", n);
    for (int i = 0; i < n; i++)
        tensors[i] = hs_read_array(w->reading, i).tensor;
    hs_status status = hs_tensors_write(path, tensors, n, HS_F32, NULL, w->detail);
    free(tensors);
    return status;
}

/* The prompt of one side, if the document has one. */
static hs_status run_side(work *w, int side, hs_json_at object)
{
    static const char *const FIELDS[] = {"ids", "edits", "runs", NULL};
    if (object < 0 || (side == 0 && hs_json_get(w->json, object, "ids") < 0))
        return HS_OK;
    if (hs_json_type_of(w->json, object) != HS_JSON_OBJECT)
        return hs_fail(w->detail, HS_ESPEC, "minus: an object is needed here");
    const char *unknown = side ? hs_json_unknown_key(w->json, object, FIELDS) : NULL;
    if (unknown)
        return hs_fail(w->detail, HS_ESPEC, "minus.%s: there is no such field; there are ids, edits and runs", unknown);
    HS_TRY(hs_prompt_read(w->model, w->json, object, w->document, side ? "minus." : "", w->vectors.tensors, w->vectors.n, w->detail,
                          &w->prompts[side]));
    const char *globs[HS_READ_MAX_HOOKS];
    int n = hs_read_hooks(w->model, globs);
    return hs_prompt_run(&w->prompts[side], globs, n, w->detail, &w->runs[side]);
}

static hs_status check_name(const work *w)
{
    hs_json_at root = hs_json_root(w->json);
    if (hs_json_type_of(w->json, root) != HS_JSON_OBJECT)
        return hs_fail(w->detail, HS_ESPEC, "a reading document is an object, not %s", hs_json_type_name(w->json, root));
    const char *read = hs_json_string(w->json, hs_json_get(w->json, root, "read"));
    if (read && strcmp(read, w->name))
        return hs_fail(w->detail, HS_ESPEC, "read: the document asks for \"%s\" and the command is hs %s", read, w->name);
    return HS_OK;
}

static hs_status carry_out(work *w, const char *out)
{
    HS_TRY(hs_json_parse(w->document, w->detail, &w->json));
    HS_TRY(check_name(w));
    hs_json_at root = hs_json_root(w->json);
    HS_TRY(run_side(w, 0, root));
    HS_TRY(run_side(w, 1, hs_json_get(w->json, root, "minus")));
    if (w->runs[1] && !w->runs[0])
        return hs_fail(w->detail, HS_ESPEC, "minus: there is no run to take it away from; \"ids\" is missing");
    HS_TRY(hs_read_new(w->model, w->runs[0], w->runs[1], w->document, w->detail, &w->reading));
    HS_TRY(hs_read_begin(w->reading, w->detail));
    while (hs_read_step(w->reading))
        ;
    const char *text = hs_read_text(w->reading);
    if (!text)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for the text of the reading");
    if (out)
        HS_TRY(write_arrays(w, out));
    puts(text);
    return HS_OK;
}

static hs_status read_document(work *w, const char *const *paths, const hs_flag *vectors, const hs_flag *out)
{
    HS_TRY(hs_model_open(paths[0], w->detail, &w->model));
    void *text = NULL;
    size_t size = 0;
    HS_TRY(hs_file_read(paths[1], w->detail, &text, &size));
    w->document = (hs_bytes){text, size, paths[1]};
    hs_status status = vectors->n ? hs_tensors_read(vectors->values[0], w->detail, &w->vectors) : HS_OK;
    if (status == HS_OK)
        status = carry_out(w, out->n ? out->values[0] : NULL);
    hs_read_free(w->reading);
    for (int side = 0; side < 2; side++) {
        hs_run_free(w->runs[side]);
        hs_prompt_free(&w->prompts[side]);
    }
    hs_json_free(w->json);
    hs_tensors_free(&w->vectors);
    free(text);
    return status;
}

hs_status hs_cmd_read(const char *name, int argc, char **argv, hs_detail *detail)
{
    const char *paths[2];
    hs_flag flags[] = {{.name = "--vectors", .most = 1}, {.name = "--out", .most = 1}};
    work w = {.name = name, .detail = detail};
    hs_status status = hs_args_read(argc, argv, paths, 2, flags, 2, detail);
    if (status == HS_OK)
        status = read_document(&w, paths, &flags[0], &flags[1]);
    hs_model_free(w.model);
    hs_args_free(flags, 2);
    return status;
}
