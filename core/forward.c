/* forward.c: the transformer, as "A Mathematical Framework for Transformer Circuits" and TransformerLens
 * have it. Read block() from top to bottom: each hook point is one line.
 *
 * Everything works on rows [from, to) of tensors that stand whole. A row needs earlier rows only as keys and
 * values, so a layer in parts, or text that grows, gives the bits of one pass over everything. */
#include "kernels.h"
#include "product.h"
#include "run.h"

#include <string.h>

/* These rows of [T, width]. */
static void copy(hs_real *to, const hs_real *from, hs_rows rows, int64_t width)
{
    if (to != from)
        memcpy(to + rows.from * width, from + rows.from * width, (size_t)((rows.to - rows.from) * width) * sizeof *to);
}

static void add_rows(hs_real *sum, const hs_real *a, const hs_real *b, hs_rows rows, int64_t width)
{
    int64_t at = rows.from * width;
    hs_add(sum + at, a + at, b + at, (rows.to - rows.from) * width);
}

/* The turn of what is little beside products. */
static bool small_turn(const hs_run *run)
{
    return hs_turn(run->turns, 0);
}

/* The turn of what takes so many operations a row. */
static bool row_turn(const hs_run *run, hs_rows rows, double a_row)
{
    return hs_turn(run->turns, a_row * (rows.to - rows.from));
}

/* The turn of hooks where another run's numbers may come in, and of an addition. */
static bool live_turn(const hs_run *run, hs_rows rows)
{
    return row_turn(run, rows, run->model->cfg.d_model + (run->live ? run->live->row_flops : 0));
}

/* Of a LayerNorm of the stream. */
static bool norm_turn(const hs_run *run, hs_rows rows)
{
    return row_turn(run, rows, HS_NORM_FLOPS * run->model->cfg.d_model);
}

/* out = x W + bias: these rows of [T, n], [T, k]. */
static void multiply(const hs_run *run, hs_rows rows, hs_real *out, int64_t out_stride, const hs_real *x, int64_t x_stride,
                     const hs_real *packed, const hs_real *bias, int n, int k)
{
    hs_product_by(run->turns, run->model, out + rows.from * out_stride, out_stride, x + rows.from * x_stride, x_stride, packed,
                  (int64_t)HS_NR * k, bias, rows.to - rows.from, n, k, false);
}

void hs_layernorm(const hs_run *run, hs_rows rows, int hook_scale, int hook_normalized, int layer, const hs_real *x,
                  int64_t x_stride, const hs_real *w, const hs_real *b, int d, hs_real *scale, hs_real *out)
{
    if (run->model->cfg.normalization_type == HS_NORM_NONE && hook_scale != HS_HOOK_MLP_LN_SCALE) { /* solu_ln has its own */
        for (int t = rows.from; t < rows.to; t++)
            memcpy(out + (int64_t)t * d, x + t * x_stride, (size_t)d * sizeof *out);
        return;
    }
    /* An edit wants all scales before the first is used; only then the means are taken a second time. */
    bool edited = hs_run_acts(run, hook_scale, layer);
    hs_real mean, unedited;
    for (int t = rows.from; t < rows.to; t++) {
        hs_ln_moments(x + t * x_stride, d, run->model->cfg.eps, &mean, &scale[t]);
        if (!edited)
            hs_ln_apply(out + (int64_t)t * d, x + t * x_stride, mean, scale[t], w, b, d);
    }
    hs_hook(run, hook_scale, layer, rows, scale);
    for (int t = rows.from; edited && t < rows.to; t++) {
        hs_ln_moments(x + t * x_stride, d, run->model->cfg.eps, &mean, &unedited);
        hs_ln_apply(out + (int64_t)t * d, x + t * x_stride, mean, scale[t], w, b, d);
    }
    hs_hook(run, hook_normalized, layer, rows, out);
}

