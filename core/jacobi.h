/* jacobi.h: singular vectors by one-sided Jacobi rotations (Hestenes 1958), in a fixed order: the same bits everywhere.
 * Slow beside LAPACK, exact to rounding, and small; what is wanted of it is a head's OV or a set of prompts. */
#ifndef HS_JACOBI_H
#define HS_JACOBI_H

#include <stdbool.h>
#include <stdint.h>

/* Rotates pairs of the rows of x [n, d], and those of y [n, e] the same way, until the rows of x are orthogonal:
 * sum over i of x_i y_i^T stays what it was. Begin with 0 in all from `total` on. */
typedef struct hs_jacobi {
    double *x, *y; /* y may be NULL */
    int n, d, e;
    double total; /* of all squares of x; set by the first step */
    int p, q, sweep;
    bool moved;
} hs_jacobi;

/* Go on for about this many floating-point operations; true while more is left. Rows that are not finite stay. */
bool hs_jacobi_step(hs_jacobi *jacobi, double flops);
/* The lengths of the rows of x, and the index of the k-th largest of them, the lower one first among equals. */
void hs_jacobi_lengths(const hs_jacobi *jacobi, double *out);
int hs_jacobi_choose(const double *lengths, int n, int k);

#endif
