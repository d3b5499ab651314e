/* test_hostile.c: broken and hostile model folders, prompts and flags, given to `hs` itself as a user
 * would. Each must end with its own status and a line that names what is wrong; nothing is written, not
 * even in part.
 *
 *     test_hostile HS FOLDER      HS: the program; FOLDER: where the models are made */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *hs_program, *folder; /* the words of the command line */

/* ---- files ---- */

static void path_of(char *out, size_t size, const char *name)
{
    if (snprintf(out, size, "%s/%s", folder, name) >= (int)size)
        abort();
}

static void write_bytes(const char *name, const void *data, size_t size)
{
    char path[1024];
    path_of(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) {
        perror(path);
        exit(2);
    }
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* Remove every file in the folder; those that had no business there are counted. */
static int sweep_folder(void)
{
    static const char *const KNOWN[] = {"config.json", "model.safetensors", "model.safetensors.index.json", "a.safetensors", "b.safetensors",
                                        "edits.json", "vectors.safetensors", "spec.json"};
    int n_strange = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[1024];
        bool known = entry->d_name[0] == '.';
        if (known)
            continue;
        for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
            known = known || !strcmp(entry->d_name, KNOWN[i]);
        n_strange += !known;
        path_of(path, sizeof path, entry->d_name);
        if (remove(path))
            perror(path);
    }
    if (dir)
        closedir(dir);
    return n_strange;
}

/* ---- the good model that every case spoils ---- */

static const char CONFIG[] =
    "{\"model_type\":\"hooked_transformer\",\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"act_fn\":\"relu\"}";

static hs_model *good_model;
static unsigned char *good_weights;
static size_t good_size, header_size;

static void make_good(void)
{
    hs_detail detail = {""};
    hs_config cfg;
    hs_tensor tensors[64];
    if (hs_config_read((hs_bytes){CONFIG, sizeof CONFIG - 1, NULL}, &detail, &cfg) || hs_model_new(&cfg, &detail, &good_model))
        abort();
    int n = hs_model_n_params(good_model);
    for (int i = 0; i < n; i++) {
        tensors[i] = hs_model_param(good_model, i);
        for (int64_t j = 0; j < tensors[i].count; j++)
            ((hs_real *)tensors[i].data)[j] = (hs_real)((j * 7 + i) % 11) / 8 - (hs_real)0.5;
    }
    if (hs_safetensors_size(tensors, n, HS_F32, NULL, &detail, &good_size))
        abort();
    good_weights = malloc(good_size);
    hs_safetensors_write(tensors, n, HS_F32, NULL, good_weights);
    header_size = (size_t)(good_weights[0] | good_weights[1] << 8);
}

/* The good weights with the first `from` in the header replaced by `to`, of the same length. */
static void spoil_header(const char *from, const char *to)
{
    unsigned char *bytes = malloc(good_size);
    memcpy(bytes, good_weights, good_size);
    size_t length = strlen(from), at = 8;
    while (at + length <= 8 + header_size && memcmp(bytes + at, from, length))
        at++;
    if (strlen(to) != length || at + length > 8 + header_size) {
        printf("no %s in the header, or another length\n", from);
        exit(2);
    }
    memcpy(bytes + at, to, length);
    write_bytes("model.safetensors", bytes, good_size);
    free(bytes);
}

static void write_good(void)
{
    sweep_folder();
    write_text("config.json", CONFIG);
    write_bytes("model.safetensors", good_weights, good_size);
}

/* ---- running hs ---- */

typedef struct outcome {
    int code; /* -1: killed by a signal */
    char out[4096], err[4096];
} outcome;

static void read_back(int file, char *text, size_t size)
{
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(file, text + used, size - 1 - used)) > 0)
        used += (size_t)n;
    text[used] = 0;
    close(file);
}

/* The output goes to unnamed files, so that no pipe can fill. */
static int unnamed_file(void)
{
    char path[] = "/tmp/hs-hostile-XXXXXX";
    int file = mkstemp(path);
    if (file < 0)
        abort();
    unlink(path);
    return file;
}

