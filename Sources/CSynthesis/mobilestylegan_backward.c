// Gradients of images with respect to styles: one image at a time, forward with every activation kept, then back, layer
// by layer, in bands of rows. Each band has its own sums, added in order, so that threads do not change a bit.
#include <string.h>

#include "mobilestylegan_plan.h"

enum {
    ms_band_rows = 16,   // at least, in a band
    ms_most_bands = 16,
    ms_backward_strip = 4,   // rows that one task of the way forward takes
};

typedef struct {
    ms_mobile *context;
    ms_tape *tape;
    int size, noise;
    const float *image_gradients;  // [3][size][size]
    // The step that runs:
    int layer;
    const ms_separable *convolution;
    const float *weights, *depthwise;      // transposed, turned
    const float *result, *source;          // activations after and before it
    size_t result_row, source_row;
    const float *in;                       // gradients of the result
    float *out;                            // and of the source
} ms_pass;

// MARK: memory

static size_t place_tape(const ms_mobile *context, ms_tape *tape, float *memory) {
    size_t total = 0, widest_row = 0, gradient = context->start_row * context->start_side;
    size_t channels = 4 * (size_t)context->start_groups;
    tape->pixel_floats = 0;
    for (int k = 0; k < context->layers; k++) {
        const ms_stage *stage = &context->stages[k];
        size_t side = (size_t)stage->side;
        const ms_product *products[2] = {&stage->first.product, &stage->second.product};
        PLACE(tape->slot.u[k], stage->u_row * side);
        PLACE(tape->slot.h[k], stage->h_row * side);
        PLACE(tape->slot.o[k], stage->o_row * side);
        PLACE(tape->first_weights[k], (size_t)products[0]->c * products[0]->m);
        PLACE(tape->second_weights[k], (size_t)products[1]->c * products[1]->m);
        PLACE(tape->first_depthwise[k], 9 * (size_t)products[0]->c);
        PLACE(tape->second_depthwise[k], 9 * (size_t)products[1]->c);
        size_t rows[3] = {stage->u_row, stage->h_row, stage->o_row};
        for (int i = 0; i < 3; i++) {
            if (rows[i] > widest_row) widest_row = rows[i];
            if (rows[i] * side > gradient) gradient = rows[i] * side;
        }
        for (int i = 0; i < 2; i++) {
            if ((size_t)products[i]->c > channels) channels = (size_t)products[i]->c;
            if ((size_t)products[i]->m > channels) channels = (size_t)products[i]->m;
            if ((size_t)products[i]->m * side > tape->pixel_floats) tape->pixel_floats = (size_t)products[i]->m * side;
        }
    }
    size_t image = (size_t)context->stages[context->layers - 1].second.product.m;
    tape->sum_row = channels;
    tape->ring_floats = widest_row;
    tape->scratch_row = tape->pixel_floats + ms_ring * widest_row;
    for (int i = 0; i < 2; i++) PLACE(tape->gradients[i], gradient);
    PLACE(tape->modulations, context->modulation_floats);
    PLACE(tape->ones, image);
    PLACE(tape->image, (image + 1) * ms_block);
    PLACE(tape->image_transposed, image * ms_block);
    PLACE(tape->sums, ms_most_bands * channels);
    PLACE(tape->scale, channels);
    PLACE(tape->scratch, tape->scratch_row * (size_t)context->base.thread_count);
    return total;
}

// The weights [m/16][c][16] as [c/16][m][16].
static void transpose(const ms_product *product, float *target) {
    int c = product->c, m = product->m;
    for (int place = 0; place < m; place++) {
        const float *panel = product->weights + (size_t)(place / ms_block) * c * ms_block + place % ms_block;
        for (int k = 0; k < c; k++) {
            target[((size_t)(k / ms_block) * m + place) * ms_block + k % ms_block] = panel[(size_t)k * ms_block];
        }
    }
}

static void turn(const ms_separable *convolution, float *target) {
    for (int block = 0; block < convolution->product.c / ms_block; block++) {
        for (int t = 0; t < 9; t++) {
            size_t at = (size_t)block * 9 * ms_block;
            memcpy(
                target + at + (size_t)t * ms_block, convolution->depthwise + at + (size_t)(8 - t) * ms_block,
                ms_block * sizeof(float));
        }
    }
}

