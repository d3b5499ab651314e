/* info.c: what a model is, and which hooks it has. */
#include "cli.h"

#include <stdlib.h>

static const char *const NORMS[] = {
    [HS_NORM_LN] = "LN", [HS_NORM_LNPRE] = "LNPre", [HS_NORM_RMS] = "RMS", [HS_NORM_RMSPRE] = "RMSPre"};
static const char *const POSITIONS[] = {[HS_POSITIONS_STANDARD] = "standard",
                                        [HS_POSITIONS_SHORTFORMER] = "shortformer",
                                        [HS_POSITIONS_ROTARY] = "rotary",
                                        [HS_POSITIONS_ALIBI] = "alibi",
                                        [HS_POSITIONS_RELATIVE] = "relative_positional_bias"};
static const char *const ACTS[] = {[HS_ACT_RELU] = "relu",
                                   [HS_ACT_GELU] = "gelu",
                                   [HS_ACT_GELU_NEW] = "gelu_new",
                                   [HS_ACT_GELU_FAST] = "gelu_fast",
                                   [HS_ACT_GELU_PYTORCH_TANH] = "gelu_pytorch_tanh",
                                   [HS_ACT_SILU] = "silu",
                                   [HS_ACT_SOLU] = "solu",
                                   [HS_ACT_SOLU_LN] = "solu_ln"};

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void print_name(const char *field, const char *name)
{
    printf(",\n  \"%s\": ", field);
    if (name)
        hs_print_string(stdout, name);
    else
        printf("null");
}

/* HookedTransformerConfig's fields, as they count after its defaults. */
static void print_config(const hs_config *cfg)
{
    printf(" \"config\": {\n  \"n_layers\": %d, \"d_model\": %d, \"n_ctx\": %d, \"n_heads\": %d, \"d_head\": %d,\n",
           cfg->n_layers, cfg->d_model, cfg->n_ctx, cfg->n_heads, cfg->d_head);
    printf("  \"d_mlp\": ");
    printf(cfg->attn_only ? "null" : "%d", cfg->d_mlp);
    printf(", \"d_vocab\": %d, \"d_vocab_out\": %d, \"attn_only\": %s", cfg->d_vocab, cfg->d_vocab_out,
           truth(cfg->attn_only));
    print_name("act_fn", ACTS[cfg->act_fn]);
    print_name("normalization_type", NORMS[cfg->normalization_type]);
    print_name("positional_embedding_type", POSITIONS[cfg->positional_embedding_type]);
    printf(",\n  \"use_attn_scale\": %s, \"attn_scale\": ", truth(cfg->use_attn_scale));
    hs_print_double(stdout, cfg->attn_scale);
    printf(", \"scale_attn_by_inverse_layer_idx\": %s, \"eps\": ", truth(cfg->scale_attn_by_inverse_layer_idx));
    hs_print_double(stdout, cfg->eps);
    printf(",\n  \"default_prepend_bos\": %s},\n", truth(cfg->default_prepend_bos));
}

static void print_info(const hs_model *model)
{
    printf("{\"v\": 1, \"model_type\": \"hooked_transformer\",\n");
    print_config(hs_model_config(model));
    printf(" \"parameters\": %lld, \"n_params\": %lld, \"not_finite\": %lld, \"bytes\": %zu,\n \"tensors\": [\n",
           (long long)hs_model_count_all(model), (long long)hs_model_count_n_params(model),
           (long long)hs_model_n_not_finite(model), hs_model_bytes(model));
    int n = hs_model_n_params(model);
    for (int i = 0; i < n; i++) {
        hs_tensor tensor = hs_model_param(model, i);
        printf("  {\"name\": \"%s\", \"shape\": ", tensor.name);
        hs_print_shape(stdout, tensor.shape, tensor.n_axes);
        printf(i + 1 < n ? "},\n" : "}]}\n");
    }
}

hs_status hs_cmd_info(int argc, char **argv, hs_detail *detail)
{
    const char *path;
    HS_TRY(hs_args_read(argc, argv, &path, 1, NULL, 0, detail));
    hs_model *model;
    HS_TRY(hs_model_open(path, detail, &model));
    print_info(model);
    hs_model_free(model);
    return HS_OK;
}

static void print_hooks(const hs_model *model, int n_tokens)
{
    int n = hs_hook_count(model);
    printf("{\"v\": 1, \"tokens\": %d, \"hooks\": [\n", n_tokens);
    for (int i = 0; i < n; i++) {
        hs_hook_info hook;
        hs_hook_describe(model, i, n_tokens, &hook);
        printf("  {\"name\": \"%s\", \"shape\": ", hook.name);
        hs_print_shape(stdout, hook.shape, hook.n_axes);
        printf(", \"bytes\": %lld%s", (long long)(hook.count * (int64_t)sizeof(hs_real)), i + 1 < n ? "},\n" : "}]}\n");
    }
}

static hs_status list_hooks(const char *path, const char *tokens, hs_detail *detail)
{
    hs_model *model;
    HS_TRY(hs_model_open(path, detail, &model));
    int64_t n_tokens = hs_model_config(model)->n_ctx;
    hs_status status = tokens ? hs_args_int(tokens, "--tokens", 1, n_tokens, detail, &n_tokens) : HS_OK;
    if (status == HS_OK)
        print_hooks(model, (int)n_tokens);
    hs_model_free(model);
    return status;
}

hs_status hs_cmd_hooks(int argc, char **argv, hs_detail *detail)
{
    const char *path;
    hs_flag flags[] = {{.name = "--tokens", .most = 1}};
    hs_status status = hs_args_read(argc, argv, &path, 1, flags, 1, detail);
    if (status == HS_OK)
        status = list_hooks(path, flags[0].n ? flags[0].values[0] : NULL, detail);
    hs_args_free(flags, 1);
    return status;
}
