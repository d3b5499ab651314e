/* read_directions.c: "directions": what a neuron reads and writes, as tokens, from the weights alone. */
#include "read.h"

#include <math.h>

enum { READS, WRITES };

typedef struct directions {
    int k, ids[2], values[2], low_ids[2], low_values[2];
    double *vector[2]; /* [d_model] */
    hs_real *scores;   /* one of every token */
    int *chosen;       /* [k] */
} directions;

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const NAMES[2][4] = {{"read_ids", "read_values", "read_low_ids", "read_low_values"},
                                            {"write_ids", "write_values", "write_low_ids", "write_low_values"}};
    const hs_config *cfg = &r->model->cfg;
    if (cfg->attn_only || !cfg->n_layers)
        return HS_SPEC_FAIL(spec, "read", "%s", "this model has no MLP, so no neurons");
    int layer, n, d = cfg->d_model, least = cfg->d_vocab < cfg->d_vocab_out ? cfg->d_vocab : cfg->d_vocab_out;
    directions *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    r->together = true; /* no run is read, so nothing is taken away */
    s->k = least < 10 ? least : 10;
    HS_TRY(hs_spec_needed_int(spec, "layer", 0, cfg->n_layers - 1, &layer));
    HS_TRY(hs_spec_needed_int(spec, "neuron", 0, cfg->d_mlp - 1, &n));
    HS_TRY(hs_spec_int(spec, "k", 1, least < 100 ? least : 100, &s->k));
    for (int i = 0; i < 2; i++) {
        const hs_axis_of *row = HS_AXES({"k", s->k});
        HS_TRY(hs_read_array_new(r, spec, NAMES[i][0], true, row, &s->ids[i]));
        HS_TRY(hs_read_array_new(r, spec, NAMES[i][1], true, row, &s->values[i]));
        HS_TRY(hs_read_array_new(r, spec, NAMES[i][2], true, row, &s->low_ids[i]));
        HS_TRY(hs_read_array_new(r, spec, NAMES[i][3], true, row, &s->low_values[i]));
        HS_READ_TAKE(r, spec, s->vector[i], d);
    }
    HS_READ_TAKE(r, spec, s->scores, cfg->d_vocab > cfg->d_vocab_out ? cfg->d_vocab : cfg->d_vocab_out);
    HS_READ_TAKE(r, spec, s->chosen, s->k);
    const hs_block_weights *w = &r->model->blocks[layer];
    double reads = 0, writes = 0, both = 0;
    for (int i = 0; i < d; i++) {
        double in = (double)w->W_in[(int64_t)i * cfg->d_mlp + n] * (w->ln2_w ? (double)w->ln2_w[i] : 1);
        double out = (double)w->W_out[(int64_t)n * d + i];
        s->vector[READS][i] = in;
        s->vector[WRITES][i] = out;
        reads += in * in;
        writes += out * out;
        both += in * out;
    }
    hs_read_value(r, "read_norm", sqrt(reads));
    hs_read_value(r, "write_norm", sqrt(writes));
    hs_read_value(r, "cosine", both / sqrt(reads * writes));
    hs_read_convention(r, "read", w->ln2_w ? "each token's embedding times the column of W_in (times ln2's gain): W_E (w * W_in[:, n])"
                                           : "each token's embedding times the column of W_in: W_E W_in[:, n]");
    hs_read_convention(r, "write", "the row of W_out through the unembedding: W_out[n] W_U");
    return HS_OK;
}

static void report(hs_reading *r, int which, int n)
{
    const directions *s = r->own;
    for (int sign = 1; sign >= -1; sign -= 2) {
        hs_real *ids = hs_read_data(r, sign > 0 ? s->ids[which] : s->low_ids[which], 0);
        hs_real *values = hs_read_data(r, sign > 0 ? s->values[which] : s->low_values[which], 0);
        hs_choose(s->scores, n, s->k, sign, s->chosen);
        for (int i = 0; i < s->k; i++) {
            ids[i] = (hs_real)s->chosen[i];
            values[i] = s->scores[s->chosen[i]];
        }
    }
}

static double written_to(const directions *s, const hs_model *model, int64_t token)
{
    double sum = 0;
    for (int i = 0; i < model->cfg.d_model; i++)
        sum += s->vector[WRITES][i] * (double)model->w.W_U[(int64_t)i * model->cfg.d_vocab_out + token];
    return sum;
}

/* Some tokens of W_E, then some of W_U. */
static bool unit(hs_reading *r, int side, int64_t i)
{
    const directions *s = r->own;
    const hs_config *cfg = &r->model->cfg;
    int64_t rows = hs_read_rows(2.0 * cfg->d_model), n_reads = (cfg->d_vocab + rows - 1) / rows;
    int which = i < n_reads ? READS : WRITES, n = which == READS ? cfg->d_vocab : cfg->d_vocab_out;
    int64_t from = (which == READS ? i : i - n_reads) * rows, to = from + rows < n ? from + rows : n;
    (void)side;
    for (int64_t token = from; token < to; token++)
        s->scores[token] = (hs_real)(which == READS ? hs_ddot(s->vector[READS], r->model->w.W_E + token * cfg->d_model, cfg->d_model)
                                                    : written_to(s, r->model, token));
    if (to == n)
        report(r, which, n);
    return which == READS || to < n;
}

static const char *const FIELDS[] = {"layer", "neuron", "k", NULL};
const hs_reader hs_reader_directions = {"directions", FIELDS, true, plan, unit, NULL, NULL};
