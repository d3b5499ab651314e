/* slopes.h: gradients of a pair's metric, for attribution patching (Nanda 2023; Syed et al. 2023) and its integrated form
 * (Hanna et al. 2024, EAP-IG): of `steps` of them, the k-th is taken where the embeddings are (steps - k) parts the
 * source's and k parts the base's. With one step that is the base run itself.
 *
 *     hs_slopes_plan -> hs_slopes_begin -> hs_slopes_step: HS_SLOPES_READY for each gradient, until HS_SLOPES_DONE
 *
 * A token after the metric's position changes nothing, and is not run: all tensors are of n_tokens = position + 1. */
#ifndef HS_SLOPES_H
#define HS_SLOPES_H

#include "grad.h"
#include "pairs.h"

enum { HS_SLOPES_GLOBS = 24 };

typedef enum hs_slopes_state { HS_SLOPES_BUSY, HS_SLOPES_READY, HS_SLOPES_DONE } hs_slopes_state;

typedef struct hs_slopes {
    hs_reading *r;
    hs_pairs pairs;
    int steps, n_tokens;
    const char *capture[HS_SLOPES_GLOBS], *hooks[HS_SLOPES_GLOBS];
    int n_capture, n_hooks;
    hs_run *base, *source; /* of the pair: what is patched, and what comes in; `capture` and hook_embed are captured */
    hs_run *at;            /* where the gradient is taken; base with one step */
    hs_grad *grad;         /* of `hooks` */
    hs_real *clean_row;    /* [d_vocab_out] */
    double clean, corrupted; /* sums over the pairs so far; the means are values of the reading when all have run */
    int pair, step;          /* whose gradient it is; step from 1 */
    double done, total;      /* stages of runs, and of backward passes */
    /* inside */
    hs_live live;
    uint8_t *live_at;
    hs_run *running;
    enum { HS_SLOPES_PAIR, HS_SLOPES_BASE, HS_SLOPES_SOURCE, HS_SLOPES_AT, HS_SLOPES_BACKWARD, HS_SLOPES_NEXT } phase;
} hs_slopes;

/* The fields that hs_slopes_plan reads, for a reader's `fields`. */
#define HS_SLOPES_FIELDS HS_PAIRS_FIELDS, "steps"

/* Read pairs and "steps" (1 to 1,000). `slopes` stays where it is from here on. */
hs_status hs_slopes_read(hs_reading *r, const hs_read_spec *spec, hs_slopes *slopes);
/* With the globs in `capture` and `hooks`: promise what hs_slopes_begin will take. */
hs_status hs_slopes_promise(hs_slopes *slopes, const hs_read_spec *spec);
hs_status hs_slopes_begin(hs_slopes *slopes, hs_detail *detail);
void hs_slopes_free(hs_slopes *slopes);
/* One unit of work. */
hs_slopes_state hs_slopes_step(hs_slopes *slopes);
/* How many gradients there have been, this one too; and how many there will be. */
int64_t hs_slopes_count(const hs_slopes *slopes);
int64_t hs_slopes_total(const hs_slopes *slopes);

#endif
