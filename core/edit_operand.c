/* edit_operand.c: the values of edits: numbers, lists, vectors, other runs; aligned with the selection. */
#include "edit_parse.h"
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An operand as an array: right-aligned with the selection and broadcast over it. */
typedef struct operand_array {
    int n_axes;
    int64_t shape[HS_MAX_AXES + 4];
    hs_real *data; /* owned */
} operand_array;

static hs_status no_memory(hs_edit_parser *p)
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

static hs_status read_list(hs_edit_parser *p, hs_json_at at, operand_array *a)
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

/* The named run, which has captured the edit's hook. */
static hs_status find_run(hs_edit_parser *p, hs_json_at value, const hs_hook_info *info, const hs_edit *e, const hs_run **out)
{
    const char *name = hs_json_string(p->json, hs_json_get(p->json, value, "run"));
    if (!name)
        return FAIL(p, "value.run", "the name of a run is needed %s", "here");
    for (int i = 0; p->sources && i < p->sources->n_runs; i++)
        if (!strcmp(p->sources->run_names[i], name)) {
            *out = p->sources->runs[i];
            return (*out)->captured[hs_hook_at(e->hook, e->layer)]
                       ? HS_OK : FAIL(p, "value.run", "run \"%s\" was made without %s", name, info->name);
        }
    return FAIL(p, "value.run", "there is no run \"%s\" beside this one", name);
}

/* value.positions, or `defaults` when absent: which positions of the other run are read. */
static hs_status run_positions(hs_edit_parser *p, hs_json_at value, int n_run, const int *defaults, int n_defaults, int **out, int *n_out)
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

/* Read the run's tensor: the heads, dims or sources that the edit selects, at from's positions or their mean. */
static void gather(const hs_edit *e, hs_real *out)
{
    const hs_edit_from *from = &e->from;
    hs_hook_info info = hs_run_shape(from->run, e->hook, e->layer);
    const hs_real *data = hs_run_at(from->run, e->hook, e->layer);
    int axis = hs_hook_is_masked(e->hook) ? 1 : 0, n[3] = {1, 1, 1}, n_summed = from->mean ? from->n_positions : 1;
    for (int i = 0; i < e->n_axes; i++)
        n[i] = i != axis ? e->n_index[i] : from->mean ? 1 : from->n_positions;
    for (int i = 0; i < n[0]; i++)
        for (int j = 0; j < n[1]; j++)
            for (int k = 0; k < n[2]; k++) {
                double sum = from->mean ? 0 : -0.0; /* which a single number added to leaves as it is */
                for (int s = 0; s < n_summed; s++) {
                    int64_t x = axis == 0 ? from->positions[i + s] : e->index[0][i], y = axis == 1 ? from->positions[j + s] : e->index[1][j];
                    int64_t at = x * info.shape[1] + y, z = e->n_axes == 3 ? e->index[2][k] : 0;
                    if (e->n_axes == 3)
                        at = at * info.shape[2] + z;
                    sum += x < 0 || y < 0 || z < 0 ? 0 : (double)data[at];
                }
                *out++ = (hs_real)(from->mean ? sum / n_summed : sum);
            }
}

/* Take generated positions that a run of n_run tokens lacks out of the selection. */
static void pass_over_generated(const hs_edit_parser *p, hs_edit *e, int axis, int n_run)
{
    for (int i = 0; i < e->n_index[axis]; i++)
        if (e->index[axis][i] >= p->n_prompt && e->index[axis][i] >= n_run)
            e->index[axis][i] = -1;
}

static hs_status read_run(hs_edit_parser *p, hs_json_at value, const hs_op_row *op, const hs_hook_info *info, hs_edit *e, operand_array *a)
{
    const hs_run *run = NULL;
    hs_edit_from *from = &e->from;
    HS_TRY(find_run(p, value, info, e, &run));
    int axis = hs_hook_is_masked(e->hook) ? 1 : 0, n_run = hs_run_n_tokens(run);
    int64_t count = 1;
    if (hs_hook_is_masked(e->hook)) {
        pass_over_generated(p, e, 2, n_run);
        for (int i = 0; i < e->n_index[2]; i++)
            if (e->index[2][i] >= n_run)
                return FAIL(p, "sources", "source %d is outside the other run, which has %d tokens", e->index[2][i], n_run);
    }
    if (op->operand == HS_OPERAND_MEAN) {
        int *all = malloc((size_t)n_run * sizeof(int));
        if (!all)
            return no_memory(p);
        for (int i = 0; i < n_run; i++)
            all[i] = i;
        hs_status status = run_positions(p, value, n_run, all, n_run, &from->positions, &from->n_positions);
        free(all);
        HS_TRY(status);
        if (from->n_positions == 0)
            return FAIL(p, "value.positions", "a mean over no position is %s", "undefined");
    } else {
        if (hs_json_get(p->json, value, "positions") < 0)
            pass_over_generated(p, e, axis, n_run);
        HS_TRY(run_positions(p, value, n_run, e->index[axis], e->n_index[axis], &from->positions, &from->n_positions));
        if (from->n_positions != e->n_index[axis] && from->n_positions != 1)
            return FAIL(p, "value.positions", "%d positions are read for %d that are written", from->n_positions, e->n_index[axis]);
    }
    from->run = run;
    from->mean = op->operand == HS_OPERAND_MEAN;
    a->n_axes = e->n_axes;
    for (int i = 0; i < e->n_axes; i++) {
        a->shape[i] = i != axis ? e->n_index[i] : from->mean ? 1 : from->n_positions;
        count *= a->shape[i];
    }
    a->data = calloc((size_t)count + 1, sizeof(hs_real));
    return a->data ? HS_OK : no_memory(p);
}

