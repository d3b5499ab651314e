/* edit_parse.c: an edit document, checked and compiled (docs/formats.md, "Edits"). */
#include "edit.h"
#include "error.h"
#include "json.h"
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row an operation of the document: which fields it takes and which it needs. */
typedef enum operand { OPERAND_NONE, OPERAND_ANY, OPERAND_MEAN, OPERAND_RUN, OPERAND_DIRECTION } operand;
typedef struct op_row {
    const char *name;
    hs_op op;
    operand operand;
    bool takes_scale, needs_scale, takes_bounds, frozen_hooks_only;
} op_row;

static const op_row OPS[] = {
    {"zero", HS_OP_ZERO, OPERAND_NONE, false, false, false, false},
    {"scale", HS_OP_SCALE, OPERAND_NONE, true, true, false, false},
    {"set", HS_OP_SET, OPERAND_ANY, false, false, false, false},
    {"add", HS_OP_ADD, OPERAND_ANY, true, false, false, false},
    {"mean", HS_OP_SET, OPERAND_MEAN, false, false, false, false},
    {"patch", HS_OP_SET, OPERAND_RUN, false, false, false, false},
    {"freeze", HS_OP_SET, OPERAND_RUN, false, false, false, true},
    {"project_out", HS_OP_PROJECT_OUT, OPERAND_DIRECTION, false, false, false, false},
    {"clamp", HS_OP_CLAMP, OPERAND_DIRECTION, false, false, true, false},
};
enum { N_OPS = sizeof OPS / sizeof *OPS };

static const char *const FIELDS[] = {"hook", "heads", "positions", "sources", "dims", "from", "op", "scale", "value", "min", "max", NULL};

typedef struct parser {
    const hs_model *model;
    const hs_json *json;
    const hs_sources *sources;
    hs_detail *detail;
    int n_tokens;
    int edit; /* index in the document, for error lines */
    hs_edits *edits;
    int capacity;
} parser;

/* What is wrong with a field of the edit at hand. */
#define FAIL(p, field, format, ...) \
    hs_fail((p)->detail, HS_EEDIT, "edits[%d].%s: " format, (p)->edit, field, __VA_ARGS__)

/* ---- selections ---- */

/* Axis of the hook that a field selects from; -1 if the hook has none such. */
static int axis_of(const hs_hook_info *info, int hook, const char *field)
{
    bool masked = hs_hook_is_masked(hook);
    if (!strcmp(field, "heads"))
        return masked ? 0 : info->n_axes == 3 ? 1 : -1;
    if (!strcmp(field, "positions"))
        return masked ? 1 : 0;
    if (!strcmp(field, "sources"))
        return masked ? 2 : -1;
    return masked ? -1 : info->n_axes - 1; /* dims */
}

static hs_status all_of(parser *p, hs_edit *e, int axis)
{
    e->n_index[axis] = (int)e->shape[axis];
    e->index[axis] = malloc((size_t)e->shape[axis] * sizeof(int) + 1);
    if (!e->index[axis])
        return hs_fail(p->detail, HS_EMEMORY, "no memory for the edits");
    for (int i = 0; i < e->n_index[axis]; i++)
        e->index[axis][i] = i;
    return HS_OK;
}

/* A list of indices: in range, none twice; negative ones count from the end where the field allows it. */
static hs_status select_list(parser *p, hs_edit *e, int axis, const char *field, hs_json_at at, bool from_end, const char *hook)
{
    const hs_json *json = p->json;
    int64_t length = e->shape[axis];
    if (hs_json_type_of(json, at) != HS_JSON_ARRAY)
        return FAIL(p, field, "a list is needed here, not %s", hs_json_type_name(json, at));
    if (hs_json_length(json, at) > length)
        return FAIL(p, field, "%d entries are more than %s has (%lld)", hs_json_length(json, at), hook, (long long)length);
    e->index[axis] = malloc((size_t)length * sizeof(int) + 1);
    char *seen = calloc((size_t)length + 1, 1);
    if (!e->index[axis] || !seen) {
        free(seen);
        return hs_fail(p->detail, HS_EMEMORY, "no memory for the edits");
    }
    int n = 0;
    hs_status status = HS_OK;
    for (hs_json_at item = hs_json_first(json, at); item >= 0 && status == HS_OK; item = hs_json_next(json, item), n++) {
        int64_t i;
        if (!hs_json_int(json, item, &i))
            status = hs_fail(p->detail, HS_EEDIT, "edits[%d].%s[%d]: a whole number is needed here", p->edit, field, n);
        else if (i >= length || i < (from_end ? -length : 0))
            status = hs_fail(p->detail, HS_EEDIT, "edits[%d].%s[%d]: %lld is outside %s, which has %lld", p->edit, field, n,
                             (long long)i, hook, (long long)length);
        else {
            i += i < 0 ? length : 0;
            if (seen[i]++)
                status = hs_fail(p->detail, HS_EEDIT, "edits[%d].%s[%d]: %lld stands twice", p->edit, field, n, (long long)i);
            e->index[axis][n] = (int)i;
        }
    }
    free(seen);
    e->n_index[axis] = n;
    return status;
}

