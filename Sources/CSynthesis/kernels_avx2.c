// AVX2 and FMA: 16 registers of 8 floats, of which a tile of 6 pixels × 16 channels fills 12.
#if defined(__x86_64__)
#include "kernels.h"

#include <immintrin.h>

// One block of 16 input channels into a tile of 6 pixels × 16 output channels. The compiler, left to itself, spills one
// of the 16 registers, and addresses with four bytes where one does.
#define STEP_PIXEL(AT, BASE, X, A, B)                                                                                  \
    "vbroadcastss " #AT "(%[" #BASE "]), %%ymm" #X "\n\t"                                                              \
    "vfmadd231ps %%ymm12, %%ymm" #X ", %[" #A "]\n\t"                                                                  \
    "vfmadd231ps %%ymm13, %%ymm" #X ", %[" #B "]\n\t"
#define STEP(K, W)                                                                                                     \
    "vmovaps " #W "(%[w]), %%ymm12\n\t"                                                                               \
    "vmovaps " #W "+32(%[w]), %%ymm13\n\t"                                                                            \
    STEP_PIXEL(K*4-64, p, 14, s00, s01) STEP_PIXEL(K*4, p, 15, s10, s11) STEP_PIXEL(K*4+64, p, 14, s20, s21)           \
    STEP_PIXEL(K*4-64, q, 15, s30, s31) STEP_PIXEL(K*4, q, 14, s40, s41) STEP_PIXEL(K*4+64, q, 15, s50, s51)
#define FOUR_STEPS(K)                                                                                                  \
    STEP(K, -128) STEP((K+1), -64) STEP((K+2), 0) STEP((K+3), 64) "add $256, %[w]\n\t"
#define SUM(I, J) [s##I##J] "+x"(sum[I][J])
#define ASSEMBLED_PIXELS 6
#define ASSEMBLED_BLOCK(sum, pixels, weights)                                                                          \
    do {                                                                                                               \
        const float *w_ = (weights) + 32, *p_ = (pixels) + ms_block, *q_ = p_ + 3 * ms_block;                          \
        __asm__ volatile(                                                                                              \
            FOUR_STEPS(0) FOUR_STEPS(4) FOUR_STEPS(8) FOUR_STEPS(12)                                                   \
            : SUM(0, 0), SUM(0, 1), SUM(1, 0), SUM(1, 1), SUM(2, 0), SUM(2, 1), SUM(3, 0), SUM(3, 1), SUM(4, 0),       \
              SUM(4, 1), SUM(5, 0), SUM(5, 1), [w] "+r"(w_)                                                            \
            : [p] "r"(p_), [q] "r"(q_)                                                                                 \
            : "xmm12", "xmm13", "xmm14", "xmm15", "memory");                                                           \
    } while (0)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define PANELS 1
#define WIDE 6
#define NEXT_GROUP(n) ((n) >= 6 && (n) != 8 ? 6 : 4)
#define MAXIMUM(a, b) ((vector)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define MULTIPLY_ADD(a, b, c) ((vector)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define KERNELS ms_kernels_avx2
#define KERNELS_NAME "avx2"
#include "kernels_body.h"
#pragma clang attribute pop
#endif
