/* test_program.c: what `hs` does with a good model. */
#include "folder.h"
#include "json.h"

/* A command that must succeed, silently on stderr; its stdout. */
static const char *run_good(const char *const *words)
{
    static outcome o;
    o = run_hs(words);
    if (!CHECK(o.code == 0 && o.err[0] == 0))
        printf("    exit %d, stderr: %s", o.code, o.err);
    return o.out;
}

static bool exists(const char *name)
{
    char path[1400];
    struct stat info;
    path_of(path, sizeof path, name);
    return stat(path, &info) == 0;
}

/* A file of the folder, opened; free *bytes after closing it. */
static hs_safetensors *open_written(const char *name, unsigned char **bytes)
{
    char path[1400];
    hs_detail detail = {""};
    hs_safetensors *opened = NULL;
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "rb");
    *bytes = malloc(1 << 20);
    size_t size = file ? fread(*bytes, 1, 1 << 20, file) : 0;
    if (file)
        fclose(file);
    CHECK_STATUS(hs_safetensors_open((hs_bytes){*bytes, size, name}, &detail, &opened), HS_OK, detail);
    return opened;
}

/* hs's stdout for the ids 1, 2, 3 against a run of the same model in this process. */
static void check_printed(const char *text)
{
    hs_detail detail = {""};
    hs_json *json = NULL;
    hs_model *model = NULL;
    hs_run *run = NULL;
    hs_bytes weights = {good_weights, good_size, NULL};
    hs_run_spec spec = {.ids = (const int32_t[]){1, 2, 3}, .n_tokens = 3};
    if (!CHECK_STATUS(hs_json_parse((hs_bytes){text, strlen(text), "stdout"}, &detail, &json), HS_OK, detail))
        return;
    CHECK_STATUS(hs_model_load((hs_bytes){CONFIG, sizeof CONFIG - 1, NULL}, &weights, 1, &detail, &model), HS_OK, detail);
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail);
    hs_run_forward(run);
    hs_json_at top = hs_json_get(json, 0, "top"), row = hs_json_first(json, top);
    CHECK(hs_json_length(json, top) == 3);
    for (int t = 0; t < 3; t++, row = hs_json_next(json, row)) {
        hs_json_at ids = hs_json_get(json, row, "ids"), logits = hs_json_get(json, row, "logits");
        CHECK(hs_json_length(json, ids) == 7 && hs_json_length(json, hs_json_get(json, row, "probs")) == 7);
        hs_json_at id_at = hs_json_first(json, ids), at = hs_json_first(json, logits);
        for (int i = 0; i < 7; i++, id_at = hs_json_next(json, id_at), at = hs_json_next(json, at)) {
            int64_t id = 0;
            double logit = 0;
            CHECK(hs_json_int(json, id_at, &id) && hs_json_number(json, at, &logit) && id >= 0 && id < 7 &&
                  (hs_real)logit == hs_run_logits(run)[t * 7 + id]);
        }
    }
    hs_run_free(run);
    hs_model_free(model);
    hs_json_free(json);
}

static void test_run(void)
{
    TEST("run: the printed numbers read back as the very numbers of the run");
    write_good();
    check_printed(run_good(WORDS("run", ".", "--ids", "1,2,3")));
    CHECK(sweep_folder() == 0);

    TEST("run: an output file that was there stays as it was when the run is refused");
    write_good();
    write_text("vectors.safetensors", "keep me");
    outcome o = run_hs(WORDS("run", ".", "--ids", "9", "--capture", "*", "--out", "vectors.safetensors"));
    CHECK(o.code == HS_ETOKENS);
    char path[1400], text[16] = "";
    path_of(path, sizeof path, "vectors.safetensors");
    FILE *file = fopen(path, "rb");
    CHECK(file && fread(text, 1, sizeof text - 1, file) == 7 && !strcmp(text, "keep me"));
    if (file)
        fclose(file);
    CHECK(sweep_folder() == 0);
}

