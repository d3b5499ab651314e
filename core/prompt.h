/* prompt.h: what documents share: {"ids":[...], "edits":[...], "runs":{"B":[...]}}, from JSON to a run. */
#ifndef HS_PROMPT_H
#define HS_PROMPT_H

#include "json.h"

typedef struct hs_prompt {
    const hs_model *model;
    int32_t *ids;
    int n_ids;
    hs_bytes edits_text; /* the list inside the document's text; size 0: none */
    const hs_tensor *vectors; /* the caller's */
    int n_vectors;
    char **names; /* of the runs that edits may name, done, and captured as far as the edits read them */
    hs_run **runs;
    int n_runs;
    hs_edits *edits; /* made by hs_prompt_run */
} hs_prompt;

/* Read the three fields of `object` (a value of `json`, whose text is `text`) and run what `runs` names. `where`
 * stands before each field in error lines ("" or "minus."). HS_ESPEC names the field. On failure *out is freed. */
hs_status hs_prompt_read(const hs_model *model, const hs_json *json, hs_json_at object, hs_bytes text, const char *where,
                         const hs_tensor *vectors, int n_vectors, hs_detail *detail, hs_prompt *out);
void hs_prompt_free(hs_prompt *prompt);
/* As hs_edits_new and hs_generate_new take it. */
hs_sources hs_prompt_sources(const hs_prompt *prompt);
/* Compile the edits and run. The run is the caller's to free, before the prompt. */
hs_status hs_prompt_run(hs_prompt *prompt, const char *const *capture, int n_capture, hs_detail *detail, hs_run **out);

#endif
