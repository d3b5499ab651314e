/* test_decimal.c: the decimal reader against libc's strtod, which rounds correctly: the same bits for what is hard
 * (half-way cases and their neighbours, the smallest and the largest numbers, thousands of digits) and for chance. */
#include "decimal.h"
#include "harness.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

static uint64_t seed = 5;

static void same_as_strtod(const char *text)
{
    double ours = hs_decimal_read(text), libc = strtod(text, NULL);
    if (!CHECK(!memcmp(&ours, &libc, sizeof ours)))
        printf("    %.80s (%zu bytes): %a, not %a\n", text, strlen(text), ours, libc);
}

static double random_double(void)
{
    uint64_t bits = random_next(&seed);
    switch (random_below(&seed, 3)) {
    case 0: bits &= 0x000FFFFFFFFFFFFF; break; /* below the smallest normal number */
    case 1: bits = (bits & 0x000FFFFFFFFFFFFF) | (1021 + random_below(&seed, 4)) << 52; break;
    default: break;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 1;
}

static void test_chosen(void)
{
    static const char *const TEXTS[] = {
        "0", "-0", "0.0", "0e99999999999", "1", "-1.5", "1e22", "1e-22", "1e23", "8.5e22", "9007199254740993",
        "9007199254740992.5", "18446744073709551616", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
        "4.9406564584124654e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-9e310", "1e400", "1e-324", "1e-330", "-1e-400",
        "1e99999999999", "1e-99999999999", "0.000000000000000000000000000001E+30", "12,", "3]", "2.5e1 "};
    TEST("decimal: edges of the range, exponents without end, what follows a number");
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        same_as_strtod(TEXTS[i]);
}

static void test_random(void)
{
    char text[400];
    TEST("decimal: random bits in one to twenty digits, random digits and exponents");
    for (int i = 0; i < 60000; i++) {
        snprintf(text, sizeof text, "%.*e", (int)random_below(&seed, 20), random_double());
        same_as_strtod(text);
        uint64_t digits = random_next(&seed) >> random_below(&seed, 64);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, (int)random_below(&seed, 680) - 350);
        same_as_strtod(text);
    }
}

static void test_halfway(void)
{
    enum { SIZE = 2600 };
    static char text[SIZE];
    TEST("decimal: exactly half-way between two doubles, a little more, a little less");
    for (int i = 0; i < 2000; i++) {
        double x = fabs(random_double()), next = nextafter(x, INFINITY);
        if (x >= 1e300)
            continue;
        long double middle = ((long double)x + (long double)next) / 2; /* exact: it has one bit more */
        int n = snprintf(text, SIZE, "%.1100Lf", middle);
        same_as_strtod(text);
        snprintf(text + n, (size_t)(SIZE - n), "%0*d", 1 + (int)random_below(&seed, 300), 1);
        same_as_strtod(text);
        text[n] = 0;
        while (n > 0 && (text[n - 1] == '0' || text[n - 1] == '.'))
            n--;
        if (n > 0 && strchr(text, '.') < text + n) {
            text[n - 1]--;
            snprintf(text + n, (size_t)(SIZE - n), "9999");
            same_as_strtod(text);
        }
    }
    TEST("decimal: thousands of digits that an exponent takes back");
    memset(text, '0', 2000);
    text[1] = '.';
    strcpy(text + 2000, "7e1999");
    same_as_strtod(text);
    memset(text, '9', 2000);
    same_as_strtod(text);
    strcpy(text + 2000, "e-1900");
    same_as_strtod(text);
}

int main(void)
{
    test_chosen();
    test_random();
    test_halfway();
    return HARNESS_END();
}