static void test_captures(void)
{
    TEST("run: --out holds the captured hooks, as they are in a run here, and replaces what was there");
    write_good();
    write_text("out.safetensors", "an older file");
    run_good(WORDS("run", ".", "--ids", "1,2,3", "--capture", "*.hook_pattern", "--capture", "hook_embed", "--out", "out.safetensors"));
    unsigned char *bytes;
    hs_safetensors *written = open_written("out.safetensors", &bytes);
    hs_detail detail = {""};
    hs_model *model = NULL;
    hs_run *run = NULL;
    hs_bytes weights = {good_weights, good_size, NULL};
    static const char *const GLOBS[] = {"*.hook_pattern", "hook_embed"};
    hs_run_spec spec = {.ids = (const int32_t[]){1, 2, 3}, .n_tokens = 3, .capture = GLOBS, .n_capture = 2};
    CHECK_STATUS(hs_model_load((hs_bytes){CONFIG, sizeof CONFIG - 1, NULL}, &weights, 1, &detail, &model), HS_OK, detail);
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail);
    hs_run_forward(run);
    CHECK(written && hs_safetensors_count(written) == hs_run_n_captured(run));
    for (int i = 0; written && i < hs_run_n_captured(run); i++) {
        hs_tensor tensor = hs_run_captured(run, i);
        const hs_st_entry *entry = hs_safetensors_entry(written, i);
        hs_real read[64];
        CHECK(!strcmp(entry->name, tensor.name) && entry->dtype == HS_F32 && entry->n_axes == tensor.n_axes);
        CHECK(!memcmp(entry->shape, tensor.shape, (size_t)tensor.n_axes * sizeof *tensor.shape) && tensor.count <= 64);
        CHECK(hs_safetensors_read(written, i, &detail, read) == HS_OK);
        CHECK(!memcmp(read, tensor.data, (size_t)tensor.count * sizeof *read));
    }
    hs_run_free(run);
    hs_model_free(model);
    hs_safetensors_close(written);
    free(bytes);
    CHECK(sweep_folder() == 1); /* nothing beside it */
}

static void test_edits(void)
{
    char plain[8192];
    TEST("run: a patch from a run of the same ids changes nothing, to the last digit");
    write_good();
    strcpy(plain, run_good(WORDS("run", ".", "--ids", "1,2,3")));
    write_text("edits.json", "{\"v\":1,\"edits\":[{\"hook\":\"*.hook_z\",\"op\":\"patch\",\"value\":{\"run\":\"B\"}}]}");
    CHECK(!strcmp(plain, run_good(WORDS("run", ".", "--ids", "1,2,3", "--edits", "edits.json", "--run", "B=1,2,3"))));
    TEST("run: a patch from a run of other ids does");
    CHECK(strcmp(plain, run_good(WORDS("run", ".", "--ids", "1,2,3", "--edits", "edits.json", "--run", "B=4,5,6", "--run", "C=1"))));
    TEST("run: a vector is added with its scale");
    hs_real direction[6] = {1, 0, -1, 2, 0, 0};
    hs_tensor vector = {.name = "v", .data = direction, .n_axes = 1, .shape = {6}, .count = 6};
    hs_detail detail = {""};
    size_t size = 0;
    CHECK_STATUS(hs_safetensors_size(&vector, 1, HS_F32, NULL, &detail, &size), HS_OK, detail);
    char *bytes = malloc(size);
    hs_safetensors_write(&vector, 1, HS_F32, NULL, bytes);
    write_bytes("vectors.safetensors", bytes, size);
    free(bytes);
    for (int scale = 0; scale < 2; scale++) {
        write_text("edits.json", scale ? "[{\"hook\":\"hook_embed\",\"op\":\"add\",\"value\":{\"vector\":\"v\"}}]"
                                       : "[{\"hook\":\"hook_embed\",\"op\":\"add\",\"scale\":0,\"value\":{\"vector\":\"v\"}}]");
        bool same = !strcmp(plain, run_good(WORDS("run", ".", "--ids", "1,2,3", "--edits", "edits.json", "--vectors", "vectors.safetensors")));
        CHECK(same == (scale == 0));
    }
    CHECK(sweep_folder() == 0);
}

/* The good model again: the second half of its tensors in one file, the first in another. */
static void write_shards(void)
{
    hs_tensor tensors[64];
    int n = hs_model_n_params(good_model);
    char index[4096] = "{\"metadata\":{},\"weight_map\":{", *at = index + strlen(index);
    for (int i = 0; i < n; i++) {
        tensors[i] = hs_model_param(good_model, i);
        at += sprintf(at, "%s\"%s\":\"%c.safetensors\"", i ? "," : "", tensors[i].name, i < n / 2 ? 'b' : 'a');
    }
    strcpy(at, "}}");
    write_text("model.safetensors.index.json", index);
    for (int shard = 0; shard < 2; shard++) {
        int from = shard ? 0 : n / 2, count = shard ? n / 2 : n - n / 2;
        hs_detail detail = {""};
        size_t size = 0;
        CHECK_STATUS(hs_safetensors_size(tensors + from, count, HS_F32, NULL, &detail, &size), HS_OK, detail);
        char *bytes = malloc(size);
        hs_safetensors_write(tensors + from, count, HS_F32, NULL, bytes);
        write_bytes(shard ? "b.safetensors" : "a.safetensors", bytes, size);
        free(bytes);
    }
}

