/* graph.c: the numbering of senders and receivers, their names, and lists of them. */
#include "graph.h"

#include <string.h>

static int mlps(const hs_config *cfg)
{
    return cfg->attn_only ? 0 : 1;
}

/* A layer's nodes. */
static int per_layer(const hs_config *cfg, hs_side side)
{
    return (side == HS_SENDERS ? 1 : 3) * cfg->n_heads + mlps(cfg);
}

int hs_n_nodes(const hs_config *cfg, hs_side side)
{
    return 1 + cfg->n_layers * per_layer(cfg, side);
}

hs_node hs_node_at(const hs_config *cfg, hs_side side, int i)
{
    int each = per_layer(cfg, side), H = cfg->n_heads;
    if (side == HS_SENDERS) {
        if (i == 0)
            return (hs_node){HS_NODE_EMBED, 0, 0};
        int layer = (i - 1) / each, in = (i - 1) % each;
        return in < H ? (hs_node){HS_NODE_HEAD, layer, in} : (hs_node){HS_NODE_MLP, layer, 0};
    }
    if (i == hs_n_nodes(cfg, side) - 1)
        return (hs_node){HS_NODE_FINAL, 0, 0};
    int layer = i / each, in = i % each;
    return in < 3 * H ? (hs_node){HS_NODE_Q + in / H, layer, in % H} : (hs_node){HS_NODE_MLP_IN, layer, 0};
}

int hs_node_index(const hs_config *cfg, hs_node node)
{
    int H = cfg->n_heads;
    switch (node.kind) {
    case HS_NODE_EMBED: return 0;
    case HS_NODE_HEAD: return 1 + node.layer * per_layer(cfg, HS_SENDERS) + node.head;
    case HS_NODE_MLP: return 1 + node.layer * per_layer(cfg, HS_SENDERS) + H;
    case HS_NODE_MLP_IN: return node.layer * per_layer(cfg, HS_RECEIVERS) + 3 * H;
    case HS_NODE_FINAL: return hs_n_nodes(cfg, HS_RECEIVERS) - 1;
    default: return node.layer * per_layer(cfg, HS_RECEIVERS) + (int)(node.kind - HS_NODE_Q) * H + node.head;
    }
}

bool hs_is_edge(hs_node sender, hs_node receiver)
{
    if (sender.kind == HS_NODE_EMBED || receiver.kind == HS_NODE_FINAL)
        return true;
    return sender.layer < receiver.layer ||
           (sender.layer == receiver.layer && sender.kind == HS_NODE_HEAD && receiver.kind == HS_NODE_MLP_IN);
}

const char *hs_node_text(hs_node node, hs_node_label *out)
{
    static const char *const FORMS[] = {"embed", "L%dH%d", "%d_mlp_out", "L%dH%d.q", "L%dH%d.k", "L%dH%d.v", "%d_mlp_in", "final"};
    hs_format(out->text, sizeof out->text, FORMS[node.kind], node.layer, node.head);
    return out->text;
}

/* ---- names and lists in a document ---- */

/* The number that begins *text, which moves past it; -1 when there is none below `end`. */
static int read_number(const char **text, int end)
{
    int value = 0;
    const char *s = *text;
    if (*s < '0' || *s > '9')
        return -1;
    for (; *s >= '0' && *s <= '9' && value < end; s++)
        value = value > (INT32_MAX - 9) / 10 ? INT32_MAX : value * 10 + (*s - '0');
    *text = s;
    return value < end ? value : -1;
}

/* What `name` calls; false when this model has no such node on this side. */
static bool find(const hs_config *cfg, hs_side side, const char *name, hs_node *out)
{
    static const char *const ENDS[] = {".q", ".k", ".v"};
    const char *at = name;
    if (!strcmp(name, side == HS_SENDERS ? "embed" : "final")) {
        *out = (hs_node){side == HS_SENDERS ? HS_NODE_EMBED : HS_NODE_FINAL, 0, 0};
        return true;
    }
    if (*at != 'L') {
        int layer = read_number(&at, cfg->n_layers);
        *out = (hs_node){side == HS_SENDERS ? HS_NODE_MLP : HS_NODE_MLP_IN, layer, 0};
        return layer >= 0 && mlps(cfg) && !strcmp(at, side == HS_SENDERS ? "_mlp_out" : "_mlp_in");
    }
    at++;
    int layer = read_number(&at, cfg->n_layers);
    if (layer < 0 || *at++ != 'H')
        return false;
    int head = read_number(&at, cfg->n_heads);
    if (head < 0)
        return false;
    *out = (hs_node){HS_NODE_HEAD, layer, head};
    if (side == HS_SENDERS)
        return !*at;
    for (int i = 0; i < 3; i++)
        if (!strcmp(at, ENDS[i])) {
            out->kind = (hs_node_kind)(HS_NODE_Q + i);
            return true;
        }
    return false;
}