static ms_tape *make_tape(ms_mobile *context) {
    ms_tape *tape = (void *)ms_allocate(&context->base, sizeof(ms_tape) / sizeof(float));
    if (!tape) return NULL;
    float *memory = ms_pages(&context->base, place_tape(context, tape, NULL));
    if (!memory) {
        ms_release(&context->base, (void *)tape);
        return NULL;
    }
    place_tape(context, tape, memory);
    for (int k = 0; k < context->layers; k++) {
        transpose(&context->stages[k].first.product, tape->first_weights[k]);
        transpose(&context->stages[k].second.product, tape->second_weights[k]);
        turn(&context->stages[k].first, tape->first_depthwise[k]);
        turn(&context->stages[k].second, tape->second_depthwise[k]);
    }
    for (int k = 0; k < context->image_channels; k++) tape->ones[k] = 1;
    tape->slot.folded = context->slots[0].folded;
    tape->slot.start = context->slots[0].start;
    return tape;
}

// MARK: back

static int band_count(int rows) {
    int bands = rows / ms_band_rows;
    return bands < 1 ? 1 : ms_least(bands, ms_most_bands);
}

static float *sums_of(const ms_pass *pass, int band) { return pass->tape->sums + band * pass->tape->sum_row; }

// A modulation's values, padded, in `scale`.
static void take_scale(const ms_pass *pass, size_t modulation, int channels, int padded) {
    memcpy(pass->tape->scale, pass->context->modulations + modulation, (size_t)channels * sizeof(float));
    memset(pass->tape->scale + channels, 0, (size_t)(padded - channels) * sizeof(float));
}

static void clear_sums(const ms_pass *pass, int bands) {
    memset(pass->tape->sums, 0, (size_t)bands * pass->tape->sum_row * sizeof(float));
}

static float band_sum(const ms_pass *pass, int bands, int channel) {
    float sum = 0;
    for (int band = 0; band < bands; band++) sum += sums_of(pass, band)[channel];
    return sum;
}

// The last product: from the image's gradients to those of the last layer's result.
static void run_image(void *state, int index, int worker) {
    const ms_pass *pass = state;
    const ms_mobile *context = pass->context;
    const ms_stage *stage = &context->stages[context->layers - 1];
    int side = stage->side, bands = band_count(side), m = stage->second.product.m;
    size_t size = (size_t)pass->size, row = stage->o_row;
    int box = pass->size >= side ? 1 : side / pass->size, full = pass->size > side;
    float *pixels = pass->tape->scratch + (size_t)worker * pass->tape->scratch_row;
    memset(pixels, 0, (size_t)side * ms_block * sizeof(float));
    for (int y = side * index / bands; y < side * (index + 1) / bands; y++) {
        for (int x = 0; x < side; x++) {
            float *pixel = pixels + (size_t)x * ms_block;
            for (size_t out = 0; out < (full ? 12 : 3); out++) {
                size_t colour = full ? out / 4 : out;
                size_t v = full ? 2 * (size_t)y + out % 4 / 2 : (size_t)(y / box);
                size_t u = full ? 2 * (size_t)x + out % 2 : (size_t)(x / box);
                pixel[out] = pass->image_gradients[(colour * size + v) * size + u];
            }
        }
        float *target = pass->out + y * row;
        context->base.kernels->multiply(
            pixels, (size_t)side * ms_block, pass->tape->image_transposed, target + ms_block,
            (size_t)(side + 2) * ms_block, ms_block, m, side, 1);
        context->base.kernels->backward_scale(
            pass->tape->slot.o[context->layers - 1] + y * row, pass->tape->scale, m, side, target, sums_of(pass, index));
    }
}

static void backward_image(ms_pass *pass, float *target) {
    const ms_mobile *context = pass->context;
    ms_tape *tape = pass->tape;
    const ms_stage *stage = &context->stages[context->layers - 1];
    int m = stage->second.product.m, bands = band_count(stage->side);
    ms_fold_image(context, tape->ones, pass->size, tape->image);
    memset(tape->image_transposed, 0, (size_t)m * ms_block * sizeof(float));
    for (int k = 0; k < context->image_channels; k++) {
        for (int out = 0; out < ms_block; out++) {
            tape->image_transposed[((size_t)(k / ms_block) * ms_block + (size_t)out) * ms_block + k % ms_block] =
                tape->image[(size_t)k * ms_block + out];
        }
    }
    take_scale(pass, context->image_modulation, context->image_channels, m);
    clear_sums(pass, bands);
    pass->out = target;
    ms_pool_run(context->base.pool, bands, run_image, pass);
    for (int k = 0; k < context->image_channels; k++) {
        tape->modulations[context->image_modulation + k] = band_sum(pass, bands, k);
    }
}

