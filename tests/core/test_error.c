/* test_error.c: error lines: the formatter agrees with printf where it has to, and lines stay lines. */
#include "error.h"
#include "harness.h"

#include <float.h>
#include <math.h>

static void test_formats(void)
{
    TEST("%%d %%u %%zu %%lld %%llu %%c %%s as printf writes them");
    char got[160], want[160];
    long long signeds[] = {0, 1, -1, 2147483647, -2147483647 - 1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof signeds / sizeof *signeds; i++) {
        CHECK(hs_format(got, sizeof got, "%d %u %zu %lld %llu %ld%c%s%%", (int)signeds[i], (unsigned)signeds[i], (size_t)signeds[i],
                        signeds[i], (unsigned long long)signeds[i], (long)signeds[i], ';', "text"));
        snprintf(want, sizeof want, "%d %u %zu %lld %llu %ld%c%s%%", (int)signeds[i], (unsigned)signeds[i], (size_t)signeds[i],
                 signeds[i], (unsigned long long)signeds[i], (long)signeds[i], ';', "text");
        if (!CHECK(!strcmp(got, want)))
            printf("    %s, not %s\n", got, want);
    }
    TEST("%%g as printf writes it");
    double numbers[] = {0, -0.0, 1, -1, 0.5, 100, 999999, 1e6, 1234567, 0.0001, 0.00001, 1e-5, 3.14159265, -2.5e-7, 65504, 1e20, 1e300, DBL_MAX,
                        DBL_MIN, 0.1, 123456.7, 99999.94, 999999.5, 1e100, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        hs_format(got, sizeof got, "%g", numbers[i]);
        snprintf(want, sizeof want, "%g", numbers[i] == 0 ? 0.0 : numbers[i]);
        if (!CHECK(!strcmp(got, want)))
            printf("    %s, not %s\n", got, want);
    }
    hs_format(got, sizeof got, "%g", NAN);
    CHECK(!strcmp(got, "nan"));
}

static void test_lines(void)
{
    hs_detail detail = {""};
    TEST("hs_fail returns its status, with and without a detail");
    CHECK(hs_fail(&detail, HS_EHOOK, "x") == HS_EHOOK && !strcmp(detail.text, "x"));
    CHECK(hs_fail(NULL, HS_EHOOK, "x %d", 1) == HS_EHOOK);
    TEST("control characters do not break the line");
    hs_fail(&detail, HS_EHOOK, "a%sb", "\n\r\x1b[2J\x7f");
    CHECK(!strcmp(detail.text, "a???[2J?b"));
    TEST("long strings and long lines are cut, between characters");
    char text[1000];
    memset(text, 'x', sizeof text);
    for (size_t at = 100; at + 4 < sizeof text; at += 3)
        memcpy(text + at, "\xe2\x82\xac", 3);
    text[999] = 0;
    hs_fail(&detail, HS_EHOOK, "<%s>", text);
    CHECK(strlen(detail.text) == 2 + 160 + 3);
    CHECK(!memcmp(detail.text + 158, "\xe2\x82\xac...>", 8));
    hs_fail(&detail, HS_EHOOK, "%s%s%s%s", text, text, text, text);
    size_t length = strlen(detail.text);
    CHECK(length < sizeof detail.text && length > sizeof detail.text - 8);
    CHECK(!strcmp(detail.text + length - 3, "...") && ((unsigned char)detail.text[length - 4] & 0xC0) != 0xC0);
    TEST("hs_format says when it does not fit");
    char small[6];
    CHECK(hs_format(small, sizeof small, "%s", "12345"));
    CHECK(!hs_format(small, sizeof small, "%s", "123456"));
    hs_shape_buffer buffer;
    CHECK(!strcmp(hs_shape_text(&buffer, (const int64_t[]){2, 3, -1}, 3), "[2,3,-1]"));
    CHECK(!strcmp(hs_shape_text(&buffer, NULL, 0), "[]"));
}

static void test_statuses(void)
{
    TEST("each status has its own number, name and text");
    static const int NUMBERS[] = {
#define HS_STATUS(name, number, text) number,
#include "status.def"
#undef HS_STATUS
    };
    int n = sizeof NUMBERS / sizeof *NUMBERS;
    for (int i = 0; i < n; i++) {
        CHECK(NUMBERS[i] >= 0 && NUMBERS[i] < 126); /* an exit code that no shell uses */
        CHECK(i == 0 || NUMBERS[i] > NUMBERS[i - 1]);
        CHECK(hs_status_text((hs_status)NUMBERS[i])[0] != '?');
    }
    CHECK(!strcmp(hs_status_name(HS_EHOOK), "EHOOK") && !strcmp(hs_status_name(HS_OK), "OK"));
    CHECK(!strcmp(hs_status_name((hs_status)1), "?") && !strcmp(hs_status_text((hs_status)1), "?"));
}

int main(void)
{
    test_formats();
    test_lines();
    test_statuses();
    return HARNESS_END();
}
