/* read.h: what every reading is made of inside the core: a plan, units of work, arrays.
 *
 * A reader plans its arrays from the document, then fills them a unit at a time: first all units of the run,
 * then the same units of `minus`, whose arrays are taken away; then it finishes (sums over what is reported). */
#ifndef HS_READ_INTERNAL_H
#define HS_READ_INTERNAL_H

#include "error.h"
#include "hs_read.h"
#include "json.h"
#include "run.h"
#include "text.h"

/* Floating-point operations that a unit may take. */
#define HS_READ_UNIT 50000000

/* A vector of the stream at every position: a hook of shape [T, d_model]. */
typedef struct hs_state {
    int hook, layer; /* hook -1: the stream of a model without layers */
    char label[64];  /* TransformerLens' ("0_mid"), or the hook's name */
} hs_state;

typedef struct hs_read_spec {
    const hs_json *json;
    hs_detail *detail;
    hs_bytes text; /* of the document, for its parts */
} hs_read_spec;

typedef struct hs_reader {
    const char *name;
    const char *const *fields; /* its own, ends in NULL */
    bool without_run;          /* reads the weights alone, or says itself when it needs a run */
    hs_status (*plan)(hs_reading *r, const hs_read_spec *spec);
    /* Unit i of a side (0: run, 1: minus); true while that side has another. */
    bool (*unit)(hs_reading *r, int side, int64_t i);
    void (*finish)(hs_reading *r); /* NULL: nothing */
    /* Of a study: take the runs and places that its plan promised (hs_read_promise). NULL: nothing. */
    hs_status (*begin)(hs_reading *r, hs_detail *detail);
} hs_reader;

enum { HS_READ_ARRAYS = 16 };

typedef struct hs_read_out {
    const char *name;
    int n_axes;
    const char *axes[HS_MAX_AXES];
    int64_t shape[HS_MAX_AXES];
    bool is_choice;    /* not taken away: ids chosen in `run`, or a comparison of both */
    hs_real *data[2];  /* run, minus */
} hs_read_out;

struct hs_reading {
    const hs_reader *reader;
    hs_model *model;
    const hs_run *side[2]; /* run, minus; NULL where there is none */
    int n_tokens;
    bool together; /* the reader's units take `minus` away themselves */
    int *positions;
    int n_positions;
    hs_read_out arrays[HS_READ_ARRAYS];
    int n_arrays;
    hs_text axes, conventions, values, text; /* insides of the text's objects; the text */
    const char *open_axis; /* whose labels are being added */
    void *blocks; /* what hs_read_take gave */
    void *own;    /* the reader's own plan, from hs_read_take */
    void (*free_own)(hs_reading *r); /* NULL: nothing but blocks */
    int at_side;
    int64_t at_unit;
    bool begun, done;
    uint64_t bytes;    /* taken and promised */
    hs_read_work work; /* kept by the reader */
    hs_real *results; /* [T, n_heads, d_model], where an edit of hook_result acts (read_parts.c) */
    double *row;      /* [d_model], scratch of read_parts.c */
};

/* ---- the plan ---- */

/* Zeroed memory that lives as long as the reading; NULL with the detail written when there is none. */
void *hs_read_take(hs_reading *r, const hs_read_spec *spec, uint64_t count, size_t size);
#define HS_READ_TAKE(r, spec, pointer, count)                                             \
    do {                                                                                  \
        if (!((pointer) = hs_read_take(r, spec, (uint64_t)(count), sizeof *(pointer))))   \
            return HS_EMEMORY;                                                            \
    } while (0)

/* Bytes that `begin` will take besides; and those of a run that it will make. */
void hs_read_promise(hs_reading *r, uint64_t bytes);
hs_status hs_read_promise_run(hs_reading *r, const hs_run_spec *spec, hs_detail *detail);

/* Another reader on the same document, as a part of this reading, which counts its memory; the part is begun, stepped and
 * freed (also after a failure) by whoever made it. Array number `array` of the part as one of this reading's: its index. */
hs_status hs_read_inside(hs_reading *r, const hs_read_spec *spec, const hs_reader *reader, hs_reading **out);
int hs_read_show(hs_reading *r, const hs_reading *part, int array, const char *name);

typedef struct hs_axis_of {
    const char *name;
    int64_t n;
} hs_axis_of;
#define HS_AXES(...) ((hs_axis_of[]){__VA_ARGS__, {NULL, 0}})

/* Declare an array of numbers, or of choices; its index goes into *out. HS_EMEMORY. */
hs_status hs_read_array_new(hs_reading *r, const hs_read_spec *spec, const char *name, bool is_choice, const hs_axis_of *axes,
                            int *out);
