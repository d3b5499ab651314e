/* cells.h: the table of a sweep or an ablation: which patches there are, and how the table is filled with the metric
 * of each, prompt after prompt. Fields "what", "by", "layers", "heads", "positions" (docs/formats.md, "Study"). */
#ifndef HS_CELLS_H
#define HS_CELLS_H

#include "batch.h"
#include "metric.h"
#include "read.h"

/* What hs_cells_read reads, for a reader's `fields`. */
#define HS_CELLS_FIELDS "what", "by", "layers", "heads", "positions"

/* hook -1: TransformerLens' direct path, a head's q, k or v that gets what another head adds to it. */
typedef struct hs_cell {
    int what, hook;
    int layer, head, position, src, neuron; /* -1: all of them */
    int source_layer, source_head;          /* of a direct path */
} hs_cell;

enum { HS_CELLS_AXES = 4, HS_CELLS_WHAT = 16 };

typedef struct hs_cells {
    hs_reading *r;
    int what[HS_CELLS_WHAT], n_what, by;
    int *layers, *heads;
    int n_layers, n_heads;
    bool all_sources; /* of direct paths: every head is a source, on two more axes */
    int out;
    int64_t n; /* of cells */
    double *sum; /* [n], over the prompts so far */
    /* how a prompt's cells get their values; set before hs_cells_begin */
    hs_metric metric;
    bool is_loss; /* instead of the metric: the mean next-token loss of rows from loss_from on */
    int loss_from;
    /* Complete the patch of a cell: value and stride, and fewer rows where the others are the base's. False: it
     * changes nothing. `nth` numbers the patches of a batch. */
    bool (*value)(void *context, const hs_cell *cell, int nth, hs_patch *patch);
    void *context;
    double value_flops; /* that `value` takes at most, where that is much; `again`: it needs another unit, and sets this */
    bool again;
    /* state */
    hs_batch *batch;
    const int32_t *ids;
    hs_real *clean_row, *base_row; /* [d_vocab_out]: of kl; of the base run */
    double *base_loss; /* [n_tokens] */
    double base;      /* the metric of the base run */
    int64_t at, *pending; /* the next cell; those of the batch */
    double *got;
    int *reached; /* the first row whose loss is not in got yet */
    int n_pending, most;
    bool stepping, base_done;
    int64_t prompts;  /* done */
} hs_cells;

/* Read the fields and declare the array "values" of r->n_tokens positions. `direct`: "direct_path" is one of them. */
hs_status hs_cells_read(hs_reading *r, const hs_read_spec *spec, bool direct, hs_cells *out);
/* Where cell number i (of `n`, as in the array) patches: the rows and columns; value and stride stay to be said. */
hs_patch hs_cells_patch(const hs_cells *cells, int64_t i);
/* The hooks of the cells, each once, ends in -1; direct paths are none. */
void hs_cells_hooks(const hs_cells *cells, int hooks[HS_CELLS_WHAT + 1]);
/* Promise what hs_cells_begin takes. spec: model, tokens, hooks, capture, source and most_rows. */
hs_status hs_cells_promise(hs_cells *cells, const hs_read_spec *spec, const hs_batch_spec *batch);
hs_status hs_cells_begin(hs_cells *cells, const hs_batch_spec *batch, hs_detail *detail);
void hs_cells_free(hs_cells *cells);
/* A prompt [n_tokens] and its metric come next: first the base run, until base_done; the caller then fills clean_row if
 * it is not the base's; then all cells. */
void hs_cells_prompt(hs_cells *cells, const int32_t *ids);
/* One unit; true while more is left for this prompt. */
bool hs_cells_step(hs_cells *cells);
/* The metric of a row of another run. */
double hs_cells_metric(const hs_cells *cells, const hs_real *row);
/* What this prompt's cells will cost. */
double hs_cells_cost(const hs_cells *cells);

#endif
