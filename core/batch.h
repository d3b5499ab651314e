/* batch.h: one prompt run many times, each time with one patch: what sweeps and ablations are made of.
 *
 * A patched run differs from the unpatched one only in rows at and after its patch, and in layers at and after it; of
 * the last layer only the rows that are read matter. So a batch keeps the unpatched run (the base), gathers the rows
 * of many patched runs that do differ, and takes them through a layer's products together. A row of a product does not
 * depend on the others, so every logit has the bits that a run by itself would give it. */
#ifndef HS_BATCH_H
#define HS_BATCH_H

#include "run.h"

/* The values of a hook in a patched run: rows [from, to), positions or (hook_pattern) destinations. */
typedef struct hs_patch {
    int hook, layer;
    int from, to;
    int column, n_columns; /* of a row, whose heads stand one after the other; of hook_pattern the sources */
    int head;              /* of hook_pattern */
    const hs_real *value;  /* row t: value + t * stride, n_columns of them; NULL (hook_pattern): those of spec.source */
    int64_t stride;
} hs_patch;

typedef struct hs_batch_spec {
    hs_model *model;
    int n_tokens;
    const int *hooks; /* that patches change, ends in -1: resid_*, attn_out, mlp_*, q, k, v, z, pattern */
    const char *const *capture; /* of the base run, besides what a batch needs */
    int n_capture;
    const hs_run *source; /* of as many tokens, hook_q and hook_k captured: whose pattern is patched in. NULL: none */
    int most_rows;        /* of a batch; room for one patch of all rows is made at least */
    /* A row of logits of the base run (patch -1) or of patch number `patch`; rows come in ascending order. */
    void (*seen)(void *context, int patch, int position, const hs_real *logits);
    void *context;
} hs_batch_spec;

typedef struct hs_batch hs_batch;

/* Bytes that hs_batch_new takes. */
hs_status hs_batch_size(const hs_batch_spec *spec, hs_detail *detail, uint64_t *out);
hs_status hs_batch_new(const hs_batch_spec *spec, hs_detail *detail, hs_batch **out);
void hs_batch_free(hs_batch *batch);

/* What is read of every run: rows [from, to) of the logits, all of a row or two columns alone (-1: all; what `seen`
 * gets elsewhere in the row is undefined). Before hs_batch_base. */
void hs_batch_read(hs_batch *batch, hs_rows rows, int correct, int wrong);
/* The base run of these ids [n_tokens] comes next. HS_ETOKENS. */
hs_status hs_batch_base(hs_batch *batch, const int32_t *ids, hs_detail *detail);
const hs_run *hs_batch_base_run(const hs_batch *batch);

/* Whether the patch can change what is read: if not, its run reads as the base. */
bool hs_batch_reaches(const hs_batch *batch, const hs_patch *patch);
/* Add a patch that does; its number is how many were added before it since the last batch was done. False when the
 * batch is full, and then it is not in. Its value is read while the batch runs. */
bool hs_batch_add(hs_batch *batch, const hs_patch *patch);
/* One unit of the base run, or of the patches added; true while more is left. When it returns false they are done. */
bool hs_batch_step(hs_batch *batch);

/* Floating-point operations in the blocks (the products, scores and weighted sums; 2 for a multiplication and an
 * addition): that batches have done since hs_batch_new, the base runs aside; that a patch will take; that a whole
 * run takes. */
double hs_batch_done(const hs_batch *batch);
double hs_batch_cost(const hs_batch *batch, const hs_patch *patch);
double hs_batch_whole(const hs_batch *batch);

#endif
