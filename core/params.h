/* params.h: params.def as a sequence: every parameter of a configuration, in the state_dict's order. */
#ifndef HS_PARAMS_H
#define HS_PARAMS_H

#include "model.h"

/* A parameter that the walk has reached. */
typedef struct hs_param {
    int row, layer; /* of params.def; layer 0 for the model's own */
    char name[64];
    int n_axes;
    int64_t shape[HS_MAX_AXES];
    bool optional; /* a file may leave it out */
} hs_param;

/* Begin with {0}; false after the last. Nothing is allocated, whatever the configuration says. */
typedef struct hs_param_walk {
    int row, layer;
} hs_param_walk;
bool hs_param_next(const hs_config *cfg, hs_param_walk *walk, hs_param *out);

/* Elements of one parameter: the sizes that config.c lets through cannot overflow 64 bits. */
int64_t hs_param_count(const hs_param *param);
/* Where the model keeps its pointer to this parameter. */
hs_real **hs_param_slot(hs_model *model, const hs_param *param);

#endif
