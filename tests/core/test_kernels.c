/* test_kernels.c: the shipped kernels against their plain references. The product must be the same bits;
 * what goes through exp, tanh, erf or a re-ordered sum must be within a few units of the last place. Every
 * tail of the vector loops runs, and NaN guards stand around each output: a write outside is seen, a read
 * outside poisons the result. */
#include "harness.h"
#include "kernels.h"
#include "product.h"

#include <math.h>
#include <stdlib.h>

enum { GUARD = 16 };

static uint64_t seed = 11;
static float uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(seed >> 11) * 0x1p-53 * 2 - 1);
}

/* n floats with NaN guards on both sides; free with guarded_free, which checks the guards. */
static float *guarded(int64_t n)
{
    float *p = malloc((size_t)(n + 2 * GUARD) * sizeof *p);
    for (int64_t i = 0; i < n + 2 * GUARD; i++)
        p[i] = NAN;
    return p + GUARD;
}

static void guarded_free(float *p, int64_t n)
{
    bool whole = true;
    for (int i = 1; i <= GUARD; i++)
        whole &= isnan(p[-i]) && isnan(p[n + i - 1]);
    CHECK(whole);
    free(p - GUARD);
}

static float *guarded_random(int64_t n, float size)
{
    float *p = guarded(n);
    for (int64_t i = 0; i < n; i++)
        p[i] = size * uniform();
    return p;
}

static int n_parts_done;

/* A pool that does the parts last to first, as threads might. */
static void backwards(void *context, int n, void (*part)(void *work, int i), void *work)
{
    (void)context;
    for (int i = n - 1; i >= 0; i--, n_parts_done++)
        part(work, i);
}

/* The reference's bits: by hs_gemm, by each tile, in parts as they are shared out to threads. */
static void product(int m, int n, int k, bool with_bias, bool accumulate)
{
    int64_t n_packed = hs_packed_count(k, n);
    float *a = guarded_random((int64_t)m * k, 1), *b = guarded_random((int64_t)k * n, 1), *packed = guarded(n_packed);
    float *c = guarded_random((int64_t)m * n, 1), *ref = guarded((int64_t)m * n), *bias = guarded_random(n, 1);
    float *before = guarded((int64_t)m * n);
    memcpy(ref, c, (size_t)m * (size_t)n * sizeof *ref);
    memcpy(before, c, (size_t)m * (size_t)n * sizeof *ref);
    hs_pack(packed, b, n, 1, k, n);
    hs_gemm(c, n, a, k, packed, (int64_t)HS_NR * k, with_bias ? bias : NULL, m, n, k, accumulate);
    hs_ref_gemm(ref, n, a, k, packed, (int64_t)HS_NR * k, with_bias ? bias : NULL, m, n, k, accumulate);
    CHECK(!memcmp(c, ref, (size_t)m * (size_t)n * sizeof *c));
    float *again = guarded((int64_t)m * n);
    for (int tile = 0; tile < HS_N_TILES; tile++)
        for (int threads = 0; threads <= 3; threads++) {
            const hs_pool pool = {.n_threads = threads, .each = backwards};
            const hs_model model = {.machine = {.tile = tile, .pool = threads ? &pool : NULL}};
            memcpy(again, before, (size_t)m * (size_t)n * sizeof *again);
            hs_product(&model, again, n, a, k, packed, (int64_t)HS_NR * k, with_bias ? bias : NULL, m, n, k, accumulate);
            CHECK(!memcmp(again, ref, (size_t)m * (size_t)n * sizeof *again));
        }
    guarded_free(again, (int64_t)m * n);
    guarded_free(before, (int64_t)m * n);
    /* The reference is itself a sum of products: once, by hand, from B unpacked. */
    double by_hand = 0;
    for (int p = 0; p < k; p++)
        by_hand += (double)a[p] * (double)b[(int64_t)p * n + n - 1];
    if (!accumulate && m > 0)
        CHECK(fabs(by_hand + (with_bias ? (double)bias[n - 1] : 0) - (double)c[n - 1]) <= 1e-6 * (k + 1));
    guarded_free(a, (int64_t)m * k);
    guarded_free(b, (int64_t)k * n);
    guarded_free(packed, n_packed);
    guarded_free(c, (int64_t)m * n);
    guarded_free(ref, (int64_t)m * n);
    guarded_free(bias, n);
}

