// The way back through the layers computed whole, one parallel step after another over all images, and through the
// modulations to the styles.
#include <string.h>

#include "mobilestylegan_back.h"

// One step of a layer.
typedef struct {
    const ms_pass *pass;
    const ms_stage *stage;
    int layer, rows;  // rows: of one task
    // A product: from rows of c channels to rows of m, in the images' buffers.
    const float *weights;
    int c, m;
} ms_step_back;

// MARK: steps

// Zeros at both ends of each block of a row.
static void clear_ends(float *row, int channels, int width) {
    size_t block = (size_t)(width + 2) * ms_block;
    for (int b = 0; b < channels / ms_block; b++, row += block) {
        memset(row, 0, ms_block * sizeof(float));
        memset(row + block - ms_block, 0, ms_block * sizeof(float));
    }
}

static void run_product(void *state, int index, int worker) {
    (void)worker;
    const ms_step_back *step = state;
    int side = step->stage->side, strips = side / step->rows, y = index % strips * step->rows;
    const ms_back_slot *slot = &step->pass->back->slots[index / strips];
    size_t source_row = (size_t)(side + 2) * step->c, target_row = (size_t)(side + 2) * step->m;
    const float *source[ms_strip];
    float *target[ms_strip];
    for (int i = 0; i < step->rows; i++) {
        source[i] = slot->gradients[0] + (y + i) * source_row;
        target[i] = slot->gradients[1] + (y + i) * target_row;
        clear_ends(target[i], step->m, side);
    }
    step->pass->context->base.kernels->backward_product(
        source, target, step->weights, step->c, step->m, step->rows, side);
}

// Rows y - 1 … y + 2 of what the product made.
static void take_rows(const ms_step_back *step, int image, size_t row, int y, const float **rows) {
    int side = step->stage->side;
    for (int i = 0; i < 4; i++) {
        int at = y + i - 1;
        rows[i] = at < 0 || at >= side
            ? step->pass->context->zeros : step->pass->back->slots[image].gradients[1] + at * row;
    }
}

static void run_second(void *state, int index, int worker) {
    (void)worker;
    const ms_step_back *step = state;
    const ms_pass *pass = step->pass;
    const ms_mobile *context = pass->context;
    const ms_stage *stage = step->stage;
    int side = stage->side, strips = side / step->rows, image = index / strips, y0 = index % strips * step->rows;
    const ms_slot *slot = &pass->tape->slots[pass->first + image];
    int has_seam = pass->tape->seam == step->layer;
    for (int y = y0; y < y0 + step->rows; y += 2) {
        const float *gradient[4], *source[2];
        float *target[2], *sums[2];
        take_rows(step, image, stage->h_row, y, gradient);
        for (int i = 0; i < 2; i++) {
            source[i] = slot->h[step->layer] + (y + i) * stage->h_row;
            target[i] = pass->back->slots[image].gradients[0] + (y + i) * stage->h_row;
            sums[i] = ms_sums_of(pass, image, index % strips) + stage->second.sum;
        }
        context->base.kernels->backward_depthwise(&(ms_depthwise_back){
            .weights = pass->back->second_depthwise[step->layer], .gradient = gradient, .source = source,
            .scale = slot->folded + stage->second.scale, .slope = has_seam ? 1 : context->slope, .rows = 2,
            .c = stage->second.product.c, .width = side, .target = target, .sums = sums,
        });
        for (int i = 0; has_seam && i < 2; i++) {
            ms_back_through_change(pass->tape, pass->results, pass->first + image, y + i, 1, target[i]);
        }
    }
}

static void run_first(void *state, int index, int worker) {
    const ms_step_back *step = state;
    const ms_pass *pass = step->pass;
    const ms_mobile *context = pass->context;
    const ms_stage *stage = step->stage;
    int side = stage->side, half = side / 2, strips = side / step->rows;
    int image = index / strips, y0 = index % strips * step->rows;
    const ms_slot *slot = &pass->tape->slots[pass->first + image];
    float *const *grown = pass->back->workers[worker].rows[step->layer].grown;
    size_t row;
    const float *input = ms_layer_input(context, slot, step->layer, &row);
    for (int y = y0; y < y0 + step->rows; y += 2) {
        const float *gradient[4];
        take_rows(step, image, stage->u_row, y, gradient);
        context->base.kernels->backward_depthwise(&(ms_depthwise_back){
            .weights = pass->back->first_depthwise[step->layer], .gradient = gradient, .rows = 2,
            .c = stage->first.product.c, .width = side, .target = grown,
        });
        size_t at = (size_t)(y / 2) * row;
        context->base.kernels->backward_upsample(
            grown[0], grown[1], input + at, slot->folded + stage->up_scale, slot->folded + stage->first.scale,
            context->slope, stage->c, half, pass->back->slots[image].gradients[0] + at,
            ms_sums_of(pass, image, index % strips) + stage->up_sum);
    }
}

void ms_back_whole(ms_pass *pass) {
    ms_pool *pool = pass->context->base.pool;
    for (int k = pass->context->whole_layers - 1; k >= 0; k--) {
        const ms_stage *stage = &pass->context->stages[k];
        ms_step_back step = {.pass = pass, .stage = stage, .layer = k, .rows = ms_strip_rows(stage)};
        int tasks = pass->count * (stage->side / step.rows);
        step.weights = pass->back->second_weights[k];
        step.c = stage->second.product.m;
        step.m = stage->second.product.c;
        ms_pool_run(pool, tasks, run_product, &step);
        ms_pool_run(pool, tasks, run_second, &step);
        step.weights = pass->back->first_weights[k];
        step.c = stage->first.product.m;
        step.m = stage->first.product.c;
        ms_pool_run(pool, tasks, run_product, &step);
        ms_pool_run(pool, tasks, run_first, &step);
    }
}

