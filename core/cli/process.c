/* process.c: hs process: a model's weights transformed, as a model folder. */
#include "cli.h"
#include "hs_process.h"
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FOLD_LN, CENTER_WRITING_WEIGHTS, CENTER_UNEMBED, FOLD_VALUE_BIASES, N_KINDS, OUT = N_KINDS, N_FLAGS };

static const char *const NAMES[N_KINDS] = {"fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases"};

static hs_status join(const char *folder, const char *name, hs_detail *detail, char **out)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    *out = malloc(size);
    if (!*out)
        return hs_fail(detail, HS_EMEMORY, "no memory for a file name");
    snprintf(*out, size, "%s/%s", folder, name);
    return HS_OK;
}

/* MODEL's folder: itself, or where the .safetensors file stands. */
static char *folder_of(const char *path)
{
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    if (n < 12 || strcmp(path + n - 12, ".safetensors"))
        return strdup(path);
    return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

/* Where the value of normalization_type stands in the text; both 0 when it is absent. */
static hs_status find_norm(hs_bytes config, hs_detail *detail, size_t *begin, size_t *end)
{
    hs_json *json;
    HS_TRY(hs_json_parse(config, detail, &json));
    hs_json_at at = hs_json_get(json, hs_json_root(json), "normalization_type");
    *begin = *end = 0;
    bool is_string = hs_json_type_of(json, at) == HS_JSON_STRING;
    if (at >= 0) {
        const char *text = config.data;
        *begin = hs_json_offset(json, at) - is_string; /* with its quotes */
        *end = is_string ? *begin + 1 : hs_json_end(json, at);
        for (; is_string && text[*end] != '"'; (*end)++)
            *end += text[*end] == '\\';
        *end += is_string;
    }
    hs_json_free(json);
    return HS_OK;
}

/* The old config.json; after fold_ln its normalization_type is LNPre. */
static hs_status write_config(hs_bytes config, bool folded, const char *path, hs_detail *detail)
{
    if (!folded)
        return hs_file_write(path, config.data, config.size, detail);
    const char *text = config.data, *brace = memchr(text, '{', config.size);
    size_t begin, end;
    HS_TRY(find_norm(config, detail, &begin, &end));
    static const char VALUE[] = "\"LNPre\"", MEMBER[] = "\"normalization_type\": \"LNPre\", ";
    const char *insert = end ? VALUE : MEMBER;
    if (!end)
        begin = end = (size_t)(brace - text) + 1;
    size_t n = strlen(insert), size = config.size - (end - begin) + n;
    char *made = malloc(size);
    if (!made)
        return hs_fail(detail, HS_EMEMORY, "no memory for config.json");
    memcpy(made, text, begin);
    memcpy(made + begin, insert, n);
    memcpy(made + begin + n, text + end, config.size - end);
    hs_status status = hs_file_write(path, made, size, detail);
    free(made);
    return status;
}

static hs_status write_weights(const hs_model *model, const char *done, const char *path, hs_detail *detail)
{
    int n = hs_model_n_params(model);
    hs_tensor *tensors = calloc((size_t)n, sizeof *tensors);
    if (!tensors)
        return hs_fail(detail, HS_EMEMORY, "no memory for %d parameters", n);
    for (int i = 0; i < n; i++)
        tensors[i] = hs_model_param(model, i);
    char metadata[160];
    snprintf(metadata, sizeof metadata, "{\"processing\":\"%s\"}", done);
    hs_status status = hs_tensors_write(path, tensors, n, HS_F32, metadata, detail);
    free(tensors);
    return status;
}

/* `name` of the old folder into the new one, if it is there; as `config` is changed by folding, or as it is. */
static hs_status carry_over(const char *from, const char *to, const char *name, bool is_config, bool folded, hs_detail *detail)
{
    char *source = NULL, *target = NULL;
    void *data = NULL;
    size_t size = 0;
    struct stat info;
    hs_status status = join(from, name, detail, &source);
    if (status == HS_OK)
        status = join(to, name, detail, &target);
    if (status == HS_OK && (is_config || stat(source, &info) == 0)) {
        status = hs_file_read(source, detail, &data, &size);
        if (status == HS_OK)
            status = write_config((hs_bytes){data, size, source}, is_config && folded, target, detail);
    }
    free(data);
    free(source);
    free(target);
    return status;
}

static hs_status write_folder(const hs_model *model, const char *path, const char *out, const hs_process *p, const char *done,
                              hs_detail *detail)
{
    char *from = folder_of(path), *weights = NULL;
    if (!from)
        return hs_fail(detail, HS_EMEMORY, "no memory for a file name");
    struct stat old, made;
    hs_status status = HS_OK;
    if ((mkdir(out, 0777) && errno != EEXIST) || stat(out, &made))
        status = hs_fail(detail, HS_EIO, "%s: cannot be made: %s", out, strerror(errno));
    else if (stat(from, &old) == 0 && old.st_dev == made.st_dev && old.st_ino == made.st_ino)
        status = hs_fail(detail, HS_EUSAGE, "--out: %s is the model's own folder", out);
    if (status == HS_OK)
        status = join(out, "model.safetensors", detail, &weights);
    if (status == HS_OK)
        status = carry_over(from, out, "config.json", true, p->fold_ln, detail);
    if (status == HS_OK)
        status = carry_over(from, out, "tokenizer.json", false, false, detail);
    if (status == HS_OK)
        status = write_weights(model, done, weights, detail);
    free(from);
    free(weights);
    return status;
}

static hs_status process(const char *path, const hs_flag *flags, hs_detail *detail)
{
    hs_process p = {flags[FOLD_LN].n > 0, flags[CENTER_WRITING_WEIGHTS].n > 0, flags[CENTER_UNEMBED].n > 0,
                    flags[FOLD_VALUE_BIASES].n > 0};
    char done[80] = "";
    for (int i = 0; i < N_KINDS; i++)
        if (flags[i].n)
            strcat(strcat(done, *done ? " " : ""), NAMES[i]);
    if (!*done)
        return hs_fail(detail, HS_EUSAGE, "nothing to do: give --fold-ln, --center-writing-weights, --center-unembed or --fold-value-biases");
    if (!flags[OUT].n)
        return hs_fail(detail, HS_EUSAGE, "--out is missing: the folder for the new model");
    hs_model *model;
    HS_TRY(hs_model_open(path, detail, &model));
    hs_status status = hs_model_process(model, &p, detail);
    if (status == HS_OK)
        status = write_folder(model, path, flags[OUT].values[0], &p, done, detail);
    hs_model_free(model);
    if (status == HS_OK)
        printf("{\"v\":1,\"processing\":\"%s\"}\n", done);
    return status;
}

hs_status hs_cmd_process(int argc, char **argv, hs_detail *detail)
{
    const char *path;
    hs_flag flags[N_FLAGS] = {{.name = "--fold-ln"},
                              {.name = "--center-writing-weights"},
                              {.name = "--center-unembed"},
                              {.name = "--fold-value-biases"},
                              {.name = "--out", .most = 1}};
    hs_status status = hs_args_read(argc, argv, &path, 1, flags, N_FLAGS, detail);
    if (status == HS_OK)
        status = process(path, flags, detail);
    hs_args_free(flags, N_FLAGS);
    return status;
}