const hs_real *hs_with_positions(const hs_run *run, hs_rows rows, const hs_real *x)
{
    if (run->model->cfg.positional_embedding_type != HS_POSITIONS_SHORTFORMER)
        return x;
    const hs_real *pos = hs_run_at(run, HS_HOOK_POS_EMBED, 0);
    int64_t d = run->model->cfg.d_model;
    add_rows(run->qk_input, x, pos, rows, d);
    return run->qk_input;
}

/* What hs_with_positions gives, made or not. */
static const hs_real *positions_place(const hs_run *run, const hs_real *x)
{
    return run->model->cfg.positional_embedding_type == HS_POSITIONS_SHORTFORMER ? run->qk_input : x;
}

/* out [T, n_heads, d_head] = LN1(input) W + b for one of q, k, v, and its hook. `shared` [T, d_model] is the LN'd
 * stream that all heads read; where an edit gives each head its own input (hook_input), LN runs head by head. */
static void project(const hs_run *run, int layer, hs_rows rows, int hook_input, bool takes_positions, const hs_real *shared,
                    const hs_real *packed, const hs_real *bias, hs_real *out)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int d = cfg->d_model, H = cfg->n_heads, e = cfg->d_head;
    bool split = hs_run_splits(run, hook_input, layer);
    const hs_real *x = takes_positions ? positions_place(run, shared) : shared;
    if (small_turn(run) && !split && takes_positions)
        hs_with_positions(run, rows, shared);
    if (!split && e % HS_NR == 0) { /* whole panels: the heads after each other are one matrix */
        multiply(run, rows, out, (int64_t)H * e, x, d, packed, bias, H * e, d);
        return;
    }
    for (int h = 0; h < H; h++) {
        if (split) {
            const hs_real *input = hs_run_at(run, hook_input, layer) + (int64_t)h * d;
            x = takes_positions ? positions_place(run, run->head_input) : run->head_input;
            if (norm_turn(run, rows)) {
                hs_layernorm(run, rows, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, input, (int64_t)H * d, w->ln1_w,
                             w->ln1_b, d, run->head_scale, run->head_input);
                if (takes_positions)
                    hs_with_positions(run, rows, run->head_input);
            }
        }
        multiply(run, rows, out + (int64_t)h * e, (int64_t)H * e, x, d, packed + h * hs_packed_count(d, e),
                 bias + (int64_t)h * e, e, d);
    }
}

/* hook_attn_in and the three inputs: each head's copy of the stream, where somebody reads or edits it. */
static void split_inputs(const hs_run *run, int layer, hs_rows rows, const hs_real *resid)
{
    const hs_config *cfg = &run->model->cfg;
    static const int INPUTS[] = {HS_HOOK_ATTN_IN, HS_HOOK_Q_INPUT, HS_HOOK_K_INPUT, HS_HOOK_V_INPUT};
    for (int i = 0; i < 4; i++) {
        hs_real *input = hs_run_at(run, INPUTS[i], layer);
        const hs_real *attn_in = hs_run_at(run, HS_HOOK_ATTN_IN, layer);
        if (!input || !live_turn(run, rows))
            continue;
        for (int t = rows.from; t < rows.to; t++)
            for (int h = 0; h < cfg->n_heads; h++) {
                int64_t at = ((int64_t)t * cfg->n_heads + h) * cfg->d_model;
                memcpy(input + at, attn_in && i > 0 ? attn_in + at : resid + (int64_t)t * cfg->d_model,
                       (size_t)cfg->d_model * sizeof *input);
            }
        hs_hook(run, INPUTS[i], layer, rows, input);
    }
}

/* x softmax(x), a row at a time. out may not be x. */
static void solu(hs_real *out, const hs_real *x, hs_rows rows, int d_mlp)
{
    for (int t = rows.from; t < rows.to; t++) {
        hs_softmax(out + (int64_t)t * d_mlp, x + (int64_t)t * d_mlp, d_mlp);
        for (int i = 0; i < d_mlp; i++)
            out[(int64_t)t * d_mlp + i] *= x[(int64_t)t * d_mlp + i];
    }
}

