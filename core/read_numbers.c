/* read_numbers.c: small arithmetic that readers share. */
#include "read.h"

#include <math.h>

int64_t hs_read_rows(double flops)
{
    int64_t rows = (int64_t)(HS_READ_UNIT / flops);
    return rows < 1 ? 1 : rows;
}

int hs_rank(const hs_real *row, int n, int i)
{
    int rank = 0;
    for (int j = 0; j < n; j++)
        rank += row[j] > row[i] || (row[j] == row[i] && j < i);
    return rank;
}

void hs_choose(const hs_real *values, int n, int k, int sign, int *out)
{
    int found = 0;
    for (int i = 0; i < n; i++) {
        int at = found;
        while (at > 0 && sign * values[i] > sign * values[out[at - 1]])
            at--;
        if (at >= k)
            continue;
        found += found < k;
        for (int j = found - 1; j > at; j--)
            out[j] = out[j - 1];
        out[at] = i;
    }
}

double hs_ddot(const double *a, const hs_real *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * (double)b[i];
    return sum;
}

double hs_mean(const hs_real *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i];
    return sum / n;
}

double hs_length_of(const hs_real *x, int n)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    return sqrt(squares);
}

void hs_logit_direction(const hs_model *model, int token, int wrong, double *unembed, double *direction)
{
    int d = model->cfg.d_model, V = model->cfg.d_vocab_out;
    double mean = 0;
    for (int i = 0; i < d; i++) {
        const hs_real *row = model->w.W_U + (int64_t)i * V;
        unembed[i] = (double)row[token] - (wrong < 0 ? 0 : (double)row[wrong]);
        direction[i] = unembed[i] * (model->w.ln_final_w ? (double)model->w.ln_final_w[i] : 1);
        mean += direction[i] / d;
    }
    for (int i = 0; model->cfg.normalization_type != HS_NORM_NONE && i < d; i++)
        direction[i] -= mean; /* (x - mean(x)) . g = x . (g - mean(g)) */
}
