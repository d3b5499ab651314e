/* test_turns.c: work in units has the bits of work in one piece, where a layer takes many units: every hook of a run,
 * every gradient, and patched runs in batches. */
#include "grad.h"
#include "hs_read.h"
#include "metric.h"
#include "random_model.h"
#include "run.h"

enum { T = 110 }; /* more than a group of rows */

static const char *const CONFIGS[] = {
    "{\"n_layers\":2,\"d_model\":264,\"n_ctx\":120,\"d_head\":33,\"n_heads\":8,\"d_vocab\":1501,\"d_mlp\":1100,\"act_fn\":\"gelu\",\"normalization_type\":\"LN\"}",
    "{\"n_layers\":2,\"d_model\":250,\"n_ctx\":120,\"d_head\":64,\"n_heads\":4,\"d_vocab\":1503,\"d_mlp\":1000,\"act_fn\":\"solu_ln\",\"normalization_type\":\"LNPre\","
    "\"positional_embedding_type\":\"shortformer\"}",
};
static const char *const EDITS[] = {
    "[]", "[{\"hook\":\"*.hook_result\",\"op\":\"scale\",\"scale\":1.5},{\"hook\":\"*.hook_?_input\",\"heads\":[1],\"op\":\"scale\",\"scale\":0.5},"
          "{\"hook\":\"*.ln?.hook_scale\",\"op\":\"scale\",\"scale\":1.1},{\"hook\":\"*.hook_pattern\",\"op\":\"scale\",\"scale\":0.9}]"};

static void fill(int32_t *ids, int shift)
{
    for (int t = 0; t < T; t++)
        ids[t] = (t * 37 + shift) % 1500;
}

static hs_run *run_of(hs_model *model, const int32_t *ids, const hs_edits *edits, bool in_units)
{
    static const char *const ALL[] = {"*"};
    hs_detail detail = {""};
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .edits = edits, .capture = ALL, .n_capture = 1, .keep_for_backward = true};
    hs_run *run = NULL;
    if (!CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail))
        exit(1);
    int units = 1;
    if (!in_units)
        hs_run_forward(run);
    else
        while (hs_run_step(run))
            units++;
    CHECK(!in_units || units > 12); /* more than its stages */
    return run;
}

static hs_grad *gradient_of(hs_model *model, const hs_run *run, bool in_units)
{
    static const char *const ALL[] = {"*"};
    hs_detail detail = {""};
    hs_grad_spec spec = {ALL, 1, true};
    hs_grad *grad = NULL;
    int V = model->cfg.d_vocab_out, units = 1;
    hs_real *d_logits = calloc((size_t)T * (size_t)V, sizeof *d_logits);
    if (!CHECK_STATUS(hs_grad_new(model, run, &spec, &detail, &grad), HS_OK, detail) || !d_logits)
        exit(1);
    for (int t = 20; t < T - 3; t++)
        d_logits[t * V + t] = (hs_real)(t - 40);
    if (!in_units)
        hs_backward(run, d_logits, grad);
    else {
        memcpy(grad->d_logits, d_logits, (size_t)T * (size_t)V * sizeof *d_logits);
        hs_backward_enter(grad, (hs_rows){20, T - 3});
        while (hs_backward_step(run, grad))
            units++;
        CHECK(units > 12);
    }
    free(d_logits);
    return grad;
}

