// CRows: products of float64 vectors with listed float32 rows, for `Fitting`.
//
// x is a row-major float32 matrix of d columns; `rows` lists the m of its rows that take part. Everything is computed in
// float64. One copy of each function is compiled for AVX2 and one for any x86-64; the loader picks.
#pragma once

#include <stddef.h>

/// out[i] = x[rows[i]] · w + offset, for i < m.
void rows_dot(
    const float *x, const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t d, const double *w, double offset, double *out);

/// sum[j] += Σ c[i] · x[rows[i]][j]; rows whose c is 0 cost nothing.
void rows_add(
    const float *x, const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t d, const double *c, double *sum);
