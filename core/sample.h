/* sample.h: from a row of logits to the next token (docs/formats.md, "Generation"). What TransformerLens'
 * sample_logits does, with CTRL's repetition penalty before it and top-p after top-k. */
#ifndef HS_SAMPLE_H
#define HS_SAMPLE_H

#include "hs.h"

typedef struct hs_sampler {
    double temperature; /* 0: always the most probable token, the lower id among equals */
    int64_t top_k;      /* 0: off */
    double top_p;       /* 1: off */
    double frequency_penalty, repetition_penalty;
    uint64_t seed;
} hs_sampler;

/* out [n] = the probabilities that the next token is drawn with, given the text so far; logits [n], ids in the text
 * beyond n count for nothing. Where the logits are no distribution (NaN, or infinitely large), all is at the largest.
 * heap [n] is scratch. */
void hs_sampler_probs(const hs_sampler *sampler, const hs_real *logits, int n, const int32_t *text, int n_text,
                      int32_t *heap, double *out);
/* The token drawn as the index-th of this seed: the same whatever was drawn before. */
int32_t hs_sampler_draw(const hs_sampler *sampler, const double *probs, int n, int64_t index);

/* The softmax of a row, in nats: its log-sum-exp and its entropy. */
typedef struct hs_row_stats {
    double logsumexp, entropy;
} hs_row_stats;
hs_row_stats hs_row_measure(const hs_real *logits, int n);
/* KL(softmax(a) || softmax(b)), in nats. */
double hs_row_kl(const hs_real *a, const hs_real *b, int n);

#endif