static hs_status select_range(parser *p, hs_edit *e, int axis, const char *field, int64_t begin, int64_t end)
{
    if (begin < 0 || end < begin || end > e->shape[axis])
        return FAIL(p, field, "[%lld, %lld) is not a range inside the axis, which has %lld", (long long)begin, (long long)end,
                    (long long)e->shape[axis]);
    HS_TRY(all_of(p, e, axis));
    e->n_index[axis] = (int)(end - begin);
    for (int i = 0; i < e->n_index[axis]; i++)
        e->index[axis][i] = (int)begin + i;
    return HS_OK;
}

static hs_status read_selection(parser *p, hs_json_at object, const hs_hook_info *info, hs_edit *e)
{
    const hs_json *json = p->json;
    static const char *const LISTS[] = {"heads", "positions", "sources"};
    for (int i = 0; i < 3; i++) {
        hs_json_at at = hs_json_get(json, object, LISTS[i]);
        int axis = axis_of(info, e->hook, LISTS[i]);
        if (at < 0)
            continue;
        if (axis < 0)
            return FAIL(p, LISTS[i], "%s has no such axis", info->name);
        HS_TRY(select_list(p, e, axis, LISTS[i], at, i > 0, info->name));
    }
    hs_json_at dims = hs_json_get(json, object, "dims"), from = hs_json_get(json, object, "from");
    if (dims >= 0) {
        int axis = axis_of(info, e->hook, "dims");
        int64_t begin, end;
        if (axis < 0)
            return FAIL(p, "dims", "%s has no such axis; use sources", info->name);
        hs_json_at first = hs_json_type_of(json, dims) == HS_JSON_ARRAY && hs_json_length(json, dims) == 2
                               ? hs_json_first(json, dims) : -1;
        if (first < 0 || !hs_json_int(json, first, &begin) || !hs_json_int(json, hs_json_next(json, first), &end))
            return FAIL(p, "dims", "[from, to) is needed here: %s", "two whole numbers");
        HS_TRY(select_range(p, e, axis, "dims", begin, end));
    }
    if (from >= 0) {
        int axis = axis_of(info, e->hook, "positions");
        int64_t begin, length = e->shape[axis];
        if (e->index[axis])
            return FAIL(p, "from", "positions and from cannot both stand in one edit of %s", info->name);
        if (!hs_json_int(json, from, &begin) || begin < -length)
            return FAIL(p, "from", "a position is needed here: a whole number of at least %lld", (long long)-length);
        begin += begin < 0 ? length : 0;
        HS_TRY(select_range(p, e, axis, "from", begin < length ? begin : length, length));
    }
    for (int axis = 0; axis < e->n_axes; axis++)
        if (!e->index[axis])
            HS_TRY(all_of(p, e, axis));
    return HS_OK;
}

/* ---- operands ---- */

/* An operand as an array: right-aligned with the selection and broadcast over it. */
typedef struct operand_array {
    int n_axes;
    int64_t shape[HS_MAX_AXES + 4];
    hs_real *data; /* owned */
} operand_array;

static hs_status no_memory(parser *p)
{
    return hs_fail(p->detail, HS_EMEMORY, "no memory for the edits' operands");
}

/* Leaves of a nested list, each axis of one length throughout. */
static bool flatten(const hs_json *json, hs_json_at at, int depth, operand_array *a, int64_t *n, int64_t capacity)
{
    double x;
    if (depth == a->n_axes) {
        if (!hs_json_number(json, at, &x) || *n >= capacity)
            return false;
        a->data[(*n)++] = (hs_real)x;
        return true;
    }
    if (hs_json_type_of(json, at) != HS_JSON_ARRAY || hs_json_length(json, at) != a->shape[depth])
        return false;
    for (hs_json_at item = hs_json_first(json, at); item >= 0; item = hs_json_next(json, item))
        if (!flatten(json, item, depth + 1, a, n, capacity))
            return false;
    return true;
}

