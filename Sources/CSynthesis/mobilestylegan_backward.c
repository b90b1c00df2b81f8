// Gradients with respect to what the images of a tape came from. As on the way there, the large layers go row by row, each
// thread with its own image or band of one, and the small ones whole. Nothing is computed again but the rows where two
// bands meet. Sums are kept for fixed segments of rows and added in order, so that threads do not change a bit.
//
// The gradient of each modulation is a sum over pixels: Σ what was modulated · the gradient of the modulated. Of the first
// convolution's it follows from the sums of the Haar step before it, as that step is orthogonal; the step's result itself is
// not needed.
#include <string.h>

#include "mobilestylegan_back.h"

// One thread's way through one band of one image.
typedef struct {
    const ms_pass *pass;
    const ms_mobile *context;
    ms_back_worker *worker;
    const ms_slot *slot;
    int image, band;  // image: of the pass
} ms_walk;

static int is_own(const ms_walk *walk, int side, int y) {
    int bands = walk->pass->bands;
    return y >= side * walk->band / bands && y < side * (walk->band + 1) / bands;
}

// Where the sums of row y of a side go.
static float *sums_of(const ms_walk *walk, int side, int y) {
    if (!is_own(walk, side, y)) return walk->worker->unused;
    return ms_sums_of(walk->pass, walk->image, y * ms_segments / side);
}

static float *ring_row(float *const *ring, int y) { return ring[(y + ms_back_ring) % ms_back_ring]; }

// Rows y - 1 … y + count of a ring, zeros outside the image.
static void take_rows(const ms_walk *walk, float *const *ring, int side, int y, int count, const float **rows) {
    for (int i = 0; i < count + 2; i++) {
        int at = y + i - 1;
        rows[i] = at < 0 || at >= side ? walk->context->zeros : ring_row(ring, at);
    }
}

// How many rows can be taken of those up to `end`, when `ready` of a side are there: two, one at the end, or none.
static int rows_ready(int next, int end, int ready, int side) {
    int limit = ms_least(end, ready == side ? side : ready - 1);
    return next + 2 <= limit ? 2 : next < limit && limit == end ? 1 : 0;
}

static void push(const ms_walk *walk, int k, int y);

// What the first `ready` rows of layer k's first product allow of its depthwise part and the Haar step.
static void advance_first(const ms_walk *walk, int k, int ready) {
    const ms_mobile *context = walk->context;
    const ms_stage *stage = &context->stages[k];
    ms_back_rows *rows = &walk->worker->rows[k];
    int side = stage->side, half = side / 2, count;
    while ((count = rows_ready(rows->u_next, rows->u_end, ready, side)) > 0) {
        const float *gradient[4];
        take_rows(walk, rows->first, side, rows->u_next, count, gradient);
        context->base.kernels->backward_depthwise(&(ms_depthwise_back){
            .weights = walk->pass->back->first_depthwise[k], .gradient = gradient, .rows = count,
            .c = stage->first.product.c, .width = side, .target = rows->grown,
        });
        int y = rows->u_next / 2;
        size_t row;
        const float *input = ms_layer_input(context, walk->slot, k, &row);
        float *below = k == context->whole_layers
            ? walk->pass->back->slots[walk->image].gradients[0] + y * row : walk->worker->rows[k - 1].given[y % 2];
        context->base.kernels->backward_upsample(
            rows->grown[0], rows->grown[1], input + y * row, walk->slot->folded + stage->up_scale,
            walk->slot->folded + stage->first.scale, context->slope, stage->c, half, below,
            sums_of(walk, half, y) + stage->up_sum);
        rows->u_next += count;
        if (k > context->whole_layers) push(walk, k - 1, y);
    }
}

