/* abi.h: what abi.c gives to JavaScript beside hs.h: structures of 32-bit words and doubles only. */
#ifndef HSW_ABI_H
#define HSW_ABI_H

#include "hs.h"
#include "hs_generate.h"
#include "hs_machine.h"
#include "hs_process.h"
#include "hs_read.h"

/* A named array. `name` and `data` live as long as the object they came from. */
typedef struct hsw_array {
    const char *name;
    const float *data; /* NULL where only the shape is told */
    int32_t n_axes;
    int32_t shape[HS_MAX_AXES];
} hsw_array;

typedef struct hsw_counts {
    double parameters; /* all of them */
    double n_params;   /* as HookedTransformerConfig counts */
    double not_finite; /* weights */
} hsw_counts;

typedef struct hsw_run_made {
    double bytes; /* that the run takes */
    hs_run *run;
} hsw_run_made;

#define FN(result, name, ...) result name(__VA_ARGS__);
#include "abi.def"
#undef FN

#endif
