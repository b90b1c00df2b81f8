// StyleGAN2: a batch's way through the levels. Small levels take the whole batch at once, as their weights
// are large and their images small; the others one image after the other.
#include <math.h>
#include <string.h>

#include "stylegan2_plan.h"

// MARK: a batch

typedef struct {
    sg_gan *context;
    const float *styles;
    int count, rows, levels, noise_images, noise_first;
    const float *const *noise;
    float *images;
    // Of the step that runs:
    int level, first_image, group, bands, parts;
} sg_batch;

static const float *style_of(const sg_batch *batch, int image, int row) {
    size_t latent = (size_t)batch->context->latent;
    return batch->styles + ((size_t)image * batch->rows + (batch->rows == 1 ? 0 : row)) * latent;
}

static float *values_of(const sg_batch *batch, int image) {
    return batch->context->styles + (size_t)image * batch->context->style_floats;
}

static const float *noise_of(const sg_batch *batch, int convolution, int image, int side) {
    if (!batch->noise || !batch->noise[convolution]) return NULL;
    size_t at = batch->noise_images == 1 ? 0 : (size_t)(batch->noise_first + image);
    return batch->noise[convolution] + at * side * side;
}

// The result of a level for an image.
static float *level_plane(const sg_batch *batch, int level, int image) {
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[level];
    if (!is_shared(stage->side)) return context->own[level & 1];
    return context->shared[level & 1] + (size_t)image * plane_floats(stage->second.o, stage->side);
}

// The image so far, of this level.
static float *picture(const sg_batch *batch, int level, int image) {
    size_t side = (size_t)batch->context->stages[level].side;
    if (level == batch->levels - 1) return batch->images + (size_t)image * 3 * side * side;
    if (!is_shared((int)side)) return batch->context->own_pictures[level & 1];
    return batch->context->shared_pictures[level & 1] + (size_t)image * 3 * side * side;
}

// MARK: styles

