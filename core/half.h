/* half.h: the 16-bit floats of model files. */
#ifndef HS_HALF_H
#define HS_HALF_H

#include <stdint.h>
#include <string.h>

static inline float hs_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float hs_from_bf16(uint16_t half)
{
    return hs_float_of_bits((uint32_t)half << 16);
}

/* Exact: every f16 is an f32. */
static inline float hs_from_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF;
    if (exponent == 31)
        return hs_float_of_bits(sign | 0x7F800000 | fraction << 13);
    if (exponent == 0) {
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    return hs_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* To nearest, ties to even; beyond the range to infinity; a NaN stays one. */
static inline uint16_t hs_to_f16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
    if (size > 0x7F800000)
        return (uint16_t)(sign | 0x7E00);
    if (size >= 0x477FF000) /* 65520: halfway to the value after the largest */
        return (uint16_t)(sign | 0x7C00);
    if (size < 0x38800000) { /* below 2^-14: subnormal, a count of 2^-24 */
        if (size < 0x33000000)
            return (uint16_t)sign;
        uint32_t shift = 126 - (size >> 23), fraction = (size & 0x7FFFFF) | 0x800000;
        uint32_t half = fraction >> shift, rest = fraction & ((1u << shift) - 1), middle = 1u << (shift - 1);
        return (uint16_t)(sign | (half + (rest > middle || (rest == middle && (half & 1)))));
    }
    uint32_t half = (size - 0x38000000) >> 13, rest = size & 0x1FFF;
    return (uint16_t)(sign | (half + (rest > 0x1000 || (rest == 0x1000 && (half & 1)))));
}

#endif
