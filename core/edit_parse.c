/* edit_parse.c: an edit document, checked and compiled (docs/formats.md, "Edits"). */
#include "edit_parse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const hs_op_row OPS[] = {
    {"zero", HS_OP_ZERO, HS_OPERAND_NONE, false, false, false, false},
    {"scale", HS_OP_SCALE, HS_OPERAND_NONE, true, true, false, false},
    {"set", HS_OP_SET, HS_OPERAND_ANY, false, false, false, false},
    {"add", HS_OP_ADD, HS_OPERAND_ANY, true, false, false, false},
    {"mean", HS_OP_SET, HS_OPERAND_MEAN, false, false, false, false},
    {"patch", HS_OP_SET, HS_OPERAND_RUN, false, false, false, false},
    {"freeze", HS_OP_SET, HS_OPERAND_RUN, false, false, false, true},
    {"project_out", HS_OP_PROJECT_OUT, HS_OPERAND_DIRECTION, true, false, false, false},
    {"clamp", HS_OP_CLAMP, HS_OPERAND_DIRECTION, false, false, true, false},
};
enum { N_OPS = sizeof OPS / sizeof *OPS };

static const char *const FIELDS[] = {"hook", "heads", "positions", "sources", "dims", "from", "op", "scale", "value", "min", "max", NULL};

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

static hs_status all_of(hs_edit_parser *p, hs_edit *e, int axis)
{
    e->n_index[axis] = (int)e->shape[axis];
    e->index[axis] = malloc((size_t)e->shape[axis] * sizeof(int) + 1);
    if (!e->index[axis])
        return hs_fail(p->detail, HS_EMEMORY, "no memory for the edits");
    for (int i = 0; i < e->n_index[axis]; i++)
        e->index[axis][i] = i;
    return HS_OK;
}

/* A list of indices in range; negative ones count back from `end` (0: refused). One that stands several
 * times counts once, with its last operand, as an assignment to x[[3, 3]] does in numpy. */
static hs_status select_list(hs_edit_parser *p, hs_edit *e, int axis, const char *field, hs_json_at at, int end, const char *hook)
{
    const hs_json *json = p->json;
    int64_t length = e->shape[axis];
    if (hs_json_type_of(json, at) != HS_JSON_ARRAY)
        return FAIL(p, field, "a list is needed here, not %s", hs_json_type_name(json, at));
    if (!hs_json_length(json, at))
        return FAIL(p, field, "at least one is needed; leave the field out for %s", "all");
    int *last = malloc((size_t)length * sizeof *last + 1); /* where each index stood last */
    e->index[axis] = malloc((size_t)hs_json_length(json, at) * sizeof(int) + 1);
    if (!e->index[axis] || !last) {
        free(last);
        return hs_fail(p->detail, HS_EMEMORY, "no memory for the edits");
    }
    for (int64_t i = 0; i < length; i++)
        last[i] = -1;
    int n = 0;
    hs_status status = HS_OK;
    for (hs_json_at item = hs_json_first(json, at); item >= 0 && status == HS_OK; item = hs_json_next(json, item), n++) {
        int64_t i;
        if (!hs_json_int(json, item, &i))
            status = hs_fail(p->detail, HS_EEDIT, "edits[%d].%s[%d]: a whole number is needed here", p->edit, field, n);
        else if (i >= length || i < -end)
            status = hs_fail(p->detail, HS_EEDIT, "edits[%d].%s[%d]: %lld is outside %s, which has %lld", p->edit, field, n,
                             (long long)i, hook, (long long)length);
        else {
            i += i < 0 ? end : 0;
            if (last[i] >= 0)
                e->index[axis][last[i]] = -1;
            last[i] = n;
            e->index[axis][n] = (int)i;
        }
    }
    free(last);
    e->n_index[axis] = n;
    return status;
}

static hs_status select_range(hs_edit_parser *p, hs_edit *e, int axis, const char *field, int64_t begin, int64_t end)
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

