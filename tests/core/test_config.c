/* test_config.c: config.json, field by field: defaults, meanings of absent, null and -1, ranges, and a
 * refusal by name of what cannot be run. */
#include "harness.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

static const char *const BASE[][2] = {{"n_layers", "2"}, {"d_model", "40"}, {"n_ctx", "16"},
                                      {"d_head", "17"},  {"d_vocab", "50"}, {"act_fn", "\"relu\""}};
enum { N_BASE = sizeof BASE / sizeof *BASE };

/* The base with one field replaced or added; value NULL leaves it out. */
static void write_json(char *out, const char *field, const char *value)
{
    char *at = out;
    *at++ = '{';
    for (int i = 0; i < N_BASE; i++)
        if (!field || strcmp(BASE[i][0], field))
            at += sprintf(at, "%s\"%s\":%s", at[-1] == '{' ? "" : ",", BASE[i][0], BASE[i][1]);
    if (field && value)
        at += sprintf(at, ",\"%s\":%s", field, value);
    strcpy(at, "}");
}

static hs_status read_text(const char *text, hs_detail *detail, hs_config *cfg)
{
    return hs_config_read((hs_bytes){text, strlen(text), "config.json"}, detail, cfg);
}

static hs_status read_with(const char *field, const char *value, hs_detail *detail, hs_config *cfg)
{
    char text[1024];
    write_json(text, field, value);
    return read_text(text, detail, cfg);
}

static void check_taken(const char *field, const char *value, hs_config *cfg)
{
    hs_detail detail = {""};
    if (!CHECK_STATUS(read_with(field, value, &detail, cfg), HS_OK, detail))
        printf("    %s: %s\n", field, value);
}

/* Refused with this status, in a line that names the file and the field. */
static void check_refused(const char *field, const char *value, hs_status status)
{
    hs_detail detail = {""};
    hs_config cfg;
    if (!CHECK_STATUS(read_with(field, value, &detail, &cfg), status, detail))
        printf("    %s: %s\n", field, value ? value : "absent");
    CHECK_SAYS(detail.text, "config.json: ");
    CHECK_SAYS(detail.text, field);
}

static void test_defaults(void)
{
    TEST("the defaults are HookedTransformerConfig's");
    hs_config cfg = {0};
    check_taken(NULL, NULL, &cfg);
    CHECK(cfg.n_layers == 2 && cfg.d_model == 40 && cfg.n_ctx == 16 && cfg.d_head == 17 && cfg.d_vocab == 50);
    CHECK(cfg.n_heads == 2 && cfg.n_key_value_heads == 2); /* 40 / 17, rounded down */
    CHECK(cfg.d_mlp == 160 && cfg.d_vocab_out == 50 && cfg.act_fn == HS_ACT_RELU && !cfg.attn_only);
    CHECK(cfg.normalization_type == HS_NORM_LN && cfg.positional_embedding_type == HS_POSITIONS_STANDARD);
    CHECK(cfg.eps == 1e-5 && cfg.use_attn_scale && cfg.attn_scale == sqrt(17) && !cfg.scale_attn_by_inverse_layer_idx);
    CHECK(cfg.default_prepend_bos);
    CHECK(!cfg.parallel_attn_mlp && !cfg.gated_mlp && !cfg.final_rms);
}

/* Every field that is not READ, from the table itself. */
enum treatment { READ, IGNORED, FALSE, NONE, OFF, CAUSAL };
static const struct {
    const char *name;
    enum treatment how;
} FIELDS[] = {
#define FIELD(name, how) {#name, how},
#include "config.def"
#undef FIELD
};

static void test_table(void)
{
    hs_config cfg;
    int n_read = 0;
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        const char *name = FIELDS[i].name;
        if (FIELDS[i].how == READ) {
            n_read++;
            continue;
        }
        TEST("%s", name);
        check_taken(name, "null", &cfg);
        switch (FIELDS[i].how) {
        case IGNORED:
            check_taken(name, "12", &cfg);
            check_taken(name, "true", &cfg);
            check_taken(name, "\"x\"", &cfg);
            check_taken(name, "[\"a\"]", &cfg);
            break;
        case FALSE:
            check_taken(name, "false", &cfg);
            check_refused(name, "true", HS_ECONFIG);
            check_refused(name, "1", HS_EFIELD);
            break;
        case NONE:
            check_taken(name, "-1", &cfg);
            check_refused(name, "0", HS_ECONFIG);
            check_refused(name, "8", HS_ECONFIG);
            check_refused(name, "\"8\"", HS_EFIELD);
            break;
        case OFF:
            check_taken(name, "-1.0", &cfg);
            check_taken(name, "0", &cfg);
            check_refused(name, "30.0", HS_ECONFIG);
            check_refused(name, "1e400", HS_EFIELD);
            break;
        default:
            check_taken(name, "\"causal\"", &cfg);
            check_refused(name, "\"bidirectional\"", HS_ECONFIG);
            check_refused(name, "true", HS_EFIELD);
        }
    }
    TEST("the table is whole");
    CHECK(sizeof FIELDS / sizeof *FIELDS == 67);
    CHECK(n_read == 18);
}

