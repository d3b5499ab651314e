/* pool.c: the threads of the shared builds: workers that each run an instance of this module on one memory, in hsw_help.
 * Who calls `each` takes parts like the others, so nothing waits for a thread that is late to come. In the other builds
 * there are none. */
#include "pool.h"

#ifdef __wasm_atomics__
#include <stdatomic.h>

enum { SPINS = 50000 }; /* looks before a thread sleeps: some tenths of a millisecond, more than waking it costs */

/* What is being done: turn << 32 | how many of n_parts are taken. A part is taken by a compare-and-swap of the whole:
 * who has read an old turn's work takes no part of a new one. */
static _Atomic uint64_t state;
static _Atomic int n_parts, n_done, n_asleep;
static void (*_Atomic part_of)(void *, int);
static void *_Atomic work_of;
static _Atomic int32_t turn; /* what the threads sleep on */

/* Takes a part and does it; false when there is none. */
static bool help(void)
{
    uint64_t seen = atomic_load(&state);
    void (*part)(void *, int) = atomic_load(&part_of);
    void *work = atomic_load(&work_of);
    int i = (int)(uint32_t)seen;
    if (i >= atomic_load(&n_parts))
        return false;
    if (atomic_compare_exchange_strong(&state, &seen, seen + 1)) {
        part(work, i);
        atomic_fetch_add(&n_done, 1);
    }
    return true;
}

static void each(void *context, int n, void (*part)(void *work, int i), void *work)
{
    (void)context;
    atomic_store(&n_parts, 0); /* nothing is to be had until all of it stands */
    atomic_store(&n_done, 0);
    atomic_store(&part_of, part);
    atomic_store(&work_of, work);
    int32_t now = atomic_fetch_add(&turn, 1) + 1;
    atomic_store(&state, (uint64_t)(uint32_t)now << 32);
    atomic_store(&n_parts, n);
    if (atomic_load(&n_asleep) > 0)
        __builtin_wasm_memory_atomic_notify((int *)&turn, UINT32_MAX);
    while (help())
        continue;
    while (atomic_load(&n_done) < n)
        continue;
}

const hs_pool *hsw_pool(int n_threads)
{
    static hs_pool pool = {.each = each};
    pool.n_threads = n_threads;
    return n_threads > 1 ? &pool : NULL;
}

void hsw_help(void)
{
    for (;;) {
        int32_t seen = atomic_load(&turn);
        for (int spins = 0; spins < SPINS; spins++)
            if (help())
                spins = 0;
        atomic_fetch_add(&n_asleep, 1);
        if (atomic_load(&turn) == seen)
            __builtin_wasm_memory_atomic_wait32((int *)&turn, seen, -1);
        atomic_fetch_sub(&n_asleep, 1);
    }
}
#else
const hs_pool *hsw_pool(int n_threads)
{
    (void)n_threads;
    return NULL;
}

void hsw_help(void)
{
}
#endif
