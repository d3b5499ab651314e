/* train.c: a model from a recipe and token ids. Everything random comes from streams named by the seed
 * and the step (rng.h), so the state between two steps is the parameters, AdamW's moments and the step
 * number, and the order in which threads do the lanes changes nothing. */
#include "error.h"
#include "grad.h"
#include "kernels.h"
#include "recipe.h"
#include "rng.h"
#include "sha256.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_INIT = 1, STREAM_BATCH = 2 };

typedef struct lane {
    hs_run *run;
    hs_grad *grad;
    hs_real *d_logits; /* [n_ctx, d_vocab] */
    int32_t *ids;      /* [n_ctx] */
    double loss;       /* sum over its sequences */
} lane;

struct hs_trainer {
    hs_recipe recipe;
    const uint16_t *train, *heldout;
    hs_model *model;
    hs_real *m, *v; /* AdamW's moments, laid out as model->base */
    lane lanes[HS_LANES];
    int64_t step;
    hs_progress progress;
    hs_real mark[5]; /* step and recipe hash for a checkpoint, in parts that a float holds exactly */
    hs_tensor *state;
    char (*names)[80];
};

/* ---- initial weights ---- */

/* Box and Muller: two uniform numbers make a normal one. */
static double normal(hs_rng *rng)
{
    double u = 1 - hs_rng_uniform(rng), angle = 6.283185307179586 * hs_rng_uniform(rng);
    return sqrt(-2 * log(u)) * cos(angle);
}

static bool name_has(const hs_tensor *p, const char *part)
{
    return strstr(p->name, part) != NULL;
}

static void initialise(hs_trainer *t)
{
    const hs_recipe *r = &t->recipe;
    for (int i = 0; i < t->model->n_params; i++) {
        const hs_tensor *p = &t->model->params[i];
        hs_real *w = t->model->base + (p->data - t->model->base);
        hs_rng rng = hs_rng_stream(r->seed, STREAM_INIT, (uint64_t)i);
        bool embed = name_has(p, ".W_E"), unembed = name_has(p, ".W_U"), pos = name_has(p, ".W_pos");
        bool matrix = name_has(p, ".W_"), gain = name_has(p, "ln") && name_has(p, ".w");
        int64_t d = p->shape[p->n_axes - 1];
        for (int64_t j = 0; j < p->count; j++) {
            double x = gain ? 1 : 0;
            if (embed || unembed)
                x = (embed ? r->embed_std : r->unembed_std) * normal(&rng);
            else if (pos) {
                double angle = (double)(j / d) * pow(r->pos_base, -(double)(j % d / 2 * 2) / (double)d);
                x = r->pos_amplitude * (j % 2 ? cos(angle) : sin(angle));
            } else if (matrix)
                x = r->proj_range * (2 * hs_rng_uniform(&rng) - 1);
            w[j] = (hs_real)x;
        }
    }
}

/* ---- sequences ---- */

/* The recipe's mix: sequence i of this step into ids [n_ctx]. The last repeat_sequences of a batch repeat
 * a segment to the end, the others are a window of the text; each begins with the BOS token. */
static void draw(const hs_trainer *t, int sequence, int32_t *ids)
{
    const hs_recipe *r = &t->recipe;
    int n = r->config.n_ctx - 1, V = r->config.d_vocab;
    hs_rng rng = hs_rng_stream(r->seed, STREAM_BATCH, (uint64_t)t->step * (uint64_t)r->batch + (uint64_t)sequence);
    ids[0] = r->bos;
    int32_t *out = ids + 1;
    bool repeats = sequence >= r->batch - r->repeat_sequences;
    int segment = repeats ? r->min_segment + (int)hs_rng_below(&rng, r->max_segment - r->min_segment + 1) : n;
    if (segment > n)
        segment = n;
    if (!repeats || r->repeat[t->step % 2] == HS_REPEAT_TEXT) {
        int64_t at = hs_rng_below(&rng, r->train_tokens - segment + 1);
        for (int i = 0; i < segment; i++)
            out[i] = t->train[at + i];
    } else {
        bool uniform = hs_rng_uniform(&rng) < r->uniform_share;
        for (int i = 0; i < segment; i++)
            out[i] = uniform ? (int32_t)hs_rng_below(&rng, V) : t->train[hs_rng_below(&rng, r->train_tokens)];
    }
    for (int i = segment; i < n; i++)
        out[i] = out[i - segment];
}

