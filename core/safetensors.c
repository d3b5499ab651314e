/* safetensors.c: the container file: 8 bytes of header length, a JSON header, the data. Every rule of
 * docs/formats.md ("safetensors") is checked before anything is given out, in the order of status.def.
 *
 *   N (u64, little-endian) | N bytes: {"name": {"dtype", "shape", "data_offsets"}, ...} | data
 *
 * A file that passes is tiled: its tensors cover the data from the first byte to the last, once. */
#include "error.h"
#include "half.h"
#include "json.h"
#include "sort.h"

#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements are copied as they stand in the file, which is little-endian"
#endif

enum { MAX_HEADER = 16777216, MAX_ENTRIES = 65536, MAX_NAME = 1024, MAX_RANK = 8 };

struct hs_safetensors {
    hs_json *json; /* owns the names */
    const unsigned char *data;
    const char *name;
    hs_st_entry *entries;
    int n_entries;
};

static const struct {
    const char *name;
    hs_dtype dtype;
    int bytes;
} DTYPES[] = {{"F32", HS_F32, 4},   {"F16", HS_F16, 2},   {"BF16", HS_BF16, 2},      {"F64", HS_F64_, 8},
              {"BOOL", HS_OTHER, 1}, {"U8", HS_OTHER, 1},  {"I8", HS_OTHER, 1},       {"F8_E4M3", HS_OTHER, 1},
              {"F8_E5M2", HS_OTHER, 1}, {"I16", HS_OTHER, 2}, {"U16", HS_OTHER, 2},   {"I32", HS_OTHER, 4},
              {"U32", HS_OTHER, 4},  {"I64", HS_OTHER, 8}, {"U64", HS_OTHER, 8}};

/* ---- the header's frame ---- */

/* What else people have under the name model.safetensors. */
static const char *other_kind(const unsigned char *p, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *kind;
    } KINDS[] = {{"PK\3\4", 4, "a zip file (a PyTorch checkpoint?)"},
                 {"\x1f\x8b", 2, "gzip-compressed"},
                 {"\x80\x02", 2, "a Python pickle"},
                 {"\x80\x03", 2, "a Python pickle"},
                 {"\x80\x04", 2, "a Python pickle"},
                 {"\x80\x05", 2, "a Python pickle"},
                 {"GGUF", 4, "a GGUF file"},
                 {"\x93NUMPY", 6, "a NumPy array"},
                 {"<!", 2, "a web page (the answer to a failed download?)"},
                 {"<htm", 4, "a web page (the answer to a failed download?)"},
                 {"<HTM", 4, "a web page (the answer to a failed download?)"},
                 {"version https://git-lfs", 23, "a Git LFS pointer; fetch the file it stands for"}};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (size >= KINDS[i].length && !memcmp(p, KINDS[i].magic, KINDS[i].length))
            return KINDS[i].kind;
    return NULL;
}

static uint64_t read_u64(const unsigned char *p)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static hs_status read_frame(hs_bytes bytes, const char *name, hs_detail *detail, size_t *header_size)
{
    const unsigned char *p = bytes.data;
    uint64_t n = bytes.size >= 8 ? read_u64(p) : 0;
    bool has_header = n <= MAX_HEADER && bytes.size > 8 && memchr("{ \t\r\n", p[8], 5);
    const char *kind = has_header ? NULL : other_kind(p, bytes.size);
    if (kind)
        return hs_fail(detail, HS_EMAGIC, "%s: not a safetensors file but %s", name, kind);
    if (bytes.size < 8)
        return hs_fail(detail, HS_ETRUNC, "%s: byte %d: the file has %zu bytes; a safetensors file begins with 8", name, 0,
                       bytes.size);
    if (n == 0)
        return hs_fail(detail, HS_EHEADER, "%s: byte %d: the header's length is 0", name, 0);
    if (n > MAX_HEADER)
        return hs_fail(detail, HS_EHEADER, "%s: byte %d: the header's length is %llu; the limit is %d", name, 0,
                       (unsigned long long)n, MAX_HEADER);
    if (n > bytes.size - 8)
        return hs_fail(detail, HS_ETRUNC, "%s: byte %d: the header has %llu bytes, the file only %zu after this one", name,
                       8, (unsigned long long)n, bytes.size - 8);
    *header_size = (size_t)n;
    return HS_OK;
}

/* ---- entries ---- */

typedef struct parser {
    hs_safetensors *file;
    const hs_json *json;
    hs_detail *detail;
    uint64_t data_size;
    size_t header_end;
} parser;

