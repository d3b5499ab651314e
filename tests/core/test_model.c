/* test_model.c: a model from its files: the state_dict's names, order and shapes for every kind of block,
 * dtypes, shards, what is passed over and what is refused by name. */
#include "harness.h"
#include "model.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

#define SIZES "\"n_layers\":2,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7"
static const char PLAIN[] = "{" SIZES ",\"act_fn\":\"relu\"}";

enum { MAX_TENSORS = 64 };

/* Tensors to put into a file: a model's own, some of them replaced. */
typedef struct set {
    hs_model *model;
    hs_tensor tensors[MAX_TENSORS];
    int n;
} set;

static hs_bytes text_bytes(const char *text)
{
    return (hs_bytes){text, strlen(text), "config.json"};
}

static void make_set(const char *config, set *out)
{
    hs_detail detail = {""};
    hs_config cfg;
    uint64_t seed = 1;
    if (hs_config_read(text_bytes(config), &detail, &cfg) != HS_OK || hs_model_new(&cfg, &detail, &out->model) != HS_OK) {
        printf("%s\n", detail.text);
        abort();
    }
    out->n = hs_model_n_params(out->model);
    for (int i = 0; i < out->n; i++) {
        out->tensors[i] = hs_model_param(out->model, i);
        for (int64_t j = 0; j < out->tensors[i].count; j++)
            ((hs_real *)out->tensors[i].data)[j] = (hs_real)((double)random_below(&seed, 4096) / 1024 - 2);
    }
}

static hs_tensor *find(set *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->tensors[i].name, name))
            return &s->tensors[i];
    abort();
}

static void drop(set *s, const char *name)
{
    *find(s, name) = s->tensors[--s->n];
}

static hs_bytes pack(const hs_tensor *tensors, int n, hs_dtype dtype, const char *name)
{
    size_t size = 0;
    hs_detail detail = {""};
    if (hs_safetensors_size(tensors, n, dtype, NULL, &detail, &size) != HS_OK)
        abort();
    void *bytes = malloc(size);
    hs_safetensors_write(tensors, n, dtype, NULL, bytes);
    return (hs_bytes){bytes, size, name};
}

static hs_status load_set(const char *config, const set *s, hs_dtype dtype, hs_detail *detail, hs_model **out)
{
    hs_bytes weights = pack(s->tensors, s->n, dtype, "model.safetensors");
    hs_status status = hs_model_load(text_bytes(config), &weights, 1, detail, out);
    free((void *)weights.data);
    return status;
}

/* Loading the set is refused with this status and a line that says `says`; the set is freed. */
static void check_refused(set *s, hs_status status, const char *says)
{
    hs_detail detail = {""};
    hs_model *model = NULL;
    CHECK_STATUS(load_set(PLAIN, s, HS_F32, &detail, &model), status, detail);
    CHECK_SAYS(detail.text, says);
    CHECK(model == NULL);
    hs_model_free(s->model);
}

static bool same_params(const hs_model *a, const hs_model *b)
{
    bool same = hs_model_n_params(a) == hs_model_n_params(b);
    for (int i = 0; same && i < hs_model_n_params(a); i++) {
        hs_tensor x = hs_model_param(a, i), y = hs_model_param(b, i);
        same = !strcmp(x.name, y.name) && x.count == y.count && !memcmp(x.data, y.data, (size_t)x.count * sizeof *x.data);
    }
    return same;
}

/* ---- the state_dict ---- */

static void check_params(const char *config, const char *expected)
{
    set s;
    char list[4096] = "", *at = list;
    make_set(config, &s);
    int64_t count = 0;
    for (int i = 0; i < s.n; i++) {
        at += sprintf(at, "%s", s.tensors[i].name);
        for (int axis = 0; axis < s.tensors[i].n_axes; axis++)
            at += sprintf(at, "%c%lld", axis ? ',' : ' ', (long long)s.tensors[i].shape[axis]);
        at += sprintf(at, "\n");
        count += s.tensors[i].count;
    }
    if (!CHECK(!strcmp(list, expected)))
        printf("%s", list);
    CHECK(hs_model_count_all(s.model) == count);
    hs_model_free(s.model);
}