static void test_products(void)
{
    TEST("gemm: the reference's bits, every tail");
    for (int m = 1; m <= 9; m++)
        for (int n = 1; n <= 19; n++)
            product(m, n, 1 + (m * 7 + n) % 23, (m + n) % 2, (m + n) % 3 == 0);
    TEST("gemm: longer than a panel's depth and a block's rows");
    product(67, 33, 1025, true, false);
    product(129, 9, 2050, false, true);
    product(5, 8, 3072, true, true);
    TEST("product: enough of it is shared out, the last part narrower or of one column");
    int before = n_parts_done;
    product(33, 401, 70, true, false);
    product(16, 129, 1100, false, true);
    product(2, 2000, 300, true, true);
    CHECK(n_parts_done - before > 3 * HS_N_TILES * 6);
    TEST("gemm: a row does not depend on the rows beside it");
    int n = 21, k = 300;
    float *a = guarded_random(70 * k, 1), *b = guarded_random((int64_t)k * n, 1), *packed = guarded(hs_packed_count(k, n));
    float *all = guarded(70 * n), *one = guarded(n);
    hs_pack(packed, b, n, 1, k, n);
    hs_gemm(all, n, a, k, packed, (int64_t)HS_NR * k, NULL, 70, n, k, false);
    for (int row = 0; row < 70; row++) {
        hs_gemm(one, n, a + row * k, k, packed, (int64_t)HS_NR * k, NULL, 1, n, k, false);
        CHECK(!memcmp(one, all + row * n, (size_t)n * sizeof *one));
    }
    guarded_free(a, 70 * k);
    guarded_free(b, (int64_t)k * n);
    guarded_free(packed, hs_packed_count(k, n));
    guarded_free(all, 70 * n);
    guarded_free(one, n);
}

static void test_transpose(void)
{
    TEST("transpose");
    for (int rows = 1; rows < 40; rows += 3)
        for (int cols = 1; cols < 40; cols += 5) {
            float *a = guarded_random((int64_t)rows * cols, 1), *t = guarded((int64_t)rows * cols);
            hs_transpose(t, a, cols, rows, cols);
            bool same = true;
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < cols; j++)
                    same &= t[j * rows + i] == a[i * cols + j];
            CHECK(same);
            guarded_free(a, (int64_t)rows * cols);
            guarded_free(t, (int64_t)rows * cols);
        }
}

static bool close_to(double x, double ref, double relative, double absolute)
{
    return fabs(x - ref) <= relative * fabs(ref) + absolute;
}

static void test_rows(void)
{
    TEST("softmax, logsumexp, LayerNorm, sums, dot: lengths 1 to 67");
    for (int n = 1; n <= 67; n++) {
        float *x = guarded_random(n, 20), *y = guarded(n), *ref = guarded(n), *w = guarded_random(n, 2), *b = guarded_random(n, 1);
        hs_softmax(y, x, n);
        hs_ref_softmax(ref, x, n);
        /* x - max is rounded before exp: half a unit of the last place of 40 is 1.9e-6. */
        for (int i = 0; i < n; i++)
            CHECK(close_to((double)y[i], (double)ref[i], 3e-6, 1e-30));
        CHECK(close_to(hs_logsumexp(x, n), hs_ref_logsumexp(x, n), 2e-7, 2e-7));
        float mean, scale, ref_mean, ref_scale;
        hs_ln_moments(x, n, 1e-5, &mean, &scale);
        hs_ref_ln_moments(x, n, 1e-5, &ref_mean, &ref_scale);
        CHECK(close_to((double)mean, (double)ref_mean, 1e-6, 1e-5) && close_to((double)scale, (double)ref_scale, 1e-6, 1e-5));
        hs_ln_apply(y, x, mean, scale, w, b, n);
        hs_ref_ln_apply(ref, x, mean, scale, w, b, n);
        CHECK(!memcmp(y, ref, (size_t)n * sizeof *y));
        hs_add(y, x, w, n);
        hs_ref_add(ref, x, w, n);
        hs_add_scaled(y, x[0], b, n);
        hs_ref_add_scaled(ref, x[0], b, n);
        CHECK(!memcmp(y, ref, (size_t)n * sizeof *y));
        CHECK(close_to((double)hs_dot(x, w, n), (double)hs_ref_dot(x, w, n), 1e-6, 1e-6 * 40 * n));
        hs_softmax(x, x, n); /* in place */
        guarded_free(x, n);
        guarded_free(y, n);
        guarded_free(ref, n);
        guarded_free(w, n);
        guarded_free(b, n);
    }
}

