// The inner loops, one table for each path. kernels_body.h defines them once; kernels_<path>.c compiles it.
//
// Layout of a row of activations ("row"): [blocks of 16 channels][width + 2][16], with one pixel of zeros at each end.
#pragma once

// Products and sums may become fused operations, across statements too: in every file that includes this one.
#pragma clang fp contract(fast)

#include <stddef.h>

enum {
    ms_block = 16,         // channels in a block of the layout, and of a panel of packed weights
    ms_depth = 256,        // input channels in one pass of a product: a panel of weights then fits the first cache
    ms_chunk = 96,          // pixels taken at once, of all rows together
    ms_tile_floats = 32768, // depthwise results held between the two halves of a convolution
};

// A separable convolution ready to run. c and m are padded to whole blocks.
typedef struct {
    int c, m;
    float slope;
    const float *weights;  // [m/16][c][16]
    const float *bias;     // [m]
} ms_product;

// Set to 1 where a test compiles the AVX-512 shapes for a processor without AVX-512.
#if !defined(MS_EMULATES_AVX512)
#define MS_EMULATES_AVX512 0
#endif

// What follows a modulated convolution: clamp(leaky(scale · x + gain · noise + bias)).
typedef struct {
    const float *scale, *bias;  // [16] of the block
    float gain, slope, limit;   // limit: INFINITY for none
} ms_finish;

// One or two rows through a depthwise 3×3, whose source was scaled.
typedef struct {
    const float *weights;          // [c/16][9][16] turned by half
    const float *const *gradient;  // rows + 2 rows, the first above the first result
    const float *const *source;    // rows rows, or NULL: the results as they are, without sums, scale and activation
    const float *scale;            // [c]
    float slope;
    int rows, c, width;
    float *const *target;
    float *const *sums;            // for each row [c]
} ms_depthwise_back;

// A row of a block of a plane of StyleGAN2 on the way back.
typedef struct {
    int width;
    const float *values;         // [width][16]: the plane itself, after its activation
    const float *gradient;       // [width][16]: of what was modulated of it, or NULL
    const float *scale;          // [16]: by which it was modulated
    const float *picture[3];     // [width] each: gradients of the image that was made of it, or NULL
    const float *image_weights;  // [3][16]
    const float *image_scale;    // [16]
    const float *noise;          // [width], or NULL
    const float *bias;           // [16], the gain included
    float gain, slope, limit;
    float *target;               // [width][16]; may be `gradient`
    float *sum_scale, *sum_image;  // [16]: Σ value · what the scales multiply
    float *sum_finish;           // [16]: Σ gradient · demodulated sum; NULL: nothing is taken through an activation
} ms_finish_back;

// A phase of a convolution that doubles the resolution, by tiles of 4×4 pixels of the low image: an axis on which it is even
// has two taps and five points a tile, an odd one has one tap, and its points are the four pixels.
typedef struct {
    int even_rows, even_columns;
    size_t down, across;  // floats from a tile's point to the next
} ms_phase;

