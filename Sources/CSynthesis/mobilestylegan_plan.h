// What MobileStyleGAN's context holds: the network packed for its path, and the memory it works in.
#pragma once

#include "context.h"

enum {
    ms_most_layers = 12,
    ms_whole_side = 32,   // layers up to this many pixels a side are computed whole, larger ones row by row
    ms_strip = 64,        // pixels that one task of a whole layer takes at least
    ms_step = 2,          // rows computed at once of the others
    ms_ring = 4,          // rows kept of what they are computed from
    ms_segments = 16,     // parts of a side whose sums are added one after the other, whatever the threads
    ms_back_ring = 6,     // rows kept on the way back
    ms_paired_side = 128, // layers up to this many pixels a side take two rows at once on the way back
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
    size_t folded, scale;  // offsets in an image's folded weights: of the depthwise weights, and the modulation padded
    size_t sum;            // offset in a segment's sums
} ms_separable;

typedef struct {
    int side;              // r of the output; the input has half of it
    int groups, c;         // channels after the Haar step, and padded
    int channels;          // m before padding
    size_t up_modulation;  // offset in an image's modulations, in the file's channel order
    size_t up_scale;       // offset in an image's folded weights, in the subbands' order
    size_t up_sum;         // offset in a segment's sums, in the subbands' order
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

// One image: its weights, and results of the layers computed whole. On a tape also those of the others.
typedef struct {
    float *memory;
    float *folded;  // depthwise weights and scales with the modulation in
    float *start;   // rows of the start's result
    float *u[ms_most_layers], *h[ms_most_layers], *o[ms_most_layers];
} ms_slot;

struct ms_tape {
    struct ms_mobile *context;
    int count, rows, size, noise;
    int seam;              // the layer with a seam, or -1
    ms_slot *slots;        // [count]
    float *modulations;    // [count][modulation_floats]
    float *before;         // [count][side] rows of the seam's features before the change; or NULL
    float *seam_scale;     // [count, m, r, r], or NULL
    float *seam_memory;    // which holds both
};

// The rows that one thread keeps of one layer on the way back.
typedef struct {
    float *given[2];              // gradients of the second convolution's result, as they come
    float *second[ms_back_ring];  // through the second product
    float *between[2];            // gradients of the first convolution's result
    float *first[ms_back_ring];   // through the first product
    float *grown[2];              // gradients of the Haar step's result
    float *below;                 // and of the layer's input
    int h_next, h_end, u_next, u_end;
} ms_back_rows;

typedef struct {
    float *pixels;   // [size][16]
    float *columns;  // [m/16][size][16]
    float *unused;   // sums of rows that belong to another band
    ms_back_rows rows[ms_most_layers];
} ms_back_worker;

// One image on the way back.
typedef struct {
    float *sums;         // [segments][sum_floats]
    float *modulations;  // gradients of each
    float *start;        // of the start's result, in the file's order
    float *gradients[2]; // of the layers computed whole: of a result, and on the way to the layer's input
} ms_back_slot;

// What the way back needs besides a tape.
typedef struct {
    float *first_weights[ms_most_layers], *second_weights[ms_most_layers];      // the products' weights transposed
    float *first_depthwise[ms_most_layers], *second_depthwise[ms_most_layers];  // turned by half
    int size;                 // that the image's product is of
    float *image;             // without modulation, as ms_fold_image has it, and transposed
    float *image_transposed;
    float *ones;              // as many as the last layer has channels
    ms_back_worker *workers;  // one a thread
    ms_back_slot *slots;      // ms_recorded of them
    size_t slot_floats;       // from one to the next
} ms_way_back;

typedef struct ms_mobile {
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
    size_t image_modulation, image_folded, image_scale, image_sum;  // image_scale: the modulation padded
    size_t sum_floats;    // in a segment
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
    ms_slot spare[4];     // of tapes that are gone, kept for the next
    int spare_count;
    ms_way_back *back;    // NULL until gradients are asked for
} ms_mobile;

// A context as what it is; NULL when its network is of another kind.
ms_mobile *ms_mobile_of(ms_context *context);

// Pixels along a side of the full image.
int ms_full_size(const ms_mobile *context);

// How many images are computed at once at most.
int ms_at_once(const ms_mobile *context);

// Makes sure of `count` slots, at most as many as `ms_at_once` says.
ms_status ms_reserve(ms_mobile *context, int count);

// Takes memory for an image on a tape, and gives it back.
int ms_take_recorded(ms_mobile *context, ms_slot *slot);
void ms_give_recorded(ms_mobile *context, ms_slot *slot);

// How many images are recorded at once where the caller does not say.
int ms_recorded(const ms_mobile *context);

// Some images on their way.
typedef struct {
    ms_mobile *context;
    ms_request request;    // of these images alone, but for the seam's arrays: `first` images lie before
    int first;
    float *images;         // [count][3][size][size], or NULL
    ms_slot *slots;
    float *modulations;    // [count][modulation_floats]
    ms_tape *tape;         // or NULL
    int seam;              // the layer with a seam, or -1
    int last;              // the last layer needed
    int bands;             // an image's parts in the row-by-row phase
} ms_batch;

// Whether a request for images makes sense; finds the layer of the seam, or -1.
int ms_request_fits(const ms_mobile *context, const ms_request *request, int *seam);

// Computes every modulation and the start's results, and folds them into the weights of the slots.
void ms_prepare(const ms_batch *batch);

// Computes images whose slots are there.
void ms_run_batch(ms_batch *batch);

// The last product for an image of a size: [m][16], and the bias [16] behind it.
void ms_fold_image(const ms_mobile *context, const float *modulation, int size, float *folded);

// What a layer of an image is computed from, and the floats in a row of it.
const float *ms_layer_input(const ms_mobile *context, const ms_slot *slot, int layer, size_t *row);

// How many rows of a layer computed whole one task takes; it divides the side.
static inline int ms_strip_rows(const ms_stage *stage) {
    return ms_most(1, ms_least(stage->side, ms_strip / stage->side));
}

// How many bands each image is cut into so that every thread has work: a power of two, as each costs a few rows.
static inline int ms_bands_for(const ms_mobile *context, int count, int most_bands) {
    int threads = context->base.thread_count, bands = 1;
    while (bands * 2 <= most_bands && count * bands % threads != 0 && count * bands < 4 * threads) bands *= 2;
    return bands;
}

// The most bands on a tape and on the way back, where bands and segments must part at the same rows, and a band of the
// lowest layer that is not computed whole at an even one.
static inline int ms_most_recorded_bands(const ms_mobile *context) {
    int bands = 1, side = context->stages[context->whole_layers].side;
    while (bands < ms_segments && side % (4 * bands) == 0) bands *= 2;
    return bands;
}

// Notes row y of the features of an image and changes it; `keeps`: whether it is this task's to note.
void ms_change_row(const ms_batch *batch, int image, int y, int keeps, float *row);

// Takes the gradients of row y of an image's changed features, notes those of scale and shift where `keeps`, and turns
// them into gradients from before the features' activation.
void ms_back_through_change(
    const ms_tape *tape, const ms_results *results, int image, int y, int keeps, float *row);

// The channel's place in the subbands' order: q low, then q each of the three high bands, q padded to `padded`.
static inline int ms_subband_place(int channel, int channels, int padded) {
    int groups = channels / 4;
    if (channel < groups) return channel;
    int high = channel - groups;
    return (high % 3 + 1) * padded + high / 3;
}