// What the first `ready` rows of layer k's second product allow of its depthwise part and the first product.
static void advance_second(const ms_walk *walk, int k, int ready) {
    const ms_mobile *context = walk->context;
    const ms_stage *stage = &context->stages[k];
    ms_back_rows *rows = &walk->worker->rows[k];
    int side = stage->side, count, has_seam = walk->pass->tape->seam == k;
    while ((count = rows_ready(rows->h_next, rows->h_end, ready, side)) > 0) {
        const float *gradient[4], *source[2];
        float *sums[2], *target[2];
        take_rows(walk, rows->second, side, rows->h_next, count, gradient);
        for (int i = 0; i < count; i++) {
            int y = rows->h_next + i;
            source[i] = walk->slot->h[k] + y * stage->h_row;
            sums[i] = sums_of(walk, side, y) + stage->second.sum;
            target[i] = ring_row(rows->first, y);
        }
        context->base.kernels->backward_depthwise(&(ms_depthwise_back){
            .weights = walk->pass->back->second_depthwise[k], .gradient = gradient, .source = source,
            .scale = walk->slot->folded + stage->second.scale, .slope = has_seam ? 1 : context->slope, .rows = count,
            .c = stage->second.product.c, .width = side, .target = rows->between, .sums = sums,
        });
        for (int i = 0; has_seam && i < count; i++) {
            int y = rows->h_next + i;
            ms_back_through_change(
                walk->pass->tape, walk->pass->results, walk->pass->first + walk->image, y, is_own(walk, side, y),
                rows->between[i]);
        }
        context->base.kernels->backward_product(
            (const float *const *)rows->between, target, walk->pass->back->first_weights[k], stage->first.product.m,
            stage->first.product.c, count, side);
        rows->h_next += count;
        advance_first(walk, k, rows->h_next);
    }
}

// Takes the gradients of row y of layer k's result, which lie in `given`, and carries on everything that can be computed
// with them. Where weights are large, two rows share their way through the cache.
static void push(const ms_walk *walk, int k, int y) {
    const ms_stage *stage = &walk->context->stages[k];
    ms_back_rows *rows = &walk->worker->rows[k];
    int is_paired = stage->side <= ms_paired_side, first = is_paired ? y - y % 2 : y, count = y - first + 1;
    if (is_paired && y % 2 == 0) return;
    const float *source[2];
    float *target[2];
    for (int i = 0; i < count; i++) {
        source[i] = rows->given[(first + i) % 2];
        target[i] = ring_row(rows->second, first + i);
    }
    walk->context->base.kernels->backward_product(
        source, target, walk->pass->back->second_weights[k], stage->second.product.m, stage->second.product.c, count,
        stage->side);
    advance_second(walk, k, y + 1);
}

// MARK: the image

// Gradients of a row's pixels, by the image's product, to gradients of the modulated row: of each box of pixels once.
static void project_back(const ms_walk *walk, int y) {
    const ms_mobile *context = walk->context;
    const ms_stage *stage = &context->stages[context->layers - 1];
    size_t size = (size_t)walk->pass->tape->size;
    int full = (int)size > stage->side, width = ms_least(stage->side, (int)size), box = stage->side / width;
    const float *gradients = walk->pass->image_gradients + (size_t)(walk->pass->first + walk->image) * 3 * size * size;
    float *pixels = walk->worker->pixels;
    memset(pixels, 0, (size_t)width * ms_block * sizeof(float));
    for (size_t out = 0; out < (full ? 12 : 3); out++) {
        size_t colour = full ? out / 4 : out, v = full ? 2 * (size_t)y + out % 4 / 2 : (size_t)(y / box);
        const float *row = gradients + (colour * size + v) * size + (full ? out % 2 : 0);
        for (int x = 0; x < width; x++) pixels[(size_t)x * ms_block + out] = row[full ? 2 * x : x];
    }
    context->base.kernels->multiply(
        pixels, (size_t)width * ms_block, walk->pass->back->image_transposed, walk->worker->columns,
        (size_t)width * ms_block, ms_block, stage->second.product.m, width, 1);
}

static void push_image_row(const ms_walk *walk, int y, int is_first) {
    const ms_mobile *context = walk->context;
    int k = context->layers - 1, side = context->stages[k].side;
    const ms_stage *stage = &context->stages[k];
    int box = ms_most(1, side / walk->pass->tape->size);
    if (is_first || y % box == 0) project_back(walk, y);
    context->base.kernels->backward_image(
        walk->worker->columns, box, walk->slot->o[k] + y * stage->o_row, walk->slot->folded + context->image_scale,
        context->slope, stage->second.product.m, side, walk->worker->rows[k].given[y % 2],
        sums_of(walk, side, y) + context->image_sum);
    push(walk, k, y);
}

// MARK: bands

