// Tapes, and what the way back needs besides them.
#include <string.h>

#include "mobilestylegan_back.h"

// MARK: tapes

// Room for the seam's features and a copy of its scale.
static int take_seam(ms_tape *tape, const ms_seam *seam) {
    const ms_stage *stage = &tape->context->stages[tape->seam];
    size_t before = (size_t)tape->count * stage->side * stage->h_row;
    size_t scale = (size_t)tape->count * stage->channels * stage->side * stage->side;
    tape->seam_memory = ms_pages(&tape->context->base, before + (seam->scale ? scale : 0));
    if (!tape->seam_memory) return 0;
    tape->before = tape->seam_memory;
    if (seam->scale) {
        tape->seam_scale = tape->seam_memory + before;
        memcpy(tape->seam_scale, seam->scale, scale * sizeof(float));
    }
    return 1;
}

// A tape without anything on it yet.
static ms_tape *make_tape(ms_mobile *context, const ms_request *request, int seam) {
    size_t head = (sizeof(ms_tape) + 63) / 64 * 16, count = (size_t)request->count;
    size_t slots = (count * sizeof(ms_slot) + 63) / 64 * 16;
    float *memory = ms_allocate(&context->base, head + slots + count * context->modulation_floats);
    if (!memory) return NULL;
    ms_tape *tape = (ms_tape *)memory;
    *tape = (ms_tape){
        .context = context, .rows = request->rows, .size = request->size, .noise = request->noise != 0, .seam = seam,
        .slots = (ms_slot *)(memory + head), .modulations = memory + head + slots,
    };
    for (; tape->count < request->count; tape->count++) {
        if (!ms_take_recorded(context, &tape->slots[tape->count])) break;
    }
    if (tape->count == request->count && (seam < 0 || tape->count == 0 || take_seam(tape, request->seam))) return tape;
    ms_release_tape(tape);
    return NULL;
}

void ms_release_tape(ms_tape *tape) {
    if (!tape) return;
    ms_mobile *context = tape->context;
    for (int i = 0; i < tape->count; i++) ms_give_recorded(context, &tape->slots[i]);
    ms_release(&context->base, tape->seam_memory);
    ms_release(&context->base, (float *)tape);
}

ms_status ms_record(ms_context *base, const ms_request *request, float *images, ms_tape **result) {
    ms_mobile *context = ms_mobile_of(base);
    int seam;
    if (!result) return ms_bad_argument;
    *result = NULL;
    if (!ms_request_fits(context, request, &seam)) return ms_bad_argument;
    ms_tape *tape = make_tape(context, request, seam);
    if (!tape) return ms_no_memory;
    int at_once = ms_at_once(context);
    for (int first = 0; first < request->count; first += at_once) {
        ms_batch batch = {
            .context = context, .request = *request, .first = first, .slots = tape->slots + first,
            .modulations = tape->modulations + first * context->modulation_floats, .tape = tape, .seam = seam,
            .last = context->layers - 1,
            .images = images ? images + (size_t)first * 3 * request->size * request->size : NULL,
        };
        batch.request.styles += (size_t)first * request->rows * context->latent;
        batch.request.count = ms_least(at_once, request->count - first);
        ms_run_batch(&batch);
    }
    *result = tape;
    return ms_ok;
}

// MARK: the way back

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

static size_t place_weights(const ms_mobile *context, ms_way_back *back, float *memory) {
    size_t total = 0, m = (size_t)context->stages[context->layers - 1].second.product.m;
    for (int k = 0; k < context->layers; k++) {
        const ms_product *first = &context->stages[k].first.product, *second = &context->stages[k].second.product;
        PLACE(back->first_weights[k], (size_t)first->c * first->m);
        PLACE(back->second_weights[k], (size_t)second->c * second->m);
        PLACE(back->first_depthwise[k], 9 * (size_t)first->c);
        PLACE(back->second_depthwise[k], 9 * (size_t)second->c);
    }
    PLACE(back->image, (m + 1) * ms_block);
    PLACE(back->image_transposed, m * ms_block);
    PLACE(back->ones, m);
    return total;
}

