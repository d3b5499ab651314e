/* backward.c: the derivative of forward.c, from the logits back to the tokens. Each function is the
 * transpose of its namesake there; d_x is d(objective)/d(x). What goes row by row does the rows g->rows. */
#include "grad.h"

#include "kernels.h"
#include "product.h"

#include <string.h>

static int n_rows(const hs_grad *g)
{
    return g->rows.to - g->rows.from;
}

/* The turn of what takes so many operations a row; of weights' gradients none are counted. */
static bool row_turn(const hs_grad *g, int a_row)
{
    return hs_turn(g->turns, (double)a_row * n_rows(g));
}

/* The next group of rows, after { x, 0 }; false after the last. The gradient of a weight takes all at once. */
static bool next_rows(hs_grad *g, const hs_run *run)
{
    int T = g->n_tokens, group = g->turns && !g->params ? hs_run_group(run) : T;
    g->rows.from = g->rows.to;
    g->rows.to = T - g->rows.from < group ? T : g->rows.from + group;
    return n_rows(g) > 0;
}

/* out [T, n] (+)= d [T, k] W^T. */
static void multiply(const hs_grad *g, hs_real *out, int64_t out_stride, const hs_real *d, int64_t d_stride, const hs_real *packed,
                     int64_t panel_stride, int n, int k, bool accumulate)
{
    hs_product_by(g->turns, g->model, out + g->rows.from * out_stride, out_stride, d + g->rows.from * d_stride, d_stride, packed, panel_stride,
                  NULL, n_rows(g), n, k, accumulate);
}

/* sum += x, [T, width]. */
static void add(const hs_grad *g, hs_real *sum, const hs_real *x, int64_t width)
{
    int64_t at = g->rows.from * width;
    hs_add(sum + at, sum + at, x + at, n_rows(g) * width);
}

static void copy(const hs_grad *g, hs_real *to, const hs_real *from, int64_t width)
{
    int64_t at = g->rows.from * width;
    memcpy(to + at, from + at, (size_t)(n_rows(g) * width) * sizeof *to);
}

static void clear(const hs_grad *g, hs_real *x, int64_t width)
{
    memset(x + g->rows.from * width, 0, (size_t)(n_rows(g) * width) * sizeof *x);
}

/* The gradient of a parameter, NULL when weights are not asked for. */
static hs_real *of_param(const hs_grad *g, const hs_real *param)
{
    return g->params ? g->params + (param - g->model->base) : NULL;
}

/* At a hook point: keep the gradient with respect to the value after edits, then pass it back through
 * the edits. d [T, width]; with a head, its [T, T]. */
static void at_hook_head(const hs_run *run, const hs_grad *g, int hook, int layer, int head, hs_real *d, int64_t width)
{
    hs_real *kept = g->hook[hs_hook_at(hook, layer)];
    if (kept)
        add(g, head > 0 ? kept + head * width * width : kept, d, width);
    if (hs_edits_any(run->edits, hook, layer))
        hs_edits_apply_gradient(run->edits, hook, layer, head, g->rows, d, run->inside);
}

static void at_hook(const hs_run *run, const hs_grad *g, int hook, int layer, hs_real *d, int64_t width)
{
    at_hook_head(run, g, hook, layer, HS_ALL_HEADS, d, width);
}

/* d_w [k, n] += x^T d_y for x [T, k] and d_y [T, n]; d_bias [n] += the rows of d_y. */
static void weight_gradient(const hs_grad *g, const hs_real *x, int64_t x_stride, int k, const hs_real *d_y,
                            int64_t y_stride, int n, hs_real *d_w, hs_real *d_bias)
{
    int T = g->n_tokens;
    if (!d_w || !row_turn(g, 0))
        return;
    hs_transpose(g->transposed, x, x_stride, T, k);
    hs_pack(g->packed, d_y, y_stride, 1, T, n);
    hs_product(g->model, d_w, n, g->transposed, T, g->packed, (int64_t)HS_NR * T, NULL, k, n, T, true);
    for (int t = 0; d_bias && t < T; t++)
        hs_add(d_bias, d_bias, d_y + t * y_stride, n);
}

