/* read_attention.c: "attention": what any heads attend to, computed again from q and k, a few rows at a time. */
#include "read.h"

#include <math.h>
#include <string.h>

typedef enum mode { PATTERN, SCORES, VALUE_WEIGHTED, RESULT_WEIGHTED } mode;

typedef struct attention {
    mode mode;
    int (*heads)[2]; /* layer, head */
    int n_heads, pool, side_length, rows, norm_rows;
    int out;
    hs_real *scores[2], *pattern[2]; /* [T, T] of one head of each run */
    hs_real *norms[2];               /* [T]: what its values weigh */
} attention;

static hs_status read_heads(attention *a, hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    hs_json_at at = hs_spec_at(spec, "heads");
    if (at >= 0 && hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, "heads", "%s", "a list of heads is needed here, such as [[0, 3]]");
    a->n_heads = at < 0 ? cfg->n_layers * cfg->n_heads : hs_json_length(spec->json, at);
    if (at >= 0 && !a->n_heads)
        return HS_SPEC_FAIL(spec, "heads", "%s", "at least one is needed; leave the field out for all");
    uint8_t *seen;
    HS_READ_TAKE(r, spec, a->heads, a->n_heads + 1);
    HS_READ_TAKE(r, spec, seen, cfg->n_layers * cfg->n_heads);
    hs_json_at item = at < 0 ? -1 : hs_json_first(spec->json, at);
    for (int i = 0; i < a->n_heads; i++) {
        char key[32];
        hs_format(key, sizeof key, "heads[%d]", i);
        a->heads[i][0] = i / cfg->n_heads;
        a->heads[i][1] = i % cfg->n_heads;
        if (at >= 0) {
            if (!cfg->n_layers)
                return HS_SPEC_FAIL(spec, key, "%s", "this model has no heads");
            if (hs_json_type_of(spec->json, item) != HS_JSON_ARRAY || hs_json_length(spec->json, item) != 2)
                return HS_SPEC_FAIL(spec, key, "%s", "a layer and a head are needed here, such as [0, 3]");
            hs_json_at first = hs_json_first(spec->json, item);
            HS_TRY(hs_spec_read_int(spec, first, key, 0, cfg->n_layers - 1, &a->heads[i][0]));
            HS_TRY(hs_spec_read_int(spec, hs_json_next(spec->json, first), key, 0, cfg->n_heads - 1, &a->heads[i][1]));
            item = hs_json_next(spec->json, item);
        }
        HS_TRY(hs_spec_once(spec, key, seen, a->heads[i][0] * cfg->n_heads + a->heads[i][1]));
        hs_format(key, sizeof key, "L%dH%d", a->heads[i][0], a->heads[i][1]);
        hs_read_label(r, "index", key);
    }
    return HS_OK;
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const MODES[] = {"pattern", "scores", "value_weighted", "result_weighted", NULL};
    static const char *const WORDS[] = {"softmax of the scores: each destination's row sums to 1",
                                        "q . k / attn_scale, before softmax; -inf where the source comes after the destination",
                                        "pattern times the length of the source's value vector",
                                        "pattern times the length of what the source's value writes to the stream (v W_O)"};
    const hs_config *cfg = &r->model->cfg;
    int T = r->n_tokens, e = cfg->d_head, how = 0;
    attention *a;
    HS_READ_TAKE(r, spec, a, 1);
    r->own = a;
    r->together = true;
    HS_TRY(read_heads(a, r, spec));
    HS_TRY(hs_spec_choice(spec, "mode", MODES, &how));
    a->mode = (mode)how;
    HS_TRY(hs_spec_int(spec, "pool", 1, 4096, &a->pool));
    a->side_length = a->pool && a->pool < T ? a->pool : T;
    HS_TRY(hs_read_array_new(r, spec, "attention", false,
                             HS_AXES({"index", a->n_heads}, {"dest", a->side_length}, {"source", a->side_length}), &a->out));
    for (int side = 0; side < 2 && r->side[side]; side++) {
        HS_READ_TAKE(r, spec, a->pattern[side], (int64_t)T * T);
        a->scores[side] = a->pattern[side];
        if (a->mode == SCORES)
            HS_READ_TAKE(r, spec, a->scores[side], (int64_t)T * T);
        HS_READ_TAKE(r, spec, a->norms[side], T);
    }
    a->rows = (int)hs_read_rows(4.0 * T * e + 60.0 * T);
    a->norm_rows = (int)hs_read_rows(4.0 * e * cfg->d_model);
    hs_read_convention(r, "attention", WORDS[a->mode]);
    if (a->side_length < T)
        hs_read_convention(r, "pool", "each cell is the entry of its block with the largest size, masked ones left out; position t is in "
                                      "cell floor(t * n / T)");
    if (r->side[1])
        hs_read_convention(r, "minus", a->side_length < T ? "subtracted before pooling" : "this run less the other, cell by cell");
    return HS_OK;
}

