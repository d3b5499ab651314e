/* pool.c: threads for the products of a model, as many as HS_THREADS says. They live as long as the program. The one
 * that asks takes parts like the others; wasm/pool.c does the same with what WebAssembly has. */
#include "cli.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MOST = 64, SPINS = 20000 /* looks before a thread sleeps: what waking it costs */ };

/* What is being done: turn << 32 | how many of n_parts are taken. A part is taken by a compare-and-swap of the whole:
 * who has read an old turn's work takes no part of a new one. */
typedef struct team {
    _Atomic uint64_t state;
    _Atomic int n_parts, n_done, n_asleep;
    void (*_Atomic part)(void *work, int i);
    void *_Atomic work;
    uint32_t turn;
    pthread_mutex_t lock;
    pthread_cond_t woken;
} team;

/* Takes a part and does it; false when there is none. */
static bool help(team *t)
{
    uint64_t seen = atomic_load(&t->state);
    void (*part)(void *, int) = atomic_load(&t->part);
    void *work = atomic_load(&t->work);
    int i = (int)(uint32_t)seen;
    if (i >= atomic_load(&t->n_parts))
        return false;
    if (atomic_compare_exchange_strong(&t->state, &seen, seen + 1)) {
        part(work, i);
        atomic_fetch_add(&t->n_done, 1);
    }
    return true;
}

static void *live(void *context)
{
    team *t = context;
    for (;;) {
        uint32_t turn = (uint32_t)(atomic_load(&t->state) >> 32);
        for (int spins = 0; spins < SPINS; spins++)
            if (help(t))
                spins = 0;
        pthread_mutex_lock(&t->lock);
        atomic_fetch_add(&t->n_asleep, 1);
        while ((uint32_t)(atomic_load(&t->state) >> 32) == turn)
            pthread_cond_wait(&t->woken, &t->lock);
        atomic_fetch_sub(&t->n_asleep, 1);
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

static void each(void *context, int n, void (*part)(void *work, int i), void *work)
{
    team *t = context;
    atomic_store(&t->n_parts, 0); /* nothing is to be had until all of it stands */
    atomic_store(&t->n_done, 0);
    atomic_store(&t->part, part);
    atomic_store(&t->work, work);
    atomic_store(&t->state, (uint64_t)++t->turn << 32);
    atomic_store(&t->n_parts, n);
    if (atomic_load(&t->n_asleep) > 0) {
        pthread_mutex_lock(&t->lock);
        pthread_cond_broadcast(&t->woken);
        pthread_mutex_unlock(&t->lock);
    }
    while (help(t))
        continue;
    while (atomic_load(&t->n_done) < n)
        continue;
}

hs_status hs_pool_of_program(hs_detail *detail, const hs_pool **out)
{
    static team it = {.lock = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};
    static hs_pool pool = {.each = each, .context = &it};
    const char *text = getenv("HS_THREADS");
    int64_t n = 1;
    *out = NULL;
    if (text)
        HS_TRY(hs_args_int(text, "HS_THREADS", 1, MOST, detail, &n));
    if (n == 1 || pool.n_threads) {
        *out = pool.n_threads ? &pool : NULL;
        return HS_OK;
    }
    for (int i = 1; i < n; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live, &it) == 0)
            pthread_detach(thread);
        else
            break; /* fewer do as well */
    }
    pool.n_threads = (int)n;
    *out = &pool;
    return HS_OK;
}
