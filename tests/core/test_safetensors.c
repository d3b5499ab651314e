/* test_safetensors.c: the malformed-file corpus of docs/formats.md ("safetensors"), every truncation and
 * every changed byte of a small file, random mutations of a larger one, and the writer. */
#include "harness.h"
#include "random.h"

#include <math.h>
#include <stdlib.h>

/* ---- making files ---- */

typedef struct file {
    unsigned char *data; /* of exactly its size, so that the sanitizer sees a read behind the end */
    size_t size;
} file;

static file make(const char *header, size_t header_size, size_t n_data)
{
    file f = {malloc(8 + header_size + n_data), 8 + header_size + n_data};
    for (int i = 0; i < 8; i++)
        f.data[i] = (unsigned char)((uint64_t)header_size >> 8 * i);
    memcpy(f.data + 8, header, header_size);
    for (size_t i = 0; i < n_data; i++)
        f.data[8 + header_size + i] = (unsigned char)(i * 37);
    return f;
}

static const char BASE_HEADER[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";

static file base(void)
{
    return make(BASE_HEADER, sizeof BASE_HEADER - 1, 16);
}

/* Open a copy and read all that can be read, as any user of the file would. */
static hs_status open_bytes(const void *data, size_t size, hs_detail *detail, int *n)
{
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    hs_safetensors *opened = NULL;
    hs_status status = hs_safetensors_open((hs_bytes){copy, size, "F"}, detail, &opened);
    if (status == HS_OK) {
        *n = hs_safetensors_count(opened);
        for (int i = 0; i < *n; i++) {
            const hs_st_entry *entry = hs_safetensors_entry(opened, i);
            hs_real *out = malloc((size_t)(entry->end - entry->begin) * 2 + sizeof *out);
            hs_status read = hs_safetensors_read(opened, i, detail, out);
            if (read != (entry->dtype == HS_OTHER ? HS_EDTYPE : HS_OK))
                abort();
            free(out);
        }
    }
    hs_safetensors_close(opened);
    free(copy);
    return status;
}

static hs_status open_file(file f, hs_detail *detail, int *n)
{
    hs_status status = open_bytes(f.data, f.size, detail, n);
    free(f.data);
    return status;
}

/* ---- the corpus ---- */

#define A16 "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}"
#define SHAPE(shape) "{\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[0,16]}}"
#define OFFSETS(offsets) "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":" offsets "}}"
#define DTYPE(dtype) "{\"a\":{\"dtype\":" dtype ",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
#define NAME(name) "{\"" name "\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
#define U64_MAX "18446744073709551615"

static const struct {
    const char *id, *header;
    size_t n_data;
    hs_status status;
    int n; /* tensors, when taken */
    const char *says;
} HEADERS[] = {
    {"ST-00", "{" A16 "}", 16, HS_OK, 1, ""},
    {"ST-05 polyglot tail", "{" A16 "}", 27, HS_ETRAILING, 0, "11 bytes follow"},
    {"ST-11 {", "{", 0, HS_EJSON, 0, "byte 9"},
    {"ST-12 []", "[]", 0, HS_EROOT, 0, "not a list"},
    {"ST-12 null", "null", 0, HS_EROOT, 0, "not null"},
    {"ST-12 1", "1", 0, HS_EROOT, 0, "not a number"},
    {"ST-12 \"x\"", "\"x\"", 0, HS_EROOT, 0, "not a string"},
    {"ST-13 whitespace after", "{}\r \t\n", 0, HS_OK, 0, ""},
    {"ST-14 whitespace around", "\t\n{}\r ", 0, HS_OK, 0, ""},
    {"ST-15 byte order mark", "\xef\xbb\xbf{}", 0, HS_EJSON, 0, "byte 8"},
    {"ST-17 name twice", "{\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]}," A16 "}", 16, HS_EDUPNAME, 0, "\"a\""},
    {"ST-18 name twice by escape", "{\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]}," A16 "}", 16, HS_EDUPNAME, 0, "\"a\""},
    {"ST-19 shape twice", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16, HS_EDUPKEY, 0, "\"shape\""},
    {"ST-20", SHAPE("[2,18446744073709551614]"), 16, HS_EOVERFLOW, 0, "a:"},
    {"ST-21", SHAPE("[2,9223372036854775807]"), 16, HS_EOVERFLOW, 0, "a:"},
    {"ST-22 product is 4 modulo 2^64", SHAPE("[4194305,4194305,211106198978564]"), 16, HS_EOVERFLOW, 0, "a:"},
    {"ST-23 product is 0 modulo 2^32", "{\"a\":{\"dtype\":\"F32\",\"shape\":[65536,65536],\"data_offsets\":[0,0]}}", 0, HS_ESIZE, 0, "needs 17179869184"},
    {"ST-24 0 times 2^64 - 1", "{\"a\":{\"dtype\":\"F32\",\"shape\":[0," U64_MAX "],\"data_offsets\":[0,0]}}", 0, HS_EOVERFLOW, 0, U64_MAX},
    {"ST-24 0 times 2^63 - 1", "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}", 0, HS_OK, 1, ""},
    {"ST-24 2^63 - 1 times 0", "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,0],\"data_offsets\":[0,0]}}", 0, HS_OK, 1, ""},
    {"ST-25 -1", SHAPE("[-1]"), 16, HS_ESHAPE, 0, "axis 0"},
    {"ST-25 2.0", SHAPE("[2,2.0]"), 16, HS_ESHAPE, 0, "axis 1"},
    {"ST-25 2e0", SHAPE("[2,2e0]"), 16, HS_ESHAPE, 0, "axis 1"},
    {"ST-25 \"2\"", SHAPE("[2,\"2\"]"), 16, HS_ESHAPE, 0, "axis 1"},
    {"ST-25 null", SHAPE("[null,2]"), 16, HS_ESHAPE, 0, "axis 0"},
    {"ST-25 1e400", SHAPE("[1e400]"), 16, HS_ESHAPE, 0, "axis 0"},
    {"ST-25 2^64", SHAPE("[18446744073709551616]"), 16, HS_ESHAPE, 0, "axis 0"},
    {"ST-25 2^53 + 1 is no double", SHAPE("[9007199254740993]"), 16, HS_ESIZE, 0, "needs 36028797018963972"},
    {"ST-25 shape is 4", SHAPE("4"), 16, HS_ESHAPE, 0, "a list"},
    {"ST-25 shape is an object", SHAPE("{\"x\":4}"), 16, HS_ESHAPE, 0, "a list"},
    {"ST-26 [16,0]", OFFSETS("[16,0]"), 16, HS_EOFFSETS, 0, "begin <= end"},
    {"ST-26 [1,17]", OFFSETS("[1,17]"), 16, HS_EOFFSETS, 0, "end at 17"},
    {"ST-26 [0,4]", OFFSETS("[0,4]"), 16, HS_ESIZE, 0, "span 4 bytes"},
    {"ST-26 [0,17]", OFFSETS("[0,17]"), 16, HS_EOFFSETS, 0, "end at 17"},
    {"ST-26 [0]", OFFSETS("[0]"), 16, HS_EOFFSETS, 0, "[begin, end]"},
    {"ST-26 [0,16,16]", OFFSETS("[0,16,16]"), 16, HS_EOFFSETS, 0, "[begin, end]"},
    {"ST-26 [-1,16]", OFFSETS("[-1,16]"), 16, HS_EOFFSETS, 0, "[begin, end]"},
    {"ST-26 [\"0\",\"16\"]", OFFSETS("[\"0\",\"16\"]"), 16, HS_EOFFSETS, 0, "[begin, end]"},
    {"ST-26 16", OFFSETS("16"), 16, HS_EOFFSETS, 0, "[begin, end]"},
    {"ST-26 [2^64 - 17, 2^64 - 1]", OFFSETS("[18446744073709551599," U64_MAX "]"), 16, HS_EOFFSETS, 0, "end at"},
    {"ST-27 hole", "{" A16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[20,36]}}", 36, HS_EHOLE, 0, "16 to 20"},
    {"ST-28 overlap", "{" A16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[8,24]}}", 24, HS_EOVERLAP, 0, "a and b"},
    {"ST-29 first begins at 4", OFFSETS("[4,20]"), 20, HS_EHOLE, 0, "0 to 4"},
    {"ST-30 empty beside", "{" A16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 16, HS_OK, 2, ""},
    {"ST-30 empty inside", "{" A16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}", 16, HS_EOVERLAP, 0, "share bytes"},
    {"ST-31 tied", "{" A16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16, HS_EOVERLAP, 0, "tied weights"},
    {"ST-32 F128", DTYPE("\"F128\""), 16, HS_EDTYPE, 0, "F128"},
    {"ST-32 f32", DTYPE("\"f32\""), 16, HS_EDTYPE, 0, "f32"},
    {"ST-32 empty", DTYPE("\"\""), 16, HS_EDTYPE, 0, "dtype"},
    {"ST-32 5", DTYPE("5"), 16, HS_EDTYPE, 0, "a number"},
    {"ST-32 F4", "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, HS_EDTYPE, 0, "F4"},
    {"ST-32 F8 is known, not read", "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3, HS_OK, 1, ""},
    {"ST-33 no dtype", "{\"a\":{\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16, HS_EFIELD, 0, "dtype is missing"},
    {"ST-33 no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", 16, HS_EFIELD, 0, "shape is missing"},
    {"ST-33 no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2]}}", 16, HS_EFIELD, 0, "data_offsets is missing"},
    {"ST-33 one field more", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16],\"x\":1}}", 16, HS_EFIELD, 0, "\"x\""},
    {"ST-33 entry is a list", "{\"a\":[]}", 0, HS_EFIELD, 0, "not a list"},
    {"ST-34 metadata number", "{\"__metadata__\":{\"k\":1}," A16 "}", 16, HS_EMETADATA, 0, "__metadata__.k"},
    {"ST-34 metadata list", "{\"__metadata__\":{\"k\":[]}," A16 "}", 16, HS_EMETADATA, 0, "__metadata__.k"},
    {"ST-34 metadata object", "{\"__metadata__\":{\"k\":{}}," A16 "}", 16, HS_EMETADATA, 0, "__metadata__.k"},
    {"ST-34 metadata is a string", "{\"__metadata__\":\"x\"," A16 "}", 16, HS_EMETADATA, 0, "an object of strings"},
    {"ST-34 metadata shaped as a tensor", "{\"__metadata__\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, HS_EMETADATA, 0, "__metadata__.shape"},
    {"ST-34 metadata empty", "{\"__metadata__\":{}," A16 "}", 16, HS_OK, 1, ""},
    {"ST-35 only metadata", "{\"__metadata__\":{\"k\":\"v\"}}", 0, HS_OK, 0, ""},
    {"ST-36 __proto__", NAME("__proto__"), 16, HS_OK, 1, ""},
    {"ST-36 constructor", NAME("constructor"), 16, HS_OK, 1, ""},
    {"ST-36 empty name", NAME(""), 16, HS_ENAME, 0, "0 bytes"},
    {"ST-36 U+0000", NAME("a\\u0000b"), 16, HS_ENAME, 0, "U+0000"},
    {"ST-36 lone surrogate", NAME("\\ud800"), 16, HS_EUTF8, 0, "surrogate"},
    {"ST-36 U+202E", NAME("\\u202e"), 16, HS_OK, 1, ""},
    {"ST-36 composed and decomposed",
     "{\"\\u00e9\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},\"e\\u0301\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[16,16]}}", 16, HS_OK, 2, ""},
    {"ST-40 unsorted", "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}," A16 "}", 20, HS_OK, 2, ""},
    {"ST-41 rank 8", SHAPE("[1,1,1,1,1,1,2,2]"), 16, HS_OK, 1, ""},
    {"ST-41 rank 9", SHAPE("[1,1,1,1,1,1,1,2,2]"), 16, HS_ERANK, 0, "9 axes"},
    {"scalar", "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, HS_OK, 1, ""},
    {"cut, with consistent offsets", "{" A16 "}", 12, HS_ETRUNC, 0, "16 bytes, the file only 12"},
};

static void test_headers(void)
{
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        TEST("%s -> %s", HEADERS[i].id, hs_status_name(HEADERS[i].status));
        hs_detail detail = {""};
        int n = -1;
        hs_status status = open_file(make(HEADERS[i].header, strlen(HEADERS[i].header), HEADERS[i].n_data), &detail, &n);
        CHECK_STATUS(status, HEADERS[i].status, detail);
        CHECK(status != HS_OK || n == HEADERS[i].n);
        CHECK_SAYS(detail.text, HEADERS[i].says);
    }
}

/* Files that are no header in a frame. */
static const struct {
    const char *id, *bytes;
    size_t size;
    hs_status status;
    const char *says;
} FRAMES[] = {
    {"ST-01 empty", "", 0, HS_ETRUNC, "byte 0"},
    {"ST-02 7 bytes", "9\0\0\0\0\0\0", 7, HS_ETRUNC, "byte 0"},
    {"ST-03 length only", "9\0\0\0\0\0\0\0", 8, HS_ETRUNC, "byte 8"},
    {"ST-07 100,000,001", "\x01\xe1\xf5\x05\0\0\0\0    ", 12, HS_EHEADER, "100000001"},
    {"ST-07 16 MiB + 1", "\x01\0\0\1\0\0\0\0    ", 12, HS_EHEADER, "16777217"},
    {"ST-08 0", "\0\0\0\0\0\0\0\0", 8, HS_EHEADER, "is 0"},
    {"ST-10 FF", "\1\0\0\0\0\0\0\0\xff", 9, HS_EUTF8, "byte 8"},
    {"ST-44 zip", "PK\3\4\x14\0\0\0\x08\0..", 12, HS_EMAGIC, "zip"},
    {"ST-44 gzip", "\x1f\x8b\x08\0\0\0\0\0\0\3..", 12, HS_EMAGIC, "gzip"},
    {"ST-44 pickle", "\x80\2}q\0X\5\0\0\0a", 11, HS_EMAGIC, "pickle"},
    {"ST-44 web page", "<!DOCTYPE html><html>", 21, HS_EMAGIC, "web page"},
    {"ST-44 web page of 7 bytes", "<html/>", 7, HS_EMAGIC, "web page"},
    {"ST-44 LFS pointer", "version https://git-lfs.github.com/spec/v1\noid", 46, HS_EMAGIC, "LFS"},
    {"ST-44 GGUF", "GGUF\3\0\0\0\1\0\0\0", 12, HS_EMAGIC, "GGUF"},
};

static void test_frames(void)
{
    hs_detail detail = {""};
    int n;
    for (size_t i = 0; i < sizeof FRAMES / sizeof *FRAMES; i++) {
        TEST("%s -> %s", FRAMES[i].id, hs_status_name(FRAMES[i].status));
        CHECK_STATUS(open_bytes(FRAMES[i].bytes, FRAMES[i].size, &detail, &n), FRAMES[i].status, detail);
        CHECK_SAYS(detail.text, FRAMES[i].says);
    }
    file f = base();
    TEST("ST-04 one byte short -> ETRUNC");
    CHECK(f.size == 81);
    CHECK_STATUS(open_bytes(f.data, 80, &detail, &n), HS_ETRUNC, detail);
    CHECK_SAYS(detail.text, "byte 65");
    TEST("ST-06 the length's upper half is FF -> EHEADER");
    memset(f.data + 4, 0xff, 4);
    CHECK_STATUS(open_bytes(f.data, f.size, &detail, &n), HS_EHEADER, detail);
    TEST("ST-09 a length that 32 bits would cut to 57 -> EHEADER");
    memcpy(f.data + 4, "\1\0\0\0", 4);
    CHECK_STATUS(open_bytes(f.data, f.size, &detail, &n), HS_EHEADER, detail);
    CHECK_SAYS(detail.text, "4294967353");
    TEST("ST-42 a big-endian length -> EHEADER");
    memcpy(f.data, "\0\0\0\0\0\0\0\x39", 8);
    CHECK_STATUS(open_bytes(f.data, f.size, &detail, &n), HS_EHEADER, detail);
    free(f.data);
}

/* ---- corpus files that are made ---- */

static void test_deep(void)
{
    static const char PIECE[] = "{\"a\":";
    char *text = malloc(1000000);
    hs_detail detail = {""};
    int n;
    TEST("ST-16 nested 200 and 1,000,000 deep -> EDEPTH");
    for (int i = 0; i < 200; i++)
        memcpy(text + 5 * i, PIECE, 5);
    CHECK_STATUS(open_file(make(text, 1000, 0), &detail, &n), HS_EDEPTH, detail);
    memset(text, '[', 1000000);
    text[0] = '{'; /* else the first byte already says that it is no header */
    memcpy(text, "{\"a\":", 5);
    CHECK_STATUS(open_file(make(text, 1000000, 0), &detail, &n), HS_EDEPTH, detail);
    free(text);
}

/* n empty tensors whose names share all but the end. */
static file many(int n)
{
    char *text = malloc((size_t)n * 80 + 80);
    size_t size = 0;
    text[size++] = '{';
    for (int i = 0; i < n; i++)
        size += (size_t)sprintf(text + size, "%s\"blocks.0.w%06d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                                i ? "," : "", i);
    text[size++] = '}';
    file f = make(text, size, 0);
    free(text);
    return f;
}

static void test_many(void)
{
    hs_detail detail = {""};
    int n = 0;
    TEST("ST-37 100,000 empty tensors -> ETOOMANY");
    CHECK_STATUS(open_file(many(100000), &detail, &n), HS_ETOOMANY, detail);
    TEST("ST-38 65,536 names that differ in their end -> OK");
    CHECK_STATUS(open_file(many(65536), &detail, &n), HS_OK, detail);
    CHECK(n == 65536);
    TEST("ST-28 ten tensors on the same bytes -> EOVERLAP");
    char text[1200] = "{", *at = text + 1;
    for (int i = 0; i < 10; i++)
        at += sprintf(at, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}", i ? "," : "", i);
    strcpy(at, "}");
    CHECK_STATUS(open_file(make(text, strlen(text), 16), &detail, &n), HS_EOVERLAP, detail);
    TEST("ST-41 rank 1,000 -> ERANK");
    char ranks[2200] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1";
    for (int i = 1; i < 1000; i++)
        strcat(ranks, ",1");
    strcat(ranks, "],\"data_offsets\":[0,4]}}");
    CHECK_STATUS(open_file(make(ranks, strlen(ranks), 4), &detail, &n), HS_ERANK, detail);
    TEST("ST-36 a name of 1,024 bytes is taken, of 1,025 and 10,000 not");
    char *name = malloc(11000);
    static const int LENGTHS[] = {1024, 1025, 10000};
    for (int i = 0; i < 3; i++) {
        size_t size = (size_t)sprintf(name, "{\"%0*d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", LENGTHS[i], 0);
        CHECK_STATUS(open_file(make(name, size, 0), &detail, &n), i == 0 ? HS_OK : HS_ENAME, detail);
    }
    CHECK_SAYS(detail.text, "10000 bytes");
    free(name);
    TEST("a header that is all spaces -> EJSON");
    char *spaces = malloc(16777216);
    memset(spaces, ' ', 16777216);
    CHECK_STATUS(open_file(make(spaces, 16777216, 0), &detail, &n), HS_EJSON, detail);
    free(spaces);
}

/* ---- ST-45..64: every truncation, every changed byte ---- */

/* How many of the 81 * 255 files with one byte changed get each status. A change in this table is a
 * change of what the reader takes. */
static const struct {
    hs_status status;
    int n;
} VERDICTS[] = {
#include "safetensors_verdicts.h"
};

static void test_truncations(void)
{
    TEST("ST-45 each of the 81 truncations -> ETRUNC");
    file f = base();
    for (size_t size = 0; size < f.size; size++) {
        hs_detail detail = {""};
        int n;
        CHECK_STATUS(open_bytes(f.data, size, &detail, &n), HS_ETRUNC, detail);
    }
    free(f.data);
}

static void test_changed_bytes(void)
{
    TEST("ST-46 the 20,655 files with one byte changed keep their verdicts");
    int counts[256] = {0};
    file f = base();
    for (size_t i = 0; i < f.size; i++)
        for (int change = 1; change < 256; change++) {
            hs_detail detail = {""};
            int n;
            f.data[i] = (unsigned char)(f.data[i] ^ change);
            hs_status status = open_bytes(f.data, f.size, &detail, &n);
            f.data[i] = (unsigned char)(f.data[i] ^ change);
            counts[status]++;
            if (status != HS_OK && strncmp(detail.text, "F: ", 3))
                CHECK(!"each refusal names the file");
        }
    free(f.data);
    int total = 0;
    for (size_t i = 0; i < sizeof VERDICTS / sizeof *VERDICTS; i++) {
        total += VERDICTS[i].n;
        CHECK(counts[VERDICTS[i].status] == VERDICTS[i].n);
    }
    if (!CHECK(total == 81 * 255))
        for (int i = 0; i < 256; i++)
            if (counts[i])
                printf("    {HS_%s, %d},\n", hs_status_name((hs_status)i), counts[i]);
}

static void test_mutations(void)
{
    TEST("40,000 mutated files are taken or refused, nothing else");
    static const char HEADER[] =
        "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
        "\"mask\":{\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[12,16]},\"b\":{\"dtype\":\"BF16\",\"shape\":[],"
        "\"data_offsets\":[16,18]},\"d\":{\"dtype\":\"F64\",\"shape\":[1,1],\"data_offsets\":[18,26]}}";
    static const char PIECES[] = "0123456789{}[]\",:-.eFBU\\ \xff";
    uint64_t seed = 5;
    int n_taken = 0, n_refused = 0;
    for (int i = 0; i < 40000; i++) {
        file f = make(HEADER, sizeof HEADER - 1, 26);
        for (uint64_t n = 1 + random_below(&seed, 3); n; n--) {
            uint64_t at = random_below(&seed, 16) ? 8 + random_below(&seed, f.size - 8) : random_below(&seed, 8);
            f.data[at] = (unsigned char)(at < 8 ? random_next(&seed) : (uint64_t)PIECES[random_below(&seed, sizeof PIECES - 1)]);
        }
        if (random_below(&seed, 8) == 0)
            f.size = random_below(&seed, f.size + 1);
        hs_detail detail = {""};
        int n = -1;
        hs_status status = open_file(f, &detail, &n);
        n_taken += status == HS_OK && n >= 0;
        n_refused += status >= HS_EUTF8 && status <= HS_EROOT && detail.text[0];
    }
    CHECK(n_taken + n_refused == 40000);
    CHECK(n_taken > 1000 && n_refused > 1000);
}

/* ---- elements, and the writer ---- */

static void test_dtypes(void)
{
    TEST("F32, F16, BF16 and F64 become numbers");
    static const char HEADER[] =
        "{\"s\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]},\"h\":{\"dtype\":\"F16\",\"shape\":[7],\"data_offsets\":[20,34]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[34,40]},\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[40,48]}}";
    file f = make(HEADER, sizeof HEADER - 1, 48);
    unsigned char *data = f.data + 8 + sizeof HEADER - 1;
    memcpy(data, (const float[]){1.5f, -0.0f, INFINITY, NAN, 0x1p-149f}, 20);
    memcpy(data + 20, (const uint16_t[]){0x3C00, 0xC000, 0x0001, 0x8000, 0x7BFF, 0x7C00, 0x7E01}, 14);
    memcpy(data + 34, (const uint16_t[]){0x3F80, 0xFF80, 0x7FC0}, 6);
    memcpy(data + 40, (const double[]){0.1}, 8);
    hs_detail detail = {""};
    hs_safetensors *opened = NULL;
    hs_real out[7];
    if (!CHECK_STATUS(hs_safetensors_open((hs_bytes){f.data, f.size, "F"}, &detail, &opened), HS_OK, detail))
        return;
    CHECK_STATUS(hs_safetensors_read(opened, 0, &detail, out), HS_OK, detail);
    CHECK(out[0] == 1.5f && out[1] == 0 && signbit(out[1]) && isinf(out[2]) && isnan(out[3]) && out[4] == 0x1p-149f);
    CHECK_STATUS(hs_safetensors_read(opened, 1, &detail, out), HS_OK, detail);
    CHECK(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f && out[3] == 0 && signbit(out[3]) && out[4] == 65504 && isinf(out[5]) && isnan(out[6]));
    CHECK_STATUS(hs_safetensors_read(opened, 2, &detail, out), HS_OK, detail);
    CHECK(out[0] == 1 && isinf(out[1]) && out[1] < 0 && isnan(out[2]));
    CHECK_STATUS(hs_safetensors_read(opened, 3, &detail, out), HS_OK, detail);
    CHECK(out[0] == 0.1f);
    hs_safetensors_close(opened);
    free(f.data);
}

static void test_writer(void)
{
    TEST("what is written is read back");
    hs_real x[6] = {1, -2.5f, 0x1p-30f, 3e38f, 0, 7}, back[6];
    hs_tensor tensors[] = {{.name = "a\"\\\n", .data = x, .n_axes = 2, .shape = {2, 3}, .count = 6},
                           {.name = "scalar", .data = x + 5, .n_axes = 0, .count = 1},
                           {.name = "empty", .data = x, .n_axes = 1, .shape = {0}, .count = 0}};
    hs_detail detail = {""};
    size_t size = 0;
    CHECK_STATUS(hs_safetensors_size(tensors, 3, HS_F32, "{\"k\":\"v\"}", &detail, &size), HS_OK, detail);
    unsigned char *bytes = malloc(size);
    hs_safetensors_write(tensors, 3, HS_F32, "{\"k\":\"v\"}", bytes);
    CHECK((bytes[0] | bytes[1] << 8) % 8 == 0);
    hs_safetensors *opened = NULL;
    if (CHECK_STATUS(hs_safetensors_open((hs_bytes){bytes, size, "F"}, &detail, &opened), HS_OK, detail)) {
        const hs_st_entry *entry = hs_safetensors_entry(opened, 0);
        CHECK(hs_safetensors_count(opened) == 3 && !strcmp(entry->name, "a\"\\\n") && entry->n_axes == 2 && entry->shape[1] == 3);
        CHECK_STATUS(hs_safetensors_read(opened, 0, &detail, back), HS_OK, detail);
        CHECK(!memcmp(x, back, sizeof x));
        hs_safetensors_close(opened);
    }
    free(bytes);

    TEST("F16 rounds to nearest even");
    hs_real from[] = {1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 65519.9f, 65520, 0x1p-25f, 0x1.8p-24f, 0x1.000002p-25f, -0x1p-15f, 0x1.ff8p-15f,
                      0x1.ffcp-15f, NAN, 1 + 0x1.02p-11f};
    hs_real to[] = {1, 1 + 4 * 0x1p-11f, 65504, INFINITY, 0, 0x1p-23f, 0x1p-24f, -0x1p-15f, 0x1.ff8p-15f, 0x1p-14f, NAN, 1 + 0x1p-10f};
    enum { N = sizeof from / sizeof *from };
    hs_tensor half = {.name = "h", .data = from, .n_axes = 1, .shape = {N}, .count = N};
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_F16, NULL, &detail, &size), HS_OK, detail);
    bytes = malloc(size);
    hs_safetensors_write(&half, 1, HS_F16, NULL, bytes);
    hs_real got[N] = {0};
    if (CHECK_STATUS(hs_safetensors_open((hs_bytes){bytes, size, "F"}, &detail, &opened), HS_OK, detail)) {
        CHECK_STATUS(hs_safetensors_read(opened, 0, &detail, got), HS_OK, detail);
        hs_safetensors_close(opened);
    }
    for (int i = 0; i < N; i++)
        if (!CHECK(got[i] == to[i] || (isnan(got[i]) && isnan(to[i]))))
            printf("    %d: %a became %a, not %a\n", i, from[i], got[i], to[i]);
    free(bytes);

    TEST("the writer refuses what no reader takes");
    half.name = "__metadata__";
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_F32, NULL, &detail, &size), HS_ENAME, detail);
    half.name = "";
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_F32, NULL, &detail, &size), HS_ENAME, detail);
    half.name = "h";
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_BF16, NULL, &detail, &size), HS_EDTYPE, detail);
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_F32, "{\"k\":1}", &detail, &size), HS_EMETADATA, detail);
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_F32, "[]", &detail, &size), HS_EMETADATA, detail);
    CHECK_STATUS(hs_safetensors_size(&half, 1, HS_F32, "{", &detail, &size), HS_EJSON, detail);
}

int main(void)
{
    test_headers();
    test_frames();
    test_deep();
    test_many();
    test_truncations();
    test_changed_bytes();
    test_mutations();
    test_dtypes();
    test_writer();
    return HARNESS_END();
}
