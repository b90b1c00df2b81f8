// StyleGAN2's way back through a level: the activations, the convolution at one resolution by Winograd's transforms of the
// kernels turned by half, the blur, and the doubling convolution, which is one with stride 2 then.
#include <math.h>
#include <string.h>

#include "stylegan2_back.h"

static const float ones[ms_block] __attribute__((aligned(64))) = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const float nothing[ms_block] __attribute__((aligned(64)));

static int has_seam(const sg_pass *pass) { return pass->batch->seam == pass->level; }

// The padded plane's row y of a block, from its first pixel.
static float *row_of(float *plane, int side, int block, int y) {
    return plane + block * plane_block(side) + ((size_t)(y + 1) * (side + 2) + 1) * ms_block;
}

// Rows of a segment.
static int segment_row(int side, int segment) { return side * segment / sg_segments; }

// MARK: the image

// Gradients of a level's own part of the image, where it is limited: one row of an image of the group.
static void run_part(void *state, int index, int worker) {
    const sg_pass *pass = state;
    sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    const sg_packed_image *packed = &stage->image;
    int side = stage->side, y = index % side, member = index / side, image = pass->first_image + member;
    size_t area = (size_t)side * side;
    float *rows = context->workers[worker].rows;
    context->base.kernels->multiply(
        row_of(sg_second_plane(pass->batch, pass->level, image), side, 0, y), plane_block(side),
        sg_values(pass->batch, image) + packed->folded, rows, 0, packed->i, ms_block, side, 1);
    const float *given = pass->back->pictures[pass->level] + (size_t)image * 3 * area + (size_t)y * side;
    float *target = pass->back->parts + (size_t)member * 3 * area + (size_t)y * side;
    for (int colour = 0; colour < 3; colour++) {
        for (int x = 0; x < side; x++) {
            float value = rows[(size_t)x * ms_block + colour] + packed->bias[colour];
            int inside = value < context->clamp && value > -context->clamp;
            target[colour * area + x] = inside ? given[colour * area + x] : 0;
        }
    }
}

// MARK: activations

static void take_finish(const sg_pass *pass, const sg_packed *packed, int block, ms_finish_back *step) {
    step->bias = packed->bias + block * ms_block;
    step->gain = sqrtf(2);
    step->slope = 0.2f;
    step->limit = pass->context->clamp;
}

// Some rows of one block of the second result.
static void run_second(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    const sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    int blocks = stage->second.o / ms_block, side = stage->side, segment = index % sg_segments;
    int block = index / sg_segments % blocks, member = index / sg_segments / blocks, image = pass->first_image + member;
    size_t area = (size_t)side * side;
    const float *values = sg_values(pass->batch, image);
    float *plane = sg_second_plane(pass->batch, pass->level, image), *sums = sg_sums_of(pass, image, segment);
    float *given = pass->back->given + member * plane_floats(stage->second.o, side);
    const float *noise = sg_noise(pass->batch, 2 * pass->level, image, side);
    ms_finish_back step = {.width = side};
    take_finish(pass, &stage->second, block, &step);
    step.sum_finish = sums + stage->second.demodulation + block * ms_block;
    const float *low = NULL;
    if (pass->low) {
        const sg_packed *above = &context->stages[pass->level + 1].first;
        low = pass->low + member * sg_low_floats(above->i, side) + block * sg_low_block(side);
        step.scale = values + above->scales + block * ms_block;
        step.sum_scale = sums + above->scales + block * ms_block;
    }
    float weights[3 * ms_block] __attribute__((aligned(64))) = {0};
    const float *picture = NULL;
    if (stage->has_image) {
        const sg_packed_image *packed = &stage->image;
        picture = isinf(context->clamp) ? pass->back->pictures[pass->level] + (size_t)image * 3 * area
                                        : pass->back->parts + (size_t)member * 3 * area;
        for (int i = 0; i < 3 * ms_block; i++) {
            int channel = block * ms_block + i % ms_block;
            if (channel < packed->inputs) weights[i] = packed->weights[(i / ms_block) * packed->inputs + channel];
        }
        step.image_weights = weights;
        step.image_scale = values + packed->scales + block * ms_block;
        step.sum_image = sums + packed->scales + block * ms_block;
    }
    if (segment == 0) sg_clear_border(given + block * plane_block(side), side);
    for (int y = segment_row(side, segment); y < segment_row(side, segment + 1); y++) {
        step.values = row_of(plane, side, block, y);
        step.target = row_of(given, side, block, y);
        if (low) step.gradient = low + (size_t)y * side * ms_block;
        for (int colour = 0; picture && colour < 3; colour++) {
            step.picture[colour] = picture + colour * area + (size_t)y * side;
        }
        step.noise = noise ? noise + (size_t)y * side : NULL;
        context->base.kernels->backward_finish(&step);
    }
}

