// MobileStyleGAN's plan: checks, packing, memory.
#include "mobilestylegan_plan.h"

#include <stdlib.h>
#include <string.h>

// MARK: checks

static int channels_fit(int channels) { return channels > 0 && channels % 4 == 0 && channels <= 1024; }

static int modulation_fits(const ms_modulation *modulation) { return modulation->weight && modulation->bias; }

static int convolution_fits(const ms_convolution *convolution) {
    return modulation_fits(&convolution->modulation) && convolution->depthwise && convolution->pointwise
        && convolution->bias;
}

static int network_fits(const void *given) {
    const ms_network *network = given;
    int side = network->start_resolution;
    if (network->latent <= 0 || network->latent > 65536) return 0;
    if (side <= 0 || side % 4 != 0 || side > 64 || !channels_fit(network->start_channels)) return 0;
    if (network->layer_count < 1 || network->layer_count > ms_most_layers || !network->layers) return 0;
    if (((long)side << network->layer_count) > 4096) return 0;
    if (!(network->slope >= 0 && network->slope <= 1)) return 0;
    if (!network->constant || !network->start_weight || !network->start_bias) return 0;
    if (!network->image_weight || !network->image_bias) return 0;
    if (!modulation_fits(&network->start_modulation) || !modulation_fits(&network->image_modulation)) return 0;
    for (int k = 0; k < network->layer_count; k++) {
        const ms_layer *layer = &network->layers[k];
        if (!channels_fit(layer->channels) || !modulation_fits(&layer->up)) return 0;
        if (!convolution_fits(&layer->first) || !convolution_fits(&layer->second)) return 0;
    }
    return 1;
}

// MARK: packing

static int add_map(ms_mobile *context, const ms_modulation *modulation, int rows, int style_row, size_t *offset) {
    ms_style_map *map = &context->maps[context->map_count++];
    map->weight = ms_copy(&context->base, modulation->weight, (size_t)rows * context->latent);
    map->bias = ms_copy(&context->base, modulation->bias, (size_t)rows);
    map->scale = modulation->scale;
    map->rows = rows;
    map->style_row = style_row;
    map->offset = *offset = context->modulation_floats;
    context->modulation_floats += (size_t)rows;
    return map->weight && map->bias;
}

// `c` and `m` channels, `padded_m` of them in the layout; `in_subbands` when the next thing is a Haar step.
static int pack_convolution(
    ms_mobile *context, const ms_convolution *from, ms_separable *to, int c, int m, int in_subbands, int side) {
    int padded_c = ms_padded(c), quarter = ms_padded(m / 4), padded_m = in_subbands ? 4 * quarter : ms_padded(m);
    float *weights = ms_allocate(&context->base, (size_t)padded_c * padded_m), *bias = ms_allocate(&context->base, (size_t)padded_m);
    to->depthwise = ms_allocate(&context->base, (size_t)padded_c * 9);
    to->product = (ms_product){.c = padded_c, .m = padded_m, .slope = context->slope, .weights = weights, .bias = bias};
    to->channels = c;
    to->folded = context->folded_floats;
    to->scale = to->folded + (size_t)padded_c * 9;
    context->folded_floats = to->scale + (size_t)padded_c;
    to->sum = context->sum_floats;
    context->sum_floats += (size_t)padded_c;
    if (!weights || !bias || !to->depthwise) return 0;
    for (int row = 0; row < m; row++) {
        int place = in_subbands ? ms_subband_place(row, m, quarter) : row;
        float *panel = weights + (size_t)(place / ms_block) * padded_c * ms_block + place % ms_block;
        for (int k = 0; k < c; k++) panel[(size_t)k * ms_block] = from->pointwise[(size_t)row * c + k];
        bias[place] = from->bias[row];
    }
    for (int k = 0; k < c; k++) {
        float *block = to->depthwise + (size_t)(k / ms_block) * 9 * ms_block + k % ms_block;
        for (int t = 0; t < 9; t++) block[t * ms_block] = from->depthwise[k * 9 + t];
    }
    if (from->noise) {
        to->noise = ms_copy(&context->base, from->noise, (size_t)side * side);
        if (!to->noise) return 0;
    }
    return 1;
}

