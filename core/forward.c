/* forward.c: the transformer, as "A Mathematical Framework for Transformer Circuits" and TransformerLens
 * have it. Read block() from top to bottom: each hook point is one line. */
#include "kernels.h"
#include "run.h"

#include <math.h>
#include <string.h>

static void copy(hs_real *to, const hs_real *from, int64_t count)
{
    if (to != from)
        memcpy(to, from, (size_t)count * sizeof *to);
}

void hs_layernorm(const hs_run *run, int hook_scale, int hook_normalized, int layer, const hs_real *x,
                  int64_t x_stride, const hs_real *w, const hs_real *b, int d, hs_real *scale, hs_real *out)
{
    int T = run->n_tokens;
    if (run->model->cfg.normalization_type == HS_NORM_NONE && hook_scale != HS_HOOK_MLP_LN_SCALE) { /* solu_ln has its own */
        for (int t = 0; t < T; t++)
            copy(out + (int64_t)t * d, x + t * x_stride, d);
        return;
    }
    /* An edit wants all scales before the first is used; only then the means are taken a second time. */
    bool edited = hs_edits_any(run->edits, hook_scale, layer);
    hs_real mean, unedited;
    for (int t = 0; t < T; t++) {
        hs_ln_moments(x + t * x_stride, d, run->model->cfg.eps, &mean, &scale[t]);
        if (!edited)
            hs_ln_apply(out + (int64_t)t * d, x + t * x_stride, mean, scale[t], w, b, d);
    }
    hs_hook(run, hook_scale, layer, scale);
    for (int t = 0; edited && t < T; t++) {
        hs_ln_moments(x + t * x_stride, d, run->model->cfg.eps, &mean, &unedited);
        hs_ln_apply(out + (int64_t)t * d, x + t * x_stride, mean, scale[t], w, b, d);
    }
    hs_hook(run, hook_normalized, layer, out);
}

const hs_real *hs_with_positions(const hs_run *run, const hs_real *x)
{
    if (run->model->cfg.positional_embedding_type != HS_POSITIONS_SHORTFORMER)
        return x;
    const hs_real *pos = hs_run_at(run, HS_HOOK_POS_EMBED, 0);
    int64_t count = (int64_t)run->n_tokens * run->model->cfg.d_model;
    for (int64_t i = 0; i < count; i++)
        run->qk_input[i] = x[i] + pos[i];
    return run->qk_input;
}

/* out [T, n_heads, d_head] = LN1(input) W + b for one of q, k, v. `shared` [T, d_model] is the LN'd
 * stream that all heads read, positions included; where an edit gives each head its own input
 * (hook_input), LN runs head by head. */
static void project(const hs_run *run, int layer, int hook_input, bool takes_positions, const hs_real *shared,
                    const hs_real *packed, const hs_real *bias, hs_real *out)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int T = run->n_tokens, d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head;
    bool split = hs_run_splits(run, hook_input, layer);
    const hs_real *x = shared;
    for (int h = 0; h < H; h++) {
        if (split) {
            const hs_real *input = hs_run_at(run, hook_input, layer) + (int64_t)h * d;
            hs_layernorm(run, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, input, (int64_t)H * d, w->ln1_w,
                         w->ln1_b, d, run->head_scale, run->head_input);
            x = takes_positions ? hs_with_positions(run, run->head_input) : run->head_input;
        }
        hs_gemm(out + (int64_t)h * e, (int64_t)H * e, x, d, packed + h * hs_packed_count(d, e),
                (int64_t)HS_NR * d, bias + (int64_t)h * e, T, e, d, false);
    }
}

/* hook_attn_in and the three inputs: each head's copy of the stream, where somebody reads or edits it. */
static void split_inputs(const hs_run *run, int layer, const hs_real *resid)
{
    const hs_config *cfg = &run->model->cfg;
    static const int INPUTS[] = {HS_HOOK_ATTN_IN, HS_HOOK_Q_INPUT, HS_HOOK_K_INPUT, HS_HOOK_V_INPUT};
    for (int i = 0; i < 4; i++) {
        hs_real *input = hs_run_at(run, INPUTS[i], layer);
        const hs_real *attn_in = hs_run_at(run, HS_HOOK_ATTN_IN, layer);
        if (!input)
            continue;
        for (int t = 0; t < run->n_tokens; t++)
            for (int h = 0; h < cfg->n_heads; h++) {
                int64_t at = ((int64_t)t * cfg->n_heads + h) * cfg->d_model;
                copy(input + at, attn_in && i > 0 ? attn_in + at : resid + (int64_t)t * cfg->d_model,
                     cfg->d_model);
            }
        hs_hook(run, INPUTS[i], layer, input);
    }
}

