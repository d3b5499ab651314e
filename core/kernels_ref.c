/* kernels_ref.c: what each kernel computes, in plain loops. See kernels.h. */
#include "kernels.h"

#include <math.h>

static const double PI = 3.14159265358979323846, SQRT_HALF = 0.70710678118654752440;

#ifdef HS_F64
#define KERNEL(name) hs_##name
#else
#define KERNEL(name) hs_ref_##name
#endif

void KERNEL(gemm)(hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                  int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const hs_real *b = packed + j / HS_NR * panel_stride + j % HS_NR;
            hs_real sum = accumulate ? c[i * ldc + j] : 0;
            for (int p = 0; p < k; p++)
                sum += a[i * lda + p] * b[(int64_t)p * HS_NR];
            c[i * ldc + j] = bias ? sum + bias[j] : sum;
        }
}

/* The largest of x and the sum of exp(x - largest). */
static double sum_of_exp(const hs_real *x, int n, hs_real *max)
{
    double sum = 0;
    *max = -INFINITY;
    for (int i = 0; i < n; i++)
        *max = x[i] > *max ? x[i] : *max;
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - (double)*max);
    return sum;
}

void KERNEL(softmax)(hs_real *out, const hs_real *x, int n)
{
    hs_real max;
    double sum = sum_of_exp(x, n, &max);
    for (int i = 0; i < n; i++) {
        double p = exp((double)x[i] - (double)max) / sum;
        out[i] = isnan(p) ? 0 : (hs_real)p;
    }
}

hs_real KERNEL(exp)(hs_real x)
{
    return (hs_real)exp((double)x);
}

double KERNEL(logsumexp)(const hs_real *x, int n)
{
    hs_real max;
    double sum = sum_of_exp(x, n, &max);
    return (double)max + log(sum);
}

void KERNEL(ln_moments)(const hs_real *x, int n, double eps, hs_real *mean, hs_real *scale)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i];
    double m = sum / n;
    for (int i = 0; i < n; i++)
        squares += ((double)x[i] - m) * ((double)x[i] - m);
    *mean = (hs_real)m;
    *scale = (hs_real)sqrt(squares / n + eps);
}

void KERNEL(ln_apply)(hs_real *out, const hs_real *x, hs_real mean, hs_real scale, const hs_real *w,
                      const hs_real *b, int n)
{
    for (int i = 0; i < n; i++) {
        hs_real normalized = (x[i] - mean) / scale;
        out[i] = w ? normalized * w[i] + b[i] : normalized;
    }
}

void KERNEL(add)(hs_real *out, const hs_real *a, const hs_real *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

void KERNEL(add_scaled)(hs_real *y, hs_real s, const hs_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += s * x[i];
}

hs_real KERNEL(dot)(const hs_real *a, const hs_real *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return (hs_real)sum;
}

/* gelu_new and gelu_pytorch_tanh are one formula; gelu_fast writes sqrt(2 / pi) to seven digits. */
static double tanh_gelu_scale(hs_act act)
{
    return act == HS_ACT_GELU_FAST ? 0.7978845608 : sqrt(2 / PI);
}

void KERNEL(activation)(hs_act act, hs_real *out, const hs_real *x_in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = (double)x_in[i], y = x;
        switch (act) {
        case HS_ACT_RELU: y = x > 0 ? x : (x != x ? x : 0); break;
        case HS_ACT_SILU: y = x / (1 + exp(-x)); break;
        case HS_ACT_GELU: y = 0.5 * x * (1 + erf(x * SQRT_HALF)); break;
        case HS_ACT_GELU_NEW:
        case HS_ACT_GELU_FAST:
        case HS_ACT_GELU_PYTORCH_TANH:
            y = 0.5 * x * (1 + tanh(tanh_gelu_scale(act) * (x + 0.044715 * x * x * x)));
            break;
        case HS_ACT_NONE:
        case HS_ACT_SOLU:
        case HS_ACT_SOLU_LN: break;
        }
        out[i] = (hs_real)y;
    }
}

void KERNEL(activation_grad)(hs_act act, hs_real *d_x, const hs_real *d_out, const hs_real *x_in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = (double)x_in[i], slope = 1;
        switch (act) {
        case HS_ACT_RELU: slope = x > 0; break;
        case HS_ACT_SILU: {
            double s = 1 / (1 + exp(-x));
            slope = s * (1 + x * (1 - s));
            break;
        }
        case HS_ACT_GELU:
            slope = 0.5 * (1 + erf(x * SQRT_HALF)) + x * exp(-0.5 * x * x) / sqrt(2 * PI);
            break;
        case HS_ACT_GELU_NEW:
        case HS_ACT_GELU_FAST:
        case HS_ACT_GELU_PYTORCH_TANH: {
            double k = tanh_gelu_scale(act), t = tanh(k * (x + 0.044715 * x * x * x));
            slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x);
            break;
        }
        case HS_ACT_NONE:
        case HS_ACT_SOLU:
        case HS_ACT_SOLU_LN: break;
        }
        d_x[i] = (hs_real)((double)d_out[i] * slope);
    }
}
