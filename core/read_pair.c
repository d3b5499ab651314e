/* read_pair.c: "pair": one destination and one source of a head, from query and key to what is written. */
#include "kernels.h"
#include "product.h"
#include "read_parts.h"

#include <math.h>
#include <string.h>

/* What a query or a key is made of besides the parts of the stream. */
enum { LN_BIAS, POSITIONS, BIAS, EDIT, EDIT_SCORES, N_TAIL };
enum { QUERY, KEY };
enum { SCORE, PATTERN, V_NORM, RESULT_NORM, N_VALUES };

typedef struct pair {
    int layer, head, dest, src, k;
    hs_part *parts;
    int n_parts, n_tail[2], tail[2][N_TAIL];
    int q, key, product, scores, pattern, v, result, who[2];
    int top_ids, top_values, bottom_ids, bottom_values;
    double values[2][N_VALUES];
    double *x, *m, *g; /* [d_model] */
    hs_real *square[2], *logits, *row; /* [T, T] each, [d_vocab_out], [d_model] */
    int *top, *bottom; /* [k] */
} pair;

static void add_tail(pair *s, hs_reading *r, int which, int tail, const char *label)
{
    s->tail[which][s->n_tail[which]++] = tail;
    hs_read_label(r, which == KEY ? "key_part" : "query_part", label);
}

/* Who wrote the query, or the key: the stream's parts before the block, then the rest. */
static hs_status plan_parts(pair *s, hs_reading *r, const hs_read_spec *spec, int which)
{
    const hs_config *cfg = &r->model->cfg;
    hs_state before = {.hook = HS_HOOK_RESID_PRE, .layer = s->layer};
    HS_TRY(hs_parts_new(r, spec, "layer", &before, HS_PARTS_HEADS, which == KEY ? "key_part" : "query_part", &s->parts, &s->n_parts));
    int hook = which == KEY ? HS_HOOK_K : HS_HOOK_Q, input = which == KEY ? HS_HOOK_K_INPUT : HS_HOOK_Q_INPUT;
    if (r->model->blocks[s->layer].ln1_b)
        add_tail(s, r, which, LN_BIAS, "ln1_bias");
    if (cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER)
        add_tail(s, r, which, POSITIONS, "pos_embed");
    add_tail(s, r, which, BIAS, which == KEY ? "b_K" : "b_Q");
    if (hs_read_edited(r, hook, s->layer) || hs_read_edited(r, input, s->layer) || hs_read_edited(r, HS_HOOK_ATTN_IN, s->layer) ||
        hs_read_edited(r, HS_HOOK_LN1_NORMALIZED, s->layer))
        add_tail(s, r, which, EDIT, which == KEY ? "edit k" : "edit q");
    if (hs_read_edited(r, HS_HOOK_ATTN_SCORES, s->layer))
        add_tail(s, r, which, EDIT_SCORES, "edit attn_scores");
    return hs_read_array_new(r, spec, which == KEY ? "key_parts" : "query_parts", false,
                             HS_AXES({which == KEY ? "key_part" : "query_part", s->n_parts + s->n_tail[which]}), &s->who[which]);
}

