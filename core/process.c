/* process.c: see hs_process.h. Everything happens in a model of its own, which takes the place of the old one when
 * it is whole; sums are in doubles. */
#include "hs_process.h"

#include "error.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

/* out [n] += from [k] w [k, n]. sums [n] is scratch. */
static void add_through(const hs_real *from, const hs_real *w, int64_t k, int64_t n, double *sums, hs_real *out)
{
    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < n; j++)
            sums[j] += (double)from[i] * (double)w[i * n + j];
    for (int64_t j = 0; j < n; j++)
        out[j] = (hs_real)((double)out[j] + sums[j]);
}

/* w [k, n] less the mean of each column. */
static void centre_columns(hs_real *w, int64_t k, int64_t n, double *sums)
{
    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t i = 0; i < k * n; i++)
        sums[i % n] += (double)w[i];
    for (int64_t i = 0; i < k * n; i++)
        w[i] = (hs_real)((double)w[i] - sums[i % n] / (double)k);
}

/* w [k, n] less the mean of each row. */
static void centre_rows(hs_real *w, int64_t k, int64_t n)
{
    for (int64_t i = 0; i < k; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += (double)w[i * n + j];
        for (int64_t j = 0; j < n; j++)
            w[i * n + j] = (hs_real)((double)w[i * n + j] - sum / (double)n);
    }
}

/* What reads a LayerNorm, w [k, n] and b [n], takes over its gain and bias; what it reads has mean 0 from then on, so
 * the mean of each column is of no consequence and goes too. */
static void fold_norm(const hs_real *gain, const hs_real *bias, hs_real *w, hs_real *b, int64_t k, int64_t n, double *sums)
{
    add_through(bias, w, k, n, sums, b);
    for (int64_t i = 0; i < k * n; i++)
        w[i] *= gain[i / n];
    centre_columns(w, k, n, sums);
}

static void fold_ln(const hs_model *from, hs_model *to, double *sums)
{
    const hs_config *cfg = &to->cfg;
    int64_t d = cfg->d_model, e = cfg->d_head, m = cfg->d_mlp;
    for (int l = 0; l < cfg->n_layers; l++) {
        const hs_block_weights *was = &from->blocks[l], *w = &to->blocks[l];
        hs_real *matrices[] = {w->W_Q, w->W_K, w->W_V}, *biases[] = {w->b_Q, w->b_K, w->b_V};
        for (int i = 0; i < 3; i++)
            for (int h = 0; h < cfg->n_heads; h++)
                fold_norm(was->ln1_w, was->ln1_b, matrices[i] + h * d * e, biases[i] + h * e, d, e, sums);
        if (!cfg->attn_only)
            fold_norm(was->ln2_w, was->ln2_b, w->W_in, w->b_in, d, m, sums);
        if (was->mlp_ln_w)
            fold_norm(was->mlp_ln_w, was->mlp_ln_b, w->W_out, w->b_out, m, d, sums);
    }
    fold_norm(from->w.ln_final_w, from->w.ln_final_b, to->w.W_U, to->w.b_U, d, cfg->d_vocab_out, sums);
}

static void center_writing_weights(hs_model *model)
{
    const hs_config *cfg = &model->cfg;
    int64_t d = cfg->d_model;
    centre_rows(model->w.W_E, cfg->d_vocab, d);
    centre_rows(model->w.W_pos, cfg->n_ctx, d);
    for (int l = 0; l < cfg->n_layers; l++) {
        const hs_block_weights *w = &model->blocks[l];
        centre_rows(w->W_O, (int64_t)cfg->n_heads * cfg->d_head, d);
        centre_rows(w->b_O, 1, d);
        if (cfg->attn_only)
            continue;
        centre_rows(w->W_out, cfg->d_mlp, d);
        centre_rows(w->b_out, 1, d);
    }
}

/* A pattern's rows add up to 1, so a value bias adds the same to every position. */
static void fold_value_biases(hs_model *model, double *sums)
{
    const hs_config *cfg = &model->cfg;
    int64_t n = (int64_t)cfg->n_heads * cfg->d_head;
    for (int l = 0; l < cfg->n_layers; l++) {
        const hs_block_weights *w = &model->blocks[l];
        add_through(w->b_V, w->W_O, n, cfg->d_model, sums, w->b_O);
        memset(w->b_V, 0, (size_t)n * sizeof *w->b_V);
    }
}

static hs_status check(const hs_config *cfg, const hs_process *p, hs_detail *detail)
{
    bool shortformer = cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER;
    const char *name = p->fold_ln ? "fold_ln" : "center_writing_weights";
    if (!p->fold_ln && !p->center_writing_weights)
        return HS_OK;
    if (cfg->normalization_type == HS_NORM_NONE)
        return hs_fail(detail, HS_ESPEC, "%s: this model has no LayerNorm (normalization_type null), which it rests on", name);
    if (shortformer)
        return hs_fail(detail, HS_ESPEC, "%s: this model adds positions behind LayerNorm (shortformer), so its predictions would change",
                       name);
    if (p->fold_ln && cfg->normalization_type != HS_NORM_LN)
        return hs_fail(detail, HS_ESPEC, "fold_ln: this model's LayerNorm has no weights to fold (normalization_type LNPre)");
    return HS_OK;
}

/* Every parameter that both have. */
static void copy_params(const hs_model *from, hs_model *to)
{
    for (int i = 0; i < to->n_params; i++)
        for (int j = 0; j < from->n_params; j++)
            if (!strcmp(to->params[i].name, from->params[j].name))
                memcpy(to->base + (to->params[i].data - to->base), from->params[j].data,
                       (size_t)to->params[i].count * sizeof(hs_real));
    to->n_not_finite = from->n_not_finite;
}

hs_status hs_model_process(hs_model *model, const hs_process *p, hs_detail *detail)
{
    hs_config cfg = model->cfg;
    HS_TRY(check(&cfg, p, detail));
    if (p->fold_ln)
        cfg.normalization_type = HS_NORM_LNPRE;
    hs_model *made;
    HS_TRY(hs_model_new(&cfg, detail, &made));
    int widest = cfg.d_vocab_out > cfg.d_mlp ? cfg.d_vocab_out : cfg.d_mlp;
    widest = widest > cfg.d_model ? widest : cfg.d_model;
    double *sums = malloc((size_t)(widest > cfg.d_head ? widest : cfg.d_head) * sizeof *sums);
    hs_status status = sums ? HS_OK : hs_fail(detail, HS_EMEMORY, "no memory to transform the weights");
    if (sums) {
        copy_params(model, made);
        if (p->fold_ln)
            fold_ln(model, made, sums);
        if (p->center_writing_weights)
            center_writing_weights(made);
        if (p->center_unembed) {
            centre_rows(made->w.W_U, cfg.d_model, cfg.d_vocab_out);
            centre_rows(made->w.b_U, 1, cfg.d_vocab_out);
        }
        if (p->fold_value_biases)
            fold_value_biases(made, sums);
        status = hs_model_pack(made, model->backward.base != NULL, detail);
    }
    if (status == HS_OK) {
        hs_model old = *model;
        *model = *made;
        *made = old;
    }
    hs_model_free(made);
    free(sums);
    return status;
}