static hs_status read_list(parser *p, hs_json_at at, operand_array *a)
{
    const hs_json *json = p->json;
    int64_t count = 1, n = 0;
    for (hs_json_at level = at; hs_json_type_of(json, level) == HS_JSON_ARRAY; level = hs_json_first(json, level)) {
        if (a->n_axes == 3)
            return FAIL(p, "value", "a list of at most %d levels is needed here", 3);
        if (hs_json_length(json, level) == 0)
            return FAIL(p, "value", "the list is empty: %s", "it must fit the selection");
        a->shape[a->n_axes++] = hs_json_length(json, level);
        count *= hs_json_length(json, level);
        if (count > 1 << 28)
            return FAIL(p, "value", "the list is too %s", "long");
    }
    a->data = malloc((size_t)count * sizeof(hs_real));
    if (!a->data)
        return no_memory(p);
    if (!flatten(json, at, 0, a, &n, count))
        return FAIL(p, "value", "a list of numbers, each level of one length, is needed %s", "here");
    return HS_OK;
}

/* The named run's tensor at this hook. */
static hs_status run_tensor(parser *p, hs_json_at value, const char *hook, const hs_run **run, hs_tensor *out)
{
    const char *name = hs_json_string(p->json, hs_json_get(p->json, value, "run"));
    if (!name)
        return FAIL(p, "value.run", "the name of a run is needed %s", "here");
    for (int i = 0; p->sources && i < p->sources->n_runs; i++)
        if (!strcmp(p->sources->run_names[i], name)) {
            *run = p->sources->runs[i];
            hs_status status = hs_run_tensor(*run, hook, NULL, out);
            return status == HS_OK ? HS_OK : FAIL(p, "value.run", "run \"%s\" was made without %s", name, hook);
        }
    return FAIL(p, "value.run", "there is no run \"%s\"; name it with --run %s=ids", name, name);
}

/* value.positions, or `defaults` when absent: which positions of the other run are read. */
static hs_status run_positions(parser *p, hs_json_at value, int n_run, const int *defaults, int n_defaults, int **out, int *n_out)
{
    const hs_json *json = p->json;
    hs_json_at at = hs_json_get(json, value, "positions");
    int n = at < 0 ? n_defaults : hs_json_type_of(json, at) == HS_JSON_ARRAY ? hs_json_length(json, at) : -1;
    if (n < 0)
        return FAIL(p, "value.positions", "a list is needed here, not %s", hs_json_type_name(json, at));
    int *positions = malloc((size_t)n * sizeof(int) + 1);
    if (!positions)
        return no_memory(p);
    hs_json_at item = at < 0 ? -1 : hs_json_first(json, at);
    for (int i = 0; i < n; i++) {
        int64_t x = at < 0 ? defaults[i] : 0;
        bool whole = at < 0 || hs_json_int(json, item, &x);
        if (!whole || x >= n_run || x < -(int64_t)n_run) {
            free(positions);
            return FAIL(p, "value.positions", "%lld is no position of a run of %d tokens", (long long)x, n_run);
        }
        positions[i] = (int)(x < 0 ? x + n_run : x);
        item = at < 0 ? -1 : hs_json_next(json, item);
    }
    *out = positions;
    *n_out = n;
    return HS_OK;
}

/* Gather from another run's tensor what the selection reads: its heads, dims or sources, at `positions`. */
static hs_status gather(parser *p, const hs_edit *e, const hs_tensor *t, const int *positions, int n_positions, operand_array *a)
{
    int axis = hs_hook_is_masked(e->hook) ? 1 : 0, n[3] = {1, 1, 1};
    a->n_axes = e->n_axes;
    int64_t count = 1;
    for (int i = 0; i < e->n_axes; i++) {
        n[i] = i == axis ? n_positions : e->n_index[i];
        a->shape[i] = n[i];
        count *= n[i];
    }
    a->data = malloc((size_t)count * sizeof(hs_real) + 1);
    if (!a->data)
        return no_memory(p);
    int64_t out = 0;
    for (int i = 0; i < n[0]; i++)
        for (int j = 0; j < n[1]; j++)
            for (int k = 0; k < n[2]; k++) {
                int64_t at = axis == 0 ? positions[i] : e->index[0][i];
                at = at * t->shape[1] + (axis == 1 ? positions[j] : e->index[1][j]);
                if (e->n_axes == 3)
                    at = at * t->shape[2] + e->index[2][k];
                a->data[out++] = t->data[at];
            }
    return HS_OK;
}