static size_t place_worker(const ms_mobile *context, ms_back_worker *worker, float *memory) {
    const ms_stage *last = &context->stages[context->layers - 1];
    size_t total = 0, row = context->start_row;
    PLACE(worker->pixels, (size_t)last->side * ms_block);
    PLACE(worker->columns, last->o_row);
    PLACE(worker->unused, context->sum_floats);
    for (int k = 0; k < context->layers; k++) {
        const ms_stage *stage = &context->stages[k];
        ms_back_rows *rows = &worker->rows[k];
        if (k >= context->whole_layers) {
            for (int i = 0; i < 2; i++) PLACE(rows->given[i], stage->o_row);
            for (int i = 0; i < ms_back_ring; i++) PLACE(rows->second[i], stage->h_row);
            for (int i = 0; i < 2; i++) PLACE(rows->between[i], stage->h_row);
            for (int i = 0; i < ms_back_ring; i++) PLACE(rows->first[i], stage->u_row);
            PLACE(rows->below, row);
        }
        for (int i = 0; i < 2; i++) PLACE(rows->grown[i], stage->u_row);
        row = stage->o_row;
    }
    return total;
}

static size_t place_slot(const ms_mobile *context, ms_back_slot *slot, float *memory) {
    size_t total = 0, largest = context->start_row * context->start_side;
    for (int k = 0; k < context->whole_layers; k++) {
        const ms_stage *stage = &context->stages[k];
        size_t row = ms_larger(stage->u_row, ms_larger(stage->h_row, stage->o_row));
        largest = ms_larger(largest, row * stage->side);
    }
    PLACE(slot->sums, ms_segments * context->sum_floats);
    PLACE(slot->modulations, context->modulation_floats);
    PLACE(slot->start, context->feature_floats);
    for (int i = 0; i < 2; i++) PLACE(slot->gradients[i], largest);
    return total;
}

static int fill(ms_mobile *context, ms_way_back *back) {
    ms_context *base = &context->base;
    float *memory = ms_pages(base, place_weights(context, back, NULL));
    if (!memory) return 0;
    place_weights(context, back, memory);
    for (int k = 0; k < context->layers; k++) {
        transpose(&context->stages[k].first.product, back->first_weights[k]);
        transpose(&context->stages[k].second.product, back->second_weights[k]);
        turn(&context->stages[k].first, back->first_depthwise[k]);
        turn(&context->stages[k].second, back->second_depthwise[k]);
    }
    for (int k = 0; k < context->image_channels; k++) back->ones[k] = 1;
    for (int i = 0; i < base->thread_count; i++) {
        if (!(memory = ms_pages(base, place_worker(context, &back->workers[i], NULL)))) return 0;
        place_worker(context, &back->workers[i], memory);
    }
    // The images' at even distances.
    back->slot_floats = place_slot(context, &back->slots[0], NULL);
    if (!(memory = ms_pages(base, (size_t)ms_recorded(context) * back->slot_floats))) return 0;
    for (int i = 0; i < ms_recorded(context); i++) {
        place_slot(context, &back->slots[i], memory + (size_t)i * back->slot_floats);
    }
    return 1;
}

ms_status ms_reserve_back(ms_mobile *context) {
    if (context->back) return ms_ok;
    size_t head = (sizeof(ms_way_back) + 63) / 64 * 16, threads = (size_t)context->base.thread_count;
    size_t workers = (threads * sizeof(ms_back_worker) + 63) / 64 * 16;
    size_t slots = ((size_t)ms_recorded(context) * sizeof(ms_back_slot) + 63) / 64 * 16;
    float *memory = ms_allocate(&context->base, head + workers + slots);
    if (!memory) return ms_no_memory;
    ms_way_back *back = (ms_way_back *)memory;
    back->workers = (ms_back_worker *)(memory + head);
    back->slots = (ms_back_slot *)(memory + head + workers);
    if (!fill(context, back)) return ms_no_memory;
    context->back = back;
    return ms_ok;
}

void ms_fold_back(ms_mobile *context, int size) {
    ms_way_back *back = context->back;
    if (back->size == size) return;
    back->size = size;
    int m = context->stages[context->layers - 1].second.product.m;
    ms_fold_image(context, back->ones, size, back->image);
    memset(back->image_transposed, 0, (size_t)m * ms_block * sizeof(float));
    for (int k = 0; k < context->image_channels; k++) {
        for (int out = 0; out < ms_block; out++) {
            back->image_transposed[((size_t)(k / ms_block) * ms_block + (size_t)out) * ms_block + k % ms_block] =
                back->image[(size_t)k * ms_block + out];
        }
    }
}
