/* test_gradients.c: the backward pass against central finite differences, in the f64 build, where the
 * only error is that of the difference itself. Random models, every kind of block; random directions in
 * the space of all parameters; and a nudge at every hook by an edit. */
#include "harness.h"
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 7;
static double uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53 * 2 - 1;
}

static hs_model *random_model(const char *fields)
{
    char json[1024];
    hs_detail detail = {""};
    hs_config cfg;
    hs_model *model = NULL;
    snprintf(json, sizeof json, "{\"n_layers\":2,\"d_model\":10,\"n_ctx\":7,\"d_head\":3,\"n_heads\":3,\"d_vocab\":11%s}", fields);
    hs_status status = hs_config_read((hs_bytes){json, strlen(json), "config"}, &detail, &cfg);
    if (status == HS_OK)
        status = hs_model_new(&cfg, &detail, &model);
    if (status != HS_OK)
        printf("%s\n", detail.text);
    CHECK(status == HS_OK);
    for (int i = 0; i < hs_model_n_params(model); i++) {
        hs_tensor p = hs_model_param(model, i);
        for (int64_t j = 0; j < p.count; j++)
            ((hs_real *)p.data)[j] = (hs_real)(0.7 * uniform() + (strstr(p.name, "ln") && strstr(p.name, ".w") ? 1 : 0));
    }
    return model;
}

static const int32_t IDS[7] = {0, 3, 5, 3, 10, 5, 2};

/* The mean loss with these edits; hs_model_new's caller has to repack, which hs_grad_new does. */
static double loss_of(hs_model *model, const char *edits_json, hs_grad **grad_out)
{
    hs_detail detail = {""};
    hs_edits *edits = NULL;
    hs_run *run = NULL;
    hs_grad *grad = NULL;
    CHECK(hs_edits_new(model, (hs_bytes){edits_json, strlen(edits_json), "edits"}, 7, NULL, &detail, &edits) == HS_OK);
    hs_run_spec spec = {.ids = IDS, .n_tokens = 7, .edits = edits, .keep_for_backward = true};
    static const char *const ALL[] = {"*"};
    hs_grad_spec grad_spec = {.hooks = ALL, .n_hooks = 1, .weights = true};
    CHECK(hs_run_new(model, &spec, &detail, &run) == HS_OK);
    CHECK(hs_grad_new(model, run, &grad_spec, &detail, &grad) == HS_OK); /* packs the weights anew */
    hs_run_forward(run);
    double loss = hs_run_loss(run, NULL);
    if (grad_out) {
        hs_real *d = malloc(7 * 11 * sizeof *d);
        hs_loss_gradient(run, 1, d);
        hs_backward(run, d, grad);
        free(d);
        *grad_out = grad;
    } else
        hs_grad_free(grad);
    hs_run_free(run);
    hs_edits_free(edits);
    return loss;
}

/* The derivative along a random direction in parameter space, both ways. */
static void check_params(hs_model *model, const char *what, const char *edits)
{
    hs_grad *grad;
    loss_of(model, edits, &grad);
    for (int i = 0; i < hs_model_n_params(model); i++) {
        hs_tensor p = hs_model_param(model, i), g = hs_grad_param(grad, i);
        hs_real *w = (hs_real *)p.data, *was = malloc((size_t)p.count * sizeof *was), *way = malloc((size_t)p.count * sizeof *way);
        double along = 0, size = 0, h = 1e-5;
        memcpy(was, w, (size_t)p.count * sizeof *was);
        for (int64_t j = 0; j < p.count; j++) {
            way[j] = (hs_real)uniform();
            along += (double)way[j] * (double)g.data[j];
            size += fabs((double)way[j] * (double)g.data[j]);
        }
        for (int64_t j = 0; j < p.count; j++)
            w[j] = was[j] + (hs_real)h * way[j];
        double up = loss_of(model, edits, NULL);
        for (int64_t j = 0; j < p.count; j++)
            w[j] = was[j] - (hs_real)h * way[j];
        double down = loss_of(model, edits, NULL);
        memcpy(w, was, (size_t)p.count * sizeof *was);
        double difference = (up - down) / (2 * h);
        if (fabs(difference - along) > 1e-6 * (size + 1e-3))
            printf("  %s: %s: finite difference %.10g, backward %.10g\n", what, p.name, difference, along);
        CHECK(fabs(difference - along) <= 1e-6 * (size + 1e-3));
        free(was);
        free(way);
    }
    hs_grad_free(grad);
}