// A convolution: the activation and the product row by row into a ring, and the depthwise part from that.
static void run_convolution(void *state, int index, int worker) {
    const ms_pass *pass = state;
    const ms_mobile *context = pass->context;
    const ms_product *product = &pass->convolution->product;
    int side = context->stages[pass->layer].side, bands = band_count(side), ready = -1;
    int first = side * index / bands, end = side * (index + 1) / bands;
    float *pixels = pass->tape->scratch + (size_t)worker * pass->tape->scratch_row;
    float *ring = pixels + pass->tape->pixel_floats;
    size_t block = (size_t)(side + 2) * ms_block;
    for (int i = 0; i < ms_ring; i++) {
        for (int b = 0; b < product->c / ms_block; b++) {
            float *row = ring + i * pass->tape->ring_floats + b * block;
            memset(row, 0, ms_block * sizeof(float));
            memset(row + block - ms_block, 0, ms_block * sizeof(float));
        }
    }
    for (int y = first; y < end; y++) {
        const float *rows[3];
        for (int i = 0; i < 3; i++) {
            int at = y + i - 1;
            float *row = ring + (at + ms_ring) % ms_ring * pass->tape->ring_floats;
            rows[i] = at < 0 || at == side ? context->zeros : row;
            if (at < 0 || at == side || at <= ready) continue;
            context->base.kernels->backward_slope(
                pass->result + at * pass->result_row, pass->in + at * pass->result_row, product->slope, product->m,
                side, pixels);
            context->base.kernels->multiply(
                pixels, (size_t)side * ms_block, pass->weights, row + ms_block, block, product->m, product->c, side, 1);
            ready = at;
        }
        context->base.kernels->backward_depthwise(
            pass->depthwise, rows, pass->source + y * pass->source_row, pass->tape->scale, product->c, side,
            pass->out + y * pass->source_row, sums_of(pass, index));
    }
}

static void backward_convolution(
    ms_pass *pass, const ms_separable *convolution, const float *weights, const float *depthwise) {
    pass->convolution = convolution;
    pass->weights = weights;
    pass->depthwise = depthwise;
    int bands = band_count(pass->context->stages[pass->layer].side);
    take_scale(pass, convolution->modulation, convolution->channels, convolution->product.c);
    clear_sums(pass, bands);
    ms_pool_run(pass->context->base.pool, bands, run_convolution, pass);
    for (int k = 0; k < convolution->channels; k++) {
        pass->tape->modulations[convolution->modulation + k] = band_sum(pass, bands, k);
    }
}

static void run_haar(void *state, int index, int worker) {
    (void)worker;
    const ms_pass *pass = state;
    const ms_stage *stage = &pass->context->stages[pass->layer];
    int rows = stage->side / 2, bands = band_count(rows);
    for (int y = rows * index / bands; y < rows * (index + 1) / bands; y++) {
        const float *upper = pass->in + 2 * (size_t)y * stage->u_row;
        pass->context->base.kernels->backward_upsample(
            upper, upper + stage->u_row, pass->source + y * pass->source_row,
            pass->context->slots[0].folded + stage->up_scale, stage->c, rows, pass->out + y * pass->source_row,
            sums_of(pass, index));
    }
}

static void backward_haar(ms_pass *pass) {
    const ms_stage *stage = &pass->context->stages[pass->layer];
    int bands = band_count(stage->side / 2), channels = 4 * stage->groups;
    clear_sums(pass, bands);
    ms_pool_run(pass->context->base.pool, bands, run_haar, pass);
    for (int k = 0; k < channels; k++) {
        pass->tape->modulations[stage->up_modulation + k] =
            0.5f * band_sum(pass, bands, ms_subband_place(k, channels, stage->c));
    }
}