static outcome run_hs(const char *const *words)
{
    const char *argv[32] = {hs_program};
    for (int i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    outcome o = {.code = -1};
    int out = unnamed_file(), err = unnamed_file(), status;
    pid_t child = fork();
    if (child == 0) {
        dup2(out, 1);
        dup2(err, 2);
        if (chdir(folder) == 0)
            execv(hs_program, (char *const *)(void *)argv);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status))
        o.code = WEXITSTATUS(status);
    lseek(out, 0, SEEK_SET);
    lseek(err, 0, SEEK_SET);
    read_back(out, o.out, sizeof o.out);
    read_back(err, o.err, sizeof o.err);
    return o;
}

static void check_outcome(const char *const *words, hs_status status, const char *says)
{
    char begin[64];
    outcome o = run_hs(words);
    snprintf(begin, sizeof begin, "%s: ", hs_status_name(status));
    size_t length = strlen(o.err);
    bool good = CHECK(o.code == (int)status);
    good = CHECK(!strncmp(o.err, begin, strlen(begin))) && good;
    good = CHECK(length > 0 && strchr(o.err, '\n') == o.err + length - 1) && good; /* one line */
    good = CHECK(o.out[0] == 0) && good;
    CHECK_SAYS(o.err, says);
    if (!good)
        printf("    exit %d, stderr: %s", o.code, o.err);
}

/* ---- cases ---- */

/* The folder holds a spoilt model: info and run refuse it alike. */
static void check_folder(hs_status status, const char *says)
{
    check_outcome((const char *const[]){"info", ".", NULL}, status, says);
    check_outcome((const char *const[]){"run", ".", "--ids", "1,2", "--capture", "*", "--out", "out.safetensors", NULL}, status, says);
    CHECK(sweep_folder() == 0);
}

