/* read_lens.c: "lens": the logit lens. Each state through ln_final and W_U, as if the model ended there. */
#include "kernels.h"
#include "product.h"
#include "read.h"
#include "sample.h"

#include <math.h>
#include <string.h>

enum { TOKEN_TOP, TOKEN_NEXT, TOKEN_ID };

typedef struct lens {
    hs_state *states;
    int n_states, k, token_kind, token;
    bool cached;
    int top_ids, top_logits, top_probs, token_ids, logit, prob, rank, kl, entropy, logits;
    bool all_logits;
    int rows; /* of a unit */
    hs_real *x, *out, *p; /* [rows, d_model], [rows, d_vocab_out], [d_vocab_out] */
    int *chosen; /* [k] */
} lens;

static hs_status read_token(lens *l, const hs_reading *r, const hs_read_spec *spec)
{
    int V = r->model->cfg.d_vocab_out;
    hs_json_at at = hs_spec_at(spec, "token");
    const char *word = at < 0 ? "top" : hs_json_string(spec->json, at);
    l->token_kind = word && !strcmp(word, "top") ? TOKEN_TOP : word && !strcmp(word, "next") ? TOKEN_NEXT : TOKEN_ID;
    if (l->token_kind != TOKEN_ID)
        return HS_OK;
    int64_t id;
    if (word || !hs_json_int(spec->json, at, &id) || id < 0 || id >= V)
        return HS_SPEC_FAIL(spec, "token", "a token id from 0 to %d, \"next\" or \"top\" is needed here", V - 1);
    l->token = (int)id;
    return HS_OK;
}

static hs_status plan_arrays(lens *l, hs_reading *r, const hs_read_spec *spec)
{
    int S = l->n_states, P = r->n_positions, V = r->model->cfg.d_vocab_out;
    const hs_axis_of *top = HS_AXES({"state", S}, {"position", P}, {"k", l->k});
    const hs_axis_of *cell = HS_AXES({"state", S}, {"position", P});
    HS_TRY(hs_read_array_new(r, spec, "top_ids", true, top, &l->top_ids));
    HS_TRY(hs_read_array_new(r, spec, "top_logits", false, top, &l->top_logits));
    HS_TRY(hs_read_array_new(r, spec, "top_probs", false, top, &l->top_probs));
    HS_TRY(hs_read_array_new(r, spec, "token_ids", true, HS_AXES({"position", P}), &l->token_ids));
    HS_TRY(hs_read_array_new(r, spec, "logit", false, cell, &l->logit));
    HS_TRY(hs_read_array_new(r, spec, "prob", false, cell, &l->prob));
    HS_TRY(hs_read_array_new(r, spec, "rank", false, cell, &l->rank));
    HS_TRY(hs_read_array_new(r, spec, "kl", false, cell, &l->kl));
    HS_TRY(hs_read_array_new(r, spec, "entropy", false, cell, &l->entropy));
    if (l->all_logits)
        HS_TRY(hs_read_array_new(r, spec, "logits", false, HS_AXES({"state", S}, {"position", P}, {"vocab", V}), &l->logits));
    return HS_OK;
}

static void choose_tokens(const lens *l, const hs_reading *r)
{
    const hs_run *run = r->side[0];
    int V = r->model->cfg.d_vocab_out;
    hs_real *ids = hs_read_data(r, l->token_ids, 0);
    for (int p = 0; p < r->n_positions; p++) {
        int t = r->positions[p], id = l->token;
        if (l->token_kind == TOKEN_TOP)
            hs_choose(hs_run_logits(run) + (int64_t)t * V, V, 1, 1, &id);
        else if (l->token_kind == TOKEN_NEXT)
            id = t + 1 < r->n_tokens && run->ids[t + 1] < V ? run->ids[t + 1] : -1;
        ids[p] = id < 0 ? (hs_real)NAN : (hs_real)id;
    }
}

