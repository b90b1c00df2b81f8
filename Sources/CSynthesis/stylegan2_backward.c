// Gradients with respect to what StyleGAN2's images came from: some images at once through the small levels, one after
// the other through the large ones, each of which goes up and down before the next. Sums are kept for fixed segments of
// rows and added in order, so that threads do not change a bit.
#include <math.h>
#include <string.h>

#include "stylegan2_back.h"

// MARK: the image

// One colour of one image, from the last level down.
static void run_pictures(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    const sg_gan *context = pass->context;
    for (int k = pass->batch->request.levels - 1; k > 0; k--) {
        int side = context->stages[k].side, width = side / 2;
        size_t area = (size_t)side * side;
        const float *from = pass->back->pictures[k] + index * area;
        float *to = pass->back->pictures[k - 1] + index * area / 4;
        memset(to, 0, area / 4 * sizeof(float));
        for (int y = 0; y < side; y++) {
            sg_taps rows = sg_doubling_taps(context->filter, y);
            for (int x = 0; x < side; x++) {
                sg_taps columns = sg_doubling_taps(context->filter, x);
                float gradient = from[(size_t)y * side + x];
                for (int a = 0; a < 4; a++) {
                    int v = rows.at[a / 2], u = columns.at[a % 2];
                    if (v < 0 || v >= width || u < 0 || u >= width) continue;
                    to[(size_t)v * width + u] += rows.factor[a / 2] * columns.factor[a % 2] * gradient;
                }
            }
        }
    }
}

void sg_back_pictures(sg_pass *pass, const float *image_gradients) {
    int levels = pass->batch->request.levels, side = pass->context->stages[levels - 1].side;
    size_t pixels = (size_t)pass->batch->request.count * 3 * side * side;
    memcpy(pass->back->pictures[levels - 1], image_gradients, pixels * sizeof(float));
    ms_pool_run(pass->context->base.pool, pass->batch->request.count * 3, run_pictures, pass);
}

// MARK: styles

static float total(const sg_pass *pass, int image, size_t at) {
    float sum = 0;
    for (int segment = 0; segment < sg_segments; segment++) sum += sg_sums_of(pass, image, segment)[at];
    return sum;
}

// The sums of a convolution's scales and of its demodulation to gradients of its scales.
static void convolution_scales(const sg_pass *pass, int image, const sg_packed *packed) {
    const sg_gan *context = pass->context;
    const float *values = sg_values(pass->batch, image);
    float *target = pass->back->styles + (size_t)image * context->style_floats;
    float *scales = target + packed->scales, *demodulation = target + packed->demodulation;
    float *through = demodulation + packed->o;
    // d = √2 / √(Σ s² · power + ε), so that its gradient by s is -s · power · d³ / 2; the sums are of d times the result.
    for (int k = 0; k < packed->outputs; k++) {
        float d = values[packed->demodulation + k];
        demodulation[k] = total(pass, image, packed->demodulation + k) * d * d;
    }
    memset(through, 0, (size_t)packed->inputs * sizeof(float));
    context->base.kernels->backward_linear(
        packed->power, demodulation, 0, 1, packed->outputs, packed->inputs, packed->inputs, through, 0);
    for (int k = 0; k < packed->inputs; k++) {
        scales[k] = total(pass, image, packed->scales + k) - 0.5f * values[packed->scales + k] * through[k];
    }
}

static void run_scales(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    int levels = pass->batch->request.levels, image = index / levels;
    const sg_stage *stage = &pass->context->stages[index % levels];
    if (stage->has_first) convolution_scales(pass, image, &stage->first);
    convolution_scales(pass, image, &stage->second);
    float *target = pass->back->styles + (size_t)image * pass->context->style_floats;
    for (int k = 0; stage->has_image && k < stage->image.inputs; k++) {
        target[stage->image.scales + k] = total(pass, image, stage->image.scales + k);
    }
}

enum { sg_columns = 64 };

// Some columns of one map's part of the styles.
static void map_back(
    const sg_pass *pass, const float *modulation, size_t scales, int inputs, int style_row, int first, int columns) {
    const sg_gan *context = pass->context;
    size_t code = (size_t)pass->batch->request.rows * context->latent;
    float *row = pass->results->styles + pass->batch->first * code + first
        + (pass->batch->request.rows == 1 ? 0 : (size_t)style_row * context->latent);
    context->base.kernels->backward_linear(
        modulation + first, pass->back->styles + scales, context->style_floats, pass->batch->request.count, inputs,
        context->latent, columns, row, code);
}

