/* bench.c: hs bench [gemm | run MODEL | turns MODEL]
 *
 * gemm: the shipped product beside the plain C reference, each shape of a GPT-2-small-like forward pass
 * and of models/stories-2l, in GFLOP/s and as a ratio, both measured in turn within this process.
 * run: tokens a second of a run with every hook captured and with none, and their ratio.
 * turns: what tests/bench/main.mjs asks, a line in and a line out, so that it can take turns with other programs.
 *   forward T          -> seconds of a forward pass, logits only
 *   captures T         -> the same with all captured that run_with_cache keeps
 *   generate T N       -> seconds of N tokens after T
 *   read FILE          -> seconds of a reading that does its own runs, and its text
 *   memory             -> seconds to read 1 GB in eight streams
 * Absolute figures belong to the machine and the moment; the ratios are what to read. */
#include "cli.h"

#include "hs_generate.h"
#include "hs_read.h"
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

/* The ids of every prompt here. */
static void fill_ids(int32_t *ids, int n_tokens, int d_vocab)
{
    for (int i = 0; i < n_tokens; i++)
        ids[i] = (int32_t)((int64_t)i * 7919 % d_vocab);
}

/* What run_with_cache of TransformerLens keeps: no head's copy of the stream and no head's write by itself. */
static const char *const CACHE[] = {"*embed", "*hook_resid_*", "*ln*", "*hook_?", "*attn_scores", "*pattern", "*_out", "*hook_p*"};

static hs_status turn_forward(hs_model *model, int T, bool all, hs_detail *detail)
{
    int32_t ids[1024];
    if (T < 1 || T > 1024)
        return hs_fail(detail, HS_EUSAGE, "forward and captures take 1 to 1024 tokens");
    fill_ids(ids, T, hs_model_config(model)->d_vocab);
    hs_run_spec spec = {.ids = ids, .n_tokens = T, .capture = CACHE, .n_capture = all ? sizeof CACHE / sizeof *CACHE : 0};
    hs_run *run;
    HS_TRY(hs_run_new(model, &spec, detail, &run));
    hs_run_forward(run); /* its memory is then there */
    double t0 = seconds();
    hs_run_forward(run);
    printf("%.6f\n", seconds() - t0);
    hs_run_free(run);
    return HS_OK;
}

static hs_status turn_generate(hs_model *model, int T, int n, hs_detail *detail)
{
    int32_t ids[1024];
    char document[16384];
    if (T < 1 || n < 1 || T + n > 1024)
        return hs_fail(detail, HS_EUSAGE, "generate takes T + N up to 1024 tokens");
    fill_ids(ids, T, hs_model_config(model)->d_vocab);
    int length = snprintf(document, sizeof document, "{\"temperature\":0,\"max_new\":%d,\"ids\":[", n);
    for (int i = 0; i < T; i++)
        length += snprintf(document + length, sizeof document - (size_t)length, "%s%d", i ? "," : "", (int)ids[i]);
    length += snprintf(document + length, sizeof document - (size_t)length, "]}");
    hs_generation *generation;
    HS_TRY(hs_generate_new(model, (hs_bytes){document, (size_t)length, "bench"}, NULL, detail, &generation));
    while (hs_generate_count(generation) < 1 && hs_generate_step(generation)) /* the prompt is no part of it */
        continue;
    double t0 = seconds();
    while (hs_generate_step(generation))
        continue;
    printf("%.6f %d\n", seconds() - t0, hs_generate_count(generation) - 1);
    hs_generate_free(generation);
    return HS_OK;
}

static hs_status turn_read(hs_model *model, const char *path, hs_detail *detail)
{
    void *document;
    size_t size;
    HS_TRY(hs_file_read(path, detail, &document, &size));
    hs_reading *reading = NULL;
    double t0 = seconds();
    hs_status status = hs_read_new(model, NULL, NULL, (hs_bytes){document, size, path}, detail, &reading);
    if (status == HS_OK)
        status = hs_read_begin(reading, detail);
    if (status == HS_OK) {
        while (hs_read_step(reading))
            continue;
        printf("%.6f ", seconds() - t0);
        for (const char *at = hs_read_text(reading); at && *at; at++)
            putchar(*at == '\n' ? ' ' : *at);
        putchar('\n');
    }
    hs_read_free(reading);
    free(document);
    return status;
}

static hs_status turn_memory(hs_detail *detail)
{
    enum { STREAMS = 8, COUNT = 1 << 25 }; /* of 4 bytes */
    uint32_t *all = malloc((size_t)STREAMS * COUNT * sizeof *all), sum[STREAMS] = {0};
    if (!all)
        return hs_fail(detail, HS_EMEMORY, "no memory to measure memory");
    memset(all, 1, (size_t)STREAMS * COUNT * sizeof *all);
    double t0 = seconds();
    for (int i = 0; i < COUNT; i += 16) /* a cache line each */
        for (int stream = 0; stream < STREAMS; stream++)
            sum[stream] += all[(size_t)stream * COUNT + (size_t)i];
    double took = seconds() - t0;
    uint32_t check = 0;
    for (int stream = 0; stream < STREAMS; stream++)
        check += sum[stream];
    printf("%.6f %u\n", took, (unsigned)check);
    free(all);
    return HS_OK;
}

static hs_status bench_turns(const char *path, hs_detail *detail)
{
    hs_model *model;
    char line[4096], word[4096];
    HS_TRY(hs_model_open(path, detail, &model));
    hs_status status = HS_OK;
    int a, b;
    puts("ready");
    while (status == HS_OK && !fflush(stdout) && fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "forward %d", &a) == 1)
            status = turn_forward(model, a, false, detail);
        else if (sscanf(line, "captures %d", &a) == 1)
            status = turn_forward(model, a, true, detail);
        else if (sscanf(line, "generate %d %d", &a, &b) == 2)
            status = turn_generate(model, a, b, detail);
        else if (sscanf(line, "read %4095[^\n]", word) == 1)
            status = turn_read(model, word, detail);
        else if (!strcmp(line, "memory\n"))
            status = turn_memory(detail);
        else
            status = hs_fail(detail, HS_EUSAGE, "hs bench turns does not know: %.100s", line);
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
    if (argc == 2 && !strcmp(argv[0], "turns"))
        return bench_turns(argv[1], detail);
    return hs_fail(detail, HS_EUSAGE, "hs bench [gemm | run MODEL | turns MODEL]");
}
