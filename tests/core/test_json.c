/* test_json.c: the JSON reader: what it takes, what it refuses and why, and that no text breaks it. */
#include "harness.h"
#include "json.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

/* A copy of exactly its size, so that the sanitizer sees a read behind the end. */
static hs_status parse(const char *text, size_t size, hs_detail *detail, hs_json **out)
{
    char *copy = malloc(size ? size : 1);
    memcpy(copy, text, size);
    hs_status status = hs_json_parse((hs_bytes){copy, size, "text"}, detail, out);
    free(copy);
    return status;
}

static void test_accepted(void)
{
    static const char *const GOOD[] = {"{}", "[]", " \t\r\n{ } ", "0", "-0", "1.5e+3", "true", "false", "null", "\"\"", "\"\\u00e9\"",
                                       "[1,[2,[3]],{\"a\":{}}]", "{\"a\":1,\"b\":[],\"c\":\"x\"}", "\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"",
                                       "{\"\":0}"};
    TEST("well-formed texts are taken");
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        hs_detail detail = {""};
        hs_json *json = NULL;
        CHECK_STATUS(parse(GOOD[i], strlen(GOOD[i]), &detail, &json), HS_OK, detail);
        hs_json_free(json);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *text;
        hs_status status;
        const char *says;
    } BAD[] = {
        {"", HS_EJSON, "byte 0: the text ends"},
        {" ", HS_EJSON, "byte 1: the text ends"},
        {"\xef\xbb\xbf{}", HS_EJSON, "byte 0: not a value"},
        {"{", HS_EJSON, "byte 1: a key in quotes"},
        {"{\"a\"", HS_EJSON, "byte 4: a colon"},
        {"{\"a\":", HS_EJSON, "byte 5: the text ends"},
        {"{\"a\":1", HS_EJSON, "byte 6: a comma or }"},
        {"[1", HS_EJSON, "byte 2: a comma or ]"},
        {"[1 2]", HS_EJSON, "byte 3: a comma or ]"},
        {"[1,]", HS_EJSON, "byte 3: not a value"},
        {"[,1]", HS_EJSON, "byte 1: not a value"},
        {"{\"a\":1,}", HS_EJSON, "byte 7: a key in quotes"},
        {"{\"a\" 1}", HS_EJSON, "byte 5: a colon"},
        {"{1:2}", HS_EJSON, "byte 1: a key in quotes"},
        {"{\"a\":1]", HS_EJSON, "byte 6: a comma or }"},
        {"[1}", HS_EJSON, "byte 2: a comma or ]"},
        {"{} {}", HS_EJSON, "byte 3: text follows"},
        {"tru", HS_EJSON, "byte 0: not a value"},
        {"nullx", HS_EJSON, "byte 4: text follows"},
        {"NaN", HS_EJSON, "byte 0: not a value"},
        {"Infinity", HS_EJSON, "byte 0: not a value"},
        {"01", HS_EJSON, "byte 1: text follows"},
        {"-", HS_EJSON, "byte 1: not a number"},
        {"+1", HS_EJSON, "byte 0: not a value"},
        {".5", HS_EJSON, "byte 0: not a value"},
        {"1.", HS_EJSON, "byte 2: a digit must follow"},
        {"1e", HS_EJSON, "byte 2: a digit must follow"},
        {"0x10", HS_EJSON, "byte 1: text follows"},
        {"'a'", HS_EJSON, "byte 0: not a value"},
        {"\"a", HS_EJSON, "byte 0: a string without an end"},
        {"\"\\", HS_EJSON, "byte 1: not an escape"},
        {"\"\\x\"", HS_EJSON, "byte 1: not an escape"},
        {"\"\\u12\"", HS_EJSON, "byte 1: \\u needs"},
        {"\"a\nb\"", HS_EJSON, "byte 2: a control character"},
        {"// x\n{}", HS_EJSON, "byte 0: not a value"},
        {"\"\xff\"", HS_EUTF8, "byte 1: not UTF-8"},
        {"\"\xc0\x80\"", HS_EUTF8, "byte 1: not UTF-8"},
        {"\"\xed\xa0\x80\"", HS_EUTF8, "byte 1: not UTF-8"},
        {"\"\xe2\x82", HS_EUTF8, "byte 1: not UTF-8"},
        {"\"\\ud800\"", HS_EUTF8, "byte 1: half of a surrogate"},
        {"\"\\udc00\"", HS_EUTF8, "byte 1: half of a surrogate"},
        {"\"\\ud800\\u0041\"", HS_EUTF8, "byte 1: half of a surrogate"},
        {"{\"a\":1,\"a\":2}", HS_EDUPKEY, "byte 8: the key \"a\""},
        {"{\"a\":1,\"b\":2,\"\\u0061\":3}", HS_EDUPKEY, "the key \"a\""},
        {"[{\"x\":{\"y\":1,\"y\":1}}]", HS_EDUPKEY, "the key \"y\""},
        {"{\"a\\u0000b\":1}", HS_ENAME, "byte 3: a key holds U+0000"},
    };
    TEST("malformed texts are refused with the byte");
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        hs_detail detail = {""};
        hs_json *json = NULL;
        if (!CHECK_STATUS(parse(BAD[i].text, strlen(BAD[i].text), &detail, &json), BAD[i].status, detail))
            printf("    in %s\n", BAD[i].text);
        CHECK_SAYS(detail.text, BAD[i].says);
        CHECK(json == NULL);
    }
    TEST("a NUL byte is no JSON");
    hs_detail detail = {""};
    hs_json *json = NULL;
    CHECK_STATUS(parse("{}\0{}", 5, &detail, &json), HS_EJSON, detail);
    CHECK_STATUS(parse("\"a\0b\"", 5, &detail, &json), HS_EJSON, detail);
}