typedef struct {
    const char *name;

    // Depthwise 3×3 and product on `rows` consecutive rows.
    //   depthwise [c/16][9][16] with the modulation folded in; source: rows + 2 rows, the first above the first output;
    //   target: rows rows; noise: rows × [width], or NULL; scratch [ms_tile_floats].
    void (*convolve)(
        const ms_product *product, const float *depthwise, const float *const *source, float *const *target,
        const float *const *noise, int rows, int width, float *scratch);

    // Inverse Haar step: a row of 4·c channels, the four subbands one after the other, to two rows of c, twice as wide.
    //   scale [4·c], which includes the step's ½.
    void (*upsample)(const float *row, const float *scale, float *upper, float *lower, int c, int width);

    // Sums of `box` neighbours along a row [m/16][width + 2][16], to the row [m/16][width/box + 2][16] that they begin
    // or add to.
    void (*pool)(const float *row, int m, int width, int box, int begins, float *sums);

    // The image's product without activation: row [m/16][width + 2][16] to pixels [width][16].
    void (*project)(const float *row, const float *weights, const float *bias, int m, int width, float *pixels);

    // out[i·out_stride + j] = scale · (bias[j] + Σ weight[j][k] · in[i·in_stride + k]), j in [0, rows).
    void (*linear)(
        const float *weight, const float *bias, float scale, const float *in, size_t in_stride, int count, int rows,
        int length, float *out, size_t out_stride);

    // Product of n pixels (a multiple of 4), without activation: target[m/16][·][16] becomes, or grows by,
    // pixels [c/16][·][16] · weights [m/16][c][16]; a block of pixels or results is `stride` floats from the next.
    void (*multiply)(
        const float *pixels, size_t pixel_stride, const float *weights, float *target, size_t target_stride, int c,
        int m, int n, int begins);

    // The input transform of Winograd's F(4×4, 3×3) of `tiles` neighbouring tiles of one block of channels.
    //   plane: the first tile's upper left pixel, rows `row` floats apart; scale [16]; points [36][·][16].
    void (*winograd_input)(
        const float *plane, size_t row, const float *scale, int tiles, float *points, size_t point_stride);

    // The output transform of the same tiles, and what follows it; the target's first pixel as above.
    //   noise: of the first tile's first pixel, rows 4·tiles of `noise_row` floats apart, or NULL.
    void (*winograd_output)(
        const float *points, size_t point_stride, const ms_finish *finish, const float *noise, size_t noise_row,
        int tiles, float *plane, size_t row);

    // The transforms of a doubling convolution's phase, of a row of neighbouring tiles of one block of channels.
    //   input: from the low image, as above; output: to the phase's own plane, whose rows are one pixel longer than the low
    //   image's; of an even phase's five rows the first grows where the tiles above were added, and the fifth lies at `last`.
    void (*doubling_input)(
        const float *plane, size_t row, const float *scale, const ms_phase *phase, int tiles, float *points);
    void (*doubling_output)(
        const float *products, const ms_phase *phase, int tiles, int grows, float *plane, size_t row, float *last);

    // A row of the blur of a transposed convolution with stride 2, of one block of channels: from its rows' even and odd
    // columns, four of each [1 + width + 1][16] beginning with column -1, to [2·width][16].
    void (*blur)(
        const float *const *even, const float *const *odd, const float *down, const float *across,
        const ms_finish *finish, const float *noise, int width, float *target);

    // The rest is the way back: gradients through what is above. "sums" grow by what the scales get. A gradient that is
    // given is one of what comes before an activation, and so is what is returned: it has been taken through the leaky
    // ReLU that made the row beside it (slope 1 for none).

    // Product of whole rows, without activation: each target [m/16][width + 2][16] becomes its source
    // [c/16][width + 2][16] · weights [m/16][c][16].
    void (*backward_product)(
        const float *const *source, float *const *target, const float *weights, int c, int m, int rows, int width);

    void (*backward_depthwise)(const ms_depthwise_back *step);

    // Through `upsample`: two rows of c to a row of 4·c, half as wide: `width`. row: what was raised; scale [4·c] as of
    // `upsample`; factor [c]: what the two rows are to be multiplied by; sums [4·c], without scale and factor.
    void (*backward_upsample)(
        const float *upper, const float *lower, const float *row, const float *scale, const float *factor, float slope,
        int c, int width, float *target, float *sums);

    // Through the image's modulation: columns [m/16][width/box][16], each of which stands for `box` pixels, and the row
    // that the image was made of, to gradients of that row.
    void (*backward_image)(
        const float *columns, int box, const float *row, const float *scale, float slope, int m, int width,
        float *target, float *sums);

    // Through `linear`: out[i·out_stride + k] += Σ values[i·value_stride + j] · weight[j·length + k], k in [0, columns).
    void (*backward_linear)(
        const float *weight, const float *values, size_t value_stride, int count, int rows, int length, int columns,
        float *out, size_t out_stride);

    // StyleGAN2's: what a plane gets from what was made of it, taken through the activation that made it.
    void (*backward_finish)(const ms_finish_back *step);

    // The way back through a phase: from its plane, to the low image, which becomes the results or grows by them.
    void (*backward_doubling_input)(const float *plane, size_t row, const ms_phase *phase, int tiles, float *points);
    void (*backward_doubling_output)(
        const float *products, const ms_phase *phase, int tiles, int grows, float *plane, size_t row);

    // The way back through `blur`, a row of the transposed convolution's result from the four rows y + 1, y, y - 1, y - 2 of
    // gradients [1 + 2·width + 1][16], which begin with column -1: even and odd columns [width + 1][16]. scale [16]: what
    // the gradients are multiplied by.
    void (*backward_blur)(
        const float *const *rows, const float *down, const float *across, const float *scale, int width, float *even,
        float *odd);
} ms_kernels;

extern const ms_kernels ms_kernels_portable;
#if defined(__x86_64__)
extern const ms_kernels ms_kernels_avx2;
extern const ms_kernels ms_kernels_avx512;
#endif
