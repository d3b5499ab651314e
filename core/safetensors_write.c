/* safetensors_write.c: named arrays -> one safetensors file. Two passes of the same code: the first only
 * counts. */
#include "error.h"
#include "half.h"
#include "json.h"

#include <string.h>

enum { MAX_HEADER = 16777216, MAX_TENSORS = 65536 };

typedef struct writer {
    char *out; /* NULL: count only */
    uint64_t used;
} writer;

static void put(writer *w, const void *data, size_t size)
{
    if (w->out)
        memcpy(w->out + w->used, data, size);
    w->used += size;
}

static void put_text(writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void put_number(writer *w, uint64_t value)
{
    char text[24];
    hs_format(text, sizeof text, "%llu", (unsigned long long)value);
    put_text(w, text);
}

static void put_quoted(writer *w, const char *text)
{
    static const char HEX[] = "0123456789abcdef";
    put_text(w, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20)
            put(w, (char[]){'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]}, 6);
        else if (c == '"' || c == '\\')
            put(w, (char[]){'\\', *text}, 2);
        else
            put(w, text, 1);
    }
    put_text(w, "\"");
}

/* The JSON and its padding: the data begins at a multiple of 8 bytes. Returns the data's bytes. */
static uint64_t put_header(writer *w, const hs_tensor *tensors, int n, int element, const char *metadata_json)
{
    uint64_t at = 0;
    put_text(w, "{");
    if (metadata_json) {
        put_text(w, "\"__metadata__\":");
        put_text(w, metadata_json);
    }
    for (int i = 0; i < n; i++) {
        if (i || metadata_json)
            put_text(w, ",");
        put_quoted(w, tensors[i].name);
        put_text(w, element == 2 ? ":{\"dtype\":\"F16\",\"shape\":[" : ":{\"dtype\":\"F32\",\"shape\":[");
        for (int axis = 0; axis < tensors[i].n_axes; axis++) {
            if (axis)
                put_text(w, ",");
            put_number(w, (uint64_t)tensors[i].shape[axis]);
        }
        put_text(w, "],\"data_offsets\":[");
        put_number(w, at);
        put_text(w, ",");
        at += (uint64_t)tensors[i].count * (uint64_t)element;
        put_number(w, at);
        put_text(w, "]}");
    }
    put_text(w, "}");
    while (w->used % 8)
        put_text(w, " ");
    return at;
}

/* A reader takes exactly what this allows. */
static hs_status check_metadata(const char *metadata_json, hs_detail *detail)
{
    if (!metadata_json)
        return HS_OK;
    hs_json *json;
    HS_TRY(hs_json_parse((hs_bytes){metadata_json, strlen(metadata_json), "__metadata__"}, detail, &json));
    hs_json_at root = hs_json_root(json);
    bool good = hs_json_type_of(json, root) == HS_JSON_OBJECT;
    for (hs_json_at at = good ? hs_json_first(json, root) : -1; at >= 0; at = hs_json_next(json, at))
        good = good && hs_json_type_of(json, at) == HS_JSON_STRING;
    hs_json_free(json);
    return good ? HS_OK : hs_fail(detail, HS_EMETADATA, "__metadata__ must be an object of strings");
}

hs_status hs_safetensors_size(const hs_tensor *tensors, int n, hs_dtype dtype, const char *metadata_json, hs_detail *detail,
                              size_t *out)
{
    if (dtype != HS_F32 && dtype != HS_F16)
        return hs_fail(detail, HS_EDTYPE, "tensors are written as F32 or F16");
    if (n >= MAX_TENSORS)
        return hs_fail(detail, HS_ETOOMANY, "%d tensors are too many for one file; the limit is %d", n, MAX_TENSORS - 1);
    HS_TRY(check_metadata(metadata_json, detail));
    for (int i = 0; i < n; i++)
        if (!tensors[i].name[0] || !strcmp(tensors[i].name, "__metadata__"))
            return hs_fail(detail, HS_ENAME, "a tensor cannot be named \"%s\"", tensors[i].name);
    writer w = {NULL, 0};
    uint64_t data = put_header(&w, tensors, n, dtype == HS_F16 ? 2 : 4, metadata_json);
    if (w.used > MAX_HEADER)
        return hs_fail(detail, HS_EHEADER, "the header would have %llu bytes; the limit is %d", (unsigned long long)w.used,
                       MAX_HEADER);
    uint64_t total = 8 + w.used + data;
    if (total > SIZE_MAX)
        return hs_fail(detail, HS_EOVERFLOW, "the file would have %llu bytes", (unsigned long long)total);
    *out = (size_t)total;
    return HS_OK;
}

void hs_safetensors_write(const hs_tensor *tensors, int n, hs_dtype dtype, const char *metadata_json, void *out)
{
    writer header = {(char *)out + 8, 0};
    put_header(&header, tensors, n, dtype == HS_F16 ? 2 : 4, metadata_json);
    for (int i = 0; i < 8; i++)
        ((unsigned char *)out)[i] = (unsigned char)(header.used >> 8 * i);
    writer data = {header.out + header.used, 0};
    for (int i = 0; i < n; i++)
        for (int64_t e = 0; e < tensors[i].count; e++) {
            float value = (float)tensors[i].data[e];
            uint16_t half = dtype == HS_F16 ? hs_to_f16(value) : 0;
            put(&data, dtype == HS_F16 ? (void *)&half : (void *)&value, dtype == HS_F16 ? sizeof half : sizeof value);
        }
}
