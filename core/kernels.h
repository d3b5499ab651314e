/* kernels.h: the arithmetic of the forward and backward pass, one contract with two bodies.
 *
 *   kernels_ref.c    plain loops and libm: the definition. Named hs_ref_* in the build that ships (the
 *                    tests compare with it) and hs_* in the f64 build, where it is the only body.
 *   kernels_simd.c   WASM SIMD intrinsics, through SIMDe natively: what ships.
 *
 * The SIMD body keeps the reduction order of hs_gemm (k ascending, one accumulator for each output),
 * so hs_gemm is bit-equal to its reference, an output row does not depend on the number of rows, and
 * native and wasm results are the same bits. Row reductions (softmax, LayerNorm, dot) add four
 * interleaved partial sums, which are combined as (s0 + s1) + (s2 + s3). */
#ifndef HS_KERNELS_H
#define HS_KERNELS_H

#include "hs.h"

/* Columns of a panel. */
#define HS_NR 8

/* Elements of B [k, n] when packed: panels of HS_NR columns, each [k, HS_NR], the last padded with 0. */
static inline int64_t hs_packed_count(int64_t k, int64_t n)
{
    return (n + HS_NR - 1) / HS_NR * HS_NR * k;
}
/* Pack B, whose element (i, j) is b[i * k_stride + j * n_stride]. */
void hs_pack(hs_real *packed, const hs_real *b, int64_t k_stride, int64_t n_stride, int k, int n);
/* out [cols, rows] = the transpose of a [rows, cols], whose rows are lda apart. */
void hs_transpose(hs_real *out, const hs_real *a, int64_t lda, int rows, int cols);

/* Everything both bodies define, as KERNEL(result, name, parameters). */
#define HS_KERNELS(KERNEL)                                                                                  \
    /* C [m, n] = A [m, k] B [k, n] (+ C if accumulate) (+ bias [n] if not NULL). Rows of C and A are ldc   \
     * and lda apart. B is packed; panel_stride is the distance of its panels, HS_NR * k unless B is a      \
     * slice of a longer one. */                                                                            \
    KERNEL(void, gemm,                                                                                      \
           (hs_real * c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,                 \
            int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate))               \
    /* out [n] = softmax(x [n]); all -inf or a NaN gives zeros, as TransformerLens' NaN -> 0. May be in     \
     * place. */                                                                                            \
    KERNEL(void, softmax, (hs_real * out, const hs_real *x, int n))                                         \
    KERNEL(hs_real, exp, (hs_real x))                                                                       \
    /* log(sum(exp(x [n]))). */                                                                             \
    KERNEL(double, logsumexp, (const hs_real *x, int n))                                                    \
    /* LayerNorm's two halves: the mean and scale = sqrt(biased variance + eps) of x [n], ... */            \
    KERNEL(void, ln_moments, (const hs_real *x, int n, double eps, hs_real *mean, hs_real *scale))          \
    /* ... and out = (x - mean) / scale * w + b; w and b [n] are NULL for LNPre. May be in place. */        \
    KERNEL(void, ln_apply,                                                                                  \
           (hs_real * out, const hs_real *x, hs_real mean, hs_real scale, const hs_real *w,                 \
            const hs_real *b, int n))                                                                       \
    /* out = a + b and y += s x, [n]. May be in place. */                                                   \
    KERNEL(void, add, (hs_real * out, const hs_real *a, const hs_real *b, int64_t n))                       \
    KERNEL(void, add_scaled, (hs_real * y, hs_real s, const hs_real *x, int64_t n))                         \
    KERNEL(hs_real, dot, (const hs_real *a, const hs_real *b, int n))                                       \
    /* out [n] = act(x [n]) for the element-wise functions (not solu, which is x softmax(x) of a row). */   \
    KERNEL(void, activation, (hs_act act, hs_real *out, const hs_real *x, int64_t n))                       \
    /* d_x [n] = d_out [n] * act'(x [n]). May be in place. */                                               \
    KERNEL(void, activation_grad,                                                                           \
           (hs_act act, hs_real *d_x, const hs_real *d_out, const hs_real *x, int64_t n))

#define HS_KERNEL_SHIPPED(result, name, parameters) result hs_##name parameters;
HS_KERNELS(HS_KERNEL_SHIPPED)
#ifndef HS_F64
/* hs_gemm by one of the HS_N_TILES tiles (hs_machine.h): the same bits. hs_gemm is it by tile 0. */
void hs_gemm_by(int tile, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate);
#define HS_KERNEL_REFERENCE(result, name, parameters) result hs_ref_##name parameters;
HS_KERNELS(HS_KERNEL_REFERENCE)
#endif

#endif
