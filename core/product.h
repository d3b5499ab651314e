/* product.h: hs_gemm as the model's machine does it: by its tile, the columns shared out to its threads. */
#ifndef HS_PRODUCT_H
#define HS_PRODUCT_H

#include "model.h"
#include "turns.h"

/* hs_gemm (kernels.h), and its bits. */
void hs_product(const hs_model *model, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate);

/* The same in turns: by rows and columns, which leaves every bit. */
void hs_product_by(hs_turns *turns, const hs_model *model, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                   int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate);
/* Rows that turns are best taken of, for sums over k: enough that weights are not read anew for a few, and so few that
 * two panels of columns fit a turn. */
int hs_turn_rows(int64_t k);

#endif
