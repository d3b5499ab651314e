/* product.c: how a product uses the machine. */
#include "product.h"

#include "kernels.h"

#include <stddef.h>

#ifdef HS_F64
#define hs_gemm_by(tile, ...) ((void)(tile), hs_gemm(__VA_ARGS__)) /* doubles know the plain loops only */
#endif

enum { PAIR = 2 * HS_NR }; /* panels that a tile takes together */

typedef struct columns {
    int tile, width; /* of a part, in columns: whole pairs of panels */
    hs_real *c;
    int64_t ldc;
    const hs_real *a;
    int64_t lda;
    const hs_real *packed;
    int64_t panel_stride;
    const hs_real *bias;
    int m, n, k;
    bool accumulate;
} columns;

static void part(void *work, int i)
{
    const columns *w = work;
    int from = i * w->width, n = w->n - from < w->width ? w->n - from : w->width;
    hs_gemm_by(w->tile, w->c + from, w->ldc, w->a, w->lda, w->packed + from / HS_NR * w->panel_stride, w->panel_stride,
               w->bias ? w->bias + from : NULL, w->m, n, w->k, w->accumulate);
}

void hs_product(const hs_model *model, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate)
{
    enum { PARTS = 4 /* for each thread: one that is late then holds up little */ };
    static const double LEAST = 5e5; /* floating-point operations of a part: well above what waking a thread costs */
    columns work = {model->machine.tile, n, c, ldc, a, lda, packed, panel_stride, bias, m, n, k, accumulate};
    const hs_pool *pool = model->machine.pool;
    int n_parts = 1;
    if (pool) {
        double most = 2.0 * m * n * k / LEAST, wanted = PARTS * pool->n_threads;
        n_parts = most < wanted ? (int)most : (int)wanted;
    }
    if (n_parts > 1) {
        int pairs = (n + PAIR - 1) / PAIR;
        work.width = (pairs + n_parts - 1) / n_parts * PAIR;
        n_parts = (n + work.width - 1) / work.width;
    }
    if (n_parts > 1)
        pool->each(pool->context, n_parts, part, &work);
    else
        part(&work, 0);
}

int hs_turn_rows(int64_t k)
{
    enum { MOST = 96 };
    double rows = HS_TURN / (2.0 * PAIR * (double)k);
    return rows > MOST ? MOST : rows < 1 ? 1 : (int)rows;
}

void hs_product_by(hs_turns *turns, const hs_model *model, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                   int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate)
{
    int rows = turns ? hs_turn_rows(k) : m, width = n;
    rows = m < rows ? m : rows;
    double fit = rows > 0 ? HS_TURN / (2.0 * rows * k) : n; /* columns, in a turn */
    if (turns && fit < n)
        width = fit < PAIR ? PAIR : (int)fit / PAIR * PAIR;
    for (int t = 0; t < m; t += rows)
        for (int from = 0; from < n; from += width) {
            int height = m - t < rows ? m - t : rows, some = n - from < width ? n - from : width;
            double operations = 2.0 * height * some * k;
            if (!hs_turn(turns, operations))
                continue;
            hs_product(model, c + t * ldc + from, ldc, a + t * lda, lda, packed + from / HS_NR * panel_stride, panel_stride,
                       bias ? bias + from : NULL, height, some, k, accumulate);
            if (turns)
                turns->done += operations;
        }
}

void hs_model_use(hs_model *model, const hs_machine *machine)
{
    model->machine = *machine;
}

/* As many rows as a step of a long text has; more weights than a second-level cache holds. */
enum { TRIAL_M = 16, TRIAL_N = 2048, TRIAL_K = 512 };

int64_t hs_trial_count(void)
{
    return TRIAL_M * TRIAL_K + TRIAL_K * TRIAL_N + TRIAL_M * TRIAL_N;
}

void hs_trial(int tile, hs_real *scratch)
{
    hs_real *packed = scratch + TRIAL_M * TRIAL_K, *c = packed + TRIAL_K * TRIAL_N;
    hs_gemm_by(tile, c, TRIAL_N, scratch, TRIAL_K, packed, HS_NR * TRIAL_K, NULL, TRIAL_M, TRIAL_N, TRIAL_K, false);
}
