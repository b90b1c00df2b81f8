// StyleGAN2's way back: weights packed for it, and memory.
#include <string.h>

#include "stylegan2_back.h"

// MARK: weights

// A panel of weights [outputs/16][inputs][16] at an output and an input.
static size_t at(int inputs, int output, int input) {
    return ((size_t)(output / ms_block) * inputs + input) * ms_block + output % ms_block;
}

// One dimension of the kernel that a transformed one is of, turned by half; G's rows are those of `pack`.
static void recover(const double *points, double *kernel) {
    kernel[2] = 4 * points[0];
    kernel[1] = 3 * (points[2] - points[1]);
    kernel[0] = points[5];
}

static const double kernel_transform[6][3] = {
    {0.25, 0, 0}, {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1},
};

// The Winograd points of a kernel turned by half, from those of the kernel.
static void turn(const double points[36], double turned[36]) {
    double half[6][3], kernel[3][3], wide[6][3];
    for (int a = 0; a < 6; a++) recover(points + 6 * a, half[a]);
    for (int x = 0; x < 3; x++) {
        double column[6], out[3];
        for (int a = 0; a < 6; a++) column[a] = half[a][x];
        recover(column, out);
        for (int y = 0; y < 3; y++) kernel[y][x] = out[y];
    }
    for (int a = 0; a < 6; a++) {
        for (int x = 0; x < 3; x++) {
            wide[a][x] = 0;
            for (int y = 0; y < 3; y++) wide[a][x] += kernel_transform[a][y] * kernel[y][x];
        }
        for (int b = 0; b < 6; b++) {
            turned[6 * a + b] = 0;
            for (int x = 0; x < 3; x++) turned[6 * a + b] += wide[a][x] * kernel_transform[b][x];
        }
    }
}

typedef struct {
    const sg_packed *packed;
    float *target;
    int turns;  // or else the points stay what they are
} sg_turning;

// One output channel's kernels.
static void run_turn(void *state, int out, int worker) {
    (void)worker;
    const sg_turning *turning = state;
    const sg_packed *packed = turning->packed;
    size_t point = (size_t)packed->i * packed->o;
    for (int in = 0; in < packed->i; in++) {
        double points[36], turned[36];
        for (int p = 0; p < sg_points; p++) points[p] = packed->weights[p * point + at(packed->i, out, in)];
        if (turning->turns) turn(points, turned);
        for (int p = 0; p < sg_points; p++) {
            turning->target[p * point + at(packed->o, in, out)] = (float)(turning->turns ? turned : points)[p];
        }
    }
}

static float *pack(sg_gan *context, const sg_packed *packed, int turns) {
    float *target = ms_pages(&context->base, (size_t)sg_points * packed->i * packed->o);
    sg_turning turning = {packed, target, turns};
    if (target) ms_pool_run(context->base.pool, packed->o, run_turn, &turning);
    return target;
}

static ms_status pack_levels(sg_gan *context, sg_way_back *back) {
    for (int k = 0; k < context->levels; k++) {
        const sg_stage *stage = &context->stages[k];
        back->second_weights[k] = pack(context, &stage->second, 1);
        if (!back->second_weights[k]) return ms_no_memory;
        if (!stage->has_first) continue;
        back->first_weights[k] = pack(context, &stage->first, 0);
        if (!back->first_weights[k]) return ms_no_memory;
    }
    return ms_ok;
}

// MARK: memory

static size_t place(const sg_gan *context, sg_way_back *back, int images, float *memory) {
    size_t total = 0, plane = 0, low = 0, kept = 0, part = 0, before = 0;
    for (int k = 0; k < context->levels; k++) {
        const sg_stage *stage = &context->stages[k];
        size_t group = is_shared(stage->side) ? (size_t)images : 1, area = (size_t)stage->side * stage->side;
        if (stage->has_first) {
            int width = stage->side / 2;
            PLACE(back->tape.first[k], group * plane_floats(stage->first.o, stage->side));
            plane = ms_larger(plane, group * plane_floats(stage->first.o, stage->side));
            before = ms_larger(before, group * plane_floats(stage->first.o, stage->side));
            low = ms_larger(low, group * sg_low_floats(stage->first.i, width));
            if (!is_shared(stage->side) && is_shared(width)) kept = images * sg_low_floats(stage->first.i, width);
        }
        PLACE(back->tape.second[k], group * plane_floats(stage->second.o, stage->side));
        plane = ms_larger(plane, group * plane_floats(stage->second.o, stage->side));
        plane = ms_larger(plane, group * plane_floats(stage->second.i, stage->side));
        PLACE(back->pictures[k], (size_t)images * 3 * area);
        part = ms_larger(part, group * 3 * area);
    }
    PLACE(back->before, before);
    PLACE(back->parts, part);
    PLACE(back->given, plane);
    PLACE(back->inner, plane);
    PLACE(back->low, low);
    PLACE(back->low_kept, kept);
    PLACE(back->styles, (size_t)images * context->style_floats);
    back->sum_floats = (size_t)images * sg_segments * context->style_floats;
    PLACE(back->sums, back->sum_floats);
    return total;
}

ms_status sg_reserve_back(sg_gan *context, int images) {
    ms_context *base = &context->base;
    if (!context->back) {
        sg_way_back *back = (sg_way_back *)ms_allocate(base, (sizeof *back + 3) / sizeof(float));
        if (!back) return ms_no_memory;
        ms_status status = pack_levels(context, back);
        if (status != ms_ok) return status;
        context->back = back;
    }
    sg_way_back *back = context->back;
    if (images <= back->images) return ms_ok;
    ms_release(base, back->memory);
    back->images = 0;
    back->memory = ms_pages(base, place(context, back, images, NULL));
    if (!back->memory) return ms_no_memory;
    place(context, back, images, back->memory);
    back->images = images;
    return ms_ok;
}
