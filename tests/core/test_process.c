/* test_process.c: processed weights predict the same, on random shapes, alone and together; what must hold of them; and
 * a refusal changes nothing. That they are TransformerLens' is tests/golden's. */
#include "hs_process.h"
#include "random_model.h"

#include <math.h>

enum { T = 7 };

/* Log-probabilities [T, d_vocab_out]. */
static double *predict(const hs_model *model, uint64_t seed)
{
    int V = model->cfg.d_vocab_out;
    int32_t ids[T];
    double *out = malloc((size_t)T * (size_t)V * sizeof *out);
    hs_detail detail = {""};
    hs_run *run;
    for (int i = 0; i < T; i++)
        ids[i] = (int32_t)random_below(&seed, (uint64_t)model->cfg.d_vocab);
    hs_run_spec spec = {.ids = ids, .n_tokens = T};
    CHECK_STATUS(hs_run_new(model, &spec, &detail, &run), HS_OK, detail);
    hs_run_forward(run);
    for (int t = 0; t < T; t++) {
        const hs_real *row = hs_run_logits(run) + (int64_t)t * V;
        double max = row[0], sum = 0;
        for (int i = 0; i < V; i++)
            max = row[i] > max ? row[i] : max;
        for (int i = 0; i < V; i++)
            sum += exp(row[i] - max);
        for (int i = 0; i < V; i++)
            out[t * V + i] = row[i] - max - log(sum);
    }
    hs_run_free(run);
    return out;
}

static double worst(const double *a, const double *b, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fabs(a[i] - b[i]) > most ? fabs(a[i] - b[i]) : most;
    return most;
}

static double row_mean(const hs_real *row, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += row[i];
    return sum / n;
}

/* Each bit of `what` is a transformation. */
static void check_kind(uint64_t seed, const char *config, int what)
{
    uint64_t state = seed;
    hs_model *model = random_model(&state, config);
    const hs_config *cfg = &model->cfg;
    const hs_process p = {what & 1, what & 2, what & 4, what & 8};
    bool ln = cfg->normalization_type == HS_NORM_LN, none = cfg->normalization_type == HS_NORM_NONE;
    bool shortformer = cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER;
    bool refused = (p.fold_ln && (!ln || shortformer)) || (p.center_writing_weights && (none || shortformer));
    int n = T * cfg->d_vocab_out, n_params = model->n_params;
    double *before = predict(model, seed);
    hs_detail detail = {""};
    CHECK_STATUS(hs_model_process(model, &p, &detail), refused ? HS_ESPEC : HS_OK, detail);
    double *after = predict(model, seed);
    if (refused) {
        CHECK(strstr(detail.text, p.fold_ln ? "fold_ln: " : "center_writing_weights: ") && !memcmp(before, after, (size_t)n * sizeof *after));
        CHECK(model->n_params == n_params);
    } else {
        CHECK(worst(before, after, n) < 2e-4);
        CHECK(!p.fold_ln || cfg->normalization_type == HS_NORM_LNPRE);
        for (int t = 0; t < cfg->d_vocab && p.center_writing_weights; t++)
            CHECK(fabs(row_mean(model->w.W_E + (int64_t)t * cfg->d_model, cfg->d_model)) < 1e-6);
        for (int i = 0; i < cfg->d_model && p.center_unembed; i++)
            CHECK(fabs(row_mean(model->w.W_U + (int64_t)i * cfg->d_vocab_out, cfg->d_vocab_out)) < 1e-6);
        for (int i = 0; i < cfg->n_heads * cfg->d_head && p.fold_value_biases && cfg->n_layers; i++)
            CHECK(model->blocks[0].b_V[i] == 0);
    }
    free(before);
    free(after);
    hs_model_free(model);
}

int main(void)
{
    for (int what = 0; what < 16; what++) {
        TEST("transformations %x: the same predictions, on random shapes", (unsigned)what);
        for (uint64_t seed = 1; seed <= 12; seed++)
            check_kind(seed, NULL, what);
        check_kind(5, "{\"n_layers\":2,\"d_model\":13,\"n_ctx\":9,\"d_head\":5,\"n_heads\":3,\"d_vocab\":11,\"d_vocab_out\":17,\"d_mlp\":7,\"act_fn\":\"solu_ln\"}", what);
    }
    TEST("gradients go on with the new weights");
    uint64_t state = 9;
    hs_model *model = random_model(&state, "{\"n_layers\":1,\"d_model\":8,\"n_ctx\":9,\"d_head\":4,\"n_heads\":2,\"d_vocab\":11,\"d_mlp\":7,\"act_fn\":\"gelu\"}");
    static const char SPEC[] = "{\"ids\":[1,2,3],\"metric\":{\"kind\":\"log_prob\",\"correct\":2},\"hooks\":[\"blocks.0.hook_resid_mid\"]}";
    hs_detail detail = {""};
    hs_grad_result was, is;
    hs_real kept[3 * 8];
    CHECK_STATUS(hs_grad_document(model, (hs_bytes){SPEC, sizeof SPEC - 1, "spec"}, &detail, &was), HS_OK, detail);
    memcpy(kept, hs_grad_hook(was.grad, 0).data, sizeof kept);
    hs_grad_result_free(&was);
    CHECK_STATUS(hs_model_process(model, &(hs_process){.fold_ln = true, .fold_value_biases = true}, &detail), HS_OK, detail);
    CHECK_STATUS(hs_grad_document(model, (hs_bytes){SPEC, sizeof SPEC - 1, "spec"}, &detail, &is), HS_OK, detail);
    CHECK(fabs(is.metric - was.metric) < 1e-4);
    for (int i = 0; i < 3 * 8; i++)
        CHECK(fabs((double)(kept[i] - hs_grad_hook(is.grad, 0).data[i])) < 1e-4);
    hs_grad_result_free(&is);
    hs_model_free(model);
    return HARNESS_END();
}
