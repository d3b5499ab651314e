/* kernels_gemm.c: the product that ships, and sums of its kind. A tile of C, a few rows by two vectors, stays in
 * registers while k runs; each output has one accumulator of its own, so the bits are the same for any rows of the
 * tile, for vectors of four and of eight, and for any part of the columns by itself (docs/adr/0003, 0015).
 *
 * Compiled for relaxed SIMD, a product and its sum are one instruction, which rounds once or twice, as the processor
 * has it: the bits are then that processor's, and still the same for every tile. */
#include "hs_machine.h"
#include "kernels.h"
#include "vmath.h"

#include <string.h>

/* Rows of A that stay in the second-level cache while the panels of B pass by, and the depth of a panel that stays in
 * the first. The accumulators go through C between two depths, which keeps the order of the sums. */
enum { ROWS = 96, DEPTH = 1024, TILE_ROWS = 8 };

#ifdef __clang__
#define ROLLED _Pragma("clang loop unroll(disable)")
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define ROLLED _Pragma("GCC unroll 1")
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* A row of a panel is one vector where the processor has vectors of eight, else two. */
#if defined(__AVX__)
enum { LANES = 8 };
typedef float vector __attribute__((vector_size(32), aligned(4)));
static inline vector load(const float *p) { return *(const vector *)p; }
static inline void store(float *p, vector v) { *(vector *)p = v; }
static inline vector splat(float x) { return (vector){x, x, x, x, x, x, x, x}; }
static inline float first(vector v) { return v[0]; }
static inline vector plus(vector a, vector b) { return a + b; }
static inline vector plus_product(vector sum, vector a, vector b) { return sum + a * b; }
#else
enum { LANES = 4 };
typedef v128_t vector;
static inline vector load(const float *p) { return wasm_v128_load(p); }
static inline void store(float *p, vector v) { wasm_v128_store(p, v); }
static inline vector splat(float x) { return wasm_f32x4_splat(x); }
static inline float first(vector v) { return wasm_f32x4_extract_lane(v, 0); }
static inline vector plus(vector a, vector b) { return v_add(a, b); }
static inline vector plus_product(vector sum, vector a, vector b)
{
#ifdef __wasm_relaxed_simd__
    return wasm_f32x4_relaxed_madd(a, b, sum);
#else
    return v_add(sum, v_mul(a, b));
#endif
}
#endif
enum { PER_PANEL = HS_NR / LANES, LINE = 16 /* floats of a cache line */ };

/* Have a line of memory on its way. WebAssembly has no prefetch: there it is read, and what is read is dropped. */
static inline void touch(const float *p)
{
#ifdef __wasm__
    __asm__ volatile("" : : "r"(*(const int *)p));
#else
    __builtin_prefetch(p);
#endif
}

/* The operands of a tile: C [rows, panels * HS_NR] from rows of A and from panels of B. While it runs, what the next
 * panels hold is brought near: every `grain` steps of k one line of each of two streams, since memory gives more to
 * several streams than to one. `grain` is a multiple of the tile's `steps`, or all of k. */
typedef struct place {
    hs_real *c;
    int64_t ldc;
    const hs_real *a;
    int64_t lda;
    const hs_real *panel;
    int64_t panel_stride;
    const hs_real *bias;
    int k;
    bool add;
    const hs_real *ahead[2];
    int grain;
} place;

enum { MOST = 2 * PER_PANEL /* vectors of a tile's row */ };

/* To every sum of a tile the product that is `p` steps of k on. */
static inline __attribute__((always_inline)) void step(vector sum[][MOST], const hs_real *const *in, const hs_real *const *b, int p,
                                                       int rows, int vectors)
{
    vector factor[MOST];
    UNROLLED
    for (int v = 0; v < vectors; v++)
        factor[v] = load(b[v / PER_PANEL] + p * HS_NR + v % PER_PANEL * LANES);
    UNROLLED
    for (int i = 0; i < rows; i++) {
        vector x = splat(in[i][p]);
        UNROLLED
        for (int v = 0; v < vectors; v++)
            sum[i][v] = plus_product(sum[i][v], x, factor[v]);
    }
}

