/* edit.c: carry out compiled edits. The operations are those of docs/formats.md, "Edits". */
#include "edit.h"

#include "kernels.h"

/* Where a selected line (all axes but the last fixed) stands in the tensor and in the operand, and how
 * many of its last-axis entries are in reach: on masked hooks, sources after the destination are not. */
typedef struct line {
    hs_real *x;
    const hs_real *value;
    int64_t value_stride;
    const int *index;
    int n, dest;
} line;

static bool in_reach(const line *l, int i)
{
    return l->index[i] >= 0 && (l->dest < 0 || l->index[i] <= l->dest);
}

/* The coefficient x.v over the cells in reach; v is of unit length (edit_parse.c sees to it). */
static hs_real coefficient(const line *l, const hs_real *x)
{
    hs_real sum = 0;
    for (int i = 0; i < l->n; i++)
        if (in_reach(l, i))
            sum += x[l->index[i]] * l->value[i * l->value_stride];
    return sum;
}

static void move_along(const line *l, hs_real *x, hs_real distance)
{
    if (distance == 0)
        return; /* so that a clamp inside its bounds is bit-equal to none */
    for (int i = 0; i < l->n; i++)
        if (in_reach(l, i))
            x[l->index[i]] += distance * l->value[i * l->value_stride];
}

static void act(const hs_edit *e, const line *l, uint8_t *inside)
{
    switch (e->op) {
    case HS_OP_ZERO:
        for (int i = 0; i < l->n; i++)
            if (in_reach(l, i))
                l->x[l->index[i]] = 0;
        break;
    case HS_OP_SCALE:
        for (int i = 0; i < l->n; i++)
            if (in_reach(l, i))
                l->x[l->index[i]] *= e->scale;
        break;
    case HS_OP_SET:
        for (int i = 0; i < l->n; i++)
            if (in_reach(l, i))
                l->x[l->index[i]] = l->value[i * l->value_stride];
        break;
    case HS_OP_ADD:
        for (int i = 0; i < l->n; i++) {
            hs_real step = e->scale * l->value[i * l->value_stride];
            if (step != 0 && in_reach(l, i)) /* adding 0 would turn -0 into 0 */
                l->x[l->index[i]] += step;
        }
        break;
    case HS_OP_PROJECT_OUT:
        if (e->scale != 0) /* where x is infinite too */
            move_along(l, l->x, -e->scale * coefficient(l, l->x));
        break;
    case HS_OP_CLAMP: {
        hs_real c = coefficient(l, l->x), bounded = c < e->min ? e->min : c > e->max ? e->max : c;
        if (inside)
            *inside = bounded == c;
        move_along(l, l->x, bounded - c);
        break;
    }
    }
}

static void act_gradient(const hs_edit *e, const line *l, const uint8_t *inside)
{
    switch (e->op) {
    case HS_OP_ZERO:
    case HS_OP_SET:
        for (int i = 0; i < l->n; i++)
            if (in_reach(l, i))
                l->x[l->index[i]] = 0;
        break;
    case HS_OP_ADD: break;
    case HS_OP_SCALE:
    case HS_OP_PROJECT_OUT: act(e, l, NULL); break; /* linear and symmetric: each is its own transpose */
    case HS_OP_CLAMP:
        if (!*inside)
            move_along(l, l->x, -coefficient(l, l->x));
        break;
    }
}

/* What of the hook's tensor `data` holds and which rows of it are meant. */
typedef struct part {
    hs_real *data;
    hs_rows rows;
    int head; /* whose [T, T] data is; HS_ALL_HEADS: everything */
} part;

/* Every selected line of the edit in this part, in order; exactly one of inside / was_inside is used. */
static void each_line(const hs_edit *e, part p, bool gradient, uint8_t *inside, const uint8_t *was_inside)
{
    bool masked = hs_hook_is_masked(e->hook);
    int last = e->n_axes - 1, n_middle = last == 2 ? e->n_index[1] : 1, mark = e->inside_offset;
    line l = {.value_stride = e->value_stride[last], .index = e->index[last], .n = e->n_index[last], .dest = -1};
    for (int i = 0; i < e->n_index[0]; i++)
        for (int j = 0; j < n_middle; j++, mark++) {
            int64_t at = e->index[0][i], offset = i * e->value_stride[0];
            int64_t row = masked ? e->index[1][j] : at;
            if (at < 0 || (last == 2 && e->index[1][j] < 0) || row < p.rows.from || row >= p.rows.to ||
                (p.head >= 0 && at != p.head))
                continue;
            if (last == 2) {
                at = (p.head >= 0 ? 0 : at * e->shape[1]) + e->index[1][j];
                offset += j * e->value_stride[1];
                l.dest = masked ? e->index[1][j] : -1;
            }
            l.x = p.data + at * e->shape[last];
            l.value = e->value ? e->value + offset : NULL;
            if (gradient)
                act_gradient(e, &l, was_inside ? was_inside + mark : NULL);
            else
                act(e, &l, inside ? inside + mark : NULL);
        }
}

void hs_edits_apply(const hs_edits *edits, int hook, int layer, int head, hs_rows rows, hs_real *data, uint8_t *inside)
{
    for (int i = 0; i < edits->n; i++)
        if (edits->list[i].hook == hook && edits->list[i].layer == layer)
            each_line(&edits->list[i], (part){data, rows, head}, false, inside, NULL);
}

void hs_edits_apply_gradient(const hs_edits *edits, int hook, int layer, int head, hs_rows rows, hs_real *d, const uint8_t *inside)
{
    for (int i = edits->n - 1; i >= 0; i--)
        if (edits->list[i].hook == hook && edits->list[i].layer == layer)
            each_line(&edits->list[i], (part){d, rows, head}, true, NULL, inside);
}