static void test_sizes(void)
{
    static const struct {
        const char *name, *least, *below, *most, *above;
        bool needed;
    } SIZES[] = {{"n_layers", "0", "-2", "1000", "1001", true},
                 {"d_model", "17", "0", "65536", "65537", true},
                 {"n_ctx", "1", "0", "1048576", "1048577", true},
                 {"d_head", "1", "0", "40", "65537", true},
                 {"n_heads", "1", "0", "4096", "4097", false},
                 {"d_vocab", "1", "0", "1048576", "1048577", true},
                 {"d_vocab_out", "1", "0", "1048576", "1048577", false},
                 {"d_mlp", "1", "0", "1048576", "1048577", false}};
    hs_config cfg;
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        const char *name = SIZES[i].name;
        TEST("%s: whole numbers, in their range", name);
        check_taken(name, SIZES[i].least, &cfg);
        check_taken(name, SIZES[i].most, &cfg);
        check_refused(name, SIZES[i].below, HS_ECONFIG);
        check_refused(name, SIZES[i].above, HS_ECONFIG);
        check_refused(name, "4294967297", HS_ECONFIG);
        check_refused(name, "99999999999999999999", HS_EFIELD);
        check_refused(name, "2.0", HS_EFIELD);
        check_refused(name, "\"2\"", HS_EFIELD);
        check_refused(name, "true", HS_EFIELD);
        const char *const UNSET[] = {NULL, "null", "-1"};
        for (int u = 0; u < 3; u++)
            if (SIZES[i].needed)
                check_refused(name, UNSET[u], HS_EFIELD);
            else
                check_taken(name, UNSET[u], &cfg);
    }
    TEST("n_heads is named when d_head is larger than d_model");
    hs_detail detail = {""};
    CHECK_STATUS(read_with("d_head", "41", &detail, &cfg), HS_ECONFIG, detail);
    CHECK_SAYS(detail.text, "n_heads is 0");
    TEST("n_key_value_heads: n_heads or unset");
    check_taken("n_key_value_heads", "2", &cfg);
    check_taken("n_key_value_heads", "null", &cfg);
    check_refused("n_key_value_heads", "1", HS_ECONFIG);
}

static void test_mlp(void)
{
    static const struct {
        const char *text;
        hs_act act;
    } ACTS[] = {{"\"relu\"", HS_ACT_RELU},           {"\"gelu\"", HS_ACT_GELU}, {"\"gelu_new\"", HS_ACT_GELU_NEW},
                {"\"gelu_fast\"", HS_ACT_GELU_FAST}, {"\"silu\"", HS_ACT_SILU}, {"\"gelu_pytorch_tanh\"", HS_ACT_GELU_PYTORCH_TANH},
                {"\"solu\"", HS_ACT_SOLU},           {"\"solu_ln\"", HS_ACT_SOLU_LN}};
    hs_config cfg;
    TEST("act_fn");
    for (size_t i = 0; i < sizeof ACTS / sizeof *ACTS; i++) {
        check_taken("act_fn", ACTS[i].text, &cfg);
        CHECK(cfg.act_fn == ACTS[i].act);
    }
    check_refused("act_fn", "\"swish\"", HS_ECONFIG);
    check_refused("act_fn", "\"RELU\"", HS_ECONFIG);
    check_refused("act_fn", "null", HS_EFIELD);
    check_refused("act_fn", NULL, HS_EFIELD);
    check_refused("act_fn", "3", HS_EFIELD);
    TEST("attn_only needs no act_fn and has no d_mlp");
    hs_detail detail = {""};
    CHECK_STATUS(read_text("{\"n_layers\":1,\"d_model\":8,\"n_ctx\":4,\"d_head\":4,\"d_vocab\":5,\"attn_only\":true}", &detail, &cfg), HS_OK, detail);
    CHECK(cfg.attn_only && cfg.d_mlp == 0 && cfg.act_fn == HS_ACT_NONE && cfg.n_heads == 2);
    check_taken("attn_only", "null", &cfg);
    CHECK(!cfg.attn_only);
    check_refused("attn_only", "1", HS_EFIELD);
}

