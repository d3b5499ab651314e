/* edges.c: see edges.h. */
#include "edges.h"

#include "kernels.h"
#include "product.h"

#include <math.h>
#include <string.h>

/* ---- the plan ---- */

/* Where the gradient at a receiver is: [T, n_heads, d_model] of a head's input, else [T, d_model]. */
static int hook_of(const hs_config *cfg, hs_node receiver)
{
    static const int HOOKS[] = {HS_HOOK_Q_INPUT, HS_HOOK_K_INPUT, HS_HOOK_V_INPUT, HS_HOOK_MLP_IN};
    if (receiver.kind == HS_NODE_FINAL)
        return cfg->n_layers ? HS_HOOK_RESID_POST : HS_HOOK_EMBED;
    return HOOKS[receiver.kind - HS_NODE_Q];
}

/* "blocks.<last>.hook_resid_post", where there are layers. */
static void name_final(const hs_config *cfg, char out[64])
{
    hs_format(out, 64, cfg->n_layers ? "blocks.%d.hook_resid_post" : "hook_embed", cfg->n_layers - 1);
}

static void label_all(hs_reading *r, const char *axis, hs_side side)
{
    hs_node_label label;
    for (int i = 0; i < hs_n_nodes(&r->model->cfg, side); i++)
        hs_read_label(r, axis, hs_node_text(hs_node_at(&r->model->cfg, side, i), &label));
}

hs_status hs_edges_read(hs_reading *r, const hs_read_spec *spec, hs_edges_scores *e)
{
    const hs_config *cfg = &r->model->cfg;
    hs_slopes *s = &e->slopes;
    HS_TRY(hs_slopes_read(r, spec, s));
    name_final(cfg, e->final);
    s->hooks[s->n_hooks++] = e->final;
    if (cfg->n_layers) {
        s->capture[s->n_capture++] = "*.hook_z";
        s->hooks[s->n_hooks++] = "*.hook_?_input";
    }
    if (cfg->n_layers && !cfg->attn_only) {
        s->capture[s->n_capture++] = "*.hook_mlp_out";
        s->hooks[s->n_hooks++] = "*.hook_mlp_in";
    }
    HS_TRY(hs_slopes_promise(s, spec));
    e->n_senders = hs_n_nodes(cfg, HS_SENDERS);
    e->n_receivers = hs_n_nodes(cfg, HS_RECEIVERS);
    HS_READ_TAKE(r, spec, e->sum, (uint64_t)e->n_senders * (uint64_t)e->n_receivers);
    HS_READ_TAKE(r, spec, e->write, (uint64_t)s->n_tokens * (uint64_t)cfg->d_model);
    HS_READ_TAKE(r, spec, e->z, (uint64_t)s->n_tokens * (uint64_t)cfg->d_head);
    HS_READ_TAKE(r, spec, e->result, (uint64_t)s->n_tokens * (uint64_t)cfg->d_model);
    e->total = s->total + (double)hs_slopes_total(s) * e->n_senders * (cfg->n_layers + 1);
    HS_TRY(hs_read_array_new(r, spec, "values", false, HS_AXES({"sender", e->n_senders}, {"receiver", e->n_receivers}), &e->values));
    for (int64_t i = 0; i < (int64_t)e->n_senders * e->n_receivers; i++)
        hs_read_data(r, e->values, 0)[i] = (hs_real)NAN;
    label_all(r, "sender", HS_SENDERS);
    label_all(r, "receiver", HS_RECEIVERS);
    hs_read_convention(r, "values", "how much the metric of the run that is patched would change, to first order, if the receiver read what the sender "
                                    "writes in the other run; mean over pairs and steps; NaN where there is no edge");
    return HS_OK;
}

hs_status hs_edges_begin(hs_edges_scores *e, hs_detail *detail)
{
    return hs_slopes_begin(&e->slopes, detail);
}

void hs_edges_free(hs_edges_scores *e)
{
    hs_slopes_free(&e->slopes);
}

/* ---- scores ---- */