static hs_status read_vector(hs_edit_parser *p, hs_json_at value, operand_array *a)
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
    return FAIL(p, "value.vector", "there is no vector \"%s\" beside this run", name);
}

/* Keys of an operand object: exactly "run" (and "positions"), or "vector". */
static hs_status check_operand_keys(hs_edit_parser *p, hs_json_at value, bool is_run)
{
    static const char *const RUN[] = {"run", "positions", NULL}, *const VECTOR[] = {"vector", NULL};
    const char *unknown = hs_json_unknown_key(p->json, value, is_run ? RUN : VECTOR);
    return unknown ? FAIL(p, "value", "\"%s\" is no field of an operand", unknown) : HS_OK;
}

static hs_status read_operand(hs_edit_parser *p, hs_json_at value, const hs_op_row *op, const hs_hook_info *info, hs_edit *e, operand_array *a)
{
    const hs_json *json = p->json;
    double x;
    hs_json_type type = hs_json_type_of(json, value);
    bool is_run = type == HS_JSON_OBJECT && hs_json_get(json, value, "run") >= 0;
    if (op->operand == HS_OPERAND_RUN && !is_run)
        return FAIL(p, "value", "%s takes its value from a run: {\"run\":\"B\"}", op->name);
    if (op->operand == HS_OPERAND_DIRECTION && type == HS_JSON_NUMBER)
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

/* Bring each direction [n] to length 1, so that x - (x.v)v is a projection; false where one has no length. */
static bool normalise(hs_real *v, int64_t rows, int64_t n)
{
    bool all = true;
    for (; rows > 0; rows--, v += n) {
        double squares = 0;
        for (int64_t i = 0; i < n; i++)
            squares += (double)v[i] * (double)v[i];
        all = all && squares > 0 && isfinite(squares);
        for (int64_t i = 0; i < n; i++)
            v[i] = (hs_real)((double)v[i] / sqrt(squares));
    }
    return all;
}

/* The operand as the edit takes it, from its run if it is of one; false for a direction without a length. */
static bool finish(hs_edit *e)
{
    bool direction = e->op == HS_OP_PROJECT_OUT || e->op == HS_OP_CLAMP;
    int64_t n = e->n_index[e->n_axes - 1];
    if (e->from.run)
        gather(e, e->value);
    free(e->from.positions);
    e->from = (hs_edit_from){0};
    return !direction || normalise(e->value, hs_edit_n_values(e) / n, n);
}

void hs_edits_fill(hs_edits *edits)
{
    for (int i = 0; i < edits->n; i++)
        if (edits->list[i].from.run)
            finish(&edits->list[i]);
}

/* Give the operand to the edit: strides over the selection's axes, 0 where it is broadcast. */
static hs_status broadcast(hs_edit_parser *p, operand_array *a, hs_edit *e, const hs_hook_info *info)
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

hs_status hs_operand_read(hs_edit_parser *p, hs_json_at value, const hs_op_row *op, const hs_hook_info *info, hs_edit *e)
{
    operand_array a = {0, {0}, NULL};
    hs_status status = read_operand(p, value, op, info, e, &a);
    bool direction = op->operand == HS_OPERAND_DIRECTION;
    if (status == HS_OK && direction && !a.n_axes)
        status = FAIL(p, "value", "%s needs a direction", op->name);
    if (status == HS_OK && direction && a.shape[a.n_axes - 1] != e->n_index[e->n_axes - 1])
        status = FAIL(p, "value", "the direction has %lld entries and %d are selected of %s", (long long)a.shape[a.n_axes - 1],
                      e->n_index[e->n_axes - 1], info->name);
    if (status == HS_OK)
        status = broadcast(p, &a, e, info);
    if (status == HS_OK && !(e->from.run && !e->from.run->base) && !finish(e))
        status = FAIL(p, "value", "a direction needs a finite length above %d", 0);
    free(a.data);
    return status;
}