static void test_configs(void)
{
    static const struct {
        const char *id, *text;
        hs_status status;
        const char *says;
    } CONFIGS[] = {
        {"empty", "", HS_EJSON, "config.json: byte 0"},
        {"cut", "{\"n_layers\":1,\"d_mod", HS_EJSON, "config.json: byte 14"},
        {"binary", "\x7f" "ELF\2\1\1", HS_EJSON, "config.json: byte 0"},
        {"not UTF-8", "{\"n_layers\":\"\xff\"}", HS_EUTF8, "config.json: byte 13"},
        {"a list", "[]", HS_EFIELD, "config.json: the configuration must be an object"},
        {"nested 40 deep", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", HS_EDEPTH, "config.json"},
        {"a field twice", "{\"n_layers\":1,\"n_layers\":2}", HS_EDUPKEY, "n_layers"},
        {"no n_ctx", "{\"n_layers\":1,\"d_model\":6,\"d_head\":3,\"d_vocab\":7,\"attn_only\":true}", HS_EFIELD, "n_ctx is missing"},
        {"an unknown field", "{\"n_layers\":1,\"d_modell\":6}", HS_EFIELD, "d_modell"},
        {"a size as a string", "{\"n_layers\":\"1\"}", HS_EFIELD, "n_layers must be a whole number"},
        {"a fraction of a layer", "{\"n_layers\":1.5}", HS_EFIELD, "n_layers must be a whole number"},
        {"10^9 layers", "{\"n_layers\":1000000000}", HS_ECONFIG, "n_layers is 1000000000"},
        {"-2 layers", "{\"n_layers\":-2}", HS_ECONFIG, "n_layers is -2"},
        {"d_model 0", "{\"n_layers\":1,\"d_model\":0}", HS_ECONFIG, "d_model is 0"},
        {"d_model 2^32 + 6", "{\"n_layers\":1,\"d_model\":4294967302}", HS_ECONFIG, "d_model is 4294967302"},
        {"no act_fn", "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"d_vocab\":7}", HS_EFIELD, "act_fn"},
        {"rotary positions", "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"d_vocab\":7,\"attn_only\":true,\"positional_embedding_type\":\"rotary\"}", HS_ECONFIG, "positional_embedding_type"},
        {"RMSNorm", "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"d_vocab\":7,\"attn_only\":true,\"normalization_type\":\"RMS\"}", HS_ECONFIG, "normalization_type"},
        {"eps -1", "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"d_vocab\":7,\"attn_only\":true,\"eps\":-1}", HS_ECONFIG, "eps is -1"},
        {"another family", "{\"model_type\":\"gpt2\",\"n_layer\":1}", HS_EFIELD, "n_layer"},
        {"another family's name", "{\"model_type\":\"llama\"}", HS_ECONFIG, "model_type \"llama\""},
        {"experts", "{\"num_experts\":8}", HS_ECONFIG, "num_experts is 8"},
        {"more layers than the file", "{\"n_layers\":1000,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"act_fn\":\"relu\"}", HS_EMISSING, "blocks.1.ln1.w"},
        {"the largest model there is",
         "{\"n_layers\":1000,\"d_model\":65536,\"n_ctx\":1048576,\"d_head\":65536,\"n_heads\":4096,\"d_vocab\":1048576,\"act_fn\":\"relu\"}", HS_EMISMATCH, "embed.W_E"},
        {"another width than the file", "{\"n_layers\":1,\"d_model\":8,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"act_fn\":\"relu\"}", HS_EMISMATCH,
         "embed.W_E has shape [7,6]; the configuration asks for [7,8]"},
        {"MLPs that the configuration has not", "{\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"attn_only\":true}", HS_EUNEXPECTED, "blocks.0.ln2"},
    };
    for (size_t i = 0; i < sizeof CONFIGS / sizeof *CONFIGS; i++) {
        TEST("config.json: %s -> %s", CONFIGS[i].id, hs_status_name(CONFIGS[i].status));
        write_good();
        write_text("config.json", CONFIGS[i].text);
        check_folder(CONFIGS[i].status, CONFIGS[i].says);
    }
}

static void test_headers(void)
{
    static const struct {
        const char *id, *from, *to;
        hs_status status;
        const char *says;
    } SPOILT[] = {
        {"a brace is gone", "{\"dtype\"", " \"dtype\"", HS_EJSON, "a comma or }"},
        {"a byte is not UTF-8", "embed.W_E", "embed.W_\xff", HS_EUTF8, "byte"},
        {"a tensor has another name", "embed.W_E", "embed.W_F", HS_EMISSING, "embed.W_E"},
        {"a bias has another name", "unembed.b_U", "unembed.c_U", HS_EUNEXPECTED, "unembed.c_U"},
        {"a name twice", "ln_final.b", "ln_final.w", HS_EDUPNAME, "ln_final.w"},
        {"a field twice", "\"dtype\":\"F32\",\"shape\":[7,6]", "\"shape\":[7,6],\"shape\":[7,6]", HS_EDUPKEY, "shape"},
        {"an unknown dtype", "F32", "F99", HS_EDTYPE, "F99"},
        {"integers", "F32", "I32", HS_EDTYPE, "embed.W_E"},
        {"half the bytes", "F32", "F16", HS_ESIZE, "embed.W_E"},
        {"a field is unknown", "\"dtype\"", "\"Dtype\"", HS_EFIELD, "Dtype"},
        {"a negative axis", "[7,6]", "[-76]", HS_ESHAPE, "shape's axis 0"},
        {"a fraction", "[7,6]", "[7.6]", HS_ESHAPE, "shape's axis 0"},
        {"a shape with the same product", "[7,6]", "[6,7]", HS_EMISMATCH, "embed.W_E has shape [6,7]"},
        {"a shape with another product", "[7,6]", "[7,5]", HS_ESIZE, "embed.W_E"},
        {"offsets in the wrong order", "\"data_offsets\":[0,168]", "\"data_offsets\":[9,008]", HS_EJSON, "byte"},
        {"offsets backwards", "\"data_offsets\":[0,168]", "\"data_offsets\":[200,8]", HS_EOFFSETS, "embed.W_E"},
        {"offsets far outside", "\"data_offsets\":[0,168]", "\"data_offsets\":[0,9e9]", HS_EOFFSETS, "embed.W_E"},
        {"offsets that overlap", "[168,288]", "[160,280]", HS_EOVERLAP, "embed.W_E and pos_embed.W_pos"},
    };
    for (size_t i = 0; i < sizeof SPOILT / sizeof *SPOILT; i++) {
        TEST("model.safetensors: %s -> %s", SPOILT[i].id, hs_status_name(SPOILT[i].status));
        write_good();
        spoil_header(SPOILT[i].from, SPOILT[i].to);
        check_folder(SPOILT[i].status, SPOILT[i].says);
    }
}

static void test_weights(void)
{
    static const char DEEP[] = "\x28\0\0\0\0\0\0\0[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
    static const struct {
        const char *id, *bytes;
        size_t size;
        hs_status status;
        const char *says;
    } FILES[] = {
        {"empty", "", 0, HS_ETRUNC, "0 bytes"},
        {"8 bytes", "\x39\0\0\0\0\0\0\0", 8, HS_ETRUNC, "byte 8"},
        {"a zip file", "PK\3\4\x14\0\0\0\x08\0..", 12, HS_EMAGIC, "a zip file"},
        {"a web page", "<!DOCTYPE html>", 15, HS_EMAGIC, "a web page"},
        {"an LFS pointer", "version https://git-lfs.github.com/spec/v1\n", 43, HS_EMAGIC, "LFS"},
        {"a header of 2^63 bytes", "\0\0\0\0\0\0\0\x80{}", 10, HS_EHEADER, "9223372036854775808"},
        {"a header of 0 bytes", "\0\0\0\0\0\0\0\0", 8, HS_EHEADER, "is 0"},
        {"a header that is a list", "\2\0\0\0\0\0\0\0[]", 10, HS_EROOT, "a list"},
        {"a header 40 deep", DEEP, sizeof DEEP - 1, HS_EDEPTH, "byte 40"},
        {"no tensors", "\2\0\0\0\0\0\0\0{}", 10, HS_EMISSING, "embed.W_E"},
        {"metadata that is a number", "\x12\0\0\0\0\0\0\0{\"__metadata__\":1}", 26, HS_EMETADATA, "__metadata__"},
    };
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        TEST("model.safetensors: %s -> %s", FILES[i].id, hs_status_name(FILES[i].status));
        write_good();
        write_bytes("model.safetensors", FILES[i].bytes, FILES[i].size);
        check_folder(FILES[i].status, FILES[i].says);
    }
    static const int CUTS[] = {4, 100, 50, 1}; /* percent of the file that is left; 1 byte fewer at the end */
    for (int i = 0; i < 4; i++) {
        size_t size = CUTS[i] == 1 ? good_size - 1 : CUTS[i] == 100 ? 8 + header_size : good_size * (size_t)CUTS[i] / 100;
        TEST("model.safetensors: cut to %zu of %zu bytes -> ETRUNC", size, good_size);
        write_good();
        write_bytes("model.safetensors", good_weights, size);
        check_folder(HS_ETRUNC, "model.safetensors: byte");
    }
    TEST("model.safetensors: a byte more -> ETRAILING");
    unsigned char *longer = calloc(1, good_size + 1);
    memcpy(longer, good_weights, good_size);
    write_good();
    write_bytes("model.safetensors", longer, good_size + 1);
    check_folder(HS_ETRAILING, "1 bytes follow");
    free(longer);
}

