/* optim.c: see optim.h. */
#include "optim.h"

#include <math.h>

void hs_adamw_step(const hs_adamw *adamw, int64_t step, double lr, double decay, double d_scale, hs_real *w,
                   const hs_real *d, hs_real *m, hs_real *v, int64_t n)
{
    const hs_real b1 = (hs_real)adamw->beta1, b2 = (hs_real)adamw->beta2, eps = (hs_real)adamw->eps;
    const hs_real scale = (hs_real)d_scale, shrink = (hs_real)(1 - lr * decay);
    const hs_real rate = (hs_real)(lr / (1 - pow(adamw->beta1, (double)step)));
    const hs_real unbias = (hs_real)(1 / (1 - pow(adamw->beta2, (double)step)));
    for (int64_t i = 0; i < n; i++) {
        hs_real g = d[i] * scale;
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
#ifdef HS_F64
        hs_real root = sqrt(v[i] * unbias);
#else
        hs_real root = sqrtf(v[i] * unbias);
#endif
        w[i] = w[i] * shrink - rate * m[i] / (root + eps);
    }
}

double hs_norm_of(const hs_real *d, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)d[i] * (double)d[i];
    return sqrt(sum);
}