static void test_params(void)
{
    TEST("the state_dict of a model with LayerNorm and solu_ln");
    check_params("{\"n_layers\":1,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"n_heads\":2,\"d_vocab\":7,\"d_vocab_out\":9,\"act_fn\":\"solu_ln\"}",
                 "embed.W_E 7,6\npos_embed.W_pos 5,6\nblocks.0.ln1.w 6\nblocks.0.ln1.b 6\nblocks.0.attn.W_Q 2,6,3\nblocks.0.attn.b_Q 2,3\n"
                 "blocks.0.attn.W_K 2,6,3\nblocks.0.attn.b_K 2,3\nblocks.0.attn.W_V 2,6,3\nblocks.0.attn.b_V 2,3\nblocks.0.attn.W_O 2,3,6\n"
                 "blocks.0.attn.b_O 6\nblocks.0.ln2.w 6\nblocks.0.ln2.b 6\nblocks.0.mlp.W_in 6,24\nblocks.0.mlp.b_in 24\nblocks.0.mlp.ln.w 24\n"
                 "blocks.0.mlp.ln.b 24\nblocks.0.mlp.W_out 24,6\nblocks.0.mlp.b_out 6\nln_final.w 6\nln_final.b 6\nunembed.W_U 6,9\nunembed.b_U 9\n");
    TEST("the state_dict of an attention-only model without LayerNorm, layer by layer");
    check_params("{" SIZES ",\"attn_only\":true,\"normalization_type\":null}",
                 "embed.W_E 7,6\npos_embed.W_pos 5,6\n"
                 "blocks.0.attn.W_Q 2,6,3\nblocks.0.attn.b_Q 2,3\nblocks.0.attn.W_K 2,6,3\nblocks.0.attn.b_K 2,3\nblocks.0.attn.W_V 2,6,3\n"
                 "blocks.0.attn.b_V 2,3\nblocks.0.attn.W_O 2,3,6\nblocks.0.attn.b_O 6\n"
                 "blocks.1.attn.W_Q 2,6,3\nblocks.1.attn.b_Q 2,3\nblocks.1.attn.W_K 2,6,3\nblocks.1.attn.b_K 2,3\nblocks.1.attn.W_V 2,6,3\n"
                 "blocks.1.attn.b_V 2,3\nblocks.1.attn.W_O 2,3,6\nblocks.1.attn.b_O 6\nunembed.W_U 6,7\nunembed.b_U 7\n");
    TEST("LNPre has no weights, not even in solu_ln; no layers leave two matrices and a bias");
    check_params("{\"n_layers\":0,\"d_model\":6,\"n_ctx\":5,\"d_head\":3,\"d_vocab\":7,\"act_fn\":\"solu_ln\",\"normalization_type\":\"LNPre\"}",
                 "embed.W_E 7,6\npos_embed.W_pos 5,6\nunembed.W_U 6,7\nunembed.b_U 7\n");
    set s;
    make_set("{" SIZES ",\"act_fn\":\"solu_ln\",\"normalization_type\":\"LNPre\"}", &s);
    for (int i = 0; i < s.n; i++)
        CHECK(!strstr(s.tensors[i].name, "ln"));
    TEST("parameters are counted as HookedTransformerConfig.n_params counts");
    CHECK(hs_model_count_n_params(s.model) == 2 * (4 * 6 * 3 * 2 + 2 * 6 * 24));
    hs_model_free(s.model);
}

/* ---- loading ---- */

static void test_dtypes(void)
{
    const hs_dtype DTYPES[] = {HS_F32, HS_F16};
    for (int d = 0; d < 2; d++) {
        TEST("%s weights come back as they were", d ? "F16" : "F32");
        set s;
        make_set(PLAIN, &s); /* numbers that F16 holds exactly */
        hs_detail detail = {""};
        hs_model *model = NULL;
        if (CHECK_STATUS(load_set(PLAIN, &s, DTYPES[d], &detail, &model), HS_OK, detail)) {
            CHECK(same_params(s.model, model));
            CHECK(hs_model_n_not_finite(model) == 0);
            CHECK(hs_model_bytes(model) >= (size_t)hs_model_count_all(model) * 2 * sizeof(hs_real));
        }
        hs_model_free(model);
        hs_model_free(s.model);
    }
}