static void test_folders(void)
{
    char info[8192], path[1400];
    TEST("info: a model by its folder, by a path with a slash, by its file");
    write_good();
    strcpy(info, run_good(WORDS("info", ".")));
    CHECK_SAYS(info, "\"n_layers\": 1, \"d_model\": 6, \"n_ctx\": 5, \"n_heads\": 2, \"d_head\": 3");
    CHECK_SAYS(info, "\"blocks.0.attn.W_Q\", \"shape\": [2,6,3]");
    CHECK(!strcmp(info, run_good(WORDS("info", "./"))));
    CHECK(!strcmp(info, run_good(WORDS("info", "model.safetensors"))));
    CHECK(!strcmp(info, run_good(WORDS("info", folder[0] == '/' ? folder : "."))));
    TEST("info: a model in shards is the same model");
    write_shards();
    path_of(path, sizeof path, "model.safetensors");
    remove(path);
    CHECK(!strcmp(info, run_good(WORDS("info", "."))));
    CHECK(sweep_folder() == 0);
}

static void test_lists(void)
{
    hs_detail detail = {""};
    hs_json *json = NULL;
    TEST("hooks: every hook with its shape and bytes");
    write_good();
    const char *text = run_good(WORDS("hooks", ".", "--tokens", "3"));
    if (CHECK_STATUS(hs_json_parse((hs_bytes){text, strlen(text), "stdout"}, &detail, &json), HS_OK, detail)) {
        hs_json_at hooks = hs_json_get(json, 0, "hooks"), at = hs_json_first(json, hooks);
        CHECK(hs_json_length(json, hooks) == hs_hook_count(good_model));
        for (int i = 0; at >= 0; i++, at = hs_json_next(json, at)) {
            hs_hook_info hook;
            int64_t bytes = 0;
            hs_hook_describe(good_model, i, 3, &hook);
            CHECK(!strcmp(hs_json_string(json, hs_json_get(json, at, "name")), hook.name));
            CHECK(hs_json_length(json, hs_json_get(json, at, "shape")) == hook.n_axes);
            CHECK(hs_json_int(json, hs_json_get(json, at, "bytes"), &bytes) && bytes == hook.count * 4);
        }
        hs_json_free(json);
    }
    TEST("readings: the text, and its arrays in the file");
    write_text("spec.json", "{\"read\":\"detect\",\"ids\":[1,2,3,2,3]}");
    text = run_good(WORDS("detect", ".", "spec.json", "--out", "out.safetensors"));
    if (CHECK_STATUS(hs_json_parse((hs_bytes){text, strlen(text), "stdout"}, &detail, &json), HS_OK, detail)) {
        hs_json_at arrays = hs_json_get(json, 0, "arrays");
        double duplicates = 0;
        CHECK(hs_json_length(json, arrays) == 3);
        CHECK(!strcmp(hs_json_string(json, hs_json_get(json, hs_json_first(json, arrays), "name")), "previous"));
        CHECK(hs_json_number(json, hs_json_get(json, hs_json_get(json, 0, "values"), "duplicates"), &duplicates) && duplicates == 2);
        hs_json_free(json);
    }
    unsigned char *bytes;
    hs_safetensors *written = open_written("out.safetensors", &bytes);
    if (written) {
        float scores[2];
        CHECK(hs_safetensors_count(written) == 3);
        CHECK_STATUS(hs_safetensors_read(written, 0, &detail, scores), HS_OK, detail);
        CHECK(scores[0] > 0 && scores[0] < 1);
    }
    hs_safetensors_close(written);
    free(bytes);
    TEST("grad: the metric, and the gradients of hooks and weights under their names");
    write_text("spec.json", "{\"v\":1,\"ids\":[1,2,3],\"metric\":{\"kind\":\"log_prob\",\"correct\":4},\"hooks\":[\"hook_embed\"],\"weights\":true}");
    CHECK_SAYS(run_good(WORDS("grad", ".", "spec.json", "--out", "out.safetensors")), "{\"v\":1,\"metric\":-");
    written = open_written("out.safetensors", &bytes);
    if (written) {
        CHECK(hs_safetensors_count(written) == 1 + hs_model_n_params(good_model));
        CHECK(!strcmp(hs_safetensors_entry(written, 0)->name, "hook_embed"));
        CHECK(!strcmp(hs_safetensors_entry(written, 1)->name, hs_model_param(good_model, 0).name));
    }
    hs_safetensors_close(written);
    free(bytes);
    TEST("help is no error");
    CHECK_SAYS(run_good(WORDS("help")), "hs run");
    CHECK(exists("out.safetensors") && sweep_folder() == 1);
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    test_run();
    test_captures();
    test_edits();
    test_folders();
    test_lists();
    return end();
}