static void test_files(void)
{
    char path[1024];
    TEST("no config.json -> EIO");
    write_good();
    path_of(path, sizeof path, "config.json");
    remove(path);
    check_folder(HS_EIO, "config.json: cannot be opened");
    TEST("no model.safetensors -> EIO");
    write_good();
    path_of(path, sizeof path, "model.safetensors");
    remove(path);
    check_folder(HS_EIO, "model.safetensors: cannot be opened");
    TEST("model.safetensors is a folder -> EIO");
    write_good();
    remove(path);
    mkdir(path, 0777);
    check_folder(HS_EIO, "model.safetensors: cannot be read");

    static const struct {
        const char *id, *index;
        hs_status status;
        const char *says;
    } INDEXES[] = {
        {"a shard outside the folder", "{\"weight_map\":{\"x\":\"../a.safetensors\"}}", HS_ESHARD, "weight_map.x"},
        {"a shard by its path", "{\"weight_map\":{\"x\":\"/etc/a.safetensors\"}}", HS_ESHARD, "weight_map.x"},
        {"a shard by its address", "{\"weight_map\":{\"x\":\"https://a/b.safetensors\"}}", HS_ESHARD, "weight_map.x"},
        {"a shard that is another file", "{\"weight_map\":{\"x\":\"config.json\"}}", HS_ESHARD, "weight_map.x"},
        {"a shard that is a number", "{\"weight_map\":{\"x\":3}}", HS_ESHARD, "weight_map.x"},
        {"a shard that is not there", "{\"weight_map\":{\"x\":\"c.safetensors\"}}", HS_ESHARD, "c.safetensors"},
        {"a tensor in two shards", "{\"weight_map\":{\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"}}", HS_EDUPNAME, "a.safetensors"},
        {"no map", "{\"metadata\":{}}", HS_EFIELD, "weight_map"},
        {"no JSON", "weight_map", HS_EJSON, "index.json"},
    };
    for (size_t i = 0; i < sizeof INDEXES / sizeof *INDEXES; i++) {
        TEST("model.safetensors.index.json: %s -> %s", INDEXES[i].id, hs_status_name(INDEXES[i].status));
        write_good();
        remove(path);
        write_bytes("a.safetensors", good_weights, good_size);
        write_bytes("b.safetensors", good_weights, good_size);
        write_text("model.safetensors.index.json", INDEXES[i].index);
        check_folder(INDEXES[i].status, INDEXES[i].says);
    }
}

