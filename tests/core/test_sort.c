/* test_sort.c: every length up to 70, with many equal items and with few: in order, and nothing lost; nothing written
 * around. Items of odd sizes move whole. */
#include "harness.h"
#include "random.h"
#include "sort.h"

enum { MOST = 70 };

typedef struct item {
    char key, copies[4]; /* five bytes */
} item;

static int n_compared;

static int by_key(const void *left, const void *right)
{
    const item *a = left, *b = right;
    n_compared++;
    return (a->key > b->key) - (a->key < b->key);
}

int main(void)
{
    uint64_t seed = 3;
    item items[MOST + 2];
    TEST("sort: in order, whole, within n log n comparisons");
    for (int n = 0; n <= MOST; n++)
        for (int variety = 1; variety <= 100; variety += 9) {
            int count[128] = {0}, wrong = 0, bound = 0;
            memset(items, 127, sizeof items);
            for (int i = 1; i <= n; i++) {
                char key = (char)random_below(&seed, (uint64_t)variety);
                memset(&items[i], key, sizeof *items);
                count[(int)key]++;
            }
            n_compared = 0;
            hs_sort(items + 1, (size_t)n, sizeof *items, by_key);
            for (int k = n; k > 0; k /= 2)
                bound += 4 * n;
            for (int i = 1; i <= n; i++) {
                const item whole = {items[i].key, {items[i].key, items[i].key, items[i].key, items[i].key}};
                wrong += memcmp(&items[i], &whole, sizeof whole) != 0 || (i > 1 && items[i - 1].key > items[i].key);
                count[(int)items[i].key]--;
            }
            for (int key = 0; key < 128; key++)
                wrong += count[key] != 0;
            CHECK(!wrong && n_compared <= bound && items[0].key == 127 && items[n + 1].key == 127);
        }
    return HARNESS_END();
}
