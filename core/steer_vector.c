/* steer_vector.c: see steer_vector.h. All in doubles; sums over prompts in the order of the document. */
#include "steer_vector.h"

#include "model.h"

#include <math.h>
#include <string.h>

static int n_prompts(const hs_vector *v)
{
    return v->n[0] + v->n[1];
}

static bool is_contrast(const hs_vector *v)
{
    return v->kind <= HS_VECTOR_ACTADD;
}

static int n_folds(const hs_vector *v)
{
    int n = v->n[0] < v->n[1] ? v->n[0] : v->n[1];
    return v->kind > HS_VECTOR_PCA || n < 2 ? 0 : n < HS_VECTOR_FOLDS ? n : HS_VECTOR_FOLDS;
}

hs_status hs_vector_plan(hs_vector *v, hs_reading *r, const hs_read_spec *spec)
{
    int64_t d = r->model->cfg.d_model, e = r->model->cfg.d_head;
    int64_t n = v->kind == HS_VECTOR_OV ? e : v->kind == HS_VECTOR_PCA ? v->n[0] : 0;
    v->model = r->model;
    v->separation = (double)NAN;
    HS_READ_TAKE(r, spec, v->out, v->n_rows * d);
    HS_READ_TAKE(r, spec, v->activations, n_prompts(v) * v->n_rows * d);
    HS_READ_TAKE(r, spec, v->pairs, n * d);
    HS_READ_TAKE(r, spec, v->lengths, n);
    if (v->kind == HS_VECTOR_OV) {
        HS_READ_TAKE(r, spec, v->other, n * d);
        HS_READ_TAKE(r, spec, v->singular, n);
    }
    return HS_OK;
}

double *hs_vector_activations(hs_vector *v, int i)
{
    return v->activations + (int64_t)i * v->n_rows * v->model->cfg.d_model;
}

