/* read_state.c: the states of the residual stream, and every other vector of its width, by label. */
#include "read.h"

#include <string.h>

/* Whether the hook is a vector of the stream's width that every run of a reading has. */
static bool is_state(int hook)
{
    switch (hook) {
    case HS_HOOK_EMBED:
    case HS_HOOK_POS_EMBED:
    case HS_HOOK_RESID_PRE:
    case HS_HOOK_LN1_NORMALIZED:
    case HS_HOOK_ATTN_OUT:
    case HS_HOOK_RESID_MID:
    case HS_HOOK_LN2_NORMALIZED:
    case HS_HOOK_MLP_OUT:
    case HS_HOOK_RESID_POST:
    case HS_HOOK_LN_FINAL_NORMALIZED: return true;
    default: return false;
    }
}

/* Whether TransformerLens' accumulated_resid has it: the last stream, and before it each block's. */
static bool is_accumulated(const hs_config *cfg, const hs_state *state)
{
    return state->hook < 0 || state->hook == HS_HOOK_RESID_PRE || state->hook == HS_HOOK_RESID_MID ||
           (state->hook == HS_HOOK_RESID_POST && state->layer == cfg->n_layers - 1);
}

static void hook_name(const hs_config *cfg, const hs_state *state, char out[64])
{
    hs_hook_info info = {.name = ""};
    if (state->hook >= 0)
        hs_hook_info_at(cfg, state->hook, state->layer, 1, &info);
    memcpy(out, info.name, sizeof info.name);
}

static void set_label(const hs_config *cfg, hs_state *state)
{
    if (!is_accumulated(cfg, state))
        hook_name(cfg, state, state->label);
    else if (state->hook == HS_HOOK_RESID_PRE)
        hs_format(state->label, sizeof state->label, "%d_pre", state->layer);
    else if (state->hook == HS_HOOK_RESID_MID)
        hs_format(state->label, sizeof state->label, "%d_mid", state->layer);
    else
        hs_format(state->label, sizeof state->label, "final_post");
}

/* State `at` of the model, in the order of the forward pass; false after the last. */
typedef struct state_walk {
    hs_hook_walk walk;
    bool ended;
} state_walk;
static const state_walk STATE_WALK = {{-1, 0}, false};

static bool next_state(const hs_config *cfg, state_walk *w, hs_state *out)
{
    while (!w->ended && hs_hook_next(cfg, &w->walk))
        if (is_state(w->walk.hook)) {
            *out = (hs_state){.hook = w->walk.hook, .layer = w->walk.layer};
            set_label(cfg, out);
            return true;
        }
    bool gives = !w->ended && cfg->n_layers == 0; /* its only state of the stream has no hook */
    w->ended = true;
    *out = (hs_state){.hook = -1, .label = "final_post"};
    return gives;
}

static bool is_named(const hs_config *cfg, const hs_state *state, const char *glob)
{
    char name[64];
    hook_name(cfg, state, name);
    return hs_glob_match(glob, state->label) || hs_glob_match(glob, name);
}

/* Append what `glob` names and is not in the list yet (NULL: the accumulated states); how many it names. */
static int append(const hs_config *cfg, const char *glob, hs_state *list, int *n)
{
    int found = 0;
    hs_state state;
    for (state_walk walk = STATE_WALK; next_state(cfg, &walk, &state);) {
        if (glob ? !is_named(cfg, &state, glob) : !is_accumulated(cfg, &state))
            continue;
        bool there = false;
        for (int i = 0; i < *n; i++)
            there = there || !strcmp(list[i].label, state.label);
        if (!there)
            list[(*n)++] = state;
        found++;
    }
    return found;
}

#define WHAT_STATES_ARE "states are 0_pre, 0_mid, ..., final_post and hooks of shape [T, d_model]"

hs_status hs_spec_states(hs_reading *r, const hs_read_spec *spec, hs_state **out, int *n)
{
    const hs_config *cfg = &r->model->cfg;
    hs_json_at at = hs_spec_at(spec, "states");
    if (at >= 0 && hs_json_type_of(spec->json, at) != HS_JSON_ARRAY)
        return HS_SPEC_FAIL(spec, "states", "%s", "a list of states is needed here, such as [\"0_pre\", \"final_post\"]");
    hs_state state;
    int most = 0;
    for (state_walk walk = STATE_WALK; next_state(cfg, &walk, &state);)
        most++;
    HS_READ_TAKE(r, spec, *out, most);
    *n = 0;
    if (at < 0)
        append(cfg, NULL, *out, n);
    int i = 0;
    for (hs_json_at item = at < 0 ? -1 : hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        const char *glob = hs_json_string(spec->json, item);
        if (!glob)
            return hs_fail(spec->detail, HS_ESPEC, "states[%d]: a label or the name of a hook is needed here", i);
        if (!append(cfg, glob, *out, n))
            return hs_fail(spec->detail, HS_ESPEC, "states[%d]: \"%s\" is no state of this model; " WHAT_STATES_ARE, i, glob);
    }
    if (!*n)
        return HS_SPEC_FAIL(spec, "states", "%s", "at least one is needed; leave the field out for all");
    for (i = 0; i < *n; i++)
        hs_read_label(r, "state", (*out)[i].label);
    return HS_OK;
}

hs_status hs_spec_find_state(const hs_reading *r, const hs_read_spec *spec, const char *key, const char *label, hs_state *out)
{
    hs_state state;
    char name[64];
    for (state_walk walk = STATE_WALK; next_state(&r->model->cfg, &walk, &state);) {
        hook_name(&r->model->cfg, &state, name);
        if (!strcmp(label, state.label) || !strcmp(label, name)) {
            *out = state;
            return HS_OK;
        }
    }
    return HS_SPEC_FAIL(spec, key, "\"%s\" is no state of this model; " WHAT_STATES_ARE, label);
}

hs_status hs_spec_state(const hs_reading *r, const hs_read_spec *spec, const char *key, const char *label, hs_state *out)
{
    hs_json_at at = hs_spec_at(spec, key);
    if (at >= 0 && !(label = hs_json_string(spec->json, at)))
        return HS_SPEC_FAIL(spec, key, "%s", "the label of a state is needed here, such as \"final_post\"");
    return hs_spec_find_state(r, spec, key, label, out);
}

const hs_real *hs_state_vector(const hs_run *run, const hs_state *state, int t)
{
    const hs_real *base = state->hook < 0 ? run->stream : hs_run_at(run, state->hook, state->layer);
    return base + (int64_t)t * run->model->cfg.d_model;
}
