/* sort.h: qsort's call, the same order of equal items on every platform, and a third of the code in the wasm. */
#ifndef HS_SORT_H
#define HS_SORT_H

#include <stddef.h>

/* n items of `size` bytes, in place; n log n comparisons whatever the order was. */
void hs_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b));

#endif
