/* read_attribution.c: "attribution": direct logit attribution. With the scale of ln_final as the run had it, a
 * logit is linear in the stream: every part x of the final state adds (x - mean(x)) / scale * w . W_U[:, token],
 * which is x . direction / scale for one direction. */
#include "read_parts.h"

#include <math.h>
#include <string.h>

enum { BY_COMPONENT, BY_HEAD, BY_NEURON, BY_SOURCE };
/* Parts that are no vectors of the stream. */
enum { LN_BIAS, EDIT_LN, UNEMBED_BIAS, EDIT_LOGITS, N_TAIL };

typedef struct attribution {
    int by, token, wrong, layer, head;
    hs_part *parts;
    int n_parts, n_tail, tail[N_TAIL];
    hs_state final;
    int values, heads, neurons, source, source_edit, logit, sum, error;
    bool has_source_edit;
    double *unembed, *direction; /* [d_model]: W_U's column(s); what a part is multiplied with, before the scale */
    double *x;                   /* [d_model] */
    double *into_z, *into_post;  /* [n_heads * d_head], [d_mlp]: the direction through W_O, W_out of one layer */
    hs_real *square;             /* [T, T], by source */
    int part_rows, layer_rows;   /* positions of a unit */
} attribution;

static void add_tail(attribution *a, hs_reading *r, int which, const char *label)
{
    a->tail[a->n_tail++] = which;
    hs_read_label(r, "part", label);
}

static hs_status plan_parts(attribution *a, hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    int division = a->by == BY_COMPONENT ? 0 : HS_PARTS_HEADS | HS_PARTS_NO_HEADS;
    if (a->by == BY_NEURON)
        division |= HS_PARTS_NO_NEURONS;
    HS_TRY(hs_spec_find_state(r, spec, "read", "final_post", &a->final));
    HS_TRY(hs_parts_new(r, spec, "read", &a->final, division, "part", &a->parts, &a->n_parts));
    if (r->model->w.ln_final_b)
        add_tail(a, r, LN_BIAS, "ln_final_bias");
    if (hs_read_edited(r, HS_HOOK_LN_FINAL_NORMALIZED, 0))
        add_tail(a, r, EDIT_LN, "edit ln_final");
    add_tail(a, r, UNEMBED_BIAS, "unembed_bias");
    if (hs_read_edited(r, HS_HOOK_LOGITS, 0))
        add_tail(a, r, EDIT_LOGITS, "edit logits");
    bool out_edited = false, results_edited = false;
    for (int l = 0; l < cfg->n_layers; l++) {
        out_edited |= hs_read_edited(r, HS_HOOK_ATTN_OUT, l) || (!cfg->attn_only && hs_read_edited(r, HS_HOOK_MLP_OUT, l));
        results_edited |= hs_read_edited(r, HS_HOOK_RESULT, l);
    }
    double d = cfg->d_model, z = (double)cfg->n_heads * cfg->d_head;
    a->part_rows = (int)hs_read_rows(4 * d * (a->n_parts + 2 + (out_edited ? cfg->n_layers * (z + cfg->d_mlp) : 0)));
    a->layer_rows = (int)hs_read_rows(2 * (z + cfg->d_mlp) + (results_edited ? 2 * d * z : 0) + 6.0 * r->n_tokens * cfg->d_head);
    return HS_OK;
}