// Which rows of each layer the band's rows of the lowest one need; returns those of the image.
static void plan_band(const ms_walk *walk, int *first, int *end) {
    const ms_mobile *context = walk->context;
    int low = ms_low_side(context);
    *first = low * walk->band / walk->pass->bands;
    *end = low * (walk->band + 1) / walk->pass->bands;
    for (int k = context->whole_layers; k < context->layers; k++) {
        ms_back_rows *rows = &walk->worker->rows[k];
        int side = context->stages[k].side;
        rows->u_next = 2 * *first;
        rows->u_end = 2 * *end;
        rows->h_next = ms_most(0, rows->u_next - 1);
        rows->h_end = ms_least(side, rows->u_end + 1);
        *first = ms_most(0, rows->u_next - 2);
        *end = ms_least(side, rows->u_end + 2);
    }
}

static void run_band(void *state, int index, int worker) {
    const ms_pass *pass = state;
    int image = index / pass->bands, first, end;
    ms_walk walk = {
        .pass = pass, .context = pass->context, .worker = &pass->back->workers[worker],
        .slot = &pass->tape->slots[pass->first + image], .image = image, .band = index % pass->bands,
    };
    plan_band(&walk, &first, &end);
    for (int y = first; y < end; y++) push_image_row(&walk, y, y == first);
}

void ms_back_rows_of(ms_pass *pass) {
    pass->bands = ms_bands_for(pass->context, pass->count, ms_most_recorded_bands(pass->context));
    ms_pool_run(pass->context->base.pool, pass->count * pass->bands, run_band, pass);
}

// MARK: a tape

ms_status ms_backward(ms_tape *tape, const float *image_gradients, const ms_results *results) {
    if (!tape || !results || (tape->count > 0 && (!image_gradients || !results->styles))) return ms_bad_argument;
    if ((results->scale || results->shift) && tape->seam < 0) return ms_bad_argument;
    ms_mobile *context = tape->context;
    ms_status status = ms_reserve_back(context);
    if (status != ms_ok) return status;
    ms_fold_back(context, tape->size);
    int at_once = ms_recorded(context);
    for (int first = 0; first < tape->count; first += at_once) {
        ms_pass pass = {
            .context = context, .back = context->back, .tape = tape, .image_gradients = image_gradients,
            .results = results, .first = first, .count = ms_least(at_once, tape->count - first),
        };
        for (int i = 0; i < pass.count; i++) {
            memset(pass.back->slots[i].sums, 0, ms_segments * context->sum_floats * sizeof(float));
        }
        ms_back_rows_of(&pass);
        ms_back_whole(&pass);
        ms_back_styles(&pass);
    }
    return ms_ok;
}

ms_status ms_gradients(
    ms_context *base, const ms_request *request, const float *image_gradients, const ms_results *results) {
    ms_mobile *context = ms_mobile_of(base);
    int seam;
    if (!ms_request_fits(context, request, &seam) || !results) return ms_bad_argument;
    if (request->count > 0 && (!image_gradients || !results->styles)) return ms_bad_argument;
    int at_once = ms_recorded(context);
    size_t pixels = 3 * (size_t)request->size * (size_t)request->size, code = (size_t)request->rows * context->latent;
    size_t features = seam < 0
        ? 0 : (size_t)context->stages[seam].channels * context->stages[seam].side * context->stages[seam].side;
    for (int first = 0; first < request->count; first += at_once) {
        size_t done = (size_t)first;
        ms_request some = *request;
        some.styles += done * code;
        some.count = ms_least(at_once, request->count - first);
        ms_seam change;
        if (request->seam) {
            change = *request->seam;
            if (change.scale) change.scale += done * features;
            if (change.shift) change.shift += done * features;
            if (change.features) change.features += done * features;
            some.seam = &change;
        }
        ms_results part = {
            .styles = results->styles + done * code, .scale = results->scale ? results->scale + done * features : NULL,
            .shift = results->shift ? results->shift + done * features : NULL,
        };
        ms_tape *tape;
        ms_status status = ms_record(base, &some, NULL, &tape);
        if (status == ms_ok) status = ms_backward(tape, image_gradients + done * pixels, &part);
        ms_release_tape(tape);
        if (status != ms_ok) return status;
    }
    return ms_ok;
}
