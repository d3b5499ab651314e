/* sample.c: see sample.h. Weights are exponentials of the kernels (the same bits natively and in every browser);
 * sums are in doubles, in the order of the ids. */
#include "sample.h"

#include "kernels.h"
#include "rng.h"

#include <math.h>

enum { STREAM_SAMPLE = 3 }; /* beside train.c's */

/* The largest entry that is a number, the lower index among equals; 0 if there is none. */
static int largest(const double *x, int n)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if (!isnan(x[i]) && (best < 0 || x[i] > x[best]))
            best = i;
    return best < 0 ? 0 : best;
}

/* x = logits with the repetition penalty: the logit of every token of the text, once, divided by it if positive,
 * multiplied by it if not (Keskar et al. 2019, as it is used everywhere). `seen` is scratch. */
static void repetition(const hs_sampler *s, const hs_real *logits, int n, const int32_t *text, int n_text, int32_t *seen,
                       double *x)
{
    for (int i = 0; i < n; i++) {
        x[i] = (double)logits[i];
        seen[i] = 0;
    }
    for (int t = 0; t < n_text; t++)
        if (text[t] < n && !seen[text[t]]++)
            x[text[t]] = x[text[t]] > 0 ? x[text[t]] / s->repetition_penalty : x[text[t]] * s->repetition_penalty;
}

/* ---- the most probable tokens first: a heap of ids, so that only those that are kept are sorted ---- */

static bool before(const double *x, int32_t a, int32_t b)
{
    return x[a] > x[b] || (x[a] == x[b] && a < b);
}

static void sift_down(const double *x, int32_t *heap, int n, int at)
{
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(x, heap[child + 1], heap[child]))
            child++;
        if (before(x, heap[at], heap[child]))
            return;
        int32_t id = heap[at];
        heap[at] = heap[child];
        heap[child] = id;
    }
}

/* Set to 0 what top-k and top-p cut: top-k keeps the k largest and what equals the last of them, top-p of those the
 * fewest whose sum exceeds p of theirs. The weights are positive or 0. */
static void cut(const hs_sampler *s, int n, int32_t *heap, double *weights)
{
    bool by_k = s->top_k > 0 && s->top_k < n, by_p = s->top_p < 1;
    if (!by_k && !by_p)
        return;
    for (int i = 0; i < n; i++)
        heap[i] = i;
    for (int i = n / 2; i-- > 0;)
        sift_down(weights, heap, n, i);
    /* The first are taken off the heap one by one, to its end. */
    int taken = 0;
    double last = 0, sum = 0, total = 0;
    for (int i = 0; i < n; i++)
        total += weights[i];
    while (taken < n) {
        double weight = weights[heap[0]];
        if (by_k && taken >= s->top_k && weight < last)
            break;
        if (!by_k && taken > 0 && sum > s->top_p * total)
            break;
        int32_t id = heap[0];
        heap[0] = heap[n - ++taken];
        heap[n - taken] = id;
        sift_down(weights, heap, n - taken, 0);
        last = weight;
        sum += weight;
    }
    for (int i = 0; i < n - taken; i++)
        weights[heap[i]] = 0;
    if (!by_k || !by_p)
        return;
    double limit = s->top_p * sum;
    sum = 0;
    for (int i = n - 1; i >= n - taken; i--) {
        double weight = weights[heap[i]];
        if (i < n - 1 && sum > limit)
            weights[heap[i]] = 0;
        sum += weight;
    }
}

void hs_sampler_probs(const hs_sampler *s, const hs_real *logits, int n, const int32_t *text, int n_text, int32_t *heap,
                      double *out)
{
    double total = 0;
    repetition(s, logits, n, text, n_text, heap, out);
    int best = largest(out, n);
    if (s->temperature > 0) {
        /* Beside the largest, so that no temperature overflows. */
        double max = out[best];
        for (int i = 0; i < n; i++)
            out[i] = (out[i] - max) / s->temperature;
        for (int t = 0; t < n_text; t++)
            if (text[t] < n)
                out[text[t]] -= s->frequency_penalty;
        max = out[largest(out, n)];
        for (int i = 0; i < n; i++)
            out[i] = (double)hs_exp((hs_real)(out[i] - max));
        cut(s, n, heap, out);
        for (int i = 0; i < n; i++)
            total += out[i];
    }
    bool spread = total > 0 && total < INFINITY;
    for (int i = 0; i < n; i++)
        out[i] = spread ? out[i] / total : i == best;
}

int32_t hs_sampler_draw(const hs_sampler *s, const double *probs, int n, int64_t index)
{
    hs_rng rng = hs_rng_stream(s->seed, STREAM_SAMPLE, (uint64_t)index);
    double u = hs_rng_uniform(&rng), sum = 0;
    int32_t drawn = 0;
    for (int32_t i = 0; i < n && sum <= u; i++)
        if (probs[i] > 0) {
            drawn = i;
            sum += probs[i];
        }
    return drawn;
}

hs_row_stats hs_row_measure(const hs_real *logits, int n)
{
    double total = hs_logsumexp(logits, n), entropy = 0;
    for (int i = 0; i < n; i++) {
        double p = (double)hs_exp((hs_real)((double)logits[i] - total));
        if (p != 0) /* NaN goes on */
            entropy -= p * ((double)logits[i] - total);
    }
    return (hs_row_stats){total, entropy};
}

double hs_row_kl(const hs_real *a, const hs_real *b, int n)
{
    double total_a = hs_logsumexp(a, n), total_b = hs_logsumexp(b, n), kl = 0;
    for (int i = 0; i < n; i++) {
        double log_p = (double)a[i] - total_a, p = (double)hs_exp((hs_real)log_p);
        if (p != 0) /* NaN goes on */
            kl += p * (log_p - ((double)b[i] - total_b));
    }
    return kl;
}
