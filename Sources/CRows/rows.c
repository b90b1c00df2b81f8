#include "rows.h"

#if defined(__x86_64__) && defined(__linux__)
#define CLONED __attribute__((target_clones("arch=haswell", "default")))
#else
#define CLONED
#endif

/// How many rows ahead the next ones are asked for: they are scattered, which the processor does not foresee.
enum { ahead = 4 };

static inline void foresee(const float *x, const ptrdiff_t *rows, ptrdiff_t i, ptrdiff_t m, ptrdiff_t d) {
    if (i + ahead >= m) return;
    const char *next = (const char *)(x + rows[i + ahead] * d);
    for (ptrdiff_t byte = 0; byte < d * (ptrdiff_t)sizeof(float); byte += 64) __builtin_prefetch(next + byte);
}

CLONED void rows_dot(
    const float *x, const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t d, const double *w, double offset, double *out) {
    for (ptrdiff_t i = 0; i < m; i++) {
        foresee(x, rows, i, m, d);
        const float *row = x + rows[i] * d;
        // Sixteen sums: enough to hide an addition's latency.
        double sums[16] = {0};
        ptrdiff_t j = 0;
        for (; j + 16 <= d; j += 16)
            for (int k = 0; k < 16; k++) sums[k] += (double)row[j + k] * w[j + k];
        double sum = 0;
        for (; j < d; j++) sum += (double)row[j] * w[j];
        for (int k = 0; k < 16; k++) sum += sums[k];
        out[i] = sum + offset;
    }
}

CLONED void rows_add(
    const float *x, const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t d, const double *c, double *sum) {
    // Four rows at a time, as the sums are read and written once for each group.
    const float *group[4];
    double weights[4];
    int count = 0;
    for (ptrdiff_t i = 0; i < m; i++) {
        if (c[i] == 0) continue;
        foresee(x, rows, i, m, d);
        group[count] = x + rows[i] * d;
        weights[count] = c[i];
        if (++count < 4) continue;
        const float *a = group[0], *b = group[1], *e = group[2], *f = group[3];
        const double wa = weights[0], wb = weights[1], we = weights[2], wf = weights[3];
        for (ptrdiff_t j = 0; j < d; j++) sum[j] += (wa * a[j] + wb * b[j]) + (we * e[j] + wf * f[j]);
        count = 0;
    }
    for (int k = 0; k < count; k++)
        for (ptrdiff_t j = 0; j < d; j++) sum[j] += weights[k] * group[k][j];
}