// MARK: styles

static float total(const ms_pass *pass, int image, size_t sum) {
    float result = 0;
    for (int segment = 0; segment < ms_segments; segment++) {
        result += pass->back->slots[image].sums[segment * pass->context->sum_floats + sum];
    }
    return result;
}

// The sums of a layer's segments to gradients of its modulations.
static void layer_modulations(const ms_pass *pass, int image, const ms_stage *stage) {
    const ms_slot *slot = &pass->tape->slots[pass->first + image];
    float *target = pass->back->slots[image].modulations;
    for (int k = 0; k < stage->second.channels; k++) {
        target[stage->second.modulation + k] = total(pass, image, stage->second.sum + k);
    }
    memset(target + stage->first.modulation, 0, (size_t)stage->groups * sizeof(float));
    int channels = 4 * stage->groups;
    for (int k = 0; k < channels; k++) {
        int place = ms_subband_place(k, channels, stage->c), group = place % stage->c;
        float sum = total(pass, image, stage->up_sum + (size_t)place);
        target[stage->up_modulation + k] = 0.5f * slot->folded[stage->first.scale + group] * sum;
        target[stage->first.modulation + group] += slot->folded[stage->up_scale + place] * sum;
    }
}

// The gradients of the start's result in the file's order.
static void read_start(const ms_pass *pass, int image) {
    const ms_mobile *context = pass->context;
    int side = context->start_side, channels = context->start_channels;
    const ms_back_slot *slot = &pass->back->slots[image];
    float *out = slot->start;
    for (int m = 0; m < channels; m++) {
        int place = ms_subband_place(m, channels, context->start_groups);
        size_t block = (size_t)(place / ms_block) * (side + 2) * ms_block + place % ms_block;
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                *out++ = slot->gradients[0][y * context->start_row + block + (size_t)(x + 1) * ms_block];
            }
        }
    }
}

static void run_modulations(void *state, int image, int worker) {
    (void)worker;
    const ms_pass *pass = state;
    const ms_mobile *context = pass->context;
    float *target = pass->back->slots[image].modulations;
    for (int k = 0; k < context->layers; k++) layer_modulations(pass, image, &context->stages[k]);
    for (int k = 0; k < context->image_channels; k++) {
        target[context->image_modulation + k] = total(pass, image, context->image_sum + k);
    }
    memset(target + context->maps[0].offset, 0, (size_t)context->start_channels * sizeof(float));
    read_start(pass, image);
}

// Some columns of the start's response, and of the style maps, for all images.
enum { ms_columns = 64 };

static void run_start(void *state, int index, int worker) {
    (void)worker;
    const ms_pass *pass = state;
    const ms_mobile *context = pass->context;
    const ms_back_slot *slots = pass->back->slots;
    int first = index * ms_columns, columns = ms_least(ms_columns, context->start_channels - first);
    size_t stride = pass->back->slot_floats;
    context->base.kernels->backward_linear(
        context->start_weight + first, slots[0].start, stride, pass->count, (int)context->feature_floats,
        context->start_channels, columns, slots[0].modulations + context->maps[0].offset + first, stride);
}

static void run_scales(void *state, int image, int worker) {
    (void)worker;
    const ms_pass *pass = state;
    const ms_mobile *context = pass->context;
    float *values = pass->back->slots[image].modulations;
    for (int i = 0; i < context->map_count; i++) {
        const ms_style_map *map = &context->maps[i];
        for (int j = 0; j < map->rows; j++) values[map->offset + j] *= map->scale;
    }
    size_t code = (size_t)pass->tape->rows * context->latent;
    memset(pass->results->styles + (pass->first + image) * code, 0, code * sizeof(float));
}

static void run_maps(void *state, int index, int worker) {
    (void)worker;
    const ms_pass *pass = state;
    const ms_mobile *context = pass->context;
    const ms_back_slot *slots = pass->back->slots;
    int first = index * ms_columns, columns = ms_least(ms_columns, context->latent - first);
    size_t stride = pass->back->slot_floats;
    size_t code = (size_t)pass->tape->rows * context->latent;
    for (int i = 0; i < context->map_count; i++) {
        const ms_style_map *map = &context->maps[i];
        float *row = pass->results->styles + pass->first * code + first
            + (pass->tape->rows == 1 ? 0 : (size_t)map->style_row * context->latent);
        context->base.kernels->backward_linear(
            map->weight + first, slots[0].modulations + map->offset, stride, pass->count, map->rows, context->latent,
            columns, row, code);
    }
}

void ms_back_styles(ms_pass *pass) {
    const ms_mobile *context = pass->context;
    ms_pool_run(context->base.pool, pass->count, run_modulations, pass);
    ms_pool_run(context->base.pool, ms_parts(context->start_channels, ms_columns), run_start, pass);
    ms_pool_run(context->base.pool, pass->count, run_scales, pass);
    ms_pool_run(context->base.pool, ms_parts(context->latent, ms_columns), run_maps, pass);
}
