// Synthesizing a batch. The small layers are computed whole, one parallel step after another; the large ones row by row,
// each thread with its own image or band of one. On a tape the results stay; else rows live as long as they are read.
#include <string.h>

#include "mobilestylegan_plan.h"

// MARK: layers computed whole

// One step of a layer of a batch.
typedef struct {
    const ms_batch *batch;
    int layer, rows;  // rows: of one task
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

static void run_upsample(void *state, int index, int worker) {
    (void)worker;
    const ms_whole *whole = state;
    const ms_mobile *context = whole->batch->context;
    const ms_stage *stage = &context->stages[whole->layer];
    int half = stage->side / 2, parts = ms_parts(half, whole->rows);
    const ms_slot *slot = &whole->batch->slots[index / parts];
    size_t row;
    const float *in = ms_layer_input(context, slot, whole->layer, &row);
    int first = index % parts * whole->rows, end = ms_least(half, first + whole->rows);
    for (int y = first; y < end; y++) {
        float *upper = slot->u[whole->layer] + 2 * (size_t)y * stage->u_row;
        context->base.kernels->upsample(
            in + y * row, slot->folded + stage->up_scale, upper, upper + stage->u_row, stage->c, half);
    }
}

static void run_convolution(void *state, int index, int worker) {
    const ms_whole *whole = state;
    const ms_batch *batch = whole->batch;
    const ms_mobile *context = batch->context;
    const ms_stage *stage = &context->stages[whole->layer];
    int strips = stage->side / whole->rows, k = whole->layer, is_first = whole->convolution == &stage->first;
    int image = index / strips, y0 = index % strips * whole->rows;
    const ms_slot *slot = &batch->slots[image];
    float *target = is_first ? slot->h[k] : slot->o[k];
    size_t target_row = is_first ? stage->h_row : stage->o_row;
    convolve_strip(
        context, whole->convolution, slot->folded, stage->side, batch->request.noise != 0,
        is_first ? slot->u[k] : slot->h[k], is_first ? stage->u_row : stage->h_row, target, target_row, y0, whole->rows,
        context->workers[worker].scratch);
    if (!is_first || batch->seam != k) return;
    for (int y = y0; y < y0 + whole->rows; y++) ms_change_row(batch, image, y, 1, target + y * target_row);
}

const float *ms_layer_input(const ms_mobile *context, const ms_slot *slot, int k, size_t *row) {
    *row = k == 0 ? context->start_row : context->stages[k - 1].o_row;
    return k == 0 ? slot->start : slot->o[k - 1];
}

static void compute_whole(const ms_batch *batch, int layer) {
    const ms_stage *stage = &batch->context->stages[layer];
    ms_pool *pool = batch->context->base.pool;
    ms_whole whole = {.batch = batch, .layer = layer, .rows = ms_strip_rows(stage), .convolution = &stage->first};
    int count = batch->request.count, strips = stage->side / whole.rows;
    ms_pool_run(pool, count * ms_parts(stage->side / 2, whole.rows), run_upsample, &whole);
    ms_pool_run(pool, count * strips, run_convolution, &whole);
    whole.convolution = &stage->second;
    if (batch->images || layer < batch->last) ms_pool_run(pool, count * strips, run_convolution, &whole);
}

// MARK: layers computed row by row

// One thread's way through one band of one image.
typedef struct {
    const ms_batch *batch;
    ms_mobile *context;
    ms_worker *worker;
    const ms_slot *slot;
    int index, band;
    float *image;  // [3][size][size]
} ms_walk;

// Whether a row of layer k is this band's own; the bands of a layer part it.
static int is_own(const ms_walk *walk, int k, int y) {
    int side = walk->context->stages[k].side, bands = walk->batch->bands;
    return y >= side * walk->band / bands && y < side * (walk->band + 1) / bands;
}

// Where row y of layer k's first convolution goes: on a tape its own place, if it is this band's.
static float *h_row(const ms_walk *walk, int k, int y) {
    if (walk->slot->h[k] && is_own(walk, k, y)) return walk->slot->h[k] + y * walk->context->stages[k].h_row;
    return walk->worker->rows[k].h[y % ms_ring];
}

static float *u_row(const ms_walk *walk, int k, int y) { return walk->worker->rows[k].u[y % ms_ring]; }

static float *o_row(const ms_walk *walk, int k, int y) {
    if (walk->slot->o[k] && is_own(walk, k, y)) return walk->slot->o[k] + y * walk->context->stages[k].o_row;
    return walk->worker->rows[k].o[y % ms_step];
}

// Pixels [width][16] to two rows of the full image.
static void write_full(const ms_walk *walk, const float *pixels, int y) {
    size_t size = (size_t)walk->batch->request.size;
    for (int line = 0; line < 6; line++) {
        float *out = walk->image + ((line / 2) * size + 2 * (size_t)y + line % 2) * size;
        const float *in = pixels + 2 * line;
        for (size_t x = 0; x < size / 2; x++) memcpy(out + 2 * x, in + x * ms_block, 2 * sizeof(float));
    }
}

// Pixels [size][16] to row y of a smaller image.
static void write_small(const ms_walk *walk, const float *pixels, int y) {
    size_t size = (size_t)walk->batch->request.size;
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
    int m = stage->second.product.m, size = walk->batch->request.size;
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

typedef float *(*ms_row_of)(const ms_walk *walk, int k, int y);

// Rows y … y + count - 1 of a convolution of layer k.
static void convolve_rows(
    const ms_walk *walk, const ms_separable *convolution, int k, ms_row_of source_of, ms_row_of target_of, int y,
    int count) {
    const float *source[ms_step + 2], *noise[ms_step];
    float *target[ms_step];
    int side = walk->context->stages[k].side;
    for (int i = 0; i < count + 2; i++) {
        int row = y + i - 1;
        source[i] = row < 0 || row == side ? walk->context->zeros : source_of(walk, k, row);
    }
    for (int i = 0; i < count; i++) {
        target[i] = target_of(walk, k, y + i);
        noise[i] = noise_row(convolution, walk->batch->request.noise, side, y + i);
    }
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
        int count = ms_least(ms_step, end - rows->o_next), first = rows->o_next;
        convolve_rows(walk, &stage->second, k, h_row, o_row, first, count);
        rows->o_next += count;
        for (int y = first; y < first + count; y++) push_row(walk, k + 1, o_row(walk, k, y), y);
    }
}

// Takes row y of layer k's input and carries on everything that can be computed with it.
static void push_row(const ms_walk *walk, int k, const float *row, int y) {
    ms_mobile *context = walk->context;
    if (k > walk->batch->last) {
        if (walk->image) write_row(walk, row, y);
        return;
    }
    const ms_stage *stage = &context->stages[k];
    ms_rows *rows = &walk->worker->rows[k];
    int side = stage->side, ready = 2 * y + 2;
    context->base.kernels->upsample(
        row, walk->slot->folded + stage->up_scale, u_row(walk, k, 2 * y), u_row(walk, k, 2 * y + 1), stage->c, side / 2);
    int end = ms_least(rows->h_end, ready == side ? side : ready - 1);
    while (rows->h_next < end) {
        int count = ms_least(ms_step, end - rows->h_next);
        convolve_rows(walk, &stage->first, k, u_row, h_row, rows->h_next, count);
        for (int i = 0; walk->batch->seam == k && i < count; i++) {
            int at = rows->h_next + i;
            ms_change_row(walk->batch, walk->index, at, is_own(walk, k, at), h_row(walk, k, at));
        }
        rows->h_next += count;
        advance_second(walk, k, rows->h_next);
    }
}

// Which rows of each layer the band's rows of the last one need; returns those of the first layer's input.
static void plan_band(const ms_walk *walk, int *first, int *end) {
    ms_mobile *context = walk->context;
    const ms_batch *batch = walk->batch;
    int side = context->stages[batch->last].side;
    *first = side * walk->band / batch->bands;
    *end = side * (walk->band + 1) / batch->bands;
    for (int k = batch->last; k >= context->whole_layers; k--) {
        ms_rows *rows = &walk->worker->rows[k];
        int ends = k == batch->last && !batch->images && !batch->tape;  // with the features
        side = context->stages[k].side;
        rows->o_next = *first;
        rows->o_end = ends ? *first : *end;
        rows->h_next = ends ? *first : ms_most(0, *first - 1);
        rows->h_end = ends ? *end : ms_least(side, *end + 1);
        *first = ms_most(0, rows->h_next - 1) / 2;
        *end = (ms_least(side, rows->h_end + 1) + 1) / 2;
    }
}

static void run_band(void *state, int index, int worker) {
    const ms_batch *batch = state;
    ms_mobile *context = batch->context;
    int image = index / batch->bands;
    size_t size = (size_t)batch->request.size;
    ms_walk walk = {
        .batch = batch, .context = context, .worker = &context->workers[worker], .slot = &batch->slots[image],
        .index = image, .band = index % batch->bands,
        .image = batch->images ? batch->images + 3 * size * size * (size_t)image : NULL,
    };
    int first, end, k = context->whole_layers;
    plan_band(&walk, &first, &end);
    size_t row;
    const float *in = ms_layer_input(context, walk.slot, k, &row);
    for (int y = first; y < end; y++) push_row(&walk, k, in + y * row, y);
}

// MARK: a batch

void ms_run_batch(ms_batch *batch) {
    ms_mobile *context = batch->context;
    ms_prepare(batch);
    for (int k = 0; k < context->whole_layers && k <= batch->last; k++) compute_whole(batch, k);
    if (batch->last < context->whole_layers) return;
    // A band makes whole rows of the image.
    int most = ms_least(
        batch->request.size, batch->tape ? ms_most_recorded_bands(context) : context->stages[batch->last].side / 8);
    batch->bands = ms_bands_for(context, batch->request.count, most);
    ms_pool_run(context->base.pool, batch->request.count * batch->bands, run_band, batch);
}

int ms_request_fits(const ms_mobile *context, const ms_request *request, int *seam) {
    *seam = -1;
    if (!context || !request || request->count < 0) return 0;
    if (request->rows != 1 && request->rows != context->style_rows) return 0;
    if (request->count > 0 && !request->styles) return 0;
    for (int k = 0; request->seam && k < context->layers; k++) {
        if (context->stages[k].side == request->seam->side) *seam = k;
    }
    if (request->seam && *seam < 0) return 0;
    int fits = 0;
    for (int side = ms_full_size(context); side >= context->start_side; side /= 2) fits |= side == request->size;
    return fits;
}

ms_status ms_synthesize(ms_context *base, const ms_request *request, float *images) {
    ms_mobile *context = ms_mobile_of(base);
    int seam;
    if (!ms_request_fits(context, request, &seam)) return ms_bad_argument;
    if (request->count > 0 && !images && (seam < 0 || !request->seam->features)) return ms_bad_argument;
    int at_once = ms_at_once(context);
    ms_status status = ms_reserve(context, ms_least(request->count, at_once));
    if (status != ms_ok) return status;
    for (int first = 0; first < request->count; first += at_once) {
        ms_batch batch = {
            .context = context, .request = *request, .first = first, .slots = context->slots,
            .modulations = context->modulations, .seam = seam, .last = images ? context->layers - 1 : seam,
            .images = images ? images + (size_t)first * 3 * request->size * request->size : NULL,
        };
        batch.request.styles += (size_t)first * request->rows * context->latent;
        batch.request.count = ms_least(at_once, request->count - first);
        ms_run_batch(&batch);
    }
    return ms_ok;
}