/* ---- a step ---- */

/* Linear warm-up, then constant or half a cosine down to final_lr_fraction of the peak. */
static double learning_rate(const hs_recipe *r, int64_t step)
{
    if (step < r->warmup)
        return r->lr * (double)(step + 1) / (double)r->warmup;
    if (!r->cosine)
        return r->lr;
    double done = (double)(step - r->warmup) / (double)(r->steps > r->warmup ? r->steps - r->warmup : 1);
    double low = r->final_lr_fraction;
    return r->lr * (low + (1 - low) * 0.5 * (1 + cos(3.141592653589793 * done)));
}

void hs_trainer_begin(hs_trainer *t)
{
    for (int i = 0; i < HS_LANES; i++) {
        t->lanes[i].loss = 0;
        hs_grad_zero(t->lanes[i].grad);
    }
}

void hs_trainer_lane(hs_trainer *t, int i)
{
    lane *l = &t->lanes[i];
    for (int sequence = i; sequence < t->recipe.batch; sequence += HS_LANES) {
        draw(t, sequence, l->ids);
        hs_run_set_ids(l->run, l->ids, NULL);
        hs_run_forward(l->run);
        l->loss += hs_loss_gradient(l->run, 1.0 / t->recipe.batch, l->d_logits);
        hs_backward(l->run, l->d_logits, l->grad);
    }
}

static bool is_trained(const hs_recipe *r, const hs_tensor *p)
{
    return r->train_biases || !name_has(p, ".b_");
}

hs_status hs_trainer_end(hs_trainer *t, hs_detail *detail, hs_progress *out)
{
    const hs_recipe *r = &t->recipe;
    hs_model *model = t->model;
    hs_real *d = t->lanes[0].grad->params;
    double loss = t->lanes[0].loss;
    for (int i = 1; i < HS_LANES; i++) {
        hs_add(d, d, t->lanes[i].grad->params, model->n_real);
        loss += t->lanes[i].loss;
    }
    loss /= r->batch;
    for (int i = 0; i < model->n_params; i++)
        if (!is_trained(r, &model->params[i]))
            memset(d + (model->params[i].data - model->base), 0, (size_t)model->params[i].count * sizeof(hs_real));
    double norm = hs_norm_of(d, model->n_real), lr = learning_rate(r, t->step);
    if (!isfinite(loss) || !isfinite(norm))
        return hs_fail(detail, HS_EDIVERGED, "step %lld: the loss is %g and the gradient's norm %g; lower optimizer.lr",
                       (long long)t->step, loss, norm);
    double shrink = norm > r->clip ? r->clip / norm : 1;
    t->step++;
    for (int i = 0; i < model->n_params; i++) {
        const hs_tensor *p = &model->params[i];
        int64_t at = p->data - model->base;
        if (is_trained(r, p))
            hs_adamw_step(&r->adamw, t->step, lr, name_has(p, ".W_") ? r->weight_decay : 0, shrink, model->base + at,
                          d + at, t->m + at, t->v + at, p->count);
    }
    HS_TRY(hs_model_pack(model, true, detail));
    t->progress = (hs_progress){t->step, r->steps, t->step * r->batch * r->config.n_ctx, loss, lr, norm};
    *out = t->progress;
    return HS_OK;
}

hs_progress hs_trainer_progress(const hs_trainer *t)
{
    return t->progress;
}

const hs_model *hs_trainer_model(const hs_trainer *t)
{
    return t->model;
}

double hs_trainer_heldout(hs_trainer *t, int64_t max_windows)
{
    const hs_recipe *r = &t->recipe;
    lane *l = &t->lanes[0];
    int n = r->config.n_ctx - 1;
    int64_t windows = r->heldout_tokens / n, used = windows < max_windows ? windows : max_windows;
    double sum = 0;
    for (int64_t i = 0; i < used; i++) {
        const uint16_t *text = t->heldout + i * windows / used * n;
        l->ids[0] = r->bos;
        for (int j = 0; j < n; j++)
            l->ids[j + 1] = text[j];
        hs_run_set_ids(l->run, l->ids, NULL);
        hs_run_forward(l->run);
        sum += hs_run_loss(l->run, NULL);
    }
    return used ? sum / (double)used : 0;
}

