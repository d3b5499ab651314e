/* test_units.c: no unit of a study, a gradient, a run or a generation takes more than 50 MFLOP, in a model as wide as
 * GPT-2 small, of a short prompt, a long one and all of a context, and in one as wide as GPT-2 XL. Counted, not timed: every kernel is
 * the linker's --wrap of it here, and counts what it would do without doing it. Which units there are depends on shapes alone. */
#include "grad.h"
#include "hs_generate.h"
#include "hs_read.h"
#include "random_model.h"
#include "run.h"

#ifdef __SANITIZE_ADDRESS__
#define WITH_LONG false /* it takes minutes there */
#else
#define WITH_LONG true
#endif

static double counted, largest;

void __wrap_hs_gemm(hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed, int64_t panel_stride,
                    const hs_real *bias, int m, int n, int k, bool accumulate);
void __wrap_hs_gemm(hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed, int64_t panel_stride,
                    const hs_real *bias, int m, int n, int k, bool accumulate)
{
    (void)c, (void)ldc, (void)a, (void)lda, (void)packed, (void)panel_stride, (void)bias, (void)accumulate;
    counted += 2.0 * m * n * k;
}

void __wrap_hs_gemm_by(int tile, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed, int64_t panel_stride,
                       const hs_real *bias, int m, int n, int k, bool accumulate);
void __wrap_hs_gemm_by(int tile, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed, int64_t panel_stride,
                       const hs_real *bias, int m, int n, int k, bool accumulate)
{
    (void)tile;
    __wrap_hs_gemm(c, ldc, a, lda, packed, panel_stride, bias, m, n, k, accumulate);
}

/* ---- the other kernels; an exponential is a polynomial of 20 operations ---- */

void __wrap_hs_softmax(hs_real *out, const hs_real *x, int n);
void __wrap_hs_softmax(hs_real *out, const hs_real *x, int n)
{
    (void)out, (void)x;
    counted += 23.0 * n;
}

hs_real __wrap_hs_exp(hs_real x);
hs_real __wrap_hs_exp(hs_real x)
{
    (void)x;
    counted += 20;
    return 1;
}

double __wrap_hs_logsumexp(const hs_real *x, int n);
double __wrap_hs_logsumexp(const hs_real *x, int n)
{
    (void)x;
    counted += 22.0 * n;
    return 0;
}

/* And what the backward pass does beside it: LayerNorm's in the loops of backward.c, twice a row. */
void __wrap_hs_ln_moments(const hs_real *x, int n, double eps, hs_real *mean, hs_real *scale);
void __wrap_hs_ln_moments(const hs_real *x, int n, double eps, hs_real *mean, hs_real *scale)
{
    (void)x, (void)eps;
    *mean = 0;
    *scale = 1;
    counted += (4.0 + 8) * n;
}

void __wrap_hs_ln_apply(hs_real *out, const hs_real *x, hs_real mean, hs_real scale, const hs_real *w, const hs_real *b, int n);
void __wrap_hs_ln_apply(hs_real *out, const hs_real *x, hs_real mean, hs_real scale, const hs_real *w, const hs_real *b, int n)
{
    (void)out, (void)x, (void)mean, (void)scale, (void)w, (void)b;
    counted += 4.0 * n;
}

void __wrap_hs_add(hs_real *out, const hs_real *a, const hs_real *b, int64_t n);
void __wrap_hs_add(hs_real *out, const hs_real *a, const hs_real *b, int64_t n)
{
    (void)out, (void)a, (void)b;
    counted += (double)n;
}

void __wrap_hs_add_scaled(hs_real *y, hs_real s, const hs_real *x, int64_t n);
void __wrap_hs_add_scaled(hs_real *y, hs_real s, const hs_real *x, int64_t n)
{
    (void)y, (void)s, (void)x;
    counted += 2.0 * (double)n;
}

void __wrap_hs_activation(hs_act act, hs_real *out, const hs_real *x, int64_t n);
void __wrap_hs_activation(hs_act act, hs_real *out, const hs_real *x, int64_t n)
{
    (void)act, (void)out, (void)x;
    counted += 30.0 * (double)n;
}

void __wrap_hs_activation_grad(hs_act act, hs_real *d_x, const hs_real *d_out, const hs_real *x, int64_t n);
void __wrap_hs_activation_grad(hs_act act, hs_real *d_x, const hs_real *d_out, const hs_real *x, int64_t n)
{
    (void)act, (void)d_x, (void)d_out, (void)x;
    counted += 30.0 * (double)n;
}

double __wrap_hs_ddot(const double *a, const hs_real *b, int n);
double __wrap_hs_ddot(const double *a, const hs_real *b, int n)
{
    (void)a, (void)b;
    counted += 2.0 * n;
    return 0;
}

