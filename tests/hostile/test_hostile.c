/* test_hostile.c: broken and hostile model folders, prompts, documents and flags, given to `hs` itself as
 * a user would. Each must end with its own status and a line that names what is wrong; nothing is
 * written, not even in part. */
#include "folder.h"

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
    check_outcome(WORDS("info", "."), status, says);
    check_outcome(WORDS("run", ".", "--ids", "1,2", "--capture", "*", "--out", "out.safetensors"), status, says);
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
    char path[1400];
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
        check_words(WORDS("run", ".", "--ids", PROMPTS[i].ids, "--out", "out.safetensors"), PROMPTS[i].status, PROMPTS[i].says);
    }
}

static void test_words(void)
{
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
        {"a reading without its document", WORDS("lens", ".", "spec.json"), HS_EIO, "spec.json"},
        {"grad without --out", WORDS("grad", ".", "spec.json"), HS_EUSAGE, "--out is missing"},
        {"process without anything to do", WORDS("process", ".", "--out", "made"), HS_EUSAGE, "nothing to do"},
        {"process without --out", WORDS("process", ".", "--fold-ln"), HS_EUSAGE, "--out is missing"},
        {"process into the model's own folder", WORDS("process", ".", "--fold-ln", "--out", "."), HS_EUSAGE, "own folder"},
        {"process into no folder", WORDS("process", ".", "--fold-ln", "--out", "nowhere/made"), HS_EIO, "nowhere/made"},
        {"generate without its document", WORDS("generate", ".", "spec.json"), HS_EIO, "spec.json"},
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
    static const struct {
        const char *id, *spec;
        hs_status status;
        const char *says;
    } GENERATIONS[] = {
#include "generations.h"
    };
    for (size_t i = 0; i < sizeof GENERATIONS / sizeof *GENERATIONS; i++) {
        TEST("generation: %s -> %s", GENERATIONS[i].id, hs_status_name(GENERATIONS[i].status));
        write_good();
        write_text("spec.json", GENERATIONS[i].spec);
        check_words(WORDS("generate", ".", "spec.json", "--out", "out.safetensors"), GENERATIONS[i].status, GENERATIONS[i].says);
    }
}

static void test_readings(void)
{
    static const struct {
        const char *id, *command, *spec;
        hs_status status;
        const char *says;
    } READINGS[] = {
#include "readings.h"
    };
    for (size_t i = 0; i < sizeof READINGS / sizeof *READINGS; i++) {
        TEST("reading: %s -> %s", READINGS[i].id, hs_status_name(READINGS[i].status));
        write_good();
        write_text("spec.json", READINGS[i].spec);
        check_words(WORDS(READINGS[i].command, ".", "spec.json", "--out", "out.safetensors"), READINGS[i].status, READINGS[i].says);
    }
}

int main(int argc, char **argv)
{
    begin(argc, argv);
    test_configs();
    test_headers();
    test_weights();
    test_files();
    test_prompts();
    test_words();
    test_documents();
    test_readings();
    return end();
}