/* Replace the position axis of `a` by its mean: one entry, which is then broadcast. */
static void mean_over(operand_array *a, int axis)
{
    int64_t outer = 1, n = a->shape[axis], inner = 1;
    for (int i = 0; i < axis; i++)
        outer *= a->shape[i];
    for (int i = axis + 1; i < a->n_axes; i++)
        inner *= a->shape[i];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {
            double sum = 0;
            for (int64_t i = 0; i < n; i++)
                sum += (double)a->data[(o * n + i) * inner + k];
            a->data[o * inner + k] = (hs_real)(sum / (double)n);
        }
    a->shape[axis] = 1;
}

static hs_status read_run(parser *p, hs_json_at value, const op_row *op, const hs_hook_info *info, const hs_edit *e, operand_array *a)
{
    const hs_run *run = NULL;
    hs_tensor t;
    HS_TRY(run_tensor(p, value, info->name, &run, &t));
    int axis = hs_hook_is_masked(e->hook) ? 1 : 0, *positions, n, n_run = hs_run_n_tokens(run);
    if (hs_hook_is_masked(e->hook))
        for (int i = 0; i < e->n_index[2]; i++)
            if (e->index[2][i] >= n_run)
                return FAIL(p, "sources", "source %d is outside the other run, which has %d tokens", e->index[2][i], n_run);
    if (op->operand == OPERAND_MEAN) {
        int *all = malloc((size_t)n_run * sizeof(int));
        if (!all)
            return no_memory(p);
        for (int i = 0; i < n_run; i++)
            all[i] = i;
        hs_status status = run_positions(p, value, n_run, all, n_run, &positions, &n);
        free(all);
        HS_TRY(status);
        if (n == 0) {
            free(positions);
            return FAIL(p, "value.positions", "a mean over no position is %s", "undefined");
        }
    } else {
        HS_TRY(run_positions(p, value, n_run, e->index[axis], e->n_index[axis], &positions, &n));
        if (n != e->n_index[axis] && n != 1) {
            free(positions);
            return FAIL(p, "value.positions", "%d positions are read for %d that are written", n, e->n_index[axis]);
        }
    }
    hs_status status = gather(p, e, &t, positions, n, a);
    free(positions);
    HS_TRY(status);
    if (op->operand == OPERAND_MEAN)
        mean_over(a, axis);
    return HS_OK;
}

static hs_status read_vector(parser *p, hs_json_at value, operand_array *a)
{
    const char *name = hs_json_string(p->json, hs_json_get(p->json, value, "vector"));
    if (!name)
        return FAIL(p, "value.vector", "the name of a vector is needed %s", "here");
    for (int i = 0; p->sources && i < p->sources->n_vectors; i++) {
        const hs_tensor *v = &p->sources->vectors[i];
        if (strcmp(v->name, name))
            continue;
        a->n_axes = v->n_axes;
        memcpy(a->shape, v->shape, (size_t)v->n_axes * sizeof *v->shape);
        a->data = malloc((size_t)v->count * sizeof(hs_real) + 1);
        if (!a->data)
            return no_memory(p);
        memcpy(a->data, v->data, (size_t)v->count * sizeof(hs_real));
        return HS_OK;
    }
    return FAIL(p, "value.vector", "there is no vector \"%s\"; --vectors gives a file of them", name);
}

/* Keys of an operand object: exactly "run" (and "positions"), or "vector". */
static hs_status check_operand_keys(parser *p, hs_json_at value, bool is_run)
{
    static const char *const RUN[] = {"run", "positions", NULL}, *const VECTOR[] = {"vector", NULL};
    const char *unknown = hs_json_unknown_key(p->json, value, is_run ? RUN : VECTOR);
    return unknown ? FAIL(p, "value", "\"%s\" is no field of an operand", unknown) : HS_OK;
}