static void test_limits(void)
{
    hs_detail detail = {""};
    hs_json *json = NULL;
    TEST("32 levels are taken, 33 and a million are too many");
    char deep[80] = "";
    for (int depth = 32; depth <= 33; depth++) {
        memset(deep, '[', (size_t)depth);
        memset(deep + depth, ']', (size_t)depth);
        CHECK_STATUS(parse(deep, 2 * (size_t)depth, &detail, &json), depth == 32 ? HS_OK : HS_EDEPTH, detail);
    }
    hs_json_free(json);
    size_t many = 1000000;
    char *text = malloc(2 * HS_JSON_MAX_VALUES + 4);
    memset(text, '[', many);
    CHECK_STATUS(parse(text, many, &detail, &json), HS_EDEPTH, detail);

    TEST("the number of values is limited");
    text[0] = '[';
    for (size_t i = 0; i < HS_JSON_MAX_VALUES; i++)
        memcpy(text + 1 + 2 * i, "1,", 2);
    text[2 * HS_JSON_MAX_VALUES] = ']';
    CHECK_STATUS(parse(text, 2 * HS_JSON_MAX_VALUES + 1, &detail, &json), HS_ETOOMANY, detail);
    text[2 * HS_JSON_MAX_VALUES - 2] = ']'; /* one value fewer, and so with the list exactly the limit */
    CHECK_STATUS(parse(text, 2 * HS_JSON_MAX_VALUES - 1, &detail, &json), HS_OK, detail);
    CHECK(hs_json_length(json, hs_json_root(json)) == HS_JSON_MAX_VALUES - 1);
    hs_json_free(json);
    free(text);
}

static void test_walk(void)
{
    TEST("a document is walked in its order");
    const char *text = "{\"a\":[1,[2,3],{\"x\":4}],\"b\":{\"c\":\"d\"},\"e\":null}";
    hs_detail detail = {""};
    hs_json *json = NULL;
    if (!CHECK_STATUS(parse(text, strlen(text), &detail, &json), HS_OK, detail))
        return;
    hs_json_at root = hs_json_root(json);
    CHECK(hs_json_type_of(json, root) == HS_JSON_OBJECT && hs_json_length(json, root) == 3);
    hs_json_at a = hs_json_first(json, root), b = hs_json_next(json, a), e = hs_json_next(json, b);
    CHECK(!strcmp(hs_json_key(json, a), "a") && !strcmp(hs_json_key(json, b), "b") && !strcmp(hs_json_key(json, e), "e"));
    CHECK(hs_json_next(json, e) == -1);
    CHECK(hs_json_type_of(json, e) == HS_JSON_NULL && !strcmp(hs_json_type_name(json, e), "null"));
    CHECK(hs_json_length(json, a) == 3);
    hs_json_at one = hs_json_first(json, a), list = hs_json_next(json, one), object = hs_json_next(json, list);
    CHECK(hs_json_length(json, list) == 2 && hs_json_next(json, object) == -1);
    CHECK(hs_json_get(json, object, "x") >= 0 && hs_json_get(json, object, "y") == -1);
    CHECK(hs_json_get(json, list, "x") == -1);
    CHECK(hs_json_offset(json, list) == 8);
    CHECK(!strcmp(hs_json_string(json, hs_json_get(json, b, "c")), "d"));
    CHECK(hs_json_string(json, one) == NULL);
    bool flag;
    double number;
    CHECK(hs_json_type_of(json, -1) == HS_JSON_NULL && hs_json_length(json, -1) == 0 && hs_json_first(json, -1) == -1);
    CHECK(hs_json_get(json, -1, "a") == -1 && hs_json_string(json, -1) == NULL);
    CHECK(!hs_json_bool(json, -1, &flag) && !hs_json_number(json, -1, &number));
    hs_json_free(json);
}