static hs_status read_name(const hs_reading *r, const hs_read_spec *spec, hs_side side, hs_json_at at, const char *key, hs_node *out)
{
    const hs_config *cfg = &r->model->cfg;
    const char *name = hs_json_string(spec->json, at);
    if (name && find(cfg, side, name, out))
        return HS_OK;
    const char *fit = side == HS_SENDERS ? mlps(cfg) ? "embed, L0H0 or 0_mlp_out" : "embed or L0H0"
                                         : mlps(cfg) ? "L0H0.q, L0H0.k, L0H0.v, 0_mlp_in or final" : "L0H0.q, L0H0.k, L0H0.v or final";
    if (name)
        return HS_SPEC_FAIL(spec, key, "\"%s\" is nothing in this model of %d layers with %d heads that %s the stream; a name like %s is needed here",
                            name, cfg->n_layers, cfg->n_heads, side == HS_SENDERS ? "writes to" : "reads from", fit);
    return HS_SPEC_FAIL(spec, key, "a name like %s is needed here", fit);
}

static hs_status take(hs_reading *r, const hs_read_spec *spec, int64_t n, int64_t n_nodes, hs_node_lists *out)
{
    if (n_nodes > INT32_MAX)
        return hs_fail(spec->detail, HS_EMEMORY, "no memory for %lld names", (long long)n_nodes);
    HS_READ_TAKE(r, spec, out->first, n + 1);
    HS_READ_TAKE(r, spec, out->node, n_nodes);
    out->n = (int)n;
    out->n_nodes = (int)n_nodes;
    return HS_OK;
}

static bool is_list(const hs_read_spec *spec, hs_json_at at)
{
    return at >= 0 && hs_json_type_of(spec->json, at) == HS_JSON_ARRAY;
}

static hs_status read_lists(hs_reading *r, const hs_read_spec *spec, const char *key, hs_side side, hs_json_at at, hs_node_lists *out)
{
    int i = 0, used = 0;
    uint8_t *seen; /* of names by themselves; a list of them is a set */
    HS_READ_TAKE(r, spec, seen, hs_n_nodes(&r->model->cfg, side));
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item), i++) {
        char field[64];
        bool together = is_list(spec, item);
        hs_format(field, sizeof field, "%s[%d]", key, i);
        if (together && !hs_json_length(spec->json, item))
            return HS_SPEC_FAIL(spec, field, "%s", "at least one name is needed here");
        int j = 0;
        for (hs_json_at name = together ? hs_json_first(spec->json, item) : item; name >= 0;
             name = together ? hs_json_next(spec->json, name) : -1, j++) {
            if (together)
                hs_format(field, sizeof field, "%s[%d][%d]", key, i, j);
            HS_TRY(read_name(r, spec, side, name, field, &out->node[used++]));
            if (!together)
                HS_TRY(hs_spec_once(spec, field, seen, hs_node_index(&r->model->cfg, out->node[used - 1])));
        }
        out->first[i + 1] = used;
    }
    return HS_OK;
}

hs_status hs_spec_nodes(hs_reading *r, const hs_read_spec *spec, const char *key, hs_side side, hs_node_lists *out)
{
    const hs_config *cfg = &r->model->cfg;
    hs_json_at at = hs_spec_at(spec, key);
    const char *word = at < 0 ? NULL : hs_json_string(spec->json, at);
    if (word && !strcmp(word, "all")) {
        int n = hs_n_nodes(cfg, side);
        HS_TRY(take(r, spec, n, n, out));
        for (int i = 0; i < n; i++) {
            out->node[i] = hs_node_at(cfg, side, i);
            out->first[i + 1] = i + 1;
        }
        return HS_OK;
    }
    if (!is_list(spec, at) || !hs_json_length(spec->json, at))
        return HS_SPEC_FAIL(spec, key, "%s", "\"all\", or a list of names (or of lists of names, taken together) is needed here");
    int64_t n_nodes = 0;
    for (hs_json_at item = hs_json_first(spec->json, at); item >= 0; item = hs_json_next(spec->json, item))
        n_nodes += is_list(spec, item) ? hs_json_length(spec->json, item) : 1;
    HS_TRY(take(r, spec, hs_json_length(spec->json, at), n_nodes, out));
    return read_lists(r, spec, key, side, at, out);
}

void hs_label_nodes(hs_reading *r, const char *axis, const hs_node_lists *lists)
{
    for (int i = 0; i < lists->n; i++) {
        hs_text text = {0};
        hs_node_label label;
        for (int j = lists->first[i]; j < lists->first[i + 1]; j++) {
            hs_text_put(&text, j > lists->first[i] ? "+" : "");
            hs_text_put(&text, hs_node_text(lists->node[j], &label));
        }
        r->axes.lost |= text.lost;
        hs_read_label(r, axis, text.lost ? "" : text.data);
        hs_text_free(&text);
    }
}
