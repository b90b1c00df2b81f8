// StyleGAN2's plan: checks, packing, memory.
#include "stylegan2_plan.h"

#include <math.h>
#include <string.h>

static size_t place_batch(sg_gan *context, int count, float *memory) {
    size_t phases = 0, wide = 0, shared = 0, own = 0, total = 0;
    size_t shared_picture = 0, own_picture = 0;
    for (int k = 0; k < context->levels; k++) {
        const sg_stage *stage = &context->stages[k];
        size_t group = is_shared(stage->side) ? (size_t)count : 1, area = (size_t)stage->side * stage->side;
        if (stage->has_first) {
            phases = ms_larger(phases, group * 4 * phase_floats(stage->first.o, stage->side / 2));
            wide = ms_larger(wide, group * plane_floats(stage->first.o, stage->side));
        }
        size_t result = group * plane_floats(stage->second.o, stage->side);
        if (is_shared(stage->side)) {
            shared = ms_larger(shared, result);
            shared_picture = ms_larger(shared_picture, group * 3 * area);
        } else {
            own = ms_larger(own, result);
            own_picture = ms_larger(own_picture, 3 * area);
        }
    }
    PLACE(context->phases, phases);
    PLACE(context->wide, wide);
    for (int i = 0; i < 2; i++) {
        PLACE(context->shared[i], shared);
        PLACE(context->own[i], own);
        PLACE(context->shared_pictures[i], shared_picture);
        PLACE(context->own_pictures[i], own_picture);
    }
    PLACE(context->styles, (size_t)count * context->style_floats);
    return total;
}

ms_status sg_reserve(sg_gan *context, int count) {
    if (count <= context->images) return ms_ok;
    ms_release(&context->base, context->memory);
    context->images = 0;
    context->memory = ms_pages(&context->base, place_batch(context, count, NULL));
    if (!context->memory) return ms_no_memory;
    place_batch(context, count, context->memory);
    context->images = count;
    return ms_ok;
}

// MARK: checks

static int channels_fit(int channels) { return channels > 0 && channels <= 8192; }

static int convolution_fits(const sg_convolution *from, int inputs) {
    return from->inputs == inputs && channels_fit(inputs) && channels_fit(from->outputs) && from->modulation_weight
        && from->modulation_bias && from->weight && from->bias;
}

static int network_fits(const void *given) {
    const sg_network *network = given;
    if (network->latent <= 0 || network->latent > 65536 || !network->constant || !network->levels) return 0;
    if (network->level_count < 1 || network->level_count > sg_most_levels) return 0;
    if (!(network->clamp >= 0)) return 0;
    int channels = network->levels[0].second.inputs;
    for (int k = 0; k < network->level_count; k++) {
        const sg_level *level = &network->levels[k];
        if ((level->first != NULL) != (k > 0)) return 0;
        if (level->first) {
            if (!convolution_fits(level->first, channels)) return 0;
            channels = level->first->outputs;
        }
        if (!convolution_fits(&level->second, channels)) return 0;
        channels = level->second.outputs;
        const sg_image *image = level->image;
        if (!image && k == network->level_count - 1) return 0;
        if (image && (image->inputs != channels || !image->modulation_weight || !image->modulation_bias
                || !image->weight || !image->bias)) return 0;
    }
    return 1;
}

// MARK: packing

// One dimension of G, the kernel's transform.
static const double kernel_transform[6][3] = {
    {0.25, 0, 0}, {-1.0 / 6, -1.0 / 6, -1.0 / 6}, {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6}, {1.0 / 24, -1.0 / 12, 1.0 / 6}, {0, 0, 1},
};

// The same of a doubling convolution: the five points of the even phase's two taps, and the odd one's only tap.
static const double doubling_transform[6][3] = {
    {1, 0, 0}, {0.5, 0, 0.5}, {1.0 / 6, 0, -1.0 / 6}, {1.0 / 6, 0, 1.0 / 3}, {0, 0, 1}, {0, 1, 0},
};

static int pack(sg_gan *context, const sg_convolution *from, sg_packed *to, int style_row, int doubles) {
    int inputs = from->inputs, outputs = from->outputs, i = ms_padded(inputs), o = ms_padded(outputs);
    const double (*transform)[3] = doubles ? doubling_transform : kernel_transform;
    to->inputs = inputs;
    to->outputs = outputs;
    to->i = i;
    to->o = o;
    to->style_row = style_row;
    to->scales = context->style_floats;
    to->demodulation = to->scales + i;
    context->style_floats = to->demodulation + o + i;
    to->modulation = ms_copy(&context->base, from->modulation_weight, (size_t)inputs * context->latent);
    to->modulation_bias = ms_copy(&context->base, from->modulation_bias, (size_t)inputs);
    to->power = ms_allocate(&context->base, (size_t)outputs * inputs);
    to->bias = ms_allocate(&context->base, (size_t)o);
    size_t point = (size_t)i * o;
    to->weights = ms_allocate(&context->base, sg_points * point);
    if (!to->modulation || !to->modulation_bias || !to->power || !to->bias || !to->weights) return 0;
    for (int row = 0; row < outputs; row++) {
        to->bias[row] = sqrtf(2) * from->bias[row];
        for (int k = 0; k < inputs; k++) {
            const float *w = from->weight + ((size_t)row * inputs + k) * 9;
            float *out = to->weights + ((size_t)(row / ms_block) * i + k) * ms_block + row % ms_block;
            double power = 0, half[6][3];
            for (int t = 0; t < 9; t++) power += (double)w[t] * w[t];
            to->power[(size_t)row * inputs + k] = (float)power;
            for (int a = 0; a < 6; a++) {
                for (int x = 0; x < 3; x++) {
                    half[a][x] = transform[a][0] * w[x] + transform[a][1] * w[3 + x] + transform[a][2] * w[6 + x];
                }
                for (int b = 0; b < 6; b++) {
                    out[(6 * a + b) * point] = (float)(
                        half[a][0] * transform[b][0] + half[a][1] * transform[b][1] + half[a][2] * transform[b][2]);
                }
            }
        }
    }
    return 1;
}