static void test_runs(hs_model *model, const char *text)
{
    hs_detail detail = {""};
    hs_edits *edits = NULL;
    int32_t ids[T];
    fill(ids, 0);
    CHECK_STATUS(hs_edits_new(model, (hs_bytes){text, strlen(text), "edits"}, T, NULL, &detail, &edits), HS_OK, detail);
    hs_run *whole = run_of(model, ids, edits, false), *cut = run_of(model, ids, edits, true);
    for (int i = 0; i < hs_run_n_captured(whole); i++) {
        hs_tensor a = hs_run_captured(whole, i), b = hs_run_captured(cut, i);
        if (!CHECK(!memcmp(a.data, b.data, (size_t)a.count * sizeof *a.data)))
            printf("    %s\n", a.name);
    }
    hs_grad *of_whole = gradient_of(model, whole, false), *of_cut = gradient_of(model, cut, true);
    for (int i = 0; i < hs_grad_n_hooks(of_whole); i++) {
        hs_tensor a = hs_grad_hook(of_whole, i), b = hs_grad_hook(of_cut, i);
        if (!CHECK(!memcmp(a.data, b.data, (size_t)a.count * sizeof *a.data)))
            printf("    gradient at %s\n", a.name);
    }
    CHECK(!memcmp(of_whole->params, of_cut->params, (size_t)model->n_real * sizeof *of_whole->params));
    hs_grad_free(of_whole);
    hs_grad_free(of_cut);
    hs_run_free(whole);
    hs_run_free(cut);
    hs_edits_free(edits);
}

static void put_ids(char *out, const int32_t *ids)
{
    for (int t = 0; t < T; t++)
        out += sprintf(out, "%s%d", t ? "," : "[", (int)ids[t]);
    strcpy(out, "]");
}

/* Patches of whole runs, whose rows are more than one group. */
static void test_batch(hs_model *model, const char *what, const char *hook)
{
    char text[2400], clean_text[700], corrupted_text[700];
    int32_t clean[T], corrupted[T];
    hs_detail detail = {""};
    hs_reading *reading = NULL;
    fill(clean, 0);
    fill(corrupted, 700);
    put_ids(clean_text, clean);
    put_ids(corrupted_text, corrupted);
    snprintf(text, sizeof text, "{\"read\":\"sweep\",\"what\":\"%s\",\"by\":\"layer\",\"clean\":%s,\"corrupted\":%s,\"metric\":{\"kind\":\"log_prob\",\"correct\":5}}",
             what, clean_text, corrupted_text);
    if (!CHECK_STATUS(hs_read_new(model, NULL, NULL, (hs_bytes){text, strlen(text), "spec"}, &detail, &reading), HS_OK, detail) ||
        !CHECK_STATUS(hs_read_begin(reading, &detail), HS_OK, detail))
        exit(1);
    while (hs_read_step(reading))
        ;
    hs_run *source = run_of(model, clean, NULL, false);
    for (int layer = 0; layer < 2; layer++) {
        char edit[200];
        const char *name = "B";
        const hs_run *runs[] = {source};
        hs_sources sources = {.run_names = &name, .runs = runs, .n_runs = 1};
        hs_edits *edits = NULL;
        snprintf(edit, sizeof edit, "[{\"hook\":\"blocks.%d.%s\",\"op\":\"patch\",\"value\":{\"run\":\"B\"}}]", layer, hook);
        CHECK_STATUS(hs_edits_new(model, (hs_bytes){edit, strlen(edit), "edits"}, T, &sources, &detail, &edits), HS_OK, detail);
        hs_run *patched = run_of(model, corrupted, edits, false);
        int V = model->cfg.d_vocab_out;
        hs_metric metric = {HS_METRIC_LOG_PROB, T - 1, 5, -1};
        hs_real want = (hs_real)hs_metric_value(&metric, hs_run_logits(patched) + (T - 1) * V, NULL, V);
        CHECK(!memcmp(&want, &hs_read_array(reading, 0).tensor.data[layer], sizeof want));
        hs_run_free(patched);
        hs_edits_free(edits);
    }
    hs_run_free(source);
    hs_read_free(reading);
}

int main(void)
{
    uint64_t state = 11;
    for (int i = 0; i < 2; i++) {
        hs_model *model = random_model(&state, CONFIGS[i]);
        for (int64_t k = 0; k < model->n_real; k++)
            model->base[k] /= 8;
        hs_detail detail = {""};
        CHECK_STATUS(hs_model_pack(model, false, &detail), HS_OK, detail);
        TEST("in units or in one piece, the same bits: model %d", i);
        for (int e = 0; e < 2; e++)
            test_runs(model, EDITS[e]);
        test_batch(model, "resid_pre", "hook_resid_pre");
        test_batch(model, "result", "attn.hook_result");
        hs_model_free(model);
    }
    return HARNESS_END();
}
