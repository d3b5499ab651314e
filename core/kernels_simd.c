/* kernels_simd.c: the kernels that ship. See kernels.h for what each computes. */
#include "kernels.h"
#include "vmath.h"

#include <math.h>
#include <string.h>

/* ---- rows ---- */

static float row_max(const hs_real *x, int n)
{
    v128_t max = v_splat(-INFINITY);
    int i = 0;
    for (; i + 4 <= n; i += 4)
        max = wasm_f32x4_pmax(max, wasm_v128_load(x + i));
    max = wasm_f32x4_pmax(max, v_load_part(x + i, n - i, -INFINITY));
    float m = -INFINITY;
    for (int lane = 0; lane < 4; lane++) {
        float lanes[4];
        wasm_v128_store(lanes, max);
        m = lanes[lane] > m ? lanes[lane] : m;
    }
    return m;
}

void hs_softmax(hs_real *out, const hs_real *x, int n)
{
    v128_t max = v_splat(row_max(x, n)), sum = v_splat(0);
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        v128_t e = v_exp(v_sub(wasm_v128_load(x + i), max));
        sum = v_add(sum, e);
        wasm_v128_store(out + i, e);
    }
    if (i < n) {
        v128_t e = v_exp(v_sub(v_load_part(x + i, n - i, -INFINITY), max));
        sum = v_add(sum, e);
        v_store_part(out + i, e, n - i);
    }
    float total = v_sum(sum);
    if (!(total > 0 && total < INFINITY)) {
        for (i = 0; i < n; i++)
            out[i] = 0;
        return;
    }
    v128_t divisor = v_splat(total);
    for (i = 0; i + 4 <= n; i += 4)
        wasm_v128_store(out + i, v_div(wasm_v128_load(out + i), divisor));
    for (; i < n; i++)
        out[i] /= total;
}

hs_real hs_exp(hs_real x)
{
    return wasm_f32x4_extract_lane(v_exp(v_splat(x)), 0);
}

/* log of a positive finite double by log m = 2 atanh((m - 1) / (m + 1)), m in [0.7, 1.41]. */
static double log_of(double x)
{
    int exponent;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double s = (m - 1) / (m + 1), u = s * s, series = 0;
    for (int k = 21; k >= 1; k -= 2)
        series = series * u + 1.0 / k;
    return exponent * 0.69314718055994530942 + 2 * s * series;
}

double hs_logsumexp(const hs_real *x, int n)
{
    float m = row_max(x, n);
    v128_t max = v_splat(m), sum = v_splat(0);
    int i = 0;
    for (; i + 4 <= n; i += 4)
        sum = v_add(sum, v_exp(v_sub(wasm_v128_load(x + i), max)));
    sum = v_add(sum, v_exp(v_sub(v_load_part(x + i, n - i, -INFINITY), max)));
    float total = v_sum(sum);
    return total > 0 && total < INFINITY ? (double)m + log_of((double)total) : (double)NAN;
}

void hs_ln_moments(const hs_real *x, int n, double eps, hs_real *mean, hs_real *scale)
{
    v128_t sum = v_splat(0), squares = v_splat(0);
    int i = 0;
    for (; i + 4 <= n; i += 4)
        sum = v_add(sum, wasm_v128_load(x + i));
    sum = v_add(sum, v_load_part(x + i, n - i, 0));
    float m = v_sum(sum) / (float)n;
    for (i = 0; i + 4 <= n; i += 4) {
        v128_t d = v_sub(wasm_v128_load(x + i), v_splat(m));
        squares = v_add(squares, v_mul(d, d));
    }
    v128_t d = v_sub(v_load_part(x + i, n - i, m), v_splat(m));
    squares = v_add(squares, v_mul(d, d));
    *mean = m;
    *scale = sqrtf(v_sum(squares) / (float)n + (float)eps);
}

void hs_ln_apply(hs_real *out, const hs_real *x, hs_real mean, hs_real scale, const hs_real *w,
                 const hs_real *b, int n)
{
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        v128_t normalized = v_div(v_sub(wasm_v128_load(x + i), v_splat(mean)), v_splat(scale));
        wasm_v128_store(out + i, w ? v_madd(normalized, wasm_v128_load(w + i), wasm_v128_load(b + i)) : normalized);
    }
    for (; i < n; i++) {
        hs_real normalized = (x[i] - mean) / scale;
        out[i] = w ? normalized * w[i] + b[i] : normalized;
    }
}

void hs_add(hs_real *out, const hs_real *a, const hs_real *b, int64_t n)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(out + i, v_add(wasm_v128_load(a + i), wasm_v128_load(b + i)));
    for (; i < n; i++)
        out[i] = a[i] + b[i];
}

