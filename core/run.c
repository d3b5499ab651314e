/* run.c: what is asked of a run when it is done. */
#include "error.h"
#include "kernels.h"
#include "run.h"

#include <math.h>
#include <string.h>

const hs_model *hs_run_model(const hs_run *run)
{
    return run->model;
}

int hs_run_n_tokens(const hs_run *run)
{
    return run->n_tokens;
}

int hs_run_n_captured(const hs_run *run)
{
    return run->n_captured;
}

hs_tensor hs_run_captured(const hs_run *run, int i)
{
    return run->captures[i];
}

hs_status hs_run_tensor(const hs_run *run, const char *name, hs_detail *detail, hs_tensor *out)
{
    for (int i = 0; i < run->n_captured; i++)
        if (!strcmp(run->captures[i].name, name)) {
            *out = run->captures[i];
            return HS_OK;
        }
    return hs_fail(detail, HS_EHOOK, "\"%s\" was not captured in this run", name);
}

const hs_real *hs_run_logits(const hs_run *run)
{
    return hs_run_at(run, HS_HOOK_LOGITS, 0);
}

double hs_run_loss(const hs_run *run, hs_real *out)
{
    const hs_config *cfg = &run->model->cfg;
    double sum = 0;
    for (int t = 0; t + 1 < run->n_tokens; t++) {
        const hs_real *row = hs_run_logits(run) + (int64_t)t * cfg->d_vocab_out;
        int next = run->ids[t + 1];
        double loss = next < cfg->d_vocab_out ? hs_logsumexp(row, cfg->d_vocab_out) - (double)row[next] : (double)NAN;
        sum += loss;
        if (out)
            out[t] = (hs_real)loss;
    }
    return run->n_tokens > 1 ? sum / (run->n_tokens - 1) : 0;
}

double hs_loss_gradient(const hs_run *run, double scale, hs_real *d_logits)
{
    int V = run->model->cfg.d_vocab_out, n = run->n_tokens - 1;
    double sum = 0;
    memset(d_logits, 0, (size_t)run->n_tokens * (size_t)V * sizeof *d_logits);
    for (int t = 0; t < n; t++) {
        const hs_real *row = hs_run_logits(run) + (int64_t)t * V;
        hs_real *d = d_logits + (int64_t)t * V, factor = (hs_real)(scale / n);
        int next = run->ids[t + 1];
        if (next >= V)
            return (double)NAN; /* a token that this model cannot predict */
        sum += hs_logsumexp(row, V) - (double)row[next];
        hs_softmax(d, row, V);
        d[next] -= 1;
        for (int i = 0; i < V; i++)
            d[i] *= factor;
    }
    return n > 0 ? sum / n : 0;
}

void hs_top_k(const hs_real *row, int n, int k, int32_t *ids, hs_real *logits, hs_real *probs)
{
    double total = hs_logsumexp(row, n);
    int found = 0;
    for (int i = 0; i < n; i++) {
        int at = found;
        while (at > 0 && row[i] > row[ids[at - 1]])
            at--;
        if (at >= k)
            continue;
        found = found < k ? found + 1 : k;
        memmove(ids + at + 1, ids + at, (size_t)(found - 1 - at) * sizeof *ids);
        ids[at] = i;
    }
    for (int i = 0; i < k; i++) {
        logits[i] = row[ids[i]];
        probs[i] = hs_exp(row[ids[i]] - (hs_real)total);
    }
}