/* A good model, but words that cannot be carried out. */
static void check_words(const char *const *words, hs_status status, const char *says)
{
    check_outcome(words, status, says);
    CHECK(sweep_folder() == 0);
}

static void test_prompts(void)
{
    static const struct {
        const char *id, *ids;
        hs_status status;
        const char *says;
    } PROMPTS[] = {
        {"no ids", "", HS_ETOKENS, "ids"},           {"more ids than n_ctx", "1,2,3,4,5,6", HS_ETOKENS, "context of 5"},
        {"an id beyond d_vocab", "1,7", HS_ETOKENS, "ids[1]"}, {"a negative id", "-1,2", HS_ETOKENS, "ids[0]"},
        {"an id beyond 32 bits", "1,4294967297", HS_ETOKENS, "4294967297"}, {"a word", "1,two", HS_EUSAGE, "two"},
        {"a comma at the end", "1,2,", HS_EUSAGE, "--ids"}, {"a fraction", "1.5", HS_EUSAGE, "1.5"},
        {"no number in 64 bits", "99999999999999999999", HS_EUSAGE, "99999999999999999999"},
    };
    for (size_t i = 0; i < sizeof PROMPTS / sizeof *PROMPTS; i++) {
        TEST("--ids: %s -> %s", PROMPTS[i].id, hs_status_name(PROMPTS[i].status));
        write_good();
        check_words((const char *const[]){"run", ".", "--ids", PROMPTS[i].ids, "--out", "out.safetensors", NULL}, PROMPTS[i].status, PROMPTS[i].says);
    }
}