/* Back through LayerNorm: d_out [T, d] (used up) with respect to its output, d_x [T, d] to its input x. */
static void layernorm(const hs_run *run, const hs_grad *g, int hook_scale, int hook_normalized, int layer,
                      const hs_real *x, int64_t x_stride, const hs_real *scale, const hs_real *w,
                      const hs_real *b, int d, hs_real *d_out, hs_real *d_x)
{
    if (run->model->cfg.normalization_type == HS_NORM_NONE && hook_scale != HS_HOOK_MLP_LN_SCALE) { /* solu_ln has its own */
        copy(g, d_x, d_out, d);
        return;
    }
    at_hook(run, g, hook_normalized, layer, d_out, d);
    hs_real *d_w = w ? of_param(g, w) : NULL, *d_b = b ? of_param(g, b) : NULL, mean, unedited;
    for (int t = g->rows.from; t < g->rows.to; t++) {
        const hs_real *row = x + t * x_stride;
        hs_real *d_row = d_out + (int64_t)t * d, d_scale = 0;
        hs_ln_moments(row, d, run->model->cfg.eps, &mean, &unedited);
        for (int i = 0; i < d; i++) {
            hs_real centred = row[i] - mean;
            if (d_w) {
                d_w[i] += d_row[i] * (centred / scale[t]);
                d_b[i] += d_row[i];
            }
            if (w)
                d_row[i] *= w[i];
            d_scale -= d_row[i] * centred;
        }
        g->d_scale[t] = d_scale / (scale[t] * scale[t]);
    }
    at_hook(run, g, hook_scale, layer, g->d_scale, 1);
    for (int t = g->rows.from; t < g->rows.to; t++) {
        const hs_real *row = x + t * x_stride;
        hs_real *d_row = d_x + (int64_t)t * d, mean_d = 0;
        hs_ln_moments(row, d, run->model->cfg.eps, &mean, &unedited);
        hs_real through_scale = g->d_scale[t] / ((hs_real)d * unedited);
        for (int i = 0; i < d; i++) {
            d_row[i] = d_out[(int64_t)t * d + i] / scale[t] + through_scale * (row[i] - mean);
            mean_d += d_row[i];
        }
        mean_d /= (hs_real)d;
        for (int i = 0; i < d; i++)
            d_row[i] -= mean_d;
    }
}

/* x softmax(x) of each row: d_x = p (d + x d - sum(p x d)), p = softmax(x). In place in d. */
static void solu(const hs_grad *g, const hs_real *x, int d_mlp, hs_real *d)
{
    for (int t = g->rows.from; t < g->rows.to; t++) {
        const hs_real *row = x + (int64_t)t * d_mlp;
        hs_real *d_row = d + (int64_t)t * d_mlp, *p = g->transposed, sum = 0;
        hs_softmax(p, row, d_mlp);
        for (int i = 0; i < d_mlp; i++)
            sum += p[i] * row[i] * d_row[i];
        for (int i = 0; i < d_mlp; i++)
            d_row[i] = p[i] * (d_row[i] + row[i] * d_row[i] - sum);
    }
}

/* d_mlp from d(hook_post) to d(hook_pre). */
static void activation(const hs_run *run, const hs_grad *g, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int d_mlp = cfg->d_mlp;
    int64_t from = (int64_t)g->rows.from * d_mlp;
    const hs_real *pre = hs_run_at(run, HS_HOOK_MLP_PRE, layer);
    at_hook(run, g, HS_HOOK_MLP_POST, layer, g->d_mlp, d_mlp);
    if (cfg->act_fn == HS_ACT_SOLU_LN) {
        layernorm(run, g, HS_HOOK_MLP_LN_SCALE, HS_HOOK_MLP_LN_NORMALIZED, layer,
                  hs_run_at(run, HS_HOOK_MLP_MID, layer), d_mlp, hs_run_at(run, HS_HOOK_MLP_LN_SCALE, layer),
                  w->mlp_ln_w, w->mlp_ln_b, d_mlp, g->d_mlp, g->d_x);
        copy(g, g->d_mlp, g->d_x, d_mlp);
        at_hook(run, g, HS_HOOK_MLP_MID, layer, g->d_mlp, d_mlp);
    }
    if (cfg->act_fn == HS_ACT_SOLU || cfg->act_fn == HS_ACT_SOLU_LN)
        solu(g, pre, d_mlp, g->d_mlp);
    else
        hs_activation_grad(cfg->act_fn, g->d_mlp + from, g->d_mlp + from, pre + from, (int64_t)n_rows(g) * d_mlp);
    at_hook(run, g, HS_HOOK_MLP_PRE, layer, g->d_mlp, d_mlp);
}

