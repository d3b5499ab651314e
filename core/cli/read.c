/* read.c: hs lens, hs attribution, ...: the readings of reads.def, each from a reading document. */
#include "cli.h"
#include "hs_read.h"
#include "prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *what;
    bool is_study;
} READINGS[] = {
#define READ(name, what) {#name, what, false},
#define STUDY(name, what) {#name, what, true},
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
    char *named; /* the document with its "read", where it had none */
    bool plan;
    const char *out;
} work;

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

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
    HS_TRY(hs_prompt_do_runs(&w->prompts[side], w->detail));
    const char *globs[HS_READ_MAX_HOOKS];
    int n = hs_read_hooks(w->model, globs);
    return hs_prompt_run(&w->prompts[side], globs, n, w->detail, &w->runs[side]);
}

/* The text of a study that does not say which, with its name put in: the command says it. */
static hs_status name_study(work *w)
{
    hs_json_at root = hs_json_root(w->json);
    bool is_study = false;
    for (int i = 0; i < N_READINGS; i++)
        is_study = is_study || (READINGS[i].is_study && !strcmp(READINGS[i].name, w->name));
    if (!is_study || hs_json_type_of(w->json, root) != HS_JSON_OBJECT || !hs_json_length(w->json, root) || hs_json_get(w->json, root, "read") >= 0)
        return HS_OK;
    size_t begin = hs_json_offset(w->json, root) + 1, size = w->document.size + strlen(w->name) + 16, used;
    char *text = w->named = malloc(size);
    if (!text)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for the document");
    hs_format(text, size, "{\"read\":\"%s\",", w->name);
    used = strlen(text);
    memcpy(text + used, (const char *)w->document.data + begin, w->document.size - begin);
    w->document = (hs_bytes){text, used + w->document.size - begin, w->document.name};
    hs_json_free(w->json);
    w->json = NULL;
    return hs_json_parse(w->document, w->detail, &w->json);
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

/* A table of numbers as one document: {"v":1,"shape":[...],"axes":[...],"values":[...],"clean":...,"reading":{...}}. */
static hs_status print_table(const work *w, const char *text, FILE *to)
{
    hs_read_table table = hs_read_array(w->reading, 0);
    hs_json *json;
    HS_TRY(hs_json_parse((hs_bytes){text, strlen(text), NULL}, w->detail, &json));
    fputs("{\"v\":1,\"shape\":", to);
    hs_print_shape(to, table.tensor.shape, table.tensor.n_axes);
    for (int i = 0; i < table.tensor.n_axes; i++) {
        fputs(i ? "," : ",\"axes\":[", to);
        hs_print_string(to, table.axes[i]);
    }
    fputs("],\"values\":[", to);
    for (int64_t i = 0; i < table.tensor.count; i++) {
        fputs(i ? "," : "", to);
        hs_print_real(to, table.tensor.data[i]);
    }
    fputs("]", to);
    hs_json_at values = hs_json_get(json, hs_json_root(json), "values");
    for (hs_json_at at = hs_json_first(json, values); at >= 0; at = hs_json_next(json, at)) {
        double number = (double)NAN;
        hs_json_number(json, at, &number);
        fputs(",", to);
        hs_print_string(to, hs_json_key(json, at));
        fputs(":", to);
        hs_print_double(to, number);
    }
    fprintf(to, ",\"reading\":%s}\n", text);
    hs_json_free(json);
    return HS_OK;
}

/* Sweeps and ablations are one table: a document of their own, unless their arrays are wanted as a file. */
static hs_status write_table(const work *w, const char *text)
{
    char *data = NULL;
    size_t size = 0;
    if (!w->out)
        return print_table(w, text, stdout);
    FILE *to = open_memstream(&data, &size);
    if (!to)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for %s", w->out);
    hs_status status = print_table(w, text, to);
    fclose(to);
    if (status == HS_OK)
        status = hs_file_write(w->out, data, size, w->detail);
    free(data);
    return status;
}

static hs_status carry_out(work *w)
{
    HS_TRY(hs_json_parse(w->document, w->detail, &w->json));
    HS_TRY(name_study(w));
    HS_TRY(check_name(w));
    hs_json_at root = hs_json_root(w->json);
    HS_TRY(run_side(w, 0, root));
    HS_TRY(run_side(w, 1, hs_json_get(w->json, root, "minus")));
    if (w->runs[1] && !w->runs[0])
        return hs_fail(w->detail, HS_ESPEC, "minus: there is no run to take it away from; \"ids\" is missing");
    HS_TRY(hs_read_new(w->model, w->runs[0], w->runs[1], w->document, w->detail, &w->reading));
    if (w->plan) {
        printf("{\"v\":1,\"bytes\":%zu}\n", hs_read_bytes(w->reading));
        return HS_OK;
    }
    HS_TRY(hs_read_begin(w->reading, w->detail));
    while (hs_read_step(w->reading))
        ;
    const char *text = hs_read_text(w->reading);
    if (!text)
        return hs_fail(w->detail, HS_EMEMORY, "no memory for the text of the reading");
    bool is_table = !strcmp(w->name, "sweep") || !strcmp(w->name, "ablate");
    if (is_table && !(w->out && ends_in(w->out, ".safetensors")))
        return write_table(w, text);
    if (w->out)
        HS_TRY(write_arrays(w, w->out));
    puts(text);
    return HS_OK;
}

static hs_status read_document(work *w, const char *const *paths, const hs_flag *vectors)
{
    HS_TRY(hs_model_open(paths[0], w->detail, &w->model));
    void *text = NULL;
    size_t size = 0;
    HS_TRY(hs_file_read(paths[1], w->detail, &text, &size));
    w->document = (hs_bytes){text, size, paths[1]};
    hs_status status = vectors->n ? hs_tensors_read(vectors->values[0], w->detail, &w->vectors) : HS_OK;
    if (status == HS_OK)
        status = carry_out(w);
    hs_read_free(w->reading);
    for (int side = 0; side < 2; side++) {
        hs_run_free(w->runs[side]);
        hs_prompt_free(&w->prompts[side]);
    }
    hs_json_free(w->json);
    hs_tensors_free(&w->vectors);
    free(w->named);
    free(text);
    return status;
}

hs_status hs_cmd_read(const char *name, int argc, char **argv, hs_detail *detail)
{
    enum { VECTORS, OUT, PLAN, N_FLAGS };
    const char *paths[2];
    hs_flag flags[N_FLAGS] = {{.name = "--vectors", .most = 1}, {.name = "--out", .most = 1}, {.name = "--plan"}};
    work w = {.name = name, .detail = detail};
    hs_status status = hs_args_read(argc, argv, paths, 2, flags, N_FLAGS, detail);
    if (status == HS_OK) {
        w.out = flags[OUT].n ? flags[OUT].values[0] : NULL;
        w.plan = flags[PLAN].n;
        status = read_document(&w, paths, &flags[VECTORS]);
    }
    hs_model_free(w.model);
    hs_args_free(flags, N_FLAGS);
    return status;
}
