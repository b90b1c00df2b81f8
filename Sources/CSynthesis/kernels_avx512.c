// AVX-512: 32 registers of 16 floats, of which a tile of 12 pixels × 32 channels fills 24.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

#define LANES 16
#define PANELS 2
#define WIDE 12
#define NEXT_GROUP(n) ((n) >= 12 ? 12 : (n) >= 8 ? 8 : 4)
#define KERNELS ms_kernels_avx512
#define KERNELS_NAME "avx512"
#if MS_EMULATES_AVX512
#define MAXIMUM(a, b) larger(a, b)
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#include "larger.h"
#include "kernels_body.h"
#else
#define MAXIMUM(a, b) ((vector)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define MULTIPLY_ADD(a, b, c) ((vector)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#include "kernels_body.h"
#pragma clang attribute pop
#endif
#endif
