// CSynthesis: synthesis networks on the CPU, float32. Here MobileStyleGAN's; stylegan2.h has StyleGAN2's.
//
// What it is: one fixed shape of network (Belousov 2021, arXiv 2104.04767), fused row by row so that activations stay
// in cache, with matrix products by its own register-tiled kernels chosen at run time for the processor.
// What it is not: a general runtime. Gradients are those of images with respect to styles, not of the weights.
//
// Letters used for shapes throughout:
//   N images, R rows of a style, L layers, c input and m output channels of a product, r pixels along a side.
#pragma once

#include <stddef.h>

#include "mapping.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What can go wrong. Anything but `ms_ok` leaves the outputs untouched.
typedef enum {
    ms_ok = 0,
    ms_bad_network = 1,   ///< A dimension or pointer of the network makes no sense.
    ms_bad_argument = 2,  ///< Count, rows, size or a pointer of a call makes no sense.
    ms_no_memory = 3,
    ms_no_threads = 4,
    ms_no_such_path = 5,  ///< The path asked for is one that this processor or build lacks.
} ms_status;

/// A style's linear map: (weight · w + bias) · scale.
typedef struct {
    const float *weight;  ///< [c, latent]
    const float *bias;    ///< [c]
    float scale;
} ms_modulation;

/// One separable convolution: modulation, depthwise 3×3, product, noise, bias, leaky ReLU.
typedef struct {
    ms_modulation modulation;  ///< c values
    const float *depthwise;    ///< [c, 3, 3]
    const float *pointwise;    ///< [m, c], demodulation folded in
    const float *noise;        ///< [r, r], or NULL
    const float *bias;         ///< [m]
} ms_convolution;

/// One layer: inverse Haar step from c channels at r×r to c/4 at 2r×2r, then two convolutions to m channels.
typedef struct {
    int channels;          ///< m
    ms_modulation up;      ///< c values, before the Haar step
    ms_convolution first;  ///< c/4 → m
    ms_convolution second; ///< m → m
} ms_layer;

/// The network as its file has it; `ms_create` copies what it needs.
typedef struct {
    int latent;               ///< length of a style row, 512
    int start_resolution;     ///< 4; a multiple of 4
    int start_channels;       ///< 512; a multiple of 4
    int layer_count;          ///< L, 7
    float slope;              ///< of every leaky ReLU, 0.2; between 0 and 1
    const float *constant;    ///< [c, r, r], the learned input
    ms_modulation start_modulation;
    const float *start_weight; ///< [c, c, 3, 3], demodulation folded in
    const float *start_noise;  ///< [r, r], or NULL
    const float *start_bias;   ///< [c]
    const ms_layer *layers;    ///< [L]
    ms_modulation image_modulation;
    const float *image_weight; ///< [12, m]: low band of red, green, blue, then three high bands of each
    const float *image_bias;   ///< [12]
} ms_network;

/// A network packed for this processor, with threads: MobileStyleGAN's or, by `sg_create`, StyleGAN2's.
typedef struct ms_context ms_context;

/// Packs the network's weights for the chosen path and starts the threads.
///
/// - threads: how many threads compute, the caller's included; 0 for one a processor.
/// - path: portable, avx2 or avx512; NULL for what the environment variable DIRECTIONS_CPU names, or else the widest
///   that the processor offers.
ms_status ms_create(const ms_network *network, int threads, const char *path, ms_context **context);

/// Stops the threads and frees everything.
void ms_destroy(ms_context *context);

/// A change of features: of the result of the first convolution, activation included, at one resolution, before the
/// second convolution has it. feature · (1 + scale) + shift; with neither scale nor shift the image is the plain one.
typedef struct {
    int side;            ///< r: which layer's; for MobileStyleGAN twice the start resolution or more
    const float *scale;  ///< [N, m, r, r], or NULL for 0
    const float *shift;  ///< [N, m, r, r], or NULL for 0
    float *features;     ///< [N, m, r, r]: where the features before the change go; or NULL
} ms_seam;

/// Images that are asked for.
typedef struct {
    const float *styles;  ///< [N, R, latent]; R is 1 (one row for all) or 3L + 1 (row 0 for the start, then for each
                          ///< layer `up` and `first`, `second`, image)
    int count, rows;      ///< N, R
    int size;             ///< pixels along a side: the full 2·r of the last layer, or that divided by a power of two
                          ///< down to the start resolution; smaller sizes are exact box averages of the full image
    int noise;            ///< whether the noise constants are added
    const ms_seam *seam;  ///< NULL for the plain images
} ms_request;

/// Synthesizes N images. Not to be called twice at once on one context.
///
/// - context: of `ms_create`, here and below.
/// - images: [N, 3, size, size], about [-1, 1]; NULL where a seam's features alone are wanted.
ms_status ms_synthesize(ms_context *context, const ms_request *request, float *images);

/// What was computed on the way to some images.
typedef struct ms_tape ms_tape;

/// Synthesizes N images as `ms_synthesize` does, to the same bits, and keeps what the way back needs: for the 1024² of
/// the paper about 250 MB an image.
///
/// - images: NULL where they are not wanted.
/// - tape: for `ms_release_tape`, before the context goes.
ms_status ms_record(ms_context *context, const ms_request *request, float *images, ms_tape **tape);

/// Bytes that an image on a tape takes; 0 for a context of another kind.
size_t ms_tape_bytes(ms_context *context);

/// Gives a tape's memory back to its context.
void ms_release_tape(ms_tape *tape);

/// Gradients with respect to what the images came from.
typedef struct {
    float *styles;  ///< [N, R, latent]; with R = 1 the sum over all rows
    float *scale;   ///< [N, m, r, r], of the seam's scale; or NULL
    float *shift;   ///< [N, m, r, r], of the seam's shift, which is that of the changed features; or NULL
} ms_results;

/// Gradients of a function of a tape's images, from those with respect to the images.
///
/// - image_gradients: [N, 3, size, size].
ms_status ms_backward(ms_tape *tape, const float *image_gradients, const ms_results *results);

/// The same without a tape: the images are computed once more, some at once.
ms_status ms_gradients(
    ms_context *context, const ms_request *request, const float *image_gradients, const ms_results *results);

/// "portable", "avx2" or "avx512".
const char *ms_path(const ms_context *context);

/// How many threads compute.
int ms_threads(const ms_context *context);

/// Bytes that the context holds.
size_t ms_bytes(const ms_context *context);

#ifdef __cplusplus
}
#endif

#include "stylegan2.h"
