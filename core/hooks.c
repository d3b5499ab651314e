/* hooks.c: the table behind hooks.h. */
#include "hooks.h"

#include <string.h>

enum { SCOPE_MODEL, SCOPE_LAYER };

typedef struct row {
    const char *name;
    uint8_t scope, exists, n_axes, axes[3];
} row;

#define AXES(...) COUNT(__VA_ARGS__), {EACH(__VA_ARGS__)}
#define COUNT(...) (sizeof((uint8_t[]){EACH(__VA_ARGS__)}))
#define EACH(...) PICK(__VA_ARGS__, EACH3, EACH2, EACH1, )(__VA_ARGS__)
#define PICK(a, b, c, name, ...) name
#define EACH1(a) HS_AXIS_##a
#define EACH2(a, b) HS_AXIS_##a, HS_AXIS_##b
#define EACH3(a, b, c) HS_AXIS_##a, HS_AXIS_##b, HS_AXIS_##c

static const row ROWS[HS_N_HOOKS] = {
#define HOOK(id, name, scope, exists, ...) {name, SCOPE_##scope, HS_EXISTS_##exists, AXES(__VA_ARGS__)},
#include "hooks.def"
#undef HOOK
};

bool hs_hook_is_layered(int hook)
{
    return ROWS[hook].scope == SCOPE_LAYER;
}

bool hs_hook_exists(const hs_config *cfg, int hook, int layer)
{
    return hs_exists_in(cfg, (hs_exists)ROWS[hook].exists) &&
           (hs_hook_is_layered(hook) ? layer < cfg->n_layers : layer == 0);
}

bool hs_hook_is_masked(int hook)
{
    return hook == HS_HOOK_ATTN_SCORES || hook == HS_HOOK_PATTERN;
}

bool hs_hook_is_scale(int hook)
{
    return ROWS[hook].axes[ROWS[hook].n_axes - 1] == HS_AXIS_ONE;
}

/* The table's %d by hand: printf would bring stdio into the wasm. */
static void write_name(char *out, const char *pattern, int layer)
{
    const char *mark = strstr(pattern, "%d");
    if (!mark) {
        strcpy(out, pattern);
        return;
    }
    size_t before = (size_t)(mark - pattern), n = 0;
    char digits[12];
    do
        digits[n++] = (char)('0' + layer % 10);
    while ((layer /= 10) > 0);
    memcpy(out, pattern, before);
    for (size_t i = 0; i < n; i++)
        out[before + i] = digits[n - 1 - i];
    strcpy(out + before + n, mark + 2);
}

void hs_hook_info_at(const hs_config *cfg, int hook, int layer, int n_tokens, hs_hook_info *out)
{
    const row *r = &ROWS[hook];
    write_name(out->name, r->name, layer);
    out->n_axes = r->n_axes;
    out->count = 1;
    for (int i = 0; i < HS_MAX_AXES; i++) {
        out->shape[i] = i < r->n_axes ? hs_axis_length(cfg, (hs_axis)r->axes[i], n_tokens) : 1;
        out->count *= out->shape[i];
    }
}

/* The forward pass: hooks before the blocks, each block's, hooks after the blocks. */
bool hs_hook_next(const hs_config *cfg, hs_hook_walk *walk)
{
    for (;;) {
        bool was_layered = walk->hook >= 0 && hs_hook_is_layered(walk->hook);
        walk->hook++;
        bool is_layered = walk->hook < HS_N_HOOKS && hs_hook_is_layered(walk->hook);
        if (was_layered && !is_layered) {
            if (walk->layer + 1 < cfg->n_layers) {
                walk->layer++;
                while (walk->hook > 0 && hs_hook_is_layered(walk->hook - 1))
                    walk->hook--;
            } else
                walk->layer = 0;
        }
        if (walk->hook >= HS_N_HOOKS)
            return false;
        if (hs_hook_exists(cfg, walk->hook, walk->layer))
            return true;
    }
}

int hs_hook_count(const hs_model *model)
{
    int n = 0;
    for (hs_hook_walk walk = HS_HOOK_WALK; hs_hook_next(&model->cfg, &walk);)
        n++;
    return n;
}

void hs_hook_describe(const hs_model *model, int i, int n_tokens, hs_hook_info *out)
{
    hs_hook_walk walk = HS_HOOK_WALK;
    while (hs_hook_next(&model->cfg, &walk) && i-- > 0)
        ;
    hs_hook_info_at(&model->cfg, walk.hook, walk.layer, n_tokens, out);
}

/* Greedy with one point of return: linear for one star, never exponential. */
bool hs_glob_match(const char *glob, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*glob == '*') {
            star = glob++;
            resume = name;
        } else if (*glob == '?' || *glob == *name) {
            glob++;
            name++;
        } else if (star) {
            glob = star + 1;
            name = ++resume;
        } else
            return false;
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}
