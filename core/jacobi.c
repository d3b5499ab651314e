/* jacobi.c: see jacobi.h. */
#include "jacobi.h"

#include <math.h>

enum { MOST_SWEEPS = 60 }; /* ten are many: each squares what is left */

static double product(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void rotate(double *a, double *b, int n, double c, double s)
{
    for (int i = 0; i < n; i++) {
        double was = a[i];
        a[i] = c * was - s * b[i];
        b[i] = s * was + c * b[i];
    }
}

/* Makes rows p and q of x orthogonal. */
static void make_orthogonal(hs_jacobi *j, int p, int q)
{
    double *a = j->x + (int64_t)p * j->d, *b = j->x + (int64_t)q * j->d;
    double aa = product(a, a, j->d), bb = product(b, b, j->d), ab = product(a, b, j->d);
    if (!(fabs(ab) > 1e-14 * sqrt(aa) * sqrt(bb)))
        return; /* orthogonal but for rounding, or not finite */
    if (aa <= 1e-30 * j->total || bb <= 1e-30 * j->total)
        return; /* a row that is nothing but rounding */
    double zeta = (bb - aa) / (2 * ab), t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
    double c = 1 / sqrt(1 + t * t), s = c * t;
    if (!isfinite(s))
        return;
    rotate(a, b, j->d, c, s);
    if (j->y)
        rotate(j->y + (int64_t)p * j->e, j->y + (int64_t)q * j->e, j->e, c, s);
    j->moved = true;
}

bool hs_jacobi_step(hs_jacobi *j, double flops)
{
    if (!j->sweep && !j->q)
        j->total = product(j->x, j->x, (int64_t)j->n * j->d);
    double each = 12.0 * j->d + 6.0 * (j->y ? j->e : 0);
    for (double done = 0; done < flops; done += each) {
        if (++j->q >= j->n) {
            j->q = ++j->p + 1;
            if (j->q >= j->n) { /* the sweep is over */
                if (!j->moved || j->n < 2 || j->sweep >= MOST_SWEEPS)
                    return false;
                j->p = 0;
                j->q = 1;
                j->sweep++;
                j->moved = false;
            }
        }
        make_orthogonal(j, j->p, j->q);
    }
    return true;
}

void hs_jacobi_lengths(const hs_jacobi *j, double *out)
{
    for (int i = 0; i < j->n; i++) {
        const double *x = j->x + (int64_t)i * j->d;
        out[i] = sqrt(product(x, x, j->d));
    }
}

int hs_jacobi_choose(const double *lengths, int n, int k)
{
    for (int i = 0; i < n; i++) {
        int before = 0;
        for (int j = 0; j < n; j++)
            before += lengths[j] > lengths[i] || (!(lengths[j] < lengths[i]) && j < i);
        if (before == k)
            return i;
    }
    return 0; /* lengths that are not finite */
}