static void test_others(void)
{
    hs_config cfg;
    TEST("normalization_type");
    check_taken("normalization_type", "null", &cfg);
    CHECK(cfg.normalization_type == HS_NORM_NONE);
    check_taken("normalization_type", "\"LNPre\"", &cfg);
    CHECK(cfg.normalization_type == HS_NORM_LNPRE);
    check_taken("normalization_type", "\"LN\"", &cfg);
    CHECK(cfg.normalization_type == HS_NORM_LN);
    check_refused("normalization_type", "\"RMS\"", HS_ECONFIG);
    check_refused("normalization_type", "\"RMSPre\"", HS_ECONFIG);
    check_refused("normalization_type", "\"\"", HS_ECONFIG);
    check_refused("normalization_type", "false", HS_EFIELD);

    TEST("positional_embedding_type");
    check_taken("positional_embedding_type", "\"shortformer\"", &cfg);
    CHECK(cfg.positional_embedding_type == HS_POSITIONS_SHORTFORMER);
    check_taken("positional_embedding_type", "null", &cfg);
    CHECK(cfg.positional_embedding_type == HS_POSITIONS_STANDARD);
    check_refused("positional_embedding_type", "\"rotary\"", HS_ECONFIG);
    check_refused("positional_embedding_type", "\"alibi\"", HS_ECONFIG);
    check_refused("positional_embedding_type", "\"relative_positional_bias\"", HS_ECONFIG);
    check_refused("positional_embedding_type", "{}", HS_EFIELD);

    TEST("eps");
    check_taken("eps", "0", &cfg);
    CHECK(cfg.eps == 0);
    check_taken("eps", "1e-12", &cfg);
    CHECK(cfg.eps == 1e-12);
    check_refused("eps", "-1e-5", HS_ECONFIG);
    check_refused("eps", "1e400", HS_EFIELD);
    check_refused("eps", "\"small\"", HS_EFIELD);

    TEST("attn_scale and use_attn_scale");
    check_taken("attn_scale", "-1.0", &cfg);
    CHECK(cfg.attn_scale == sqrt(17));
    check_taken("attn_scale", "null", &cfg);
    CHECK(cfg.attn_scale == sqrt(17));
    check_taken("attn_scale", "2.5", &cfg);
    CHECK(cfg.attn_scale == 2.5);
    check_taken("attn_scale", "-3", &cfg);
    CHECK(cfg.attn_scale == -3);
    check_refused("attn_scale", "0", HS_ECONFIG);
    check_refused("attn_scale", "-1e999", HS_EFIELD);
    check_taken("use_attn_scale", "false", &cfg);
    CHECK(cfg.attn_scale == 1 && !cfg.use_attn_scale);
    check_refused("use_attn_scale", "0", HS_EFIELD);

    TEST("scale_attn_by_inverse_layer_idx and default_prepend_bos");
    check_taken("scale_attn_by_inverse_layer_idx", "true", &cfg);
    CHECK(cfg.scale_attn_by_inverse_layer_idx);
    check_refused("scale_attn_by_inverse_layer_idx", "\"yes\"", HS_EFIELD);
    check_taken("default_prepend_bos", "false", &cfg);
    CHECK(!cfg.default_prepend_bos);
    check_refused("default_prepend_bos", "[]", HS_EFIELD);

    TEST("d_vocab_out and n_heads as given");
    check_taken("d_vocab_out", "7", &cfg);
    CHECK(cfg.d_vocab_out == 7 && cfg.d_vocab == 50);
    check_taken("n_heads", "5", &cfg);
    CHECK(cfg.n_heads == 5 && cfg.n_key_value_heads == 5);

    TEST("model_type");
    check_taken("model_type", "\"hooked_transformer\"", &cfg);
    check_refused("model_type", "\"gpt2\"", HS_ECONFIG);
    check_refused("model_type", "3", HS_EFIELD);

    TEST("unknown fields and other texts");
    check_refused("n_layer", "2", HS_EFIELD);
    check_refused("__proto__", "{}", HS_EFIELD);
    check_refused("architectures", "[\"GPT2\"]", HS_EFIELD);
    hs_detail detail = {""};
    CHECK_STATUS(read_text("[]", &detail, &cfg), HS_EFIELD, detail);
    CHECK_STATUS(read_text("null", &detail, &cfg), HS_EFIELD, detail);
    CHECK_STATUS(read_text("", &detail, &cfg), HS_EJSON, detail);
    CHECK_STATUS(read_text("{\"n_layers\":1,\"n_layers\":1}", &detail, &cfg), HS_EDUPKEY, detail);
    CHECK_STATUS(read_text("{\"n_layers\":\"\xff\"}", &detail, &cfg), HS_EUTF8, detail);
}

static void test_mutations(void)
{
    TEST("30,000 mutated configurations are taken with sane sizes or refused");
    static const char PIECES[] = "0123456789-.e\"{}[],:\\tn ";
    uint64_t seed = 3;
    int n_taken = 0, n_refused = 0;
    char base[1024];
    write_json(base, "n_heads", "4");
    size_t size = strlen(base);
    for (int i = 0; i < 30000; i++) {
        char *text = malloc(size);
        memcpy(text, base, size);
        for (uint64_t n = 1 + random_below(&seed, 3); n; n--)
            text[random_below(&seed, size)] = PIECES[random_below(&seed, sizeof PIECES - 1)];
        hs_detail detail = {""};
        hs_config cfg = {0};
        hs_status status = hs_config_read((hs_bytes){text, size, NULL}, &detail, &cfg);
        n_taken += status == HS_OK && cfg.d_model > 0 && cfg.n_heads > 0 && cfg.d_head > 0 && cfg.d_vocab > 0;
        n_refused += status != HS_OK && detail.text[0] && cfg.d_model == 0;
        free(text);
    }
    CHECK(n_taken + n_refused == 30000);
    CHECK(n_taken > 300 && n_refused > 1000);
}

int main(void)
{
    test_defaults();
    test_table();
    test_sizes();
    test_mlp();
    test_others();
    test_mutations();
    return HARNESS_END();
}
