/* read_parts.h: what wrote the residual stream: the parts whose sum a state is. */
#ifndef HS_READ_PARTS_H
#define HS_READ_PARTS_H

#include "read.h"

typedef enum hs_part_kind {
    HS_PART_HOOK,      /* what hook_embed, hook_pos_embed, hook_attn_out or hook_mlp_out holds */
    HS_PART_HEAD,      /* z_h W_O[h] */
    HS_PART_ATTN_BIAS, /* b_O */
    HS_PART_MLP_BIAS,  /* b_out */
    HS_PART_EDIT       /* what an edit put in at this hook: its value less what stands there without */
} hs_part_kind;

typedef struct hs_part {
    hs_part_kind kind;
    int hook, layer, head;
    char label[32]; /* TransformerLens' where it has one */
} hs_part;

/* How attn_out and mlp_out are divided. */
enum {
    HS_PARTS_HEADS = 1,   /* each head is a part, b_O another */
    HS_PARTS_NO_HEADS = 2, /* with HEADS: all but the heads, which the reader has elsewhere */
    HS_PARTS_NO_NEURONS = 4 /* b_out for mlp_out: the reader has the neurons elsewhere */
};

/* The parts of a state of the stream, labelled as axis `axis` ("" for not). HS_ESPEC where `state` is no sum
 * of parts; `key` is its field. */
hs_status hs_parts_new(hs_reading *r, const hs_read_spec *spec, const char *key, const hs_state *state, int division,
                       const char *axis, hs_part **out, int *n);
/* The part's vector at position t of a side. */
void hs_part_vector(hs_reading *r, int side, const hs_part *part, int t, double *out /* [d_model] */);
/* Whether an edit acts there in either run. */
bool hs_read_edited(const hs_reading *r, int hook, int layer);
/* What head h of a layer wrote at t, edits of hook_result in force. */
void hs_head_vector(hs_reading *r, int side, int layer, int h, int t, double *out);

#endif