static hs_status read_operand(parser *p, hs_json_at value, const op_row *op, const hs_hook_info *info, const hs_edit *e, operand_array *a)
{
    const hs_json *json = p->json;
    double x;
    hs_json_type type = hs_json_type_of(json, value);
    bool is_run = type == HS_JSON_OBJECT && hs_json_get(json, value, "run") >= 0;
    if (op->operand == OPERAND_RUN && !is_run)
        return FAIL(p, "value", "%s takes its value from a run: {\"run\":\"B\"}", op->name);
    if (op->operand == OPERAND_DIRECTION && type == HS_JSON_NUMBER)
        return FAIL(p, "value", "%s needs a direction, not a number", op->name);
    switch (type) {
    case HS_JSON_NUMBER:
        if (!hs_json_number(json, value, &x))
            return FAIL(p, "value", "the number is not %s", "finite");
        a->data = malloc(sizeof(hs_real));
        if (!a->data)
            return no_memory(p);
        a->data[0] = (hs_real)x;
        return HS_OK;
    case HS_JSON_ARRAY: return read_list(p, value, a);
    case HS_JSON_OBJECT:
        HS_TRY(check_operand_keys(p, value, is_run));
        return is_run ? read_run(p, value, op, info, e, a) : read_vector(p, value, a);
    default: return FAIL(p, "value", "a number, a list, {\"vector\":...} or {\"run\":...} is needed here, not %s", hs_json_type_name(json, value));
    }
}

/* Bring each direction to length 1, so that x - (x.v)v is a projection. */
static hs_status normalise(parser *p, operand_array *a)
{
    int64_t n = a->shape[a->n_axes - 1], rows = 1;
    for (int i = 0; i + 1 < a->n_axes; i++)
        rows *= a->shape[i];
    for (int64_t r = 0; r < rows; r++) {
        double squares = 0;
        for (int64_t i = 0; i < n; i++)
            squares += (double)a->data[r * n + i] * (double)a->data[r * n + i];
        if (!(squares > 0) || !isfinite(squares))
            return FAIL(p, "value", "a direction needs a finite length above %d", 0);
        for (int64_t i = 0; i < n; i++)
            a->data[r * n + i] = (hs_real)((double)a->data[r * n + i] / sqrt(squares));
    }
    return HS_OK;
}

/* Give the operand to the edit: strides over the selection's axes, 0 where it is broadcast. */
static hs_status broadcast(parser *p, operand_array *a, hs_edit *e, const hs_hook_info *info)
{
    int64_t stride = 1;
    int extra = a->n_axes - e->n_axes;
    for (int i = 0; i < extra; i++)
        if (a->shape[i] != 1)
            return FAIL(p, "value", "%d axes are more than the %d of %s", a->n_axes, e->n_axes, info->name);
    for (int axis = e->n_axes - 1; axis >= 0 && axis + extra >= 0; axis--) {
        int64_t n = a->shape[axis + extra];
        if (n != 1 && n != e->n_index[axis])
            return FAIL(p, "value", "its axis of length %lld does not fit the %d selected of axis %d of %s", (long long)n,
                        e->n_index[axis], axis, info->name);
        e->value_stride[axis] = n == 1 ? 0 : stride;
        stride *= n;
    }
    e->value = a->data;
    a->data = NULL;
    return HS_OK;
}

/* ---- one edit ---- */

static void clear(hs_edit *e)
{
    for (int i = 0; i < 3; i++)
        free(e->index[i]);
    free(e->value);
}

static hs_status read_numbers(parser *p, hs_json_at object, const op_row *op, hs_edit *e)
{
    const hs_json *json = p->json;
    hs_json_at at[3] = {hs_json_get(json, object, "scale"), hs_json_get(json, object, "min"), hs_json_get(json, object, "max")};
    static const char *const NAMES[3] = {"scale", "min", "max"};
    double x[3] = {1, -INFINITY, INFINITY};
    for (int i = 0; i < 3; i++) {
        bool takes = i == 0 ? op->takes_scale : op->takes_bounds;
        if (at[i] >= 0 && !takes)
            return FAIL(p, NAMES[i], "%s takes no such field", op->name);
        if (at[i] >= 0 && !hs_json_number(json, at[i], &x[i]))
            return FAIL(p, NAMES[i], "a finite number is needed here, not %s", hs_json_type_name(json, at[i]));
    }
    if (op->needs_scale && at[0] < 0)
        return FAIL(p, "scale", "%s needs it", op->name);
    if (op->takes_bounds && at[1] < 0 && at[2] < 0)
        return FAIL(p, "min", "%s needs min, max or both", op->name);
    if (x[1] > x[2])
        return FAIL(p, "min", "%g is above max, %g", x[1], x[2]);
    e->scale = (hs_real)x[0];
    e->min = (hs_real)x[1];
    e->max = (hs_real)x[2];
    return HS_OK;
}

