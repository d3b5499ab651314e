/* recipe.h: a training recipe (docs/formats.md, "Recipe") read and checked. */
#ifndef HS_RECIPE_H
#define HS_RECIPE_H

#include "hs.h"
#include "optim.h"

typedef enum hs_repeat { HS_REPEAT_TEXT, HS_REPEAT_UNIGRAM } hs_repeat;

typedef struct hs_recipe {
    hs_config config;
    uint64_t seed;
    int32_t bos;
    char from_sha256[65]; /* of the file info.from; else the weights are drawn, by the next line */
    double embed_std, pos_base, pos_amplitude, proj_range, unembed_std;
    bool train_biases;
    hs_adamw adamw;
    double lr, final_lr_fraction, weight_decay, clip;
    bool cosine; /* else constant after the warm-up */
    int64_t warmup, steps;
    int batch;
    int repeat_sequences, min_segment, max_segment;
    hs_repeat repeat[2];  /* of even and odd steps */
    double uniform_share; /* of the unigram repeats: drawn uniformly from the vocabulary instead */
    int64_t train_tokens, heldout_tokens;
    hs_recipe_info info;
    uint64_t hash; /* FNV-1a of the recipe's bytes: ties a checkpoint to it */
} hs_recipe;

/* HS_ERECIPE names the field. */
hs_status hs_recipe_read(hs_bytes json, hs_detail *detail, hs_recipe *out);

#endif
