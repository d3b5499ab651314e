/* json_check.h: the first pass of the JSON reader, and what the second shares with it. */
#ifndef HS_JSON_CHECK_H
#define HS_JSON_CHECK_H

#include "json.h"

/* A text on its way through the reader. */
typedef struct hs_json_text {
    const unsigned char *text;
    size_t size, at, first_byte; /* at: where the check stands, from 0; first_byte: what error lines add */
    const char *name;
    hs_status root_duplicate;
    hs_detail *detail;
    int n_values, n_keys; /* counted by the check */
} hs_json_text;

/* HS_OK when the text is JSON inside the limits of json.h, but for keys that stand twice. */
hs_status hs_json_check(hs_json_text *text);

static inline int hs_hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at text[at]; -1 if they are not four. */
static inline int hs_hex4(const unsigned char *text, size_t size, size_t at)
{
    int value = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = i < size ? hs_hex_digit(text[i]) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

#endif
