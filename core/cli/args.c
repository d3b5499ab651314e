/* args.c: the words of a command line. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static hs_flag *find_flag(hs_flag *flags, int n_flags, const char *word)
{
    for (int i = 0; i < n_flags; i++)
        if (!strcmp(flags[i].name, word))
            return &flags[i];
    return NULL;
}

hs_status hs_args_read(int argc, char **argv, const char **positional, int n_positional, hs_flag *flags, int n_flags,
                       hs_detail *detail)
{
    int n = 0;
    for (int i = 0; i < n_flags; i++) {
        flags[i].values = calloc((size_t)argc + 1, sizeof *flags[i].values);
        if (!flags[i].values)
            return hs_fail(detail, HS_EMEMORY, "no memory for the command line");
    }
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (strncmp(word, "--", 2)) {
            if (n == n_positional)
                return hs_fail(detail, HS_EUSAGE, "\"%s\" is one word too many; see hs help", word);
            positional[n++] = word;
            continue;
        }
        hs_flag *flag = find_flag(flags, n_flags, word);
        if (!flag)
            return hs_fail(detail, HS_EUSAGE, "there is no flag %s here; see hs help", word);
        if (flag->n && flag->n >= flag->most)
            return hs_fail(detail, HS_EUSAGE, "%s is given more than %d times", word, flag->n);
        if (flag->most && i + 1 == argc)
            return hs_fail(detail, HS_EUSAGE, "%s needs a value", word);
        flag->values[flag->n++] = flag->most ? argv[++i] : "";
    }
    if (n < n_positional)
        return hs_fail(detail, HS_EUSAGE, "%d of %d words are missing; see hs help", n_positional - n, n_positional);
    return HS_OK;
}

void hs_args_free(hs_flag *flags, int n_flags)
{
    for (int i = 0; i < n_flags; i++)
        free(flags[i].values);
}

/* The whole number that ends at *end; false if there is none in 64 bits. */
static bool read_int(const char *text, const char **end, int64_t *out)
{
    const char *digits = text + (*text == '-');
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    char *stop;
    long long value = strtoll(text, &stop, 10);
    *end = stop;
    *out = value;
    return errno == 0;
}

hs_status hs_args_ids(const char *text, const char *what, hs_detail *detail, int32_t **out, int *n)
{
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == ',';
    int32_t *ids = malloc(most * sizeof *ids);
    if (!ids)
        return hs_fail(detail, HS_EMEMORY, "no memory for %zu ids", most);
    int count = 0;
    for (const char *p = text; *text && p; count++) {
        const char *end = p;
        int64_t value;
        bool good = read_int(p, &end, &value) && (*end == ',' || *end == 0);
        if (!good || value < INT32_MIN || value > INT32_MAX) {
            free(ids);
            return good ? hs_fail(detail, HS_ETOKENS, "%s: id %d is %lld", what, count, (long long)value)
                        : hs_fail(detail, HS_EUSAGE, "%s: \"%s\" does not begin with a token id; write ids as 1,2,3", what, p);
        }
        ids[count] = (int32_t)value;
        p = *end ? end + 1 : NULL;
    }
    *out = ids;
    *n = count;
    return HS_OK;
}

hs_status hs_args_int(const char *text, const char *what, int64_t least, int64_t most, hs_detail *detail, int64_t *out)
{
    const char *end;
    int64_t value;
    if (!read_int(text, &end, &value) || *end || value < least || value > most)
        return hs_fail(detail, HS_EUSAGE, "%s: \"%s\" is no whole number from %lld to %lld", what, text, (long long)least,
                       (long long)most);
    *out = value;
    return HS_OK;
}
