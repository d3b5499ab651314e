/* read_parts.c: see read_parts.h. An edit of a part (hook_embed, hook_z, hook_attn_out, ...) is in the part as
 * the run has it; an edit of the stream itself (hook_resid_pre, ...) is a part of its own. */
#include "read_parts.h"

#include <string.h>

bool hs_read_edited(const hs_reading *r, int hook, int layer)
{
    return (r->side[0] && hs_edits_any(r->side[0]->edits, hook, layer)) ||
           (r->side[1] && hs_edits_any(r->side[1]->edits, hook, layer));
}

/* ---- the list ---- */

typedef struct list {
    hs_reading *r;
    int division;
    hs_part *parts; /* NULL: only counted */
    int n;
} list;

static void add(list *l, hs_part_kind kind, int hook, int layer, int head, const char *format)
{
    if (l->parts) {
        hs_part *part = &l->parts[l->n];
        *part = (hs_part){.kind = kind, .hook = hook, .layer = layer, .head = head};
        hs_format(part->label, sizeof part->label, format, layer, head);
    }
    l->n++;
}

static void add_edit(list *l, int hook, int layer, const char *format)
{
    if (hs_read_edited(l->r, hook, layer))
        add(l, HS_PART_EDIT, hook, layer, 0, format);
}

static void add_attention(list *l, int layer)
{
    if (!(l->division & HS_PARTS_HEADS)) {
        add(l, HS_PART_HOOK, HS_HOOK_ATTN_OUT, layer, 0, "%d_attn_out");
        return;
    }
    for (int h = 0; !(l->division & HS_PARTS_NO_HEADS) && h < l->r->model->cfg.n_heads; h++)
        add(l, HS_PART_HEAD, HS_HOOK_RESULT, layer, h, "L%dH%d");
    add(l, HS_PART_ATTN_BIAS, HS_HOOK_ATTN_OUT, layer, 0, "%d_attn_bias");
    add_edit(l, HS_HOOK_ATTN_OUT, layer, "edit %d_attn_out");
}

static void add_mlp(list *l, int layer)
{
    if (!(l->division & HS_PARTS_NO_NEURONS)) {
        add(l, HS_PART_HOOK, HS_HOOK_MLP_OUT, layer, 0, "%d_mlp_out");
        return;
    }
    add(l, HS_PART_MLP_BIAS, HS_HOOK_MLP_OUT, layer, 0, "%d_mlp_bias");
    add_edit(l, HS_HOOK_MLP_OUT, layer, "edit %d_mlp_out");
}

/* In the order in which they are written, up to the state and with the edits at it. */
static void add_all(list *l, const hs_state *state)
{
    const hs_config *cfg = &l->r->model->cfg;
    add(l, HS_PART_HOOK, HS_HOOK_EMBED, 0, 0, "embed");
    if (cfg->positional_embedding_type == HS_POSITIONS_STANDARD)
        add(l, HS_PART_HOOK, HS_HOOK_POS_EMBED, 0, 0, "pos_embed");
    for (int layer = 0; state->hook >= 0 && layer <= state->layer; layer++) {
        bool last = layer == state->layer;
        add_edit(l, HS_HOOK_RESID_PRE, layer, "edit %d_resid_pre");
        if (last && state->hook == HS_HOOK_RESID_PRE)
            return;
        add_attention(l, layer);
        if (!cfg->attn_only) {
            add_edit(l, HS_HOOK_RESID_MID, layer, "edit %d_resid_mid");
            if (last && state->hook == HS_HOOK_RESID_MID)
                return;
            add_mlp(l, layer);
        }
        add_edit(l, HS_HOOK_RESID_POST, layer, "edit %d_resid_post");
    }
}

hs_status hs_parts_new(hs_reading *r, const hs_read_spec *spec, const char *key, const hs_state *state, int division,
                       const char *axis, hs_part **out, int *n)
{
    if (state->hook >= 0 && state->hook != HS_HOOK_RESID_PRE && state->hook != HS_HOOK_RESID_MID &&
        state->hook != HS_HOOK_RESID_POST)
        return HS_SPEC_FAIL(spec, key, "\"%s\" is no state of the residual stream; those are 0_pre, 0_mid, ..., final_post",
                            state->label);
    list l = {r, division, NULL, 0};
    add_all(&l, state);
    HS_READ_TAKE(r, spec, *out, l.n);
    if (!r->row)
        HS_READ_TAKE(r, spec, r->row, r->model->cfg.d_model);
    l = (list){r, division, *out, 0};
    add_all(&l, state);
    *n = l.n;
    for (int i = 0; *axis && i < l.n; i++)
        hs_read_label(r, axis, l.parts[i].label);
    for (int layer = 0; layer < r->model->cfg.n_layers; layer++)
        if (!r->results && hs_read_edited(r, HS_HOOK_RESULT, layer))
            HS_READ_TAKE(r, spec, r->results, (int64_t)r->n_tokens * r->model->cfg.n_heads * r->model->cfg.d_model);
    return HS_OK;
}

