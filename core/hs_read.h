/* hs_read.h: what can be read out of a finished run: the logit lens, direct logit attribution, what wrote a
 * state, neurons, what attention carries, what heads do; and studies, which do runs of their own: patching
 * sweeps, path patching, attribution patching, circuits, steering. Each reading has one home (core/read_*.c);
 * docs/formats.md, "Reading" and "Study", is the same as documents.
 *
 *     hs_run_new (capturing hs_read_hooks) -> hs_run_forward -> hs_read_new -> hs_read_begin -> hs_read_step ... -> hs_read_array
 *
 * A reading is a table of named arrays with named axes. Nothing here changes a run. */
#ifndef HS_READ_H
#define HS_READ_H

#include "hs.h"

/* One array of a reading. axes[i] names axis i ("state", "position", "layer", "head", "part", ...). Integers
 * (token ids, ranks) are stored as hs_real, exact up to 2^24. */
typedef struct hs_read_table {
    hs_tensor tensor;
    const char *axes[HS_MAX_AXES];
} hs_read_table;

typedef struct hs_reading hs_reading;

/* The globs that a run of this model must capture so that every reading can be taken of it: fills `globs`
 * (static strings), returns how many. Patterns are not among them: they are computed again, a head at a time,
 * from q and k and the edits in force (bit-equal to the captured). */
#define HS_READ_MAX_HOOKS 16
int hs_read_hooks(const hs_model *model, const char *globs[HS_READ_MAX_HOOKS]);

/* Plan the reading that the document asks of `run` (forward done, hs_read_hooks captured). `minus`, or NULL, is
 * a run of as many tokens: every array of numbers is then the difference run - minus, at the tokens, neurons
 * and directions chosen in `run`. The document's ids, edits, runs and minus are the caller's business and are
 * not read here. `run` may be NULL for readings of the weights alone ("directions", "detect" on random tokens).
 * HS_ESPEC names the field. `json` may be freed afterwards; model and runs must outlive the reading. */
hs_status hs_read_new(hs_model *model, const hs_run *run, const hs_run *minus, hs_bytes json, hs_detail *detail,
                      hs_reading **out);
/* Bytes that the reading holds once it has begun, its own runs included; what they will be before it has. */
size_t hs_read_bytes(const hs_reading *reading);
/* Take the memory; once, before the first step. HS_EMEMORY, and the reading can only be freed. */
hs_status hs_read_begin(hs_reading *reading, hs_detail *detail);
/* One unit of work (at most 50 MFLOP, or one row of a matrix larger than that); true while more is left. */
bool hs_read_step(hs_reading *reading);
/* How far it is: work done and work in all, in a unit of the reading's own; 0 of 0 where it does not say. Arrays can
 * be read meanwhile: NaN stands where a study has nothing yet. */
typedef struct hs_read_work {
    double done, total;
} hs_read_work;
hs_read_work hs_read_progress(const hs_reading *reading);
void hs_read_free(hs_reading *reading);
int hs_read_count(const hs_reading *reading);
hs_read_table hs_read_array(const hs_reading *reading, int i);
/* {"v":1,"read":...,"tokens":T,"conventions":{...},"axes":{"state":["0_pre",...]},"arrays":[{"name","axes","shape"}],
 * "values":{"logit":...}}: labels, conventions and single numbers, once it has begun as far as they are known.
 * Owned by the reading and valid until the next call; NULL when there was no memory for it. */
const char *hs_read_text(hs_reading *reading);

#endif
