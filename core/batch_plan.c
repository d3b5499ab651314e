/* batch_plan.c: see batch_plan.h. */
#include "batch_plan.h"

bool hs_is_inside_attention(int hook)
{
    return hook == HS_HOOK_Q || hook == HS_HOOK_K || hook == HS_HOOK_V || hook == HS_HOOK_PATTERN;
}

/* Rows that the patch is the first to change in its own block: before the attention, and after it. */
static hs_rows reads_of(const hs_patch *p, hs_rows read)
{
    hs_rows rows = hs_rows_both((hs_rows){p->from, p->to}, (hs_rows){0, read.to});
    return p->hook == HS_HOOK_RESID_PRE ? rows : (hs_rows){rows.from, rows.from};
}

static hs_rows writes_of(const hs_patch *p, hs_rows read)
{
    bool spreads = p->hook == HS_HOOK_RESID_PRE || p->hook == HS_HOOK_K || p->hook == HS_HOOK_V;
    return hs_rows_both((hs_rows){p->from, spreads ? read.to : p->to}, (hs_rows){0, read.to});
}

bool hs_patched_plan(const hs_config *cfg, hs_rows read, int layer, hs_patched *p)
{
    if (layer < p->patch.layer)
        return false;
    bool is_first = layer == p->patch.layer;
    p->reads = is_first ? reads_of(&p->patch, read) : p->changed;
    p->writes = is_first ? writes_of(&p->patch, read) : (hs_rows){p->changed.from, read.to};
    p->attends = !is_first || hs_rows_count(p->reads) || hs_is_inside_attention(p->patch.hook);
    if (layer == cfg->n_layers - 1)
        p->writes = hs_rows_both(p->writes, read);
    p->queries = hs_rows_both(p->reads, p->writes);
    p->changed = (hs_rows){p->patch.from, p->writes.to};
    return true;
}

bool hs_patch_reaches(const hs_config *cfg, hs_rows read, const hs_patch *p)
{
    return p->layer < cfg->n_layers - 1 ? p->from < hs_least(p->to, read.to) : hs_rows_count(hs_rows_both(writes_of(p, read), read)) > 0;
}

hs_rows hs_patched_heads(const hs_config *cfg, int layer, const hs_patched *p)
{
    const hs_patch *patch = &p->patch;
    if (layer > patch->layer || !hs_is_inside_attention(patch->hook))
        return (hs_rows){0, cfg->n_heads};
    if (patch->hook == HS_HOOK_PATTERN)
        return (hs_rows){patch->head, patch->head + 1};
    return (hs_rows){patch->column / cfg->d_head, (patch->column + patch->n_columns - 1) / cfg->d_head + 1};
}

hs_row_costs hs_row_costs_of(const hs_config *cfg)
{
    double d = cfg->d_model, n_z = (double)cfg->n_heads * cfg->d_head;
    return (hs_row_costs){2 * d * n_z, 4 * d * n_z, 2 * d * n_z + (cfg->attn_only ? 0 : 4 * d * cfg->d_mlp)};
}

/* A destination has t + 1 weights; each takes 2 d_head for its score and as many for its part of z. */
double hs_attention_cost(const hs_config *cfg, int layer, const hs_patched *p)
{
    double n = hs_rows_count(p->writes), weights = n * (p->writes.from + p->writes.to + 1) / 2;
    return p->attends ? 4.0 * cfg->d_head * hs_rows_count(hs_patched_heads(cfg, layer, p)) * weights : 0;
}

double hs_patched_cost(const hs_config *cfg, int layer, const hs_patched *p)
{
    hs_row_costs c = hs_row_costs_of(cfg);
    return hs_rows_count(p->queries) * c.query + hs_rows_count(p->reads) * c.key_value + hs_rows_count(p->writes) * c.write +
           hs_attention_cost(cfg, layer, p);
}