// What becomes of gradients of what the second convolution saw, in place: sums of its scales and, unless a seam comes
// first, the way through the first one's activation.
static void run_first(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    const sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    int blocks = stage->second.i / ms_block, side = stage->side, segment = index % sg_segments;
    int block = index / sg_segments % blocks, member = index / sg_segments / blocks, image = pass->first_image + member;
    float *sums = sg_sums_of(pass, image, segment);
    float *inner = pass->back->inner + member * plane_floats(stage->second.i, side);
    float *plane = stage->has_first ? sg_first_plane(pass->batch, pass->level, image) : context->constant;
    const float *noise = stage->has_first ? sg_noise(pass->batch, 2 * pass->level - 1, image, side) : NULL;
    ms_finish_back step = {
        .width = side, .scale = sg_values(pass->batch, image) + stage->second.scales + block * ms_block,
        .sum_scale = sums + stage->second.scales + block * ms_block,
    };
    if (stage->has_first && !has_seam(pass)) {
        take_finish(pass, &stage->first, block, &step);
        step.sum_finish = sums + stage->first.demodulation + block * ms_block;
    }
    if (segment == 0) sg_clear_border(inner + block * plane_block(side), side);
    for (int y = segment_row(side, segment); y < segment_row(side, segment + 1); y++) {
        step.values = row_of(plane, side, block, y);
        step.target = row_of(inner, side, block, y);
        step.gradient = step.target;
        step.noise = noise ? noise + (size_t)y * side : NULL;
        context->base.kernels->backward_finish(&step);
    }
}

// The same for a seam's features, before the change: notes the gradients of scale and shift first.
static void run_change(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    const sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    const ms_seam *seam = pass->batch->request.seam;
    int blocks = stage->first.o / ms_block, side = stage->side, channels = stage->first.outputs;
    int segment = index % sg_segments, block = index / sg_segments % blocks;
    int member = index / sg_segments / blocks, image = pass->first_image + member;
    float *inner = pass->back->inner + member * plane_floats(stage->first.o, side);
    float *before = pass->back->tape.before + member * plane_floats(stage->first.o, side);
    const float *noise = sg_noise(pass->batch, 2 * pass->level - 1, image, side);
    float unused[ms_block] __attribute__((aligned(64))) = {0};
    ms_finish_back step = {.width = side, .scale = ones, .sum_scale = unused};
    take_finish(pass, &stage->first, block, &step);
    step.sum_finish = sg_sums_of(pass, image, segment) + stage->first.demodulation + block * ms_block;
    for (int y = segment_row(side, segment); y < segment_row(side, segment + 1); y++) {
        float *row = row_of(inner, side, block, y), *features = row_of(before, side, block, y);
        for (int lane = 0; lane < ms_block && block * ms_block + lane < channels; lane++) {
            size_t at = (((size_t)(pass->batch->first + image) * channels + block * ms_block + lane) * side + y) * side;
            for (int x = 0; x < side; x++, at++) {
                float *gradient = row + x * ms_block + lane;
                if (pass->results->shift) pass->results->shift[at] = *gradient;
                if (pass->results->scale) pass->results->scale[at] = *gradient * features[x * ms_block + lane];
                if (seam->scale) *gradient *= 1 + seam->scale[at];
            }
        }
        step.values = features;
        step.gradient = step.target = row;
        step.noise = noise ? noise + (size_t)y * side : NULL;
        context->base.kernels->backward_finish(&step);
    }
}

