/* folder.c: a model's files. Names inside the shard index are names to match in the folder, never
 * paths. */
#include "cli.h"
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SHARDS = 1000 };

typedef struct folder {
    char *path; /* without a slash at its end */
    hs_bytes config;
    hs_bytes *weights; /* [n_weights] */
    int n_weights;
    hs_detail *detail;
} folder;

static hs_status fail_memory(const folder *f)
{
    return hs_fail(f->detail, HS_EMEMORY, "%s: no memory for a file name", f->path);
}

/* "folder/name"; NULL without memory. */
static char *join(const char *path, const char *name)
{
    size_t a = strlen(path), b = strlen(name);
    char *joined = malloc(a + b + 2);
    if (!joined)
        return NULL;
    memcpy(joined, path, a);
    joined[a] = '/';
    memcpy(joined + a + 1, name, b + 1);
    return joined;
}

static bool has_tail(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n > m && !strcmp(text + n - m, tail);
}

/* out->name is the path, for error lines. */
static hs_status read_file(const folder *f, const char *name, hs_bytes *out)
{
    char *path = join(f->path, name);
    void *data = NULL;
    hs_bytes bytes = {.name = path};
    if (!path)
        return fail_memory(f);
    hs_status status = hs_file_read(path, f->detail, &data, &bytes.size);
    if (status != HS_OK) {
        free(path);
        return status;
    }
    bytes.data = data;
    *out = bytes;
    return HS_OK;
}

static void free_bytes(hs_bytes bytes)
{
    free((void *)bytes.data);
    free((void *)bytes.name);
}

/* ---- shards ---- */

static bool is_shard_name(const char *name)
{
    if (name[0] == '.' || strlen(name) > 255 || !has_tail(name, ".safetensors"))
        return false;
    for (; *name; name++)
        if (*name == '/' || *name == '\\' || *name == ':' || (unsigned char)*name < 0x20)
            return false;
    return true;
}

static bool is_read(const folder *f, const char *name)
{
    for (int i = 0; i < f->n_weights; i++)
        if (!strcmp(strrchr(f->weights[i].name, '/') + 1, name))
            return true;
    return false;
}

static hs_status read_shard(folder *f, const char *index_name, const char *tensor, const char *name)
{
    if (!name || !is_shard_name(name))
        return hs_fail(f->detail, HS_ESHARD, "%s: weight_map.%s must be the name of a .safetensors file in the same folder",
                       index_name, tensor);
    if (is_read(f, name))
        return HS_OK;
    if (f->n_weights == MAX_SHARDS)
        return hs_fail(f->detail, HS_ESHARD, "%s: weight_map names more than %d files", index_name, MAX_SHARDS);
    char *path = join(f->path, name);
    if (!path)
        return fail_memory(f);
    bool missing = access(path, F_OK) != 0;
    free(path);
    if (missing)
        return hs_fail(f->detail, HS_ESHARD, "%s: weight_map.%s names %s, which is not there", index_name, tensor, name);
    HS_TRY(read_file(f, name, &f->weights[f->n_weights]));
    f->n_weights++;
    return HS_OK;
}

static hs_status read_map(folder *f, const char *index_name, const hs_json *json)
{
    hs_json_at map = hs_json_get(json, hs_json_root(json), "weight_map");
    if (map < 0 || hs_json_type_of(json, map) != HS_JSON_OBJECT)
        return hs_fail(f->detail, HS_EFIELD, "%s: weight_map must be an object", index_name);
    for (hs_json_at at = hs_json_first(json, map); at >= 0; at = hs_json_next(json, at))
        HS_TRY(read_shard(f, index_name, hs_json_key(json, at), hs_json_string(json, at)));
    return HS_OK;
}

static hs_status read_shards(folder *f)
{
    hs_bytes index;
    hs_json *json;
    HS_TRY(read_file(f, "model.safetensors.index.json", &index));
    hs_status status = hs_json_parse(index, f->detail, &json);
    if (status == HS_OK) {
        status = read_map(f, index.name, json);
        hs_json_free(json);
    }
    free_bytes(index);
    return status;
}

/* ---- the folder ---- */

static hs_status read_weights(folder *f, const char *file)
{
    f->weights = calloc(MAX_SHARDS, sizeof *f->weights);
    if (!f->weights)
        return fail_memory(f);
    char *whole = join(f->path, "model.safetensors"), *index = join(f->path, "model.safetensors.index.json");
    bool sharded = whole && index && !file && access(whole, F_OK) != 0 && access(index, F_OK) == 0;
    free(whole);
    free(index);
    if (sharded)
        return read_shards(f);
    HS_TRY(read_file(f, file ? file : "model.safetensors", &f->weights[0]));
    f->n_weights = 1;
    return HS_OK;
}

static hs_status open_folder(folder *f, const char *path, hs_model **out)
{
    f->path = strdup(path[0] ? path : ".");
    if (!f->path)
        return hs_fail(f->detail, HS_EMEMORY, "%s: no memory for a file name", path);
    const char *file = NULL;
    if (has_tail(path, ".safetensors")) {
        char *slash = strrchr(f->path, '/');
        file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        if (slash)
            *slash = 0;
        else
            memcpy(f->path, ".", 2);
    }
    HS_TRY(read_file(f, "config.json", &f->config));
    HS_TRY(read_weights(f, file));
    return hs_model_load(f->config, f->weights, f->n_weights, f->detail, out);
}

hs_status hs_model_open(const char *path, hs_detail *detail, hs_model **out)
{
    folder f = {.detail = detail};
    hs_machine machine = {0};
    HS_TRY(hs_pool_of_program(detail, &machine.pool));
    hs_status status = open_folder(&f, path, out);
    if (status == HS_OK)
        hs_model_use(*out, &machine);
    free_bytes(f.config);
    for (int i = 0; f.weights && i < f.n_weights; i++)
        free_bytes(f.weights[i]);
    free(f.weights);
    free(f.path);
    return status;
}