static int pack_layer(ms_mobile *context, const ms_network *network, int k) {
    const ms_layer *layer = &network->layers[k];
    ms_stage *stage = &context->stages[k];
    int input = k == 0 ? network->start_channels : network->layers[k - 1].channels;
    int last = k == network->layer_count - 1;
    stage->side = network->start_resolution << (k + 1);
    stage->groups = input / 4;
    stage->c = ms_padded(stage->groups);
    stage->channels = layer->channels;
    stage->up_scale = context->folded_floats;
    context->folded_floats += 4 * (size_t)stage->c;
    stage->up_sum = context->sum_floats;
    context->sum_floats += 4 * (size_t)stage->c;
    int fits = add_map(context, &layer->up, input, 3 * k + 1, &stage->up_modulation)
        && add_map(context, &layer->first.modulation, stage->groups, 3 * k + 1, &stage->first.modulation)
        && add_map(context, &layer->second.modulation, layer->channels, 3 * k + 2, &stage->second.modulation)
        && pack_convolution(
            context, &layer->first, &stage->first, stage->groups, layer->channels, 0, stage->side)
        && pack_convolution(
            context, &layer->second, &stage->second, layer->channels, layer->channels, !last, stage->side);
    size_t width = (size_t)stage->side + 2;
    stage->u_row = width * stage->first.product.c;
    stage->h_row = width * stage->first.product.m;
    stage->o_row = width * stage->second.product.m;
    return fits;
}

// The start is a convolution of a constant, so it is linear in the modulation: one value for each channel, output
// channel and pixel, out[m, y, x] = Σ_c modulation[c] · response[m, y, x, c].
static int pack_start(ms_mobile *context, const ms_network *network) {
    int c = network->start_channels, side = network->start_resolution;
    size_t outputs = context->feature_floats = (size_t)c * side * side;
    size_t unused;
    if (!add_map(context, &network->start_modulation, c, 0, &unused)) return 0;
    context->start_weight = ms_allocate(&context->base, outputs * c);
    context->start_bias[0] = ms_allocate(&context->base, outputs);
    context->start_bias[1] = ms_allocate(&context->base, outputs);
    if (!context->start_weight || !context->start_bias[0] || !context->start_bias[1]) return 0;
    for (int m = 0; m < c; m++) {
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                size_t out = ((size_t)m * side + y) * side + x;
                context->start_bias[0][out] = network->start_bias[m];
                context->start_bias[1][out] =
                    network->start_bias[m] + (network->start_noise ? network->start_noise[y * side + x] : 0);
                for (int k = 0; k < c; k++) {
                    const float *weight = network->start_weight + ((size_t)m * c + k) * 9;
                    const float *plane = network->constant + (size_t)k * side * side;
                    double sum = 0;
                    for (int t = 0; t < 9; t++) {
                        int v = y + t / 3 - 1, u = x + t % 3 - 1;
                        if (v >= 0 && v < side && u >= 0 && u < side) sum += (double)weight[t] * plane[v * side + u];
                    }
                    context->start_weight[out * c + k] = (float)sum;
                }
            }
        }
    }
    return 1;
}

// MARK: memory

static size_t place_worker(ms_context *base, int index, float *memory) {
    ms_mobile *context = (ms_mobile *)base;
    ms_worker *worker = &context->workers[index];
    size_t total = 0;
    int side = context->stages[context->layers - 1].side;
    PLACE(worker->scratch, ms_tile_floats);
    PLACE(worker->pixels, (size_t)side * ms_block);
    PLACE(worker->sums, context->stages[context->layers - 1].o_row);
    for (int k = context->whole_layers; k < context->layers; k++) {
        const ms_stage *stage = &context->stages[k];
        for (int i = 0; i < ms_ring; i++) {
            PLACE(worker->rows[k].u[i], stage->u_row);
            PLACE(worker->rows[k].h[i], stage->h_row);
        }
        for (int i = 0; i < ms_step; i++) PLACE(worker->rows[k].o[i], stage->o_row);
    }
    return total;
}

static size_t place_slot(const ms_mobile *context, ms_slot *slot, int is_recorded, float *memory) {
    size_t total = 0;
    PLACE(slot->folded, context->folded_floats);
    PLACE(slot->start, context->start_row * context->start_side);
    for (int k = 0; k < (is_recorded ? context->layers : context->whole_layers); k++) {
        const ms_stage *stage = &context->stages[k];
        size_t side = (size_t)stage->side;
        if (k < context->whole_layers) PLACE(slot->u[k], stage->u_row * side);
        PLACE(slot->h[k], stage->h_row * side);
        PLACE(slot->o[k], stage->o_row * side);
    }
    return total;
}

static int take_slot(ms_mobile *context, ms_slot *slot, int is_recorded) {
    *slot = (ms_slot){0};
    slot->memory = ms_pages(&context->base, place_slot(context, slot, is_recorded, NULL));
    if (!slot->memory) return 0;
    place_slot(context, slot, is_recorded, slot->memory);
    return 1;
}