static void convolution_styles(const sg_batch *batch, const sg_packed *packed) {
    sg_gan *context = batch->context;
    const ms_kernels *kernels = context->base.kernels;
    size_t stride = (size_t)batch->rows * context->latent;
    kernels->linear(
        packed->modulation, packed->modulation_bias, 1, style_of(batch, 0, packed->style_row), stride, batch->count,
        packed->inputs, context->latent, context->styles + packed->scales, context->style_floats);
    for (int image = 0; image < batch->count; image++) {
        float *values = values_of(batch, image), *scales = values + packed->scales;
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
        (size_t)batch->rows * context->latent, batch->count, packed->inputs, context->latent,
        context->styles + packed->scales, context->style_floats);
    for (int image = 0; image < batch->count; image++) {
        float *values = values_of(batch, image), *folded = values + packed->folded;
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

// MARK: the doubling convolution

// Which taps make a phase: of an even row the top and the bottom one, the latter from the row before; columns likewise.
typedef struct { int tap, rows_back, columns_back; } sg_tap;
static const struct { int count; sg_tap taps[4]; } sg_phases[4] = {
    {4, {{0, 0, 0}, {2, 0, 1}, {6, 1, 0}, {8, 1, 1}}},
    {2, {{1, 0, 0}, {7, 1, 0}}},
    {2, {{3, 0, 0}, {5, 0, 1}}},
    {1, {{4, 0, 0}}},
};

// One band of one image, for a part of the outputs.
static void run_phases(void *state, int index, int worker) {
    const sg_batch *batch = state;
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    const sg_packed *packed = &stage->first;
    int part = index % batch->parts, band = index / batch->parts % batch->bands;
    int member = index / batch->parts / batch->bands, image = batch->first_image + member;
    int width = stage->side / 2, pitch = width + 1, rows = sg_band_rows(width);
    int first = band * rows, end = band == batch->bands - 1 ? width + 1 : first + rows;

    // The band modulated, with the row before it, and a zero after each row and before the first.
    const float *plane = level_plane(batch, batch->level - 1, image), *scales = values_of(batch, image) + packed->scales;
    float *source = context->workers[worker].source;
    size_t stride = ((size_t)(rows + 2) * pitch + 8) * ms_block;
    for (int block = 0; block < packed->i / ms_block; block++) {
        float *out = source + block * stride;
        const float *in = plane + block * plane_block(width), *scale = scales + block * ms_block;
        memset(out, 0, ms_block * sizeof(float));
        out += ms_block;
        for (int y = first - 1; y < end; y++, out += (size_t)pitch * ms_block) {
            if (y < 0 || y == width) {
                memset(out, 0, (size_t)pitch * ms_block * sizeof(float));
                continue;
            }
            const float *row = in + ((size_t)(y + 1) * (width + 2) + 1) * ms_block;
            for (int x = 0; x < width; x++) {
                for (int lane = 0; lane < ms_block; lane++) {
                    out[x * ms_block + lane] = row[x * ms_block + lane] * scale[lane];
                }
            }
            memset(out + (size_t)width * ms_block, 0, ms_block * sizeof(float));
        }
        memset(out, 0, 4 * ms_block * sizeof(float));
    }

    int panels = packed->o / ms_block;
    int from = panels * part / batch->parts, to = panels * (part + 1) / batch->parts;
    size_t tap_floats = (size_t)packed->o * packed->i, block_floats = phase_block(width);
    int pixels = ((end - first) * pitch + 3) / 4 * 4;
    for (int phase = 0; phase < 4; phase++) {
        float *target = context->phases + ((size_t)member * 4 + phase) * phase_floats(packed->o, width);
        if (band == 0) {
            for (int panel = from; panel < to; panel++) {
                memset(target + panel * block_floats, 0, ms_block * sizeof(float));
            }
        }
    }
    for (int at = 0; at < pixels; at += sg_band) {
        int n = ms_least(sg_band, pixels - at);
        for (int phase = 0; phase < 4; phase++) {
            float *target = context->phases + ((size_t)member * 4 + phase) * phase_floats(packed->o, width)
                + from * block_floats + (1 + (size_t)first * pitch + at) * ms_block;
            for (int t = 0; t < sg_phases[phase].count; t++) {
                sg_tap tap = sg_phases[phase].taps[t];
                size_t begin = (size_t)(1 + (1 - tap.rows_back) * pitch + at - tap.columns_back) * ms_block;
                context->base.kernels->multiply(
                    source + begin, stride, packed->weights + tap.tap * tap_floats + (size_t)from * packed->i * ms_block,
                    target, block_floats, packed->i, (to - from) * ms_block, n, t == 0);
            }
        }
    }
}

// Zeros around a padded plane's block.
static void clear_border(float *block, int side) {
    size_t row = (size_t)(side + 2) * ms_block;
    memset(block, 0, row * sizeof(float));
    memset(block + (side + 1) * row, 0, row * sizeof(float));
    for (int y = 1; y <= side; y++) {
        memset(block + y * row, 0, ms_block * sizeof(float));
        memset(block + y * row + (size_t)(side + 1) * ms_block, 0, ms_block * sizeof(float));
    }
}

static ms_finish finish_of(const sg_gan *context, const sg_packed *packed, const float *values, int block) {
    return (ms_finish){
        .scale = values + packed->demodulation + block * ms_block,
        .bias = packed->bias + block * ms_block,
        .gain = sqrtf(2),
        .slope = 0.2f,
        .limit = context->clamp,
    };
}

// One block of one image.
static void run_blur(void *state, int index, int worker) {
    (void)worker;
    const sg_batch *batch = state;
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    const sg_packed *packed = &stage->first;
    int blocks = packed->o / ms_block, block = index % blocks, member = index / blocks;
    int side = stage->side, width = side / 2;
    const float *phases[4];
    for (int phase = 0; phase < 4; phase++) {
        phases[phase] = context->phases + ((size_t)member * 4 + phase) * phase_floats(packed->o, width)
            + block * phase_block(width);
    }
    float *target = context->wide + member * plane_floats(packed->o, side) + block * plane_block(side);
    clear_border(target, side);
    int image = batch->first_image + member;
    ms_finish finish = finish_of(context, packed, values_of(batch, image), block);
    const float *noise = noise_of(batch, 2 * batch->level - 1, image, side);
    for (int y = 0; y < side; y++) {
        const float *even[4], *odd[4];
        for (int t = 0; t < 4; t++) {
            int row = y - 1 + t, e = row >> 1, kind = row & 1 ? 2 : 0;
            size_t at = (size_t)(e < 0 ? 0 : e) * (width + 1) * ms_block;
            even[t] = e < 0 ? context->zeros : phases[kind] + at;
            odd[t] = e < 0 ? context->zeros : phases[kind + 1] + at;
        }
        context->base.kernels->blur(
            even, odd, context->down, context->across, &finish, noise ? noise + (size_t)y * side : NULL, width,
            target + ((size_t)(y + 1) * (side + 2) + 1) * ms_block);
    }
}

// MARK: the convolution at one resolution

// Some tiles of the group's images, for a part of the outputs.
static void run_tiles(void *state, int index, int worker) {
    const sg_batch *batch = state;
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    const sg_packed *packed = &stage->second;
    int side = stage->side, across = side / 4, each = across * across;
    int part = index % batch->parts, begin = index / batch->parts * sg_tiles;
    int count = ms_least(sg_tiles, each * batch->group - begin), padded = (count + 3) / 4 * 4;
    int in_blocks = packed->i / ms_block, panels = packed->o / ms_block;
    int from = panels * part / batch->parts, to = panels * (part + 1) / batch->parts;
    // An odd number of lines, so that the points do not all fall on the same place of a cache.
    size_t in_block = (size_t)padded * ms_block, in_point = in_block * in_blocks + ms_block;
    size_t out_point = in_block * (to - from) + ms_block, row = (size_t)(side + 2) * ms_block;
    float *points = context->workers[worker].points, *products = context->workers[worker].products;

    for (int t = 0; t < count;) {
        int tile = (begin + t) % each, member = (begin + t) / each, x = tile % across, y = tile / across;
        int run = ms_least(across - x, count - t), image = batch->first_image + member;
        const float *plane = batch->level == 0
            ? context->constant : context->wide + member * plane_floats(packed->i, side);
        const float *scales = values_of(batch, image) + packed->scales;
        for (int block = 0; block < in_blocks; block++) {
            context->base.kernels->winograd_input(
                plane + block * plane_block(side) + 4 * y * row + (size_t)4 * x * ms_block, row,
                scales + block * ms_block, run, points + block * in_block + (size_t)t * ms_block, in_point);
        }
        t += run;
    }
    size_t point_weights = (size_t)packed->o * packed->i;
    for (int point = 0; point < sg_points; point++) {
        context->base.kernels->multiply(
            points + point * in_point, in_block, packed->weights + point * point_weights + (size_t)from * packed->i * ms_block,
            products + point * out_point, in_block, packed->i, (to - from) * ms_block, padded, 1);
    }
    for (int t = 0; t < count;) {
        int tile = (begin + t) % each, member = (begin + t) / each, x = tile % across, y = tile / across;
        int run = ms_least(across - x, count - t), image = batch->first_image + member;
        const float *noise = noise_of(batch, 2 * batch->level, image, side);
        float *plane = level_plane(batch, batch->level, image);
        for (int block = from; block < to; block++) {
            ms_finish finish = finish_of(context, packed, values_of(batch, image), block);
            context->base.kernels->winograd_output(
                products + (size_t)(block - from) * in_block + (size_t)t * ms_block, out_point, &finish,
                noise ? noise + (size_t)4 * y * side + 4 * x : NULL, (size_t)side, run,
                plane + block * plane_block(side) + ((size_t)(4 * y + 1) * (side + 2) + 4 * x + 1) * ms_block, row);
        }
        t += run;
    }
}

// MARK: the image

// A pixel of the image before, in the doubled image's row: taps t of rows and columns.
static float doubled(const float *plane, int width, const float *filter, int y, int x) {
    // Row 2e has e by tap 1 and e - 1 by tap 3, row 2e + 1 has e by tap 2 and e + 1 by tap 0.
    int rows[2] = {y / 2, y % 2 ? y / 2 + 1 : y / 2 - 1}, columns[2] = {x / 2, x % 2 ? x / 2 + 1 : x / 2 - 1};
    float down[2] = {2 * filter[y % 2 ? 2 : 1], 2 * filter[y % 2 ? 0 : 3]};
    float across[2] = {2 * filter[x % 2 ? 2 : 1], 2 * filter[x % 2 ? 0 : 3]}, sum = 0;
    for (int a = 0; a < 2; a++) {
        if (rows[a] < 0 || rows[a] >= width) continue;
        for (int b = 0; b < 2; b++) {
            if (columns[b] < 0 || columns[b] >= width) continue;
            sum += down[a] * across[b] * plane[(size_t)rows[a] * width + columns[b]];
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
    const float *plane = level_plane(batch, batch->level, image) + ((size_t)(y + 1) * (side + 2) + 1) * ms_block;
    context->base.kernels->multiply(
        plane, plane_block(side), values_of(batch, image) + packed->folded, rows, 0, packed->i, ms_block, side, 1);
    for (int colour = 0; colour < 3; colour++) {
        for (int x = 0; x < side; x++) {
            float value = rows[(size_t)x * ms_block + colour] + packed->bias[colour];
            value = value > context->clamp ? context->clamp : value < -context->clamp ? -context->clamp : value;
            target[colour * area + x] += value;
        }
    }
}

// MARK: levels

// How many parts the outputs are cut into so that every thread has work.
static int parts_for(const sg_gan *context, int tasks, int channels) {
    int parts = 1;
    while (tasks * parts < 2 * context->base.thread_count && parts * 4 * ms_block < channels) parts *= 2;
    return context->base.thread_count == 1 ? 1 : parts;
}

static void run_level(sg_batch *batch) {
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    if (stage->has_first) {
        int width = stage->side / 2;
        batch->bands = width / sg_band_rows(width);
        batch->parts = parts_for(context, batch->group * batch->bands, stage->first.o);
        ms_pool_run(context->base.pool, batch->group * batch->bands * batch->parts, run_phases, batch);
        ms_pool_run(context->base.pool, batch->group * stage->first.o / ms_block, run_blur, batch);
    }
    int tiles = batch->group * (stage->side / 4) * (stage->side / 4), chunks = (tiles + sg_tiles - 1) / sg_tiles;
    batch->parts = parts_for(context, chunks, stage->second.o);
    ms_pool_run(context->base.pool, chunks * batch->parts, run_tiles, batch);
    ms_pool_run(context->base.pool, batch->group * stage->side, run_picture, batch);
}

static void run_batch(sg_batch *batch) {
    sg_gan *context = batch->context;
    ms_pool_run(context->base.pool, 3 * batch->levels, run_styles, batch);
    int level = 0;
    batch->first_image = 0;
    batch->group = batch->count;
    for (; level < batch->levels && is_shared(context->stages[level].side); level++) {
        batch->level = level;
        run_level(batch);
    }
    batch->group = 1;
    for (int image = 0; image < batch->count; image++) {
        batch->first_image = image;
        for (batch->level = level; batch->level < batch->levels; batch->level++) run_level(batch);
    }
}

ms_status sg_synthesize(
    ms_context *base, const float *styles, int count, int rows, int levels, const float *const *noise,
    int noise_images, float *images) {
    sg_gan *context = sg_gan_of(base);
    if (!context || count < 0 || (count > 0 && (!styles || !images))) return ms_bad_argument;
    if (rows != 1 && rows != 2 * context->levels) return ms_bad_argument;
    if (levels < 1 || levels > context->levels || (noise && noise_images != 1 && noise_images != count)) {
        return ms_bad_argument;
    }
    ms_status status = sg_reserve(context, ms_least(count, sg_at_once));
    if (status != ms_ok) return status;
    size_t side = (size_t)4 << (levels - 1);
    for (int first = 0; first < count; first += sg_at_once) {
        sg_batch batch = {
            .context = context,
            .styles = styles + (size_t)first * rows * context->latent,
            .count = ms_least(sg_at_once, count - first),
            .rows = rows,
            .levels = levels,
            .noise = noise,
            .noise_images = noise_images,
            .noise_first = first,
            .images = images + (size_t)first * 3 * side * side,
        };
        run_batch(&batch);
    }
    return ms_ok;
}
