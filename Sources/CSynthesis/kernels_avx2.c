// AVX2 and FMA: 16 registers of 8 floats, of which a tile of 6 pixels × 16 channels fills 12.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define PANELS 1
#define WIDE 6
#define NEXT_GROUP(n) ((n) >= 6 && (n) != 8 ? 6 : 4)
#define MAXIMUM(a, b) ((vector)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define KERNELS ms_kernels_avx2
#define KERNELS_NAME "avx2"
#include "kernels_body.h"
#pragma clang attribute pop
#endif
