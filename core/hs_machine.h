/* hs_machine.h: how the products of a model use the machine they run on. Nothing here changes a bit of a result: not
 * the tile, not how many threads there are (docs/adr/0015). */
#ifndef HS_MACHINE_H
#define HS_MACHINE_H

#include "hs.h"

/* Tiles that a product can go by, 0 to HS_N_TILES - 1; which is the fastest differs from machine to machine. */
#define HS_N_TILES 4

/* Threads, which the program owns: the core starts none. `each` calls part(work, 0) to part(work, n - 1), in any order
 * and at once, and returns when all have returned. It is called by one thread at a time. */
typedef struct hs_pool {
    int n_threads;
    void (*each)(void *context, int n, void (*part)(void *work, int i), void *work);
    void *context;
} hs_pool;

typedef struct hs_machine {
    int tile;
    const hs_pool *pool; /* NULL: the calling thread alone. Must outlive the model. */
} hs_machine;

/* Have the model's products done so, from the next run on; before, by tile 0 and one thread. */
void hs_model_use(hs_model *model, const hs_machine *machine);

/* One product of a forward pass by this tile, for the caller to time: about 34 MFLOP over 4 MB of weights. `scratch`
 * holds hs_trial_count() numbers, all 0 before the first call. */
int64_t hs_trial_count(void);
void hs_trial(int tile, hs_real *scratch);

#endif
