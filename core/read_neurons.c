/* read_neurons.c: "neurons": which do most at a position; "neuron": one over the text. */
#include "read.h"

#include <math.h>

enum { BY_ACTIVATION, BY_ATTRIBUTION };

typedef struct neurons {
    int position, k, by, token, wrong, first, n_layers; /* layers from `first` */
    int layer, neuron, pre, post, attribution;
    double *direction;  /* [d_model]: what W_out's rows are multiplied with, before the scale */
    hs_real *all, *key; /* [n_layers * d_mlp]: attribution; what they are ranked by */
    int *chosen;        /* [k] */
} neurons;

static hs_status no_mlp(const hs_read_spec *spec)
{
    return HS_SPEC_FAIL(spec, "read", "%s", "this model has no MLP, so no neurons");
}

static hs_status plan(hs_reading *r, const hs_read_spec *spec)
{
    static const char *const BY[] = {"activation", "attribution", NULL};
    const hs_config *cfg = &r->model->cfg;
    if (cfg->attn_only || !cfg->n_layers)
        return no_mlp(spec);
    neurons *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    s->position = r->n_tokens - 1;
    s->first = -1;
    s->n_layers = cfg->n_layers;
    s->wrong = -1;
    HS_TRY(hs_spec_position(r, spec, "position", &s->position));
    HS_TRY(hs_spec_choice(spec, "by", BY, &s->by));
    HS_TRY(hs_spec_int(spec, "layer", 0, cfg->n_layers - 1, &s->first));
    if (s->first >= 0)
        s->n_layers = 1;
    else
        s->first = 0;
    int64_t n = (int64_t)s->n_layers * cfg->d_mlp;
    s->k = n < 20 ? (int)n : 20;
    HS_TRY(hs_spec_int(spec, "k", 1, n < 1000 ? (int)n : 1000, &s->k));
    hs_choose(hs_run_logits(r->side[0]) + (int64_t)s->position * cfg->d_vocab_out, cfg->d_vocab_out, 1, 1, &s->token);
    if (hs_spec_at(spec, "token") >= 0 || hs_spec_at(spec, "wrong") >= 0)
        HS_TRY(hs_spec_tokens(r, spec, &s->token, &s->wrong));
    const hs_axis_of *row = HS_AXES({"k", s->k});
    HS_TRY(hs_read_array_new(r, spec, "layer", true, row, &s->layer));
    HS_TRY(hs_read_array_new(r, spec, "neuron", true, row, &s->neuron));
    HS_TRY(hs_read_array_new(r, spec, "pre", false, row, &s->pre));
    HS_TRY(hs_read_array_new(r, spec, "post", false, row, &s->post));
    HS_TRY(hs_read_array_new(r, spec, "attribution", false, row, &s->attribution));
    HS_READ_TAKE(r, spec, s->direction, cfg->d_model);
    HS_READ_TAKE(r, spec, s->all, n);
    HS_READ_TAKE(r, spec, s->key, n);
    HS_READ_TAKE(r, spec, s->chosen, s->k);
    hs_logit_direction(r->model, s->token, s->wrong, s->direction, s->direction);
    hs_read_convention(r, "order", s->by == BY_ACTIVATION ? "the largest activations after the activation function first"
                                                          : "the largest attributions first, positive or negative");
    hs_read_convention(r, "attribution", "what the neuron adds to the logit (difference): activation * W_out through ln_final with the "
                                         "scale of the run (cached), then W_U");
    hs_read_value(r, "token", s->token);
    hs_read_value(r, "wrong", s->wrong < 0 ? (double)NAN : s->wrong);
    return HS_OK;
}

static const hs_real *at_position(const neurons *s, const hs_run *run, int hook, int layer)
{
    return hs_run_at(run, hook, layer) + (int64_t)s->position * run->model->cfg.d_mlp;
}

