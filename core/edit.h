/* edit.h: a compiled edit document, and how it acts on a tensor and on its gradient. */
#ifndef HS_EDIT_H
#define HS_EDIT_H

#include "hooks.h"

/* Rows [from, to) of a run: positions; on the hooks with a pattern's shape, destinations. */
typedef struct hs_rows {
    int from, to;
} hs_rows;

typedef enum hs_op { HS_OP_ZERO, HS_OP_SCALE, HS_OP_SET, HS_OP_ADD, HS_OP_PROJECT_OUT, HS_OP_CLAMP } hs_op;

/* Where an operand comes from that is filled in later: what another run has at the edit's hook. */
typedef struct hs_edit_from {
    const hs_run *run; /* NULL: nowhere, or it has come */
    int *positions;    /* [n_positions], of that run */
    int n_positions;
    bool mean;         /* over these */
} hs_edit_from;

/* One edit at one hook of one layer. mean, patch and freeze are `set` by now: their operand has been
 * read. The selection is a list of indices for each axis of the hook (hooks.def); -1 is passed over (an
 * index that stands again later in its list). */
typedef struct hs_edit {
    int hook, layer;
    hs_op op;
    int n_axes;
    int64_t shape[3];
    int *index[3];
    int n_index[3];
    hs_real scale, min, max;
    hs_real *value;          /* operand; NULL for zero and scale */
    int64_t value_stride[3]; /* of the selection's axes; 0 where it is broadcast */
    int inside_offset;       /* clamp: where its marks begin, for hs_edit_apply's `inside` */
    hs_edit_from from;
} hs_edit;

struct hs_edits {
    int n, n_tokens; /* the positions of the runs that it fits */
    hs_edit *list;
    int n_inside; /* marks that all clamps need together */
    /* [HS_N_HOOKS * max(n_layers, 1)]: whether any edit acts there */
    uint8_t *any;
};

/* hs_edits_new for a prompt that will grow: the first n_prompt of n_tokens positions are the prompt's, and
 * negative positions count from its end. Where a generated position is written from another run that has no
 * such position, nothing is written. */
hs_status hs_edits_compile(const hs_model *model, hs_bytes json, int n_prompt, int n_tokens, const hs_sources *sources,
                           hs_detail *detail, hs_edits **out);

/* Of edits compiled with runs that were planned and had no memory yet (hs_run_plan): they are done now, and the operands are
 * filled from them. A direction without a finite length is NaN. */
void hs_edits_fill(hs_edits *edits);

/* Carry out, in order, every edit at (hook, layer) on these rows of data, the hook's whole tensor; or, with
 * head >= 0 at attn_scores and pattern, of that head's [T, T]. An edit acts on each row of each head by itself,
 * so in parts is as good as at once. `inside` (n_inside bytes) remembers for the backward pass where a clamp did
 * nothing; NULL if there will be none. */
enum { HS_ALL_HEADS = -1 };
void hs_edits_apply(const hs_edits *edits, int hook, int layer, int head, hs_rows rows, hs_real *data, uint8_t *inside);
/* The same edits' effect on a gradient: from d(objective)/d(value after) to that before, in place. */
void hs_edits_apply_gradient(const hs_edits *edits, int hook, int layer, int head, hs_rows rows, hs_real *d, const uint8_t *inside);

/* How many numbers an edit's operand has. */
int64_t hs_edit_n_values(const hs_edit *edit);
/* Bytes that the edits hold; layers of their model. */
uint64_t hs_edits_bytes(const hs_edits *edits, int n_layers);

static inline bool hs_edits_any(const hs_edits *edits, int hook, int layer)
{
    return edits && edits->any[hs_hook_at(hook, layer)];
}

#endif
