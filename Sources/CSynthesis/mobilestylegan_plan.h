// What MobileStyleGAN's context holds: the network packed for its path, and the memory it works in.
#pragma once

#include "context.h"

enum {
    ms_most_layers = 12,
    ms_whole_side = 32,   // layers up to this many pixels a side are computed whole, larger ones row by row
    ms_strip = 64,        // pixels that one task of a whole layer takes at least
    ms_step = 2,          // rows computed at once of the others
    ms_ring = 4,          // rows kept of what they are computed from
};

// A linear map from a row of the style to values at `offset` of an image's modulations.
typedef struct {
    float *weight, *bias;  // [rows][latent], [rows]
    float scale;
    int rows, style_row;
    size_t offset;
} ms_style_map;

// One separable convolution: the product packed, the depthwise weights still without modulation.
typedef struct {
    ms_product product;
    int channels;          // c before padding
    float *depthwise;      // [c/16][9][16]
    float *noise;          // [r][r], or NULL
    size_t modulation;     // offset in an image's modulations
    size_t folded;         // offset in an image's folded weights
} ms_separable;

typedef struct {
    int side;              // r of the output; the input has half of it
    int groups, c;         // channels after the Haar step, and padded
    int channels;          // m before padding
    size_t up_modulation;  // offset in an image's modulations, in the file's channel order
    size_t up_scale;       // offset in an image's folded weights, in the subbands' order
    ms_separable first, second;
    size_t u_row, h_row, o_row;  // floats in a row of the Haar step's, the first and the second convolution's result
} ms_stage;

// The rows that one thread keeps of one layer.
typedef struct {
    float *u[ms_ring], *h[ms_ring], *o[ms_step];
    int h_next, h_end, o_next, o_end;
} ms_rows;

typedef struct {
    float *scratch;  // [ms_tile_floats]
    float *pixels;   // [side][16]
    float *sums;     // a row of the last layer's result, summed over boxes
    ms_rows rows[ms_most_layers];
} ms_worker;

// What one image of the current batch needs.
typedef struct {
    float *folded;  // depthwise weights and scales with the modulation in
    float *start;        // rows of the start's result
    float *u[ms_most_layers], *h[ms_most_layers], *o[ms_most_layers];  // of the layers computed whole
} ms_slot;

// What the way back needs: one image's activations, whole, and room for gradients.
typedef struct {
    ms_slot slot;  // the image's, with every layer whole
    float *first_weights[ms_most_layers], *second_weights[ms_most_layers];      // the products' weights transposed
    float *first_depthwise[ms_most_layers], *second_depthwise[ms_most_layers];  // turned by half
    float *gradients[2];    // of a layer's activations, by turns
    float *modulations;     // of each modulation
    float *ones;            // as many as the last layer has channels
    float *image;           // the image's product without modulation, as ms_fold_image has it, and transposed
    float *image_transposed;
    float *sums;            // [bands][most channels]
    size_t sum_row;
    float *scale;           // one modulation, padded
    float *scratch;         // [threads]: a row of pixels, then ms_ring rows
    size_t scratch_row, pixel_floats, ring_floats;
} ms_tape;

typedef struct {
    ms_context base;
    int latent, layers, whole_layers;
    int style_rows;       // 3L + 1
    float slope;
    int start_side, start_channels, start_groups;
    size_t start_row;     // floats
    float *start_weight;  // [c·r·r][c]: the start's response to each channel's modulation
    float *start_bias[2]; // [c·r·r], without and with noise
    int map_count;
    ms_style_map maps[3 * ms_most_layers + 2];
    size_t modulation_floats, folded_floats, feature_floats;
    size_t image_modulation, image_folded;
    float *image_weight;  // [12][m]
    float image_bias[12];
    int image_channels;   // m before padding
    ms_stage stages[ms_most_layers];
    float *zeros;         // a row of them
    ms_worker *workers;     // one a thread
    int slot_count;
    ms_slot *slots;
    float *modulations;   // [slots][modulation_floats]: every style map's results
    float *features;      // [slots][c·r·r]: the start's results in the file's order
    ms_tape *tape;        // NULL until gradients are asked for
} ms_mobile;

// A context as what it is; NULL when its network is of another kind.
ms_mobile *ms_mobile_of(ms_context *context);

// Pixels along a side of the full image.
int ms_full_size(const ms_mobile *context);

// How many images are computed at once at most.
int ms_at_once(const ms_mobile *context);

// Makes sure of `count` slots, at most as many as `ms_at_once` says.
ms_status ms_reserve(ms_mobile *context, int count);

// Whether a request for images makes sense.
int ms_request_fits(const ms_mobile *context, int count, int rows, int size);

// Computes the modulations and the start's results of `count` images, and folds them into the weights of their slots.
void ms_prepare(ms_mobile *context, const float *styles, int count, int rows, int size, int noise);

// The last product for an image of a size: [m][16], and the bias [16] behind it.
void ms_fold_image(const ms_mobile *context, const float *modulation, int size, float *folded);

// What a layer of an image is computed from, and the floats in a row of it.
const float *ms_layer_input(const ms_mobile *context, const ms_slot *slot, int layer, size_t *row);

// A layer of some images, whole, into their slots; a task takes `rows` rows, at most ms_strip, a part of the side.
void ms_compute_whole(const ms_mobile *context, const ms_slot *slots, int count, int layer, int rows, int noise);

// The channel's place in the subbands' order: q low, then q each of the three high bands, q padded to `padded`.
static inline int ms_subband_place(int channel, int channels, int padded) {
    int groups = channels / 4;
    if (channel < groups) return channel;
    int high = channel - groups;
    return (high % 3 + 1) * padded + high / 3;
}
