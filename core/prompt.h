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
    char **names; /* of the runs that edits may name, which capture what the edits read */
    hs_run **runs;
    int32_t **run_ids;
    int n_runs, at; /* at: the run whose step is next */
    hs_edits *edits; /* made by hs_prompt_run */
} hs_prompt;

/* A list of token ids, malloc's; whether they are the model's a run says. HS_ESPEC names the field. */
hs_status hs_prompt_ids(const hs_json *json, hs_json_at at, const char *field, hs_detail *detail, int32_t **out, int *n);
/* Read the three fields of `object` (a value of `json`, whose text is `text`) and plan the runs that `runs` names. `where`
 * stands before each field in error lines ("" or "minus."). HS_ESPEC names the field. On failure *out is freed. */
hs_status hs_prompt_read(const hs_model *model, const hs_json *json, hs_json_at object, hs_bytes text, const char *where,
                         const hs_tensor *vectors, int n_vectors, hs_detail *detail, hs_prompt *out);
void hs_prompt_free(hs_prompt *prompt);
/* The memory of those runs, and their forward passes: one unit of them, true while more is left. */
uint64_t hs_prompt_bytes(const hs_prompt *prompt);
hs_status hs_prompt_take(hs_prompt *prompt, hs_detail *detail);
bool hs_prompt_step(hs_prompt *prompt);
/* Both, whole. */
hs_status hs_prompt_do_runs(hs_prompt *prompt, hs_detail *detail);
/* As hs_edits_new and hs_generate_new take it. */
hs_sources hs_prompt_sources(const hs_prompt *prompt);
/* Compile the edits and run; the runs they name are done. The run is the caller's to free, before the prompt. */
hs_status hs_prompt_run(hs_prompt *prompt, const char *const *capture, int n_capture, hs_detail *detail, hs_run **out);

#endif