static void begin_unit(void)
{
    counted = 0;
}

static void end_unit(void)
{
    largest = counted > largest ? counted : largest;
}

/* The largest unit of what was named with TEST. */
static void judge(const char *what, int units)
{
    if (!CHECK(largest <= 50e6 && largest > 1e6))
        printf("    %s: %.1f MFLOP in one of %d units\n", what, largest / 1e6, units);
    else
        printf("    %-60.60s %6.1f MFLOP at most, %d units\n", what, largest / 1e6, units);
    largest = 0;
}

static void put_ids(char *out, int first, int n)
{
    for (int i = 0; i < n; i++)
        out += sprintf(out, "%s%d", i ? "," : "[", i ? 3 + i % 1000 : first);
    strcpy(out, "]");
}

/* A and B are prompts of n tokens that differ in the first. */
static void write_document(char *out, const char *form, int n)
{
    for (; *form; form++) {
        if (*form == '@' || *form == '#') {
            put_ids(out, *form == '@' ? 1 : 2, n);
            out += strlen(out);
        } else
            *out++ = *form;
    }
    *out = 0;
}

static void study(hs_model *model, const char *form, int n)
{
    static char text[65536];
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    write_document(text, form, n);
    begin_unit(); /* what is planned and begun is one, too */
    if (!CHECK_STATUS(hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec"}, &detail, &reading), HS_OK, detail) ||
        !CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail))
        exit(1);
    end_unit();
    int units = 0;
    for (bool more = true; more; units++) {
        begin_unit();
        more = hs_read_step(reading);
        end_unit();
    }
    judge(form, units);
    hs_read_free(reading);
}

static void generation(hs_model *model, const char *form, int n)
{
    static char text[65536];
    hs_detail detail = {""};
    hs_generation *g = NULL;
    write_document(text, form, n);
    if (!CHECK_STATUS(hs_generate_new(model, (hs_bytes){text, strlen(text), "spec"}, NULL, &detail, &g), HS_OK, detail))
        exit(1);
    int units = 0;
    for (bool more = true; more; units++) {
        begin_unit();
        more = hs_generate_step(g);
        end_unit();
    }
    judge(form, units);
    hs_generate_free(g);
}

/* A run with an edit and a capture of all that is done on demand, and back through it. */
static void gradient(hs_model *model, int n)
{
    static const char EDITS[] = "[{\"hook\":\"*.hook_result\",\"op\":\"scale\",\"scale\":2},{\"hook\":\"*.hook_k_input\",\"op\":\"scale\",\"scale\":2}]";
    static const char *const HOOKS[] = {"*.hook_resid_pre", "*.hook_result", "*.hook_?_input"};
    int32_t ids[1024];
    hs_detail detail = {""};
    hs_edits *edits = NULL;
    hs_run *run = NULL;
    hs_grad *grad = NULL;
    for (int i = 0; i < n; i++)
        ids[i] = i;
    CHECK_STATUS(hs_edits_new(model, (hs_bytes){EDITS, sizeof EDITS - 1, "edits"}, n, NULL, &detail, &edits), HS_OK, detail);
    hs_run_spec spec = {.ids = ids, .n_tokens = n, .edits = edits, .keep_for_backward = true};
    hs_grad_spec wanted = {HOOKS, 3, false};
    if (!CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail) || !CHECK_STATUS(hs_grad_new(model, run, &wanted, &detail, &grad), HS_OK, detail))
        exit(1);
    int units = 0;
    for (bool more = true; more; units++) {
        begin_unit();
        more = hs_run_step(run);
        end_unit();
    }
    judge("a run", units);
    grad->d_logits[0] = 1; /* and rows between that are not used */
    grad->d_logits[(int64_t)n * model->cfg.d_vocab_out - 1] = 1;
    hs_backward_enter(grad, (hs_rows){0, n});
    units = 0;
    for (bool more = true; more; units++) {
        begin_unit();
        more = hs_backward_step(run, grad);
        end_unit();
    }
    judge("a gradient", units);
    hs_grad_free(grad);
    hs_run_free(run);
    hs_edits_free(edits);
}

#define PAIR "\"clean\":@,\"corrupted\":#,\"metric\":{\"kind\":\"logit_diff\",\"correct\":1,\"wrong\":2}"

