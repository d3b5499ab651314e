/* hs_process.h: the named transformations of weights that leave a model's predictions as they are
 * (HookedTransformer.process_weights_). Nothing is done unless asked, and what was done is said with every number. */
#ifndef HS_PROCESS_H
#define HS_PROCESS_H

#include "hs.h"

typedef struct hs_process {
    bool fold_ln, center_writing_weights, center_unembed, fold_value_biases;
} hs_process;

/* In TransformerLens' order, in place: all of it, or on failure nothing. Runs and gradients of the model must be freed
 * before. fold_ln turns normalization_type LN into LNPre.
 * HS_ESPEC when a transformation has no meaning for this model, or would change its predictions (it says which and why). */
hs_status hs_model_process(hs_model *model, const hs_process *process, hs_detail *detail);

#endif
