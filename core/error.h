/* error.h: how a call inside the core fails. */
#ifndef HS_ERROR_H
#define HS_ERROR_H

#include "hs.h"

#ifdef __GNUC__
#define HS_FORMAT(string, args) __attribute__((format(printf, string, args)))
#else
#define HS_FORMAT(string, args)
#endif

/* Write the detail (printf's %s %d %u %zu %g %c, with l and ll) and return `status`:
 * `return hs_fail(...)`. detail may be NULL. A string of more than 160 bytes and an overlong text end in
 * "..."; control characters in strings become "?", so that the text stays one line. */
hs_status hs_fail(hs_detail *detail, hs_status status, const char *format, ...) HS_FORMAT(3, 4);
/* The same formatter into out[size], size >= 4; false when it did not fit. */
bool hs_format(char *out, size_t size, const char *format, ...) HS_FORMAT(3, 4);

/* "[2,3]", for error lines. */
typedef struct hs_shape_buffer {
    char text[192];
} hs_shape_buffer;
const char *hs_shape_text(hs_shape_buffer *buffer, const int64_t *shape, int n_axes);

/* Forward a failure. */
#define HS_TRY(call)                          \
    do {                                      \
        hs_status hs_try_status = (call);     \
        if (hs_try_status != HS_OK)           \
            return hs_try_status;             \
    } while (0)

/* For what only our own bug can break. Traps; prints nothing (libc's assert would bring stdio). */
#define HS_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())

/* a * b and a + b in 64 bits; false when they do not fit. */
static inline bool hs_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool hs_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

#endif
