/* model.h: a model inside the core: its configuration, its parameters under the paper's names, and
 * the same matrices packed for the kernels. */
#ifndef HS_MODEL_H
#define HS_MODEL_H

#include "hs_machine.h"

/* Pointers to the parameters of one scope, params.def's rows as fields. NULL where the configuration
 * has no such tensor. */
typedef struct hs_model_weights {
#define MODEL(field) hs_real *field;
#define LAYER(field)
#define PARAM(field, name, scope, exists, ...) scope(field)
#include "params.def"
#undef PARAM
#undef LAYER
#undef MODEL
} hs_model_weights;

typedef struct hs_block_weights {
#define MODEL(field)
#define LAYER(field) hs_real *field;
#define PARAM(field, name, scope, exists, ...) scope(field)
#include "params.def"
#undef PARAM
#undef LAYER
#undef MODEL
} hs_block_weights;

/* A matrix B [K, N] in panels of HS_NR columns, as hs_gemm wants it (kernels.h). */
typedef struct hs_packed_block {
    hs_real *W_Q, *W_K, *W_V; /* n heads after each other, each [d_model, d_head] packed */
    hs_real *W_O;             /* [n_heads * d_head, d_model] */
    hs_real *W_in, *W_out;
} hs_packed_block;

typedef struct hs_packed {
    hs_packed_block *blocks; /* [n_layers] */
    hs_real *W_U;
    hs_real *base; /* one allocation for all of them, of n_real elements */
    int64_t n_real;
} hs_packed;

struct hs_model {
    hs_config cfg;
    hs_model_weights w;
    hs_block_weights *blocks; /* [n_layers] */
    int n_params;
    hs_tensor *params;     /* [n_params], state_dict order: params.def's, layer by layer */
    char (*names)[64];     /* [n_params] */
    hs_real *base;         /* every parameter, one allocation of n_real elements, in params' order */
    int64_t n_real;
    int64_t n_not_finite;
    hs_packed forward;     /* made by hs_model_pack */
    hs_packed backward;    /* the transposes; base is NULL until hs_model_pack(model, true) */
    hs_machine machine;    /* for hs_product */
};

/* A model of this shape with every parameter zero: what the loader fills and the trainer starts from.
 * hs_model_pack before it runs. */
hs_status hs_model_new(const hs_config *config, hs_detail *detail, hs_model **out);

/* Refresh the packed copies from the parameters: after loading and after each optimiser step.
 * transposes: also those that the backward pass multiplies by. HS_EMEMORY on the first call only. */
hs_status hs_model_pack(hs_model *model, bool transposes, hs_detail *detail);
/* Bytes that packing the transposes would take: 0 when they are there. */
hs_status hs_model_pack_size(const hs_model *model, hs_detail *detail, uint64_t *out);

/* The axes that hooks.def and params.def name, in one place. T and T_SRC take n_tokens. */
typedef enum hs_axis {
    HS_AXIS_NONE, HS_AXIS_T, HS_AXIS_T_SRC, HS_AXIS_N_HEADS, HS_AXIS_N_KV_HEADS, HS_AXIS_D_MODEL,
    HS_AXIS_D_HEAD, HS_AXIS_D_MLP, HS_AXIS_D_VOCAB, HS_AXIS_D_VOCAB_IN, HS_AXIS_N_CTX, HS_AXIS_ONE
} hs_axis;
int64_t hs_axis_length(const hs_config *cfg, hs_axis axis, int n_tokens);

/* hooks.def's and params.def's `exists` column. */
typedef enum hs_exists {
    HS_EXISTS_ALWAYS, HS_EXISTS_POS, HS_EXISTS_NORM, HS_EXISTS_MLP, HS_EXISTS_MLPNORM,
    HS_EXISTS_SOLULN, HS_EXISTS_LN, HS_EXISTS_BIAS, HS_EXISTS_MLPLN, HS_EXISTS_MLPBIAS, HS_EXISTS_SOLULNW
} hs_exists;
bool hs_exists_in(const hs_config *cfg, hs_exists exists);

#endif