/* From d_branch = d(hook_mlp_out) to what the MLP adds to d(hook_resid_mid). */
static void mlp(const hs_run *run, const hs_grad *g, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    const hs_packed_block *packed = &run->model->backward.blocks[layer];
    int d = cfg->d_model, d_mlp = cfg->d_mlp;
    const hs_real *mlp_in = hs_run_at(run, HS_HOOK_MLP_IN, layer);
    if (!mlp_in)
        mlp_in = hs_run_at(run, HS_HOOK_RESID_MID, layer);
    const hs_real *normalized = cfg->normalization_type == HS_NORM_NONE
                                    ? mlp_in
                                    : hs_run_at(run, HS_HOOK_LN2_NORMALIZED, layer);
    weight_gradient(g, hs_run_at(run, HS_HOOK_MLP_POST, layer), d_mlp, d_mlp, g->d_branch, d, d, of_param(g, w->W_out), of_param(g, w->b_out));
    multiply(g, g->d_mlp, d_mlp, g->d_branch, d, packed->W_out, (int64_t)HS_NR * d, d_mlp, d, false);
    if (row_turn(g, hs_act_flops(cfg, HS_NORM_BACK_FLOPS)))
        activation(run, g, layer);
    weight_gradient(g, normalized, d, d, g->d_mlp, d_mlp, d_mlp, of_param(g, w->W_in), of_param(g, w->b_in));
    multiply(g, g->d_norm, d, g->d_mlp, d_mlp, packed->W_in, (int64_t)HS_NR * d_mlp, d, d_mlp, false);
    if (!row_turn(g, HS_NORM_BACK_FLOPS * d))
        return;
    layernorm(run, g, HS_HOOK_LN2_SCALE, HS_HOOK_LN2_NORMALIZED, layer, mlp_in, d,
              hs_run_at(run, HS_HOOK_LN2_SCALE, layer), w->ln2_w, w->ln2_b, d, g->d_norm, g->d_x);
    at_hook(run, g, HS_HOOK_MLP_IN, layer, g->d_x, d);
    add(g, g->d_resid, g->d_x, d);
    at_hook(run, g, HS_HOOK_RESID_MID, layer, g->d_resid, d);
}

/* From d_branch = d(hook_attn_out) to d_z, through hook_result where somebody asks for it. */
static void output(const hs_run *run, const hs_grad *g, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head;
    const hs_real *z = hs_run_at(run, HS_HOOK_Z, layer);
    bool by_head = g->hook[hs_hook_at(HS_HOOK_RESULT, layer)] || hs_edits_any(run->edits, HS_HOOK_RESULT, layer);
    hs_real *d_b = of_param(g, w->b_O), *d_w = of_param(g, w->W_O);
    for (int t = 0; d_b && row_turn(g, 0) && t < run->n_tokens; t++)
        hs_add(d_b, d_b, g->d_branch + (int64_t)t * d, d);
    if (!by_head)
        weight_gradient(g, z, (int64_t)H * e, H * e, g->d_branch, d, d, d_w, NULL);
    else if (row_turn(g, H * d)) {
        for (int64_t row = (int64_t)g->rows.from * H; row < (int64_t)g->rows.to * H; row++)
            memcpy(g->d_heads + row * d, g->d_branch + row / H * d, (size_t)d * sizeof *g->d_heads);
        at_hook(run, g, HS_HOOK_RESULT, layer, g->d_heads, (int64_t)H * d);
    }
    for (int h = 0; h < H; h++) {
        const hs_real *d_result = by_head ? g->d_heads + (int64_t)h * d : g->d_branch;
        int64_t stride = by_head ? (int64_t)H * d : d;
        if (by_head)
            weight_gradient(g, z + h * e, (int64_t)H * e, e, d_result, stride, d,
                            d_w ? d_w + (int64_t)h * e * d : NULL, NULL);
        multiply(g, g->d_z + h * e, (int64_t)H * e, d_result, stride, run->model->backward.blocks[layer].W_O + h * hs_packed_count(d, e),
                 (int64_t)HS_NR * d, e, d, false);
    }
}

