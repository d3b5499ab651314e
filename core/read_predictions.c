/* read_predictions.c: "predictions": what the run predicts at each position, and how well. */
#include "kernels.h"
#include "read.h"
#include "sample.h"

#include <math.h>

typedef struct predictions {
    int k;
    int top_ids, top_logits, top_probs, loss, next_prob, next_rank, entropy, kl;
    hs_real *p; /* [d_vocab_out] */
    int *chosen;
} predictions;

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    int V = r->model->cfg.d_vocab_out;
    predictions *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    s->k = V < 10 ? V : 10;
    HS_TRY(hs_spec_positions(r, spec, false));
    HS_TRY(hs_spec_int(spec, "k", 1, V < 100 ? V : 100, &s->k));
    int P = r->n_positions;
    const hs_axis_of *top = HS_AXES({"position", P}, {"k", s->k}), *cell = HS_AXES({"position", P});
    HS_TRY(hs_read_array_new(r, spec, "top_ids", true, top, &s->top_ids));
    HS_TRY(hs_read_array_new(r, spec, "top_logits", false, top, &s->top_logits));
    HS_TRY(hs_read_array_new(r, spec, "top_probs", false, top, &s->top_probs));
    HS_TRY(hs_read_array_new(r, spec, "loss", false, cell, &s->loss));
    HS_TRY(hs_read_array_new(r, spec, "next_prob", false, cell, &s->next_prob));
    HS_TRY(hs_read_array_new(r, spec, "next_rank", false, cell, &s->next_rank));
    HS_TRY(hs_read_array_new(r, spec, "entropy", false, cell, &s->entropy));
    if (r->side[1])
        HS_TRY(hs_read_array_new(r, spec, "kl", true, cell, &s->kl));
    HS_READ_TAKE(r, spec, s->p, V);
    HS_READ_TAKE(r, spec, s->chosen, s->k);
    hs_read_convention(r, "loss", "-log of the next token's probability, in nats; none at the last position");
    hs_read_convention(r, "next_rank", "how many tokens have a larger logit than the next one; 0 is the most probable");
    hs_read_convention(r, "entropy", "of the prediction, in nats");
    if (r->side[1])
        hs_read_convention(r, "kl", "KL(the other run's prediction || this one's), in nats");
    return HS_OK;
}

static void measure(hs_reading *r, int side, int p)
{
    const predictions *s = r->own;
    int V = r->model->cfg.d_vocab_out, t = r->positions[p];
    const hs_real *row = hs_run_logits(r->side[side]) + (int64_t)t * V;
    hs_row_stats stats = hs_row_measure(row, V);
    hs_softmax(s->p, row, V);
    hs_read_data(r, s->entropy, side)[p] = (hs_real)stats.entropy;
    hs_real *top = hs_read_data(r, s->top_ids, 0) + (int64_t)p * s->k;
    if (side == 0) {
        hs_choose(row, V, s->k, 1, s->chosen);
        for (int i = 0; i < s->k; i++)
            top[i] = (hs_real)s->chosen[i];
    }
    for (int i = 0; i < s->k; i++) {
        hs_read_data(r, s->top_logits, side)[(int64_t)p * s->k + i] = row[(int)top[i]];
        hs_read_data(r, s->top_probs, side)[(int64_t)p * s->k + i] = s->p[(int)top[i]];
    }
    int next = t + 1 < r->n_tokens ? r->side[0]->ids[t + 1] : V;
    hs_read_data(r, s->loss, side)[p] = next < V ? (hs_real)(stats.logsumexp - (double)row[next]) : (hs_real)NAN;
    hs_read_data(r, s->next_prob, side)[p] = next < V ? s->p[next] : (hs_real)NAN;
    hs_read_data(r, s->next_rank, side)[p] = next < V ? (hs_real)hs_rank(row, V, next) : (hs_real)NAN;
    if (side == 0 && r->side[1]) {
        double kl = hs_row_kl(hs_run_logits(r->side[1]) + (int64_t)t * V, row, V);
        hs_read_data(r, s->kl, 0)[p] = (hs_real)(kl < 0 ? 0 : kl); /* rounding alone is below 0 */
    }
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    int rows = (int)hs_read_rows(100.0 * r->model->cfg.d_vocab_out);
    for (int p = (int)i * rows; p < (i + 1) * rows && p < r->n_positions; p++)
        measure(r, side, p);
    return (i + 1) * rows < r->n_positions;
}

/* The mean of what is reported, over the positions that have a next token. */
static void finish(hs_reading *r)
{
    const predictions *s = r->own;
    const hs_real *loss = hs_read_data(r, s->loss, 0);
    double sum = 0;
    int n = 0;
    for (int p = 0; p < r->n_positions; p++)
        if (!isnan(loss[p])) {
            sum += (double)loss[p];
            n++;
        }
    hs_read_value(r, "mean_loss", n ? sum / n : (double)NAN);
}

static const char *const FIELDS[] = {"positions", "k", NULL};
const hs_reader hs_reader_predictions = {"predictions", FIELDS, false, plan, unit, finish, NULL};
