/* json_check.c: is it JSON? UTF-8, then the grammar, without allocating and without recursion. */
#include "json_check.h"
#include "error.h"

#include <string.h>

static hs_status fail_at(hs_json_text *c, hs_status status, const char *what)
{
    return hs_fail(c->detail, status, "%s: byte %zu: %s", c->name, c->first_byte + c->at, what);
}

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the UTF-8 character at p, 0 if it is none (overlong, surrogate, above U+10FFFF, cut). */
static size_t utf8_length(const unsigned char *p, size_t size)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        return size >= 2 && is_tail(p[1]) ? 2 : 0;
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (size < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
            return 0;
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (size < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
            return 0;
        if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
            return 0;
        return 4;
    }
    return 0;
}

static hs_status check_utf8(hs_json_text *c)
{
    while (c->at < c->size) {
        size_t n = utf8_length(c->text + c->at, c->size - c->at);
        if (!n)
            return fail_at(c, HS_EUTF8, "not UTF-8");
        c->at += n;
    }
    c->at = 0;
    return HS_OK;
}

static void skip_space(hs_json_text *c)
{
    while (c->at < c->size && memchr(" \t\r\n", c->text[c->at], 4))
        c->at++;
}

/* The byte at the cursor; 0 at the end. */
static unsigned char peek(const hs_json_text *c)
{
    return c->at < c->size ? c->text[c->at] : 0;
}

/* At a backslash. */
static hs_status check_escape(hs_json_text *c, bool is_key)
{
    unsigned char kind = c->at + 1 < c->size ? c->text[c->at + 1] : 0;
    if (kind != 'u') {
        if (!kind || !memchr("\"\\/bfnrt", kind, 8))
            return fail_at(c, HS_EJSON, "not an escape that JSON has");
        c->at += 2;
        return HS_OK;
    }
    int unit = hs_hex4(c->text, c->size, c->at + 2);
    if (unit < 0)
        return fail_at(c, HS_EJSON, "\\u needs four hexadecimal digits");
    if (unit == 0 && is_key)
        return fail_at(c, HS_ENAME, "a key holds U+0000");
    size_t length = 6;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        bool pair =
            unit <= 0xDBFF && c->at + 7 < c->size && c->text[c->at + 6] == '\\' && c->text[c->at + 7] == 'u';
        int low = pair ? hs_hex4(c->text, c->size, c->at + 8) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail_at(c, HS_EUTF8, "half of a surrogate pair");
        length = 12;
    }
    c->at += length;
    return HS_OK;
}

static hs_status check_string(hs_json_text *c, bool is_key)
{
    size_t start = c->at++;
    while (c->at < c->size) {
        unsigned char byte = c->text[c->at];
        if (byte == '"') {
            c->at++;
            return HS_OK;
        }
        if (byte < 0x20)
            return fail_at(c, HS_EJSON, "a control character inside a string");
        if (byte == '\\')
            HS_TRY(check_escape(c, is_key));
        else
            c->at++;
    }
    c->at = start;
    return fail_at(c, HS_EJSON, "a string without an end");
}

static size_t skip_digits(hs_json_text *c)
{
    size_t start = c->at;
    while (peek(c) >= '0' && peek(c) <= '9')
        c->at++;
    return c->at - start;
}

static hs_status check_number(hs_json_text *c)
{
    if (peek(c) == '-')
        c->at++;
    if (peek(c) == '0')
        c->at++;
    else if (!skip_digits(c))
        return fail_at(c, HS_EJSON, "not a number");
    if (peek(c) == '.') {
        c->at++;
        if (!skip_digits(c))
            return fail_at(c, HS_EJSON, "a digit must follow the decimal point");
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        if (peek(c) == '+' || peek(c) == '-')
            c->at++;
        if (!skip_digits(c))
            return fail_at(c, HS_EJSON, "a digit must follow the exponent's e");
    }
    return HS_OK;
}

static hs_status check_word(hs_json_text *c)
{
    static const char *const WORDS[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(WORDS[i]);
        if (c->size - c->at >= n && !memcmp(c->text + c->at, WORDS[i], n)) {
            c->at += n;
            return HS_OK;
        }
    }
    return fail_at(c, HS_EJSON, c->at == c->size ? "the text ends where a value should stand" : "not a value");
}

static hs_status check_scalar(hs_json_text *c)
{
    unsigned char byte = peek(c);
    if (byte == '"')
        return check_string(c, false);
    return byte == '-' || (byte >= '0' && byte <= '9') ? check_number(c) : check_word(c);
}

static hs_status check_key(hs_json_text *c)
{
    if (peek(c) != '"')
        return fail_at(c, HS_EJSON, "a key in quotes should stand here");
    c->n_keys++;
    HS_TRY(check_string(c, true));
    skip_space(c);
    if (peek(c) != ':')
        return fail_at(c, HS_EJSON, "a colon should stand here");
    c->at++;
    skip_space(c);
    return HS_OK;
}

/* One value and all that is in it, without recursion: `open` holds the bracket that ends each level. */
static hs_status check_grammar(hs_json_text *c)
{
    char open[HS_JSON_MAX_DEPTH];
    int depth = 0;
    skip_space(c);
    for (;;) {
        if (++c->n_values > HS_JSON_MAX_VALUES)
            return fail_at(c, HS_ETOOMANY, "more than 4194304 values");
        unsigned char byte = peek(c);
        if (byte == '{' || byte == '[') {
            if (depth == HS_JSON_MAX_DEPTH)
                return fail_at(c, HS_EDEPTH, "more than 32 levels of nesting");
            open[depth++] = byte == '{' ? '}' : ']';
            c->at++;
            skip_space(c);
            if (peek(c) != open[depth - 1]) {
                if (byte == '{')
                    HS_TRY(check_key(c));
                continue;
            }
            c->at++;
            depth--;
        } else {
            HS_TRY(check_scalar(c));
        }
        skip_space(c);
        while (depth && peek(c) == open[depth - 1]) {
            c->at++;
            depth--;
            skip_space(c);
        }
        if (!depth)
            break;
        if (peek(c) != ',')
            return fail_at(c, HS_EJSON,
                           open[depth - 1] == '}' ? "a comma or } should stand here" : "a comma or ] should stand here");
        c->at++;
        skip_space(c);
        if (open[depth - 1] == '}')
            HS_TRY(check_key(c));
    }
    return c->at == c->size ? HS_OK : fail_at(c, HS_EJSON, "text follows the value");
}

hs_status hs_json_check(hs_json_text *text)
{
    HS_TRY(check_utf8(text));
    return check_grammar(text);
}
