/* text.h: JSON text that grows, for results. Our own, because stdio would come into the wasm with it. */
#ifndef HS_TEXT_H
#define HS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Begin with {0}. `lost` is set when there was no memory; everything after is passed over. */
typedef struct hs_text {
    char *data; /* NUL-terminated once anything was put */
    size_t used, size;
    bool lost;
} hs_text;

void hs_text_put(hs_text *text, const char *raw);
void hs_text_part(hs_text *text, const char *bytes, size_t n);
/* A string with its quotes, escaped. */
void hs_text_string(hs_text *text, const char *value);
/* Nine significant digits, which name every float; null for NaN and the infinities. */
void hs_text_number(hs_text *text, double value);
void hs_text_free(hs_text *text);

#endif
