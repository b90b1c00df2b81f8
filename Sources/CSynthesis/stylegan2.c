// StyleGAN2: a batch's way through the levels. Small levels take the whole batch at once, as their weights
// are large and their images small; the others one image after the other.
#include <math.h>
#include <string.h>

#include "stylegan2_plan.h"

float *sg_first_plane(const sg_batch *batch, int level, int image) {
    const sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[level];
    float *planes = batch->tape ? batch->tape->first[level] : context->wide;
    return planes + (size_t)(image - batch->first_image) * plane_floats(stage->first.o, stage->side);
}

float *sg_second_plane(const sg_batch *batch, int level, int image) {
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[level];
    size_t at = is_shared(stage->side) ? (size_t)image * plane_floats(stage->second.o, stage->side) : 0;
    if (batch->tape) return batch->tape->second[level] + at;
    return (is_shared(stage->side) ? context->shared : context->own)[level & 1] + at;
}

const float *sg_noise(const sg_batch *batch, int convolution, int image, int side) {
    const float *const *noise = batch->request.noise;
    if (!noise || !noise[convolution]) return NULL;
    size_t at = batch->request.noise_images == 1 ? 0 : (size_t)(batch->first + image);
    return noise[convolution] + at * side * side;
}

// MARK: the doubling convolution

void sg_multiply_phase(
    const sg_gan *context, const sg_layout *in, const sg_layout *out, const float *points, const float *weights,
    size_t point_weights, int inputs, int panels, float *products) {
    for (int k = 0; k < in->points[0] * in->points[1]; k++) {
        // The sixth row and column of the weights' points are those of the odd axes.
        int row = in->points[0] == 1 ? 5 : k / in->points[1], column = in->points[1] == 1 ? 5 : k % in->points[1];
        for (int at = 0; at < in->pixels; at += sg_band) {
            context->base.kernels->multiply(
                points + k * in->point + (size_t)at * ms_block, in->block, weights + (6 * row + column) * point_weights,
                products + k * out->point + (size_t)at * ms_block, out->block, inputs, panels * ms_block,
                ms_least(sg_band, in->pixels - at), 1);
        }
    }
}

// Some rows of tiles of the group's images in one phase, for a part of the outputs.
static void run_phase(void *state, int index, int worker) {
    const sg_batch *batch = state;
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    const sg_packed *packed = &stage->first;
    int width = stage->side / 2, across = width / 4, rows = sg_tile_rows(width), phase = index % 4;
    int part = index / 4 % batch->parts, begin = index / 4 / batch->parts * rows;
    int end = ms_least(begin + rows, across * batch->group), panels = packed->o / ms_block;
    int from = panels * part / batch->parts, to = panels * (part + 1) / batch->parts;
    int padded = ((end - begin) * across + 3) / 4 * 4;
    sg_layout in = sg_layout_of(phase, padded, packed->i / ms_block), out = sg_layout_of(phase, padded, to - from);
    float *points = context->workers[worker].points, *products = context->workers[worker].products;
    size_t low_row = (size_t)(width + 2) * ms_block, pitch = (size_t)(width + 1) * ms_block;

    for (int row = begin; row < end; row++) {
        int y = row % across, image = batch->first_image + row / across;
        const float *plane = sg_second_plane(batch, batch->level - 1, image) + (4 * y + 1) * low_row + ms_block;
        const float *scales = sg_values(batch, image) + packed->scales;
        for (int block = 0; block < packed->i / ms_block; block++) {
            context->base.kernels->doubling_input(
                plane + block * plane_block(width), low_row, scales + block * ms_block, &in.phase, across,
                points + block * in.block + (size_t)(row - begin) * across * ms_block);
        }
    }
    sg_multiply_phase(
        context, &in, &out, points, packed->weights + (size_t)from * packed->i * ms_block, (size_t)packed->o * packed->i,
        packed->i, to - from, products);
    for (int row = begin; row < end; row++) {
        int y = row % across, is_seam = row == end - 1 && y < across - 1;
        float *target = context->phases + ((size_t)(row / across) * 4 + phase) * phase_floats(packed->o, width) + ms_block;
        for (int block = from; block < to; block++) {
            float *plane = target + block * phase_block(width);
            context->base.kernels->doubling_output(
                products + (block - from) * out.block + (size_t)(row - begin) * across * ms_block, &out.phase, across,
                row > begin && y > 0, plane + 4 * y * pitch, pitch,
                plane + (is_seam ? width + 1 + y / rows : 4 * y + 4) * pitch);
        }
    }
}

