/* lens.c: vectors of the residual stream read as logits. */
#include "error.h"
#include "kernels.h"
#include "product.h"

#include <stdlib.h>
#include <string.h>

hs_status hs_unembed(const hs_model *model, const hs_real *x, int n, bool apply_ln_final, hs_detail *detail,
                     hs_real *out)
{
    const hs_config *cfg = &model->cfg;
    int d = cfg->d_model;
    hs_real *normalized = malloc((size_t)n * (size_t)d * sizeof *normalized + 1), mean, scale;
    if (!normalized)
        return hs_fail(detail, HS_EMEMORY, "no memory to unembed %d vectors", n);
    memcpy(normalized, x, (size_t)n * (size_t)d * sizeof *normalized);
    for (int i = 0; apply_ln_final && cfg->normalization_type != HS_NORM_NONE && i < n; i++) {
        hs_real *row = normalized + (int64_t)i * d;
        hs_ln_moments(row, d, cfg->eps, &mean, &scale);
        hs_ln_apply(row, row, mean, scale, model->w.ln_final_w, model->w.ln_final_b, d);
    }
    hs_product(model, out, cfg->d_vocab_out, normalized, d, model->forward.W_U, (int64_t)HS_NR * d, model->w.b_U, n,
               cfg->d_vocab_out, d, false);
    free(normalized);
    return HS_OK;
}
