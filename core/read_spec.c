/* read_spec.c: the fields of a reading document, checked one by one. */
#include "read.h"

#include <string.h>

hs_json_at hs_spec_at(const hs_read_spec *spec, const char *key)
{
    hs_json_at at = hs_json_get(spec->json, hs_json_root(spec->json), key);
    return at >= 0 && hs_json_type_of(spec->json, at) == HS_JSON_NULL ? -1 : at;
}

hs_status hs_spec_read_int(const hs_read_spec *spec, hs_json_at at, const char *key, int least, int most, int *out)
{
    int64_t value;
    if (!hs_json_int(spec->json, at, &value) || value < least || value > most)
        return HS_SPEC_FAIL(spec, key, "a whole number from %d to %d is needed here", least, most);
    *out = (int)value;
    return HS_OK;
}

hs_status hs_spec_once(const hs_read_spec *spec, const char *key, uint8_t *seen, int value)
{
    if (seen[value]++)
        return HS_SPEC_FAIL(spec, key, "%s", "it stands in the list already; each may stand once");
    return HS_OK;
}

hs_status hs_spec_int(const hs_read_spec *spec, const char *key, int least, int most, int *io)
{
    hs_json_at at = hs_spec_at(spec, key);
    return at < 0 ? HS_OK : hs_spec_read_int(spec, at, key, least, most, io);
}

hs_status hs_spec_needed_int(const hs_read_spec *spec, const char *key, int least, int most, int *out)
{
    if (most < least)
        return HS_SPEC_FAIL(spec, key, "%s", "this model has none");
    return hs_spec_read_int(spec, hs_spec_at(spec, key), key, least, most, out);
}

hs_status hs_spec_bool(const hs_read_spec *spec, const char *key, bool *io)
{
    hs_json_at at = hs_spec_at(spec, key);
    if (at >= 0 && !hs_json_bool(spec->json, at, io))
        return HS_SPEC_FAIL(spec, key, "%s", "true or false is needed here");
    return HS_OK;
}

hs_status hs_spec_choice(const hs_read_spec *spec, const char *key, const char *const *names, int *io)
{
    hs_json_at at = hs_spec_at(spec, key);
    const char *said = at < 0 ? NULL : hs_json_string(spec->json, at);
    if (at < 0)
        return HS_OK;
    for (int i = 0; said && names[i]; i++)
        if (!strcmp(said, names[i])) {
            *io = i;
            return HS_OK;
        }
    char all[128];
    size_t used = 0;
    for (int i = 0; names[i]; i++) {
        hs_format(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
        used += strlen(all + used);
    }
    return HS_SPEC_FAIL(spec, key, "one of %s is needed here", all);
}

hs_status hs_spec_read_position(const hs_reading *r, const hs_read_spec *spec, hs_json_at at, const char *key, int *out)
{
    HS_TRY(hs_spec_read_int(spec, at, key, -r->n_tokens, r->n_tokens - 1, out));
    *out += *out < 0 ? r->n_tokens : 0;
    return HS_OK;
}

hs_status hs_spec_position(const hs_reading *r, const hs_read_spec *spec, const char *key, int *io)
{
    hs_json_at at = hs_spec_at(spec, key);
    return at < 0 ? HS_OK : hs_spec_read_position(r, spec, at, key, io);
}

hs_status hs_spec_positions(hs_reading *r, const hs_read_spec *spec, bool absent_is_last)
{
    hs_json_at at = hs_spec_at(spec, "positions");
    if (at >= 0 && hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, "positions", "%s", "a list of positions is needed here");
    int n = at >= 0 ? hs_json_length(spec->json, at) : absent_is_last ? 1 : r->n_tokens;
    if (n > r->n_tokens)
        return HS_SPEC_FAIL(spec, "positions", "%d of them are more than the %d tokens", n, r->n_tokens);
    if (!n)
        return HS_SPEC_FAIL(spec, "positions", "%s", "at least one is needed; leave the field out for all");
    uint8_t *seen;
    HS_READ_TAKE(r, spec, r->positions, n);
    HS_READ_TAKE(r, spec, seen, r->n_tokens);
    r->n_positions = n;
    hs_json_at item = at >= 0 ? hs_json_first(spec->json, at) : -1;
    for (int i = 0; i < n; i++) {
        char key[32];
        hs_format(key, sizeof key, "positions[%d]", i);
        if (at >= 0)
            HS_TRY(hs_spec_read_position(r, spec, item, key, &r->positions[i]));
        else
            r->positions[i] = absent_is_last ? r->n_tokens - 1 : i;
        HS_TRY(hs_spec_once(spec, key, seen, r->positions[i]));
        if (at >= 0)
            item = hs_json_next(spec->json, item);
        hs_format(key, sizeof key, "%d", r->positions[i]);
        hs_read_label(r, "position", key);
    }
    return HS_OK;
}

hs_status hs_spec_tokens(const hs_reading *r, const hs_read_spec *spec, int *token, int *wrong)
{
    int V = r->model->cfg.d_vocab_out;
    *wrong = -1;
    HS_TRY(hs_spec_needed_int(spec, "token", 0, V - 1, token));
    return hs_spec_int(spec, "wrong", 0, V - 1, wrong);
}