/* The edit at one hook that its glob matches. */
static hs_status compile(parser *p, hs_json_at object, const op_row *op, int hook, int layer, hs_edit *e)
{
    hs_hook_info info;
    hs_hook_info_at(&p->model->cfg, hook, layer, p->n_tokens, &info);
    e->hook = hook;
    e->layer = layer;
    e->op = op->op;
    e->n_axes = info.n_axes;
    memcpy(e->shape, info.shape, sizeof e->shape);
    if (op->frozen_hooks_only && hook != HS_HOOK_PATTERN && !hs_hook_is_scale(hook))
        return FAIL(p, "op", "freeze is for hook_pattern and the LayerNorm scales, not %s", info.name);
    HS_TRY(read_numbers(p, object, op, e));
    HS_TRY(read_selection(p, object, &info, e));
    hs_json_at value = hs_json_get(p->json, object, "value");
    if ((value >= 0) != (op->operand != OPERAND_NONE))
        return FAIL(p, "value", "%s %s", op->name, value >= 0 ? "takes no such field" : "needs it");
    if (value < 0)
        return HS_OK;
    operand_array a = {0, {0}, NULL};
    hs_status status = read_operand(p, value, op, &info, e, &a);
    if (status == HS_OK && op->operand == OPERAND_DIRECTION)
        status = a.n_axes ? normalise(p, &a) : FAIL(p, "value", "%s needs a direction", op->name);
    if (status == HS_OK && op->operand == OPERAND_DIRECTION && a.shape[a.n_axes - 1] != e->n_index[e->n_axes - 1])
        status = FAIL(p, "value", "the direction has %lld entries and %d are selected of %s", (long long)a.shape[a.n_axes - 1],
                      e->n_index[e->n_axes - 1], info.name);
    if (status == HS_OK)
        status = broadcast(p, &a, e, &info);
    free(a.data);
    return status;
}

static hs_status push(parser *p, hs_edit *e)
{
    hs_edits *edits = p->edits;
    if (edits->n == p->capacity) {
        int capacity = p->capacity ? p->capacity * 2 : 8;
        hs_edit *list = realloc(edits->list, (size_t)capacity * sizeof *list);
        if (!list)
            return no_memory(p);
        edits->list = list;
        p->capacity = capacity;
    }
    if (e->op == HS_OP_CLAMP) {
        e->inside_offset = edits->n_inside;
        edits->n_inside += e->n_index[0] * (e->n_axes == 3 ? e->n_index[1] : 1);
    }
    edits->list[edits->n++] = *e;
    edits->any[hs_hook_at(e->hook, e->layer)] = 1;
    return HS_OK;
}

static hs_status read_edit(parser *p, hs_json_at object)
{
    const hs_json *json = p->json;
    if (hs_json_type_of(json, object) != HS_JSON_OBJECT)
        return hs_fail(p->detail, HS_EEDIT, "edits[%d]: an object is needed here, not %s", p->edit, hs_json_type_name(json, object));
    const char *unknown = hs_json_unknown_key(json, object, FIELDS);
    if (unknown)
        return FAIL(p, unknown, "an edit has no such %s", "field");
    hs_json_at hook_at = hs_json_get(json, object, "hook"), op_at = hs_json_get(json, object, "op");
    const char *glob = hook_at < 0 ? NULL : hs_json_string(json, hook_at), *name = op_at < 0 ? NULL : hs_json_string(json, op_at);
    if (!glob)
        return FAIL(p, "hook", "the name of a hook is needed %s", "here");
    const op_row *op = NULL;
    for (int i = 0; name && i < N_OPS; i++)
        op = strcmp(OPS[i].name, name) ? op : &OPS[i];
    if (!op)
        return FAIL(p, "op", "\"%s\" is none of zero, scale, set, add, mean, patch, freeze, project_out, clamp", name ? name : "");
    int n = 0;
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(&p->model->cfg, &walk);) {
        hs_hook_info info;
        hs_hook_info_at(&p->model->cfg, walk.hook, walk.layer, p->n_tokens, &info);
        if (!hs_glob_match(glob, info.name))
            continue;
        hs_edit e;
        memset(&e, 0, sizeof e);
        hs_status status = compile(p, object, op, walk.hook, walk.layer, &e);
        if (status == HS_OK)
            status = push(p, &e);
        if (status != HS_OK) {
            clear(&e);
            return status;
        }
        n++;
    }
    return n ? HS_OK : FAIL(p, "hook", "\"%s\" matches no hook of this model", glob);
}

