#include "rows.h"

// Products and sums may become fused operations, across statements too.
#pragma clang fp contract(fast)

#if defined(__x86_64__) && defined(__linux__)
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
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

typedef float floats4 __attribute__((vector_size(16)));
typedef double doubles4 __attribute__((vector_size(32)));

// Macros, as a function would have to be compiled for each processor too.
#define loaded(from) (((const struct { doubles4 v; } __attribute__((packed, may_alias)) *)(from))->v)
#define widened(from) \
    __builtin_convertvector(((const struct { floats4 v; } __attribute__((packed, may_alias)) *)(from))->v, doubles4)

CLONED void rows_dot(
    const float *x, const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t d, const double *w, double offset, double *out) {
    for (ptrdiff_t i = 0; i < m; i++) {
        foresee(x, rows, i, m, d);
        const float *row = x + rows[i] * d;
        // Four vectors of sums: enough to hide an addition's latency.
        doubles4 sums[4] = {{0}, {0}, {0}, {0}};
        ptrdiff_t j = 0;
        for (; j + 16 <= d; j += 16)
            for (int k = 0; k < 4; k++) sums[k] += widened(row + j + 4 * k) * loaded(w + j + 4 * k);
        const doubles4 all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        double sum = (all[0] + all[1]) + (all[2] + all[3]);
        for (; j < d; j++) sum += (double)row[j] * w[j];
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