/* Rows of queries that go through a product together; sources after the last of them are skipped. */
enum { QUERIES = 32 };

/* scores [T, T] of one head = q k^T / scale, -inf where the source comes after the destination. */
static void attention_scores(const hs_run *run, const hs_real *q, const hs_real *k, hs_real scale, hs_real *scores)
{
    const hs_config *cfg = &run->model->cfg;
    int T = run->n_tokens, e = cfg->d_head;
    int64_t stride = (int64_t)cfg->n_heads * e;
    hs_pack(run->packed, k, 1, stride, e, T);
    for (int t0 = 0; t0 < T; t0 += QUERIES) {
        int t1 = t0 + QUERIES < T ? t0 + QUERIES : T;
        hs_gemm(scores + (int64_t)t0 * T, T, q + t0 * stride, stride, run->packed, (int64_t)HS_NR * e, NULL,
                t1 - t0, t1, e, false);
    }
    for (int t = 0; t < T; t++) {
        for (int s = 0; s <= t; s++)
            scores[(int64_t)t * T + s] /= scale;
        for (int s = t + 1; s < T; s++)
            scores[(int64_t)t * T + s] = -INFINITY;
    }
}

static void attention_pattern(int T, const hs_real *scores, hs_real *pattern)
{
    for (int t = 0; t < T; t++) {
        hs_softmax(pattern + (int64_t)t * T, scores + (int64_t)t * T, t + 1);
        for (int s = t + 1; s < T; s++)
            pattern[(int64_t)t * T + s] = 0;
    }
}

/* z [T, d_head] of one head = pattern v. */
static void attention_z(const hs_run *run, const hs_real *pattern, const hs_real *v, hs_real *z)
{
    const hs_config *cfg = &run->model->cfg;
    int T = run->n_tokens, e = cfg->d_head;
    int64_t stride = (int64_t)cfg->n_heads * e;
    hs_pack(run->packed, v, stride, 1, T, e);
    for (int t0 = 0; t0 < T; t0 += QUERIES) {
        int t1 = t0 + QUERIES < T ? t0 + QUERIES : T;
        hs_gemm(z + t0 * stride, stride, pattern + (int64_t)t0 * T, T, run->packed, (int64_t)HS_NR * T, NULL,
                t1 - t0, e, t1, false);
    }
}

double hs_attn_scale(const hs_config *cfg, int layer)
{
    return cfg->attn_scale * (cfg->scale_attn_by_inverse_layer_idx ? layer + 1 : 1);
}

/* From q, k, v [T, n_heads, d_head] to z, through scores and pattern [n_heads, T, T]. */
static void attend(const hs_run *run, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    int T = run->n_tokens, H = cfg->n_heads, e = cfg->d_head;
    const hs_real *q = hs_run_at(run, HS_HOOK_Q, layer), *k = hs_run_at(run, HS_HOOK_K, layer);
    const hs_real *v = hs_run_at(run, HS_HOOK_V, layer);
    hs_real *z = hs_run_at(run, HS_HOOK_Z, layer), *pattern = hs_run_at(run, HS_HOOK_PATTERN, layer);
    hs_real *scores = hs_run_at(run, HS_HOOK_ATTN_SCORES, layer);
    hs_real scale = (hs_real)hs_attn_scale(cfg, layer);
    int64_t pattern_step = hs_run_sees_all_heads(run, layer) ? (int64_t)T * T : 0;
    int64_t scores_step = scores ? (int64_t)T * T : pattern_step;
    if (!scores)
        scores = pattern;
    /* An edit sees all heads; without one, a head goes all the way before the next begins. */
    bool together = hs_edits_any(run->edits, HS_HOOK_ATTN_SCORES, layer) ||
                    hs_edits_any(run->edits, HS_HOOK_PATTERN, layer);
    int n_passes = together ? 1 : H, heads_each = together ? H : 1;
    for (int pass = 0; pass < n_passes; pass++) {
        int h0 = pass * heads_each, h1 = h0 + heads_each;
        for (int h = h0; h < h1; h++)
            attention_scores(run, q + h * e, k + h * e, scale, scores + h * scores_step);
        hs_hook(run, HS_HOOK_ATTN_SCORES, layer, scores);
        for (int h = h0; h < h1; h++)
            attention_pattern(T, scores + h * scores_step, pattern + h * pattern_step);
        hs_hook(run, HS_HOOK_PATTERN, layer, pattern);
        for (int h = h0; h < h1; h++)
            attention_z(run, pattern + h * pattern_step, v + h * e, z + h * e);
    }
}