/* The MLP of mlp_in [T, d_model], as far as hook_pre. */
static void mlp_reads(const hs_run *run, int layer, hs_rows rows, const hs_real *mlp_in)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int d = cfg->d_model;
    hs_real *pre = hs_run_at(run, HS_HOOK_MLP_PRE, layer);
    const hs_real *normalized = mlp_in;
    if (cfg->normalization_type != HS_NORM_NONE) {
        hs_real *n = hs_run_at(run, HS_HOOK_LN2_NORMALIZED, layer);
        if (norm_turn(run, rows))
            hs_layernorm(run, rows, HS_HOOK_LN2_SCALE, HS_HOOK_LN2_NORMALIZED, layer, mlp_in, d, w->ln2_w, w->ln2_b, d,
                         hs_run_at(run, HS_HOOK_LN2_SCALE, layer), n);
        normalized = n;
    }
    multiply(run, rows, pre, cfg->d_mlp, normalized, d, run->model->forward.blocks[layer].W_in, w->b_in, cfg->d_mlp, d);
    if (small_turn(run))
        hs_hook(run, HS_HOOK_MLP_PRE, layer, rows, pre);
}

/* From hook_pre to hook_post. */
static void activate(const hs_run *run, int layer, hs_rows rows)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    int d_mlp = cfg->d_mlp;
    hs_real *pre = hs_run_at(run, HS_HOOK_MLP_PRE, layer), *post = hs_run_at(run, HS_HOOK_MLP_POST, layer);
    if (cfg->act_fn == HS_ACT_SOLU_LN) {
        hs_real *mid = hs_run_at(run, HS_HOOK_MLP_MID, layer);
        hs_real *ln = hs_run_at(run, HS_HOOK_MLP_LN_NORMALIZED, layer);
        solu(mid, pre, rows, d_mlp);
        hs_hook(run, HS_HOOK_MLP_MID, layer, rows, mid);
        hs_layernorm(run, rows, HS_HOOK_MLP_LN_SCALE, HS_HOOK_MLP_LN_NORMALIZED, layer, mid, d_mlp, w->mlp_ln_w,
                     w->mlp_ln_b, d_mlp, hs_run_at(run, HS_HOOK_MLP_LN_SCALE, layer), ln);
        copy(post, ln, rows, d_mlp);
    } else if (cfg->act_fn == HS_ACT_SOLU)
        solu(post, pre, rows, d_mlp);
    else
        hs_activation(cfg->act_fn, post + (int64_t)rows.from * d_mlp, pre + (int64_t)rows.from * d_mlp,
                      (int64_t)(rows.to - rows.from) * d_mlp);
    hs_hook(run, HS_HOOK_MLP_POST, layer, rows, post);
}

/* The rest of the MLP: out [T, d_model]. */
static void mlp_writes(const hs_run *run, int layer, hs_rows rows, hs_real *out)
{
    const hs_config *cfg = &run->model->cfg;
    if (row_turn(run, rows, hs_act_flops(cfg, HS_NORM_FLOPS)))
        activate(run, layer, rows);
    multiply(run, rows, out, cfg->d_model, hs_run_at(run, HS_HOOK_MLP_POST, layer), cfg->d_mlp, run->model->forward.blocks[layer].W_out,
             run->model->blocks[layer].b_out, cfg->d_model, cfg->d_mlp);
}

/* sum = a + b, all [T, d_model]. */
static void add_to_stream(const hs_run *run, hs_rows rows, hs_real *sum, const hs_real *a, const hs_real *b)
{
    int64_t d = run->model->cfg.d_model;
    add_rows(sum, a, b, rows, d);
}