static double product(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* ---- contrasts ---- */

/* Whether prompt i of a side is held out at this stage. */
static bool held_out(const hs_vector *v, int i)
{
    return v->stage < n_folds(v) && i % n_folds(v) == v->stage;
}

/* v->out = the mean of what is not held out, positive less negative. */
static void mean_difference(hs_vector *v)
{
    int64_t width = (int64_t)v->n_rows * v->model->cfg.d_model;
    memset(v->out, 0, (size_t)width * sizeof *v->out);
    for (int side = 0; side < 2; side++) {
        int count = 0;
        for (int i = 0; i < v->n[side]; i++)
            count += !held_out(v, i);
        for (int64_t j = 0; j < width; j++) {
            double sum = 0;
            for (int i = 0; i < v->n[side]; i++)
                if (!held_out(v, i))
                    sum += hs_vector_activations(v, side ? v->n[0] + i : i)[j];
            v->out[j] += (side ? -sum : sum) / count;
        }
    }
}

/* The differences of the pairs that are not held out. */
static void load_pairs(hs_vector *v)
{
    int d = v->model->cfg.d_model, n = 0;
    for (int i = 0; i < v->n[0]; i++) {
        if (held_out(v, i))
            continue;
        const double *p = hs_vector_activations(v, i), *q = hs_vector_activations(v, v->n[0] + i);
        for (int j = 0; j < d; j++)
            v->pairs[(int64_t)n * d + j] = p[j] - q[j];
        n++;
    }
    v->jacobi = (hs_jacobi){.x = v->pairs, .n = n, .d = d};
}

/* v->out, which is the mean difference, becomes its part along the longest of the rotated differences. */
static void take_principal(hs_vector *v)
{
    int d = v->jacobi.d;
    hs_jacobi_lengths(&v->jacobi, v->lengths);
    int first = hs_jacobi_choose(v->lengths, v->jacobi.n, 0);
    const double *row = v->pairs + (int64_t)first * d;
    double length = v->lengths[first], along = length > 0 ? product(row, v->out, d) / length / length : 0;
    v->explained = length * length / product(v->lengths, v->lengths, v->jacobi.n);
    for (int j = 0; j < d; j++)
        v->out[j] = along * row[j];
}

static void score_held_out(hs_vector *v)
{
    int d = v->model->cfg.d_model;
    for (int i = 0; i < v->n[0]; i++)
        for (int j = 0; held_out(v, i) && j < v->n[1]; j++) {
            if (!held_out(v, j))
                continue;
            double a = product(v->out, hs_vector_activations(v, i), d), b = product(v->out, hs_vector_activations(v, v->n[0] + j), d);
            v->right += a > b ? 1 : a == b ? 0.5 : 0;
            v->compared++;
        }
}

/* One stage, or a part of it; true when the last is over. */
static bool make_contrast(hs_vector *v, double flops)
{
    if (!v->rotating) {
        mean_difference(v);
        if (v->kind == HS_VECTOR_PCA)
            load_pairs(v);
    }
    v->rotating = v->kind == HS_VECTOR_PCA && hs_jacobi_step(&v->jacobi, flops);
    if (v->rotating)
        return false;
    if (v->kind == HS_VECTOR_PCA)
        take_principal(v);
    if (v->stage == n_folds(v)) {
        v->separation = v->compared > 0 ? v->right / v->compared : (double)NAN;
        return true;
    }
    score_held_out(v);
    v->stage++;
    return false;
}

/* ---- singular vectors of W_V W_O ---- */

/* W_V W_O is the sum over the head's dimensions of (column of W_V) (row of W_O). Rotations of both leave it; once the
 * columns are orthogonal their lengths go to the rows, and once the rows are orthogonal too their lengths are the
 * singular values. */
static void load_head(hs_vector *v)
{
    const hs_config *cfg = &v->model->cfg;
    const hs_block_weights *w = &v->model->blocks[v->layer];
    int d = cfg->d_model, e = cfg->d_head;
    const hs_real *W_V = w->W_V + (int64_t)v->index * d * e, *W_O = w->W_O + (int64_t)v->index * e * d;
    for (int j = 0; j < e; j++)
        for (int i = 0; i < d; i++) {
            v->pairs[(int64_t)j * d + i] = (double)W_V[(int64_t)i * e + j];
            v->other[(int64_t)j * d + i] = (double)W_O[(int64_t)j * d + i];
        }
    v->jacobi = (hs_jacobi){.x = v->pairs, .y = v->other, .n = e, .d = d, .e = d};
}

static void scale_row(double *row, int d, double by)
{
    for (int i = 0; i < d; i++)
        row[i] *= by;
}

static void turn_to_rows(hs_vector *v)
{
    int d = v->jacobi.d;
    hs_jacobi_lengths(&v->jacobi, v->lengths);
    for (int j = 0; j < v->jacobi.n; j++) {
        scale_row(v->other + (int64_t)j * d, d, v->lengths[j]);
        scale_row(v->pairs + (int64_t)j * d, d, v->lengths[j] > 0 ? 1 / v->lengths[j] : 0);
    }
    v->jacobi = (hs_jacobi){.x = v->other, .y = v->pairs, .n = v->jacobi.n, .d = d, .e = d};
}

static void take_singular(hs_vector *v)
{
    int d = v->jacobi.d, largest = 0;
    hs_jacobi_lengths(&v->jacobi, v->lengths);
    for (int k = 0; k < v->jacobi.n; k++)
        v->singular[k] = v->lengths[hs_jacobi_choose(v->lengths, v->jacobi.n, k)];
    int64_t at = (int64_t)hs_jacobi_choose(v->lengths, v->jacobi.n, v->k) * d;
    const double *writes = v->other + at, *from = v->side ? v->pairs + at : writes;
    double length = v->side ? 1 : v->singular[v->k];
    for (int i = 1; i < d; i++)
        largest = fabs(writes[i]) > fabs(writes[largest]) ? i : largest;
    double by = length > 0 && v->singular[v->k] > 0 ? (writes[largest] < 0 ? -1 : 1) / length : 0;
    for (int i = 0; i < d; i++)
        v->out[i] = by * from[i];
}

static bool make_ov(hs_vector *v, double flops)
{
    if (!v->rotating && v->stage == 0)
        load_head(v);
    v->rotating = true;
    if (hs_jacobi_step(&v->jacobi, flops))
        return false;
    if (v->stage++ == 0) {
        turn_to_rows(v);
        return false;
    }
    take_singular(v);
    return true;
}

/* ---- of any kind ---- */

static void take_weights(hs_vector *v)
{
    const hs_config *cfg = &v->model->cfg;
    int V = cfg->d_vocab_out;
    for (int i = 0; i < cfg->d_model; i++) {
        const hs_real *row = v->model->w.W_U + (int64_t)i * V;
        v->out[i] = v->kind == HS_VECTOR_NEURON ? (double)v->model->blocks[v->layer].W_out[(int64_t)v->index * cfg->d_model + i]
                                                : (double)row[v->index] - (v->minus < 0 ? 0 : (double)row[v->minus]);
    }
}

/* unit, then scale; a vector without length stays as it is. */
static void finish(hs_vector *v)
{
    int64_t count = (int64_t)v->n_rows * v->model->cfg.d_model;
    double length = sqrt(product(v->out, v->out, count)), by = v->scale / (v->unit && length > 0 ? length : 1);
    for (int64_t i = 0; i < count && by != 1; i++)
        v->out[i] *= by;
    v->made = true;
}

void hs_vector_make(hs_vector *v, double flops)
{
    bool done = true;
    if (is_contrast(v))
        done = make_contrast(v, flops);
    else if (v->kind == HS_VECTOR_OV)
        done = make_ov(v, flops);
    else if (v->kind == HS_VECTOR_ACTIVATION)
        memcpy(v->out, v->activations, (size_t)v->model->cfg.d_model * sizeof *v->out);
    else
        take_weights(v);
    if (done)
        finish(v);
}