/* What each source of the head weighs, for some sources: |v| or |v W_O|. */
static void weigh(const attention *a, const hs_run *run, hs_real *norms, int layer, int head, int from, int to)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, e = cfg->d_head;
    const hs_real *W_O = run->model->blocks[layer].W_O + (int64_t)head * e * d;
    for (int s = from; s < to; s++) {
        const hs_real *v = hs_run_at(run, HS_HOOK_V, layer) + ((int64_t)s * cfg->n_heads + head) * e;
        double squares = 0;
        for (int i = 0; a->mode == RESULT_WEIGHTED && i < d; i++) {
            double sum = 0;
            for (int j = 0; j < e; j++)
                sum += (double)v[j] * (double)W_O[(int64_t)j * d + i];
            squares += sum * sum;
        }
        norms[s] = a->mode == RESULT_WEIGHTED ? (hs_real)sqrt(squares) : (hs_real)hs_length_of(v, e);
    }
}

/* The entry at one unmasked cell. */
static hs_real entry(const attention *a, const hs_reading *r, int side, int t, int s)
{
    int64_t at = (int64_t)t * r->n_tokens + s;
    if (a->mode == SCORES)
        return a->scores[side][at];
    return a->mode == PATTERN ? a->pattern[side][at] : a->pattern[side][at] * a->norms[side][s];
}

static void put_rows(const attention *a, const hs_reading *r, int index, hs_rows rows)
{
    int T = r->n_tokens, n = a->side_length;
    hs_real *out = hs_read_data(r, a->out, 0) + (int64_t)index * n * n;
    for (int t = rows.from; t < rows.to; t++)
        for (int s = 0; s < T; s++) {
            hs_real *cell = out + (int64_t)t * n / T * n + (int64_t)s * n / T;
            if (s > t) {
                if (n == T)
                    *cell = a->mode == SCORES ? (hs_real)-INFINITY : 0;
                continue;
            }
            hs_real value = entry(a, r, 0, t, s);
            if (r->side[1])
                value -= entry(a, r, 1, t, s);
            if (n == T || isnan(*cell) || fabs((double)value) > fabs((double)*cell))
                *cell = value;
        }
}

/* For each head: first what its values weigh, then its rows. */
static bool unit(hs_reading *r, int side, int64_t i)
{
    const attention *a = r->own;
    int T = r->n_tokens;
    int64_t n_norms = a->mode >= VALUE_WEIGHTED ? (T + a->norm_rows - 1) / a->norm_rows : 0;
    int64_t each = n_norms + (T + a->rows - 1) / a->rows, part = i % each;
    int index = (int)(i / each);
    (void)side; /* both at once: a pooled difference is no difference of pooled ones */
    if (index >= a->n_heads)
        return false; /* a model without layers */
    int layer = a->heads[index][0], head = a->heads[index][1];
    if (part == 0 && a->side_length < T)
        for (int64_t c = (int64_t)a->side_length * a->side_length, j = 0; j < c; j++)
            hs_read_data(r, a->out, 0)[index * c + j] = (hs_real)NAN;
    bool weighs = part < n_norms;
    int step = weighs ? a->norm_rows : a->rows, from = (int)(weighs ? part : part - n_norms) * step;
    hs_rows rows = {from, from + step < T ? from + step : T};
    for (int s = 0; s < 2 && r->side[s]; s++)
        if (weighs)
            weigh(a, r->side[s], a->norms[s], layer, head, rows.from, rows.to);
        else
            hs_attention_head(r->side[s], layer, head, rows, a->scores[s], a->pattern[s]);
    if (!weighs)
        put_rows(a, r, index, rows);
    return i + 1 < each * a->n_heads;
}

static const char *const FIELDS[] = {"heads", "mode", "pool", NULL};
const hs_reader hs_reader_attention = {"attention", FIELDS, false, plan, unit, NULL, NULL};
