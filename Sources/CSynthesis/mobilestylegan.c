// Synthesizing a batch. Styles become modulations; the small layers are computed whole, one parallel step after
// another; the large ones row by row, each thread with its own image or band of one.
#include <string.h>

#include "mobilestylegan_plan.h"

typedef struct {
    ms_mobile *context;
    const float *styles;  // [count][rows][latent]
    int count, rows, size, noise;
    float *images;        // [count][3][size][size]
    int bands;            // an image's parts in the row-by-row phase
} ms_batch;

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
        const float *style = batch->styles + (batch->rows == 1 ? 0 : (size_t)map->style_row * context->latent);
        context->base.kernels->linear(
            map->weight + (size_t)first * context->latent, map->bias + first, map->scale, style,
            (size_t)batch->rows * context->latent, batch->count, rows, context->latent,
            context->modulations + map->offset + first, context->modulation_floats);
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
        context->start_weight + (size_t)first * c, context->start_bias[batch->noise] + first, 1,
        context->modulations + context->maps[0].offset, context->modulation_floats, batch->count, rows, c,
        context->features + first, context->feature_floats);
}

// MARK: folding the modulation into the weights

static void fold_depthwise(const ms_separable *convolution, const float *modulation, float *folded) {
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
    const ms_slot *slot = &context->slots[image];
    const float *modulations = context->modulations + (size_t)image * context->modulation_floats;
    for (int k = 0; k < context->layers; k++) {
        const ms_stage *stage = &context->stages[k];
        fold_scale(stage, modulations + stage->up_modulation, slot->folded + stage->up_scale);
        fold_depthwise(&stage->first, modulations + stage->first.modulation, slot->folded + stage->first.folded);
        fold_depthwise(&stage->second, modulations + stage->second.modulation, slot->folded + stage->second.folded);
    }
    ms_fold_image(
        context, modulations + context->image_modulation, batch->size, slot->folded + context->image_folded);
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

// MARK: layers computed whole

// One step of a layer of some images.
typedef struct {
    const ms_mobile *context;
    const ms_slot *slots;
    int layer, rows, noise;  // rows: of one task
    const ms_separable *convolution;
} ms_whole;

static const float *noise_row(const ms_separable *convolution, int noise, int side, int y) {
    return noise && convolution->noise ? convolution->noise + (size_t)y * side : NULL;
}

static void convolve_strip(
    const ms_mobile *context, const ms_separable *convolution, const float *folded, int side, int noisy,
    const float *source, size_t source_row, float *target, size_t target_row, int y0, int rows, float *scratch) {
    const float *above[ms_strip + 2], *noise[ms_strip];
    float *out[ms_strip];
    for (int i = -1; i <= rows; i++) {
        int y = y0 + i;
        above[i + 1] = y < 0 || y >= side ? context->zeros : source + (size_t)y * source_row;
    }
    for (int i = 0; i < rows; i++) {
        out[i] = target + (size_t)(y0 + i) * target_row;
        noise[i] = noise_row(convolution, noisy, side, y0 + i);
    }
    context->base.kernels->convolve(
        &convolution->product, folded + convolution->folded, above, out, noise[0] ? noise : NULL, rows, side, scratch);
}

// Which rows one task of a layer computed whole takes.
static int strip_rows(const ms_stage *stage) { return ms_most(1, ms_least(stage->side, ms_strip / stage->side)); }

static void run_upsample(void *state, int index, int worker) {
    (void)worker;
    const ms_whole *whole = state;
    const ms_stage *stage = &whole->context->stages[whole->layer];
    int half = stage->side / 2, parts = ms_parts(half, whole->rows);
    const ms_slot *slot = &whole->slots[index / parts];
    size_t row;
    const float *in = ms_layer_input(whole->context, slot, whole->layer, &row);
    int first = index % parts * whole->rows, end = ms_least(half, first + whole->rows);
    for (int y = first; y < end; y++) {
        float *upper = slot->u[whole->layer] + 2 * (size_t)y * stage->u_row;
        whole->context->base.kernels->upsample(
            in + y * row, slot->folded + stage->up_scale, upper, upper + stage->u_row, stage->c, half);
    }
}

static void run_convolution(void *state, int index, int worker) {
    const ms_whole *whole = state;
    const ms_mobile *context = whole->context;
    const ms_stage *stage = &context->stages[whole->layer];
    int strips = stage->side / whole->rows, k = whole->layer, is_first = whole->convolution == &stage->first;
    const ms_slot *slot = &whole->slots[index / strips];
    convolve_strip(
        context, whole->convolution, slot->folded, stage->side, whole->noise, is_first ? slot->u[k] : slot->h[k],
        is_first ? stage->u_row : stage->h_row, is_first ? slot->h[k] : slot->o[k],
        is_first ? stage->h_row : stage->o_row, index % strips * whole->rows, whole->rows,
        context->workers[worker].scratch);
}

const float *ms_layer_input(const ms_mobile *context, const ms_slot *slot, int k, size_t *row) {
    *row = k == 0 ? context->start_row : context->stages[k - 1].o_row;
    return k == 0 ? slot->start : slot->o[k - 1];
}

void ms_compute_whole(const ms_mobile *context, const ms_slot *slots, int count, int layer, int rows, int noise) {
    const ms_stage *stage = &context->stages[layer];
    ms_whole whole = {.context = context, .slots = slots, .layer = layer, .noise = noise};
    whole.rows = rows;
    ms_pool_run(context->base.pool, count * ms_parts(stage->side / 2, rows), run_upsample, &whole);
    whole.convolution = &stage->first;
    ms_pool_run(context->base.pool, count * (stage->side / rows), run_convolution, &whole);
    whole.convolution = &stage->second;
    ms_pool_run(context->base.pool, count * (stage->side / rows), run_convolution, &whole);
}

// MARK: layers computed row by row

// One thread's way through one band of one image.
typedef struct {
    const ms_batch *batch;
    ms_mobile *context;
    ms_worker *worker;
    const ms_slot *slot;
    float *image;  // [3][size][size]
} ms_walk;

// Pixels [width][16] to two rows of the full image.
static void write_full(const ms_walk *walk, const float *pixels, int y) {
    size_t size = (size_t)walk->batch->size;
    for (int line = 0; line < 6; line++) {
        float *out = walk->image + ((line / 2) * size + 2 * (size_t)y + line % 2) * size;
        const float *in = pixels + 2 * line;
        for (size_t x = 0; x < size / 2; x++) memcpy(out + 2 * x, in + x * ms_block, 2 * sizeof(float));
    }
}

// Pixels [size][16] to row y of a smaller image.
static void write_small(const ms_walk *walk, const float *pixels, int y) {
    size_t size = (size_t)walk->batch->size;
    for (size_t colour = 0; colour < 3; colour++) {
        float *out = walk->image + (colour * size + (size_t)y) * size;
        for (size_t x = 0; x < size; x++) out[x] = pixels[x * ms_block + colour];
    }
}

// Row y of the last layer's result becomes two rows of the full image, one of half its size, or a part of one of less:
// as the image's product is linear, what a smaller image averages is averaged before it.
static void write_row(const ms_walk *walk, const float *row, int y) {
    ms_mobile *context = walk->context;
    ms_worker *worker = walk->worker;
    const ms_stage *stage = &context->stages[context->layers - 1];
    const float *weights = walk->slot->folded + context->image_folded;
    int m = stage->second.product.m, size = walk->batch->size;
    const float *bias = weights + (size_t)m * ms_block;
    if (size >= stage->side) {
        context->base.kernels->project(row, weights, bias, m, stage->side, worker->pixels);
        if (size > stage->side) write_full(walk, worker->pixels, y);
        else write_small(walk, worker->pixels, y);
        return;
    }
    int box = stage->side / size;
    context->base.kernels->pool(row, m, stage->side, box, y % box == 0, worker->sums);
    if (y % box < box - 1) return;
    context->base.kernels->project(worker->sums, weights, bias, m, size, worker->pixels);
    write_small(walk, worker->pixels, y / box);
}

// Rows y … y + count - 1 of a convolution, from a ring of rows.
static void convolve_rows(
    const ms_walk *walk, const ms_separable *convolution, int side, float *const *ring, float *const *target, int y,
    int count) {
    const float *source[ms_step + 2], *noise[ms_step];
    for (int i = 0; i < count + 2; i++) {
        int row = y + i - 1;
        source[i] = row < 0 || row == side ? walk->context->zeros : ring[row % ms_ring];
    }
    for (int i = 0; i < count; i++) noise[i] = noise_row(convolution, walk->batch->noise, side, y + i);
    walk->context->base.kernels->convolve(
        &convolution->product, walk->slot->folded + convolution->folded, source, target, noise[0] ? noise : NULL,
        count, side, walk->worker->scratch);
}

static void push_row(const ms_walk *walk, int k, const float *row, int y);

// Computes what the first `ready` rows of layer k's first convolution allow of its second, and carries it on.
static void advance_second(const ms_walk *walk, int k, int ready) {
    const ms_stage *stage = &walk->context->stages[k];
    ms_rows *rows = &walk->worker->rows[k];
    int end = ms_least(rows->o_end, ready == stage->side ? ready : ready - 1);
    while (rows->o_next < end) {
        int count = ms_least(ms_step, end - rows->o_next);
        convolve_rows(walk, &stage->second, stage->side, rows->h, rows->o, rows->o_next, count);
        for (int i = 0; i < count; i++) push_row(walk, k + 1, rows->o[i], rows->o_next++);
    }
}

// Takes row y of layer k's input and carries on everything that can be computed with it.
static void push_row(const ms_walk *walk, int k, const float *row, int y) {
    ms_mobile *context = walk->context;
    if (k == context->layers) {
        write_row(walk, row, y);
        return;
    }
    const ms_stage *stage = &context->stages[k];
    ms_rows *rows = &walk->worker->rows[k];
    int side = stage->side, ready = 2 * y + 2;
    context->base.kernels->upsample(
        row, walk->slot->folded + stage->up_scale, rows->u[2 * y % ms_ring], rows->u[(2 * y + 1) % ms_ring], stage->c,
        side / 2);
    int end = ms_least(rows->h_end, ready == side ? side : ready - 1);
    while (rows->h_next < end) {
        int count = ms_least(ms_step, end - rows->h_next);
        float *target[ms_step];
        for (int i = 0; i < count; i++) target[i] = rows->h[(rows->h_next + i) % ms_ring];
        convolve_rows(walk, &stage->first, side, rows->u, target, rows->h_next, count);
        rows->h_next += count;
        advance_second(walk, k, rows->h_next);
    }
}

// Which rows of each layer rows first ..< end of the last layer need; returns those of the first layer's input.
static void plan_band(ms_mobile *context, ms_worker *worker, int *first, int *end) {
    for (int k = context->layers - 1; k >= context->whole_layers; k--) {
        ms_rows *rows = &worker->rows[k];
        int side = context->stages[k].side;
        rows->o_next = *first;
        rows->o_end = *end;
        rows->h_next = ms_most(0, *first - 1);
        rows->h_end = ms_least(side, *end + 1);
        *first = ms_most(0, rows->h_next - 1) / 2;
        *end = (ms_least(side, rows->h_end + 1) + 1) / 2;
    }
}

static void run_band(void *state, int index, int worker) {
    const ms_batch *batch = state;
    ms_mobile *context = batch->context;
    int image = index / batch->bands, band = index % batch->bands;
    size_t size = (size_t)batch->size;
    ms_walk walk = {
        .batch = batch, .context = context, .worker = &context->workers[worker], .slot = &context->slots[image],
        .image = batch->images + 3 * size * size * (size_t)image,
    };
    int side = context->stages[context->layers - 1].side;
    int first = side / batch->bands * band, end = side / batch->bands * (band + 1);
    plan_band(context, walk.worker, &first, &end);
    int k = context->whole_layers;
    size_t row;
    const float *in = ms_layer_input(context, walk.slot, k, &row);
    for (int y = first; y < end; y++) push_row(&walk, k, in + y * row, y);
}

// MARK: a batch

// How many bands each image is cut into so that every thread has work: a power of two, as each costs a few rows.
static int bands_for(const ms_mobile *context, int count, int size) {
    int threads = context->base.thread_count, bands = 1;
    int most_bands = ms_least(size, context->stages[context->layers - 1].side / 8);
    while (bands * 2 <= most_bands && count * bands % threads != 0 && count * bands < 4 * threads) bands *= 2;
    return bands;
}

// Every modulation, the start's result, and the weights with the modulations in.
static void prepare(ms_batch *batch) {
    ms_mobile *context = batch->context;
    ms_pool_run(context->base.pool, map_tasks(context), run_maps, batch);
    ms_pool_run(context->base.pool, ms_parts((int)context->feature_floats, ms_map_rows), run_start, batch);
    ms_pool_run(context->base.pool, batch->count, run_fold, batch);
}

void ms_prepare(ms_mobile *context, const float *styles, int count, int rows, int size, int noise) {
    ms_batch batch = {
        .context = context, .styles = styles, .count = count, .rows = rows, .size = size, .noise = noise,
    };
    prepare(&batch);
}

static void run_batch(ms_batch *batch) {
    ms_mobile *context = batch->context;
    prepare(batch);
    for (int k = 0; k < context->whole_layers; k++) {
        ms_compute_whole(context, context->slots, batch->count, k, strip_rows(&context->stages[k]), batch->noise);
    }
    batch->bands = bands_for(context, batch->count, batch->size);
    ms_pool_run(context->base.pool, batch->count * batch->bands, run_band, batch);
}

int ms_request_fits(const ms_mobile *context, int count, int rows, int size) {
    if (!context || count < 0 || (rows != 1 && rows != context->style_rows)) return 0;
    int fits = 0;
    for (int side = ms_full_size(context); side >= context->start_side; side /= 2) fits |= side == size;
    return fits;
}

ms_status ms_synthesize(
    ms_context *base, const float *styles, int count, int rows, int size, int noise, float *images) {
    ms_mobile *context = ms_mobile_of(base);
    if (!ms_request_fits(context, count, rows, size) || (count > 0 && (!styles || !images))) return ms_bad_argument;
    int at_once = ms_at_once(context);
    ms_status status = ms_reserve(context, ms_least(count, at_once));
    if (status != ms_ok) return status;
    for (int first = 0; first < count; first += at_once) {
        ms_batch batch = {
            .context = context,
            .styles = styles + (size_t)first * rows * context->latent,
            .count = ms_least(at_once, count - first),
            .rows = rows,
            .size = size,
            .noise = noise != 0,
            .images = images + (size_t)first * 3 * size * size,
        };
        run_batch(&batch);
    }
    return ms_ok;
}