/* hook_resid_pre, the heads' inputs and ln1. */
static void read_stream(const hs_run *run, int layer, hs_rows rows, hs_real *resid)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_block_weights *w = &run->model->blocks[layer];
    if (live_turn(run, rows))
        hs_hook(run, HS_HOOK_RESID_PRE, layer, rows, resid);
    if (run->live && run->live->no_attention)
        return;
    split_inputs(run, layer, rows, resid);
    if (cfg->normalization_type != HS_NORM_NONE && norm_turn(run, rows))
        hs_layernorm(run, rows, HS_HOOK_LN1_SCALE, HS_HOOK_LN1_NORMALIZED, layer, resid, cfg->d_model, w->ln1_w, w->ln1_b, cfg->d_model,
                     hs_run_at(run, HS_HOOK_LN1_SCALE, layer), hs_run_at(run, HS_HOOK_LN1_NORMALIZED, layer));
}

void hs_block_reads(const hs_run *run, int layer, hs_rows rows, hs_rows queries)
{
    const hs_block_weights *w = &run->model->blocks[layer];
    const hs_packed_block *packed = &run->model->forward.blocks[layer];
    hs_real *resid = hs_run_at(run, HS_HOOK_RESID_PRE, layer);
    hs_real *q = hs_run_at(run, HS_HOOK_Q, layer), *k = hs_run_at(run, HS_HOOK_K, layer), *v = hs_run_at(run, HS_HOOK_V, layer);
    const hs_real *normalized = run->model->cfg.normalization_type == HS_NORM_NONE ? resid : hs_run_at(run, HS_HOOK_LN1_NORMALIZED, layer);
    read_stream(run, layer, rows, resid);
    if (run->live && run->live->no_attention)
        return;
    project(run, layer, queries, HS_HOOK_Q_INPUT, true, normalized, packed->W_Q, w->b_Q, q);
    if (small_turn(run))
        hs_hook(run, HS_HOOK_Q, layer, queries, q);
    project(run, layer, rows, HS_HOOK_K_INPUT, true, normalized, packed->W_K, w->b_K, k);
    if (small_turn(run))
        hs_hook(run, HS_HOOK_K, layer, rows, k);
    project(run, layer, rows, HS_HOOK_V_INPUT, false, normalized, packed->W_V, w->b_V, v);
    if (small_turn(run))
        hs_hook(run, HS_HOOK_V, layer, rows, v);
}

/* From hook_attn_out to what the MLP reads. */
static void write_attention(const hs_run *run, int layer, hs_rows rows, hs_real *attn_out)
{
    const hs_config *cfg = &run->model->cfg;
    hs_real *resid_mid = hs_run_at(run, HS_HOOK_RESID_MID, layer), *mlp_in = hs_run_at(run, HS_HOOK_MLP_IN, layer);
    hs_hook(run, HS_HOOK_ATTN_OUT, layer, rows, attn_out);
    if (cfg->attn_only)
        return;
    add_to_stream(run, rows, resid_mid, hs_run_at(run, HS_HOOK_RESID_PRE, layer), attn_out);
    hs_hook(run, HS_HOOK_RESID_MID, layer, rows, resid_mid);
    if (mlp_in) {
        copy(mlp_in, resid_mid, rows, cfg->d_model);
        hs_hook(run, HS_HOOK_MLP_IN, layer, rows, mlp_in);
    }
}

/* What the layer adds last, and the stream after it. */
static void write_stream(const hs_run *run, int layer, hs_rows rows, const hs_real *before, hs_real *added)
{
    hs_real *resid_post = hs_run_at(run, HS_HOOK_RESID_POST, layer);
    if (!run->model->cfg.attn_only)
        hs_hook(run, HS_HOOK_MLP_OUT, layer, rows, added);
    add_to_stream(run, rows, resid_post, before, added);
    hs_hook(run, HS_HOOK_RESID_POST, layer, rows, resid_post);
}

