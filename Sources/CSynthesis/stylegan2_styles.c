// StyleGAN2: styles become modulations and demodulations; features become the image.
#include <math.h>
#include <string.h>

#include "stylegan2_plan.h"

// MARK: styles

static const float *style_of(const sg_batch *batch, int image, int row) {
    size_t latent = (size_t)batch->context->latent;
    return batch->request.styles + ((size_t)image * batch->request.rows + (batch->request.rows == 1 ? 0 : row)) * latent;
}

float *sg_values(const sg_batch *batch, int image) {
    return batch->context->styles + (size_t)image * batch->context->style_floats;
}

static void convolution_styles(const sg_batch *batch, const sg_packed *packed) {
    sg_gan *context = batch->context;
    const ms_kernels *kernels = context->base.kernels;
    size_t stride = (size_t)batch->request.rows * context->latent;
    kernels->linear(
        packed->modulation, packed->modulation_bias, 1, style_of(batch, 0, packed->style_row), stride, batch->request.count,
        packed->inputs, context->latent, context->styles + packed->scales, context->style_floats);
    for (int image = 0; image < batch->request.count; image++) {
        float *values = sg_values(batch, image), *scales = values + packed->scales;
        // The squares lie for a moment where the demodulation of this convolution leaves room: after it.
        float *squares = values + packed->demodulation + packed->o;
        for (int k = 0; k < packed->inputs; k++) squares[k] = scales[k] * scales[k];
        kernels->linear(
            packed->power, NULL, 1, squares, 0, 1, packed->outputs, packed->inputs, values + packed->demodulation, 0);
        float *demodulation = values + packed->demodulation;
        for (int k = 0; k < packed->outputs; k++) demodulation[k] = sqrtf(2) / __builtin_elementwise_sqrt(demodulation[k] + 1e-8f);
    }
}

static void image_styles(const sg_batch *batch, const sg_packed_image *packed) {
    sg_gan *context = batch->context;
    context->base.kernels->linear(
        packed->modulation, packed->modulation_bias, 1, style_of(batch, 0, packed->style_row),
        (size_t)batch->request.rows * context->latent, batch->request.count, packed->inputs, context->latent,
        context->styles + packed->scales, context->style_floats);
    for (int image = 0; image < batch->request.count; image++) {
        float *values = sg_values(batch, image), *folded = values + packed->folded;
        for (int k = 0; k < packed->inputs; k++) {
            for (int colour = 0; colour < 3; colour++) {
                folded[(size_t)k * ms_block + colour] =
                    packed->weights[(size_t)colour * packed->inputs + k] * values[packed->scales + k];
            }
        }
    }
}

static void run_styles(void *state, int index, int worker) {
    (void)worker;
    const sg_batch *batch = state;
    sg_stage *stage = &batch->context->stages[index / 3];
    if (index % 3 == 0 && stage->has_first) convolution_styles(batch, &stage->first);
    if (index % 3 == 1) convolution_styles(batch, &stage->second);
    if (index % 3 == 2 && stage->has_image) image_styles(batch, &stage->image);
}

void sg_compute_styles(sg_batch *batch) {
    ms_pool_run(batch->context->base.pool, 3 * batch->request.levels, run_styles, batch);
}

// MARK: the image

// The image so far, of this level.
static float *picture(const sg_batch *batch, int level, int image) {
    size_t side = (size_t)batch->context->stages[level].side;
    if (level == batch->request.levels - 1) return batch->images + (size_t)image * 3 * side * side;
    if (!is_shared((int)side)) return batch->context->own_pictures[level & 1];
    return batch->context->shared_pictures[level & 1] + (size_t)image * 3 * side * side;
}

sg_taps sg_doubling_taps(const float *filter, int y) {
    // Row 2e has e by tap 1 and e - 1 by tap 3, row 2e + 1 has e by tap 2 and e + 1 by tap 0.
    return (sg_taps){
        .at = {y / 2, y % 2 ? y / 2 + 1 : y / 2 - 1},
        .factor = {2 * filter[y % 2 ? 2 : 1], 2 * filter[y % 2 ? 0 : 3]},
    };
}

static float doubled(const float *plane, int width, const float *filter, int y, int x) {
    sg_taps rows = sg_doubling_taps(filter, y), columns = sg_doubling_taps(filter, x);
    float sum = 0;
    for (int a = 0; a < 2; a++) {
        if (rows.at[a] < 0 || rows.at[a] >= width) continue;
        for (int b = 0; b < 2; b++) {
            if (columns.at[b] < 0 || columns.at[b] >= width) continue;
            sum += rows.factor[a] * columns.factor[b] * plane[(size_t)rows.at[a] * width + columns.at[b]];
        }
    }
    return sum;
}

// One row of one image.
static void run_picture(void *state, int index, int worker) {
    const sg_batch *batch = state;
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    int side = stage->side, y = index % side, image = batch->first_image + index / side;
    size_t area = (size_t)side * side;
    float *target = picture(batch, batch->level, image) + (size_t)y * side;
    const float *before = NULL;
    for (int level = 0; level < batch->level; level++) {
        if (context->stages[level].has_image) before = picture(batch, batch->level - 1, image);
    }
    for (int colour = 0; colour < 3; colour++) {
        for (int x = 0; x < side; x++) {
            target[colour * area + x] = before
                ? doubled(before + colour * area / 4, side / 2, context->filter, y, x) : 0;
        }
    }
    if (!stage->has_image) return;
    const sg_packed_image *packed = &stage->image;
    float *rows = context->workers[worker].rows;
    const float *plane = sg_second_plane(batch, batch->level, image) + ((size_t)(y + 1) * (side + 2) + 1) * ms_block;
    context->base.kernels->multiply(
        plane, plane_block(side), sg_values(batch, image) + packed->folded, rows, 0, packed->i, ms_block, side, 1);
    for (int colour = 0; colour < 3; colour++) {
        for (int x = 0; x < side; x++) {
            float value = rows[(size_t)x * ms_block + colour] + packed->bias[colour];
            value = value > context->clamp ? context->clamp : value < -context->clamp ? -context->clamp : value;
            target[colour * area + x] += value;
        }
    }
}

void sg_run_picture(sg_batch *batch) {
    int side = batch->context->stages[batch->level].side;
    ms_pool_run(batch->context->base.pool, batch->group * side, run_picture, batch);
}
