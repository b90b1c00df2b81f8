// What the compiler makes of four-float vectors on any processor; also the twin that the other paths are held to.
#include "kernels.h"

typedef float vector_4 __attribute__((vector_size(16)));
typedef int mask_4 __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) vector_4 larger(vector_4 a, vector_4 b) {
    mask_4 first = a > b;
    return (vector_4)(((mask_4)a & first) | ((mask_4)b & ~first));
}

#define LANES 4
#define PANELS 1
#define WIDE 4
#define NEXT_GROUP(n) ((void)(n), 4)
#define MAXIMUM(a, b) larger(a, b)
#define KERNELS ms_kernels_portable
#define KERNELS_NAME "portable"
#include "kernels_body.h"