// MARK: the convolution at one resolution

// Some tiles of the group's images, for a part of the outputs.
static void run_tiles(void *state, int index, int worker) {
    const sg_pass *pass = state;
    sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    const sg_packed *packed = &stage->second;
    int side = stage->side, across = side / 4, each = across * across;
    int part = index % pass->parts, begin = index / pass->parts * sg_tiles;
    int count = ms_least(sg_tiles, each * pass->group - begin), padded = (count + 3) / 4 * 4;
    int in_blocks = packed->o / ms_block, panels = packed->i / ms_block;
    int from = panels * part / pass->parts, to = panels * (part + 1) / pass->parts;
    size_t in_block = (size_t)padded * ms_block, in_point = in_block * in_blocks + ms_block;
    size_t out_point = in_block * (to - from) + ms_block, row = (size_t)(side + 2) * ms_block;
    float *points = context->workers[worker].points, *products = context->workers[worker].products;
    for (int t = 0; t < count;) {
        int tile = (begin + t) % each, member = (begin + t) / each, x = tile % across, y = tile / across;
        int run = ms_least(across - x, count - t);
        const float *plane = pass->back->given + member * plane_floats(packed->o, side);
        const float *scales = sg_values(pass->batch, pass->first_image + member) + packed->demodulation;
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
            points + point * in_point, in_block,
            pass->back->second_weights[pass->level] + point * point_weights + (size_t)from * packed->o * ms_block,
            products + point * out_point, in_block, packed->o, (to - from) * ms_block, padded, 1);
    }
    ms_finish as_it_is = {.scale = ones, .bias = nothing, .slope = 1, .limit = INFINITY};
    for (int t = 0; t < count;) {
        int tile = (begin + t) % each, member = (begin + t) / each, x = tile % across, y = tile / across;
        int run = ms_least(across - x, count - t);
        float *plane = pass->back->inner + member * plane_floats(packed->i, side);
        for (int block = from; block < to; block++) {
            context->base.kernels->winograd_output(
                products + (size_t)(block - from) * in_block + (size_t)t * ms_block, out_point, &as_it_is, NULL, 0, run,
                row_of(plane, side, block, 4 * y) + (size_t)4 * x * ms_block, row);
        }
        t += run;
    }
}

// MARK: the doubling convolution

// One block of one image.
static void run_blur(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    const sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    const sg_packed *packed = &stage->first;
    int blocks = packed->o / ms_block, block = index % blocks, member = index / blocks;
    int side = stage->side, width = side / 2;
    float *inner = pass->back->inner + member * plane_floats(packed->o, side);
    const float *scale = sg_values(pass->batch, pass->first_image + member) + packed->demodulation + block * ms_block;
    float *phases = context->phases + (size_t)member * 4 * phase_floats(packed->o, width) + block * phase_block(width);
    for (int y = 0; y <= side; y++) {
        const float *rows[4];
        for (int t = 0; t < 4; t++) {
            int at = y + 1 - t;
            rows[t] = at < 0 || at >= side ? context->zeros : row_of(inner, side, block, at) - ms_block;
        }
        float *even = phases + (y % 2 ? 2 : 0) * phase_floats(packed->o, width)
            + (1 + (size_t)(y / 2) * (width + 1)) * ms_block;
        context->base.kernels->backward_blur(
            rows, context->down, context->across, scale, width, even, even + phase_floats(packed->o, width));
    }
}