static void test_finite(void)
{
    TEST("weights that are not finite are counted");
    set s;
    make_set(PLAIN, &s);
    ((hs_real *)find(&s, "blocks.1.attn.W_O")->data)[3] = NAN;
    ((hs_real *)find(&s, "unembed.W_U")->data)[0] = -INFINITY;
    hs_detail detail = {""};
    hs_model *model = NULL;
    if (CHECK_STATUS(load_set(PLAIN, &s, HS_F32, &detail, &model), HS_OK, detail))
        CHECK(hs_model_n_not_finite(model) == 2);
    hs_model_free(model);
    hs_model_free(s.model);
}

static void test_optional(void)
{
    TEST("absent biases are zero; attention buffers are passed over");
    static const char *const BIASES[] = {"blocks.0.attn.b_Q", "blocks.0.attn.b_K", "blocks.1.attn.b_V", "blocks.1.attn.b_O",
                                         "blocks.0.mlp.b_in", "blocks.1.mlp.b_out", "unembed.b_U"};
    static const char *const BUFFERS[] = {"blocks.0.attn.mask", "blocks.1.attn.IGNORE", "blocks.0.attn.rotary_sin", "blocks.1.attn.rotary_cos"};
    set s;
    make_set(PLAIN, &s);
    for (size_t i = 0; i < sizeof BIASES / sizeof *BIASES; i++) {
        hs_tensor *bias = find(&s, BIASES[i]);
        memset((hs_real *)bias->data, 0, (size_t)bias->count * sizeof *bias->data);
        drop(&s, BIASES[i]);
    }
    static const hs_real ones[4] = {1, 1, 1, 1};
    for (size_t i = 0; i < sizeof BUFFERS / sizeof *BUFFERS; i++)
        s.tensors[s.n++] = (hs_tensor){.name = BUFFERS[i], .data = ones, .n_axes = 2, .shape = {2, 2}, .count = 4};
    hs_detail detail = {""};
    hs_model *model = NULL;
    if (CHECK_STATUS(load_set(PLAIN, &s, HS_F32, &detail, &model), HS_OK, detail))
        CHECK(same_params(s.model, model));
    hs_model_free(model);
    hs_model_free(s.model);
}

static void test_shards(void)
{
    TEST("shards, in any order, make the same model");
    set s;
    make_set(PLAIN, &s);
    hs_bytes shards[3] = {pack(s.tensors + 20, s.n - 20, HS_F32, "3"), pack(s.tensors, 7, HS_F32, "1"), pack(s.tensors + 7, 13, HS_F32, "2")};
    hs_detail detail = {""};
    hs_model *model = NULL;
    if (CHECK_STATUS(hs_model_load(text_bytes(PLAIN), shards, 3, &detail, &model), HS_OK, detail))
        CHECK(same_params(s.model, model));
    hs_model_free(model);
    TEST("a missing shard is a missing tensor; a tensor in two shards is named");
    CHECK_STATUS(hs_model_load(text_bytes(PLAIN), shards, 2, &detail, &model), HS_EMISSING, detail);
    CHECK_SAYS(detail.text, "blocks.0.attn.W_V"); /* the first that may not be left out */
    CHECK_STATUS(hs_model_load(text_bytes(PLAIN), NULL, 0, &detail, &model), HS_EMISSING, detail);
    hs_bytes twice[3] = {shards[0], shards[1], pack(s.tensors + 6, 14, HS_F32, "2")};
    CHECK_STATUS(hs_model_load(text_bytes(PLAIN), twice, 3, &detail, &model), HS_EDUPNAME, detail);
    CHECK_SAYS(detail.text, s.tensors[6].name);
    free((void *)twice[2].data);
    for (int i = 0; i < 3; i++)
        free((void *)shards[i].data);
    hs_model_free(s.model);
}

