/* error.c: one line of detail for a failed call, and the small formatter behind it. Our own, because
 * libc's would bring stdio, and its imports, into the wasm. */
#include "error.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* A name from a file may be long; the rest of the line still has to fit. */
enum { MAX_STRING = 160 };

typedef struct writer {
    char *out;
    size_t used, size; /* size >= 4 */
    bool cut;
} writer;

static void put(writer *w, char c)
{
    if (w->used + 1 < w->size)
        w->out[w->used++] = c;
    else
        w->cut = true;
}

static void put_text(writer *w, const char *text)
{
    while (*text)
        put(w, *text++);
}

/* Bytes of at most MAX_STRING that end with a whole UTF-8 character. */
static size_t whole_prefix(const char *text)
{
    size_t n = 0;
    while (n < MAX_STRING && text[n])
        n++;
    if (text[n])
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    return n;
}

/* Untrusted text inside a line: control characters would break the line or the terminal. */
static void put_string(writer *w, const char *text)
{
    size_t n = whole_prefix(text);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        put(w, c < 0x20 || c == 0x7F ? '?' : text[i]);
    }
    if (text[n])
        put_text(w, "...");
}

static void put_u64(writer *w, uint64_t value)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n)
        put(w, digits[--n]);
}

static void put_i64(writer *w, int64_t value)
{
    if (value < 0)
        put(w, '-');
    put_u64(w, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* Six significant digits, as %g. */
static void put_double(writer *w, double value)
{
    if (isnan(value)) {
        put_text(w, "nan");
        return;
    }
    if (value < 0)
        put(w, '-');
    value = fabs(value);
    if (isinf(value)) {
        put_text(w, "inf");
        return;
    }
    int exponent = 0;
    if (value != 0) {
        while (value >= 1e6)
            value /= 10, exponent++;
        while (value < 1e5)
            value *= 10, exponent--;
    }
    uint64_t digits = (uint64_t)(value + 0.5);
    if (digits >= 1000000)
        digits /= 10, exponent++;
    int point = 6; /* digits before the decimal point */
    while (digits && digits % 10 == 0 && point > 1)
        digits /= 10, exponent++, point--;
    char text[8];
    int n = 0;
    for (uint64_t rest = digits; rest || n == 0; rest /= 10)
        text[n++] = (char)('0' + rest % 10);
    int magnitude = n - 1 + exponent;
    if (magnitude < -4 || magnitude >= 6) {
        put(w, text[--n]);
        if (n)
            put(w, '.');
        while (n)
            put(w, text[--n]);
        put(w, 'e');
        put(w, magnitude < 0 ? '-' : '+');
        uint64_t size = (uint64_t)(magnitude < 0 ? -magnitude : magnitude);
        if (size < 10)
            put(w, '0');
        put_u64(w, size);
        return;
    }
    if (magnitude < 0) {
        put_text(w, "0.");
        for (int i = -1; i > magnitude; i--)
            put(w, '0');
        while (n)
            put(w, text[--n]);
        return;
    }
    for (int i = magnitude; n || i >= 0; i--) {
        if (i == -1)
            put(w, '.');
        put(w, n ? text[--n] : '0');
    }
}

static void format_list(writer *w, const char *format, va_list args)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(w, *format);
            continue;
        }
        format++;
        int longs = 0;
        while (*format == 'l')
            longs++, format++;
        if (*format == 'z') {
            format++;
            put_u64(w, va_arg(args, size_t));
        } else if (*format == 'd') {
            put_i64(w, longs == 2 ? va_arg(args, long long) : longs ? va_arg(args, long) : va_arg(args, int));
        } else if (*format == 'u') {
            put_u64(w, longs == 2 ? va_arg(args, unsigned long long)
                       : longs    ? va_arg(args, unsigned long)
                                  : va_arg(args, unsigned));
        } else if (*format == 'g') {
            put_double(w, va_arg(args, double));
        } else if (*format == 'c') {
            put(w, (char)va_arg(args, int));
        } else if (*format == 's') {
            put_string(w, va_arg(args, const char *));
        } else {
            HS_ASSERT(*format == '%');
            put(w, '%');
        }
    }
    w->out[w->used] = 0;
}

hs_status hs_fail(hs_detail *detail, hs_status status, const char *format, ...)
{
    if (!detail)
        return status;
    writer w = {detail->text, 0, sizeof detail->text, false};
    va_list args;
    va_start(args, format);
    format_list(&w, format, args);
    va_end(args);
    if (w.cut) {
        size_t end = w.used - 3;
        while (end > 0 && ((unsigned char)detail->text[end] & 0xC0) == 0x80)
            end--;
        memcpy(detail->text + end, "...", 4);
    }
    return status;
}

bool hs_format(char *out, size_t size, const char *format, ...)
{
    writer w = {out, 0, size, false};
    va_list args;
    va_start(args, format);
    format_list(&w, format, args);
    va_end(args);
    return !w.cut;
}

const char *hs_shape_text(hs_shape_buffer *buffer, const int64_t *shape, int n_axes)
{
    writer w = {buffer->text, 0, sizeof buffer->text, false};
    put(&w, '[');
    for (int i = 0; i < n_axes; i++) {
        if (i)
            put(&w, ',');
        put_i64(&w, shape[i]);
    }
    put(&w, ']');
    w.out[w.used] = 0;
    return buffer->text;
}