static hs_status plan_arrays(pair *s, hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    const hs_axis_of *dim = HS_AXES({"dim", cfg->d_head}), *source = HS_AXES({"source", r->n_tokens}), *k = HS_AXES({"k", s->k});
    HS_TRY(hs_read_array_new(r, spec, "q", false, dim, &s->q));
    HS_TRY(hs_read_array_new(r, spec, "k", false, dim, &s->key));
    HS_TRY(hs_read_array_new(r, spec, "product", false, dim, &s->product));
    HS_TRY(hs_read_array_new(r, spec, "scores", false, source, &s->scores));
    HS_TRY(hs_read_array_new(r, spec, "pattern", false, source, &s->pattern));
    HS_TRY(hs_read_array_new(r, spec, "v", false, dim, &s->v));
    HS_TRY(hs_read_array_new(r, spec, "result", false, HS_AXES({"d_model", cfg->d_model}), &s->result));
    HS_TRY(hs_read_array_new(r, spec, "top_ids", true, k, &s->top_ids));
    HS_TRY(hs_read_array_new(r, spec, "top_values", false, k, &s->top_values));
    HS_TRY(hs_read_array_new(r, spec, "bottom_ids", true, k, &s->bottom_ids));
    HS_TRY(hs_read_array_new(r, spec, "bottom_values", false, k, &s->bottom_values));
    HS_TRY(plan_parts(s, r, spec, KEY));
    return plan_parts(s, r, spec, QUERY);
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    int V = cfg->d_vocab_out, d = cfg->d_model;
    pair *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    s->dest = s->src = -1;
    s->k = V < 10 ? V : 10;
    HS_TRY(hs_spec_needed_int(spec, "layer", 0, cfg->n_layers - 1, &s->layer));
    HS_TRY(hs_spec_needed_int(spec, "head", 0, cfg->n_heads - 1, &s->head));
    HS_TRY(hs_spec_position(r, spec, "dest", &s->dest));
    HS_TRY(hs_spec_position(r, spec, "src", &s->src));
    if (s->dest < 0 || s->src < 0)
        return HS_SPEC_FAIL(spec, s->dest < 0 ? "dest" : "src", "%s", "a position is needed here");
    if (s->src > s->dest)
        return HS_SPEC_FAIL(spec, "src", "position %d comes after the destination %d, which cannot see it", s->src, s->dest);
    HS_TRY(hs_spec_int(spec, "k", 1, V < 100 ? V : 100, &s->k));
    HS_TRY(plan_arrays(s, r, spec));
    for (int i = 0; i < 2; i++)
        HS_READ_TAKE(r, spec, s->square[i], (int64_t)r->n_tokens * r->n_tokens);
    HS_READ_TAKE(r, spec, s->x, d);
    HS_READ_TAKE(r, spec, s->m, d);
    HS_READ_TAKE(r, spec, s->g, d);
    HS_READ_TAKE(r, spec, s->logits, V);
    HS_READ_TAKE(r, spec, s->row, d);
    HS_READ_TAKE(r, spec, s->top, s->k);
    HS_READ_TAKE(r, spec, s->bottom, s->k);
    bool norm = cfg->normalization_type != HS_NORM_NONE;
    hs_read_convention(r, "product", "q times k, entry by entry, over attn_scale: they sum to the score");
    hs_read_convention(r, "scores", "of this destination with every source it sees; -inf for later ones");
    hs_read_convention(r, "result", "pattern * v W_O: what this pair adds to the stream at the destination, without b_O");
    hs_read_convention(r, "key_parts", norm ? "the score, by who wrote the source's stream: each part centred and divided by the scale that "
                                              "ln1 had in the run (cached)"
                                            : "the score, by who wrote the source's stream");
    hs_read_convention(r, "query_parts", norm ? "the score, by who wrote the destination's stream: each part centred and divided by the scale "
                                                "that ln1 had in the run (cached)"
                                              : "the score, by who wrote the destination's stream");
    hs_read_convention(r, "top", norm ? "what the result adds to each logit directly: centred, over ln_final's scale at the destination "
                                        "(cached), times its gain, through W_U"
                                      : "what the result adds to each logit directly: through W_U");
    hs_read_convention(r, "error", "the score less the sum of the parts that are reported (in doubles): float32 rounding");
    return HS_OK;
}

static const hs_real *head_row(const hs_run *run, int hook, int layer, int head, int t)
{
    const hs_config *cfg = &run->model->cfg;
    return hs_run_at(run, hook, layer) + ((int64_t)t * cfg->n_heads + head) * cfg->d_head;
}

/* ---- who wrote the query, or the key ---- */

