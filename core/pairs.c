/* pairs.c: see pairs.h. */
#include "pairs.h"

#include "model.h"

#include <string.h>

enum { KEY_SIZE = 64 };

hs_status hs_spec_ids(hs_reading *r, const hs_read_spec *spec, hs_json_at at, const char *key, int32_t **out, int *n)
{
    const hs_config *cfg = &r->model->cfg;
    if (at < 0 || hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, key, "%s", "a list of token ids is needed here");
    int count = hs_json_length(spec->json, at), i = 0;
    if (count < 1 || count > cfg->n_ctx)
        return hs_fail(spec->detail, HS_ETOKENS, "%s: %d tokens; from 1 to the model's context of %d are needed here", key, count,
                       cfg->n_ctx);
    HS_READ_TAKE(r, spec, *out, count);
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        int64_t id;
        if (!hs_json_int(spec->json, item, &id))
            return hs_fail(spec->detail, HS_ESPEC, "%s[%d]: a token id is needed here", key, i);
        if (id < 0 || id >= cfg->d_vocab)
            return hs_fail(spec->detail, HS_ETOKENS, "%s[%d]: %lld is not a token of this model (0..%d)", key, i, (long long)id,
                           cfg->d_vocab - 1);
        (*out)[i] = (int32_t)id;
    }
    *n = count;
    return HS_OK;
}

hs_status hs_spec_prompts(hs_reading *r, const hs_read_spec *spec, const char *key, int32_t ***out, int **lengths, int *n)
{
    hs_json_at at = hs_spec_at(spec, key);
    if (at < 0 || hs_json_type_of(spec->json, at) != HS_JSON_ARRAY || !hs_json_length(spec->json, at))
        return HS_SPEC_FAIL(spec, key, "%s", "a list of prompts, each a list of token ids, is needed here");
    *n = hs_json_length(spec->json, at);
    HS_READ_TAKE(r, spec, *out, *n);
    HS_READ_TAKE(r, spec, *lengths, *n);
    int i = 0;
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        char name[KEY_SIZE];
        hs_format(name, sizeof name, "%s[%d]", key, i);
        HS_TRY(hs_spec_ids(r, spec, item, name, &(*out)[i], &(*lengths)[i]));
    }
    return HS_OK;
}

/* One prompt of a pair, as long as those before it. */
static hs_status read_side(hs_reading *r, const hs_read_spec *spec, hs_json_at object, const char *where, const char *side,
                           int *n_tokens, int32_t **out)
{
    char key[KEY_SIZE];
    int n;
    hs_format(key, sizeof key, "%s%s", where, side);
    HS_TRY(hs_spec_ids(r, spec, hs_json_get(spec->json, object, side), key, out, &n));
    if (*n_tokens && n != *n_tokens)
        return HS_SPEC_FAIL(spec, key, "%d tokens, and the prompts before it have %d; all must be of one length", n, *n_tokens);
    *n_tokens = n;
    return HS_OK;
}

static hs_status read_pair(hs_reading *r, const hs_read_spec *spec, hs_json_at object, const char *where, hs_pairs *p, hs_pair *out)
{
    HS_TRY(read_side(r, spec, object, where, "clean", &p->n_tokens, &out->clean));
    HS_TRY(read_side(r, spec, object, where, "corrupted", &p->n_tokens, &out->corrupted));
    while (out->first < p->n_tokens && out->clean[out->first] == out->corrupted[out->first])
        out->first++;
    return HS_OK;
}

static hs_status read_list(hs_reading *r, const hs_read_spec *spec, hs_json_at at, hs_pairs *p)
{
    static const char *const FIELDS[] = {"clean", "corrupted", "correct", "wrong", NULL};
    static const char *const ALONE[] = {"clean", "corrupted"};
    for (int i = 0; i < 2; i++)
        if (hs_spec_at(spec, ALONE[i]) >= 0)
            return HS_SPEC_FAIL(spec, ALONE[i], "%s", "either clean and corrupted, or pairs");
    if (hs_json_type_of(spec->json, at) != HS_JSON_ARRAY || !hs_json_length(spec->json, at))
        return HS_SPEC_FAIL(spec, "pairs", "%s", "a list of {clean, corrupted, correct, wrong} is needed here");
    p->n = hs_json_length(spec->json, at);
    HS_READ_TAKE(r, spec, p->list, p->n);
    int i = 0;
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        char where[KEY_SIZE];
        hs_format(where, sizeof where, "pairs[%d]", i);
        if (hs_json_type_of(spec->json, item) != HS_JSON_OBJECT)
            return HS_SPEC_FAIL(spec, where, "%s", "an object is needed here");
        const char *unknown = hs_json_unknown_key(spec->json, item, FIELDS);
        if (unknown)
            return hs_fail(spec->detail, HS_ESPEC, "%s.%s: a pair has no such field", where, unknown);
        hs_format(where, sizeof where, "pairs[%d].", i);
        HS_TRY(read_pair(r, spec, item, where, p, &p->list[i]));
    }
    return HS_OK;
}

static hs_status read_metrics(hs_reading *r, const hs_read_spec *spec, hs_json_at list, bool gradient, hs_pairs *p)
{
    hs_metric metric;
    HS_TRY(hs_metric_read(r->model, spec->json, hs_spec_at(spec, "metric"), "metric", p->n_tokens, spec->detail, &metric));
    hs_json_at item = list >= 0 ? hs_json_first(spec->json, list) : -1;
    for (int i = 0; i < p->n; i++) {
        hs_metric *own = &p->list[i].metric;
        *own = metric;
        if (item >= 0) {
            char where[KEY_SIZE];
            hs_format(where, sizeof where, "pairs[%d]", i);
            HS_TRY(hs_metric_token(r->model, spec->json, item, where, "correct", spec->detail, &own->correct));
            HS_TRY(hs_metric_token(r->model, spec->json, item, where, "wrong", spec->detail, &own->wrong));
            item = hs_json_next(spec->json, item);
        }
        HS_TRY(hs_metric_check(r->model, own, "metric", gradient, spec->detail));
    }
    return HS_OK;
}

hs_status hs_pairs_read(hs_reading *r, const hs_read_spec *spec, bool gradient, hs_pairs *out)
{
    static const char *const DIRECTIONS[] = {"denoise", "noise", NULL};
    hs_pairs p = {.n = 1};
    int direction = 0;
    HS_TRY(hs_spec_choice(spec, "direction", DIRECTIONS, &direction));
    p.noise = direction == 1;
    hs_json_at list = hs_spec_at(spec, "pairs");
    if (list >= 0)
        HS_TRY(read_list(r, spec, list, &p));
    else {
        HS_READ_TAKE(r, spec, p.list, 1);
        HS_TRY(read_pair(r, spec, hs_json_root(spec->json), "", &p, &p.list[0]));
    }
    HS_TRY(read_metrics(r, spec, list, gradient, &p));
    r->n_tokens = p.n_tokens;
    *out = p;
    return HS_OK;
}
