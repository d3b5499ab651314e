/* json.h: JSON read once, checked, then walked. jsmn (strict mode) finds the tokens; this adds what
 * untrusted text needs: fatal UTF-8, a depth limit (32), no key twice in one object, no trailing text,
 * numbers by the grammar (integers exactly, in 64 bits), strings unescaped, no U+0000 in a key; at most
 * HS_JSON_MAX_BYTES and HS_JSON_MAX_VALUES. */
#ifndef HS_JSON_H
#define HS_JSON_H

#include "hs.h"

typedef enum hs_json_type { HS_JSON_NULL, HS_JSON_BOOL, HS_JSON_NUMBER, HS_JSON_STRING, HS_JSON_ARRAY, HS_JSON_OBJECT } hs_json_type;

#define HS_JSON_MAX_BYTES 67108864
#define HS_JSON_MAX_VALUES 4194304
#define HS_JSON_MAX_DEPTH 32

typedef struct hs_json hs_json;
/* A value inside the document: an index; -1 is "absent", which reads as null does. */
typedef int hs_json_at;

hs_status hs_json_parse(hs_bytes text, hs_detail *detail, hs_json **out);
/* The same for JSON inside a file: error lines count bytes from `first_byte`, and a key that stands twice
 * in the outermost object is `root_duplicate` instead of HS_EDUPKEY. */
hs_status hs_json_parse_part(hs_bytes text, size_t first_byte, hs_status root_duplicate, hs_detail *detail, hs_json **out);
void hs_json_free(hs_json *json);

hs_json_at hs_json_root(const hs_json *json);
hs_json_type hs_json_type_of(const hs_json *json, hs_json_at at);
/* "number", "a list", ... for error lines. */
const char *hs_json_type_name(const hs_json *json, hs_json_at at);
/* Arrays: length, then first child and next sibling. Objects likewise: children are the values;
 * hs_json_key gives a child's key. */
int hs_json_length(const hs_json *json, hs_json_at at);
hs_json_at hs_json_first(const hs_json *json, hs_json_at at);
hs_json_at hs_json_next(const hs_json *json, hs_json_at at);
const char *hs_json_key(const hs_json *json, hs_json_at at); /* NUL-terminated, unescaped */
hs_json_at hs_json_get(const hs_json *json, hs_json_at object, const char *key); /* -1 if absent */

/* The first key of the object that does not stand in `known`, a list that ends in NULL; NULL if all do. */
const char *hs_json_unknown_key(const hs_json *json, hs_json_at object, const char *const *known);

/* Typed readers. False if the value is of another type or (integers) is not exactly an integer in
 * 64 bits: 2.0 and 1e3 are not integers. */
bool hs_json_bool(const hs_json *json, hs_json_at at, bool *out);
bool hs_json_int(const hs_json *json, hs_json_at at, int64_t *out);
bool hs_json_uint(const hs_json *json, hs_json_at at, uint64_t *out);
bool hs_json_number(const hs_json *json, hs_json_at at, double *out); /* finite */
/* NUL-terminated, unescaped; NULL if it is no string or holds U+0000. */
const char *hs_json_string(const hs_json *json, hs_json_at at);
/* Byte offset of the value in the text, for error lines. */
size_t hs_json_offset(const hs_json *json, hs_json_at at);
/* One past the last byte of an object or list in the text, to read a part of a document on its own. */
size_t hs_json_end(const hs_json *json, hs_json_at at);

#endif