static int pack_image(sg_gan *context, const sg_image *from, sg_packed_image *to, int style_row) {
    to->inputs = from->inputs;
    to->i = ms_padded(from->inputs);
    to->style_row = style_row;
    to->scales = context->style_floats;
    to->folded = to->scales + to->i;
    context->style_floats = to->folded + (size_t)to->i * ms_block;
    to->modulation = ms_copy(&context->base, from->modulation_weight, (size_t)from->inputs * context->latent);
    to->modulation_bias = ms_copy(&context->base, from->modulation_bias, (size_t)from->inputs);
    to->weights = ms_copy(&context->base, from->weight, 3 * (size_t)from->inputs);
    memcpy(to->bias, from->bias, sizeof to->bias);
    return to->modulation && to->modulation_bias && to->weights;
}

static size_t place_worker(ms_context *base, int index, float *memory) {
    sg_gan *context = (sg_gan *)base;
    sg_worker *worker = &context->workers[index];
    size_t points = 0, total = 0;
    for (int k = 0; k < context->levels; k++) {
        const sg_stage *stage = &context->stages[k];
        // On the way back inputs and outputs change places. A doubling convolution's tasks take whole rows of tiles.
        size_t widest = (size_t)ms_most(ms_most(stage->second.i, stage->second.o), stage->first.i);
        points = ms_larger(points, sg_points * (ms_most(sg_tiles, stage->side / 8) * widest + ms_block));
    }
    PLACE(worker->points, points);
    PLACE(worker->products, points);
    PLACE(worker->rows, (size_t)context->stages[context->levels - 1].side * ms_block);
    return total;
}

static ms_status fill(ms_context *base, const void *given) {
    sg_gan *context = (sg_gan *)base;
    const sg_network *network = given;
    context->latent = network->latent;
    context->levels = network->level_count;
    context->clamp = network->clamp > 0 ? network->clamp : INFINITY;
    for (int t = 0; t < 4; t++) {
        context->filter[t] = network->filter[t];
        context->down[t] = context->across[t] = 2 * network->filter[3 - t];
    }
    for (int k = 0; k < network->level_count; k++) {
        const sg_level *level = &network->levels[k];
        sg_stage *stage = &context->stages[k];
        stage->side = 4 << k;
        stage->has_first = level->first != NULL;
        stage->has_image = level->image != NULL;
        if (level->first && !pack(context, level->first, &stage->first, 2 * k - 1, 1)) return ms_no_memory;
        if (!pack(context, &level->second, &stage->second, 2 * k, 0)) return ms_no_memory;
        if (level->image && !pack_image(context, level->image, &stage->image, 2 * k + 1)) return ms_no_memory;
    }
    int inputs = network->levels[0].second.inputs;
    context->constant = ms_allocate(&context->base, plane_floats(ms_padded(inputs), 4));
    context->zeros = ms_allocate(&context->base, ((size_t)context->stages[context->levels - 1].side + 2) * ms_block);
    if (!context->constant || !context->zeros) return ms_no_memory;
    for (int channel = 0; channel < inputs; channel++) {
        float *block = context->constant + channel / ms_block * plane_block(4) + channel % ms_block;
        for (int p = 0; p < 16; p++) {
            block[(size_t)((p / 4 + 1) * 6 + p % 4 + 1) * ms_block] = network->constant[channel * 16 + p];
        }
    }
    size_t threads = (size_t)base->thread_count;
    context->workers = (void *)ms_allocate(base, threads * sizeof(sg_worker) / sizeof(float));
    return context->workers ? ms_ok : ms_no_memory;
}

// MARK: creation

static const ms_plan plan = {
    .context_bytes = sizeof(sg_gan), .fits = network_fits, .fill = fill, .place_worker = place_worker,
};

ms_status sg_create(const sg_network *network, int threads, const char *path, ms_context **context) {
    return ms_create_context(&plan, network, threads, path, context);
}

sg_gan *sg_gan_of(ms_context *context) {
    return context && context->plan == &plan ? (sg_gan *)context : NULL;
}