static hs_status read_selection(hs_edit_parser *p, hs_json_at object, const hs_hook_info *info, hs_edit *e)
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
        HS_TRY(select_list(p, e, axis, LISTS[i], at, i > 0 ? p->n_prompt : 0, info->name));
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
        if (begin == end)
            return FAIL(p, "dims", "at least one is needed; leave the field out for %s", "all");
    }
    if (from >= 0) {
        int axis = axis_of(info, e->hook, "positions");
        int64_t begin, length = e->shape[axis];
        if (e->index[axis])
            return FAIL(p, "from", "positions and from cannot both stand in one edit of %s", info->name);
        if (!hs_json_int(json, from, &begin) || begin < -p->n_prompt)
            return FAIL(p, "from", "a position is needed here: a whole number of at least %d", -p->n_prompt);
        begin += begin < 0 ? p->n_prompt : 0;
        HS_TRY(select_range(p, e, axis, "from", begin < length ? begin : length, length));
    }
    for (int axis = 0; axis < e->n_axes; axis++)
        if (!e->index[axis])
            HS_TRY(all_of(p, e, axis));
    return HS_OK;
}

/* ---- one edit ---- */

static void clear(hs_edit *e)
{
    for (int i = 0; i < 3; i++)
        free(e->index[i]);
    free(e->value);
    free(e->from.positions);
}

static hs_status read_numbers(hs_edit_parser *p, hs_json_at object, const hs_op_row *op, hs_edit *e)
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
static hs_status compile(hs_edit_parser *p, hs_json_at object, const hs_op_row *op, int hook, int layer, hs_edit *e)
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
    if ((value >= 0) != (op->operand != HS_OPERAND_NONE))
        return FAIL(p, "value", "%s %s", op->name, value >= 0 ? "takes no such field" : "needs it");
    if (value < 0)
        return HS_OK;
    return hs_operand_read(p, value, op, &info, e);
}

static hs_status push(hs_edit_parser *p, hs_edit *e)
{
    hs_edits *edits = p->edits;
    if (edits->n == p->capacity) {
        int capacity = p->capacity ? p->capacity * 2 : 8;
        hs_edit *list = realloc(edits->list, (size_t)capacity * sizeof *list);
        if (!list)
            return hs_fail(p->detail, HS_EMEMORY, "no memory for the edits");
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

static hs_status read_edit(hs_edit_parser *p, hs_json_at object)
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
    const hs_op_row *op = NULL;
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
            return hs_fail(detail, HS_EEDIT, "%s: an edit document has no such field; it is a list of edits, or {\"v\":1,\"edits\":[...]}",
                           unknown);
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
    return hs_edits_compile(model, text, n_tokens, n_tokens, sources, detail, out);
}

hs_status hs_edits_compile(const hs_model *model, hs_bytes text, int n_prompt, int n_tokens, const hs_sources *sources,
                           hs_detail *detail, hs_edits **out)
{
    if (n_prompt < 1)
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
        hs_edit_parser p = {model, json, sources, detail, n_prompt, n_tokens, 0, edits, 0};
        for (hs_json_at at = hs_json_first(json, list); at >= 0 && status == HS_OK; at = hs_json_next(json, at), p.edit++)
            status = read_edit(&p, at);
    }
    hs_json_free(json);
    if (status != HS_OK) {
        hs_edits_free(edits);
        return status;
    }
    hs_edit *fitting = realloc(edits->list, ((size_t)edits->n + 1) * sizeof *fitting); /* of no more room than they take */
    edits->list = fitting ? fitting : edits->list;
    *out = edits;
    return HS_OK;
}

int64_t hs_edit_n_values(const hs_edit *e)
{
    int64_t n = e->value ? 1 : 0;
    for (int i = 0; i < e->n_axes; i++)
        n *= e->value_stride[i] ? e->n_index[i] : 1;
    return n;
}

uint64_t hs_edits_bytes(const hs_edits *edits, int n_layers)
{
    uint64_t bytes = sizeof *edits + (uint64_t)HS_N_HOOKS * (uint64_t)(n_layers > 0 ? n_layers : 1) + sizeof *edits->list;
    for (int i = 0; i < edits->n; i++) {
        bytes += sizeof *edits->list + (uint64_t)hs_edit_n_values(&edits->list[i]) * sizeof(hs_real);
        bytes += (uint64_t)edits->list[i].from.n_positions * sizeof(int);
        for (int axis = 0; axis < edits->list[i].n_axes; axis++)
            bytes += (uint64_t)edits->list[i].n_index[axis] * sizeof(int);
    }
    return bytes;
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
