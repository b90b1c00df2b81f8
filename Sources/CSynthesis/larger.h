// A template, included by the kernels_<path>.c that lack an instruction for it, after they define LANES; not a header for
// anybody else. The larger of two vectors of LANES floats, lane by lane, without intrinsics.
#pragma once

typedef float larger_vector __attribute__((vector_size(LANES * 4)));
typedef int larger_mask __attribute__((vector_size(LANES * 4)));

static inline __attribute__((always_inline)) larger_vector larger(larger_vector a, larger_vector b) {
    larger_mask first = a > b;
    return (larger_vector)(((larger_mask)a & first) | ((larger_mask)b & ~first));
}