/* out [T, n] (+)= m^T x for m [T, T] and x [T, n] (rows x_stride apart). */
static void transposed_product(const hs_grad *g, const hs_real *m, const hs_real *x, int64_t x_stride, int n,
                               hs_real *out, int64_t out_stride)
{
    int T = g->n_tokens;
    if (row_turn(g, T + n)) {
        hs_transpose(g->transposed, m, T, T, T);
        hs_pack(g->packed, x, x_stride, 1, T, n);
    }
    multiply(g, out, out_stride, g->transposed, T, g->packed, (int64_t)HS_NR * T, n, T, false);
}

/* Of one head from d(pattern) [T, T] to d(scores), masked ones 0. */
static void through_softmax(const hs_run *run, const hs_grad *g, int layer, int head, hs_real *d_pattern)
{
    int T = run->n_tokens;
    int64_t square = (int64_t)T * T;
    const hs_real *pattern = hs_run_at(run, HS_HOOK_PATTERN, layer), *scores = hs_run_at(run, HS_HOOK_ATTN_SCORES, layer);
    bool edited = hs_edits_any(run->edits, HS_HOOK_PATTERN, layer);
    for (int t = g->rows.from; t < g->rows.to; t++) {
        hs_real *d = d_pattern + (int64_t)t * T;
        double mean = 0, total = 0;
        const hs_real *p = pattern + head * square + (int64_t)t * T;
        if (edited) { /* the pattern before its edit, once more from the scores */
            hs_softmax(g->transposed, scores + head * square + (int64_t)t * T, t + 1);
            p = g->transposed;
        }
        /* p sums to 1 but for rounding. In doubles and divided by that sum, the row's gradient sums to 0, and
         * so does b_K's, which is 0: a key bias moves all scores of a row alike. */
        for (int s = 0; s <= t; s++) {
            mean += (double)p[s] * (double)d[s];
            total += (double)p[s];
        }
        mean = total > 0 ? mean / total : 0;
        for (int s = 0; s <= t; s++)
            d[s] = (hs_real)((double)p[s] * ((double)d[s] - mean));
        for (int s = t + 1; s < T; s++)
            d[s] = 0;
    }
}

/* From d_z to d_q, d_k, d_v, through the patterns: all rows. Masked cells of the pattern have a gradient, as in
 * TransformerLens (z reads them, as zeros); those of the scores have none. */
static void attention(const hs_run *run, hs_grad *g, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    int T = run->n_tokens, H = cfg->n_heads, e = cfg->d_head;
    int64_t stride = (int64_t)H * e, square = (int64_t)T * T;
    const hs_real *q = hs_run_at(run, HS_HOOK_Q, layer), *k = hs_run_at(run, HS_HOOK_K, layer);
    const hs_real *v = hs_run_at(run, HS_HOOK_V, layer), *pattern = hs_run_at(run, HS_HOOK_PATTERN, layer);
    hs_real scale = (hs_real)hs_attn_scale(cfg, layer);
    for (int h = 0; h < H; h++) {
        const hs_real *d_z = g->d_z + h * e;
        if (row_turn(g, e))
            hs_pack(g->packed, v + h * e, 1, stride, e, T);
        multiply(g, g->d_pattern + h * square, T, d_z, stride, g->packed, (int64_t)HS_NR * e, T, e, false);
        transposed_product(g, pattern + h * square, d_z, stride, e, g->d_v + h * e, stride);
    }
    for (int h = 0; h < H; h++) {
        hs_real *d_scores = g->d_pattern + h * square;
        for (g->rows.to = 0; next_rows(g, run);)
            if (row_turn(g, (HS_SOFTMAX_FLOPS + 10) * T)) {
                at_hook_head(run, g, HS_HOOK_PATTERN, layer, h, d_scores, T);
                through_softmax(run, g, layer, h, d_scores);
                at_hook_head(run, g, HS_HOOK_ATTN_SCORES, layer, h, d_scores, T);
            }
        g->rows.from = 0;
        if (row_turn(g, T + e)) {
            for (int64_t i = 0; i < square; i++)
                d_scores[i] /= scale;
            hs_pack(g->packed, k + h * e, stride, 1, T, e);
        }
        multiply(g, g->d_q + h * e, stride, d_scores, T, g->packed, (int64_t)HS_NR * T, e, T, false);
        transposed_product(g, d_scores, q + h * e, stride, e, g->d_k + h * e, stride);
    }
}

