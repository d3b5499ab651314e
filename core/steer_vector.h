/* steer_vector.h: the arithmetic of steering vectors, from what runs and weights gave (read_vector.c asks for them). */
#ifndef HS_STEER_VECTOR_H
#define HS_STEER_VECTOR_H

#include "jacobi.h"
#include "pairs.h"

enum { HS_VECTOR_PROMPTS = 256, HS_VECTOR_FOLDS = 8 };

/* Those of contrasts first. */
typedef enum hs_vector_kind {
    HS_VECTOR_MEAN,   /* contrastive activation addition (Rimsky et al. 2023) */
    HS_VECTOR_PCA,
    HS_VECTOR_ACTADD, /* Turner et al. 2023: a row for each position */
    HS_VECTOR_NEURON,
    HS_VECTOR_TOKEN,
    HS_VECTOR_OV,
    HS_VECTOR_ACTIVATION
} hs_vector_kind;

typedef struct hs_vector {
    const hs_model *model;
    hs_vector_kind kind;
    int n[2];        /* positive and negative prompts; a saved activation is one positive */
    int n_rows;      /* of the vector, and of what each prompt gives */
    int layer, index, minus; /* neuron or head; token, less another (-1: none) */
    int k, side;     /* which singular vector; 0 what the head writes, 1 what it reads */
    bool unit;
    double scale;
    /* what came of it */
    bool made;
    double *out;      /* [n_rows, d_model] */
    double *singular; /* [d_head], largest first */
    double separation, explained;
    /* on the way */
    double *activations; /* [n[0] + n[1], n_rows, d_model] */
    double *pairs;       /* [n, d_model]: differences, rotated; or the singular vectors' two sides */
    double *other;
    double *lengths;
    hs_jacobi jacobi;
    int stage;           /* of a contrast: which fold, and at last all prompts */
    bool rotating;
    double right, compared; /* held-out pairs in order, and all */
} hs_vector;

/* Take what it needs, as the fields up to `scale` say. */
hs_status hs_vector_plan(hs_vector *vector, hs_reading *r, const hs_read_spec *spec);
/* Where prompt i's activations belong [n_rows, d_model]: the positive ones first. */
double *hs_vector_activations(hs_vector *vector, int i);
/* Go on for about so many floating-point operations; `made` is set at the end. */
void hs_vector_make(hs_vector *vector, double flops);

#endif
