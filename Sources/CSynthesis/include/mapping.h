// A mapping network on the CPU: fully connected layers of equal width with leaky ReLU, float32.
//
// Every number is one chain of fused multiply-adds in a fixed order, whatever the batch, the row's place in it, the
// threads and the processor. A general matrix product gives other last bits for other shapes, and a latent must not
// depend on the company that it was drawn in.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Rows that one call of `mm_map` takes.
#define mm_rows 48

/// Layers of one width.
typedef struct {
    int size;             ///< width; a multiple of 8
    int layers;           ///< how many
    float slope;          ///< of the leaky ReLU
    float gain;           ///< times each layer's output
    const float *weights; ///< [layers][size / 8][size in][8 out], as `mm_pack` orders them
    const float *biases;  ///< [layers][size]
} mm_network;

/// Orders one layer's weight [size out, size in] for `mm_network`.
void mm_pack(const float *weight, int size, float *packed);

/// Maps up to `mm_rows` rows: z · rsqrt(mean(z²) + epsilon), then gain · lrelu(weight · x + bias) for each layer.
///
/// - z, w: [rows, size]; may be the same.
/// - scratch: [2, size, mm_rows].
void mm_map(const mm_network *network, const float *z, int rows, double epsilon, float *w, float *scratch);

/// The path in use: the widest of avx512, avx2 and portable, or the one that DIRECTIONS_CPU names (portable where the
/// processor lacks it). All give the same bits.
const char *mm_path(void);

#ifdef __cplusplus
}
#endif