static hs_status plan_arrays(attribution *a, hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    int P = r->n_positions, L = cfg->n_layers;
    HS_TRY(hs_read_array_new(r, spec, "values", false, HS_AXES({"position", P}, {"part", a->n_parts + a->n_tail}), &a->values));
    if (a->by != BY_COMPONENT)
        HS_TRY(hs_read_array_new(r, spec, "heads", false, HS_AXES({"position", P}, {"layer", L}, {"head", cfg->n_heads}), &a->heads));
    if (a->by == BY_NEURON)
        HS_TRY(hs_read_array_new(r, spec, "neurons", false, HS_AXES({"position", P}, {"layer", L}, {"neuron", cfg->d_mlp}), &a->neurons));
    if (a->by == BY_SOURCE)
        HS_TRY(hs_read_array_new(r, spec, "source", false, HS_AXES({"position", P}, {"source", r->n_tokens}), &a->source));
    a->has_source_edit = a->by == BY_SOURCE && (hs_read_edited(r, HS_HOOK_Z, a->layer) || hs_read_edited(r, HS_HOOK_RESULT, a->layer));
    if (a->has_source_edit)
        HS_TRY(hs_read_array_new(r, spec, "source_edit", false, HS_AXES({"position", P}), &a->source_edit));
    HS_TRY(hs_read_array_new(r, spec, "logit", false, HS_AXES({"position", P}), &a->logit));
    HS_TRY(hs_read_array_new(r, spec, "sum", true, HS_AXES({"position", P}), &a->sum));
    return hs_read_array_new(r, spec, "error", true, HS_AXES({"position", P}), &a->error);
}

static void write_conventions(const attribution *a, hs_reading *r)
{
    bool norm = r->model->cfg.normalization_type != HS_NORM_NONE;
    hs_read_convention(r, "ln", norm ? "each part is centred and divided by the scale that ln_final had in the run (cached), times "
                                       "ln_final's gain; its bias is the part ln_final_bias"
                                     : "the model has no LayerNorm: each part goes through W_U as it is");
    hs_read_convention(r, "logit", a->wrong < 0 ? "of the token, b_U included" : "of the token less that of the other, b_U included");
    hs_read_convention(r, "error", "the logit less the sum of every part that is reported (in doubles): float32 rounding");
    hs_read_convention(r, "edit", "what an edit put in; there only where an edit acts");
    if (a->by == BY_SOURCE)
        hs_read_convention(r, "source", "the head's part by the position that it attends to: pattern * v W_O; no b_O");
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const BY[] = {"component", "head", "neuron", "source", NULL};
    const hs_config *cfg = &r->model->cfg;
    attribution *a;
    HS_READ_TAKE(r, spec, a, 1);
    r->own = a;
    HS_TRY(hs_spec_positions(r, spec, true));
    HS_TRY(hs_spec_tokens(r, spec, &a->token, &a->wrong));
    HS_TRY(hs_spec_choice(spec, "by", BY, &a->by));
    if (a->by == BY_NEURON && cfg->attn_only)
        return HS_SPEC_FAIL(spec, "by", "%s", "this model has no MLP, so no neurons");
    if (a->by == BY_SOURCE) {
        HS_TRY(hs_spec_needed_int(spec, "layer", 0, cfg->n_layers - 1, &a->layer));
        HS_TRY(hs_spec_needed_int(spec, "head", 0, cfg->n_heads - 1, &a->head));
        HS_READ_TAKE(r, spec, a->square, (int64_t)r->n_tokens * r->n_tokens);
    }
    HS_TRY(plan_parts(a, r, spec));
    HS_TRY(plan_arrays(a, r, spec));
    HS_READ_TAKE(r, spec, a->unembed, cfg->d_model);
    HS_READ_TAKE(r, spec, a->direction, cfg->d_model);
    HS_READ_TAKE(r, spec, a->x, cfg->d_model);
    HS_READ_TAKE(r, spec, a->into_z, cfg->n_heads * cfg->d_head);
    HS_READ_TAKE(r, spec, a->into_post, cfg->d_mlp + 1);
    hs_logit_direction(r->model, a->token, a->wrong, a->unembed, a->direction);
    write_conventions(a, r);
    return HS_OK;
}

static double scale_at(const hs_run *run, int t)
{
    return run->model->cfg.normalization_type == HS_NORM_NONE ? 1 : (double)hs_run_at(run, HS_HOOK_LN_FINAL_SCALE, 0)[t];
}

/* A column of W_U less another, by what W_U reads. */
static double through(const attribution *a, const hs_model *model, const hs_real *x)
{
    return hs_ddot(a->unembed, x, model->cfg.d_model);
}

