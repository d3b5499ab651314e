/* harness.h: what every C test shares. TEST(name) begins a test, CHECK... judge, HARNESS_END() prints the
 * count and is main's result. One line a test; a failed check says where and what. */
#ifndef HS_HARNESS_H
#define HS_HARNESS_H

#include "hs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    char name[160];
    int n_checks, n_wrong; /* of the test that runs */
    int n_passed, n_failed;
} harness;

static inline void harness_close(void)
{
    if (harness.n_checks == 0)
        return;
    printf("%s %s (%d checks)\n", harness.n_wrong ? "FAIL" : "ok  ", harness.name[0] ? harness.name : "checks",
           harness.n_checks);
    harness.n_wrong ? harness.n_failed++ : harness.n_passed++;
    harness.n_checks = harness.n_wrong = 0;
}

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static inline void TEST(const char *format, ...)
{
    harness_close();
    va_list args;
    va_start(args, format);
    vsnprintf(harness.name, sizeof harness.name, format, args);
    va_end(args);
}

static inline bool harness_check(bool good, const char *file, int line, const char *what)
{
    harness.n_checks++;
    if (!good) {
        harness.n_wrong++;
        printf("%s:%d: %s: not so: %s\n", file, line, harness.name, what);
    }
    return good;
}

#define CHECK(condition) harness_check((condition), __FILE__, __LINE__, #condition)

static inline bool harness_status(hs_status got, hs_status want, const hs_detail *detail, const char *file, int line)
{
    bool good = harness_check(got == want, file, line, "the status is as expected");
    if (!good)
        printf("    got %s (%s), wanted %s\n", hs_status_name(got), detail->text, hs_status_name(want));
    return good;
}

/* `detail` is the hs_detail that the call wrote to. */
#define CHECK_STATUS(call, want, detail) harness_status((call), (want), &(detail), __FILE__, __LINE__)

static inline bool harness_contains(const char *text, const char *part, const char *file, int line)
{
    bool good = harness_check(strstr(text, part) != NULL, file, line, "the text says so");
    if (!good)
        printf("    \"%s\" does not hold \"%s\"\n", text, part);
    return good;
}

#define CHECK_SAYS(text, part) harness_contains((text), (part), __FILE__, __LINE__)

static inline int harness_end(void)
{
    harness_close();
    printf("%d passed, %d failed\n", harness.n_passed, harness.n_failed);
    return harness.n_failed || harness.n_passed == 0;
}

#define HARNESS_END() harness_end()

#endif
