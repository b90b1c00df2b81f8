// A seam: features leave, and a scale and a shift come in, in the file's order of channels and pixels.
#include <string.h>

#include "mobilestylegan_plan.h"

// The first of a row of pixels of a channel in [N, m, r, r].
static size_t place(const ms_stage *stage, int image, int channel, int y) {
    return (((size_t)image * stage->channels + channel) * stage->side + y) * stage->side;
}

// The first value of a channel in a row of the layout.
static float *lane(const ms_stage *stage, float *row, int channel) {
    return row + (size_t)(channel / ms_block) * (stage->side + 2) * ms_block + ms_block + channel % ms_block;
}

void ms_change_row(const ms_batch *batch, int image, int y, int keeps, float *row) {
    const ms_stage *stage = &batch->context->stages[batch->seam];
    const ms_seam *seam = batch->request.seam;
    const ms_tape *tape = batch->tape;
    int all = batch->first + image, side = stage->side;
    if (keeps && tape && tape->before) {
        memcpy(tape->before + ((size_t)all * side + y) * stage->h_row, row, stage->h_row * sizeof(float));
    }
    for (int channel = 0; channel < stage->channels; channel++) {
        float *values = lane(stage, row, channel);
        size_t at = place(stage, all, channel, y);
        if (keeps && seam->features) {
            for (int x = 0; x < side; x++) seam->features[at + x] = values[x * ms_block];
        }
        if (!seam->scale && !seam->shift) continue;
        for (int x = 0; x < side; x++) {
            float scale = seam->scale ? 1 + seam->scale[at + x] : 1, shift = seam->shift ? seam->shift[at + x] : 0;
            values[x * ms_block] = values[x * ms_block] * scale + shift;
        }
    }
}

void ms_back_through_change(
    const ms_tape *tape, const ms_results *results, int image, int y, int keeps, float *row) {
    const ms_mobile *context = tape->context;
    const ms_stage *stage = &context->stages[tape->seam];
    int side = stage->side;
    float *before = tape->before + ((size_t)image * side + y) * stage->h_row;
    for (int channel = 0; channel < stage->channels; channel++) {
        float *gradients = lane(stage, row, channel);
        const float *features = lane(stage, before, channel);
        size_t at = place(stage, image, channel, y);
        for (int x = 0; x < side; x++) {
            float gradient = gradients[x * ms_block], feature = features[x * ms_block];
            if (keeps && results->shift) results->shift[at + x] = gradient;
            if (keeps && results->scale) results->scale[at + x] = gradient * feature;
            if (tape->seam_scale) gradient *= 1 + tape->seam_scale[at + x];
            gradients[x * ms_block] = feature > 0 ? gradient : context->slope * gradient;
        }
    }
}