static void test_special(void)
{
    TEST("softmax: -inf, one inf, ties, a NaN, rows of thousands");
    float minus[5] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY}, out[5];
    hs_softmax(out, minus, 5);
    for (int i = 0; i < 5; i++)
        CHECK(out[i] == 0);
    float some[5] = {-INFINITY, 2, -INFINITY, 2, -INFINITY};
    hs_softmax(out, some, 5);
    CHECK(out[0] == 0 && out[1] == 0.5f && out[3] == 0.5f && out[4] == 0);
    float large[5] = {10000, 9999, -10000, 0, 9990};
    hs_softmax(out, large, 5);
    CHECK(close_to((double)out[0], 0.7310, 1e-3, 0) && out[2] == 0);
    float broken[5] = {1, NAN, 2, 3, 4};
    hs_softmax(out, broken, 5);
    for (int i = 0; i < 5; i++)
        CHECK(out[i] == 0);
    TEST("LayerNorm: a constant row, tiny and huge ones");
    float constant[7] = {3, 3, 3, 3, 3, 3, 3}, mean, scale;
    hs_ln_moments(constant, 7, 1e-5, &mean, &scale);
    CHECK(mean == 3 && close_to((double)scale, sqrt(1e-5), 1e-6, 0));
    float tiny[4] = {1e-15f, -1e-15f, 1e-15f, -1e-15f};
    hs_ln_moments(tiny, 4, 1e-5, &mean, &scale);
    CHECK(close_to((double)scale, sqrt(1e-5), 1e-6, 0));
    TEST("exp: the ends of its range");
    CHECK(hs_exp(0) == 1 && hs_exp(-INFINITY) == 0 && hs_exp(INFINITY) == INFINITY && isnan(hs_exp(NAN)));
    CHECK(hs_exp(-200) == 0 && hs_exp(89.5f) == INFINITY && close_to((double)hs_exp(88.7f), exp((double)88.7f), 3e-7, 0));
}

static void test_exp(void)
{
    TEST("exp: within 3e-7 of the true value over [-87, 88]");
    double worst = 0;
    for (int i = 0; i <= 200000; i++) {
        float x = -87 + 175.0f * (float)i / 200000;
        double relative = fabs((double)hs_exp(x) / exp((double)x) - 1);
        worst = relative > worst ? relative : worst;
    }
    CHECK(worst < 3e-7);
    TEST("exp: denormal results to half a step");
    for (float x = -103; x < -88; x += 0.37f)
        CHECK(fabs((double)hs_exp(x) - exp((double)x)) <= 1.5e-45);
}

static void test_activations(void)
{
    static const hs_act ACTS[] = {HS_ACT_RELU, HS_ACT_GELU, HS_ACT_GELU_NEW, HS_ACT_GELU_FAST, HS_ACT_GELU_PYTORCH_TANH, HS_ACT_SILU};
    for (size_t a = 0; a < sizeof ACTS / sizeof *ACTS; a++) {
        TEST("activation %d and its slope, over [-30, 30] and every tail", (int)ACTS[a]);
        enum { N = 60003 };
        float *x = guarded(N), *y = guarded(N), *ref = guarded(N), *d = guarded(N);
        for (int i = 0; i < N; i++) {
            x[i] = -30 + 60.0f * (float)i / N;
            d[i] = 1;
        }
        hs_activation(ACTS[a], y, x, N);
        hs_ref_activation(ACTS[a], ref, x, N);
        double worst = 0, worst_slope = 0;
        for (int i = 0; i < N; i++)
            worst = fmax(worst, fabs((double)y[i] - (double)ref[i]) / fmax(1, fabs((double)x[i])));
        hs_activation_grad(ACTS[a], y, d, x, N);
        hs_ref_activation_grad(ACTS[a], ref, d, x, N);
        for (int i = 0; i < N; i++)
            worst_slope = fmax(worst_slope, fabs((double)y[i] - (double)ref[i]));
        CHECK(worst < 3e-7);
        CHECK(worst_slope < 2e-6);
        guarded_free(x, N);
        guarded_free(y, N);
        guarded_free(ref, N);
        guarded_free(d, N);
        for (int n = 1; n < 9; n++) {
            float *in = guarded_random(n, 5), *out = guarded(n), *expected = guarded(n);
            hs_activation(ACTS[a], out, in, n);
            hs_ref_activation(ACTS[a], expected, in, n);
            for (int i = 0; i < n; i++)
                CHECK(close_to((double)out[i], (double)expected[i], 1e-6, 1e-6));
            guarded_free(in, n);
            guarded_free(out, n);
            guarded_free(expected, n);
        }
    }
}

int main(void)
{
    test_products();
    test_transpose();
    test_rows();
    test_special();
    test_exp();
    test_activations();
    return HARNESS_END();
}