/* ---- vectors ---- */

static void widen(double *out, const hs_real *x, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (double)x[i];
}

/* out += a * x */
static void add_scaled(double *out, double a, const hs_real *x, int n)
{
    for (int i = 0; i < n; i++)
        out[i] += a * (double)x[i];
}

/* z W_O[h], before edits of hook_result. */
static void add_result(const hs_run *run, int layer, int h, int t, double *out)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, e = cfg->d_head;
    const hs_real *z = hs_run_at(run, HS_HOOK_Z, layer) + ((int64_t)t * cfg->n_heads + h) * e;
    const hs_real *W_O = run->model->blocks[layer].W_O + (int64_t)h * e * d;
    for (int j = 0; j < e; j++)
        add_scaled(out, (double)z[j], W_O + (int64_t)j * d, d);
}

void hs_head_vector(hs_reading *r, int side, int layer, int h, int t, double *out)
{
    const hs_run *run = r->side[side];
    int d = run->model->cfg.d_model, H = run->model->cfg.n_heads;
    memset(out, 0, (size_t)d * sizeof *out);
    add_result(run, layer, h, t, out);
    if (!hs_edits_any(run->edits, HS_HOOK_RESULT, layer))
        return;
    /* An edit of a row reads that row of that head alone. */
    hs_real *row = r->results + ((int64_t)t * H + h) * d;
    for (int i = 0; i < d; i++)
        row[i] = (hs_real)out[i];
    hs_edits_apply(run->edits, HS_HOOK_RESULT, layer, HS_ALL_HEADS, (hs_rows){t, t + 1}, r->results, NULL);
    widen(out, row, d);
}

/* attn_out less its heads and b_O; mlp_out less its neurons and b_out. */
static void edit_of_out(hs_reading *r, int side, const hs_part *part, int t, double *out)
{
    const hs_run *run = r->side[side];
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[part->layer];
    int d = cfg->d_model;
    double *head = r->row;
    widen(out, hs_run_at(run, part->hook, part->layer) + (int64_t)t * d, d);
    add_scaled(out, -1, part->hook == HS_HOOK_ATTN_OUT ? w->b_O : w->b_out, d);
    if (part->hook == HS_HOOK_ATTN_OUT)
        for (int h = 0; h < cfg->n_heads; h++) {
            hs_head_vector(r, side, part->layer, h, t, head);
            for (int i = 0; i < d; i++)
                out[i] -= head[i];
        }
    const hs_real *post = part->hook == HS_HOOK_MLP_OUT ? hs_run_at(run, HS_HOOK_MLP_POST, part->layer) + (int64_t)t * cfg->d_mlp : NULL;
    for (int n = 0; post && n < cfg->d_mlp; n++)
        add_scaled(out, -(double)post[n], w->W_out + (int64_t)n * d, d);
}

/* The stream at this hook less what flowed into it. */
static void edit_of_stream(const hs_run *run, const hs_part *part, int t, double *out)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, layer = part->layer;
    int64_t at = (int64_t)t * d;
    const hs_real *before, *written = NULL;
    if (part->hook == HS_HOOK_RESID_PRE)
        before = layer ? hs_run_at(run, HS_HOOK_RESID_POST, layer - 1) : run->stream;
    else {
        bool after_mlp = part->hook == HS_HOOK_RESID_POST && !cfg->attn_only;
        before = hs_run_at(run, after_mlp ? HS_HOOK_RESID_MID : HS_HOOK_RESID_PRE, layer);
        written = hs_run_at(run, after_mlp ? HS_HOOK_MLP_OUT : HS_HOOK_ATTN_OUT, layer);
    }
    const hs_real *now = hs_run_at(run, part->hook, layer);
    for (int i = 0; i < d; i++) {
        hs_real was = written ? before[at + i] + written[at + i] : before[at + i];
        out[i] = (double)now[at + i] - (double)was;
    }
}

void hs_part_vector(hs_reading *r, int side, const hs_part *part, int t, double *out)
{
    const hs_run *run = r->side[side];
    const hs_model *model = run->model;
    int d = model->cfg.d_model;
    switch (part->kind) {
    case HS_PART_HOOK: widen(out, hs_run_at(run, part->hook, part->layer) + (int64_t)t * d, d); break;
    case HS_PART_HEAD: hs_head_vector(r, side, part->layer, part->head, t, out); break;
    case HS_PART_ATTN_BIAS: widen(out, model->blocks[part->layer].b_O, d); break;
    case HS_PART_MLP_BIAS: widen(out, model->blocks[part->layer].b_out, d); break;
    case HS_PART_EDIT:
        if (part->hook == HS_HOOK_ATTN_OUT || part->hook == HS_HOOK_MLP_OUT)
            edit_of_out(r, side, part, t, out);
        else
            edit_of_stream(run, part, t, out);
        break;
    }
}