typedef struct projection {
    int hook, hook_input;
    bool takes_positions;
    hs_real *d;              /* [T, n_heads, d_head] */
    const hs_real *w, *b;    /* parameters */
    const hs_real *packed_t; /* [n_heads * d_head, d_model] */
} projection;

/* q, k or v where all heads read one input: its weights' gradient, and d_norm += d W^T. */
static void project_shared(const hs_run *run, const hs_grad *g, const projection *p, const hs_real *normalized)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head;
    const hs_real *x = g->params && p->takes_positions ? hs_with_positions(run, hs_run_all_rows(run), normalized) : normalized;
    for (int h = 0; h < H && g->params; h++)
        weight_gradient(g, x, d, d, p->d + h * e, (int64_t)H * e, e, of_param(g, p->w) + (int64_t)h * d * e,
                        of_param(g, p->b) + h * e);
    multiply(g, g->d_norm, d, p->d, (int64_t)H * e, p->packed_t, (int64_t)HS_NR * H * e, d, H * e, true);
}

/* The same where heads have inputs of their own, or somebody asks for the gradient at one: head by head
 * through LN1, into d_attn_in. */
static void project_by_head(const hs_run *run, const hs_grad *g, int layer, const projection *p)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head;
    bool split = hs_run_splits(run, p->hook_input, layer);
    const hs_real *inputs = split ? hs_run_at(run, p->hook_input, layer) : hs_run_at(run, HS_HOOK_RESID_PRE, layer);
    for (int h = 0; h < H; h++) {
        const hs_real *input = split ? inputs + (int64_t)h * d : inputs;
        int64_t stride = split ? (int64_t)H * d : d;
        if (row_turn(g, HS_NORM_FLOPS * d))
            hs_layernorm(run, g->rows, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, input, stride, w->ln1_w, w->ln1_b, d,
                         g->head_scale, g->head_norm);
        if (g->params)
            weight_gradient(g, p->takes_positions ? hs_with_positions(run, g->rows, g->head_norm) : g->head_norm, d, d, p->d + h * e,
                            (int64_t)H * e, e, of_param(g, p->w) + (int64_t)h * d * e, of_param(g, p->b) + h * e);
        multiply(g, g->d_norm, d, p->d + h * e, (int64_t)H * e, p->packed_t + (int64_t)h * e * HS_NR, (int64_t)HS_NR * H * e, d, e, false);
        if (!row_turn(g, HS_NORM_BACK_FLOPS * d))
            continue;
        if (p->takes_positions && cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER)
            add(g, g->d_pos, g->d_norm, d);
        layernorm(run, g, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, input, stride, g->head_scale, w->ln1_w,
                  w->ln1_b, d, g->d_norm, g->d_x);
        for (int t = g->rows.from; t < g->rows.to; t++)
            memcpy(g->d_heads + ((int64_t)t * H + h) * d, g->d_x + (int64_t)t * d, (size_t)d * sizeof *g->d_x);
    }
    if (!row_turn(g, 2 * H * d))
        return;
    at_hook(run, g, p->hook_input, layer, g->d_heads, (int64_t)H * d);
    add(g, g->d_attn_in, g->d_heads, (int64_t)H * d);
}

static bool wants_head_inputs(const hs_run *run, const hs_grad *g, int layer)
{
    for (int hook = HS_HOOK_ATTN_IN; hook <= HS_HOOK_V_INPUT; hook++)
        if (g->hook[hs_hook_at(hook, layer)] || hs_edits_any(run->edits, hook, layer))
            return true;
    return false;
}

/* Back through the MLP of block `layer`: d_resid from d(hook_resid_post) to d(hook_resid_mid). */
static void mlp_half(const hs_run *run, const hs_grad *g, int layer)
{
    int d = run->model->cfg.d_model;
    bool has_mlp = !run->model->cfg.attn_only;
    if (row_turn(g, 2 * d)) {
        at_hook(run, g, HS_HOOK_RESID_POST, layer, g->d_resid, d);
        if (has_mlp) {
            copy(g, g->d_branch, g->d_resid, d);
            at_hook(run, g, HS_HOOK_MLP_OUT, layer, g->d_branch, d);
        }
    }
    if (has_mlp)
        mlp(run, g, layer); /* hook_resid_mid */
}

