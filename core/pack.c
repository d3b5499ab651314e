/* pack.c: matrices in the layout that hs_gemm reads, and a model's packed copies. */
#include "error.h"
#include "kernels.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

void hs_pack(hs_real *packed, const hs_real *b, int64_t k_stride, int64_t n_stride, int k, int n)
{
    for (int j0 = 0; j0 < n; j0 += HS_NR) {
        int nr = n - j0 < HS_NR ? n - j0 : HS_NR;
        for (int p = 0; p < k; p++, packed += HS_NR) {
            const hs_real *row = b + p * k_stride + j0 * n_stride;
            if (nr == HS_NR && n_stride == 1) {
                memcpy(packed, row, HS_NR * sizeof *packed);
                continue;
            }
            for (int j = 0; j < nr; j++)
                packed[j] = row[j * n_stride];
            for (int j = nr; j < HS_NR; j++)
                packed[j] = 0;
        }
    }
}

/* In squares of 16: both sides then stay within the cache lines they have touched. */
void hs_transpose(hs_real *out, const hs_real *a, int64_t lda, int rows, int cols)
{
    enum { SIDE = 16 };
    for (int i0 = 0; i0 < rows; i0 += SIDE)
        for (int j0 = 0; j0 < cols; j0 += SIDE) {
            int i1 = i0 + SIDE < rows ? i0 + SIDE : rows, j1 = j0 + SIDE < cols ? j0 + SIDE : cols;
            for (int j = j0; j < j1; j++)
                for (int i = i0; i < i1; i++)
                    out[(int64_t)j * rows + i] = a[i * lda + j];
        }
}

/* Lay out one direction's packed matrices from `at`, which only counts when NULL. */
static int64_t lay_out(const hs_config *cfg, hs_packed *packed, bool transposes, hs_real *at)
{
    int64_t used = 0, d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head, m = cfg->d_mlp;
    int64_t in = transposes ? hs_packed_count(H * e, d) : H * hs_packed_count(d, e);
    int64_t out = transposes ? H * hs_packed_count(d, e) : hs_packed_count(H * e, d);
    int64_t up = transposes ? hs_packed_count(m, d) : hs_packed_count(d, m);
    int64_t down = transposes ? hs_packed_count(d, m) : hs_packed_count(m, d);
#define PLACE(pointer, count)                \
    do {                                     \
        if (at)                              \
            (pointer) = at + used;           \
        used += (count);                     \
    } while (0)
    for (int l = 0; l < cfg->n_layers; l++) {
        PLACE(packed->blocks[l].W_Q, in);
        PLACE(packed->blocks[l].W_K, in);
        PLACE(packed->blocks[l].W_V, in);
        PLACE(packed->blocks[l].W_O, out);
        if (!cfg->attn_only) {
            PLACE(packed->blocks[l].W_in, up);
            PLACE(packed->blocks[l].W_out, down);
        }
    }
    PLACE(packed->W_U, transposes ? hs_packed_count(cfg->d_vocab_out, d) : hs_packed_count(d, cfg->d_vocab_out));
#undef PLACE
    return used;
}

static hs_status take(const hs_config *cfg, hs_packed *packed, bool transposes, hs_detail *detail)
{
    packed->blocks = calloc((size_t)cfg->n_layers + 1, sizeof *packed->blocks);
    int64_t count = packed->blocks ? lay_out(cfg, packed, transposes, NULL) : 0;
    bool fits = packed->blocks && (uint64_t)count < SIZE_MAX / sizeof(hs_real);
    packed->base = fits ? malloc((size_t)count * sizeof(hs_real)) : NULL;
    if (!packed->base) {
        free(packed->blocks);
        packed->blocks = NULL;
        return hs_fail(detail, HS_EMEMORY, "the packed weights need %lld bytes, which are not to be had",
                       (long long)(count * (int64_t)sizeof(hs_real)));
    }
    packed->n_real = count;
    lay_out(cfg, packed, transposes, packed->base);
    return HS_OK;
}

hs_status hs_model_pack_size(const hs_model *model, hs_detail *detail, uint64_t *out)
{
    hs_packed packed = {.blocks = calloc((size_t)model->cfg.n_layers + 1, sizeof *packed.blocks)};
    if (!packed.blocks)
        return hs_fail(detail, HS_EMEMORY, "no memory for the packed weights");
    *out = model->backward.base ? 0 : (uint64_t)lay_out(&model->cfg, &packed, true, NULL) * sizeof(hs_real);
    free(packed.blocks);
    return HS_OK;
}

hs_status hs_model_pack(hs_model *model, bool transposes, hs_detail *detail)
{
    const hs_config *cfg = &model->cfg;
    int d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head, m = cfg->d_mlp;
    if (!model->forward.base)
        HS_TRY(take(cfg, &model->forward, false, detail));
    if (transposes && !model->backward.base)
        HS_TRY(take(cfg, &model->backward, true, detail));
    for (int l = 0; l < cfg->n_layers; l++) {
        const hs_block_weights *w = &model->blocks[l];
        const hs_packed_block *f = &model->forward.blocks[l];
        const hs_packed_block *b = transposes ? &model->backward.blocks[l] : NULL;
        const hs_real *inputs[3] = {w->W_Q, w->W_K, w->W_V};
        hs_real *packed[3] = {f->W_Q, f->W_K, f->W_V};
        hs_real *transposed[3] = {b ? b->W_Q : NULL, b ? b->W_K : NULL, b ? b->W_V : NULL};
        for (int i = 0; i < 3; i++) {
            for (int h = 0; h < H; h++)
                hs_pack(packed[i] + h * hs_packed_count(d, e), inputs[i] + (int64_t)h * d * e, e, 1, d, e);
            if (!b)
                continue;
            /* [n_heads * d_head, d_model]: row (h, j) is column j of W[h]. Head by head, into the
             * panels of the whole. */
            for (int j0 = 0; j0 < d; j0 += HS_NR)
                for (int row = 0; row < H * e; row++)
                    for (int j = 0; j < HS_NR; j++)
                        transposed[i][((int64_t)j0 * H * e) + (int64_t)row * HS_NR + j] =
                            j0 + j < d ? inputs[i][((int64_t)(row / e) * d + j0 + j) * e + row % e] : 0;
        }
        hs_pack(f->W_O, w->W_O, d, 1, H * e, d);
        if (b)
            for (int h = 0; h < H; h++)
                hs_pack(b->W_O + h * hs_packed_count(d, e), w->W_O + (int64_t)h * e * d, 1, d, d, e);
        if (cfg->attn_only)
            continue;
        hs_pack(f->W_in, w->W_in, m, 1, d, m);
        hs_pack(f->W_out, w->W_out, d, 1, m, d);
        if (b) {
            hs_pack(b->W_in, w->W_in, 1, m, m, d);
            hs_pack(b->W_out, w->W_out, 1, d, d, m);
        }
    }
    hs_pack(model->forward.W_U, model->w.W_U, cfg->d_vocab_out, 1, d, cfg->d_vocab_out);
    if (transposes)
        hs_pack(model->backward.W_U, model->w.W_U, 1, cfg->d_vocab_out, cfg->d_vocab_out, d);
    return HS_OK;
}