static hs_status check_metadata(const parser *p, hs_json_at at)
{
    if (hs_json_type_of(p->json, at) != HS_JSON_OBJECT)
        return hs_fail(p->detail, HS_EMETADATA, "%s: __metadata__ must be an object of strings, not %s", p->file->name,
                       hs_json_type_name(p->json, at));
    for (hs_json_at value = hs_json_first(p->json, at); value >= 0; value = hs_json_next(p->json, value))
        if (hs_json_type_of(p->json, value) != HS_JSON_STRING)
            return hs_fail(p->detail, HS_EMETADATA, "%s: __metadata__.%s must be a string, not %s", p->file->name,
                           hs_json_key(p->json, value), hs_json_type_name(p->json, value));
    return HS_OK;
}

static hs_status read_dtype(const parser *p, hs_json_at at, hs_st_entry *entry, int *bytes)
{
    const char *name = hs_json_string(p->json, at);
    for (size_t i = 0; name && i < sizeof DTYPES / sizeof DTYPES[0]; i++)
        if (!strcmp(name, DTYPES[i].name)) {
            entry->dtype = DTYPES[i].dtype;
            *bytes = DTYPES[i].bytes;
            return HS_OK;
        }
    return hs_fail(p->detail, HS_EDTYPE, "%s: %s: dtype %s is not known", p->file->name, entry->name,
                   name ? name : hs_json_type_name(p->json, at));
}

static hs_status read_shape(const parser *p, hs_json_at at, hs_st_entry *entry)
{
    const char *file = p->file->name;
    if (hs_json_type_of(p->json, at) != HS_JSON_ARRAY)
        return hs_fail(p->detail, HS_ESHAPE, "%s: %s: shape must be a list, not %s", file, entry->name,
                       hs_json_type_name(p->json, at));
    int rank = hs_json_length(p->json, at);
    if (rank > MAX_RANK)
        return hs_fail(p->detail, HS_ERANK, "%s: %s: shape has %d axes; the limit is %d", file, entry->name, rank, MAX_RANK);
    for (hs_json_at axis = hs_json_first(p->json, at); axis >= 0; axis = hs_json_next(p->json, axis)) {
        uint64_t length;
        if (!hs_json_uint(p->json, axis, &length))
            return hs_fail(p->detail, HS_ESHAPE, "%s: %s: shape's axis %d must be a whole number from 0 in 64 bits", file,
                           entry->name, entry->n_axes);
        if (length > INT64_MAX)
            return hs_fail(p->detail, HS_EOVERFLOW, "%s: %s: shape's axis %d is %llu", file, entry->name, entry->n_axes,
                           (unsigned long long)length);
        entry->shape[entry->n_axes++] = (int64_t)length;
    }
    return HS_OK;
}

static hs_status shape_bytes(const parser *p, const hs_st_entry *entry, int element, uint64_t *out)
{
    uint64_t bytes = (uint64_t)element;
    *out = 0;
    for (int i = 0; i < entry->n_axes; i++)
        if (entry->shape[i] == 0)
            return HS_OK;
    for (int i = 0; i < entry->n_axes; i++)
        if (!hs_mul_u64(bytes, (uint64_t)entry->shape[i], &bytes)) {
            hs_shape_buffer shape;
            return hs_fail(p->detail, HS_EOVERFLOW, "%s: %s: shape %s has more bytes than 64 bits count", p->file->name,
                           entry->name, hs_shape_text(&shape, entry->shape, entry->n_axes));
        }
    *out = bytes;
    return HS_OK;
}

static hs_status read_offsets(const parser *p, hs_json_at at, hs_st_entry *entry)
{
    if (hs_json_type_of(p->json, at) == HS_JSON_ARRAY && hs_json_length(p->json, at) == 2) {
        hs_json_at first = hs_json_first(p->json, at), second = hs_json_next(p->json, first);
        if (hs_json_uint(p->json, first, &entry->begin) && hs_json_uint(p->json, second, &entry->end) &&
            entry->begin <= entry->end)
            return HS_OK;
    }
    return hs_fail(p->detail, HS_EOFFSETS, "%s: %s: data_offsets must be [begin, end], whole numbers, begin <= end",
                   p->file->name, entry->name);
}

/* The three fields of one entry, all of them, nothing else. */
static hs_status find_fields(const parser *p, hs_json_at at, const hs_st_entry *entry, hs_json_at fields[3])
{
    static const char *const NAMES[3] = {"dtype", "shape", "data_offsets"};
    if (hs_json_type_of(p->json, at) != HS_JSON_OBJECT)
        return hs_fail(p->detail, HS_EFIELD, "%s: %s must be an object, not %s", p->file->name, entry->name,
                       hs_json_type_name(p->json, at));
    for (hs_json_at value = hs_json_first(p->json, at); value >= 0; value = hs_json_next(p->json, value)) {
        const char *key = hs_json_key(p->json, value);
        int field = 0;
        while (field < 3 && strcmp(key, NAMES[field]))
            field++;
        if (field == 3)
            return hs_fail(p->detail, HS_EFIELD, "%s: %s: \"%s\" is no field of a tensor", p->file->name, entry->name, key);
        fields[field] = value;
    }
    for (int i = 0; i < 3; i++)
        if (fields[i] < 0)
            return hs_fail(p->detail, HS_EFIELD, "%s: %s: %s is missing", p->file->name, entry->name, NAMES[i]);
    return HS_OK;
}