static void write_conventions(const lens *l, hs_reading *r)
{
    bool norm = r->model->cfg.normalization_type != HS_NORM_NONE;
    hs_read_convention(r, "ln",
                       !norm       ? "the model has no LayerNorm: each state goes through W_U and b_U as it is"
                       : l->cached ? "each state is centred, divided by the scale that ln_final had at the end of the run "
                                     "(cached), then W_U and b_U"
                                   : "ln_final is applied anew to each state (its own mean and scale), then W_U and b_U");
    hs_read_convention(r, "token",
                       l->token_kind == TOKEN_TOP    ? "at each position, the token that the run finds most probable there"
                       : l->token_kind == TOKEN_NEXT ? "at each position, the token that comes next in the text; none at the last"
                                                     : "one token everywhere");
    hs_read_convention(r, "rank", "how many tokens have a larger logit; 0 is the most probable");
    hs_read_convention(r, "kl", "KL(final distribution || the state's), in nats");
    hs_read_convention(r, "entropy", "of the state's distribution, in nats");
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const LN[] = {"recompute", "cached", NULL};
    const hs_config *cfg = &r->model->cfg;
    lens *l;
    HS_READ_TAKE(r, spec, l, 1);
    r->own = l;
    int ln = 0, V = cfg->d_vocab_out;
    l->k = V < 5 ? V : 5;
    HS_TRY(hs_spec_states(r, spec, &l->states, &l->n_states));
    HS_TRY(hs_spec_positions(r, spec, false));
    HS_TRY(hs_spec_choice(spec, "ln", LN, &ln));
    l->cached = ln == 1;
    HS_TRY(hs_spec_int(spec, "k", 1, V < 100 ? V : 100, &l->k));
    HS_TRY(hs_spec_bool(spec, "logits", &l->all_logits));
    HS_TRY(read_token(l, r, spec));
    HS_TRY(plan_arrays(l, r, spec));
    l->rows = (int)hs_read_rows((2.0 * cfg->d_model + 200) * V);
    if (l->rows > l->n_states * r->n_positions)
        l->rows = l->n_states * r->n_positions;
    HS_READ_TAKE(r, spec, l->x, (int64_t)l->rows * cfg->d_model);
    HS_READ_TAKE(r, spec, l->out, (int64_t)l->rows * V);
    HS_READ_TAKE(r, spec, l->p, V);
    HS_READ_TAKE(r, spec, l->chosen, l->k);
    choose_tokens(l, r);
    write_conventions(l, r);
    return HS_OK;
}

/* The row that W_U reads: ln_final of the state, by the convention asked for. */
static void normalise(const lens *l, const hs_run *run, const hs_state *state, int t, hs_real *x)
{
    const hs_model *model = run->model;
    int d = model->cfg.d_model;
    memcpy(x, hs_state_vector(run, state, t), (size_t)d * sizeof *x);
    if (model->cfg.normalization_type == HS_NORM_NONE)
        return;
    hs_real mean, scale;
    hs_ln_moments(x, d, model->cfg.eps, &mean, &scale);
    if (l->cached)
        scale = hs_run_at(run, HS_HOOK_LN_FINAL_SCALE, 0)[t];
    hs_ln_apply(x, x, mean, scale, model->w.ln_final_w, model->w.ln_final_b, d);
}

/* Everything that is said of one cell, from its logits. */
static void measure(const lens *l, const hs_reading *r, int side, int64_t cell, const hs_real *row)
{
    int V = r->model->cfg.d_vocab_out, p = (int)(cell % r->n_positions);
    const hs_real *final = hs_run_logits(r->side[side]) + (int64_t)r->positions[p] * V;
    hs_softmax(l->p, row, V);
    double kl = hs_row_kl(final, row, V);
    hs_read_data(r, l->kl, side)[cell] = (hs_real)(kl < 0 ? 0 : kl); /* rounding alone is below 0 */
    hs_read_data(r, l->entropy, side)[cell] = (hs_real)hs_row_measure(row, V).entropy;
    hs_real *top = hs_read_data(r, l->top_ids, 0) + cell * l->k;
    if (side == 0) {
        hs_choose(row, V, l->k, 1, l->chosen);
        for (int i = 0; i < l->k; i++)
            top[i] = (hs_real)l->chosen[i];
    }
    for (int i = 0; i < l->k; i++) {
        hs_read_data(r, l->top_logits, side)[cell * l->k + i] = row[(int)top[i]];
        hs_read_data(r, l->top_probs, side)[cell * l->k + i] = l->p[(int)top[i]];
    }
    hs_real id = hs_read_data(r, l->token_ids, 0)[p];
    bool none = isnan(id);
    hs_read_data(r, l->logit, side)[cell] = none ? id : row[(int)id];
    hs_read_data(r, l->prob, side)[cell] = none ? id : l->p[(int)id];
    hs_read_data(r, l->rank, side)[cell] = none ? id : (hs_real)hs_rank(row, V, (int)id);
}

static bool unit(hs_reading *r, int side, int64_t i)
{
    const lens *l = r->own;
    const hs_model *model = r->model;
    int d = model->cfg.d_model, V = model->cfg.d_vocab_out;
    int64_t cells = (int64_t)l->n_states * r->n_positions, from = i * l->rows;
    int n = (int)(cells - from < l->rows ? cells - from : l->rows);
    for (int j = 0; j < n; j++)
        normalise(l, r->side[side], &l->states[(from + j) / r->n_positions], r->positions[(from + j) % r->n_positions],
                  l->x + (int64_t)j * d);
    hs_product(model, l->out, V, l->x, d, model->forward.W_U, (int64_t)HS_NR * d, model->w.b_U, n, V, d, false);
    for (int j = 0; j < n; j++)
        measure(l, r, side, from + j, l->out + (int64_t)j * V);
    if (l->all_logits)
        memcpy(hs_read_data(r, l->logits, side) + from * V, l->out, (size_t)n * (size_t)V * sizeof *l->out);
    return from + n < cells;
}

static const char *const FIELDS[] = {"states", "positions", "ln", "token", "k", "logits", NULL};
const hs_reader hs_reader_lens = {"lens", FIELDS, false, plan, unit, NULL, NULL};
