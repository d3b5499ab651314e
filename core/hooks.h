/* hooks.h: hooks.def as C: an enum, a table, names of one layer's hooks. */
#ifndef HS_HOOKS_H
#define HS_HOOKS_H

#include "model.h"

enum {
#define HOOK(id, name, scope, exists, ...) HS_HOOK_##id,
#include "hooks.def"
#undef HOOK
    HS_N_HOOKS
};

/* A hook at a layer, as one number: [0, HS_N_HOOKS * layers). Hooks of the model's scope are at layer 0. */
static inline int hs_hook_at(int hook, int layer) { return layer * HS_N_HOOKS + hook; }

bool hs_hook_is_layered(int hook);
bool hs_hook_exists(const hs_config *cfg, int hook, int layer);
/* The name at this layer and the shape for n_tokens. A hook of the model's scope ignores `layer`. */
void hs_hook_info_at(const hs_config *cfg, int hook, int layer, int n_tokens, hs_hook_info *out);
/* True for [head, dest, src] hooks, whose cells with src > dest are masked. */
bool hs_hook_is_masked(int hook);
/* True for the three LayerNorms' scales and that of solu_ln. */
bool hs_hook_is_scale(int hook);

/* Walk every hook of the model in the order of the forward pass: start with hook = -1; false at the end. */
typedef struct hs_hook_walk {
    int hook, layer;
} hs_hook_walk;
static const hs_hook_walk HS_HOOK_WALK = {-1, 0};
bool hs_hook_next(const hs_config *cfg, hs_hook_walk *walk);

#endif
