// StyleGAN2's synthesis network on the CPU, float32.
//
// Modulated 3×3 convolutions with the modulation on the activations, so that a batch shares the weights; those that keep
// the resolution by Winograd's F(4×4, 3×3) (Lavin & Gray 2016, arXiv 1509.09308), those that double it as the four phases
// of the transposed convolution, whose blur reads the phases where they lie. Along an axis on which a phase is even, two taps
// meet four pixels by Toom and Cook's five products instead of eight: 81 products a tile of 4×4 pixels and not 144.
//
// Letters: N images, L levels, i input and o output channels, r pixels along a side, d the latent size.
#pragma once

#include "CSynthesis.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A modulated 3×3 convolution.
typedef struct {
    int inputs, outputs;
    const float *modulation_weight;  ///< [i, d]
    const float *modulation_bias;    ///< [i]
    const float *weight;             ///< [o, i, 3, 3]; of a doubling one as PyTorch's transposed convolution has it
    const float *bias;               ///< [o]
} sg_convolution;

/// A modulated 1×1 convolution to red, green and blue.
typedef struct {
    int inputs;
    const float *modulation_weight;  ///< [i, d]
    const float *modulation_bias;    ///< [i]
    const float *weight;             ///< [3, i]
    const float *bias;               ///< [3]
} sg_image;

/// One resolution.
typedef struct {
    const sg_convolution *first;  ///< doubles the resolution; NULL at 4×4
    sg_convolution second;
    const sg_image *image;        ///< NULL where the level adds nothing to the image; never in the last
} sg_level;

/// The network as its file has it; `sg_create` copies what it needs.
typedef struct {
    int latent;             ///< d
    int level_count;        ///< L, the first at 4×4
    const float *constant;  ///< [i, 4, 4]
    const sg_level *levels; ///< [L]
    float filter[4];        ///< taps of the resampling filter in one dimension, in the order of a convolution proper, sum 1
    float clamp;            ///< activations and images are limited to ± this; 0 for no limit
} sg_network;

/// Packs the weights for the chosen path and starts the threads; `threads` and `path` as of `ms_create`, as are the
/// functions that end the context and tell of it.
ms_status sg_create(const sg_network *network, int threads, const char *path, ms_context **context);

/// Images that are asked for.
typedef struct {
    const float *styles;  ///< [N, R, d]; R is 1 (one row for all) or 2L
    int count, rows;      ///< N, R
    int levels;           ///< how many to compute, L for the whole image; with fewer, the sum of those levels' images
    const float *const *noise;  ///< for each of the 2L - 1 convolutions [K, r, r], the strength included, or NULL; NULL
                                ///< itself for none at all
    int noise_images;     ///< K, 1 for the same noise in every image, or N
    const ms_seam *seam;  ///< NULL for the plain images; from 8×8 up
} sg_request;

/// Synthesizes N images. Not to be called twice at once on one context.
///
/// - context: of `sg_create`.
/// - images: [N, 3, 4 << (levels - 1), 4 << (levels - 1)], about [-1, 1]; NULL where a seam's features alone are wanted.
ms_status sg_synthesize(ms_context *context, const sg_request *request, float *images);

/// Gradients of a function of N images with respect to what they came from, given those with respect to the images.
///
/// The images' activations are computed once more and kept, those of the levels above 32×32 for one image at a time. The
/// first call packs the weights for the way back, which takes as much memory again.
///
/// - image_gradients: of the images' shape.
ms_status sg_gradients(
    ms_context *context, const sg_request *request, const float *image_gradients, const ms_results *results);

#ifdef __cplusplus
}
#endif
