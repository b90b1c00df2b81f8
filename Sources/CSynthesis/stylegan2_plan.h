// What StyleGAN2's context holds: the network packed for its path, and the memory it works in.
#pragma once

#include "context.h"
#include "stylegan2.h"

enum {
    sg_most_levels = 10,
    sg_points = 36,      // matrices that a kernel of either convolution becomes
    sg_tiles = 64,       // tiles transformed at once
    sg_shared_side = 32, // levels up to this many pixels a side take the batch at once
    sg_at_once = 8,      // images in a batch
    sg_band = 96,        // pixels of a point of a doubling convolution multiplied at once
};

// A convolution packed. i and o are padded to whole blocks.
typedef struct {
    int i, o, inputs, outputs, style_row;
    float *modulation, *modulation_bias;  // [inputs][latent], [inputs]
    float *power;   // [outputs][inputs]: the sum of each kernel's squares
    float *weights; // [36 points][o/16][i][16]
    float *bias;    // [o], the gain included
    size_t scales, demodulation;  // offsets in an image's style values: [i], [o]
} sg_packed;

typedef struct {
    int i, inputs, style_row;
    float *modulation, *modulation_bias;  // [inputs][latent], [inputs]
    float *weights;  // [3][inputs]
    float bias[3];
    size_t scales, folded;  // offsets in an image's style values: [i], [i][16]
} sg_packed_image;

typedef struct {
    int side, has_first, has_image;
    sg_packed first, second;
    sg_packed_image image;
} sg_stage;

typedef struct {
    float *points, *products, *rows;
} sg_worker;

// A level's planes, kept for the way back: of all images where the level takes the batch at once, else of one.
typedef struct {
    float *first[sg_most_levels], *second[sg_most_levels];  // results of either convolution
    float *before;  // of the seam's level: the features before the change; or NULL
} sg_tape;

typedef struct sg_way_back sg_way_back;

typedef struct {
    ms_context base;
    int latent, levels;
    float down[4], across[4], filter[4];
    float clamp;  // INFINITY for none
    float *constant;  // [i/16][6][6][16], a border of zeros around
    sg_stage stages[sg_most_levels];
    size_t style_floats;
    float *styles;  // [images][style_floats]
    sg_worker *workers;
    float *zeros;   // a row of a phase
    int images;     // that the memory below is for
    float *memory;
    float *phases;  // of a doubling convolution: [4][o/16][1 + (w + 1)·(w + 1 + seams)][16], see sg_seams
    float *wide;    // its blurred result
    float *shared[2], *own[2];  // results of the levels that take the batch at once, and of the others
    float *shared_pictures[2], *own_pictures[2];  // [images][3][r][r] of either
    sg_way_back *back;  // NULL until gradients are asked for
} sg_gan;

// Some images on their way.
typedef struct {
    sg_gan *context;
    sg_request request;  // of these images alone, but for noise and seam: `first` images lie before
    int first;
    float *images;       // or NULL
    const sg_tape *tape; // or NULL
    int seam;            // the level with a seam, or -1
    // Of the step that runs:
    int level, first_image, group, parts;
} sg_batch;

// Floats of a padded plane's block, and of all blocks.
static inline size_t plane_block(int side) { return (size_t)(side + 2) * (side + 2) * ms_block; }
static inline size_t plane_floats(int channels, int side) { return (size_t)(channels / ms_block) * plane_block(side); }

// Rows of tiles of the low image that one task of a doubling convolution takes at least.
static inline int sg_tile_rows(int width) { return ms_most(1, sg_tiles / (width / 4)); }

// A phase's even rows get something from the tiles above and below. Where another task computes the tiles above, that is
// kept below the phase's plane, a row for each such place.
static inline int sg_seams(int width) { return (width / 4 - 1) / sg_tile_rows(width); }
static inline size_t phase_block(int width) {
    return ((size_t)(width + 1) * (width + 1 + sg_seams(width)) + 1) * ms_block;
}
static inline size_t phase_floats(int channels, int width) { return (size_t)(channels / ms_block) * phase_block(width); }

// How the points of some tiles of one phase of a doubling convolution lie: [points][blocks][pixels][16], the pixels of a
// point being one of each tile, or four or sixteen on axes where the phase is odd.
typedef struct {
    ms_phase phase;
    int points[2], pixels;  // points down and across
    size_t block, point;    // floats from a block, a point to the next
} sg_layout;

static inline sg_layout sg_layout_of(int phase, int tiles, int blocks) {
    int odd_rows = phase / 2, odd_columns = phase % 2;
    sg_layout layout = {
        .phase = {.even_rows = !odd_rows, .even_columns = !odd_columns},
        .points = {odd_rows ? 1 : 5, odd_columns ? 1 : 5},
        .pixels = tiles * (odd_rows ? 4 : 1) * (odd_columns ? 4 : 1),
    };
    // An odd number of lines, as for the tiles of the other convolution.
    layout.block = (size_t)layout.pixels * ms_block;
    layout.point = layout.block * blocks + ms_block;
    size_t pixel = (size_t)tiles * ms_block;
    layout.phase.down = odd_rows ? pixel * (odd_columns ? 4 : 1) : layout.point * layout.points[1];
    layout.phase.across = odd_columns ? pixel : layout.point;
    return layout;
}

// Whether a level takes the batch at once.
static inline int is_shared(int side) { return side <= sg_shared_side; }

// Makes sure of memory for `count` images at once.
ms_status sg_reserve(sg_gan *context, int count);

// Whether a request for images makes sense; finds the level of the seam, or -1.
int sg_request_fits(const sg_gan *context, const sg_request *request, int *seam);

// The values of an image that follow from its styles; of all levels at once by a pool's tasks.
float *sg_values(const sg_batch *batch, int image);
void sg_compute_styles(sg_batch *batch);

// Adds what the level's features make to the images of the group.
void sg_run_picture(sg_batch *batch);

// Results of the convolutions of a level, for an image of the group, and its noise.
float *sg_first_plane(const sg_batch *batch, int level, int image);
float *sg_second_plane(const sg_batch *batch, int level, int image);
const float *sg_noise(const sg_batch *batch, int convolution, int image, int side);

// Computes a level of the images first_image … first_image + group - 1.
void sg_run_level(sg_batch *batch);

// A pixel of the image before, in the doubled image's row: `taps` of each dimension and the rows they are of.
typedef struct { int at[2]; float factor[2]; } sg_taps;
sg_taps sg_doubling_taps(const float *filter, int y);

// The products of a phase's points: weights [36 points of `point_weights`][panels][inputs][16] from the first panel wanted.
void sg_multiply_phase(
    const sg_gan *context, const sg_layout *in, const sg_layout *out, const float *points, const float *weights,
    size_t point_weights, int inputs, int panels, float *products);

// Zeros around a padded plane's block.
void sg_clear_border(float *block, int side);

// How many parts some channels are cut into so that every thread has work.
int sg_parts_for(const sg_gan *context, int tasks, int channels);

// A context as what it is; NULL when its network is of another kind.
sg_gan *sg_gan_of(ms_context *context);