/* The list of edits in a document: itself, or the "edits" of {"v":1,"edits":[...]}. */
static hs_status find_list(const hs_json *json, hs_detail *detail, hs_json_at *out)
{
    hs_json_at root = hs_json_root(json), list = root;
    if (hs_json_type_of(json, root) == HS_JSON_OBJECT) {
        int64_t v;
        static const char *const KNOWN[] = {"v", "edits", NULL};
        const char *unknown = hs_json_unknown_key(json, root, KNOWN);
        if (unknown)
            return hs_fail(detail, HS_EEDIT, "%s: an edit document has no such field", unknown);
        hs_json_at version = hs_json_get(json, root, "v");
        if (version >= 0 && (!hs_json_int(json, version, &v) || v != 1))
            return hs_fail(detail, HS_EEDIT, "v: this program reads version 1");
        list = hs_json_get(json, root, "edits");
    }
    if (list < 0 || hs_json_type_of(json, list) != HS_JSON_ARRAY)
        return hs_fail(detail, HS_EEDIT, "edits: a list of edits is needed");
    *out = list;
    return HS_OK;
}

hs_status hs_edits_new(const hs_model *model, hs_bytes text, int n_tokens, const hs_sources *sources, hs_detail *detail,
                       hs_edits **out)
{
    if (n_tokens < 1)
        return hs_fail(detail, HS_ETOKENS, "ids: there are none; edits need at least one token");
    hs_json *json;
    hs_json_at list;
    HS_TRY(hs_json_parse(text, detail, &json));
    hs_status status = find_list(json, detail, &list);
    hs_edits *edits = status == HS_OK ? calloc(1, sizeof *edits) : NULL;
    if (edits)
        edits->any = calloc((size_t)(HS_N_HOOKS * (model->cfg.n_layers > 0 ? model->cfg.n_layers : 1)), 1);
    if (status == HS_OK && (!edits || !edits->any))
        status = hs_fail(detail, HS_EMEMORY, "no memory for the edits");
    if (status == HS_OK) {
        edits->n_tokens = n_tokens;
        parser p = {model, json, sources, detail, n_tokens, 0, edits, 0};
        for (hs_json_at at = hs_json_first(json, list); at >= 0 && status == HS_OK; at = hs_json_next(json, at), p.edit++)
            status = read_edit(&p, at);
    }
    hs_json_free(json);
    if (status != HS_OK) {
        hs_edits_free(edits);
        return status;
    }
    *out = edits;
    return HS_OK;
}

void hs_edits_free(hs_edits *edits)
{
    if (!edits)
        return;
    for (int i = 0; i < edits->n; i++)
        clear(&edits->list[i]);
    free(edits->list);
    free(edits->any);
    free(edits);
}

hs_status hs_edits_needs(hs_bytes text, const char *run_name, hs_detail *detail,
                         void (*found)(void *context, const char *glob), void *context)
{
    hs_json *json;
    hs_json_at list;
    HS_TRY(hs_json_parse(text, detail, &json));
    hs_status status = find_list(json, detail, &list);
    for (hs_json_at at = status == HS_OK ? hs_json_first(json, list) : -1; at >= 0; at = hs_json_next(json, at)) {
        if (hs_json_type_of(json, at) != HS_JSON_OBJECT)
            continue;
        hs_json_at value = hs_json_get(json, at, "value"), hook = hs_json_get(json, at, "hook");
        if (value < 0 || hook < 0 || hs_json_type_of(json, value) != HS_JSON_OBJECT)
            continue;
        hs_json_at run = hs_json_get(json, value, "run");
        const char *name = run < 0 ? NULL : hs_json_string(json, run), *glob = hs_json_string(json, hook);
        if (name && glob && !strcmp(name, run_name))
            found(context, glob);
    }
    hs_json_free(json);
    return status;
}