static const char *const STUDIES[] = {
    "{\"read\":\"sweep\",\"what\":\"resid_pre\",\"by\":\"layer,position\",\"positions\":[0,9]," PAIR "}",
    "{\"read\":\"sweep\",\"what\":[\"q\",\"result\"],\"by\":\"layer,head\",\"heads\":[1],\"direction\":\"noise\"," PAIR "}",
    "{\"read\":\"sweep\",\"what\":\"pattern\",\"by\":\"layer,head\",\"heads\":[0,3],\"clean\":@,\"corrupted\":#,\"metric\":{\"kind\":\"kl\"}}",
    "{\"read\":\"sweep\",\"what\":\"direct_path\",\"by\":\"layer,head\",\"heads\":[1]," PAIR "}",
    "{\"read\":\"ablate\",\"what\":\"z\",\"by\":\"layer,head\",\"heads\":[1],\"op\":\"mean\",\"prompts\":[@],\"over\":[#],\"metric\":{\"kind\":\"loss\"}}",
    "{\"read\":\"ablate\",\"what\":\"pattern\",\"by\":\"layer,head\",\"heads\":[0],\"op\":\"position_mean\",\"prompts\":[@],\"metric\":{\"kind\":\"loss\"}}",
    "{\"read\":\"ablate\",\"what\":\"pattern\",\"by\":\"layer,head\",\"heads\":[0],\"op\":\"resample\",\"prompts\":[@],\"over\":[#],\"metric\":{\"kind\":\"kl\"}}",
    "{\"read\":\"path\",\"senders\":[\"embed\",\"L0H3\",\"0_mlp_out\"],\"receivers\":[\"L1H3.k\",\"1_mlp_in\",\"final\"]," PAIR "}",
    "{\"read\":\"path\",\"senders\":[\"L0H3\"],\"receivers\":[\"final\"],\"mlps\":\"frozen\"," PAIR "}",
    "{\"read\":\"attribute\",\"what\":\"z\",\"by\":\"layer,head\",\"heads\":[2],\"steps\":2,\"compare\":true," PAIR "}",
    "{\"read\":\"edges\",\"direction\":\"noise\"," PAIR "}",
    "{\"read\":\"circuit\",\"counts\":[100],\"ablation\":\"zero\"," PAIR "}",
    "{\"read\":\"vector\",\"recipe\":{\"contrast\":{\"positive\":[@],\"negative\":[#]},\"hook\":\"blocks.1.hook_resid_pre\"}}",
    "{\"read\":\"dose\",\"prompts\":[@],\"strengths\":[1],\"max_new\":2,\"frozen\":true,\"steer\":{\"hook\":\"blocks.1.attn.hook_z\",\"value\":[[1]]}}",
    "{\"read\":\"outcomes\",\"base\":@,\"ways\":[{\"name\":\"b\",\"ids\":#}],\"max_new\":2}",
    "{\"read\":\"outcomes\",\"base\":@,\"ways\":[{\"name\":\"b\",\"ids\":#,\"edits\":[{\"hook\":\"logits\",\"op\":\"mean\",\"value\":{\"run\":\"B\"}}],"
    "\"runs\":{\"A\":#,\"B\":@}}],\"max_new\":1}",
};

/* The layers' shape; and prompts of so many tokens. */
static void check(const char *config, const int *tokens, int n)
{
    hs_detail detail = {""};
    hs_config cfg;
    hs_model *model = NULL;
    if (!CHECK_STATUS(hs_config_read((hs_bytes){config, strlen(config), "config"}, &detail, &cfg), HS_OK, detail) ||
        !CHECK_STATUS(hs_model_new(&cfg, &detail, &model), HS_OK, detail) || !CHECK_STATUS(hs_model_pack(model, true, &detail), HS_OK, detail))
        exit(1);
    for (int i = 0; i < n; i++) {
        TEST("units of at most 50 MFLOP, d_model %d, %d tokens", cfg.d_model, tokens[i]);
        for (size_t s = 0; s < sizeof STUDIES / sizeof *STUDIES; s++)
            study(model, STUDIES[s], tokens[i]);
        generation(model, "{\"ids\":@,\"max_new\":3,\"twin\":true,\"freeze_attention\":true}", tokens[i]);
        gradient(model, tokens[i]);
    }
    hs_model_free(model);
}

int main(void)
{
    static const int TOKENS[] = {15, 256, 1024};
    check("{\"n_layers\":2,\"d_model\":768,\"n_ctx\":1030,\"d_head\":64,\"n_heads\":12,\"d_vocab\":50257,\"d_mlp\":3072,"
          "\"act_fn\":\"gelu_new\",\"normalization_type\":\"LN\"}", TOKENS, WITH_LONG ? 3 : 1);
    if (WITH_LONG)
        check("{\"n_layers\":2,\"d_model\":1600,\"n_ctx\":1030,\"d_head\":64,\"n_heads\":25,\"d_vocab\":3000,\"d_mlp\":6400,"
              "\"act_fn\":\"gelu_new\",\"normalization_type\":\"LN\"}", TOKENS + 2, 1);
    return HARNESS_END();
}