static double bias_of(const attribution *a, const hs_real *b_U)
{
    return (double)b_U[a->token] - (a->wrong < 0 ? 0 : (double)b_U[a->wrong]);
}

/* The logit, or the difference of two, as the run has it. */
static double logit_of(const attribution *a, const hs_run *run, int t)
{
    return bias_of(a, hs_run_logits(run) + (int64_t)t * run->model->cfg.d_vocab_out);
}

static double tail_value(const attribution *a, const hs_run *run, int which, int t)
{
    const hs_model *model = run->model;
    int d = model->cfg.d_model;
    const hs_real *x = hs_state_vector(run, &a->final, t);
    bool norm = model->cfg.normalization_type != HS_NORM_NONE;
    const hs_real *read = norm ? hs_run_at(run, HS_HOOK_LN_FINAL_NORMALIZED, 0) + (int64_t)t * d : x;
    switch (which) {
    case LN_BIAS: return through(a, model, model->w.ln_final_b);
    case UNEMBED_BIAS: return bias_of(a, model->w.b_U);
    case EDIT_LN:
        return through(a, model, read) - hs_ddot(a->direction, x, d) / scale_at(run, t) -
               (model->w.ln_final_b ? through(a, model, model->w.ln_final_b) : 0);
    default: return logit_of(a, run, t) - through(a, model, read) - bias_of(a, model->w.b_U);
    }
}

static void parts_at(hs_reading *r, int side, int p)
{
    const attribution *a = r->own;
    const hs_run *run = r->side[side];
    int t = r->positions[p], d = r->model->cfg.d_model;
    hs_real *out = hs_read_data(r, a->values, side) + (int64_t)p * (a->n_parts + a->n_tail);
    for (int i = 0; i < a->n_parts; i++) {
        double sum = 0;
        hs_part_vector(r, side, &a->parts[i], t, a->x);
        for (int j = 0; j < d; j++)
            sum += a->x[j] * a->direction[j];
        out[i] = (hs_real)(sum / scale_at(run, t));
    }
    for (int i = 0; i < a->n_tail; i++)
        out[a->n_parts + i] = (hs_real)tail_value(a, run, a->tail[i], t);
    hs_read_data(r, a->logit, side)[p] = (hs_real)logit_of(a, run, t);
}

/* out [n] = W [n, d_model] direction */
static void project(const attribution *a, double *out, const hs_real *W, int n, int d)
{
    for (int i = 0; i < n; i++)
        out[i] = hs_ddot(a->direction, W + (int64_t)i * d, d);
}

static double head_value(hs_reading *r, int side, int layer, int h, int t)
{
    const attribution *a = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    if (!hs_edits_any(run->edits, HS_HOOK_RESULT, layer)) {
        int64_t at = (int64_t)h * cfg->d_head;
        const hs_real *z = hs_run_at(run, HS_HOOK_Z, layer) + (int64_t)t * cfg->n_heads * cfg->d_head;
        return hs_ddot(a->into_z + at, z + at, cfg->d_head) / scale_at(run, t);
    }
    double sum = 0;
    hs_head_vector(r, side, layer, h, t, a->x);
    for (int i = 0; i < cfg->d_model; i++)
        sum += a->x[i] * a->direction[i];
    return sum / scale_at(run, t);
}

/* What one head took from each source. */
static void source_at(hs_reading *r, int side, int p)
{
    const attribution *a = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    int t = r->positions[p], T = r->n_tokens, e = cfg->d_head;
    int64_t at = (int64_t)a->head * e, stride = (int64_t)cfg->n_heads * e;
    hs_attention_head(run, a->layer, a->head, (hs_rows){t, t + 1}, a->square, a->square);
    const hs_real *pattern = a->square + (int64_t)t * T, *v = hs_run_at(run, HS_HOOK_V, a->layer) + at;
    double sum = 0;
    for (int s = 0; s < T; s++) {
        double value = s > t ? 0 : (double)pattern[s] * hs_ddot(a->into_z + at, v + s * stride, e) / scale_at(run, t);
        hs_read_data(r, a->source, side)[(int64_t)p * T + s] = (hs_real)value;
        sum += value;
    }
    if (a->has_source_edit)
        hs_read_data(r, a->source_edit, side)[p] = (hs_real)(head_value(r, side, a->layer, a->head, t) - sum);
}