/* `rows`, `panels` and `steps` (1, 2 or 4) are constants in each call, so the arrays are registers. Several steps for one
 * move of the pointers: the fewer instructions between two loads, the further the processor looks ahead into weights.
 * The way out after each step keeps the compiler from mixing it with the next: V8 would run out of registers. */
static inline __attribute__((always_inline)) void tile(const place *at, int rows, int panels, int steps)
{
    vector sum[TILE_ROWS][MOST];
    const hs_real *in[TILE_ROWS], *b[2] = {at->panel, at->panel + at->panel_stride};
    const hs_real *ahead = at->ahead[0], *other = at->ahead[1];
    const int k = at->k, grain = at->grain, vectors = panels * PER_PANEL;
    UNROLLED
    for (int i = 0; i < rows; i++) {
        in[i] = at->a + i * at->lda;
        UNROLLED
        for (int v = 0; v < vectors; v++)
            sum[i][v] = at->add ? load(at->c + i * at->ldc + v * LANES) : splat(0);
    }
    ROLLED
    for (int from = 0; from < k; from += grain) {
        int left = k - from < grain ? k - from : grain, to = from + left;
        touch(ahead);
        touch(other);
        ahead += LINE;
        other += LINE;
        ROLLED
        for (int p = from; steps == 1 && p < to; p++)
            step(sum, in, b, p, rows, vectors);
        ROLLED
        while (steps > 1 && left > 0) {
            step(sum, in, b, 0, rows, vectors);
            if (left == 1)
                break;
            step(sum, in, b, 1, rows, vectors);
            if (steps > 2) {
                if (left == 2)
                    break;
                step(sum, in, b, 2, rows, vectors);
                if (left == 3)
                    break;
                step(sum, in, b, 3, rows, vectors);
            }
            UNROLLED
            for (int j = 0; j < panels; j++)
                b[j] += steps * HS_NR;
            UNROLLED
            for (int i = 0; i < rows; i++)
                in[i] += steps;
            left -= steps;
        }
    }
    UNROLLED
    for (int i = 0; i < rows; i++) {
        UNROLLED
        for (int v = 0; v < vectors; v++)
            store(at->c + i * at->ldc + v * LANES, at->bias ? plus(sum[i][v], load(at->bias + v * LANES)) : sum[i][v]);
    }
}

/* Steps of most tiles, and of those of five or six rows: four where a product and its sum are one instruction. Where the
 * compiler is not V8's an index costs nothing. */
#if defined(__AVX__)
enum { MOSTLY = 1, TALL = 1 };
#elif defined(__wasm_relaxed_simd__)
enum { MOSTLY = 2, TALL = 4 };
#else
enum { MOSTLY = 2, TALL = 2 };
#endif

/* Functions of their own: V8 takes up its optimised code at a call, and a tile is called often. */
#define TILE(rows, panels, steps)                                                      \
    static __attribute__((noinline)) void tile_##rows##_##panels(const place *at)      \
    {                                                                                  \
        tile(at, rows, panels, steps);                                                 \
    }