static void test_grouped(void)
{
    TEST("keys and values under their grouped names");
    static const char *const NAMES[][2] = {{"blocks.0.attn.W_K", "blocks.0.attn._W_K"}, {"blocks.0.attn.b_K", "blocks.0.attn._b_K"},
                                           {"blocks.1.attn.W_V", "blocks.1.attn._W_V"}, {"blocks.1.attn.b_V", "blocks.1.attn._b_V"}};
    set s;
    make_set(PLAIN, &s);
    for (int i = 0; i < 4; i++)
        find(&s, NAMES[i][0])->name = NAMES[i][1];
    hs_detail detail = {""};
    hs_model *model = NULL;
    if (CHECK_STATUS(load_set(PLAIN, &s, HS_F32, &detail, &model), HS_OK, detail))
        CHECK(same_params(s.model, model));
    hs_model_free(model);
    hs_tensor both = *find(&s, "blocks.0.attn._W_K");
    both.name = "blocks.0.attn.W_K";
    s.tensors[s.n++] = both;
    check_refused(&s, HS_EUNEXPECTED, "blocks.0.attn._W_K");
    make_set(PLAIN, &s);
    find(&s, "blocks.0.attn.W_Q")->name = "blocks.0.attn._W_Q";
    check_refused(&s, HS_EMISSING, "blocks.0.attn.W_Q");
}

static void test_refused(void)
{
    static const char *const NEEDED[] = {"embed.W_E", "pos_embed.W_pos", "blocks.0.ln1.w", "blocks.1.ln1.b", "blocks.1.attn.W_Q",
                                         "blocks.0.attn.W_K", "blocks.0.attn.W_V", "blocks.1.attn.W_O", "blocks.1.ln2.w", "blocks.0.ln2.b",
                                         "blocks.0.mlp.W_in", "blocks.1.mlp.W_out", "ln_final.w", "ln_final.b", "unembed.W_U"};
    set s;
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++) {
        TEST("without %s -> EMISSING", NEEDED[i]);
        make_set(PLAIN, &s);
        drop(&s, NEEDED[i]);
        check_refused(&s, HS_EMISSING, NEEDED[i]);
    }
    static const char *const STRANGE[] = {"blocks.2.attn.W_Q", "blocks.2.attn.mask",   "blocks.0.attn.mask2", "blocks.x.attn.mask", "embed.W_E.weight",
                                          "blocks.00.ln1.w",   "blocks.-1.attn.mask", "__proto__",           "lm_head.weight"};
    for (size_t i = 0; i < sizeof STRANGE / sizeof *STRANGE; i++) {
        TEST("with %s -> EUNEXPECTED", STRANGE[i]);
        make_set(PLAIN, &s);
        s.tensors[s.n++] = (hs_tensor){.name = STRANGE[i], .data = s.tensors[0].data, .n_axes = 1, .shape = {3}, .count = 3};
        check_refused(&s, HS_EUNEXPECTED, STRANGE[i]);
    }
    TEST("a shape that is not the configuration's -> EMISMATCH with both");
    make_set(PLAIN, &s);
    hs_tensor *w = find(&s, "blocks.1.attn.W_O");
    w->shape[1] = 6, w->shape[2] = 3;
    check_refused(&s, HS_EMISMATCH, "blocks.1.attn.W_O has shape [2,6,3]; the configuration asks for [2,3,6]");
    make_set(PLAIN, &s);
    w = find(&s, "blocks.1.attn.W_O");
    w->n_axes = 2, w->shape[0] = 6, w->shape[1] = 6;
    check_refused(&s, HS_EMISMATCH, "[6,6]");
    make_set(PLAIN, &s);
    w = find(&s, "ln_final.w");
    w->n_axes = 2, w->shape[1] = 1;
    check_refused(&s, HS_EMISMATCH, "ln_final.w has shape [6,1]; the configuration asks for [6]");
    make_set(PLAIN, &s);
    w = find(&s, "blocks.0.attn.b_Q");
    w->shape[0] = 1, w->count = 3;
    check_refused(&s, HS_EMISMATCH, "blocks.0.attn.b_Q has shape [1,3]");

    TEST("a parameter of integers -> EDTYPE");
    static const char FILE_BYTES[] = "{\"embed.W_E\":{\"dtype\":\"I32\",\"shape\":[1,1],\"data_offsets\":[0,4]}}";
    unsigned char bytes[8 + sizeof FILE_BYTES - 1 + 4] = {sizeof FILE_BYTES - 1};
    memcpy(bytes + 8, FILE_BYTES, sizeof FILE_BYTES - 1);
    hs_bytes weights = {bytes, sizeof bytes, "model.safetensors"};
    hs_detail detail = {""};
    hs_model *model = NULL;
    const char *one = "{\"n_layers\":0,\"d_model\":1,\"n_ctx\":1,\"d_head\":1,\"d_vocab\":1,\"attn_only\":true}";
    CHECK_STATUS(hs_model_load(text_bytes(one), &weights, 1, &detail, &model), HS_EDTYPE, detail);
    CHECK_SAYS(detail.text, "embed.W_E");
}