static hs_status read_entry(const parser *p, hs_json_at at, hs_st_entry *entry, uint64_t *bytes)
{
    *entry = (hs_st_entry){.name = hs_json_key(p->json, at)};
    size_t length = strlen(entry->name);
    if (length == 0 || length > MAX_NAME)
        return hs_fail(p->detail, HS_ENAME, "%s: byte %zu: a tensor's name has %zu bytes; 1 to %d are allowed",
                       p->file->name, 8 + hs_json_offset(p->json, at), length, MAX_NAME);
    hs_json_at fields[3] = {-1, -1, -1};
    int element = 0;
    HS_TRY(find_fields(p, at, entry, fields));
    HS_TRY(read_dtype(p, fields[0], entry, &element));
    HS_TRY(read_shape(p, fields[1], entry));
    HS_TRY(shape_bytes(p, entry, element, bytes));
    return read_offsets(p, fields[2], entry);
}

/* ---- tiling ---- */

typedef struct span {
    const hs_st_entry *entry;
    uint64_t bytes; /* by shape and dtype */
} span;

static int compare_spans(const void *left, const void *right)
{
    const hs_st_entry *a = ((const span *)left)->entry, *b = ((const span *)right)->entry;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return a < b ? -1 : 1;
}

/* A file whose spans tile is only cut or only too long; otherwise the spans themselves are wrong. */
static bool is_tiled(const span *spans, int n)
{
    uint64_t end = 0;
    for (int i = 0; i < n; i++) {
        const hs_st_entry *entry = spans[i].entry;
        if (entry->begin != end || entry->end - entry->begin != spans[i].bytes)
            return false;
        end = entry->end;
    }
    return true;
}

static hs_status explain_spans(const parser *p, const span *spans, int n)
{
    const char *file = p->file->name;
    for (int i = 0; i < n; i++) {
        const hs_st_entry *entry = spans[i].entry;
        if (entry->end > p->data_size)
            return hs_fail(p->detail, HS_EOFFSETS, "%s: %s: data_offsets end at %llu; the data has %llu bytes", file,
                           entry->name, (unsigned long long)entry->end, (unsigned long long)p->data_size);
    }
    for (int i = 0; i < n; i++) {
        const hs_st_entry *entry = spans[i].entry;
        hs_shape_buffer shape;
        if (entry->end - entry->begin != spans[i].bytes)
            return hs_fail(p->detail, HS_ESIZE, "%s: %s: data_offsets span %llu bytes; shape %s needs %llu", file,
                           entry->name, (unsigned long long)(entry->end - entry->begin),
                           hs_shape_text(&shape, entry->shape, entry->n_axes), (unsigned long long)spans[i].bytes);
    }
    uint64_t end = 0;
    for (int i = 0; i < n; i++) {
        const hs_st_entry *entry = spans[i].entry;
        const hs_st_entry *before = i ? spans[i - 1].entry : NULL;
        if (before && entry->begin < end)
            return hs_fail(p->detail, HS_EOVERLAP, "%s: %s and %s share bytes%s", file, before->name, entry->name,
                           before->begin == entry->begin && before->end == entry->end
                               ? " (tied weights? store them twice)"
                               : "");
        if (entry->begin > end)
            return hs_fail(p->detail, HS_EHOLE, "%s: %s: bytes %llu to %llu of the data belong to no tensor", file,
                           entry->name, (unsigned long long)end, (unsigned long long)entry->begin);
        end = entry->end;
    }
    HS_ASSERT(false); /* spans that do not tile have one of these reasons */
    return HS_ESIZE;
}

static hs_status check_tiling(const parser *p, span *spans, int n)
{
    hs_sort(spans, (size_t)n, sizeof *spans, compare_spans);
    if (!is_tiled(spans, n))
        return explain_spans(p, spans, n);
    uint64_t end = n ? spans[n - 1].entry->end : 0;
    if (end > p->data_size)
        return hs_fail(p->detail, HS_ETRUNC, "%s: byte %zu: the tensors have %llu bytes, the file only %llu after this one",
                       p->file->name, p->header_end, (unsigned long long)end, (unsigned long long)p->data_size);
    if (end < p->data_size)
        return hs_fail(p->detail, HS_ETRAILING, "%s: %llu bytes follow the last tensor", p->file->name,
                       (unsigned long long)(p->data_size - end));
    return HS_OK;
}