static void run_maps(void *state, int index, int worker) {
    (void)worker;
    const sg_pass *pass = state;
    const sg_gan *context = pass->context;
    int first = index * sg_columns, columns = ms_least(sg_columns, context->latent - first);
    for (int k = 0; k < pass->batch->request.levels; k++) {
        const sg_stage *stage = &context->stages[k];
        const sg_packed *packed[2] = {&stage->first, &stage->second};
        for (int i = stage->has_first ? 0 : 1; i < 2; i++) {
            map_back(
                pass, packed[i]->modulation, packed[i]->scales, packed[i]->inputs, packed[i]->style_row, first, columns);
        }
        const sg_packed_image *image = &stage->image;
        if (stage->has_image) {
            map_back(pass, image->modulation, image->scales, image->inputs, image->style_row, first, columns);
        }
    }
}

void sg_back_styles(sg_pass *pass) {
    const sg_gan *context = pass->context;
    const sg_request *request = &pass->batch->request;
    size_t code = (size_t)request->rows * context->latent;
    memset(pass->results->styles + pass->batch->first * code, 0, (size_t)request->count * code * sizeof(float));
    ms_pool_run(context->base.pool, request->count * request->levels, run_scales, pass);
    ms_pool_run(context->base.pool, ms_parts(context->latent, sg_columns), run_maps, pass);
}

// MARK: a batch

// Up and down the levels.
static void run_pass(sg_pass *pass, const float *image_gradients) {
    sg_batch *batch = pass->batch;
    int shared = sg_last_shared(pass), levels = batch->request.levels;
    sg_compute_styles(batch);
    sg_back_pictures(pass, image_gradients);
    memset(pass->back->sums, 0, pass->back->sum_floats * sizeof(float));
    batch->first_image = pass->first_image = 0;
    batch->group = pass->group = batch->request.count;
    for (batch->level = 0; batch->level <= shared; batch->level++) sg_run_level(batch);
    pass->low = NULL;
    batch->group = pass->group = 1;
    for (int image = 0; levels > shared + 1 && image < batch->request.count; image++) {
        batch->first_image = pass->first_image = image;
        for (batch->level = shared + 1; batch->level < levels; batch->level++) sg_run_level(batch);
        pass->low = NULL;
        for (pass->level = levels - 1; pass->level > shared; pass->level--) {
            const sg_packed *first = &pass->context->stages[pass->level].first;
            size_t kept = (size_t)image * sg_low_floats(first->i, pass->context->stages[shared].side);
            pass->low_target = pass->level == shared + 1 ? pass->back->low_kept + kept : pass->back->low;
            sg_back_level(pass);
            pass->low = pass->low_target;
        }
    }
    if (levels > shared + 1) pass->low = pass->back->low_kept;
    batch->first_image = pass->first_image = 0;
    batch->group = pass->group = batch->request.count;
    for (pass->level = shared; pass->level >= 0; pass->level--) {
        pass->low_target = pass->back->low;
        sg_back_level(pass);
        pass->low = pass->back->low;
    }
    sg_back_styles(pass);
}

ms_status sg_gradients(
    ms_context *base, const sg_request *request, const float *image_gradients, const ms_results *results) {
    sg_gan *context = sg_gan_of(base);
    int seam;
    if (!sg_request_fits(context, request, &seam) || !results) return ms_bad_argument;
    if (request->count > 0 && (!image_gradients || !results->styles)) return ms_bad_argument;
    if ((results->scale || results->shift) && seam < 0) return ms_bad_argument;
    ms_status status = sg_reserve(context, ms_least(request->count, sg_back_at_once));
    if (status == ms_ok) status = sg_reserve_back(context, ms_least(request->count, sg_back_at_once));
    if (status != ms_ok) return status;
    size_t side = (size_t)4 << (request->levels - 1);
    sg_way_back *back = context->back;
    back->tape.before = seam < 0 ? NULL : back->before;
    for (int first = 0; first < request->count; first += sg_back_at_once) {
        sg_batch batch = {
            .context = context, .request = *request, .first = first, .seam = seam, .tape = &back->tape,
        };
        batch.request.styles += (size_t)first * request->rows * context->latent;
        batch.request.count = ms_least(sg_back_at_once, request->count - first);
        sg_pass pass = {.context = context, .back = back, .batch = &batch, .results = results};
        run_pass(&pass, image_gradients + (size_t)first * 3 * side * side);
    }
    return ms_ok;
}