static void layer_at(hs_reading *r, int side, int layer, int p)
{
    const attribution *a = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    int t = r->positions[p], H = cfg->n_heads, m = cfg->d_mlp;
    int64_t row = (int64_t)p * cfg->n_layers + layer;
    for (int h = 0; h < H; h++)
        hs_read_data(r, a->heads, side)[row * H + h] = (hs_real)head_value(r, side, layer, h, t);
    const hs_real *post = a->by == BY_NEURON ? hs_run_at(run, HS_HOOK_MLP_POST, layer) + (int64_t)t * m : NULL;
    for (int n = 0; post && n < m; n++)
        hs_read_data(r, a->neurons, side)[row * m + n] = (hs_real)((double)post[n] * a->into_post[n] / scale_at(run, t));
    if (a->by == BY_SOURCE && layer == a->layer)
        source_at(r, side, p);
}

/* First the parts of all positions, then each layer's heads and neurons. */
static bool unit(hs_reading *r, int side, int64_t i)
{
    const attribution *a = r->own;
    const hs_config *cfg = &r->model->cfg;
    int P = r->n_positions, d = cfg->d_model;
    int64_t n_first = (P + a->part_rows - 1) / a->part_rows, each = (P + a->layer_rows - 1) / a->layer_rows;
    if (i < n_first)
        for (int64_t p = i * a->part_rows; p < (i + 1) * a->part_rows && p < P; p++)
            parts_at(r, side, (int)p);
    else {
        int layer = (int)((i - n_first) / each);
        int64_t from = (i - n_first) % each * a->layer_rows;
        if (from == 0) {
            const hs_block_weights *w = &r->model->blocks[layer];
            project(a, a->into_z, w->W_O, cfg->n_heads * cfg->d_head, d);
            if (a->by == BY_NEURON)
                project(a, a->into_post, w->W_out, cfg->d_mlp, d);
        }
        for (int64_t p = from; p < from + a->layer_rows && p < P; p++)
            layer_at(r, side, layer, (int)p);
    }
    return i + 1 < n_first + (a->by == BY_COMPONENT ? 0 : each * cfg->n_layers);
}

static double row_sum(const hs_reading *r, int array, int p, int64_t n)
{
    const hs_real *x = hs_read_data(r, array, 0) + p * n;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum;
}

static void finish(hs_reading *r)
{
    const attribution *a = r->own;
    const hs_config *cfg = &r->model->cfg;
    double worst = 0;
    for (int p = 0; p < r->n_positions; p++) {
        double sum = row_sum(r, a->values, p, a->n_parts + a->n_tail);
        if (a->by != BY_COMPONENT)
            sum += row_sum(r, a->heads, p, (int64_t)cfg->n_layers * cfg->n_heads);
        if (a->by == BY_NEURON)
            sum += row_sum(r, a->neurons, p, (int64_t)cfg->n_layers * cfg->d_mlp);
        double error = (double)hs_read_data(r, a->logit, 0)[p] - sum;
        hs_read_data(r, a->sum, 0)[p] = (hs_real)sum;
        hs_read_data(r, a->error, 0)[p] = (hs_real)error;
        worst = fabs(error) > worst ? fabs(error) : worst;
    }
    hs_read_value(r, "worst_error", worst);
}

static const char *const FIELDS[] = {"positions", "token", "wrong", "by", "layer", "head", NULL};
const hs_reader hs_reader_attribution = {"attribution", FIELDS, false, plan, unit, finish, NULL};