/* Adding h * v at a hook after all other edits changes the loss by h times the gradient there along v. */
static void check_hooks(hs_model *model, const char *what, const char *edits)
{
    hs_grad *grad;
    loss_of(model, edits, &grad);
    for (int i = 0; i < hs_grad_n_hooks(grad); i++) {
        hs_tensor g = hs_grad_hook(grad, i);
        int last = (int)g.shape[g.n_axes - 1];
        bool masked = g.n_axes == 3 && g.shape[1] == 7 && g.shape[2] == 7 && g.shape[0] == 3;
        double way[64], along = 0, size = 0, h = 1e-5, loss[2];
        for (int j = 0; j < last; j++)
            way[j] = uniform();
        for (int64_t j = 0; j < g.count; j++) {
            int64_t src = j % last, dest = j / last % 7;
            if (masked && src > dest)
                continue;
            along += way[j % last] * (double)g.data[j];
            size += fabs(way[j % last] * (double)g.data[j]);
        }
        for (int sign = 0; sign < 2; sign++) {
            char json[8192];
            size_t n = strlen(edits) - 1; /* without the closing bracket */
            memcpy(json, edits, n);
            n += (size_t)snprintf(json + n, sizeof json - n, "%s{\"hook\":\"%s\",\"op\":\"add\",\"scale\":%.17g,\"value\":[", n > 1 ? "," : "",
                                  g.name, sign ? -h : h);
            for (int j = 0; j < last; j++)
                n += (size_t)snprintf(json + n, sizeof json - n, "%s%.17g", j ? "," : "", way[j]);
            snprintf(json + n, sizeof json - n, "]}]");
            loss[sign] = loss_of(model, json, NULL);
        }
        double difference = (loss[0] - loss[1]) / (2 * h);
        if (fabs(difference - along) > 1e-6 * (size + 1e-3))
            printf("  %s: %s: finite difference %.10g, backward %.10g\n", what, g.name, difference, along);
        CHECK(fabs(difference - along) <= 1e-6 * (size + 1e-3));
    }
    hs_grad_free(grad);
}

static const struct { const char *name, *fields; } MODELS[] = {
    {"attention only, shortformer, LN", ",\"attn_only\":true,\"positional_embedding_type\":\"shortformer\""},
    {"attention only, no norm", ",\"attn_only\":true,\"normalization_type\":null"},
    {"gelu, LN", ",\"act_fn\":\"gelu\",\"d_mlp\":13"},
    {"gelu_new, LNPre", ",\"act_fn\":\"gelu_new\",\"normalization_type\":\"LNPre\""},
    {"silu, no norm, shortformer", ",\"act_fn\":\"silu\",\"normalization_type\":null,\"positional_embedding_type\":\"shortformer\",\"d_mlp\":13"},
    {"solu, LN", ",\"act_fn\":\"solu\",\"d_mlp\":13"},
    {"solu_ln, LN", ",\"act_fn\":\"solu_ln\",\"d_mlp\":13"},
    {"solu_ln, LNPre", ",\"act_fn\":\"solu_ln\",\"d_mlp\":13,\"normalization_type\":\"LNPre\""},
    {"solu_ln, no norm", ",\"act_fn\":\"solu_ln\",\"d_mlp\":13,\"normalization_type\":null"},
    {"relu, scale by layer", ",\"act_fn\":\"relu\",\"d_mlp\":13,\"scale_attn_by_inverse_layer_idx\":true"},
};

/* Every op somewhere, on a path that a gradient takes. */
static const char *const EDITS[] = {
    "[]",
    "[{\"hook\":\"blocks.0.attn.hook_z\",\"heads\":[1],\"op\":\"scale\",\"scale\":1.5},"
    "{\"hook\":\"blocks.0.hook_resid_post\",\"positions\":[-1,2],\"op\":\"project_out\",\"scale\":0.7,\"value\":[1,2,3,4,5,-6,7,8,9,1]},"
    "{\"hook\":\"blocks.1.hook_resid_pre\",\"op\":\"clamp\",\"value\":[1,-1,1,-1,1,1,1,-1,1,1],\"min\":-0.5,\"max\":0.4},"
    "{\"hook\":\"blocks.1.attn.hook_pattern\",\"heads\":[0],\"positions\":[4],\"sources\":[1,2],\"op\":\"scale\",\"scale\":0.5},"
    "{\"hook\":\"blocks.1.attn.hook_v\",\"heads\":[2],\"op\":\"zero\"}]",
    "[{\"hook\":\"blocks.0.hook_q_input\",\"heads\":[0,2],\"op\":\"scale\",\"scale\":0.8},"
    "{\"hook\":\"blocks.1.hook_attn_in\",\"heads\":[1],\"op\":\"add\",\"value\":[1,0,2,0,3,0,1,0,0,1]},"
    "{\"hook\":\"blocks.1.hook_v_input\",\"heads\":[1],\"op\":\"clamp\",\"value\":[1,-1,1,-1,1,1,1,-1,1,1],\"min\":-0.1,\"max\":0.2},"
    "{\"hook\":\"blocks.0.attn.hook_result\",\"heads\":[1],\"positions\":[3,4,5],\"op\":\"scale\",\"scale\":-1},"
    "{\"hook\":\"blocks.0.attn.hook_attn_scores\",\"heads\":[1],\"op\":\"scale\",\"scale\":0.3},"
    "{\"hook\":\"hook_embed\",\"op\":\"scale\",\"scale\":1.1},"
    "{\"hook\":\"hook_pos_embed\",\"positions\":[1],\"op\":\"zero\"}]",
};

int main(void)
{
    for (size_t m = 0; m < sizeof MODELS / sizeof *MODELS; m++)
        for (size_t e = 0; e < sizeof EDITS / sizeof *EDITS; e++) {
            hs_model *model = random_model(MODELS[m].fields);
            char what[128];
            snprintf(what, sizeof what, "%s, edits %d", MODELS[m].name, (int)e);
            TEST("%s", what);
            check_params(model, what, EDITS[e]);
            check_hooks(model, what, EDITS[e]);
            hs_model_free(model);
        }
    return HARNESS_END();
}