static void test_strings(void)
{
    TEST("strings are unescaped");
    const char *text = "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\",\"a\\u0000b\"]";
    hs_detail detail = {""};
    hs_json *json = NULL;
    if (!CHECK_STATUS(parse(text, strlen(text), &detail, &json), HS_OK, detail))
        return;
    hs_json_at first = hs_json_first(json, hs_json_root(json)), second = hs_json_next(json, first);
    CHECK(!strcmp(hs_json_string(json, first), "\"\\/\b\f\n\r\t"));
    CHECK(!strcmp(hs_json_string(json, second), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
    CHECK(hs_json_string(json, hs_json_next(json, second)) == NULL);
    hs_json_free(json);
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        bool is_int, is_uint, is_number;
        int64_t i;
        uint64_t u;
    } NUMBERS[] = {{"0", true, true, true, 0, 0},
                   {"-0", true, false, true, 0, 0},
                   {"9007199254740993", true, true, true, 9007199254740993, 9007199254740993},
                   {"9223372036854775807", true, true, true, INT64_MAX, INT64_MAX},
                   {"9223372036854775808", false, true, true, 0, 9223372036854775808u},
                   {"-9223372036854775808", true, false, true, INT64_MIN, 0},
                   {"-9223372036854775809", false, false, true, 0, 0},
                   {"18446744073709551615", false, true, true, 0, UINT64_MAX},
                   {"18446744073709551616", false, false, true, 0, 0},
                   {"2.0", false, false, true, 0, 0},
                   {"1e3", false, false, true, 0, 0},
                   {"1e400", false, false, false, 0, 0},
                   {"\"1\"", false, false, false, 0, 0},
                   {"true", false, false, false, 0, 0}};
    TEST("integers are exact in 64 bits, numbers finite");
    for (size_t n = 0; n < sizeof NUMBERS / sizeof *NUMBERS; n++) {
        hs_detail detail = {""};
        hs_json *json = NULL;
        CHECK_STATUS(parse(NUMBERS[n].text, strlen(NUMBERS[n].text), &detail, &json), HS_OK, detail);
        int64_t i = 0;
        uint64_t u = 0;
        double number = 0;
        bool good = hs_json_int(json, 0, &i) == NUMBERS[n].is_int && hs_json_uint(json, 0, &u) == NUMBERS[n].is_uint &&
                    hs_json_number(json, 0, &number) == NUMBERS[n].is_number && i == NUMBERS[n].i && u == NUMBERS[n].u;
        if (!CHECK(good))
            printf("    %s\n", NUMBERS[n].text);
        hs_json_free(json);
    }
}

/* Keys that share all but their end; and a random text must never break the reader, whatever it says. */
static void test_many_keys(void)
{
    TEST("65,536 keys that differ in their end; the last one again is found");
    enum { N = 65536 };
    char *text = malloc(N * 40 + 40);
    size_t size = 0;
    text[size++] = '{';
    for (int i = 0; i < N; i++)
        size += (size_t)sprintf(text + size, "\"blocks.attn.weight.%05x\":0,", i);
    size_t end = size;
    size += (size_t)sprintf(text + size, "\"z\":0}");
    hs_detail detail = {""};
    hs_json *json = NULL;
    CHECK_STATUS(parse(text, size, &detail, &json), HS_OK, detail);
    CHECK(hs_json_length(json, 0) == N + 1);
    hs_json_free(json);
    size = end + (size_t)sprintf(text + end, "\"blocks.attn.weight.%05x\":0}", N - 1);
    CHECK_STATUS(parse(text, size, &detail, &json), HS_EDUPKEY, detail);
    free(text);
}

static void test_mutations(void)
{
    TEST("60,000 mutated texts are taken or refused, nothing else");
    static const char BASE[] = "{\"v\":1,\"list\":[1,-2.5e-3,true,null,\"a\\u00e9\\n\"],\"o\":{\"k\":[[],{}]},\"s\":\"\xe2\x82\xac\"}";
    static const char PIECES[] = "{}[]\",:\\u0019eE+-.tfn \x80\xff";
    uint64_t seed = 11;
    int n_taken = 0, n_refused = 0;
    for (int i = 0; i < 60000; i++) {
        char text[sizeof BASE];
        size_t size = sizeof BASE - 1;
        memcpy(text, BASE, size);
        for (uint64_t n = 1 + random_below(&seed, 4); n; n--)
            text[random_below(&seed, size)] = PIECES[random_below(&seed, sizeof PIECES - 1)];
        if (random_below(&seed, 4) == 0)
            size = random_below(&seed, size + 1);
        hs_detail detail = {""};
        hs_json *json = NULL;
        hs_status status = parse(text, size, &detail, &json);
        bool refused = status == HS_EJSON || status == HS_EUTF8 || status == HS_EDUPKEY || status == HS_ENAME;
        n_taken += status == HS_OK;
        n_refused += refused && detail.text[0] && !json;
        hs_json_free(json);
    }
    CHECK(n_taken + n_refused == 60000);
    CHECK(n_taken > 1000 && n_refused > 1000);
}

int main(void)
{
    test_accepted();
    test_refused();
    test_limits();
    test_walk();
    test_strings();
    test_numbers();
    test_many_keys();
    test_mutations();
    return HARNESS_END();
}