TILE(1, 1, 1) TILE(2, 1, 1) TILE(3, 1, 1) TILE(4, 1, MOSTLY) TILE(5, 1, TALL) TILE(6, 1, TALL) TILE(7, 1, 1) TILE(8, 1, 1)
TILE(1, 2, MOSTLY) TILE(2, 2, MOSTLY)
#if defined(__AVX__)
TILE(3, 2, 1) TILE(4, 2, 1) TILE(5, 2, 1) TILE(6, 2, 1)
#endif
#undef TILE
typedef void tile_of(const place *at);
static tile_of *const ONE_PANEL[] = {NULL, tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static tile_of *const TWO_PANELS[] = {NULL, tile_1_2, tile_2_2,
#if defined(__AVX__)
                                      tile_3_2, tile_4_2, tile_5_2, tile_6_2
#endif
};

typedef struct shape {
    int rows, panels;
} shape;

/* What hs_gemm_by chooses from; the first is for who has not timed them. */
static const shape SHAPES[HS_N_TILES] = {
#if defined(__AVX__)
    {6, 2}, {4, 2}, {6, 1}, {8, 1},
#else
    {4, 1}, {2, 2}, {6, 1}, {8, 1},
#endif
};

/* `rows` of C in tiles of about the same height. `next`: as many panels again, after these; NULL after the last. */
static void column(place at, int rows, shape of, const hs_real *next)
{
    int n_tiles = (rows + of.rows - 1) / of.rows;
    int n_lines = at.k * HS_NR * of.panels / 2 / LINE; /* of a stream, which is half of what comes next */
    at.grain = n_tiles > 1 ? 4 / of.panels * n_tiles : at.k > 0 ? at.k : 1;
    int per_tile = (at.k + at.grain - 1) / at.grain;
    int least = rows / n_tiles, rest = rows % n_tiles;
    for (int done = 0; done < n_tiles; done++) {
        int height = least + (done < rest);
        at.ahead[0] = at.ahead[1] = at.panel;
        if (next && n_tiles > 1 && per_tile <= n_lines) {
            int from = done * per_tile < n_lines - per_tile ? done * per_tile : n_lines - per_tile;
            at.ahead[0] = next + from * LINE;
            at.ahead[1] = at.ahead[0] + (of.panels == 2 ? at.panel_stride : n_lines * LINE);
        }
        (of.panels == 2 ? TWO_PANELS : ONE_PANEL)[height](&at);
        at.a += height * at.lda;
        at.c += height * at.ldc;
    }
}

/* The right edge cuts the panel: nr columns of C, by way of a whole tile. */
static void edge(place at, int rows, shape of, int nr)
{
    hs_real whole[TILE_ROWS * HS_NR] = {0}, bias[HS_NR] = {0};
    hs_real *c = at.c;
    int64_t ldc = at.ldc;
    if (at.bias)
        at.bias = memcpy(bias, at.bias, (size_t)nr * sizeof *bias);
    at.c = whole;
    at.ldc = HS_NR;
    for (int i = 0, height; i < rows; i += height, at.a += height * at.lda) {
        height = rows - i < of.rows ? rows - i : of.rows;
        for (int row = 0; at.add && row < height; row++)
            memcpy(whole + row * HS_NR, c + (i + row) * ldc, (size_t)nr * sizeof *c);
        column(at, height, of, NULL);
        for (int row = 0; row < height; row++)
            memcpy(c + (i + row) * ldc, whole + row * HS_NR, (size_t)nr * sizeof *c);
    }
}

void hs_gemm_by(int chosen, hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed,
                int64_t panel_stride, const hs_real *bias, int m, int n, int k, bool accumulate)
{
    for (int row = 0; row < m; row += ROWS) {
        int rows = m - row < ROWS ? m - row : ROWS, k0 = 0;
        shape wide = SHAPES[chosen];
        if (rows <= 2) /* the sums of two panels keep the processor busy where those of one are waited for */
            wide = (shape){2, 2};
        shape narrow = {wide.rows > 2 ? wide.rows : 4, 1};
        do {
            int depth = k - k0 < DEPTH ? k - k0 : DEPTH, width;
            bool last = k0 + depth == k;
            for (int j = 0; j < n; j += width) {
                shape of = n - j < wide.panels * HS_NR ? narrow : wide;
                width = of.panels * HS_NR;
                const hs_real *panel = packed + j / HS_NR * panel_stride + (int64_t)k0 * HS_NR;
                place at = {.c = c + row * ldc + j, .ldc = ldc, .a = a + row * lda + k0, .lda = lda, .panel = panel,
                            .panel_stride = panel_stride, .bias = bias && last ? bias + j : NULL, .k = depth,
                            .add = accumulate || k0 > 0};
                if (n - j < width)
                    edge(at, rows, of, n - j);
                else
                    column(at, rows, of, n - j < 2 * width ? NULL : panel + of.panels * panel_stride);
            }
            k0 += depth;
        } while (k0 < k);
    }
}

void hs_gemm(hs_real *c, int64_t ldc, const hs_real *a, int64_t lda, const hs_real *packed, int64_t panel_stride,
             const hs_real *bias, int m, int n, int k, bool accumulate)
{
    hs_gemm_by(0, c, ldc, a, lda, packed, panel_stride, bias, m, n, k, accumulate);
}

/* Rounded as a product's sums are: attention takes some of its sources there and some here. */
void hs_add_scaled(hs_real *y, hs_real s, const hs_real *x, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, plus_product(load(y + i), splat(s), load(x + i)));
    for (; i < n; i++)
        y[i] = first(plus_product(splat(y[i]), splat(s), splat(x[i])));
}
