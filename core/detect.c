/* detect.c: what heads do, read from their patterns. */
#include "hs.h"

void hs_detect_heads(const hs_real *pattern, const int32_t *ids, int n_heads, int n_tokens, hs_head_scores *out,
                     int *n_counted)
{
    int64_t T = n_tokens;
    int counted = 0;
    for (int t = 1; t < n_tokens; t++)
        for (int s = 1; s < t; s++)
            if (ids[s] == ids[t]) {
                counted++;
                break;
            }
    for (int h = 0; h < n_heads; h++) {
        double previous = 0, duplicate = 0, induction = 0;
        for (int t = 1; t < n_tokens; t++) {
            const hs_real *row = pattern + (h * T + t) * T;
            previous += (double)row[t - 1];
            for (int s = 1; s < t; s++)
                if (ids[s] == ids[t]) {
                    duplicate += (double)row[s];
                    induction += (double)row[s + 1];
                }
        }
        out[h].previous = n_tokens > 1 ? (hs_real)(previous / (n_tokens - 1)) : 0;
        out[h].duplicate = counted ? (hs_real)(duplicate / counted) : 0;
        out[h].induction = counted ? (hs_real)(induction / counted) : 0;
    }
    *n_counted = counted;
}
