/* product.h: hs_gemm as the model's machine does it: by its tile, the columns shared out to its threads. */
#ifndef HS_PRODUCT_H
#define HS_PRODUCT_H

#include "model.h"

/* hs_gemm (kernels.h), and its bits. */
void hs_product(const hs_model *model, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate);

#endif
