// The parts of MobileStyleGAN's way back.
#pragma once

#include "mobilestylegan_plan.h"

// Some images of a tape on their way back.
typedef struct {
    ms_mobile *context;
    ms_way_back *back;
    ms_tape *tape;
    const float *image_gradients;  // of the tape's first image
    const ms_results *results;
    int first, count;              // of the tape's images
    int bands;
} ms_pass;

// Makes sure of memory for the way back.
ms_status ms_reserve_back(ms_mobile *context);

// Readies the image's product of a size.
void ms_fold_back(ms_mobile *context, int size);

// The layers that are not computed whole, row by row, from the image down.
void ms_back_rows_of(ms_pass *pass);

// Those computed whole, one parallel step after another.
void ms_back_whole(ms_pass *pass);

// From the gradients of the start's result, and the sums, to those of the styles.
void ms_back_styles(ms_pass *pass);

// An image's sums of a segment.
static inline float *ms_sums_of(const ms_pass *pass, int image, int segment) {
    return pass->back->slots[image].sums + (size_t)segment * pass->context->sum_floats;
}

// Pixels of the rows that the lowest of the layers computed row by row takes, which the others leave.
static inline int ms_low_side(const ms_mobile *context) { return context->stages[context->whole_layers].side / 2; }
