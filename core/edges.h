/* edges.h: edge attribution patching (Syed et al. 2023; with steps EAP-IG, Hanna et al. 2024): how much the metric of the
 * run that is patched would change, to first order, if a receiver read what the sender writes in the other run.
 *
 *     score(sender -> receiver) = sum over positions of (sender's write in source - in base) . d(metric)/d(receiver's input)
 */
#ifndef HS_EDGES_H
#define HS_EDGES_H

#include "graph.h"
#include "slopes.h"

typedef struct hs_edges_scores {
    hs_slopes slopes;
    int n_senders, n_receivers;
    int values;    /* the array "values" [sender, receiver]: means over the gradients so far; NaN where there is no edge */
    double *sum;   /* [sender, receiver]: over the gradients so far */
    double *write; /* [n_tokens, d_model]: the change of what a sender writes */
    hs_real *z, *result; /* [n_tokens, d_head]; [n_tokens, d_model] */
    char final[64]; /* the hook of the final stream */
    bool scoring;   /* a gradient is there, and this comes next */
    int sender, turn;
    double scored, total; /* n_layers + 1 for a sender, of each gradient; in all, with the slopes' own */
} hs_edges_scores;

/* Read the fields of slopes.h, promise the memory and declare the array with its labels. */
hs_status hs_edges_read(hs_reading *r, const hs_read_spec *spec, hs_edges_scores *out);
hs_status hs_edges_begin(hs_edges_scores *scores, hs_detail *detail);
void hs_edges_free(hs_edges_scores *scores);
/* One unit; true while more is left. */
bool hs_edges_step(hs_edges_scores *scores);
double hs_edges_done(const hs_edges_scores *scores);

#endif