void hs_block_writes(const hs_run *run, int layer, hs_rows rows)
{
    const hs_config *cfg = &run->model->cfg;
    int d = cfg->d_model, n_z = cfg->n_heads * cfg->d_head;
    bool has_mlp = !cfg->attn_only, computes = has_mlp && !(run->live && run->live->no_mlps);
    hs_real *attn_out = hs_run_at(run, HS_HOOK_ATTN_OUT, layer), *mlp_in = hs_run_at(run, HS_HOOK_MLP_IN, layer);
    hs_real *before = hs_run_at(run, has_mlp ? HS_HOOK_RESID_MID : HS_HOOK_RESID_PRE, layer);
    hs_real *added = hs_run_at(run, has_mlp ? HS_HOOK_MLP_OUT : HS_HOOK_ATTN_OUT, layer);
    if (!run->live || !run->live->no_attention) {
        multiply(run, rows, attn_out, d, hs_run_at(run, HS_HOOK_Z, layer), n_z, run->model->forward.blocks[layer].W_O,
                 run->model->blocks[layer].b_O, d, n_z);
        hs_head_results(run, layer, rows, attn_out); /* hook_result */
    }
    if (live_turn(run, rows))
        write_attention(run, layer, rows, attn_out); /* hook_attn_out, hook_resid_mid */
    if (computes) {
        mlp_reads(run, layer, rows, mlp_in ? mlp_in : before); /* ln2, hook_pre */
        mlp_writes(run, layer, rows, added);                   /* hook_post */
    }
    if (live_turn(run, rows))
        write_stream(run, layer, rows, before, added); /* hook_mlp_out, hook_resid_post */
}

/* One block: from the stream before it to the stream after it. */
static void block(const hs_run *run, int layer, hs_rows rows)
{
    hs_real *z = hs_run_at(run, HS_HOOK_Z, layer);
    if (small_turn(run))
        copy(hs_run_at(run, HS_HOOK_RESID_PRE, layer), hs_run_stream(run, layer), rows, run->model->cfg.d_model);
    hs_block_reads(run, layer, rows, rows); /* hook_resid_pre, ln1, hook_q, hook_k, hook_v */
    if (!run->live || !run->live->no_attention) {
        hs_attend(run, layer, rows, (hs_rows){0, run->model->cfg.n_heads}); /* hook_attn_scores, hook_pattern */
        if (live_turn(run, rows))
            hs_hook(run, HS_HOOK_Z, layer, rows, z);
    }
    hs_block_writes(run, layer, rows);
}

/* Token and position embeddings into run->stream. */
static void embed(const hs_run *run, hs_rows rows)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t d = cfg->d_model;
    hs_real *embedded = hs_run_at(run, HS_HOOK_EMBED, 0), *pos = hs_run_at(run, HS_HOOK_POS_EMBED, 0);
    for (int t = rows.from; t < rows.to; t++)
        memcpy(embedded + t * d, run->model->w.W_E + run->ids[t] * d, (size_t)d * sizeof *embedded);
    hs_hook(run, HS_HOOK_EMBED, 0, rows, embedded);
    copy(pos, run->model->w.W_pos, rows, d);
    hs_hook(run, HS_HOOK_POS_EMBED, 0, rows, pos);
    if (cfg->positional_embedding_type == HS_POSITIONS_STANDARD)
        add_to_stream(run, rows, run->stream, embedded, pos);
    else
        copy(run->stream, embedded, rows, d);
}

const hs_real *hs_final_norm(const hs_run *run, hs_rows rows, const hs_real *stream)
{
    const hs_config *cfg = &run->model->cfg;
    const hs_model_weights *w = &run->model->w;
    if (cfg->normalization_type == HS_NORM_NONE)
        return stream;
    hs_real *n = hs_run_at(run, HS_HOOK_LN_FINAL_NORMALIZED, 0);
    hs_layernorm(run, rows, HS_HOOK_LN_FINAL_SCALE, HS_HOOK_LN_FINAL_NORMALIZED, 0, stream, cfg->d_model, w->ln_final_w, w->ln_final_b,
                 cfg->d_model, hs_run_at(run, HS_HOOK_LN_FINAL_SCALE, 0), n);
    return n;
}