/* One head's write to the stream before b_O: out [T, d_model] = z_h W_O[h]. */
static void head_result(const hs_run *run, int layer, int h, hs_real *out, int64_t out_stride)
{
    const hs_config *cfg = &run->model->cfg;
    int H = cfg->n_heads, e = cfg->d_head, d = cfg->d_model;
    hs_gemm(out, out_stride, hs_run_at(run, HS_HOOK_Z, layer) + h * e, (int64_t)H * e,
            run->model->forward.blocks[layer].W_O + (int64_t)h * e * HS_NR, (int64_t)HS_NR * H * e, NULL,
            run->n_tokens, d, e, false);
}

/* hook_result, where somebody reads or edits it. attn_out is one product over all heads; an edit adds
 * what it changed, so that an edit that changes nothing leaves every bit. */
static void results(const hs_run *run, int layer, hs_real *attn_out)
{
    const hs_config *cfg = &run->model->cfg;
    int T = run->n_tokens, H = cfg->n_heads, d = cfg->d_model;
    hs_real *result = hs_run_at(run, HS_HOOK_RESULT, layer);
    if (!result)
        return;
    for (int h = 0; h < H; h++)
        head_result(run, layer, h, result + (int64_t)h * d, (int64_t)H * d);
    if (!hs_edits_any(run->edits, HS_HOOK_RESULT, layer))
        return;
    hs_hook(run, HS_HOOK_RESULT, layer, result);
    for (int h = 0; h < H; h++) {
        head_result(run, layer, h, run->result, d);
        for (int t = 0; t < T; t++)
            for (int i = 0; i < d; i++) {
                hs_real now = result[((int64_t)t * H + h) * d + i], was = run->result[(int64_t)t * d + i];
                if (now != was)
                    attn_out[(int64_t)t * d + i] += now - was;
            }
    }
}

/* x softmax(x), a row at a time. out may not be x. */
static void solu(hs_real *out, const hs_real *x, int T, int d_mlp)
{
    for (int t = 0; t < T; t++) {
        hs_softmax(out + (int64_t)t * d_mlp, x + (int64_t)t * d_mlp, d_mlp);
        for (int i = 0; i < d_mlp; i++)
            out[(int64_t)t * d_mlp + i] *= x[(int64_t)t * d_mlp + i];
    }
}