// From the gradients of the start's result to those of its modulation.
static void backward_start(const ms_pass *pass, const float *gradients) {
    const ms_mobile *context = pass->context;
    int side = context->start_side, channels = context->start_channels;
    float *target = pass->tape->modulations + context->maps[0].offset;
    memset(target, 0, (size_t)channels * sizeof(float));
    size_t out = 0;
    for (int m = 0; m < channels; m++) {
        int place = ms_subband_place(m, channels, context->start_groups);
        size_t block = (size_t)(place / ms_block) * (side + 2) * ms_block + place % ms_block;
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++, out++) {
                size_t at = y * context->start_row + block + (size_t)(x + 1) * ms_block;
                float value = gradients[at] * (context->slots[0].start[at] > 0 ? 1 : context->slope);
                const float *weight = context->start_weight + out * channels;
                for (int k = 0; k < channels; k++) target[k] += value * weight[k];
            }
        }
    }
}

static void backward_styles(const ms_pass *pass, int rows, float *target) {
    const ms_mobile *context = pass->context;
    memset(target, 0, (size_t)rows * context->latent * sizeof(float));
    for (int i = 0; i < context->map_count; i++) {
        const ms_style_map *map = &context->maps[i];
        float *row = target + (rows == 1 ? 0 : (size_t)map->style_row * context->latent);
        for (int j = 0; j < map->rows; j++) {
            float value = map->scale * pass->tape->modulations[map->offset + j];
            const float *weight = map->weight + (size_t)j * context->latent;
            for (int k = 0; k < context->latent; k++) row[k] += value * weight[k];
        }
    }
}

// From the gradients of the result of one step of a layer to those of its source.
static void take_step(
    ms_pass *pass, const float *result, size_t result_row, const float *source, size_t source_row, const float *in,
    float *out) {
    pass->result = result;
    pass->result_row = result_row;
    pass->source = source;
    pass->source_row = source_row;
    pass->in = in;
    pass->out = out;
}

static void run_back(ms_pass *pass, int rows, float *target) {
    ms_tape *tape = pass->tape;
    float *here = tape->gradients[0], *there = tape->gradients[1];
    backward_image(pass, here);
    for (int k = pass->context->layers - 1; k >= 0; k--) {
        const ms_stage *stage = &pass->context->stages[k];
        size_t input_row;
        const float *input = ms_layer_input(pass->context, &tape->slot, k, &input_row);
        pass->layer = k;
        take_step(pass, tape->slot.o[k], stage->o_row, tape->slot.h[k], stage->h_row, here, there);
        backward_convolution(pass, &stage->second, tape->second_weights[k], tape->second_depthwise[k]);
        take_step(pass, tape->slot.h[k], stage->h_row, tape->slot.u[k], stage->u_row, there, here);
        backward_convolution(pass, &stage->first, tape->first_weights[k], tape->first_depthwise[k]);
        take_step(pass, tape->slot.u[k], stage->u_row, input, input_row, here, there);
        backward_haar(pass);
        float *swap = here;
        here = there;
        there = swap;
    }
    backward_start(pass, here);
    backward_styles(pass, rows, target);
}

ms_status ms_backward(
    ms_context *base, const float *styles, int count, int rows, int size, int noise, const float *image_gradients,
    float *style_gradients) {
    ms_mobile *context = ms_mobile_of(base);
    if (!ms_request_fits(context, count, rows, size)) return ms_bad_argument;
    if (count > 0 && (!styles || !image_gradients || !style_gradients)) return ms_bad_argument;
    ms_status status = ms_reserve(context, 1);
    if (status != ms_ok) return status;
    if (!context->tape) context->tape = make_tape(context);
    if (!context->tape) return ms_no_memory;
    for (int i = 0; i < count; i++) {
        size_t one = (size_t)rows * context->latent;
        ms_prepare(context, styles + i * one, 1, rows, size, noise != 0);
        ms_pass pass = {
            .context = context, .tape = context->tape, .size = size, .noise = noise != 0,
            .image_gradients = image_gradients + (size_t)i * 3 * size * size,
        };
        for (int k = 0; k < context->layers; k++) {
            ms_compute_whole(context, &pass.tape->slot, 1, k, ms_backward_strip, pass.noise);
        }
        run_back(&pass, rows, style_gradients + i * one);
    }
    return ms_ok;
}
