/* vmath.h: exp, tanh and erf of four floats. Our own, because libm's differ between platforms in the
 * last bit and the results here must be the same bits natively and in every browser. */
#ifndef HS_VMATH_H
#define HS_VMATH_H

#ifdef __wasm__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

static inline v128_t v_splat(float x) { return wasm_f32x4_splat(x); }
static inline v128_t v_add(v128_t a, v128_t b) { return wasm_f32x4_add(a, b); }
static inline v128_t v_sub(v128_t a, v128_t b) { return wasm_f32x4_sub(a, b); }
static inline v128_t v_mul(v128_t a, v128_t b) { return wasm_f32x4_mul(a, b); }
static inline v128_t v_div(v128_t a, v128_t b) { return wasm_f32x4_div(a, b); }
static inline v128_t v_madd(v128_t a, v128_t b, v128_t c) { return v_add(v_mul(a, b), c); }
static inline v128_t v_abs(v128_t a) { return wasm_f32x4_abs(a); }
/* b where the mask is set, else a. */
static inline v128_t v_where(v128_t mask, v128_t b, v128_t a) { return wasm_v128_bitselect(b, a, mask); }

/* exp(x) = 2^n (1 + p): n whole, p = expm1 of the rest |r| <= ln(2) / 2, by its Taylor series to r^7
 * (remainder 5e-9 of the result). x must be in [-104, 89]. */
static inline v128_t v_exp_parts(v128_t x, v128_t *p)
{
    v128_t magic = v_splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to a whole number */
    v128_t n = v_sub(v_madd(x, v_splat(1.44269504f), magic), magic);
    v128_t r = v_sub(v_sub(x, v_mul(n, v_splat(0.693359375f))), v_mul(n, v_splat(-2.12194440e-4f)));
    v128_t s = v_splat(1.0f / 5040);
    s = v_madd(s, r, v_splat(1.0f / 720));
    s = v_madd(s, r, v_splat(1.0f / 120));
    s = v_madd(s, r, v_splat(1.0f / 24));
    s = v_madd(s, r, v_splat(1.0f / 6));
    s = v_madd(s, r, v_splat(0.5f));
    *p = v_madd(v_mul(s, r), r, r);
    return n;
}

/* 2^n for whole n in [-126, 127]. */
static inline v128_t v_exp2_whole(v128_t n)
{
    return wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
}

/* exp(x), within 1 ulp of the true value for normal results; inf, 0 and NaN as exp has them. */
static inline v128_t v_exp(v128_t x)
{
    v128_t p, bounded = wasm_f32x4_pmin(wasm_f32x4_pmax(x, v_splat(-104.0f)), v_splat(89.0f));
    v128_t n = v_exp_parts(bounded, &p);
    /* 2^n in two factors: n reaches 128 at the top and the denormals at the bottom. */
    v128_t half = wasm_f32x4_trunc(v_mul(n, v_splat(0.5f)));
    v128_t y = v_mul(v_mul(v_add(p, v_splat(1.0f)), v_exp2_whole(half)), v_exp2_whole(v_sub(n, half)));
    y = v_where(wasm_f32x4_lt(x, v_splat(-104.0f)), v_splat(0.0f), y);
    y = v_where(wasm_f32x4_gt(x, v_splat(89.0f)), v_splat(__builtin_inff()), y);
    return v_where(wasm_f32x4_ne(x, x), x, y);
}

/* tanh(x) = e / (e + 2) with e = expm1(2 |x|), so that small x keep their digits. */
static inline v128_t v_tanh(v128_t x)
{
    v128_t p, a = wasm_f32x4_pmin(v_abs(x), v_splat(10.0f));
    v128_t n = v_exp_parts(v_add(a, a), &p);
    v128_t two_n = v_exp2_whole(n);
    v128_t e = v_madd(two_n, p, v_sub(two_n, v_splat(1.0f)));
    v128_t y = v_div(e, v_add(e, v_splat(2.0f)));
    y = wasm_v128_bitselect(y, x, wasm_i32x4_splat(0x7fffffff)); /* the sign of x */
    return v_where(wasm_f32x4_ne(x, x), x, y);
}

/* erf(x): x P(x^2) below 1; above, 1 - exp(-x^2) Q(1 / (1 + |x| / 2)). P and Q are Chebyshev fits of
 * erf(x) / x on [0, 1] and erfc(x) exp(x^2) on [1, 4]; the error is under 2e-7 of the result. */
static inline v128_t v_erf(v128_t x)
{
    v128_t a = wasm_f32x4_pmin(v_abs(x), v_splat(4.0f)), u = v_mul(a, a);
    v128_t small = v_splat(-9.673591193859465e-06f);
    small = v_madd(small, u, v_splat(0.00011268253729213029f));
    small = v_madd(small, u, v_splat(-0.0008484396385028958f));
    small = v_madd(small, u, v_splat(0.005221053492277861f));
    small = v_madd(small, u, v_splat(-0.026865437626838684f));
    small = v_madd(small, u, v_splat(0.11283782869577408f));
    small = v_madd(small, u, v_splat(-0.37612637877464294f));
    small = v_madd(small, u, v_splat(1.128379225730896f));
    v128_t t = v_div(v_splat(1.0f), v_madd(a, v_splat(0.5f), v_splat(1.0f)));
    v128_t tail = v_splat(0.12026210874319077f);
    tail = v_madd(tail, t, v_splat(-0.4744580090045929f));
    tail = v_madd(tail, t, v_splat(0.5681912899017334f));
    tail = v_madd(tail, t, v_splat(-0.10769317299127579f));
    tail = v_madd(tail, t, v_splat(0.34980762004852295f));
    tail = v_madd(tail, t, v_splat(0.259104460477829f));
    tail = v_madd(tail, t, v_splat(0.2850055396556854f));
    tail = v_madd(tail, t, v_splat(-0.0001604576245881617f));
    tail = v_sub(v_splat(1.0f), v_mul(v_exp(wasm_f32x4_neg(u)), tail));
    v128_t y = v_where(wasm_f32x4_lt(a, v_splat(1.0f)), v_mul(small, a), tail);
    y = wasm_v128_bitselect(y, x, wasm_i32x4_splat(0x7fffffff));
    return v_where(wasm_f32x4_ne(x, x), x, y);
}

/* Lanes i.. of p[n], the missing ones `fill`; and back. */
static inline v128_t v_load_part(const float *p, int n, float fill)
{
    float lanes[4] = {fill, fill, fill, fill};
    for (int i = 0; i < n; i++)
        lanes[i] = p[i];
    return wasm_v128_load(lanes);
}
static inline void v_store_part(float *p, v128_t v, int n)
{
    float lanes[4];
    wasm_v128_store(lanes, v);
    for (int i = 0; i < n; i++)
        p[i] = lanes[i];
}

/* (s0 + s1) + (s2 + s3) */
static inline float v_sum(v128_t s)
{
    return (wasm_f32x4_extract_lane(s, 0) + wasm_f32x4_extract_lane(s, 1)) +
           (wasm_f32x4_extract_lane(s, 2) + wasm_f32x4_extract_lane(s, 3));
}

#endif