// Some tiles of the level below, for a part of its channels: what they get from one phase after the other.
static void run_phases(void *state, int index, int worker) {
    const sg_pass *pass = state;
    sg_gan *context = pass->context;
    const sg_stage *stage = &context->stages[pass->level];
    const sg_packed *packed = &stage->first;
    int width = stage->side / 2, across = width / 4, each = across * across;
    int part = index % pass->parts, begin = index / pass->parts * sg_tiles;
    int count = ms_least(sg_tiles, each * pass->group - begin), padded = (count + 3) / 4 * 4;
    int in_blocks = packed->o / ms_block, panels = packed->i / ms_block;
    int from = panels * part / pass->parts, to = panels * (part + 1) / pass->parts;
    const float *weights = pass->back->first_weights[pass->level] + (size_t)from * packed->o * ms_block;
    float *points = context->workers[worker].points, *products = context->workers[worker].products;
    size_t pitch = (size_t)(width + 1) * ms_block, low_row = (size_t)width * ms_block;
    for (int phase = 0; phase < 4; phase++) {
        sg_layout in = sg_layout_of(phase, padded, in_blocks), out = sg_layout_of(phase, padded, to - from);
        for (int t = 0; t < count;) {
            int tile = (begin + t) % each, member = (begin + t) / each, x = tile % across, y = tile / across;
            int run = ms_least(across - x, count - t);
            const float *plane = context->phases + ((size_t)member * 4 + phase) * phase_floats(packed->o, width)
                + 4 * y * pitch + (size_t)(4 * x + 1) * ms_block;
            for (int block = 0; block < in_blocks; block++) {
                context->base.kernels->backward_doubling_input(
                    plane + block * phase_block(width), pitch, &in.phase, run,
                    points + block * in.block + (size_t)t * ms_block);
            }
            t += run;
        }
        sg_multiply_phase(
            context, &in, &out, points, weights, (size_t)packed->o * packed->i, packed->o, to - from, products);
        for (int t = 0; t < count;) {
            int tile = (begin + t) % each, member = (begin + t) / each, x = tile % across, y = tile / across;
            int run = ms_least(across - x, count - t);
            float *plane = pass->low_target + member * sg_low_floats(packed->i, width) + 4 * y * low_row
                + (size_t)(4 * x) * ms_block;
            for (int block = from; block < to; block++) {
                context->base.kernels->backward_doubling_output(
                    products + (block - from) * out.block + (size_t)t * ms_block, &out.phase, run, phase > 0,
                    plane + block * sg_low_block(width), low_row);
            }
            t += run;
        }
    }
}

// MARK: a level

void sg_back_level(sg_pass *pass) {
    sg_gan *context = pass->context;
    ms_pool *pool = context->base.pool;
    const sg_stage *stage = &context->stages[pass->level];
    int group = pass->group, side = stage->side, segments = group * sg_segments;
    if (stage->has_image && !isinf(context->clamp)) ms_pool_run(pool, group * side, run_part, pass);
    ms_pool_run(pool, segments * (stage->second.o / ms_block), run_second, pass);
    int chunks = ms_parts(group * (side / 4) * (side / 4), sg_tiles);
    pass->parts = sg_parts_for(context, chunks, stage->second.i);
    ms_pool_run(pool, chunks * pass->parts, run_tiles, pass);
    ms_pool_run(pool, segments * (stage->second.i / ms_block), run_first, pass);
    if (!stage->has_first) return;
    if (has_seam(pass)) ms_pool_run(pool, segments * (stage->first.o / ms_block), run_change, pass);
    ms_pool_run(pool, group * (stage->first.o / ms_block), run_blur, pass);
    chunks = ms_parts(group * (side / 8) * (side / 8), sg_tiles);
    pass->parts = sg_parts_for(context, chunks, stage->first.i);
    ms_pool_run(pool, chunks * pass->parts, run_phases, pass);
}
