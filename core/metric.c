/* metric.c: see metric.h. */
#include "metric.h"

#include "error.h"
#include "kernels.h"
#include "model.h"
#include "read.h"

#include <math.h>
#include <string.h>

static const char *const KINDS[] = {"logit_diff", "log_prob", "rank", "kl", NULL};

static hs_status not_a_token(const hs_model *model, const char *where, const char *key, hs_detail *detail)
{
    return hs_fail(detail, HS_ESPEC, "%s.%s: a token id from 0 to %d is needed here", where, key, model->cfg.d_vocab_out - 1);
}

hs_status hs_metric_token(const hs_model *model, const hs_json *json, hs_json_at object, const char *where, const char *key,
                          hs_detail *detail, int *io)
{
    hs_json_at at = hs_json_get(json, object, key);
    int64_t token;
    if (at < 0 || hs_json_type_of(json, at) == HS_JSON_NULL)
        return HS_OK;
    if (!hs_json_int(json, at, &token) || token < 0 || token >= model->cfg.d_vocab_out)
        return not_a_token(model, where, key, detail);
    *io = (int)token;
    return HS_OK;
}

hs_status hs_metric_read(const hs_model *model, const hs_json *json, hs_json_at at, const char *where, int n_tokens,
                         hs_detail *detail, hs_metric *out)
{
    static const char *const FIELDS[] = {"kind", "position", "correct", "wrong", NULL};
    hs_metric metric = {.kind = HS_METRIC_LOGIT_DIFF, .correct = -1, .wrong = -1};
    int64_t position = -1;
    if (at < 0 || hs_json_type_of(json, at) != HS_JSON_OBJECT)
        return hs_fail(detail, HS_ESPEC, "%s: an object is needed here", where);
    hs_json_at field = hs_json_get(json, at, "kind");
    const char *kind = field < 0 ? NULL : hs_json_string(json, field);
    int k = 0;
    while (KINDS[k] && !(kind && !strcmp(kind, KINDS[k])))
        k++;
    if (!KINDS[k])
        return hs_fail(detail, HS_ESPEC, "%s.kind: one of logit_diff, log_prob, rank, kl is needed here", where);
    metric.kind = (hs_metric_kind)k;
    const char *unknown = hs_json_unknown_key(json, at, FIELDS);
    if (unknown)
        return hs_fail(detail, HS_ESPEC, "%s.%s: a metric has no such field", where, unknown);
    if ((field = hs_json_get(json, at, "position")) >= 0 &&
        (!hs_json_int(json, field, &position) || position < -n_tokens || position >= n_tokens))
        return hs_fail(detail, HS_ESPEC, "%s.position: a position of the %d tokens is needed here", where, n_tokens);
    metric.position = (int)(position + (position < 0 ? n_tokens : 0));
    HS_TRY(hs_metric_token(model, json, at, where, "correct", detail, &metric.correct));
    HS_TRY(hs_metric_token(model, json, at, where, "wrong", detail, &metric.wrong));
    *out = metric;
    return HS_OK;
}

hs_status hs_metric_check(const hs_model *model, const hs_metric *metric, const char *where, bool gradient, hs_detail *detail)
{
    if (metric->kind == HS_METRIC_RANK && gradient)
        return hs_fail(detail, HS_ESPEC, "%s.kind: rank has no gradient; use logit_diff, log_prob or kl", where);
    if (metric->kind != HS_METRIC_KL && metric->correct < 0)
        return not_a_token(model, where, "correct", detail);
    if (metric->kind == HS_METRIC_LOGIT_DIFF && metric->wrong < 0)
        return not_a_token(model, where, "wrong", detail);
    return HS_OK;
}

/* KL(clean || row), and where d_row is not NULL softmax(row) - softmax(clean) there: both through the same
 * function of x - log(sum(exp)), so that a row is at no distance from itself. */
static double divergence(const hs_real *row, const hs_real *clean, int n, hs_real *d_row)
{
    double total = hs_logsumexp(row, n), clean_total = hs_logsumexp(clean, n), sum = 0;
    for (int i = 0; i < n; i++) {
        double log_p = (double)clean[i] - clean_total, log_q = (double)row[i] - total;
        hs_real p = hs_exp((hs_real)log_p);
        if (p != 0) /* NaN goes on */
            sum += (double)p * (log_p - log_q);
        if (d_row)
            d_row[i] = hs_exp((hs_real)log_q) - p;
    }
    return sum;
}

double hs_metric_value(const hs_metric *metric, const hs_real *row, const hs_real *clean, int n)
{
    switch (metric->kind) {
    case HS_METRIC_LOGIT_DIFF: return (double)row[metric->correct] - (double)row[metric->wrong];
    case HS_METRIC_LOG_PROB: return (double)row[metric->correct] - hs_logsumexp(row, n);
    case HS_METRIC_RANK: return isnan(row[metric->correct]) ? (double)NAN : hs_rank(row, n, metric->correct);
    case HS_METRIC_KL: return divergence(row, clean, n, NULL);
    }
    return (double)NAN;
}

double hs_metric_gradient(const hs_metric *metric, const hs_real *row, const hs_real *clean, int n, hs_real *d_row)
{
    if (metric->kind == HS_METRIC_KL)
        return divergence(row, clean, n, d_row);
    if (metric->kind == HS_METRIC_LOG_PROB) {
        hs_softmax(d_row, row, n);
        for (int i = 0; i < n; i++)
            d_row[i] = (i == metric->correct) - d_row[i];
    } else {
        HS_ASSERT(metric->kind == HS_METRIC_LOGIT_DIFF);
        memset(d_row, 0, (size_t)n * sizeof *d_row);
        d_row[metric->correct] += 1;
        d_row[metric->wrong] -= 1;
    }
    return hs_metric_value(metric, row, clean, n);
}