/* What the sender writes in source less what it writes in base, into e->write. */
static void change_of(hs_edges_scores *e, hs_node sender, hs_turns *turns)
{
    const hs_model *model = e->slopes.r->model;
    const hs_config *cfg = &model->cfg;
    int64_t T = e->slopes.n_tokens, d = cfg->d_model, w = cfg->d_head, n = cfg->n_heads * w;
    int hook = sender.kind == HS_NODE_EMBED ? HS_HOOK_EMBED : sender.kind == HS_NODE_MLP ? HS_HOOK_MLP_OUT : HS_HOOK_Z;
    const hs_real *base = hs_run_at(e->slopes.base, hook, sender.layer), *source = hs_run_at(e->slopes.source, hook, sender.layer);
    bool head = hook == HS_HOOK_Z;
    bool begins = hs_turn(turns, 0);
    for (int64_t i = 0; head && begins && i < T * w; i++) {
        int64_t at = i / w * n + sender.head * w + i % w;
        e->z[i] = source[at] - base[at];
    }
    if (head)
        hs_product_by(turns, model, e->result, d, e->z, w, model->forward.blocks[sender.layer].W_O + sender.head * w * HS_NR, HS_NR * n, NULL,
                      (int)T, (int)d, (int)w, false);
    bool ends = hs_turn(turns, (double)(T * d));
    for (int64_t i = 0; ends && i < T * d; i++)
        e->write[i] = head ? (double)e->result[i] : (double)source[i] - (double)base[i];
}

static double score_of(const hs_edges_scores *e, hs_node receiver)
{
    const hs_config *cfg = &e->slopes.r->model->cfg;
    bool heads = receiver.kind >= HS_NODE_Q && receiver.kind <= HS_NODE_V;
    int layer = receiver.kind == HS_NODE_FINAL && cfg->n_layers ? cfg->n_layers - 1 : receiver.layer;
    int64_t d = cfg->d_model, stride = heads ? cfg->n_heads * d : d;
    const hs_real *slope = e->slopes.grad->hook[hs_hook_at(hook_of(cfg, receiver), layer)] + (heads ? receiver.head * d : 0);
    double sum = 0;
    for (int64_t t = 0; t < e->slopes.n_tokens; t++)
        sum += hs_ddot(e->write + t * d, slope + t * stride, (int)d);
    return sum;
}

/* A walk through the sender's scores: its writes, then its edges one by one. */
static void score(hs_edges_scores *e, hs_turns *turns)
{
    const hs_config *cfg = &e->slopes.r->model->cfg;
    hs_node sender = hs_node_at(cfg, HS_SENDERS, e->sender);
    change_of(e, sender, turns);
    for (int i = 0; i < e->n_receivers; i++) {
        hs_node receiver = hs_node_at(cfg, HS_RECEIVERS, i);
        if (hs_is_edge(sender, receiver) && hs_turn(turns, 2.0 * e->slopes.n_tokens * cfg->d_model))
            e->sum[(int64_t)e->sender * e->n_receivers + i] += score_of(e, receiver);
    }
}

/* Its row of the array; and on to the next. */
static void end_sender(hs_edges_scores *e)
{
    const hs_config *cfg = &e->slopes.r->model->cfg;
    hs_node sender = hs_node_at(cfg, HS_SENDERS, e->sender);
    int64_t row = (int64_t)e->sender * e->n_receivers;
    for (int i = 0; i < e->n_receivers; i++)
        if (hs_is_edge(sender, hs_node_at(cfg, HS_RECEIVERS, i)))
            hs_read_data(e->slopes.r, e->values, 0)[row + i] = (hs_real)(e->sum[row + i] / (double)hs_slopes_count(&e->slopes));
    e->scored += cfg->n_layers + 1;
    e->scoring = ++e->sender < e->n_senders;
}

bool hs_edges_step(hs_edges_scores *e)
{
    if (!e->scoring) {
        hs_slopes_state state = hs_slopes_step(&e->slopes);
        e->scoring = state == HS_SLOPES_READY;
        e->sender = e->turn = 0;
        return state != HS_SLOPES_DONE;
    }
    hs_turns turns = {.wanted = e->turn};
    score(e, &turns);
    if (!hs_turns_left(&turns, &e->turn))
        end_sender(e);
    return true;
}

double hs_edges_done(const hs_edges_scores *e)
{
    return e->slopes.done + e->scored;
}