hs_real hs_dot(const hs_real *a, const hs_real *b, int n)
{
    v128_t sum = v_splat(0);
    int i = 0;
    for (; i + 4 <= n; i += 4)
        sum = v_add(sum, v_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
    sum = v_add(sum, v_mul(v_load_part(a + i, n - i, 0), v_load_part(b + i, n - i, 0)));
    return v_sum(sum);
}

/* ---- activation functions ---- */

static v128_t sigmoid(v128_t x)
{
    return v_div(v_splat(1), v_add(v_splat(1), v_exp(wasm_f32x4_neg(x))));
}

/* sqrt(2 / pi) rounds to the same float in gelu_new, gelu_fast and gelu_pytorch_tanh. */
static inline __attribute__((always_inline)) v128_t gelu_tanh(v128_t x)
{
    v128_t cubic = v_mul(v_mul(v_mul(v_splat(0.044715f), x), x), x);
    return v_tanh(v_mul(v_splat(0.7978845608f), v_add(x, cubic)));
}

static inline __attribute__((always_inline)) v128_t act_of(hs_act act, v128_t x)
{
    switch (act) {
    case HS_ACT_RELU: return v_where(wasm_f32x4_lt(x, v_splat(0)), v_splat(0), x);
    case HS_ACT_SILU: return v_mul(x, sigmoid(x));
    case HS_ACT_GELU: {
        v128_t phi = v_add(v_splat(1), v_erf(v_mul(x, v_splat(0.70710678f))));
        return v_mul(v_mul(v_splat(0.5f), x), phi);
    }
    case HS_ACT_GELU_NEW:
    case HS_ACT_GELU_FAST:
    case HS_ACT_GELU_PYTORCH_TANH:
        return v_mul(v_mul(v_splat(0.5f), x), v_add(v_splat(1), gelu_tanh(x)));
    default: return x;
    }
}

static inline __attribute__((always_inline)) v128_t slope_of(hs_act act, v128_t x)
{
    v128_t one = v_splat(1), half = v_splat(0.5f);
    switch (act) {
    case HS_ACT_RELU: return v_where(wasm_f32x4_gt(x, v_splat(0)), one, v_splat(0));
    case HS_ACT_SILU: {
        v128_t s = sigmoid(x);
        return v_mul(s, v_madd(x, v_sub(one, s), one));
    }
    case HS_ACT_GELU: {
        v128_t phi = v_mul(half, v_add(one, v_erf(v_mul(x, v_splat(0.70710678f)))));
        v128_t density = v_mul(v_splat(0.39894228f), v_exp(v_mul(v_splat(-0.5f), v_mul(x, x))));
        return v_madd(x, density, phi);
    }
    case HS_ACT_GELU_NEW:
    case HS_ACT_GELU_FAST:
    case HS_ACT_GELU_PYTORCH_TANH: {
        v128_t t = gelu_tanh(x);
        v128_t inner = v_mul(v_splat(0.7978845608f), v_madd(v_splat(3 * 0.044715f), v_mul(x, x), one));
        v128_t bend = v_mul(v_mul(v_mul(half, x), v_sub(one, v_mul(t, t))), inner);
        return v_add(v_mul(half, v_add(one, t)), bend);
    }
    default: return one;
    }
}

void hs_activation(hs_act act, hs_real *out, const hs_real *x, int64_t n)
{
    int64_t i = 0;
    /* One loop for each function: with the choice inside, the loop is slower by a third. */
#define EACH(ACT)                                                     \
    for (; i + 4 <= n; i += 4)                                        \
        wasm_v128_store(out + i, act_of(ACT, wasm_v128_load(x + i))); \
    break;
    switch (act) {
    case HS_ACT_RELU: EACH(HS_ACT_RELU)
    case HS_ACT_SILU: EACH(HS_ACT_SILU)
    case HS_ACT_GELU: EACH(HS_ACT_GELU)
    case HS_ACT_GELU_NEW:
    case HS_ACT_GELU_FAST:
    case HS_ACT_GELU_PYTORCH_TANH: EACH(HS_ACT_GELU_NEW)
    default: EACH(HS_ACT_NONE)
    }
    if (i < n) {
        hs_real last[4] = {0};
        memcpy(last, x + i, (size_t)(n - i) * sizeof *x);
        hs_activation(act, last, last, 4);
        memcpy(out + i, last, (size_t)(n - i) * sizeof *x);
    }
}

void hs_activation_grad(hs_act act, hs_real *d_x, const hs_real *d_out, const hs_real *x, int64_t n)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(d_x + i, v_mul(wasm_v128_load(d_out + i), slope_of(act, wasm_v128_load(x + i))));
    if (i < n) {
        v128_t slope = slope_of(act, v_load_part(x + i, (int)(n - i), 0));
        v_store_part(d_x + i, v_mul(v_load_part(d_out + i, (int)(n - i), 0), slope), (int)(n - i));
    }
}
