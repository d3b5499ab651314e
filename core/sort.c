/* sort.c: a heap sort. */
#include "sort.h"

static void swap(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void hs_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
    char *first = items;
    /* [root, n) is a heap; once root is 0, the largest goes behind it, again and again. */
    for (size_t root = n / 2; n > 1;) {
        if (root > 0)
            root--;
        else
            swap(first, first + --n * size, size);
        for (size_t at = root, child; (child = 2 * at + 1) < n; at = child) {
            char *larger = first + child * size;
            if (child + 1 < n && compare(larger, larger + size) < 0) {
                larger += size;
                child++;
            }
            if (compare(first + at * size, larger) >= 0)
                break;
            swap(first + at * size, larger, size);
        }
    }
}