/* NaN everywhere: nothing is there yet. */
void hs_read_blank(hs_reading *r);
/* Where a side's array is written; of a choice, where it stands. */
static inline hs_real *hs_read_data(const hs_reading *r, int array, int side)
{
    return r->arrays[array].data[r->arrays[array].is_choice ? 0 : side];
}

/* Add the next label of an axis; all labels of one axis come before those of the next. `axis` is a literal. */
void hs_read_label(hs_reading *r, const char *axis, const char *label);
/* What a number means, in words for people. */
void hs_read_convention(hs_reading *r, const char *of, const char *words);
void hs_read_value(hs_reading *r, const char *name, double value);

/* ---- fields of the document (read_spec.c); HS_ESPEC names the field. An absent field leaves *io. ---- */

#define HS_SPEC_FAIL(spec, key, format, ...) hs_fail((spec)->detail, HS_ESPEC, "%s: " format, key, __VA_ARGS__)

hs_json_at hs_spec_at(const hs_read_spec *spec, const char *key);
/* A value anywhere in the document; `key` is its field, for the error line. */
hs_status hs_spec_read_int(const hs_read_spec *spec, hs_json_at at, const char *key, int least, int most, int *out);
hs_status hs_spec_read_position(const hs_reading *r, const hs_read_spec *spec, hs_json_at at, const char *key, int *out);
/* HS_ESPEC when `value` stands in a list twice: `seen`, zeroed and as long as there are values, is the list so far. */
hs_status hs_spec_once(const hs_read_spec *spec, const char *key, uint8_t *seen, int value);
hs_status hs_spec_int(const hs_read_spec *spec, const char *key, int least, int most, int *io);
/* The same, but absent is refused. */
hs_status hs_spec_needed_int(const hs_read_spec *spec, const char *key, int least, int most, int *out);
hs_status hs_spec_bool(const hs_read_spec *spec, const char *key, bool *io);
/* One of `names`, which ends in NULL: its index. */
hs_status hs_spec_choice(const hs_read_spec *spec, const char *key, const char *const *names, int *io);
/* A position, negative from the end. */
hs_status hs_spec_position(const hs_reading *r, const hs_read_spec *spec, const char *key, int *io);
/* "positions" into r->positions, labelled; absent: all, or the last alone. */
hs_status hs_spec_positions(hs_reading *r, const hs_read_spec *spec, bool absent_is_last);
/* "token" and "wrong": wrong is -1 when absent. */
hs_status hs_spec_tokens(const hs_reading *r, const hs_read_spec *spec, int *token, int *wrong);

/* ---- states of the stream (read_state.c) and directions (read_direction.c) ---- */

/* "states": labels and globs; absent: TransformerLens' accumulated_resid with mids. Labelled as axis "state". */
hs_status hs_spec_states(hs_reading *r, const hs_read_spec *spec, hs_state **out, int *n);
/* One state by `key`; absent: `label`. */
hs_status hs_spec_state(const hs_reading *r, const hs_read_spec *spec, const char *key, const char *label, hs_state *out);
/* The state of this label or hook; `key` is for the error line. */
hs_status hs_spec_find_state(const hs_reading *r, const hs_read_spec *spec, const char *key, const char *label, hs_state *out);
/* A state's vector at a position. */
const hs_real *hs_state_vector(const hs_run *run, const hs_state *state, int t);
/* "along": a direction of unit length [d_model], read in `run`; *out is NULL when absent. */
hs_status hs_spec_direction(hs_reading *r, const hs_read_spec *spec, double **out);

/* ---- what readers share (read_numbers.c) ---- */

/* How many rows of `flops` each go into one unit; at least 1. */
int64_t hs_read_rows(double flops);
/* The rank of row[i]: how many are larger, or equal with a lower id. */
int hs_rank(const hs_real *row, int n, int i);
/* The k largest by `sign` * value, the lower index first among equals. */
void hs_choose(const hs_real *values, int n, int k, int sign, int *out);
double hs_ddot(const double *a, const hs_real *b, int n);
double hs_mean(const hs_real *x, int n);
double hs_length_of(const hs_real *x, int n);
/* W_U's column of `token`, less that of `wrong` unless it is -1; and the direction [d_model] that gives what a
 * vector x of the stream adds to that logit: x . direction / scale, with the scale of ln_final. May be one place. */
void hs_logit_direction(const hs_model *model, int token, int wrong, double *unembed, double *direction);

#define READ(name, what) extern const hs_reader hs_reader_##name;
#include "reads.def"
#undef READ

#endif