/* Were the parameters' memory taken before the tensors are found, this would ask for 2^58 bytes. */
static void test_small_file(void)
{
    TEST("a small file cannot ask for a large model");
    set s;
    make_set(PLAIN, &s);
    hs_detail detail = {""};
    hs_model *model = NULL;
    const char *large = "{\"n_layers\":1000,\"d_model\":65536,\"n_ctx\":1048576,\"d_head\":65536,\"n_heads\":4096,\"d_vocab\":1048576,\"act_fn\":\"relu\"}";
    CHECK_STATUS(load_set(large, &s, HS_F32, &detail, &model), HS_EMISMATCH, detail);
    CHECK_STATUS(hs_model_load(text_bytes(large), NULL, 0, &detail, &model), HS_EMISSING, detail);
    hs_model_free(s.model);
}

static void test_mutations(void)
{
    TEST("8,000 mutated models load or are refused");
    set s;
    make_set(PLAIN, &s);
    hs_bytes weights = pack(s.tensors, s.n, HS_F16, "w");
    size_t header = 0;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | ((const unsigned char *)weights.data)[i];
    uint64_t seed = 9;
    int n_loaded = 0, n_refused = 0;
    for (int i = 0; i < 8000; i++) {
        unsigned char *bytes = malloc(weights.size);
        char *config = malloc(sizeof PLAIN - 1);
        memcpy(bytes, weights.data, weights.size);
        memcpy(config, PLAIN, sizeof PLAIN - 1);
        static const char PIECES[] = "0123456789[],\"_.abWQKVOF";
        size_t at = random_below(&seed, 4) ? 8 + random_below(&seed, header) : random_below(&seed, weights.size);
        bytes[at] = (unsigned char)PIECES[random_below(&seed, sizeof PIECES - 1)];
        if (random_below(&seed, 2))
            config[random_below(&seed, sizeof PLAIN - 1)] = PIECES[random_below(&seed, sizeof PIECES - 1)];
        hs_bytes file = {bytes, random_below(&seed, 10) ? weights.size : random_below(&seed, weights.size), "w"};
        hs_detail detail = {""};
        hs_model *model = NULL;
        hs_status status = hs_model_load((hs_bytes){config, sizeof PLAIN - 1, "c"}, &file, 1, &detail, &model);
        n_loaded += status == HS_OK && model;
        n_refused += status != HS_OK && !model && detail.text[0];
        hs_model_free(model);
        free(bytes);
        free(config);
    }
    CHECK(n_loaded + n_refused == 8000);
    CHECK(n_loaded > 100 && n_refused > 1000);
    free((void *)weights.data);
    hs_model_free(s.model);
}

int main(void)
{
    test_params();
    test_dtypes();
    test_finite();
    test_optional();
    test_shards();
    test_grouped();
    test_refused();
    test_small_file();
    test_mutations();
    return HARNESS_END();
}
