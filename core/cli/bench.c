/* bench.c: hs bench [gemm|run MODEL]
 *
 * gemm: the shipped product beside the plain C reference, each shape of a GPT-2-small-like forward pass
 * and of models/stories-2l, in GFLOP/s and as a ratio, both measured in turn within this process.
 * run: tokens a second of a run with every hook captured and with none, and their ratio.
 * Absolute figures belong to the machine and the moment; the ratios are what to read. */
#include "cli.h"

#include "kernels.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct shape {
    const char *what;
    int m, n, k;
} shape;

static const shape SHAPES[] = {
    {"one head's q, k or v: 64 x 256 @ 256 x 32", 64, 32, 256},
    {"heads to stream: 64 x 256 @ 256 x 256", 64, 256, 256},
    {"unembedding: 64 x 256 @ 256 x 2048", 64, 2048, 256},
    {"one position: 1 x 768 @ 768 x 3072", 1, 3072, 768},
    {"MLP in: 64 x 768 @ 768 x 3072", 64, 3072, 768},
    {"MLP out: 64 x 3072 @ 3072 x 768", 64, 768, 3072},
    {"odd: 61 x 211 @ 211 x 83", 61, 83, 211},
};

/* The best of several turns: the two bodies alternate, so that the machine's moods meet both. */
static hs_status bench_gemm(hs_detail *detail)
{
    enum { TURNS = 7 };
    printf("%-46s %10s %10s %8s\n", "C = A B, one thread", "reference", "kernel", "ratio");
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const shape s = SHAPES[i];
        int64_t packed_count = hs_packed_count(s.k, s.n);
        hs_real *a = malloc((size_t)s.m * (size_t)s.k * sizeof *a), *b = malloc((size_t)s.k * (size_t)s.n * sizeof *b);
        hs_real *c = malloc((size_t)s.m * (size_t)s.n * sizeof *c), *packed = malloc((size_t)packed_count * sizeof *packed);
        if (!a || !b || !c || !packed) {
            free(a), free(b), free(c), free(packed);
            return hs_fail(detail, HS_EMEMORY, "no memory for %s", s.what);
        }
        for (int j = 0; j < s.m * s.k; j++)
            a[j] = (hs_real)(j % 17) - 8;
        for (int j = 0; j < s.k * s.n; j++)
            b[j] = (hs_real)(j % 13) - 6;
        hs_pack(packed, b, s.n, 1, s.k, s.n);
        double flop = 2.0 * s.m * s.n * s.k, best[2] = {1e30, 1e30};
        int repeats = 1 + (int)(2e7 / flop);
        for (int turn = 0; turn < TURNS; turn++)
            for (int body = 0; body < 2; body++) {
                double t0 = seconds();
                for (int r = 0; r < repeats; r++)
                    (body ? hs_gemm : hs_ref_gemm)(c, s.n, a, s.k, packed, (int64_t)HS_NR * s.k, NULL, s.m, s.n, s.k, false);
                double took = (seconds() - t0) / repeats;
                best[body] = took < best[body] ? took : best[body];
            }
        printf("%-46s %10.2f %10.2f %8.2f\n", s.what, flop / best[0] / 1e9, flop / best[1] / 1e9, best[0] / best[1]);
        free(a), free(b), free(c), free(packed);
    }
    return HS_OK;
}

static double best_run(hs_run *run)
{
    double best = 1e30;
    for (int turn = 0; turn < 9; turn++) {
        double t0 = seconds();
        hs_run_forward(run);
        double took = seconds() - t0;
        best = took < best ? took : best;
    }
    return best;
}

static hs_status bench_run(const char *path, hs_detail *detail)
{
    static const char *const ALL[] = {"*"};
    hs_model *model;
    hs_status status = hs_model_open(path, detail, &model);
    if (status != HS_OK)
        return status;
    const hs_config *cfg = hs_model_config(model);
    printf("%-28s %14s %14s %8s\n", "tokens a second, one thread", "logits only", "all captures", "ratio");
    for (int T = 16; T <= cfg->n_ctx && T <= 256 && status == HS_OK; T *= 4) {
        int32_t ids[256];
        for (int i = 0; i < T; i++)
            ids[i] = i * 7 % cfg->d_vocab;
        hs_run *runs[2] = {NULL, NULL};
        double took[2] = {0, 0};
        for (int all = 0; all < 2 && status == HS_OK; all++) {
            hs_run_spec spec = {.ids = ids, .n_tokens = T, .capture = ALL, .n_capture = all};
            status = hs_run_new(model, &spec, detail, &runs[all]);
        }
        for (int all = 0; all < 2 && status == HS_OK; all++)
            took[all] = best_run(runs[all]);
        if (status == HS_OK)
            printf("T = %-24d %14.0f %14.0f %8.2f\n", T, T / took[0], T / took[1], took[0] / took[1]);
        hs_run_free(runs[0]);
        hs_run_free(runs[1]);
    }
    hs_model_free(model);
    return status;
}

hs_status hs_cmd_bench(int argc, char **argv, hs_detail *detail)
{
    if (argc == 0 || (argc == 1 && !strcmp(argv[0], "gemm")))
        return bench_gemm(detail);
    if (argc == 2 && !strcmp(argv[0], "run"))
        return bench_run(argv[1], detail);
    return hs_fail(detail, HS_EUSAGE, "hs bench [gemm | run MODEL]");
}
