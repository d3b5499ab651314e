/* pairs.h: the prompts and the metric of a study of clean and corrupted (docs/formats.md, "Study"):
 *     {"clean": [ids], "corrupted": [ids]}, or {"pairs": [{"clean", "corrupted", "correct", "wrong"}, ...]},
 *     "metric": {...}, "direction": "denoise" | "noise"
 * All prompts are of one length. A pair's own correct and wrong go before the metric's. */
#ifndef HS_PAIRS_H
#define HS_PAIRS_H

#include "metric.h"
#include "read.h"

/* What hs_pairs_read reads, for a reader's `fields`. */
#define HS_PAIRS_FIELDS "clean", "corrupted", "pairs", "metric", "direction"

typedef struct hs_pair {
    int32_t *clean, *corrupted; /* [n_tokens] */
    hs_metric metric;
    int first; /* the first position at which they differ; n_tokens when they do not */
} hs_pair;

typedef struct hs_pairs {
    int n, n_tokens;
    hs_pair *list;
    bool noise; /* patch corrupted activations into clean runs; else clean ones into corrupted runs */
} hs_pairs;

/* Read and check them, ids included; the memory is the reading's, whose n_tokens is set. gradient: rank is refused. */
hs_status hs_pairs_read(hs_reading *r, const hs_read_spec *spec, bool gradient, hs_pairs *out);

/* The run that is changed, and the one that is read. */
static inline const int32_t *hs_pair_base(const hs_pairs *pairs, int i)
{
    return pairs->noise ? pairs->list[i].clean : pairs->list[i].corrupted;
}
static inline const int32_t *hs_pair_source(const hs_pairs *pairs, int i)
{
    return pairs->noise ? pairs->list[i].corrupted : pairs->list[i].clean;
}

/* A list of token ids in a document: 1 to n_ctx of them, each of this model's. `key` is its field; the memory is the
 * reading's. */
hs_status hs_spec_ids(hs_reading *r, const hs_read_spec *spec, hs_json_at at, const char *key, int32_t **out, int *n);
/* A list of such lists, at least one; lengths [n]. */
hs_status hs_spec_prompts(hs_reading *r, const hs_read_spec *spec, const char *key, int32_t ***out, int **lengths, int *n);

#endif
