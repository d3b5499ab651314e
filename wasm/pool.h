/* pool.h: threads, for products (core/hs_machine.h). */
#ifndef HSW_POOL_H
#define HSW_POOL_H

#include "hs_machine.h"

/* The pool of this many threads, the caller's included; NULL for one, and where there are none. */
const hs_pool *hsw_pool(int n_threads);
/* The whole life of a thread: it ends with its worker. */
void hsw_help(void);

#endif
