/* optim.h: AdamW (Loshchilov and Hutter 2019) over one flat array. */
#ifndef HS_OPTIM_H
#define HS_OPTIM_H

#include "hs.h"

typedef struct hs_adamw {
    double beta1, beta2, eps;
} hs_adamw;

/* One step on n parameters w with gradient d (scaled by d_scale first), moments m and v, and the 1-based
 * step number. decay is the decoupled weight decay of this array. */
void hs_adamw_step(const hs_adamw *adamw, int64_t step, double lr, double decay, double d_scale, hs_real *w,
                   const hs_real *d, hs_real *m, hs_real *v, int64_t n);

/* The Euclidean norm of d [n], summed in order in double. */
double hs_norm_of(const hs_real *d, int64_t n);

#endif
