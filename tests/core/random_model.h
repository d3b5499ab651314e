/* random_model.h: a small model of a random shape with random weights, for tests of what must hold in any. */
#ifndef HS_TEST_RANDOM_MODEL_H
#define HS_TEST_RANDOM_MODEL_H

#include "harness.h"
#include "model.h"
#include "random.h"

#include <stdlib.h>

/* In [-1, 1). */
static inline double random_signed(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-52 - 1;
}

/* `config` NULL: every field is drawn; norms, positions, activations and odd sizes of all kinds come up. */
static inline hs_model *random_model(uint64_t *state, const char *config)
{
    static const char *const NORMS[] = {"\"LN\"", "\"LNPre\"", "null"}, *const POSITIONS[] = {"standard", "shortformer"};
    static const char *const ACTS[] = {"relu", "gelu", "gelu_new", "silu", "solu", "solu_ln"};
    char drawn[512];
    hs_detail detail = {""};
    hs_config cfg;
    hs_model *model = NULL;
    snprintf(drawn, sizeof drawn,
             "{\"n_layers\":%d,\"d_model\":%d,\"n_ctx\":%d,\"d_head\":%d,\"n_heads\":%d,\"d_vocab\":%d,\"attn_only\":%s,"
             "\"d_mlp\":%d,\"act_fn\":\"%s\",\"normalization_type\":%s,\"positional_embedding_type\":\"%s\","
             "\"scale_attn_by_inverse_layer_idx\":%s}",
             (int)random_below(state, 4), 3 + (int)random_below(state, 14), 12 + (int)random_below(state, 8),
             1 + (int)random_below(state, 7), 1 + (int)random_below(state, 4), 11 + (int)random_below(state, 20),
             random_below(state, 3) ? "false" : "true", 1 + (int)random_below(state, 20), ACTS[random_below(state, 6)],
             NORMS[random_below(state, 3)], POSITIONS[random_below(state, 2)], random_below(state, 2) ? "false" : "true");
    config = config ? config : drawn;
    if (!CHECK_STATUS(hs_config_read((hs_bytes){config, strlen(config), "config"}, &detail, &cfg), HS_OK, detail) ||
        !CHECK_STATUS(hs_model_new(&cfg, &detail, &model), HS_OK, detail))
        exit(1);
    for (int64_t i = 0; i < model->n_real; i++)
        model->base[i] = (hs_real)(0.7 * random_signed(state));
    CHECK_STATUS(hs_model_pack(model, false, &detail), HS_OK, detail);
    return model;
}

#endif
