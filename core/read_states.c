/* read_states.c: "states": how long, where and in which direction each state of the stream is. */
#include "read.h"

#include <math.h>
#include <string.h>

typedef struct states {
    hs_state *list, other;
    int n;
    double *along;
    bool keep;
    int norm, mean, cosine, projection, distance, vectors;
} states;

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    int d = r->model->cfg.d_model;
    states *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    HS_TRY(hs_spec_states(r, spec, &s->list, &s->n));
    HS_TRY(hs_spec_positions(r, spec, false));
    HS_TRY(hs_spec_direction(r, spec, &s->along));
    HS_TRY(hs_spec_state(r, spec, "cosine_to", "final_post", &s->other));
    HS_TRY(hs_spec_bool(spec, "vectors", &s->keep));
    const hs_axis_of *cell = HS_AXES({"state", s->n}, {"position", r->n_positions});
    HS_TRY(hs_read_array_new(r, spec, "norm", false, cell, &s->norm));
    HS_TRY(hs_read_array_new(r, spec, "mean", false, cell, &s->mean));
    HS_TRY(hs_read_array_new(r, spec, "cosine", false, cell, &s->cosine));
    if (s->along)
        HS_TRY(hs_read_array_new(r, spec, "projection", false, cell, &s->projection));
    if (r->side[1])
        HS_TRY(hs_read_array_new(r, spec, "distance", true, cell, &s->distance));
    if (s->keep)
        HS_TRY(hs_read_array_new(r, spec, "vectors", false, HS_AXES({"state", s->n}, {"position", r->n_positions}, {"d_model", d}),
                                 &s->vectors));
    hs_read_convention(r, "norm", "the vector's length (root of the sum of squares), nothing subtracted");
    hs_read_convention(r, "mean", "of the vector's entries");
    char words[128];
    hs_format(words, sizeof words, "with %s at the same position, nothing subtracted", s->other.label);
    hs_read_convention(r, "cosine", words);
    if (s->along)
        hs_read_convention(r, "projection", "the state times the direction, which has length 1");
    if (r->side[1])
        hs_read_convention(r, "distance", "the length of this state minus the other run's");
    return HS_OK;
}

/* One state at every position. */
static bool unit(hs_reading *r, int side, int64_t i)
{
    const states *s = r->own;
    int d = r->model->cfg.d_model;
    for (int p = 0; p < r->n_positions; p++) {
        int64_t cell = i * r->n_positions + p;
        const hs_real *x = hs_state_vector(r->side[side], &s->list[i], r->positions[p]);
        const hs_real *y = hs_state_vector(r->side[side], &s->other, r->positions[p]);
        double product = 0, lengths = hs_length_of(x, d) * hs_length_of(y, d);
        for (int j = 0; j < d; j++)
            product += (double)x[j] * (double)y[j];
        hs_read_data(r, s->norm, side)[cell] = (hs_real)hs_length_of(x, d);
        hs_read_data(r, s->mean, side)[cell] = (hs_real)hs_mean(x, d);
        hs_read_data(r, s->cosine, side)[cell] = (hs_real)(product / lengths);
        if (s->along)
            hs_read_data(r, s->projection, side)[cell] = (hs_real)hs_ddot(s->along, x, d);
        if (s->keep)
            memcpy(hs_read_data(r, s->vectors, side) + cell * d, x, (size_t)d * sizeof *x);
        if (side == 1) {
            const hs_real *ours = hs_state_vector(r->side[0], &s->list[i], r->positions[p]);
            double squares = 0;
            for (int j = 0; j < d; j++)
                squares += ((double)ours[j] - (double)x[j]) * ((double)ours[j] - (double)x[j]);
            hs_read_data(r, s->distance, 0)[cell] = (hs_real)sqrt(squares);
        }
    }
    return i + 1 < s->n;
}

static const char *const FIELDS[] = {"states", "positions", "along", "cosine_to", "vectors", NULL};
const hs_reader hs_reader_states = {"states", FIELDS, false, plan, unit, NULL, NULL};
