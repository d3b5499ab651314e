/* text.c: see text.h. */
#include "text.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void hs_text_part(hs_text *text, const char *bytes, size_t n)
{
    if (text->lost)
        return;
    if (text->used + n + 1 > text->size) {
        size_t size = 2 * (text->used + n) + 64;
        char *data = realloc(text->data, size);
        if (!data) {
            text->lost = true;
            return;
        }
        text->data = data;
        text->size = size;
    }
    memcpy(text->data + text->used, bytes, n);
    text->used += n;
    text->data[text->used] = 0;
}

void hs_text_put(hs_text *text, const char *raw)
{
    hs_text_part(text, raw, strlen(raw));
}

void hs_text_string(hs_text *text, const char *value)
{
    static const char HEX[] = "0123456789abcdef";
    hs_text_part(text, "\"", 1);
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        char escaped[6] = {'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]};
        if (c < 0x20)
            hs_text_part(text, escaped, 6);
        else {
            if (c == '"' || c == '\\')
                hs_text_part(text, "\\", 1);
            hs_text_part(text, value, 1);
        }
    }
    hs_text_part(text, "\"", 1);
}

static void put_whole(hs_text *text, uint64_t value)
{
    char digits[20];
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    hs_text_part(text, digits + n, sizeof digits - n);
}

void hs_text_number(hs_text *text, double value)
{
    enum { DIGITS = 9 };
    if (!isfinite(value)) {
        hs_text_put(text, "null");
        return;
    }
    if (value < 0)
        hs_text_part(text, "-", 1);
    value = fabs(value);
    if (value < 1e15 && value == floor(value)) {
        put_whole(text, (uint64_t)value);
        return;
    }
    int exponent = 0; /* value * 10^exponent has DIGITS digits before the point */
    for (; value >= 1e9; exponent--)
        value /= 10;
    for (; value < 1e8; exponent++)
        value *= 10;
    uint64_t digits = (uint64_t)(value + 0.5);
    for (; digits % 10 == 0; exponent--)
        digits /= 10;
    if (exponent > 0 && exponent <= DIGITS + 5) { /* plain decimals down to 0.00001 */
        uint64_t one = 1;
        for (int i = 0; i < exponent; i++)
            one *= 10;
        put_whole(text, digits / one);
        hs_text_part(text, ".", 1);
        uint64_t rest = digits % one;
        for (one /= 10; one > rest && one > 1; one /= 10)
            hs_text_part(text, "0", 1);
        put_whole(text, rest);
        return;
    }
    uint64_t one = 1;
    for (; digits / one >= 10; exponent--)
        one *= 10;
    put_whole(text, digits / one);
    if (digits % one) {
        hs_text_part(text, ".", 1);
        uint64_t rest = digits % one;
        for (one /= 10; one > rest; one /= 10)
            hs_text_part(text, "0", 1);
        put_whole(text, rest);
    }
    hs_text_part(text, exponent > 0 ? "e-" : "e", exponent > 0 ? 2 : 1);
    put_whole(text, (uint64_t)(exponent > 0 ? exponent : -exponent));
}

void hs_text_free(hs_text *text)
{
    free(text->data);
    *text = (hs_text){0};
}