ms_status ms_reserve(ms_mobile *context, int count) {
    for (; context->slot_count < count; context->slot_count++) {
        if (!take_slot(context, &context->slots[context->slot_count], 0)) return ms_no_memory;
    }
    return ms_ok;
}

int ms_at_once(const ms_mobile *context) { return ms_most(8, context->base.thread_count); }

enum { most_spare = sizeof((ms_mobile *)0)->spare / sizeof(ms_slot) };

int ms_recorded(const ms_mobile *context) { return ms_least(context->base.thread_count, most_spare); }

int ms_take_recorded(ms_mobile *context, ms_slot *slot) {
    if (context->spare_count == 0) return take_slot(context, slot, 1);
    *slot = context->spare[--context->spare_count];
    return 1;
}

void ms_give_recorded(ms_mobile *context, ms_slot *slot) {
    // Fresh pages cost more than the images that they hold.
    if (context->spare_count < most_spare) context->spare[context->spare_count++] = *slot;
    else ms_release(&context->base, slot->memory);
}

size_t ms_tape_bytes(ms_context *base) {
    const ms_mobile *context = ms_mobile_of(base);
    ms_slot slot;
    return context ? place_slot(context, &slot, 1, NULL) * sizeof(float) : 0;
}

// MARK: creation

// Where slots and workers are described; their memory follows.
static int allocate_places(ms_mobile *context) {
    size_t images = (size_t)ms_at_once(context), threads = (size_t)context->base.thread_count;
    context->slots = (void *)ms_allocate(&context->base, images * sizeof(ms_slot) / sizeof(float));
    context->workers = (void *)ms_allocate(&context->base, threads * sizeof(ms_worker) / sizeof(float));
    context->modulations = ms_allocate(&context->base, images * context->modulation_floats);
    context->features = ms_allocate(&context->base, images * context->feature_floats);
    return context->slots && context->workers && context->modulations && context->features;
}

static ms_status fill(ms_context *base, const void *given) {
    ms_mobile *context = (ms_mobile *)base;
    const ms_network *network = given;
    context->latent = network->latent;
    context->layers = network->layer_count;
    context->style_rows = 3 * network->layer_count + 1;
    context->slope = network->slope;
    context->start_side = network->start_resolution;
    context->start_channels = network->start_channels;
    context->start_groups = ms_padded(network->start_channels / 4);
    context->start_row = (size_t)(context->start_side + 2) * 4 * context->start_groups;
    if (!pack_start(context, network)) return ms_no_memory;
    size_t widest = context->start_row;
    for (int k = 0; k < network->layer_count; k++) {
        if (!pack_layer(context, network, k)) return ms_no_memory;
        const ms_stage *stage = &context->stages[k];
        if (stage->side <= ms_whole_side && k < network->layer_count - 1) context->whole_layers = k + 1;
        if (stage->u_row > widest) widest = stage->u_row;
        if (stage->h_row > widest) widest = stage->h_row;
    }
    context->image_channels = network->layers[network->layer_count - 1].channels;
    if (!add_map(context, &network->image_modulation, context->image_channels, 3 * network->layer_count,
                 &context->image_modulation)) return ms_no_memory;
    context->image_weight = ms_copy(&context->base, network->image_weight, 12 * (size_t)context->image_channels);
    context->zeros = ms_allocate(&context->base, widest);
    if (!context->image_weight || !context->zeros) return ms_no_memory;
    memcpy(context->image_bias, network->image_bias, sizeof context->image_bias);
    size_t padded = (size_t)ms_padded(context->image_channels);
    context->image_folded = context->folded_floats;
    context->image_scale = context->image_folded + (padded + 1) * ms_block;
    context->folded_floats = context->image_scale + padded;
    context->image_sum = context->sum_floats;
    context->sum_floats += padded;
    return allocate_places(context) ? ms_ok : ms_no_memory;
}

static const ms_plan plan = {
    .context_bytes = sizeof(ms_mobile), .fits = network_fits, .fill = fill, .place_worker = place_worker,
};

ms_status ms_create(const ms_network *network, int threads, const char *path, ms_context **context) {
    return ms_create_context(&plan, network, threads, path, context);
}

ms_mobile *ms_mobile_of(ms_context *context) {
    return context && context->plan == &plan ? (ms_mobile *)context : NULL;
}

int ms_full_size(const ms_mobile *context) { return 2 * context->stages[context->layers - 1].side; }
