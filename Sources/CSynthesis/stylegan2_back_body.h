// A template, the part of kernels_body.h for StyleGAN2's way back, which includes it; not a header for anybody else.

// Limited results let no gradient through.
INLINE vector within(vector value, vector gradient, float limit) {
    bits inside = (value < limit) & (value > -limit);
    return (vector)(inside & (bits)gradient);
}

static void backward_finish(const ms_finish_back *step) {
    for (int lane = 0; lane < ms_block; lane += LANES) {
        vector scale = {0}, bias = {0}, sum_scale = {0}, sum_image = {0}, sum_finish = {0}, image = {0}, weights[3];
        if (step->gradient) scale = load(step->scale + lane);
        if (step->sum_finish) bias = load(step->bias + lane);
        if (step->picture[0]) {
            image = load(step->image_scale + lane);
            UNROLL for (int c = 0; c < 3; c++) weights[c] = load(step->image_weights + c * ms_block + lane);
        }
        for (int x = 0; x < step->width; x++) {
            size_t at = (size_t)x * ms_block + lane;
            vector value = load(step->values + at), gradient = {0};
            if (step->gradient) {
                vector given = load(step->gradient + at);
                sum_scale = MULTIPLY_ADD(value, given, sum_scale);
                gradient = given * scale;
            }
            if (step->picture[0]) {
                vector colour = weights[0] * step->picture[0][x];
                colour = MULTIPLY_ADD(weights[1], step->picture[1][x] - (vector){0}, colour);
                colour = MULTIPLY_ADD(weights[2], step->picture[2][x] - (vector){0}, colour);
                sum_image = MULTIPLY_ADD(value, colour, sum_image);
                gradient = MULTIPLY_ADD(image, colour, gradient);
            }
            if (step->sum_finish) {
                gradient = within(value, through(value, gradient, step->slope), step->limit);
                bits positive = value > 0;
                vector less = value * (1 / step->slope);
                vector before = (vector)((positive & (bits)value) | (~positive & (bits)less));
                float noise = step->noise ? step->gain * step->noise[x] : 0;
                sum_finish = MULTIPLY_ADD(gradient, before - (bias + noise), sum_finish);
            }
            store(step->target + at, gradient);
        }
        if (step->gradient) add_sum(step->sum_scale + lane, sum_scale);
        if (step->picture[0]) add_sum(step->sum_image + lane, sum_image);
        if (step->sum_finish) add_sum(step->sum_finish + lane, sum_finish);
    }
}

static void backward_blur(
    const float *const *rows, const float *down, const float *across, const float *scale, int width, float *even,
    float *odd) {
    for (int lane = 0; lane < ms_block; lane += LANES) {
        vector factor = load(scale + lane);
        const float *a = rows[0] + lane, *b = rows[1] + lane, *c = rows[2] + lane, *d = rows[3] + lane;
        // Rows begin at column -1, which is zero, as the one before it and the two behind the last are.
#define DOWN(AT)                                                                                                       \
    (factor * (down[0] * load(a + (AT)) + down[1] * load(b + (AT)) + down[2] * load(c + (AT)) + down[3] * load(d + (AT))))
        vector zero = {0}, second = zero, third = zero;  // columns 2e - 2 and 2e - 1
        for (int e = 0; e <= width; e++) {
            int has_next = e < width;
            vector here = has_next ? DOWN((size_t)(2 * e + 1) * ms_block) : zero;
            vector next = has_next ? DOWN((size_t)(2 * e + 2) * ms_block) : zero;
            vector after = e + 1 < width ? DOWN((size_t)(2 * e + 3) * ms_block) : zero;
            store(even + (size_t)e * ms_block + lane,
                  across[0] * next + across[1] * here + across[2] * third + across[3] * second);
            store(odd + (size_t)e * ms_block + lane,
                  has_next ? across[0] * after + across[1] * next + across[2] * here + across[3] * third : zero);
            second = here;
            third = next;
        }
#undef DOWN
    }
}
