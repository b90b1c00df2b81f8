// The mapping network's kernels. Activations lie as [size, 48 rows], so that lanes are rows: each lane sums its own
// products over the inputs in rising order with fused multiply-adds, which every path rounds alike.

#pragma clang fp contract(fast)

#include "mapping.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// One layer: some outputs by some vectors of rows at a time, each sum in a register of its own, over `mm_depth` inputs
// that fit the first cache; the sums wait in y in between.
#define mm_depth 128
#define UNROLL _Pragma("clang loop unroll(full)")
#define LAYER(path, lanes, across, outputs, features)                                                                 \
    typedef float vector_##path __attribute__((vector_size(4 * lanes), aligned(4)));                                  \
                                                                                                                      \
    features static void layer_##path(                                                                                \
        const mm_network *network, const float *weights, const float *biases, const float *restrict x,                \
        float *restrict y) {                                                                                          \
        const int size = network->size;                                                                               \
        for (int start = 0; start < size; start += mm_depth) {                                                        \
            const int end = start + mm_depth < size ? start + mm_depth : size;                                        \
            for (int out = 0; out < size; out += outputs) {                                                           \
                const float *group = weights + (size_t)(out / 8) * 8 * size + out % 8;                                \
                for (int row = 0; row < mm_rows; row += across * lanes) {                                             \
                    vector_##path sum[outputs][across];                                                               \
                    UNROLL for (int o = 0; o < outputs; o++) {                                                        \
                        const vector_##path *from = (const vector_##path *)(y + (size_t)(out + o) * mm_rows + row);   \
                        UNROLL for (int j = 0; j < across; j++)                                                       \
                            sum[o][j] = start == 0 ? biases[out + o] - (vector_##path){0} : from[j];                  \
                    }                                                                                                 \
                    for (int k = start; k < end; k++) {                                                               \
                        const vector_##path *in = (const vector_##path *)(x + (size_t)k * mm_rows + row);             \
                        const float *w = group + (size_t)k * 8;                                                       \
                        UNROLL for (int o = 0; o < outputs; o++) {                                                    \
                            const vector_##path scale = w[o] - (vector_##path){0};                                    \
                            UNROLL for (int j = 0; j < across; j++)                                                   \
                                sum[o][j] = __builtin_elementwise_fma(scale, in[j], sum[o][j]);                       \
                        }                                                                                             \
                    }                                                                                                 \
                    UNROLL for (int o = 0; o < outputs; o++) {                                                        \
                        vector_##path *to = (vector_##path *)(y + (size_t)(out + o) * mm_rows + row);                 \
                        UNROLL for (int j = 0; j < across; j++) to[j] = sum[o][j];                                    \
                    }                                                                                                 \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }

LAYER(portable, 4, 2, 4, )
#if defined(__x86_64__)
LAYER(avx2, 8, 2, 4, __attribute__((target("avx2,fma"))))
LAYER(avx512, 16, 3, 8, __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))))
#endif

typedef void (*layer_function)(const mm_network *, const float *, const float *, const float *, float *);

static layer_function choose(const char **name) {
#if defined(__x86_64__)
    const char *wanted = getenv("DIRECTIONS_CPU");
    const int any = !wanted || !*wanted;
    __builtin_cpu_init();
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    if (has_avx512 && (any || strcmp(wanted, "avx512") == 0)) {
        *name = "avx512";
        return layer_avx512;
    }
    if (has_avx2 && (any || strcmp(wanted, "avx2") == 0)) {
        *name = "avx2";
        return layer_avx2;
    }
#endif
    *name = "portable";
    return layer_portable;
}

const char *mm_path(void) {
    const char *name;
    choose(&name);
    return name;
}

void mm_pack(const float *weight, int size, float *packed) {
    for (int out = 0; out < size; out++)
        for (int k = 0; k < size; k++)
            packed[(size_t)(out / 8) * 8 * size + (size_t)k * 8 + out % 8] = weight[(size_t)out * size + k];
}

// Products of two floats are exact in double, so that contraction to a fused form changes nothing.
static void normalise(float *x, int size, double epsilon) {
    double sums[mm_rows] = {0};
    for (int k = 0; k < size; k++)
        for (int row = 0; row < mm_rows; row++) {
            const double value = x[(size_t)k * mm_rows + row];
            sums[row] += value * value;
        }
    float factors[mm_rows];
    for (int row = 0; row < mm_rows; row++) factors[row] = (float)(1 / __builtin_elementwise_sqrt(sums[row] / size + epsilon));
    for (int k = 0; k < size; k++)
        for (int row = 0; row < mm_rows; row++) x[(size_t)k * mm_rows + row] *= factors[row];
}

static void activate(float *x, size_t count, float slope, float gain) {
    for (size_t i = 0; i < count; i++) {
        const float value = x[i] * gain;
        x[i] = value > 0 ? value : value * slope;
    }
}

void mm_map(const mm_network *network, const float *z, int rows, double epsilon, float *w, float *scratch) {
    const char *name;
    const layer_function layer = choose(&name);
    const size_t size = (size_t)network->size;
    float *x = scratch, *y = scratch + size * mm_rows;
    for (size_t k = 0; k < size; k++)
        for (int row = 0; row < mm_rows; row++) x[k * mm_rows + row] = row < rows ? z[row * size + k] : 0;
    normalise(x, network->size, epsilon);
    for (int i = 0; i < network->layers; i++) {
        layer(network, network->weights + i * size * size, network->biases + i * size, x, y);
        activate(y, size * mm_rows, network->slope, network->gain);
        float *swap = x;
        x = y;
        y = swap;
    }
    for (int row = 0; row < rows; row++)
        for (size_t k = 0; k < size; k++) w[row * size + k] = x[k * mm_rows + row];
}