/* ---- opening ---- */

static hs_status read_entries(const parser *p, span *spans)
{
    hs_safetensors *file = p->file;
    hs_json_at root = hs_json_root(p->json);
    for (hs_json_at at = hs_json_first(p->json, root); at >= 0; at = hs_json_next(p->json, at)) {
        if (!strcmp(hs_json_key(p->json, at), "__metadata__")) {
            HS_TRY(check_metadata(p, at));
            continue;
        }
        hs_st_entry *entry = &file->entries[file->n_entries];
        spans[file->n_entries].entry = entry;
        HS_TRY(read_entry(p, at, entry, &spans[file->n_entries].bytes));
        file->n_entries++;
    }
    return check_tiling(p, spans, file->n_entries);
}

static hs_status read_header(const parser *p)
{
    hs_json_at root = hs_json_root(p->json);
    if (hs_json_type_of(p->json, root) != HS_JSON_OBJECT)
        return hs_fail(p->detail, HS_EROOT, "%s: byte %zu: the header must be an object, not %s", p->file->name,
                       8 + hs_json_offset(p->json, root), hs_json_type_name(p->json, root));
    int n = hs_json_length(p->json, root);
    if (n > MAX_ENTRIES)
        return hs_fail(p->detail, HS_ETOOMANY, "%s: the header has %d entries; the limit is %d", p->file->name, n,
                       MAX_ENTRIES);
    size_t places = (size_t)(n ? n : 1);
    p->file->entries = malloc(places * sizeof *p->file->entries);
    span *spans = malloc(places * sizeof *spans);
    hs_status status = HS_OK;
    if (!p->file->entries || !spans)
        status = hs_fail(p->detail, HS_EMEMORY, "%s: no memory for %d entries", p->file->name, n);
    else
        status = read_entries(p, spans);
    free(spans);
    return status;
}

hs_status hs_safetensors_open(hs_bytes bytes, hs_detail *detail, hs_safetensors **out)
{
    const char *name = bytes.name ? bytes.name : "safetensors";
    size_t header_size = 0;
    HS_TRY(read_frame(bytes, name, detail, &header_size));
    const unsigned char *header = (const unsigned char *)bytes.data + 8;
    hs_safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return hs_fail(detail, HS_EMEMORY, "%s: no memory", name);
    file->name = name;
    file->data = header + header_size;
    hs_status status = hs_json_parse_part((hs_bytes){header, header_size, name}, 8, HS_EDUPNAME, detail, &file->json);
    if (status == HS_OK) {
        parser p = {.file = file,
                    .json = file->json,
                    .detail = detail,
                    .data_size = bytes.size - 8 - header_size,
                    .header_end = 8 + header_size};
        status = read_header(&p);
    }
    if (status != HS_OK) {
        hs_safetensors_close(file);
        return status;
    }
    *out = file;
    return HS_OK;
}

void hs_safetensors_close(hs_safetensors *file)
{
    if (!file)
        return;
    hs_json_free(file->json);
    free(file->entries);
    free(file);
}

int hs_safetensors_count(const hs_safetensors *file)
{
    return file->n_entries;
}

const hs_st_entry *hs_safetensors_entry(const hs_safetensors *file, int i)
{
    return &file->entries[i];
}

/* ---- elements ---- */

static float read_f32(const unsigned char *p)
{
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

static double read_f64(const unsigned char *p)
{
    double value;
    memcpy(&value, p, sizeof value);
    return value;
}

static uint16_t read_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

hs_status hs_safetensors_read(const hs_safetensors *file, int i, hs_detail *detail, hs_real *out)
{
    const hs_st_entry *entry = &file->entries[i];
    const unsigned char *p = file->data + entry->begin;
    uint64_t bytes = entry->end - entry->begin;
    switch (entry->dtype) {
    case HS_F32:
        for (uint64_t e = 0; e < bytes / 4; e++)
            out[e] = read_f32(p + 4 * e);
        return HS_OK;
    case HS_F16:
        for (uint64_t e = 0; e < bytes / 2; e++)
            out[e] = hs_from_f16(read_u16(p + 2 * e));
        return HS_OK;
    case HS_BF16:
        for (uint64_t e = 0; e < bytes / 2; e++)
            out[e] = hs_from_bf16(read_u16(p + 2 * e));
        return HS_OK;
    case HS_F64_:
        for (uint64_t e = 0; e < bytes / 8; e++)
            out[e] = (hs_real)read_f64(p + 8 * e);
        return HS_OK;
    case HS_OTHER:
        break;
    }
    return hs_fail(detail, HS_EDTYPE, "%s: %s: its dtype holds no F32, F16, BF16 or F64 numbers", file->name, entry->name);
}
