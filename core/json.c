/* json.c: text -> checked tokens.
 *
 *   check (json_check.c)                    nothing is allocated before the text is known to be JSON
 *   jsmn                                    tokens of a copy of the text
 *   link                                    sibling links, strings unescaped in place, keys compared
 *
 * jsmn alone accepts `{"a" 1,}` and the like, so the grammar is checked first. Every step is linear but
 * the comparison of keys, which sorts. */
#include "decimal.h"
#include "error.h"
#include "json_check.h"
#include "sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

struct hs_json {
    char *text;
    jsmntok_t *tokens;
    int *next; /* [n] next token of the same parent, or -1 */
    int n;
};

/* ---- link ---- */

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* In place: an escape is never shorter than what it stands for. The closing quote's byte becomes NUL. */
static void unescape(char *text, jsmntok_t *token)
{
    char *out = text + token->start;
    const char *p = out, *end = text + token->end;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        char kind = p[1];
        if (kind != 'u') {
            static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";
            *out++ = TO[strchr(FROM, kind) - FROM];
            p += 2;
            continue;
        }
        unsigned code = (unsigned)hs_hex4((const unsigned char *)p, (size_t)(end - p), 2);
        p += 6;
        if (code >= 0xD800 && code <= 0xDBFF) {
            unsigned low = (unsigned)hs_hex4((const unsigned char *)p, (size_t)(end - p), 2);
            code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00;
            p += 6;
        }
        out = put_utf8(out, code);
    }
    *out = 0;
    token->end = (int)(out - text);
}

static void link_siblings(hs_json *json, int *last)
{
    for (int i = 0; i < json->n; i++) {
        int parent = json->tokens[i].parent;
        json->next[i] = last[i] = -1;
        if (parent < 0)
            continue;
        if (last[parent] >= 0)
            json->next[last[parent]] = i;
        last[parent] = i;
    }
}

typedef struct key {
    const char *text;
    int length, object, token;
} key;

static int compare_keys(const void *left, const void *right)
{
    const key *a = left, *b = right;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    int order = memcmp(a->text, b->text, (size_t)a->length);
    return order ? order : a->token - b->token;
}

static bool is_key(const hs_json *json, int token)
{
    int parent = json->tokens[token].parent;
    return parent >= 0 && json->tokens[parent].type == JSMN_OBJECT;
}

/* Sorting, not hashing: no choice of keys makes it slow. The first repetition in the text is named. */
static hs_status check_duplicates(const hs_json *json, key *keys, const hs_json_text *c)
{
    int n = 0, worst = json->n;
    const key *repeated = NULL;
    for (int i = 0; i < json->n; i++)
        if (is_key(json, i)) {
            const jsmntok_t *token = &json->tokens[i];
            keys[n++] = (key){json->text + token->start, token->end - token->start, token->parent, i};
        }
    hs_sort(keys, (size_t)n, sizeof *keys, compare_keys);
    for (int i = 1; i < n; i++) {
        const key *a = &keys[i - 1], *b = &keys[i];
        if (a->object == b->object && a->length == b->length && !memcmp(a->text, b->text, (size_t)a->length) &&
            b->token < worst) {
            worst = b->token;
            repeated = b;
        }
    }
    if (!repeated)
        return HS_OK;
    return hs_fail(c->detail, repeated->object ? HS_EDUPKEY : c->root_duplicate, "%s: byte %zu: the key \"%s\" stands twice in one object", c->name,
                   c->first_byte + (size_t)json->tokens[worst].start, repeated->text);
}

static hs_status fail_memory(const hs_json_text *c)
{
    return hs_fail(c->detail, HS_EMEMORY, "%s: no memory for a JSON text of %zu bytes", c->name, c->size);
}

/* A checked text -> tokens. */
static hs_status build(hs_json *json, const hs_json_text *c)
{
    json->n = c->n_values + c->n_keys;
    HS_ASSERT(json->n > 0); /* an accepted text holds a value */
    size_t n = (size_t)json->n;
    json->text = malloc(c->size + 2);
    json->tokens = malloc(n * sizeof *json->tokens);
    json->next = malloc(n * sizeof *json->next);
    if (!json->text || !json->tokens || !json->next)
        return fail_memory(c);
    memcpy(json->text, c->text, c->size);
    json->text[c->size] = ' '; /* strict jsmn wants something to follow a number */
    json->text[c->size + 1] = 0;

    jsmn_parser parser;
    jsmn_init(&parser);
    int found = jsmn_parse(&parser, json->text, c->size + 1, json->tokens, (unsigned)n);
    HS_ASSERT(found == json->n);

    int *last = malloc(n * sizeof *last);
    if (!last)
        return fail_memory(c);
    link_siblings(json, last);
    free(last);
    for (int i = 0; i < json->n; i++)
        if (json->tokens[i].type == JSMN_STRING)
            unescape(json->text, &json->tokens[i]);

    key *keys = malloc((size_t)(c->n_keys ? c->n_keys : 1) * sizeof *keys);
    if (!keys)
        return fail_memory(c);
    hs_status status = check_duplicates(json, keys, c);
    free(keys);
    return status;
}

hs_status hs_json_parse_part(hs_bytes text, size_t first_byte, hs_status root_duplicate, hs_detail *detail, hs_json **out)
{
    hs_json_text c = {.text = text.data,
                 .size = text.size,
                 .first_byte = first_byte,
                 .name = text.name ? text.name : "JSON",
                 .root_duplicate = root_duplicate,
                 .detail = detail};
    if (text.size > HS_JSON_MAX_BYTES)
        return hs_fail(detail, HS_ETOOMANY, "%s: %zu bytes of JSON; the limit is %d", c.name, text.size,
                       HS_JSON_MAX_BYTES);
    HS_TRY(hs_json_check(&c));
    hs_json *json = calloc(1, sizeof *json);
    if (!json)
        return fail_memory(&c);
    hs_status status = build(json, &c);
    if (status != HS_OK) {
        hs_json_free(json);
        return status;
    }
    *out = json;
    return HS_OK;
}

