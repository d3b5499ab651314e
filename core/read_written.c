/* read_written.c: "written": how much each component and each head writes to the stream. */
#include "read_parts.h"

#include <math.h>

typedef struct written {
    hs_part *parts;
    hs_state *states;
    int n_parts, n_states, head_rows;
    int norm, variance, norm_mean, variance_mean, heads_norm, heads_variance, stream_norm;
    double *x; /* [d_model] */
    double *sums; /* [n_heads, 2] of the layer at hand */
} written;

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    written *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    hs_state final;
    HS_TRY(hs_spec_positions(r, spec, false));
    HS_TRY(hs_spec_find_state(r, spec, "read", "final_post", &final));
    HS_TRY(hs_parts_new(r, spec, "read", &final, 0, "", &s->parts, &s->n_parts));
    int n = 0; /* edits write, but are no component */
    for (int i = 0; i < s->n_parts; i++)
        if (s->parts[i].kind != HS_PART_EDIT) {
            s->parts[n++] = s->parts[i];
            hs_read_label(r, "part", s->parts[i].label);
        }
    s->n_parts = n;
    HS_TRY(hs_spec_states(r, spec, &s->states, &s->n_states));
    const hs_axis_of *cell = HS_AXES({"part", n}, {"position", r->n_positions}), *part = HS_AXES({"part", n});
    const hs_axis_of *heads = HS_AXES({"layer", cfg->n_layers}, {"head", cfg->n_heads});
    HS_TRY(hs_read_array_new(r, spec, "norm", false, cell, &s->norm));
    HS_TRY(hs_read_array_new(r, spec, "variance", false, cell, &s->variance));
    HS_TRY(hs_read_array_new(r, spec, "norm_mean", false, part, &s->norm_mean));
    HS_TRY(hs_read_array_new(r, spec, "variance_mean", false, part, &s->variance_mean));
    HS_TRY(hs_read_array_new(r, spec, "heads_norm", false, heads, &s->heads_norm));
    HS_TRY(hs_read_array_new(r, spec, "heads_variance", false, heads, &s->heads_variance));
    HS_TRY(hs_read_array_new(r, spec, "stream_norm", false, HS_AXES({"state", s->n_states}), &s->stream_norm));
    HS_READ_TAKE(r, spec, s->x, cfg->d_model);
    HS_READ_TAKE(r, spec, s->sums, 2 * cfg->n_heads);
    s->head_rows = (int)hs_read_rows(2.0 * cfg->d_model * cfg->n_heads * (cfg->d_head + 3));
    hs_read_convention(r, "norm", "the length of what is written, b_O and b_out included in attn_out and mlp_out; heads without b_O");
    hs_read_convention(r, "variance", "over the d_model entries of what is written, divided by d_model");
    hs_read_convention(r, "mean", "over the positions asked for; so are heads and the stream");
    return HS_OK;
}

static void moments(const double *x, int d, double *norm, double *variance)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < d; i++)
        sum += x[i] / d;
    *variance = 0;
    for (int i = 0; i < d; i++) {
        squares += x[i] * x[i];
        *variance += (x[i] - sum) * (x[i] - sum) / d;
    }
    *norm = sqrt(squares);
}

static void part_at(hs_reading *r, int side, int i)
{
    const written *s = r->own;
    int P = r->n_positions;
    double norm, variance, norms = 0, variances = 0;
    for (int p = 0; p < P; p++) {
        hs_part_vector(r, side, &s->parts[i], r->positions[p], s->x);
        moments(s->x, r->model->cfg.d_model, &norm, &variance);
        hs_read_data(r, s->norm, side)[(int64_t)i * P + p] = (hs_real)norm;
        hs_read_data(r, s->variance, side)[(int64_t)i * P + p] = (hs_real)variance;
        norms += norm / P;
        variances += variance / P;
    }
    hs_read_data(r, s->norm_mean, side)[i] = (hs_real)norms;
    hs_read_data(r, s->variance_mean, side)[i] = (hs_real)variances;
}

static void state_at(hs_reading *r, int side, int i)
{
    const written *s = r->own;
    double norms = 0;
    for (int p = 0; p < r->n_positions; p++)
        norms += hs_length_of(hs_state_vector(r->side[side], &s->states[i], r->positions[p]), r->model->cfg.d_model) / r->n_positions;
    hs_read_data(r, s->stream_norm, side)[i] = (hs_real)norms;
}

static void heads_at(hs_reading *r, int side, int layer, int from)
{
    const written *s = r->own;
    int P = r->n_positions, H = r->model->cfg.n_heads, to = from + s->head_rows < P ? from + s->head_rows : P;
    double norm, variance;
    for (int h = 0; h < H; h++) {
        if (from == 0)
            s->sums[2 * h] = s->sums[2 * h + 1] = 0;
        for (int p = from; p < to; p++) {
            hs_head_vector(r, side, layer, h, r->positions[p], s->x);
            moments(s->x, r->model->cfg.d_model, &norm, &variance);
            s->sums[2 * h] += norm / P;
            s->sums[2 * h + 1] += variance / P;
        }
        hs_read_data(r, s->heads_norm, side)[(int64_t)layer * H + h] = (hs_real)s->sums[2 * h];
        hs_read_data(r, s->heads_variance, side)[(int64_t)layer * H + h] = (hs_real)s->sums[2 * h + 1];
    }
}

/* Each part, each state, each layer's heads. */
static bool unit(hs_reading *r, int side, int64_t i)
{
    const written *s = r->own;
    int64_t each = (r->n_positions + s->head_rows - 1) / s->head_rows, heads = i - s->n_parts - s->n_states;
    if (i < s->n_parts)
        part_at(r, side, (int)i);
    else if (heads < 0)
        state_at(r, side, (int)i - s->n_parts);
    else
        heads_at(r, side, (int)(heads / each), (int)(heads % each) * s->head_rows);
    return heads + 1 < each * r->model->cfg.n_layers;
}

static const char *const FIELDS[] = {"positions", NULL};
const hs_reader hs_reader_written = {"written", FIELDS, false, plan, unit, NULL, NULL};
