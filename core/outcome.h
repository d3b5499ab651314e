/* outcome.h: what a continued text is worth (docs/formats.md, "Outcomes"), and the teller that continues one after
 * another for the studies that compare them. The texts are of the edited model; they are judged by a reference run, the
 * unedited model that reads a prompt of its own and the same tokens after it. */
#ifndef HS_OUTCOME_H
#define HS_OUTCOME_H

#include "generate.h"

enum { HS_EFFECT, HS_PERPLEXITY, HS_KL, HS_REPETITION2, HS_REPETITION3, HS_N_OUTCOMES };
extern const char *const HS_OUTCOME_NAMES[HS_N_OUTCOMES];

/* Where coherence is lost: above either. */
#define HS_PERPLEXITY_LIMIT 10.0 /* times that of the text without edits */
#define HS_REPETITION_LIMIT 0.5  /* of 3-grams */

/* What hs_teller_read reads, for a reader's `fields`. */
#define HS_TELLER_FIELDS "seeds", "effect", HS_GENERATE_FIELDS
enum { HS_TELLER_SEEDS = 64 };

typedef struct hs_teller {
    hs_model *model;
    hs_generate_spec spec;
    int32_t *stop; /* malloc's */
    int n_seeds;
    uint64_t *seeds;
    bool has_effect;
    uint8_t *member;   /* [d_vocab_out]: 1 for, 2 against */
    hs_real *row;      /* [d_vocab_out]: scratch */
    const int32_t *reference_ids;
    int n_reference, reference_rows; /* its prompt; positions of the run */
    hs_generation *g;
    hs_run *reference;
    bool stands;    /* the reference has read its prompt */
    enum { HS_TELLING, HS_READING, HS_JUDGING } doing;
    int judged;     /* tokens */
    double surprise; /* of the text: the mean, in nats; the perplexity's logarithm */
    double numbers[HS_N_OUTCOMES];
} hs_teller;

/* The fields above; the memory is the reading's but for `stop`, which hs_teller_free frees. */
hs_status hs_teller_read(hs_teller *teller, hs_reading *r, const hs_read_spec *spec);
/* spec.n_prompt, freezes and acts are set by now: promise the runs of texts and of the reference, whose longest prompt
 * has n_reference tokens. */
hs_status hs_teller_promise(hs_teller *teller, hs_reading *r, int n_reference, hs_detail *detail);
hs_status hs_teller_begin(hs_teller *teller, hs_detail *detail);
void hs_teller_free(hs_teller *teller);

/* Begin a text, judged after this prompt (the pointer must stay). again: only the seed is another than of the text before. */
void hs_teller_tell(hs_teller *teller, const hs_telling *telling, const int32_t *reference, int n_reference, bool again);
/* One unit; true while more is left of the text. Then `numbers` holds. */
bool hs_teller_step(hs_teller *teller);

/* Arrays of all numbers under these axes; the index of the first goes into *out. */
hs_status hs_teller_arrays(hs_reading *r, const hs_read_spec *spec, const char *const names[HS_N_OUTCOMES], const hs_axis_of *axes,
                           int *out);
/* The text's numbers into entry `at` of those arrays. */
void hs_teller_write(const hs_teller *teller, const hs_reading *r, int first, int64_t at);
/* Its tokens into out [max_new], NaN after the last. */
void hs_teller_write_ids(const hs_teller *teller, hs_real *out);

/* The share of the n-grams of ids [count] that stood before: 1 - different ones / all; 0 where there is none. */
double hs_repetition(const hs_generation *generation, int n);

/* Have the detail, which begins with `old`, begin with `with`. */
void hs_detail_lead(hs_detail *detail, const char *old, const char *with);

#endif