hs_status hs_json_parse(hs_bytes text, hs_detail *detail, hs_json **out)
{
    return hs_json_parse_part(text, 0, HS_EDUPKEY, detail, out);
}

void hs_json_free(hs_json *json)
{
    if (!json)
        return;
    free(json->text);
    free(json->tokens);
    free(json->next);
    free(json);
}

/* ---- walk ---- */

hs_json_at hs_json_root(const hs_json *json)
{
    (void)json;
    return 0;
}

hs_json_type hs_json_type_of(const hs_json *json, hs_json_at at)
{
    if (at < 0)
        return HS_JSON_NULL;
    const jsmntok_t *token = &json->tokens[at];
    switch (token->type) {
    case JSMN_OBJECT:
        return HS_JSON_OBJECT;
    case JSMN_ARRAY:
        return HS_JSON_ARRAY;
    case JSMN_STRING:
        return HS_JSON_STRING;
    default:
        break;
    }
    char first = json->text[token->start];
    return first == 'n' ? HS_JSON_NULL : first == 't' || first == 'f' ? HS_JSON_BOOL : HS_JSON_NUMBER;
}

const char *hs_json_type_name(const hs_json *json, hs_json_at at)
{
    static const char *const NAMES[] = {
        [HS_JSON_NULL] = "null",       [HS_JSON_BOOL] = "true or false", [HS_JSON_NUMBER] = "a number",
        [HS_JSON_STRING] = "a string", [HS_JSON_ARRAY] = "a list",       [HS_JSON_OBJECT] = "an object"};
    return NAMES[hs_json_type_of(json, at)];
}

int hs_json_length(const hs_json *json, hs_json_at at)
{
    return at < 0 || json->tokens[at].type == JSMN_STRING ? 0 : json->tokens[at].size;
}

hs_json_at hs_json_first(const hs_json *json, hs_json_at at)
{
    if (hs_json_length(json, at) == 0)
        return -1;
    return json->tokens[at].type == JSMN_OBJECT ? at + 2 : at + 1;
}

hs_json_at hs_json_next(const hs_json *json, hs_json_at at)
{
    int parent = json->tokens[at].parent;
    if (parent < 0)
        return -1;
    if (!is_key(json, parent))
        return json->next[at];
    return json->next[parent] < 0 ? -1 : json->next[parent] + 1;
}

const char *hs_json_key(const hs_json *json, hs_json_at at)
{
    return json->text + json->tokens[at - 1].start;
}

hs_json_at hs_json_get(const hs_json *json, hs_json_at object, const char *name)
{
    if (hs_json_type_of(json, object) != HS_JSON_OBJECT)
        return -1;
    for (hs_json_at at = hs_json_first(json, object); at >= 0; at = hs_json_next(json, at))
        if (!strcmp(hs_json_key(json, at), name))
            return at;
    return -1;
}

bool hs_json_bool(const hs_json *json, hs_json_at at, bool *out)
{
    if (hs_json_type_of(json, at) != HS_JSON_BOOL)
        return false;
    *out = json->text[json->tokens[at].start] == 't';
    return true;
}

/* The digits of an integer in 64 bits; false for a fraction, an exponent or too many digits. */
static bool read_magnitude(const char *p, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    for (; p < end; p++)
        if (*p < '0' || *p > '9' || !hs_mul_u64(value, 10, &value) ||
            !hs_add_u64(value, (uint64_t)(*p - '0'), &value))
            return false;
    *out = value;
    return true;
}

bool hs_json_int(const hs_json *json, hs_json_at at, int64_t *out)
{
    if (hs_json_type_of(json, at) != HS_JSON_NUMBER)
        return false;
    const char *p = json->text + json->tokens[at].start, *end = json->text + json->tokens[at].end;
    bool negative = *p == '-';
    uint64_t size;
    if (!read_magnitude(p + negative, end, &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? -(int64_t)(size - (size > 0)) - (size > 0) : (int64_t)size;
    return true;
}

bool hs_json_uint(const hs_json *json, hs_json_at at, uint64_t *out)
{
    if (hs_json_type_of(json, at) != HS_JSON_NUMBER)
        return false;
    return read_magnitude(json->text + json->tokens[at].start, json->text + json->tokens[at].end, out);
}

bool hs_json_number(const hs_json *json, hs_json_at at, double *out)
{
    if (hs_json_type_of(json, at) != HS_JSON_NUMBER)
        return false;
    double value = hs_decimal_read(json->text + json->tokens[at].start);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

const char *hs_json_string(const hs_json *json, hs_json_at at)
{
    if (hs_json_type_of(json, at) != HS_JSON_STRING)
        return NULL;
    const jsmntok_t *token = &json->tokens[at];
    const char *text = json->text + token->start;
    return strlen(text) == (size_t)(token->end - token->start) ? text : NULL;
}

size_t hs_json_offset(const hs_json *json, hs_json_at at)
{
    return (size_t)json->tokens[at].start;
}

size_t hs_json_end(const hs_json *json, hs_json_at at)
{
    return (size_t)json->tokens[at].end;
}

const char *hs_json_unknown_key(const hs_json *json, hs_json_at object, const char *const *known)
{
    for (hs_json_at at = hs_json_first(json, object); at >= 0; at = hs_json_next(json, at)) {
        const char *const *k = known;
        while (*k && strcmp(*k, hs_json_key(json, at)))
            k++;
        if (!*k)
            return hs_json_key(json, at);
    }
    return NULL;
}
