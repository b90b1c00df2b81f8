// The parts of StyleGAN2's way back.
#pragma once

#include "stylegan2_plan.h"

enum {
    sg_back_at_once = 4,  // images in a batch on the way back
    sg_segments = 8,      // parts of a side whose sums are added one after the other, whatever the threads
};

// What the way back needs besides the network.
struct sg_way_back {
    float *first_weights[sg_most_levels];   // [36 points][i/16][o][16]
    float *second_weights[sg_most_levels];  // the same, of the kernels turned by half
    float *memory;       // of what follows, for `images`
    int images;
    sg_tape tape;
    float *before;       // room for the tape's
    float *pictures[sg_most_levels];  // [images][3][r][r]: gradients of the image so far
    float *parts;        // [3][r][r]: those of a level's own part, where it is limited, for each image of a group
    float *given;        // planes: gradients of a level's second result
    float *inner;        // and of its first
    float *low;          // [i/16][w²][16]: of the level below, before its activation
    float *low_kept;     // the same where own levels end, for all images
    float *styles;       // [images][style_floats]: gradients at the places of the style values
    float *sums;         // [images][segments][style_floats]: the same on their way; after each convolution's demodulation
                         // come sums of its results
    size_t sum_floats;
};

// Some images on their way back.
typedef struct {
    sg_gan *context;
    sg_way_back *back;
    sg_batch *batch;
    const ms_results *results;
    // Of the step that runs:
    int level, first_image, group, parts;
    const float *low;    // of the level above, for the group's first image; NULL for the last level
    float *low_target;
} sg_pass;

// Makes sure of memory for some images on the way back.
ms_status sg_reserve_back(sg_gan *context, int images);

// The gradients of the image so far, of every level.
void sg_back_pictures(sg_pass *pass, const float *image_gradients);

// A level of the images first_image … first_image + group - 1.
void sg_back_level(sg_pass *pass);

// From the sums to the gradients of the styles.
void sg_back_styles(sg_pass *pass);

static inline size_t sg_low_block(int width) { return (size_t)width * width * ms_block; }
static inline size_t sg_low_floats(int channels, int width) {
    return (size_t)(channels / ms_block) * sg_low_block(width);
}

// Where an image's sums of a segment of a level's rows begin.
static inline float *sg_sums_of(const sg_pass *pass, int image, int segment) {
    return pass->back->sums + ((size_t)image * sg_segments + segment) * pass->context->style_floats;
}

// The last of the levels that take the batch at once, of those computed.
static inline int sg_last_shared(const sg_pass *pass) {
    int level = 0;
    while (level + 1 < pass->batch->request.levels && is_shared(pass->context->stages[level + 1].side)) level++;
    return level;
}