// Zeros around a padded plane's block.
void sg_clear_border(float *block, int side) {
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
    size_t pitch = (size_t)(width + 1) * ms_block;
    float *phases[4];
    for (int phase = 0; phase < 4; phase++) {
        phases[phase] = context->phases + ((size_t)member * 4 + phase) * phase_floats(packed->o, width)
            + block * phase_block(width);
        if (phase % 2) memset(phases[phase], 0, ms_block * sizeof(float));
        for (int seam = 0; phase < 2 && seam < sg_seams(width); seam++) {
            float *row = phases[phase] + ms_block + 4 * (seam + 1) * sg_tile_rows(width) * pitch;
            const float *above = phases[phase] + ms_block + (width + 1 + seam) * pitch;
            for (size_t i = 0; i < pitch; i++) row[i] += above[i];
        }
    }
    float *target = sg_first_plane(batch, batch->level, batch->first_image + member) + block * plane_block(side);
    sg_clear_border(target, side);
    int image = batch->first_image + member;
    ms_finish finish = finish_of(context, packed, sg_values(batch, image), block);
    const float *noise = sg_noise(batch, 2 * batch->level - 1, image, side);
    for (int y = 0; y < side; y++) {
        const float *even[4], *odd[4];
        for (int t = 0; t < 4; t++) {
            int row = y - 1 + t, e = row >> 1, kind = row & 1 ? 2 : 0, is_outside = row < 0 || row > side;
            even[t] = is_outside ? context->zeros : phases[kind] + e * pitch;
            odd[t] = is_outside ? context->zeros : phases[kind + 1] + e * pitch;
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
            ? context->constant : sg_first_plane(batch, batch->level, image);
        const float *scales = sg_values(batch, image) + packed->scales;
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
        const float *noise = sg_noise(batch, 2 * batch->level, image, side);
        float *plane = sg_second_plane(batch, batch->level, image);
        for (int block = from; block < to; block++) {
            ms_finish finish = finish_of(context, packed, sg_values(batch, image), block);
            context->base.kernels->winograd_output(
                products + (size_t)(block - from) * in_block + (size_t)t * ms_block, out_point, &finish,
                noise ? noise + (size_t)4 * y * side + 4 * x : NULL, (size_t)side, run,
                plane + block * plane_block(side) + ((size_t)(4 * y + 1) * (side + 2) + 4 * x + 1) * ms_block, row);
        }
        t += run;
    }
}

// MARK: levels

// How many parts the outputs are cut into so that every thread has work.
int sg_parts_for(const sg_gan *context, int tasks, int channels) {
    int parts = 1;
    while (tasks * parts < 2 * context->base.thread_count && parts * 4 * ms_block < channels) parts *= 2;
    return context->base.thread_count == 1 ? 1 : parts;
}

// The seam: one block of one image's features leaves, and is changed.
static void run_change(void *state, int index, int worker) {
    (void)worker;
    const sg_batch *batch = state;
    const sg_stage *stage = &batch->context->stages[batch->level];
    const ms_seam *seam = batch->request.seam;
    int blocks = stage->first.o / ms_block, block = index % blocks, image = batch->first_image + index / blocks;
    int side = stage->side, channels = stage->first.outputs;
    float *plane = sg_first_plane(batch, batch->level, image) + block * plane_block(side);
    if (batch->tape && batch->tape->before) {
        float *before = batch->tape->before + (size_t)(index / blocks) * plane_floats(stage->first.o, side);
        memcpy(before + block * plane_block(side), plane, plane_block(side) * sizeof(float));
    }
    for (int lane = 0; lane < ms_block && block * ms_block + lane < channels; lane++) {
        size_t at = ((size_t)(batch->first + image) * channels + block * ms_block + lane) * side * side;
        for (int p = 0; p < side * side; p++, at++) {
            float *value = plane + ((size_t)(p / side + 1) * (side + 2) + p % side + 1) * ms_block + lane;
            if (seam->features) seam->features[at] = *value;
            if (!seam->scale && !seam->shift) continue;
            *value = *value * (seam->scale ? 1 + seam->scale[at] : 1) + (seam->shift ? seam->shift[at] : 0);
        }
    }
}

void sg_run_level(sg_batch *batch) {
    sg_gan *context = batch->context;
    const sg_stage *stage = &context->stages[batch->level];
    if (stage->has_first) {
        int width = stage->side / 2, tasks = 4 * ms_parts(batch->group * width / 4, sg_tile_rows(width));
        batch->parts = sg_parts_for(context, tasks, stage->first.o);
        ms_pool_run(context->base.pool, tasks * batch->parts, run_phase, batch);
        ms_pool_run(context->base.pool, batch->group * stage->first.o / ms_block, run_blur, batch);
        if (batch->seam == batch->level) {
            ms_pool_run(context->base.pool, batch->group * stage->first.o / ms_block, run_change, batch);
            if (!batch->images && !batch->tape) return;
        }
    }
    int tiles = batch->group * (stage->side / 4) * (stage->side / 4), chunks = (tiles + sg_tiles - 1) / sg_tiles;
    batch->parts = sg_parts_for(context, chunks, stage->second.o);
    ms_pool_run(context->base.pool, chunks * batch->parts, run_tiles, batch);
    if (batch->images) sg_run_picture(batch);
}

static void run_batch(sg_batch *batch) {
    sg_gan *context = batch->context;
    int levels = batch->images ? batch->request.levels : batch->seam + 1, level = 0;
    sg_compute_styles(batch);
    batch->first_image = 0;
    batch->group = batch->request.count;
    for (; level < levels && is_shared(context->stages[level].side); level++) {
        batch->level = level;
        sg_run_level(batch);
    }
    batch->group = 1;
    for (int image = 0; image < batch->request.count; image++) {
        batch->first_image = image;
        for (batch->level = level; batch->level < levels; batch->level++) sg_run_level(batch);
    }
}

int sg_request_fits(const sg_gan *context, const sg_request *request, int *seam) {
    *seam = -1;
    if (!context || !request || request->count < 0 || (request->count > 0 && !request->styles)) return 0;
    if (request->rows != 1 && request->rows != 2 * context->levels) return 0;
    if (request->levels < 1 || request->levels > context->levels) return 0;
    if (request->noise && request->noise_images != 1 && request->noise_images != request->count) return 0;
    for (int k = 1; request->seam && k < request->levels; k++) {
        if (context->stages[k].side == request->seam->side) *seam = k;
    }
    return !request->seam || *seam > 0;
}

ms_status sg_synthesize(ms_context *base, const sg_request *request, float *images) {
    sg_gan *context = sg_gan_of(base);
    int seam;
    if (!sg_request_fits(context, request, &seam)) return ms_bad_argument;
    if (request->count > 0 && !images && (seam < 0 || !request->seam->features)) return ms_bad_argument;
    ms_status status = sg_reserve(context, ms_least(request->count, sg_at_once));
    if (status != ms_ok) return status;
    size_t side = (size_t)4 << (request->levels - 1);
    for (int first = 0; first < request->count; first += sg_at_once) {
        sg_batch batch = {
            .context = context, .request = *request, .first = first, .seam = seam,
            .images = images ? images + (size_t)first * 3 * side * side : NULL,
        };
        batch.request.styles += (size_t)first * request->rows * context->latent;
        batch.request.count = ms_least(sg_at_once, request->count - first);
        run_batch(&batch);
    }
    return ms_ok;
}