/* Back through its attention as far as d_z. */
static void attention_writes(const hs_run *run, const hs_grad *g, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, width = cfg->n_heads * cfg->d_head;
    if (row_turn(g, d)) {
        copy(g, g->d_branch, g->d_resid, d);
        at_hook(run, g, HS_HOOK_ATTN_OUT, layer, g->d_branch, d);
    }
    output(run, g, layer); /* hook_result */
    if (row_turn(g, width))
        at_hook(run, g, HS_HOOK_Z, layer, g->d_z, width);
}

/* From d_q, d_k and d_v on: d_resid to d(hook_resid_pre). */
static void attention_reads(const hs_run *run, const hs_grad *g, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    const hs_packed_block *packed = &run->model->backward.blocks[layer];
    int d = cfg->d_model, H = cfg->n_heads;
    int64_t width = (int64_t)H * cfg->d_head;
    const hs_real *resid = hs_run_at(run, HS_HOOK_RESID_PRE, layer);
    const projection paths[3] = {
        {HS_HOOK_Q, HS_HOOK_Q_INPUT, true, g->d_q, w->W_Q, w->b_Q, packed->W_Q},
        {HS_HOOK_K, HS_HOOK_K_INPUT, true, g->d_k, w->W_K, w->b_K, packed->W_K},
        {HS_HOOK_V, HS_HOOK_V_INPUT, false, g->d_v, w->W_V, w->b_V, packed->W_V},
    };
    bool by_head = wants_head_inputs(run, g, layer);
    if (row_turn(g, 0)) {
        clear(g, g->d_attn_in, by_head ? (int64_t)H * d : 0);
        clear(g, g->d_norm, d);
    }
    for (int i = 0; i < 3; i++) {
        if (row_turn(g, (int)width))
            at_hook(run, g, paths[i].hook, layer, paths[i].d, width);
        if (by_head)
            project_by_head(run, g, layer, &paths[i]);
        else
            project_shared(run, g, &paths[i], cfg->normalization_type == HS_NORM_NONE
                                                  ? resid
                                                  : hs_run_at(run, HS_HOOK_LN1_NORMALIZED, layer));
        if (row_turn(g, d) && !by_head && i == 1 && cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER)
            add(g, g->d_pos, g->d_norm, d);
    }
    if (!row_turn(g, d * (by_head ? 2 * H : HS_NORM_BACK_FLOPS)))
        return;
    if (by_head) {
        at_hook(run, g, HS_HOOK_ATTN_IN, layer, g->d_attn_in, (int64_t)H * d);
        for (int64_t row = (int64_t)g->rows.from * H; row < (int64_t)g->rows.to * H; row++)
            hs_add(g->d_resid + row / H * d, g->d_resid + row / H * d, g->d_attn_in + row * d, d);
    } else {
        layernorm(run, g, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, resid, d,
                  hs_run_at(run, HS_HOOK_LN1_SCALE, layer), w->ln1_w, w->ln1_b, d, g->d_norm, g->d_x);
        add(g, g->d_resid, g->d_x, d);
    }
    at_hook(run, g, HS_HOOK_RESID_PRE, layer, g->d_resid, d);
}

static void attention_half(const hs_run *run, hs_grad *g, int layer)
{
    while (next_rows(g, run))
        attention_writes(run, g, layer);
    g->rows.from = 0;
    attention(run, g, layer); /* hook_pattern, hook_attn_scores */
    for (g->rows.to = 0; next_rows(g, run);)
        attention_reads(run, g, layer);
}

static bool is_zero(const hs_real *row, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (row[i] != 0)
            return false;
    return true;
}

/* The rows that are not zero: others cost nothing, and a metric of one position has one other. */
static hs_rows used_rows(const hs_real *d_logits, int n_tokens, int64_t V)
{
    hs_rows rows = {0, n_tokens};
    while (rows.to > 0 && is_zero(d_logits + (rows.to - 1) * V, V))
        rows.to--;
    while (rows.from < rows.to && is_zero(d_logits + rows.from * V, V))
        rows.from++;
    return rows;
}

