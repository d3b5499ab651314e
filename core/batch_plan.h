/* batch_plan.h: what a patch changes, layer by layer: which rows of a block must be computed anew, and what that takes. */
#ifndef HS_BATCH_PLAN_H
#define HS_BATCH_PLAN_H

#include "batch.h"

/* A patched run. `row` is where its first row that can differ, patch.from, stands among a batch's; the others follow. */
typedef struct hs_patched {
    hs_patch patch;
    int row;
    hs_rows changed; /* rows whose stream before the next block differs from the base's */
    hs_rows reads, queries, writes; /* of this block: rows that go to k and v, to q, and from z on; queries are the last reads */
    bool attends;                   /* some z is computed anew */
    int read_at, query_at, write_at; /* where these stand among the rows that go through the products */
} hs_patched;

/* The block `layer`, from what the block before changed, when only rows `read` of the logits matter; false before the
 * patch's layer. */
bool hs_patched_plan(const hs_config *cfg, hs_rows read, int layer, hs_patched *io);
/* The heads whose attention the block computes anew, as [from, to). */
hs_rows hs_patched_heads(const hs_config *cfg, int layer, const hs_patched *p);
bool hs_patch_reaches(const hs_config *cfg, hs_rows read, const hs_patch *patch);
/* hook_q, hook_k, hook_v and hook_pattern. */
bool hs_is_inside_attention(int hook);

/* Floating-point operations: of one row, and of a planned block. */
typedef struct hs_row_costs {
    double query, key_value, write;
} hs_row_costs;
hs_row_costs hs_row_costs_of(const hs_config *cfg);
double hs_attention_cost(const hs_config *cfg, int layer, const hs_patched *p);
double hs_patched_cost(const hs_config *cfg, int layer, const hs_patched *p);

static inline int hs_least(int a, int b)
{
    return a < b ? a : b;
}

static inline int hs_largest(int a, int b)
{
    return a > b ? a : b;
}

static inline int hs_rows_count(hs_rows rows)
{
    return hs_largest(rows.to - rows.from, 0);
}

static inline hs_rows hs_rows_both(hs_rows a, hs_rows b)
{
    return (hs_rows){hs_largest(a.from, b.from), hs_least(a.to, b.to)};
}

#endif