static void unembed(const hs_run *run, hs_rows rows, const hs_real *stream)
{
    int d = run->model->cfg.d_model, V = run->model->cfg.d_vocab_out;
    hs_real *logits = hs_run_at(run, HS_HOOK_LOGITS, 0);
    const hs_real *x = run->model->cfg.normalization_type == HS_NORM_NONE ? stream : hs_run_at(run, HS_HOOK_LN_FINAL_NORMALIZED, 0);
    if (norm_turn(run, rows))
        hs_final_norm(run, rows, stream);
    multiply(run, rows, logits, V, x, d, run->model->forward.W_U, run->model->w.b_U, V, d);
    if (small_turn(run))
        hs_hook(run, HS_HOOK_LOGITS, 0, rows, logits);
}

/* ---- the pass, in stages ---- */

const hs_real *hs_run_stream(const hs_run *run, int layer)
{
    return layer > 0 ? hs_run_at(run, HS_HOOK_RESID_POST, layer - 1) : run->stream;
}

static hs_rows stage_rows(const hs_run *run)
{
    hs_rows rows = run->rows;
    if (run->stage > run->model->cfg.n_layers && rows.from < run->logits_from)
        rows.from = run->logits_from;
    return rows;
}

int hs_run_group(const hs_run *run)
{
    const hs_config *cfg = &run->model->cfg;
    int64_t n_z = (int64_t)cfg->n_heads * cfg->d_head, k = cfg->attn_only || cfg->d_mlp < cfg->d_model ? cfg->d_model : cfg->d_mlp;
    int rows = hs_turn_rows(k > n_z ? k : n_z);
    double most = run->live && run->live->row_flops > 0 ? HS_TURN / run->live->row_flops : rows;
    return most < 1 ? 1 : most < rows ? (int)most : rows;
}

/* Rows of a group, of so many: all groups about as large, and of whole tiles, since a lower tile takes nearly as long. */
static int group_rows(const hs_run *run, int count)
{
    enum { TILE = 6 };
    int most = hs_run_group(run), n = (count + most - 1) / most;
    int rows = n > 0 ? ((count + n - 1) / n + TILE - 1) / TILE * TILE : 0;
    return rows < most ? rows : most;
}

/* A walk through the stage at hand, by groups of rows. */
static void do_stage(const hs_run *run)
{
    int n_layers = run->model->cfg.n_layers, layer = run->stage - 1;
    hs_rows rows = stage_rows(run), some = rows;
    int group = run->turns ? group_rows(run, rows.to - rows.from) : rows.to - rows.from;
    do {
        some.to = rows.to - some.from < group ? rows.to : some.from + group;
        if (layer < 0) {
            if (live_turn(run, some))
                embed(run, some);
        } else if (layer < n_layers)
            block(run, layer, some);
        else if (hs_run_at(run, HS_HOOK_LOGITS, 0))
            unembed(run, some, hs_run_stream(run, layer));
        some.from = some.to;
    } while (some.from < rows.to);
}

bool hs_run_step(hs_run *run)
{
    hs_turns turns = {.wanted = run->chunk};
    run->turns = &turns;
    do_stage(run);
    run->turns = NULL;
    if (hs_turns_left(&turns, &run->chunk))
        return true;
    run->stage = run->stage <= run->model->cfg.n_layers ? run->stage + 1 : 0;
    return run->stage > 0;
}

void hs_run_forward(hs_run *run)
{
    run->chunk = 0;
    for (run->stage = 0; run->stage < run->model->cfg.n_layers + 2; run->stage++)
        do_stage(run);
    run->stage = 0;
}

void hs_run_pass(hs_run *run, hs_rows rows, int logits_from)
{
    run->rows = rows;
    run->logits_from = logits_from;
    run->stage = run->chunk = 0;
}

void hs_run_enter(hs_run *run, int layer, const hs_real *stream)
{
    copy(layer > 0 ? hs_run_at(run, HS_HOOK_RESID_POST, layer - 1) : run->stream, stream, run->rows, run->model->cfg.d_model);
    run->stage = layer + 1;
    run->chunk = 0;
}