static void test_words(void)
{
#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}
    const struct {
        const char *id;
        const char *const *words;
        hs_status status;
        const char *says;
    } CASES[] = {
        {"an unknown command", WORDS("fly"), HS_EUSAGE, "fly"},
        {"no model", WORDS("info"), HS_EUSAGE, "missing"},
        {"two models", WORDS("info", ".", "."), HS_EUSAGE, "too many"},
        {"no such model", WORDS("info", "nowhere"), HS_EIO, "nowhere/config.json"},
        {"an unknown flag", WORDS("run", ".", "--idz", "1"), HS_EUSAGE, "--idz"},
        {"a flag without a value", WORDS("run", ".", "--ids"), HS_EUSAGE, "--ids needs a value"},
        {"a flag twice", WORDS("run", ".", "--ids", "1", "--ids", "2"), HS_EUSAGE, "--ids"},
        {"no --ids", WORDS("run", "."), HS_EUSAGE, "--ids is missing"},
        {"an unknown hook", WORDS("run", ".", "--ids", "1", "--capture", "blocks.7.hook_resid_pre", "--out", "out.safetensors"), HS_EHOOK, "blocks.7.hook_resid_pre"},
        {"a hook that this model has not", WORDS("run", ".", "--ids", "1", "--capture", "*.hook_mid", "--out", "out.safetensors"), HS_EHOOK, "*.hook_mid"},
        {"--run without --edits", WORDS("run", ".", "--ids", "1", "--run", "B=1"), HS_EUSAGE, "--edits"},
        {"--out in no folder", WORDS("run", ".", "--ids", "1", "--capture", "*", "--out", "nowhere/out.safetensors"), HS_EIO, "nowhere/out.safetensors"},
        {"--out is a folder", WORDS("run", ".", "--ids", "1", "--capture", "*", "--out", "."), HS_EIO, "no ordinary file"},
        {"--tokens 0", WORDS("hooks", ".", "--tokens", "0"), HS_EUSAGE, "--tokens"},
        {"--tokens beyond n_ctx", WORDS("hooks", ".", "--tokens", "6"), HS_EUSAGE, "1 to 5"},
        {"heads without ids", WORDS("heads", ".", "--ids", ""), HS_ETOKENS, "ids"},
        {"grad without --out", WORDS("grad", ".", "spec.json"), HS_EUSAGE, "--out is missing"},
        {"grad without its document", WORDS("grad", ".", "spec.json", "--out", "out.safetensors"), HS_EIO, "spec.json"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        TEST("hs: %s -> %s", CASES[i].id, hs_status_name(CASES[i].status));
        write_good();
        check_words(CASES[i].words, CASES[i].status, CASES[i].says);
    }
}

static void test_documents(void)
{
    static const struct {
        const char *id, *edits;
        hs_status status;
        const char *says;
    } EDITS[] = {
#include "edits.h"
    };
    for (size_t i = 0; i < sizeof EDITS / sizeof *EDITS; i++) {
        TEST("edits: %s -> %s", EDITS[i].id, hs_status_name(EDITS[i].status));
        write_good();
        write_text("edits.json", EDITS[i].edits);
        check_words(WORDS("run", ".", "--ids", "1,2,3", "--edits", "edits.json", "--run", "B=1,2,3", "--capture", "*", "--out", "out.safetensors"),
                    EDITS[i].status, EDITS[i].says);
    }
    static const struct {
        const char *id, *spec;
        hs_status status;
        const char *says;
    } SPECS[] = {
#include "specs.h"
    };
    for (size_t i = 0; i < sizeof SPECS / sizeof *SPECS; i++) {
        TEST("gradient: %s -> %s", SPECS[i].id, hs_status_name(SPECS[i].status));
        write_good();
        write_text("spec.json", SPECS[i].spec);
        check_words(WORDS("grad", ".", "spec.json", "--out", "out.safetensors"), SPECS[i].status, SPECS[i].says);
    }
}

/* Without this the refusals above would prove nothing. */
static void test_good(void)
{
    TEST("the good model runs, and its captures are written");
    write_good();
    outcome o = run_hs(WORDS("run", ".", "--ids", "1,2,3", "--capture", "*", "--out", "out.safetensors"));
    CHECK(o.code == 0 && o.err[0] == 0);
    CHECK_SAYS(o.out, "{\"v\":1,\"tokens\":3,\"top\":[");
    CHECK(sweep_folder() == 1);
    TEST("an output file that was there stays as it was when the run is refused");
    write_good();
    write_text("vectors.safetensors", "keep me");
    o = run_hs(WORDS("run", ".", "--ids", "9", "--capture", "*", "--out", "vectors.safetensors"));
    CHECK(o.code == HS_ETOKENS);
    char path[1024], text[16] = "";
    path_of(path, sizeof path, "vectors.safetensors");
    FILE *file = fopen(path, "rb");
    CHECK(file && fread(text, 1, sizeof text - 1, file) == 7 && !strcmp(text, "keep me"));
    if (file)
        fclose(file);
    sweep_folder();
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("test_hostile HS FOLDER\n", stderr);
        return 2;
    }
    hs_program = argv[1];
    folder = argv[2];
    if (mkdir(folder, 0777) && errno != EEXIST) {
        perror(folder);
        return 2;
    }
    make_good();
    test_good();
    test_configs();
    test_headers();
    test_weights();
    test_files();
    test_prompts();
    test_words();
    test_documents();
    hs_model_free(good_model);
    free(good_weights);
    return HARNESS_END();
}