/* The MLP on mlp_in [T, d_model]; its output is in hook_mlp_out's place. */
static void mlp(const hs_run *run, int layer, const hs_real *mlp_in)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    const hs_packed_block *packed = &run->model->forward.blocks[layer];
    int T = run->n_tokens, d = cfg->d_model, d_mlp = cfg->d_mlp;
    hs_real *pre = hs_run_at(run, HS_HOOK_MLP_PRE, layer), *post = hs_run_at(run, HS_HOOK_MLP_POST, layer);
    hs_real *out = hs_run_at(run, HS_HOOK_MLP_OUT, layer);
    const hs_real *normalized = mlp_in;
    if (cfg->normalization_type != HS_NORM_NONE) {
        hs_real *n = hs_run_at(run, HS_HOOK_LN2_NORMALIZED, layer);
        hs_layernorm(run, HS_HOOK_LN2_SCALE, HS_HOOK_LN2_NORMALIZED, layer, mlp_in, d, w->ln2_w, w->ln2_b, d,
                     hs_run_at(run, HS_HOOK_LN2_SCALE, layer), n);
        normalized = n;
    }
    hs_gemm(pre, d_mlp, normalized, d, packed->W_in, (int64_t)HS_NR * d, w->b_in, T, d_mlp, d, false);
    hs_hook(run, HS_HOOK_MLP_PRE, layer, pre);
    if (cfg->act_fn == HS_ACT_SOLU_LN) {
        hs_real *mid = hs_run_at(run, HS_HOOK_MLP_MID, layer);
        hs_real *ln = hs_run_at(run, HS_HOOK_MLP_LN_NORMALIZED, layer);
        solu(mid, pre, T, d_mlp);
        hs_hook(run, HS_HOOK_MLP_MID, layer, mid);
        hs_layernorm(run, HS_HOOK_MLP_LN_SCALE, HS_HOOK_MLP_LN_NORMALIZED, layer, mid, d_mlp, w->mlp_ln_w,
                     w->mlp_ln_b, d_mlp, hs_run_at(run, HS_HOOK_MLP_LN_SCALE, layer), ln);
        copy(post, ln, (int64_t)T * d_mlp);
    } else if (cfg->act_fn == HS_ACT_SOLU)
        solu(post, pre, T, d_mlp);
    else
        hs_activation(cfg->act_fn, post, pre, (int64_t)T * d_mlp);
    hs_hook(run, HS_HOOK_MLP_POST, layer, post);
    hs_gemm(out, d, post, d_mlp, packed->W_out, (int64_t)HS_NR * d_mlp, w->b_out, T, d, d_mlp, false);
    hs_hook(run, HS_HOOK_MLP_OUT, layer, out);
}

/* sum = a + b, all [T, d_model]. */
static void add_to_stream(const hs_run *run, hs_real *sum, const hs_real *a, const hs_real *b)
{
    int64_t count = (int64_t)run->n_tokens * run->model->cfg.d_model;
    for (int64_t i = 0; i < count; i++)
        sum[i] = a[i] + b[i];
}

/* One block: from the stream before it (hook_resid_pre's place) to the stream after it. */
static void block(const hs_run *run, int layer)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    const hs_packed_block *packed = &run->model->forward.blocks[layer];
    int T = run->n_tokens, d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head;
    hs_real *resid = hs_run_at(run, HS_HOOK_RESID_PRE, layer);
    hs_real *q = hs_run_at(run, HS_HOOK_Q, layer), *k = hs_run_at(run, HS_HOOK_K, layer);
    hs_real *v = hs_run_at(run, HS_HOOK_V, layer), *attn_out = hs_run_at(run, HS_HOOK_ATTN_OUT, layer);
    hs_real *resid_post = hs_run_at(run, HS_HOOK_RESID_POST, layer);

    hs_hook(run, HS_HOOK_RESID_PRE, layer, resid);
    split_inputs(run, layer, resid);
    const hs_real *normalized = resid;
    if (cfg->normalization_type != HS_NORM_NONE) {
        hs_real *n = hs_run_at(run, HS_HOOK_LN1_NORMALIZED, layer);
        hs_layernorm(run, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, resid, d, w->ln1_w, w->ln1_b, d,
                     hs_run_at(run, HS_HOOK_LN1_SCALE, layer), n);
        normalized = n;
    }
    project(run, layer, HS_HOOK_Q_INPUT, true, hs_with_positions(run, normalized), packed->W_Q, w->b_Q, q);
    hs_hook(run, HS_HOOK_Q, layer, q);
    project(run, layer, HS_HOOK_K_INPUT, true, hs_with_positions(run, normalized), packed->W_K, w->b_K, k);
    hs_hook(run, HS_HOOK_K, layer, k);
    project(run, layer, HS_HOOK_V_INPUT, false, normalized, packed->W_V, w->b_V, v);
    hs_hook(run, HS_HOOK_V, layer, v);
    attend(run, layer); /* hook_attn_scores, hook_pattern */
    hs_hook(run, HS_HOOK_Z, layer, hs_run_at(run, HS_HOOK_Z, layer));
    hs_gemm(attn_out, d, hs_run_at(run, HS_HOOK_Z, layer), (int64_t)H * e, packed->W_O, (int64_t)HS_NR * H * e,
            w->b_O, T, d, H * e, false);
    results(run, layer, attn_out); /* hook_result */
    hs_hook(run, HS_HOOK_ATTN_OUT, layer, attn_out);
    if (cfg->attn_only)
        add_to_stream(run, resid_post, resid, attn_out);
    else {
        hs_real *resid_mid = hs_run_at(run, HS_HOOK_RESID_MID, layer);
        hs_real *mlp_in = hs_run_at(run, HS_HOOK_MLP_IN, layer);
        add_to_stream(run, resid_mid, resid, attn_out);
        hs_hook(run, HS_HOOK_RESID_MID, layer, resid_mid);
        if (mlp_in) {
            copy(mlp_in, resid_mid, (int64_t)T * d);
            hs_hook(run, HS_HOOK_MLP_IN, layer, mlp_in);
        }
        mlp(run, layer, mlp_in ? mlp_in : resid_mid); /* ln2, hook_pre, hook_post, hook_mlp_out */
        add_to_stream(run, resid_post, resid_mid, hs_run_at(run, HS_HOOK_MLP_OUT, layer));
    }
    hs_hook(run, HS_HOOK_RESID_POST, layer, resid_post);
}

