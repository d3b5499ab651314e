/* hs_generate.h: text that the model continues, a token at a time, with the keys and values of what was read
 * kept (docs/formats.md, "Generation"). Edits act at prompt and generated positions exactly as in one run over
 * the whole text; the logits are the same bits. */
#ifndef HS_GENERATE_H
#define HS_GENERATE_H

#include "hs.h"

typedef struct hs_generation hs_generation;

/* One generated token, with numbers of the distribution it was drawn from: the model's own softmax (edits in
 * force, before temperature, penalties and cuts), in nats. */
typedef struct hs_generated {
    int32_t id;
    double prob, log_prob, entropy;
    double drawn;          /* its probability after temperature, penalties, top-k and top-p: what the sampler saw */
    double kl;             /* KL(edited || unedited twin over the same tokens); NaN without "twin" */
    double twin_log_prob;  /* of the same token; NaN without "twin" */
} hs_generated;

/* Check the document and take the memory of the whole generation. Runs and vectors that the edits name are in
 * `sources` (NULL: none), which is read here and not later; the document's own "runs" are the caller's business. */
hs_status hs_generate_new(hs_model *model, hs_bytes json, const hs_sources *sources, hs_detail *detail,
                          hs_generation **out);
/* One unit; true while more is left. hs_generate_count grows as tokens are drawn. */
bool hs_generate_step(hs_generation *generation);
int hs_generate_count(const hs_generation *generation);
/* How many of the most probable tokens the document asks for beside each ("k"); hs_top_k of its logits gives them. */
int hs_generate_k(const hs_generation *generation);
hs_generated hs_generate_token(const hs_generation *generation, int i);
/* The logits [d_vocab_out] that token i was drawn from. */
const hs_real *hs_generate_logits(const hs_generation *generation, int i);
/* Why it ended: "stop", "max_new" or "context" (n_ctx is full); "" before. */
const char *hs_generate_end(const hs_generation *generation);
void hs_generate_free(hs_generation *generation);

#endif
