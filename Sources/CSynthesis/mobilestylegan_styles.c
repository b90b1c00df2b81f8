// Styles become modulations, and these are folded into the weights; the start's result, which is linear in its modulation.
#include <string.h>

#include "mobilestylegan_plan.h"

// MARK: styles

enum { ms_map_rows = 64 };  // of a linear map, in one task

static void run_maps(void *state, int index, int worker) {
    (void)worker;
    const ms_batch *batch = state;
    ms_mobile *context = batch->context;
    for (int i = 0; i < context->map_count; i++) {
        const ms_style_map *map = &context->maps[i];
        int tasks = ms_parts(map->rows, ms_map_rows);
        if (index >= tasks) {
            index -= tasks;
            continue;
        }
        int first = index * ms_map_rows, rows = ms_least(ms_map_rows, map->rows - first);
        const float *style = batch->request.styles + (batch->request.rows == 1 ? 0 : (size_t)map->style_row * context->latent);
        context->base.kernels->linear(
            map->weight + (size_t)first * context->latent, map->bias + first, map->scale, style,
            (size_t)batch->request.rows * context->latent, batch->request.count, rows, context->latent,
            batch->modulations + map->offset + first, context->modulation_floats);
        return;
    }
}

static int map_tasks(const ms_mobile *context) {
    int tasks = 0;
    for (int i = 0; i < context->map_count; i++) tasks += ms_parts(context->maps[i].rows, ms_map_rows);
    return tasks;
}

// The start's response; map 0 is its modulation.
static void run_start(void *state, int index, int worker) {
    (void)worker;
    const ms_batch *batch = state;
    ms_mobile *context = batch->context;
    int first = index * ms_map_rows, rows = ms_least(ms_map_rows, (int)context->feature_floats - first);
    int c = context->start_channels;
    context->base.kernels->linear(
        context->start_weight + (size_t)first * c, context->start_bias[(batch->request.noise != 0)] + first, 1,
        batch->modulations + context->maps[0].offset, context->modulation_floats, batch->request.count, rows, c,
        context->features + first, context->feature_floats);
}

// MARK: folding the modulation into the weights

static void fold_depthwise(const ms_separable *convolution, const float *modulations, float *slot) {
    const float *modulation = modulations + convolution->modulation;
    float *folded = slot + convolution->folded;
    memcpy(slot + convolution->scale, modulation, (size_t)convolution->channels * sizeof(float));
    for (int k = 0; k < convolution->channels; k++) {
        size_t block = (size_t)(k / ms_block) * 9 * ms_block + k % ms_block;
        for (int t = 0; t < 9; t++) {
            size_t at = block + (size_t)t * ms_block;
            folded[at] = convolution->depthwise[at] * modulation[k];
        }
    }
}

// The scales of the Haar step, with its ½, in the subbands' order.
static void fold_scale(const ms_stage *stage, const float *modulation, float *scale) {
    int channels = 4 * stage->groups;
    for (int k = 0; k < channels; k++) scale[ms_subband_place(k, channels, stage->c)] = 0.5f * modulation[k];
}

// The last product with its modulation, and with the last Haar step where the full image is wanted: 12 outputs a
// pixel then, (colour · 2 + row) · 2 + column; else 3, the average of the pixel's four, for sums of box × box pixels.
// The bias comes last.
void ms_fold_image(const ms_mobile *context, const float *modulation, int size, float *folded) {
    int m = context->image_channels, full = size == ms_full_size(context), outputs = full ? 12 : 3;
    float box = full ? 1 : (float)(ms_full_size(context) / 2 / size), share = 1 / (box * box);
    float *bias = folded + (size_t)ms_padded(m) * ms_block;
    for (int out = 0; out < outputs; out++) {
        int colour = full ? out / 4 : out;
        float vertical = 0, horizontal = 0;
        if (full) {
            vertical = out & 2 ? -0.5f : 0.5f;
            horizontal = out & 1 ? -0.5f : 0.5f;
        }
        float factors[4] = {0.5f, vertical, horizontal, 2 * vertical * horizontal};
        int channels[4] = {colour, 3 + 3 * colour, 4 + 3 * colour, 5 + 3 * colour};
        bias[out] = 0;
        for (int band = 0; band < 4; band++) bias[out] += factors[band] * context->image_bias[channels[band]];
        for (int k = 0; k < m; k++) {
            float sum = 0;
            for (int band = 0; band < 4; band++) {
                sum += factors[band] * context->image_weight[(size_t)channels[band] * m + k];
            }
            folded[(size_t)k * ms_block + out] = share * sum * modulation[k];
        }
    }
    for (int out = outputs; out < ms_block; out++) {
        bias[out] = 0;
        for (int k = 0; k < m; k++) folded[(size_t)k * ms_block + out] = 0;
    }
}

// One image: weights folded, and the start's result brought into rows.
static void run_fold(void *state, int image, int worker) {
    (void)worker;
    const ms_batch *batch = state;
    ms_mobile *context = batch->context;
    const ms_slot *slot = &batch->slots[image];
    const float *modulations = batch->modulations + (size_t)image * context->modulation_floats;
    for (int k = 0; k < context->layers; k++) {
        const ms_stage *stage = &context->stages[k];
        fold_scale(stage, modulations + stage->up_modulation, slot->folded + stage->up_scale);
        fold_depthwise(&stage->first, modulations, slot->folded);
        fold_depthwise(&stage->second, modulations, slot->folded);
    }
    ms_fold_image(
        context, modulations + context->image_modulation, batch->request.size, slot->folded + context->image_folded);
    memcpy(
        slot->folded + context->image_scale, modulations + context->image_modulation,
        (size_t)context->image_channels * sizeof(float));
    const float *features = context->features + (size_t)image * context->feature_floats;
    int side = context->start_side, channels = context->start_channels;
    for (int m = 0; m < channels; m++) {
        int place = ms_subband_place(m, channels, context->start_groups);
        size_t block = (size_t)(place / ms_block) * (side + 2) * ms_block + place % ms_block;
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                float value = *features++;
                slot->start[y * context->start_row + block + (size_t)(x + 1) * ms_block] =
                    value > 0 ? value : context->slope * value;
            }
        }
    }
}

void ms_prepare(const ms_batch *batch) {
    ms_mobile *context = batch->context;
    void *state = (void *)batch;
    ms_pool_run(context->base.pool, map_tasks(context), run_maps, state);
    ms_pool_run(context->base.pool, ms_parts((int)context->feature_floats, ms_map_rows), run_start, state);
    ms_pool_run(context->base.pool, batch->request.count, run_fold, state);
}
