/* attend.c: attention, from queries, keys and values to what each head writes. A head goes all the way before
 * the next begins; its rows need the keys and values of these and earlier rows only. */
#include "kernels.h"
#include "product.h"
#include "run.h"

#include <math.h>

/* Rows that go through a product together: of scores, where sources after the last of them are skipped, and of z. */
enum { QUERIES = 32, ROWS = 4 };

static int group_end(int t, int n, hs_rows rows)
{
    return t + n < rows.to ? t + n : rows.to;
}

double hs_attn_scale(const hs_config *cfg, int layer)
{
    return cfg->attn_scale * (cfg->scale_attn_by_inverse_layer_idx ? layer + 1 : 1);
}

/* scores = q k^T / scale, -inf where the source comes after the destination. */
static void attention_scores(const hs_run *run, int layer, int head, hs_rows rows, hs_real *scores)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t T = run->n_tokens, e = cfg->d_head, stride = cfg->n_heads * e;
    const hs_real *q = hs_run_at(run, HS_HOOK_Q, layer) + head * e, *k = hs_run_at(run, HS_HOOK_K, layer) + head * e;
    hs_real scale = (hs_real)hs_attn_scale(cfg, layer);
    hs_pack(run->packed, k, 1, stride, (int)e, rows.to);
    for (int t = rows.from, end; t < rows.to; t = end) {
        end = group_end(t, QUERIES, rows);
        hs_gemm(scores + t * T, T, q + t * stride, stride, run->packed, HS_NR * e, NULL, end - t, end, (int)e, false);
    }
    for (int t = rows.from; t < rows.to; t++) {
        hs_ln_apply(scores + t * T, scores + t * T, 0, scale, NULL, NULL, t + 1);
        for (int64_t s = t + 1; s < T; s++)
            scores[t * T + s] = -INFINITY;
    }
}

void hs_attention_head(const hs_run *run, int layer, int head, hs_rows rows, hs_real *scores, hs_real *pattern)
{
    int64_t T = run->n_tokens;
    attention_scores(run, layer, head, rows, scores);
    hs_hook_head(run, HS_HOOK_ATTN_SCORES, layer, head, rows, scores);
    for (int t = rows.from; t < rows.to; t++) {
        hs_softmax(pattern + t * T, scores + t * T, t + 1);
        for (int64_t s = t + 1; s < T; s++)
            pattern[t * T + s] = 0;
    }
    hs_hook_head(run, HS_HOOK_PATTERN, layer, head, rows, pattern);
}

/* z of one head = pattern v. A row takes its own sources only, so that not even an infinite value reaches back: a
 * group's rows take those before the group together, the rest each by itself, in the product's order. */
static void attention_z(const hs_run *run, int layer, int head, hs_rows rows, const hs_real *pattern)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t T = run->n_tokens, e = cfg->d_head, stride = cfg->n_heads * e;
    const hs_real *v = hs_run_at(run, HS_HOOK_V, layer) + head * e;
    hs_real *z = hs_run_at(run, HS_HOOK_Z, layer) + head * e;
    hs_pack(run->packed, v, stride, 1, rows.to, (int)e);
    for (int t0 = rows.from, end; t0 < rows.to; t0 = end) {
        end = group_end(t0, ROWS, rows);
        hs_gemm(z + t0 * stride, stride, pattern + t0 * T, T, run->packed, (int64_t)HS_NR * rows.to, NULL, end - t0, (int)e, t0,
                false);
        for (int t = t0; t < end; t++)
            for (int s = t0; s <= t; s++)
                hs_add_scaled(z + t * stride, pattern[t * T + s], v + s * stride, e);
    }
}

void hs_attend_head(const hs_run *run, int layer, int head, hs_rows rows)
{
    int64_t square = (int64_t)run->n_tokens * run->n_tokens;
    hs_real *pattern = hs_run_at(run, HS_HOOK_PATTERN, layer), *scores = hs_run_at(run, HS_HOOK_ATTN_SCORES, layer);
    pattern += hs_run_is_own(run, HS_HOOK_PATTERN, layer) ? head * square : 0;
    hs_attention_head(run, layer, head, rows, scores ? scores + head * square : pattern, pattern);
    attention_z(run, layer, head, rows, pattern);
}

void hs_attend(const hs_run *run, int layer, hs_rows rows, hs_rows heads)
{
    /* scores, z, and perhaps the scores of another run whose pattern comes in; softmaxes */
    double a_row = ((run->live ? 6.0 : 4.0) * run->model->cfg.d_head + 2 * HS_SOFTMAX_FLOPS) * rows.to, most = HS_TURN / a_row;
    int count = rows.to - rows.from, group = !run->turns || most > count ? count : most < 1 ? 1 : (int)most;
    for (int h = heads.from; h < heads.to; h++)
        for (int from = rows.from; from < rows.to; from += group) {
            hs_rows some = {from, group_end(from, group, rows)};
            if (hs_turn(run->turns, a_row * (some.to - some.from)))
                hs_attend_head(run, layer, h, some);
        }
}

/* One head's write to the stream before b_O: out = z_h W_O[h]. */
static void head_result(const hs_run *run, int layer, int h, hs_rows rows, hs_real *out, int64_t out_stride)
{
    const hs_config *cfg = &run->model->cfg;
    int H = cfg->n_heads, e = cfg->d_head, d = cfg->d_model;
    hs_product(run->model, out + rows.from * out_stride, out_stride,
               hs_run_at(run, HS_HOOK_Z, layer) + ((int64_t)rows.from * H + h) * e, (int64_t)H * e,
               run->model->forward.blocks[layer].W_O + (int64_t)h * e * HS_NR, (int64_t)HS_NR * H * e, NULL,
               rows.to - rows.from, d, e, false);
}

/* attn_out is one product over all heads; an edit adds what it changed, so that an edit that changes nothing
 * leaves every bit. */
void hs_head_results(const hs_run *run, int layer, hs_rows rows, hs_real *attn_out)
{
    const hs_config *cfg = &run->model->cfg;
    int H = cfg->n_heads, d = cfg->d_model;
    hs_real *result = hs_run_at(run, HS_HOOK_RESULT, layer);
    double a_head = 2.0 * (rows.to - rows.from) * cfg->d_head * d;
    if (!result)
        return;
    for (int h = 0; h < H; h++)
        if (hs_turn(run->turns, a_head))
            head_result(run, layer, h, rows, result + (int64_t)h * d, (int64_t)H * d);
    if (!hs_run_acts(run, HS_HOOK_RESULT, layer))
        return;
    if (hs_turn(run->turns, 0))
        hs_hook(run, HS_HOOK_RESULT, layer, rows, result);
    for (int h = 0; h < H; h++) {
        if (!hs_turn(run->turns, a_head))
            continue;
        head_result(run, layer, h, rows, run->result, d);
        for (int t = rows.from; t < rows.to; t++)
            for (int i = 0; i < d; i++) {
                hs_real now = result[((int64_t)t * H + h) * d + i], was = run->result[(int64_t)t * d + i];
                if (now != was)
                    attn_out[(int64_t)t * d + i] += now - was;
            }
    }
}