static void unembed(const hs_run *run, hs_grad *g)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_model_weights *w = &run->model->w;
    int d = cfg->d_model, V = cfg->d_vocab_out;
    const hs_real *stream = cfg->n_layers ? hs_run_at(run, HS_HOOK_RESID_POST, cfg->n_layers - 1) : run->stream;
    const hs_real *normalized =
        cfg->normalization_type == HS_NORM_NONE ? stream : hs_run_at(run, HS_HOOK_LN_FINAL_NORMALIZED, 0);
    while (next_rows(g, run))
        if (row_turn(g, g->hook[hs_hook_at(HS_HOOK_LOGITS, 0)] ? V : 0))
            at_hook(run, g, HS_HOOK_LOGITS, 0, g->d_logits, V);
    g->rows.from = 0;
    weight_gradient(g, normalized, d, d, g->d_logits, V, V, of_param(g, w->W_U), of_param(g, w->b_U));
    if (row_turn(g, 0))
        clear(g, g->d_norm, d);
    g->rows = g->used;
    multiply(g, g->d_norm, d, g->d_logits, V, run->model->backward.W_U, (int64_t)HS_NR * V, d, V, false);
    for (g->rows.to = 0; next_rows(g, run);)
        if (row_turn(g, HS_NORM_BACK_FLOPS * d))
            layernorm(run, g, HS_HOOK_LN_FINAL_SCALE, HS_HOOK_LN_FINAL_NORMALIZED, 0, stream, d,
                      hs_run_at(run, HS_HOOK_LN_FINAL_SCALE, 0), w->ln_final_w, w->ln_final_b, d, g->d_norm, g->d_resid);
}

static void embed(const hs_run *run, const hs_grad *g)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model;
    if (cfg->positional_embedding_type == HS_POSITIONS_STANDARD)
        add(g, g->d_pos, g->d_resid, d);
    at_hook(run, g, HS_HOOK_POS_EMBED, 0, g->d_pos, d);
    at_hook(run, g, HS_HOOK_EMBED, 0, g->d_resid, d);
    if (!g->params)
        return;
    add(g, of_param(g, run->model->w.W_pos), g->d_pos, d);
    hs_real *d_embed = of_param(g, run->model->w.W_E);
    for (int64_t t = 0; t < run->n_tokens; t++)
        hs_add(d_embed + (int64_t)run->ids[t] * d, d_embed + (int64_t)run->ids[t] * d, g->d_resid + t * d, d);
}

void hs_backward_enter(hs_grad *g, hs_rows used)
{
    g->used = used;
    memset(g->base, 0, (size_t)g->n_hook_reals * sizeof(hs_real));
    memset(g->d_pos, 0, (size_t)g->n_tokens * (size_t)g->model->cfg.d_model * sizeof(hs_real));
    g->stage = g->turn = 0;
}

/* A walk through the stage at hand. */
static void do_stage(const hs_run *run, hs_grad *g)
{
    int halves = 2 * run->model->cfg.n_layers, layer = (halves - g->stage) / 2;
    g->rows.to = 0;
    if (g->stage == 0)
        unembed(run, g);
    else if (g->stage <= halves && g->stage % 2 == 0)
        attention_half(run, g, layer);
    else
        while (next_rows(g, run))
            if (g->stage <= halves)
                mlp_half(run, g, layer);
            else if (row_turn(g, 3 * g->model->cfg.d_model))
                embed(run, g);
}

bool hs_backward_step(const hs_run *run, hs_grad *g)
{
    hs_turns turns = {.wanted = g->turn};
    g->turns = &turns;
    do_stage(run, g);
    g->turns = NULL;
    return hs_turns_left(&turns, &g->turn) || g->stage++ <= 2 * run->model->cfg.n_layers;
}

void hs_backward(const hs_run *run, const hs_real *d_logits, hs_grad *g)
{
    int64_t V = run->model->cfg.d_vocab_out;
    memcpy(g->d_logits, d_logits, (size_t)run->n_tokens * (size_t)V * sizeof(hs_real));
    for (hs_backward_enter(g, used_rows(d_logits, run->n_tokens, V)); g->stage < 2 * run->model->cfg.n_layers + 2; g->stage++)
        do_stage(run, g);
}
