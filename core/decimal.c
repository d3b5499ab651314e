/* decimal.c: see decimal.h. The digits themselves are doubled and halved until what stands before the point is the
 * significand: exact, and short. */
#include "decimal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A point half-way between two doubles has at most 767 digits. */
enum { MAX_DIGITS = 800, MAX_SHIFT = 56 };

/* 0.d0 d1 d2 ... * 10^point, the first digit and the last not 0. */
typedef struct decimal {
    int n, point;
    bool more; /* digits other than 0 were cut off behind the last */
    unsigned char digit[MAX_DIGITS];
} decimal;

static void trim(decimal *x)
{
    while (x->n && !x->digit[x->n - 1])
        x->n--;
}

static void append(decimal *x, unsigned digit)
{
    if (!x->n && !digit)
        x->point--;
    else if (x->n < MAX_DIGITS)
        x->digit[x->n++] = (unsigned char)digit;
    else
        x->more |= digit;
}

/* x *= 2^k for |k| <= MAX_SHIFT. */
static void shift(decimal *x, int k)
{
    uint64_t rest = 0;
    if (k < 0) {
        int n = x->n;
        x->n = 0;
        for (int i = 0; i < n || rest; i++) {
            rest = 10 * rest + (i < n ? x->digit[i] : 0);
            append(x, (unsigned)(rest >> -k));
            rest &= ((uint64_t)1 << -k) - 1;
        }
    } else {
        for (int i = x->n; i-- > 0; rest /= 10) {
            rest += (uint64_t)x->digit[i] << k;
            x->digit[i] = rest % 10;
        }
        for (; rest; rest /= 10) {
            if (x->n == MAX_DIGITS)
                x->more |= x->digit[--x->n];
            memmove(x->digit + 1, x->digit, (size_t)x->n++);
            x->digit[0] = rest % 10;
            x->point++;
        }
    }
    trim(x);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Digits up to what is none; `point` counts those before the decimal point. */
static const char *read_digits(decimal *x, const char *p, bool whole)
{
    for (; *p >= '0' && *p <= '9'; p++) {
        x->point += whole;
        append(x, (unsigned)(*p - '0'));
    }
    return p;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double hs_decimal_read(const char *p)
{
    static const uint64_t INFINITE = (uint64_t)0x7FF << 52;
    decimal x = {.n = 0};
    uint64_t sign = (uint64_t)(*p == '-') << 63;
    p = read_digits(&x, p + (*p == '-'), true);
    if (*p == '.')
        p = read_digits(&x, p + 1, false);
    if (*p == 'e' || *p == 'E') {
        bool negative = *++p == '-';
        int exponent = 0;
        for (p += negative || *p == '+'; *p >= '0' && *p <= '9'; p++)
            if (exponent < 100000000) /* no text has as many digits */
                exponent = 10 * exponent + (*p - '0');
        x.point += negative ? -exponent : exponent;
    }
    trim(&x);
    if (!x.n || x.point < -330)
        return of_bits(sign);
    if (x.point > 310)
        return of_bits(sign | INFINITE);

    int binary = 0; /* the number is x * 2^binary; x in [1/2, 1) when the loops end */
    for (int k; x.point > 0; binary += k)
        shift(&x, -(k = least(3 * x.point - 2, MAX_SHIFT)));
    for (int k; x.point < 0 || x.digit[0] < 5; binary -= k)
        shift(&x, k = x.point ? least(-3 * x.point, MAX_SHIFT) : 1);

    int n_bits = least(53, binary + 1074); /* fewer below the smallest normal number */
    if (n_bits < 0)
        return of_bits(sign);
    shift(&x, n_bits);
    uint64_t significand = 0;
    for (int i = 0; i < x.point; i++)
        significand = 10 * significand + (i < x.n ? x.digit[i] : 0);
    if (x.n > x.point) {
        int next = x.digit[x.point];
        significand += next > 5 || (next == 5 && (x.n > x.point + 1 || x.more || significand % 2));
    }
    /* The significand's leading bit adds 1 to the exponent, as it does when rounding carries into it. */
    uint64_t bits = significand + ((uint64_t)(binary > -1021 ? binary + 1021 : 0) << 52);
    return of_bits(sign | (bits < INFINITE ? bits : INFINITE));
}
