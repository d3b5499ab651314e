/* read_decompose.c: "decompose": what wrote a state of the stream, part by part. */
#include "read_parts.h"

#include <math.h>
#include <string.h>

enum { LN_NONE, LN_CACHED, LN_RECOMPUTE };

typedef struct decompose {
    hs_state state;
    int by, ln, rows;
    bool keep;
    double *along;  /* the direction asked for, or NULL */
    double *own;    /* [positions, d_model]: else the state's own, in `run` */
    double *x;      /* [d_model] */
    hs_part *parts;
    int n_parts;
    int norm, projection, vectors, state_norm, state_along, sum, error;
} decompose;

/* The LayerNorm that reads the state. */
static int scale_hook(const hs_config *cfg, const hs_state *state, int *layer)
{
    *layer = state->layer;
    if (state->hook == HS_HOOK_RESID_PRE)
        return HS_HOOK_LN1_SCALE;
    if (state->hook == HS_HOOK_RESID_MID)
        return HS_HOOK_LN2_SCALE;
    *layer = state->hook < 0 || state->layer + 1 == cfg->n_layers ? 0 : state->layer + 1;
    return *layer ? HS_HOOK_LN1_SCALE : HS_HOOK_LN_FINAL_SCALE;
}

static void write_conventions(const decompose *s, hs_reading *r, bool asked)
{
    static const char *const WORDS[] = {
        "the parts as they were written, nothing subtracted or divided",
        "each part is centred and divided by the next LayerNorm's scale in the run (cached); its gain and bias not applied",
        "each part is centred and divided by the scale of the state, computed anew from it; no gain or bias"};
    hs_read_convention(r, "ln", r->model->cfg.normalization_type == HS_NORM_NONE ? "the model has no LayerNorm: parts as they were written"
                                                                                  : WORDS[s->ln]);
    hs_read_convention(r, "along", !asked ? "the part times the state's own direction at that position: the parts sum to the state's length"
                                          : "the part times the direction, which has length 1");
    if (r->side[1])
        hs_read_convention(r, "minus", "directions are this run's, in both runs");
    hs_read_convention(r, "error", "the state along the direction less the sum of every part that is reported (in doubles): float32 rounding");
    hs_read_convention(r, "edit", "what an edit put in; there only where an edit acts");
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const BY[] = {"component", "head", NULL}, *const LN[] = {"none", "cached", "recompute", NULL};
    const hs_config *cfg = &r->model->cfg;
    int d = cfg->d_model;
    decompose *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    HS_TRY(hs_spec_state(r, spec, "state", "final_post", &s->state));
    HS_TRY(hs_spec_positions(r, spec, false));
    HS_TRY(hs_spec_choice(spec, "by", BY, &s->by));
    HS_TRY(hs_spec_choice(spec, "ln", LN, &s->ln));
    HS_TRY(hs_spec_bool(spec, "vectors", &s->keep));
    HS_TRY(hs_spec_direction(r, spec, &s->along));
    HS_TRY(hs_parts_new(r, spec, "state", &s->state, s->by ? HS_PARTS_HEADS : 0, "part", &s->parts, &s->n_parts));
    write_conventions(s, r, s->along != NULL);
    if (cfg->normalization_type == HS_NORM_NONE)
        s->ln = LN_NONE;
    int P = r->n_positions;
    const hs_axis_of *cell = HS_AXES({"part", s->n_parts}, {"position", P}), *row = HS_AXES({"position", P});
    HS_TRY(hs_read_array_new(r, spec, "norm", false, cell, &s->norm));
    HS_TRY(hs_read_array_new(r, spec, "along", false, cell, &s->projection));
    if (s->keep)
        HS_TRY(hs_read_array_new(r, spec, "vectors", false, HS_AXES({"part", s->n_parts}, {"position", P}, {"d_model", d}), &s->vectors));
    HS_TRY(hs_read_array_new(r, spec, "state_norm", false, row, &s->state_norm));
    HS_TRY(hs_read_array_new(r, spec, "state_along", false, row, &s->state_along));
    HS_TRY(hs_read_array_new(r, spec, "sum", true, row, &s->sum));
    HS_TRY(hs_read_array_new(r, spec, "error", true, row, &s->error));
    HS_READ_TAKE(r, spec, s->x, d);
    if (!s->along)
        HS_READ_TAKE(r, spec, s->own, (int64_t)P * d);
    double heads = s->by ? (double)cfg->n_layers * cfg->n_heads * cfg->d_head : 0;
    s->rows = (int)hs_read_rows(2.0 * d * (3 * s->n_parts + 2 * heads));
    return HS_OK;
}