static double product(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void who_wrote(hs_reading *r, int side, int which)
{
    pair *s = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[s->layer];
    int d = cfg->d_model, e = cfg->d_head, t = which == KEY ? s->src : s->dest;
    const hs_real *q = head_row(run, HS_HOOK_Q, s->layer, s->head, s->dest), *k = head_row(run, HS_HOOK_K, s->layer, s->head, s->src);
    const hs_real *other = which == KEY ? q : k, *own = which == KEY ? k : q;
    const hs_real *W = (which == KEY ? w->W_K : w->W_Q) + (int64_t)s->head * d * e, *b = (which == KEY ? w->b_K : w->b_Q) + s->head * e;
    double divisor = hs_attn_scale(cfg, s->layer), mean = 0, bias = 0, whole = 0, ln_bias = 0, positions = 0;
    for (int j = 0; j < e; j++) {
        bias += (double)b[j] * (double)other[j] / divisor;
        whole += (double)own[j] * (double)other[j] / divisor;
    }
    bool norm = cfg->normalization_type != HS_NORM_NONE;
    for (int i = 0; i < d; i++) {
        s->m[i] = 0;
        for (int j = 0; j < e; j++)
            s->m[i] += (double)W[(int64_t)i * e + j] * (double)other[j] / divisor;
        s->g[i] = s->m[i] * (w->ln1_w ? (double)w->ln1_w[i] : 1);
        mean += s->g[i] / d;
        ln_bias += w->ln1_b ? s->m[i] * (double)w->ln1_b[i] : 0;
    }
    for (int i = 0; norm && i < d; i++)
        s->g[i] -= mean;
    if (cfg->positional_embedding_type == HS_POSITIONS_SHORTFORMER)
        positions = hs_ddot(s->m, hs_run_at(run, HS_HOOK_POS_EMBED, 0) + (int64_t)t * d, d);
    double scale = norm ? (double)hs_run_at(run, HS_HOOK_LN1_SCALE, s->layer)[t] : 1;
    hs_real *out = hs_read_data(r, s->who[which], side);
    for (int i = 0; i < s->n_parts; i++) {
        hs_part_vector(r, side, &s->parts[i], t, s->x);
        out[i] = (hs_real)(product(s->x, s->g, d) / scale);
    }
    double stream = hs_ddot(s->g, hs_run_at(run, HS_HOOK_RESID_PRE, s->layer) + (int64_t)t * d, d) / scale;
    double score = (double)s->square[0][(int64_t)s->dest * r->n_tokens + s->src];
    const double tails[N_TAIL] = {[LN_BIAS] = ln_bias,
                                  [POSITIONS] = positions,
                                  [BIAS] = bias,
                                  [EDIT] = whole - stream - ln_bias - positions - bias,
                                  [EDIT_SCORES] = score - whole};
    for (int i = 0; i < s->n_tail[which]; i++)
        out[s->n_parts + i] = (hs_real)tails[s->tail[which][i]];
}

/* ---- the vectors ---- */

static void query_key_value(hs_reading *r, int side)
{
    pair *s = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    int T = r->n_tokens, e = cfg->d_head;
    const hs_real *q = head_row(run, HS_HOOK_Q, s->layer, s->head, s->dest), *k = head_row(run, HS_HOOK_K, s->layer, s->head, s->src);
    const hs_real *v = head_row(run, HS_HOOK_V, s->layer, s->head, s->src);
    double divisor = hs_attn_scale(cfg, s->layer);
    for (int j = 0; j < e; j++) {
        hs_read_data(r, s->q, side)[j] = q[j];
        hs_read_data(r, s->key, side)[j] = k[j];
        hs_read_data(r, s->v, side)[j] = v[j];
        hs_read_data(r, s->product, side)[j] = (hs_real)((double)q[j] * (double)k[j] / divisor);
    }
    hs_attention_head(run, s->layer, s->head, (hs_rows){s->dest, s->dest + 1}, s->square[0], s->square[1]);
    int64_t row = (int64_t)s->dest * T;
    memcpy(hs_read_data(r, s->scores, side), s->square[0] + row, (size_t)T * sizeof(hs_real));
    memcpy(hs_read_data(r, s->pattern, side), s->square[1] + row, (size_t)T * sizeof(hs_real));
    s->values[side][SCORE] = (double)s->square[0][row + s->src];
    s->values[side][PATTERN] = (double)s->square[1][row + s->src];
    s->values[side][V_NORM] = hs_length_of(v, e);
}

static void result(hs_reading *r, int side)
{
    pair *s = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, e = cfg->d_head;
    const hs_real *v = head_row(run, HS_HOOK_V, s->layer, s->head, s->src);
    const hs_real *W_O = run->model->blocks[s->layer].W_O + (int64_t)s->head * e * d;
    memset(s->x, 0, (size_t)d * sizeof *s->x);
    for (int j = 0; j < e; j++)
        for (int i = 0; i < d; i++)
            s->x[i] += s->values[side][PATTERN] * (double)v[j] * (double)W_O[(int64_t)j * d + i];
    hs_real *out = hs_read_data(r, s->result, side);
    for (int i = 0; i < d; i++)
        out[i] = (hs_real)s->x[i];
    s->values[side][RESULT_NORM] = hs_length_of(out, d);
}

/* What the result adds to every logit; the largest and smallest of `run` are reported. */
static void logits(hs_reading *r, int side)
{
    pair *s = r->own;
    const hs_model *model = r->model;
    const hs_config *cfg = &model->cfg;
    int d = cfg->d_model, V = cfg->d_vocab_out;
    const hs_real *x = hs_read_data(r, s->result, side);
    bool norm = cfg->normalization_type != HS_NORM_NONE;
    double mean = hs_mean(x, d), scale = norm ? (double)hs_run_at(r->side[side], HS_HOOK_LN_FINAL_SCALE, 0)[s->dest] : 1;
    for (int i = 0; norm && i < d; i++)
        s->row[i] = (hs_real)(((double)x[i] - mean) / scale * (model->w.ln_final_w ? (double)model->w.ln_final_w[i] : 1));
    hs_product(model, s->logits, V, norm ? s->row : x, d, model->forward.W_U, (int64_t)HS_NR * d, NULL, 1, V, d, false);
    if (side == 0) {
        hs_choose(s->logits, V, s->k, 1, s->top);
        hs_choose(s->logits, V, s->k, -1, s->bottom);
    }
    for (int i = 0; i < s->k; i++) {
        hs_read_data(r, s->top_ids, 0)[i] = (hs_real)s->top[i];
        hs_read_data(r, s->bottom_ids, 0)[i] = (hs_real)s->bottom[i];
        hs_read_data(r, s->top_values, side)[i] = s->logits[s->top[i]];
        hs_read_data(r, s->bottom_values, side)[i] = s->logits[s->bottom[i]];
    }
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    switch (i) {
    case 0: query_key_value(r, side); return true;
    case 1: who_wrote(r, side, KEY); return true;
    case 2: who_wrote(r, side, QUERY); return true;
    default:
        result(r, side);
        logits(r, side);
        return false;
    }
}

static double error_of(const hs_reading *r, int which, double score)
{
    const pair *s = r->own;
    for (int i = 0; i < s->n_parts + s->n_tail[which]; i++)
        score -= (double)hs_read_data(r, s->who[which], 0)[i];
    return score;
}

static void finish(hs_reading *r)
{
    static const char *const NAMES[N_VALUES] = {"score", "pattern", "v_norm", "result_norm"};
    pair *s = r->own;
    for (int i = 0; i < N_VALUES; i++)
        hs_read_value(r, NAMES[i], s->values[0][i] - s->values[1][i]);
    double score = s->values[0][SCORE] - s->values[1][SCORE];
    hs_read_value(r, "attn_scale", hs_attn_scale(&r->model->cfg, s->layer));
    hs_read_value(r, "key_error", error_of(r, KEY, score));
    hs_read_value(r, "query_error", error_of(r, QUERY, score));
}

static const char *const FIELDS[] = {"layer", "head", "dest", "src", "k", NULL};
const hs_reader hs_reader_pair = {"pair", FIELDS, false, plan, unit, finish, NULL};