/* Token and position embeddings into `stream` [T, d_model]. */
static void embed(const hs_run *run, hs_real *stream)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t T = run->n_tokens, d = cfg->d_model;
    hs_real *embedded = hs_run_at(run, HS_HOOK_EMBED, 0), *pos = hs_run_at(run, HS_HOOK_POS_EMBED, 0);
    for (int t = 0; t < T; t++)
        copy(embedded + t * d, run->model->w.W_E + run->ids[t] * d, d);
    hs_hook(run, HS_HOOK_EMBED, 0, embedded);
    copy(pos, run->model->w.W_pos, T * d);
    hs_hook(run, HS_HOOK_POS_EMBED, 0, pos);
    if (cfg->positional_embedding_type == HS_POSITIONS_STANDARD)
        add_to_stream(run, stream, embedded, pos);
    else
        copy(stream, embedded, T * d);
}

static void unembed(const hs_run *run, const hs_real *stream)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_model_weights *w = &run->model->w;
    int T = run->n_tokens, d = cfg->d_model, V = cfg->d_vocab_out;
    hs_real *logits = hs_run_at(run, HS_HOOK_LOGITS, 0);
    if (cfg->normalization_type != HS_NORM_NONE) {
        hs_real *n = hs_run_at(run, HS_HOOK_LN_FINAL_NORMALIZED, 0);
        hs_layernorm(run, HS_HOOK_LN_FINAL_SCALE, HS_HOOK_LN_FINAL_NORMALIZED, 0, stream, d, w->ln_final_w,
                     w->ln_final_b, d, hs_run_at(run, HS_HOOK_LN_FINAL_SCALE, 0), n);
        stream = n;
    }
    hs_gemm(logits, V, stream, d, run->model->forward.W_U, (int64_t)HS_NR * d, w->b_U, T, V, d, false);
    hs_hook(run, HS_HOOK_LOGITS, 0, logits);
}

bool hs_run_step(hs_run *run)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t count = (int64_t)run->n_tokens * cfg->d_model;
    int layer = run->step - 1;
    if (run->step == 0)
        embed(run, run->stream);
    else if (layer < cfg->n_layers) {
        const hs_real *before = layer ? hs_run_at(run, HS_HOOK_RESID_POST, layer - 1) : run->stream;
        copy(hs_run_at(run, HS_HOOK_RESID_PRE, layer), before, count);
        block(run, layer);
    } else
        unembed(run, cfg->n_layers ? hs_run_at(run, HS_HOOK_RESID_POST, cfg->n_layers - 1) : run->stream);
    run->step = layer < cfg->n_layers ? run->step + 1 : 0;
    return run->step > 0;
}

void hs_run_forward(hs_run *run)
{
    run->step = 0;
    while (hs_run_step(run))
        ;
}
