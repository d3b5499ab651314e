/* graph.h: a model as a graph of what writes to the residual stream (senders) and what reads from it (receivers), with
 * an edge from each sender to each receiver after it: "Interpretability in the Wild" (path patching), "Attribution
 * Patching Outperforms Automated Circuit Discovery" (edges).
 *
 *     senders    embed; of each layer its heads (L0H3, hook_result) and its MLP (0_mlp_out)
 *     receivers  of each layer its heads' inputs (L1H3.q, .k, .v: hook_q_input, ...) and its MLP's (1_mlp_in); final, the
 *                stream before ln_final
 *
 * Both are numbered in the order of the forward pass. b_O and positions are no senders: they are the same in every run. */
#ifndef HS_GRAPH_H
#define HS_GRAPH_H

#include "read.h"

typedef enum hs_node_kind { HS_NODE_EMBED, HS_NODE_HEAD, HS_NODE_MLP, HS_NODE_Q, HS_NODE_K, HS_NODE_V, HS_NODE_MLP_IN, HS_NODE_FINAL } hs_node_kind;

typedef struct hs_node {
    hs_node_kind kind;
    int layer, head; /* 0 where it has none */
} hs_node;

typedef enum hs_side { HS_SENDERS, HS_RECEIVERS } hs_side;

int hs_n_nodes(const hs_config *cfg, hs_side side);
hs_node hs_node_at(const hs_config *cfg, hs_side side, int i);
int hs_node_index(const hs_config *cfg, hs_node node);
bool hs_is_edge(hs_node sender, hs_node receiver);

typedef struct hs_node_label {
    char text[40];
} hs_node_label;
const char *hs_node_text(hs_node node, hs_node_label *out);

/* Lists of nodes that are taken together: list i is node[first[i]] to node[first[i + 1] - 1]. */
typedef struct hs_node_lists {
    int n, n_nodes;
    int *first;
    hs_node *node;
} hs_node_lists;

/* The field `key`: names, or lists of names, or "all": each node by itself. HS_ESPEC names it. */
hs_status hs_spec_nodes(hs_reading *r, const hs_read_spec *spec, const char *key, hs_side side, hs_node_lists *out);
/* "L1H3.k", "L1H3.k+L1H6.k": the labels of an axis. */
void hs_label_nodes(hs_reading *r, const char *axis, const hs_node_lists *lists);

#endif
