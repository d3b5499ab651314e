/* print.c: pieces of JSON. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>

void hs_print_double(FILE *out, double value)
{
    if (!isfinite(value)) {
        fputs("null", out);
        return;
    }
    char text[32];
    int digits = 6;
    do
        snprintf(text, sizeof text, "%.*g", digits, value);
    while (strtod(text, NULL) != value && ++digits <= 17);
    fputs(text, out);
}

void hs_print_real(FILE *out, hs_real value)
{
    if (!isfinite(value)) {
        fputs("null", out);
        return;
    }
    char text[32];
    int digits = 6;
    do
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
    while ((hs_real)strtod(text, NULL) != value && ++digits <= 17);
    fputs(text, out);
}

void hs_print_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F)
            fprintf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void hs_print_shape(FILE *out, const int64_t *shape, int n_axes)
{
    fputc('[', out);
    for (int i = 0; i < n_axes; i++)
        fprintf(out, "%s%lld", i ? "," : "", (long long)shape[i]);
    fputc(']', out);
}