/* Centre and divide, where asked for. */
static void normalise(const decompose *s, double *x, int d, double scale)
{
    if (s->ln == LN_NONE)
        return;
    double mean = 0;
    for (int i = 0; i < d; i++)
        mean += x[i] / d;
    for (int i = 0; i < d; i++)
        x[i] = (x[i] - mean) / scale;
}

static double scale_of(const decompose *s, const hs_run *run, int t)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, layer, hook = scale_hook(cfg, &s->state, &layer);
    if (s->ln == LN_CACHED)
        return (double)hs_run_at(run, hook, layer)[t];
    const hs_real *x = hs_state_vector(run, &s->state, t);
    double mean = hs_mean(x, d), variance = 0;
    for (int i = 0; i < d; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / d;
    return sqrt(variance + cfg->eps);
}

static double product(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void state_at(hs_reading *r, int side, int p, double scale)
{
    const decompose *s = r->own;
    int d = r->model->cfg.d_model;
    const hs_real *x = hs_state_vector(r->side[side], &s->state, r->positions[p]);
    for (int i = 0; i < d; i++)
        s->x[i] = (double)x[i];
    normalise(s, s->x, d, scale);
    double length = sqrt(product(s->x, s->x, d));
    double *own = s->own ? s->own + (int64_t)p * d : NULL;
    for (int i = 0; own && side == 0 && i < d; i++)
        own[i] = length > 0 ? s->x[i] / length : 0;
    hs_read_data(r, s->state_norm, side)[p] = (hs_real)length;
    hs_read_data(r, s->state_along, side)[p] = (hs_real)product(own ? own : s->along, s->x, d);
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    const decompose *s = r->own;
    int P = r->n_positions, d = r->model->cfg.d_model;
    int64_t p = i * s->rows, end = p + s->rows < P ? p + s->rows : P;
    for (; p < end; p++) {
        int t = r->positions[p];
        double scale = s->ln == LN_NONE ? 1 : scale_of(s, r->side[side], t);
        state_at(r, side, (int)p, scale);
        for (int part = 0; part < s->n_parts; part++) {
            int64_t cell = (int64_t)part * P + p;
            hs_part_vector(r, side, &s->parts[part], t, s->x);
            normalise(s, s->x, d, scale);
            hs_read_data(r, s->norm, side)[cell] = (hs_real)sqrt(product(s->x, s->x, d));
            hs_read_data(r, s->projection, side)[cell] = (hs_real)product(s->own ? s->own + p * d : s->along, s->x, d);
            for (int j = 0; s->keep && j < d; j++)
                hs_read_data(r, s->vectors, side)[cell * d + j] = (hs_real)s->x[j];
        }
    }
    return end < P;
}

static void finish(hs_reading *r)
{
    const decompose *s = r->own;
    double worst = 0;
    for (int p = 0; p < r->n_positions; p++) {
        double sum = 0;
        for (int part = 0; part < s->n_parts; part++)
            sum += (double)hs_read_data(r, s->projection, 0)[(int64_t)part * r->n_positions + p];
        double error = (double)hs_read_data(r, s->state_along, 0)[p] - sum;
        hs_read_data(r, s->sum, 0)[p] = (hs_real)sum;
        hs_read_data(r, s->error, 0)[p] = (hs_real)error;
        worst = fabs(error) > worst ? fabs(error) : worst;
    }
    hs_read_value(r, "worst_error", worst);
}

static const char *const FIELDS[] = {"state", "positions", "by", "ln", "along", "vectors", NULL};
const hs_reader hs_reader_decompose = {"decompose", FIELDS, false, plan, unit, finish, NULL};