/* Take the chosen ones down. */
static void report(hs_reading *r, int side)
{
    const neurons *s = r->own;
    const hs_run *run = r->side[side];
    int m = run->model->cfg.d_mlp;
    if (side == 0)
        hs_choose(s->key, s->n_layers * m, s->k, 1, s->chosen);
    for (int i = 0; i < s->k; i++) {
        int layer = s->first + s->chosen[i] / m, n = s->chosen[i] % m;
        hs_read_data(r, s->layer, 0)[i] = (hs_real)layer;
        hs_read_data(r, s->neuron, 0)[i] = (hs_real)n;
        hs_read_data(r, s->pre, side)[i] = at_position(s, run, HS_HOOK_MLP_PRE, layer)[n];
        hs_read_data(r, s->post, side)[i] = at_position(s, run, HS_HOOK_MLP_POST, layer)[n];
        hs_read_data(r, s->attribution, side)[i] = s->all[s->chosen[i]];
    }
}

/* A layer; after the last one, the choice. */
static bool unit(hs_reading *r, int side, int64_t i)
{
    const neurons *s = r->own;
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, m = cfg->d_mlp, layer = s->first + (int)i;
    double scale = cfg->normalization_type == HS_NORM_NONE ? 1 : (double)hs_run_at(run, HS_HOOK_LN_FINAL_SCALE, 0)[s->position];
    const hs_real *post = at_position(s, run, HS_HOOK_MLP_POST, layer);
    for (int n = 0; n < m; n++) {
        double value = (double)post[n] * hs_ddot(s->direction, run->model->blocks[layer].W_out + (int64_t)n * d, d) / scale;
        s->all[i * m + n] = (hs_real)value;
        s->key[i * m + n] = s->by == BY_ACTIVATION ? post[n] : (hs_real)fabs(value);
    }
    bool more = i + 1 < s->n_layers;
    if (!more)
        report(r, side);
    return more;
}

static const char *const FIELDS[] = {"position", "k", "by", "token", "wrong", "layer", NULL};
const hs_reader hs_reader_neurons = {"neurons", FIELDS, false, plan, unit, NULL, NULL};

/* ---- one neuron ---- */

typedef struct one {
    int layer, neuron, pre, post;
} one;

static hs_status plan_one(hs_reading *r, const hs_read_spec *spec)
{
    const hs_config *cfg = &r->model->cfg;
    if (cfg->attn_only || !cfg->n_layers)
        return no_mlp(spec);
    one *s;
    HS_READ_TAKE(r, spec, s, 1);
    r->own = s;
    HS_TRY(hs_spec_needed_int(spec, "layer", 0, cfg->n_layers - 1, &s->layer));
    HS_TRY(hs_spec_needed_int(spec, "neuron", 0, cfg->d_mlp - 1, &s->neuron));
    HS_TRY(hs_read_array_new(r, spec, "pre", false, HS_AXES({"position", r->n_tokens}), &s->pre));
    HS_TRY(hs_read_array_new(r, spec, "post", false, HS_AXES({"position", r->n_tokens}), &s->post));
    hs_read_convention(r, "pre", "before the activation function");
    hs_read_convention(r, "post", "after the activation function: what W_out's row is multiplied with");
    return HS_OK;
}

static bool unit_one(hs_reading *r, int side, int64_t i)
{
    const one *s = r->own;
    int64_t m = r->model->cfg.d_mlp;
    (void)i; /* one unit is enough */
    for (int t = 0; t < r->n_tokens; t++) {
        hs_read_data(r, s->pre, side)[t] = hs_run_at(r->side[side], HS_HOOK_MLP_PRE, s->layer)[t * m + s->neuron];
        hs_read_data(r, s->post, side)[t] = hs_run_at(r->side[side], HS_HOOK_MLP_POST, s->layer)[t * m + s->neuron];
    }
    return false;
}

static const char *const ONE_FIELDS[] = {"layer", "neuron", NULL};
const hs_reader hs_reader_neuron = {"neuron", ONE_FIELDS, false, plan_one, unit_one, NULL, NULL};
