// Gradients of images with respect to styles: one image at a time, forward with every activation kept, then back, layer
// by layer, in bands of rows. Each band has its own sums, added in order, so that threads do not change a bit.
#include <stdlib.h>
#include <string.h>

#include "context.h"

enum {
    ms_band_rows = 16,   // at least, in a band
    ms_most_bands = 16,
    ms_pull_strip = 4,   // rows that one task of the way forward takes
};

typedef struct {
    ms_context *context;
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
} ms_pull;

static int least(int a, int b) { return a < b ? a : b; }
static int parts_of(int length, int part) { return (length + part - 1) / part; }

// MARK: memory

static size_t place_tape(const ms_context *context, ms_tape *tape, float *memory) {
    size_t total = 0, widest_row = 0, gradient = context->start_row * context->start_side;
    size_t channels = 4 * (size_t)context->start_groups;
    tape->pixel_floats = 0;
    for (int k = 0; k < context->layers; k++) {
        const ms_stage *stage = &context->stages[k];
        size_t side = (size_t)stage->side;
        const ms_product *products[2] = {&stage->first.product, &stage->second.product};
        PLACE(tape->u[k], stage->u_row * side);
        PLACE(tape->h[k], stage->h_row * side);
        PLACE(tape->o[k], stage->o_row * side);
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
    PLACE(tape->scratch, tape->scratch_row * (size_t)context->thread_count);
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

static ms_tape *make_tape(ms_context *context) {
    ms_tape *tape = calloc(1, sizeof *tape);
    if (!tape) return NULL;
    tape->bytes = place_tape(context, tape, NULL) * sizeof(float);
    tape->memory = ms_pages(tape->bytes);
    if (!tape->memory) {
        free(tape);
        return NULL;
    }
    place_tape(context, tape, tape->memory);
    for (int k = 0; k < context->layers; k++) {
        transpose(&context->stages[k].first.product, tape->first_weights[k]);
        transpose(&context->stages[k].second.product, tape->second_weights[k]);
        turn(&context->stages[k].first, tape->first_depthwise[k]);
        turn(&context->stages[k].second, tape->second_depthwise[k]);
    }
    for (int k = 0; k < context->image_channels; k++) tape->ones[k] = 1;
    context->bytes += tape->bytes;
    return tape;
}

void ms_release_tape(ms_tape *tape) {
    if (tape) ms_release_pages(tape->memory, tape->bytes);
    free(tape);
}

// MARK: forward

static const float *layer_input(const ms_pull *pull, int k, size_t *row) {
    *row = k == 0 ? pull->context->start_row : pull->context->stages[k - 1].o_row;
    return k == 0 ? pull->context->slots[0].start : pull->tape->o[k - 1];
}

static void run_upsample(void *state, int index, int worker) {
    (void)worker;
    const ms_pull *pull = state;
    const ms_stage *stage = &pull->context->stages[pull->layer];
    size_t row;
    const float *in = layer_input(pull, pull->layer, &row);
    int end = least(stage->side / 2, (index + 1) * ms_pull_strip);
    for (int y = index * ms_pull_strip; y < end; y++) {
        float *upper = pull->tape->u[pull->layer] + 2 * (size_t)y * stage->u_row;
        pull->context->kernels->upsample(
            in + y * row, pull->context->slots[0].folded + stage->up_scale, upper, upper + stage->u_row, stage->c,
            stage->side / 2);
    }
}

static void run_first(void *state, int index, int worker) {
    const ms_pull *pull = state;
    const ms_stage *stage = &pull->context->stages[pull->layer];
    ms_convolve_strip(
        pull->context, &stage->first, pull->context->slots[0].folded, stage->side, pull->noise,
        pull->tape->u[pull->layer], stage->u_row, pull->tape->h[pull->layer], stage->h_row, index * ms_pull_strip,
        ms_pull_strip, pull->context->workers[worker].scratch);
}

static void run_second(void *state, int index, int worker) {
    const ms_pull *pull = state;
    const ms_stage *stage = &pull->context->stages[pull->layer];
    ms_convolve_strip(
        pull->context, &stage->second, pull->context->slots[0].folded, stage->side, pull->noise,
        pull->tape->h[pull->layer], stage->h_row, pull->tape->o[pull->layer], stage->o_row, index * ms_pull_strip,
        ms_pull_strip, pull->context->workers[worker].scratch);
}

static void run_forward(ms_pull *pull) {
    ms_pool *pool = pull->context->pool;
    for (pull->layer = 0; pull->layer < pull->context->layers; pull->layer++) {
        int side = pull->context->stages[pull->layer].side;
        ms_pool_run(pool, parts_of(side / 2, ms_pull_strip), run_upsample, pull);
        ms_pool_run(pool, side / ms_pull_strip, run_first, pull);
        ms_pool_run(pool, side / ms_pull_strip, run_second, pull);
    }
}

// MARK: back

static int band_count(int rows) {
    int bands = rows / ms_band_rows;
    return bands < 1 ? 1 : least(bands, ms_most_bands);
}

static float *sums_of(const ms_pull *pull, int band) { return pull->tape->sums + band * pull->tape->sum_row; }

// A modulation's values, padded, in `scale`.
static void take_scale(const ms_pull *pull, size_t modulation, int channels, int padded) {
    memcpy(pull->tape->scale, pull->context->modulations + modulation, (size_t)channels * sizeof(float));
    memset(pull->tape->scale + channels, 0, (size_t)(padded - channels) * sizeof(float));
}

static void clear_sums(const ms_pull *pull, int bands) {
    memset(pull->tape->sums, 0, (size_t)bands * pull->tape->sum_row * sizeof(float));
}

static float band_sum(const ms_pull *pull, int bands, int channel) {
    float sum = 0;
    for (int band = 0; band < bands; band++) sum += sums_of(pull, band)[channel];
    return sum;
}

// The last product: from the image's gradients to those of the last layer's result.
static void run_image(void *state, int index, int worker) {
    const ms_pull *pull = state;
    const ms_context *context = pull->context;
    const ms_stage *stage = &context->stages[context->layers - 1];
    int side = stage->side, bands = band_count(side), m = stage->second.product.m;
    size_t size = (size_t)pull->size, row = stage->o_row;
    int box = pull->size >= side ? 1 : side / pull->size, full = pull->size > side;
    float *pixels = pull->tape->scratch + (size_t)worker * pull->tape->scratch_row;
    memset(pixels, 0, (size_t)side * ms_block * sizeof(float));
    for (int y = side * index / bands; y < side * (index + 1) / bands; y++) {
        for (int x = 0; x < side; x++) {
            float *pixel = pixels + (size_t)x * ms_block;
            for (size_t out = 0; out < (full ? 12 : 3); out++) {
                size_t colour = full ? out / 4 : out;
                size_t v = full ? 2 * (size_t)y + out % 4 / 2 : (size_t)(y / box);
                size_t u = full ? 2 * (size_t)x + out % 2 : (size_t)(x / box);
                pixel[out] = pull->image_gradients[(colour * size + v) * size + u];
            }
        }
        float *target = pull->out + y * row;
        context->kernels->multiply(
            pixels, (size_t)side * ms_block, pull->tape->image_transposed, target + ms_block,
            (size_t)(side + 2) * ms_block, ms_block, m, side, 1);
        context->kernels->pull_scale(
            pull->tape->o[context->layers - 1] + y * row, pull->tape->scale, m, side, target, sums_of(pull, index));
    }
}

static void pull_image(ms_pull *pull, float *target) {
    const ms_context *context = pull->context;
    ms_tape *tape = pull->tape;
    const ms_stage *stage = &context->stages[context->layers - 1];
    int m = stage->second.product.m, bands = band_count(stage->side);
    ms_fold_image(context, tape->ones, pull->size, tape->image);
    memset(tape->image_transposed, 0, (size_t)m * ms_block * sizeof(float));
    for (int k = 0; k < context->image_channels; k++) {
        for (int out = 0; out < ms_block; out++) {
            tape->image_transposed[((size_t)(k / ms_block) * ms_block + (size_t)out) * ms_block + k % ms_block] =
                tape->image[(size_t)k * ms_block + out];
        }
    }
    take_scale(pull, context->image_modulation, context->image_channels, m);
    clear_sums(pull, bands);
    pull->out = target;
    ms_pool_run(context->pool, bands, run_image, pull);
    for (int k = 0; k < context->image_channels; k++) {
        tape->modulations[context->image_modulation + k] = band_sum(pull, bands, k);
    }
}

// A convolution: the activation and the product row by row into a ring, and the depthwise part from that.
static void run_convolution(void *state, int index, int worker) {
    const ms_pull *pull = state;
    const ms_context *context = pull->context;
    const ms_product *product = &pull->convolution->product;
    int side = context->stages[pull->layer].side, bands = band_count(side), ready = -1;
    int first = side * index / bands, end = side * (index + 1) / bands;
    float *pixels = pull->tape->scratch + (size_t)worker * pull->tape->scratch_row;
    float *ring = pixels + pull->tape->pixel_floats;
    size_t block = (size_t)(side + 2) * ms_block;
    for (int i = 0; i < ms_ring; i++) {
        for (int b = 0; b < product->c / ms_block; b++) {
            float *row = ring + i * pull->tape->ring_floats + b * block;
            memset(row, 0, ms_block * sizeof(float));
            memset(row + block - ms_block, 0, ms_block * sizeof(float));
        }
    }
    for (int y = first; y < end; y++) {
        const float *rows[3];
        for (int i = 0; i < 3; i++) {
            int at = y + i - 1;
            float *row = ring + (at + ms_ring) % ms_ring * pull->tape->ring_floats;
            rows[i] = at < 0 || at == side ? context->zeros : row;
            if (at < 0 || at == side || at <= ready) continue;
            context->kernels->pull_slope(
                pull->result + at * pull->result_row, pull->in + at * pull->result_row, product->slope, product->m,
                side, pixels);
            context->kernels->multiply(
                pixels, (size_t)side * ms_block, pull->weights, row + ms_block, block, product->m, product->c, side, 1);
            ready = at;
        }
        context->kernels->pull_depthwise(
            pull->depthwise, rows, pull->source + y * pull->source_row, pull->tape->scale, product->c, side,
            pull->out + y * pull->source_row, sums_of(pull, index));
    }
}

static void pull_convolution(
    ms_pull *pull, const ms_separable *convolution, const float *weights, const float *depthwise) {
    pull->convolution = convolution;
    pull->weights = weights;
    pull->depthwise = depthwise;
    int bands = band_count(pull->context->stages[pull->layer].side);
    take_scale(pull, convolution->modulation, convolution->channels, convolution->product.c);
    clear_sums(pull, bands);
    ms_pool_run(pull->context->pool, bands, run_convolution, pull);
    for (int k = 0; k < convolution->channels; k++) {
        pull->tape->modulations[convolution->modulation + k] = band_sum(pull, bands, k);
    }
}

static void run_haar(void *state, int index, int worker) {
    (void)worker;
    const ms_pull *pull = state;
    const ms_stage *stage = &pull->context->stages[pull->layer];
    int rows = stage->side / 2, bands = band_count(rows);
    for (int y = rows * index / bands; y < rows * (index + 1) / bands; y++) {
        const float *upper = pull->in + 2 * (size_t)y * stage->u_row;
        pull->context->kernels->pull_upsample(
            upper, upper + stage->u_row, pull->source + y * pull->source_row,
            pull->context->slots[0].folded + stage->up_scale, stage->c, rows, pull->out + y * pull->source_row,
            sums_of(pull, index));
    }
}

static void pull_haar(ms_pull *pull) {
    const ms_stage *stage = &pull->context->stages[pull->layer];
    int bands = band_count(stage->side / 2), channels = 4 * stage->groups;
    clear_sums(pull, bands);
    ms_pool_run(pull->context->pool, bands, run_haar, pull);
    for (int k = 0; k < channels; k++) {
        pull->tape->modulations[stage->up_modulation + k] =
            0.5f * band_sum(pull, bands, ms_subband_place(k, channels, stage->c));
    }
}

// From the gradients of the start's result to those of its modulation.
static void pull_start(const ms_pull *pull, const float *gradients) {
    const ms_context *context = pull->context;
    int side = context->start_side, channels = context->start_channels;
    float *target = pull->tape->modulations + context->maps[0].offset;
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

static void pull_styles(const ms_pull *pull, int rows, float *target) {
    const ms_context *context = pull->context;
    memset(target, 0, (size_t)rows * context->latent * sizeof(float));
    for (int i = 0; i < context->map_count; i++) {
        const ms_style_map *map = &context->maps[i];
        float *row = target + (rows == 1 ? 0 : (size_t)map->style_row * context->latent);
        for (int j = 0; j < map->rows; j++) {
            float value = map->scale * pull->tape->modulations[map->offset + j];
            const float *weight = map->weight + (size_t)j * context->latent;
            for (int k = 0; k < context->latent; k++) row[k] += value * weight[k];
        }
    }
}

// From the gradients of the result of one step of a layer to those of its source.
static void take_step(
    ms_pull *pull, const float *result, size_t result_row, const float *source, size_t source_row, const float *in,
    float *out) {
    pull->result = result;
    pull->result_row = result_row;
    pull->source = source;
    pull->source_row = source_row;
    pull->in = in;
    pull->out = out;
}

static void run_back(ms_pull *pull, int rows, float *target) {
    ms_tape *tape = pull->tape;
    float *here = tape->gradients[0], *there = tape->gradients[1];
    pull_image(pull, here);
    for (int k = pull->context->layers - 1; k >= 0; k--) {
        const ms_stage *stage = &pull->context->stages[k];
        size_t input_row;
        const float *input = layer_input(pull, k, &input_row);
        pull->layer = k;
        take_step(pull, tape->o[k], stage->o_row, tape->h[k], stage->h_row, here, there);
        pull_convolution(pull, &stage->second, tape->second_weights[k], tape->second_depthwise[k]);
        take_step(pull, tape->h[k], stage->h_row, tape->u[k], stage->u_row, there, here);
        pull_convolution(pull, &stage->first, tape->first_weights[k], tape->first_depthwise[k]);
        take_step(pull, tape->u[k], stage->u_row, input, input_row, here, there);
        pull_haar(pull);
        float *swap = here;
        here = there;
        there = swap;
    }
    pull_start(pull, here);
    pull_styles(pull, rows, target);
}

ms_status ms_pull_back(
    ms_context *context, const float *styles, int count, int rows, int size, int noise, const float *image_gradients,
    float *style_gradients) {
    if (!ms_request_fits(context, count, rows, size)) return ms_bad_argument;
    if (count > 0 && (!styles || !image_gradients || !style_gradients)) return ms_bad_argument;
    ms_status status = ms_reserve(context, 1);
    if (status != ms_ok) return status;
    if (!context->tape) context->tape = make_tape(context);
    if (!context->tape) return ms_no_memory;
    for (int i = 0; i < count; i++) {
        size_t one = (size_t)rows * context->latent;
        ms_prepare(context, styles + i * one, 1, rows, size, noise != 0);
        ms_pull pull = {
            .context = context, .tape = context->tape, .size = size, .noise = noise != 0,
            .image_gradients = image_gradients + (size_t)i * 3 * size * size,
        };
        run_forward(&pull);
        run_back(&pull, rows, style_gradients + i * one);
    }
    return ms_ok;
}