/* ---- making, saving, restoring ---- */

static hs_status make_lane(hs_trainer *t, lane *l, hs_detail *detail)
{
    const hs_config *cfg = &t->recipe.config;
    l->ids = calloc((size_t)cfg->n_ctx, sizeof *l->ids);
    l->d_logits = malloc((size_t)cfg->n_ctx * (size_t)cfg->d_vocab * sizeof *l->d_logits);
    if (!l->ids || !l->d_logits)
        return hs_fail(detail, HS_EMEMORY, "no memory for a training lane");
    hs_run_spec spec = {.ids = l->ids, .n_tokens = cfg->n_ctx, .keep_for_backward = true};
    hs_grad_spec grad = {.weights = true};
    HS_TRY(hs_run_new(t->model, &spec, detail, &l->run));
    return hs_grad_new(t->model, l->run, &grad, detail, &l->grad);
}

static hs_status check_tokens(const char *what, const uint16_t *ids, int64_t n, int64_t expected, int d_vocab, hs_detail *detail)
{
    if (n != expected)
        return hs_fail(detail, HS_ERECIPE, "data.%s.tokens: the recipe says %lld and there are %lld", what,
                       (long long)expected, (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (ids[i] >= d_vocab)
            return hs_fail(detail, HS_ETOKENS, "data.%s: id %d at %lld is outside the vocabulary of %d", what, (int)ids[i],
                           (long long)i, d_vocab);
    return HS_OK;
}

/* The state's names: "<parameter>", "adam.m.<parameter>", "adam.v.<parameter>", and "mark". */
static hs_status name_state(hs_trainer *t, hs_detail *detail)
{
    int n = t->model->n_params;
    t->state = calloc((size_t)n * 3 + 1, sizeof *t->state);
    t->names = calloc((size_t)n * 3 + 1, sizeof *t->names);
    if (!t->state || !t->names)
        return hs_fail(detail, HS_EMEMORY, "no memory for the checkpoint's table");
    static const char *const PREFIX[3] = {"", "adam.m.", "adam.v."};
    const hs_real *bases[3] = {t->model->base, t->m, t->v};
    for (int part = 0; part < 3; part++)
        for (int i = 0; i < n; i++) {
            hs_tensor *s = &t->state[part * n + i];
            *s = t->model->params[i];
            strcpy(t->names[part * n + i], PREFIX[part]);
            strcat(t->names[part * n + i], s->name);
            s->data = bases[part] + (s->data - t->model->base);
            s->name = t->names[part * n + i];
        }
    t->state[3 * n] = (hs_tensor){"mark", t->mark, 1, {5}, 5};
    return HS_OK;
}

/* Step (a float holds it exactly to 2^24) and hash, 16 bits a number. */
static void write_mark(const hs_trainer *t, hs_real *mark)
{
    mark[0] = (hs_real)t->step;
    for (int i = 0; i < 4; i++)
        mark[1 + i] = (hs_real)(t->recipe.hash >> (16 * i) & 0xffff);
}

static hs_status load_from(hs_trainer *t, hs_bytes recipe, hs_bytes from, hs_detail *detail)
{
    const hs_recipe *r = &t->recipe;
    char hex[65];
    hs_sha256(from.data, from.size, hex);
    if (strcmp(hex, r->from_sha256))
        return hs_fail(detail, HS_ERECIPE, "init.sha256: that of %s is %s", r->info.from, hex);
    hs_bytes config = {(const char *)recipe.data + r->info.config_begin, r->info.config_end - r->info.config_begin, "config"};
    return hs_model_load(config, &from, 1, detail, &t->model);
}

static hs_status make(hs_trainer *t, hs_bytes recipe, hs_bytes from, int64_t n_train, int64_t n_heldout, hs_detail *detail)
{
    HS_TRY(hs_recipe_read(recipe, detail, &t->recipe));
    const hs_config *cfg = &t->recipe.config;
    HS_TRY(check_tokens("train", t->train, n_train, t->recipe.train_tokens, cfg->d_vocab, detail));
    HS_TRY(check_tokens("heldout", t->heldout, n_heldout, t->recipe.heldout_tokens, cfg->d_vocab, detail));
    HS_TRY(*t->recipe.info.from ? load_from(t, recipe, from, detail) : hs_model_new(cfg, detail, &t->model));
    t->m = calloc((size_t)t->model->n_real, sizeof(hs_real));
    t->v = calloc((size_t)t->model->n_real, sizeof(hs_real));
    if (!t->m || !t->v)
        return hs_fail(detail, HS_EMEMORY, "no memory for the optimiser");
    if (!*t->recipe.info.from)
        initialise(t);
    HS_TRY(hs_model_pack(t->model, true, detail));
    for (int i = 0; i < HS_LANES; i++)
        HS_TRY(make_lane(t, &t->lanes[i], detail));
    t->progress.n_steps = t->recipe.steps;
    return name_state(t, detail);
}

hs_status hs_trainer_new(hs_bytes recipe, hs_bytes from, const uint16_t *train, int64_t n_train, const uint16_t *heldout,
                         int64_t n_heldout, hs_detail *detail, hs_trainer **out)
{
    hs_trainer *t = calloc(1, sizeof *t);
    if (!t)
        return hs_fail(detail, HS_EMEMORY, "no memory for the trainer");
    t->train = train;
    t->heldout = heldout;
    hs_status status = make(t, recipe, from, n_train, n_heldout, detail);
    if (status != HS_OK) {
        hs_trainer_free(t);
        return status;
    }
    *out = t;
    return HS_OK;
}

void hs_trainer_free(hs_trainer *t)
{
    if (!t)
        return;
    for (int i = 0; i < HS_LANES; i++) {
        hs_grad_free(t->lanes[i].grad);
        hs_run_free(t->lanes[i].run);
        free(t->lanes[i].d_logits);
        free(t->lanes[i].ids);
    }
    hs_model_free(t->model);
    free(t->m);
    free(t->v);
    free(t->state);
    free(t->names);
    free(t);
}

int hs_trainer_n_state(const hs_trainer *t)
{
    return t->model->n_params * 3 + 1;
}

hs_tensor hs_trainer_state(const hs_trainer *t, int i)
{
    if (t->state[i].data == t->mark)
        write_mark(t, (hs_real *)t->mark);
    return t->state[i];
}

hs_status hs_trainer_restore(hs_trainer *t, const hs_tensor *tensors, int n, hs_detail *detail)
{
    int n_state = hs_trainer_n_state(t);
    hs_real expected[5];
    write_mark(t, expected);
    if (n != n_state)
        return hs_fail(detail, HS_ECHECKPOINT, "the checkpoint holds %d tensors and this recipe needs %d", n, n_state);
    /* First everything is checked, then everything is taken: a refused checkpoint changes nothing. */
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n_state; i++) {
            const hs_tensor *have = NULL, *want = &t->state[i];
            for (int j = 0; j < n && !have; j++)
                have = strcmp(tensors[j].name, want->name) ? NULL : &tensors[j];
            if (!have || have->n_axes != want->n_axes || memcmp(have->shape, want->shape, (size_t)want->n_axes * sizeof *want->shape))
                return hs_fail(detail, HS_ECHECKPOINT, "%s is missing or of another shape", want->name);
            if (want->data != t->mark) {
                if (pass)
                    memcpy((hs_real *)want->data, have->data, (size_t)want->count * sizeof(hs_real));
                continue;
            }
            if (memcmp(have->data + 1, expected + 1, 4 * sizeof(hs_real)))
                return hs_fail(detail, HS_ECHECKPOINT, "the checkpoint was made from another recipe");
            if (!(have->data[0] >= 0 && (double)have->data[0] <= (double)t->recipe.steps))
                return hs_fail(detail, HS_ECHECKPOINT, "mark: step %g is outside the recipe", (double)have->data[0]);
            if (pass)
                t->step = (int64_t)have->data[0];
        }
    t->progress.step = t->step;
    t->progress.tokens = t->step * t->recipe.batch * t->recipe.config.n_ctx;
    return hs_model_pack(t->model, true, detail);
}
