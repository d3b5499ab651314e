/* generate.h: generation inside the core: planned once, told again and again with other prompts, edits and seeds, which
 * is what studies of steering do. Nothing is taken after hs_generate_plan. */
#ifndef HS_GENERATE_INTERNAL_H
#define HS_GENERATE_INTERNAL_H

#include "edit.h"
#include "hs_generate.h"
#include "read.h"
#include "sample.h"

/* What every text of a plan has in common. */
typedef struct hs_generate_spec {
    int n_prompt; /* of the longest prompt */
    int max_new, k;
    hs_sampler sampler;
    const int32_t *stop; /* [n_stop]; read here and not later */
    int n_stop;
    bool twin, cache;
    bool freezes; /* some text's attention is frozen */
    const hs_edits *acts; /* there where any text's edits act (its `any`); NULL: nowhere */
} hs_generate_spec;

/* Positions that are ever run: the last token is drawn from the last of them and is none itself. */
int hs_generate_rows(const hs_model *model, int n_prompt, int max_new);
/* Bytes that hs_generate_plan takes. */
hs_status hs_generate_size(hs_model *model, const hs_generate_spec *spec, hs_detail *detail, uint64_t *out);
hs_status hs_generate_plan(hs_model *model, const hs_generate_spec *spec, hs_detail *detail, hs_generation **out);

/* One text. What it points to must outlive it. */
typedef struct hs_telling {
    const int32_t *ids;
    int n_prompt;
    const hs_edits *edits; /* compiled for as many positions as the plan has rows; NULL: none */
    bool frozen;           /* attention patterns are those of the unedited twin */
    uint64_t seed;
    const int32_t *forced;
    int n_forced;
} hs_telling;

/* Begin a text. */
void hs_generate_tell(hs_generation *generation, const hs_telling *telling);
/* Begin the same text (at least one token of it was drawn) with another seed: what the prompt gave stands. */
void hs_generate_again(hs_generation *generation, uint64_t seed);

/* The fields of a document that say how texts are drawn, into *io; absent ones leave it. The list of "stop" is malloc's. */
#define HS_GENERATE_FIELDS "max_new", "temperature", "top_k", "top_p", "frequency_penalty", "repetition_penalty", "stop"
extern const hs_generate_spec HS_GENERATE_SPEC; /* what absent fields mean */
hs_status hs_generate_read(const hs_read_spec *spec, const hs_config *cfg, hs_generate_spec *io, int32_t **stop);

#endif
