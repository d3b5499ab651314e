/* metric.h: one number from a row of logits, which studies and gradients are about: {"kind", "position", "correct",
 * "wrong"} of docs/formats.md, "Metric". */
#ifndef HS_METRIC_H
#define HS_METRIC_H

#include "json.h"

typedef enum hs_metric_kind { HS_METRIC_LOGIT_DIFF, HS_METRIC_LOG_PROB, HS_METRIC_RANK, HS_METRIC_KL } hs_metric_kind;

typedef struct hs_metric {
    hs_metric_kind kind;
    int position;       /* whose row */
    int correct, wrong; /* tokens; -1 where none was said */
} hs_metric;

/* Read the metric of a document for prompts of n_tokens (position: the last if absent). `where` is its field, for
 * error lines ("metric"). correct and wrong may be absent here; hs_metric_check says whether the kind needs them. */
hs_status hs_metric_read(const hs_model *model, const hs_json *json, hs_json_at at, const char *where, int n_tokens,
                         hs_detail *detail, hs_metric *out);
/* The field `key` ("correct", "wrong") of an object as a token that this model predicts; absent leaves *io. */
hs_status hs_metric_token(const hs_model *model, const hs_json *json, hs_json_at object, const char *where, const char *key,
                          hs_detail *detail, int *io);
/* HS_ESPEC when a token that the kind needs is missing, or a gradient is asked of rank. */
hs_status hs_metric_check(const hs_model *model, const hs_metric *metric, const char *where, bool gradient, hs_detail *detail);

/* The metric of row [d_vocab_out], at its position:
 *   logit_diff  row[correct] - row[wrong]
 *   log_prob    of correct, in nats
 *   rank        how many logits are larger than correct's, the lower id first among equals; NaN if that logit is one
 *   kl          KL(clean || row) in nats; clean [d_vocab_out] is used by no other kind and may be NULL there */
double hs_metric_value(const hs_metric *metric, const hs_real *row, const hs_real *clean, int n);
/* d_row [n] = d(metric)/d(row); not of rank. Returns the value. d_row may not be row or clean. */
double hs_metric_gradient(const hs_metric *metric, const hs_real *row, const hs_real *clean, int n, hs_real *d_row);

#endif
