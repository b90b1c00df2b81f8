// A template, the part of kernels_body.h for the way back, which includes it; not a header for anybody else.

typedef int bits __attribute__((vector_size(LANES * 4)));

static void backward_slope(const float *row, const float *gradient, float slope, int m, int width, float *pixels) {
    size_t stride = (size_t)(width + 2) * ms_block;
    for (int block = 0; block < m / ms_block; block++) {
        const float *result = row + block * stride + ms_block, *in = gradient + block * stride + ms_block;
        float *out = pixels + (size_t)block * width * ms_block;
        for (size_t i = 0; i < (size_t)width * ms_block; i += LANES) {
            vector value = load(in + i), less = slope * value;
            bits positive = load(result + i) > 0;
            store(out + i, (vector)((positive & (bits)value) | (~positive & (bits)less)));
        }
    }
}

static void backward_depthwise(
    const float *weights, const float *const *gradient, const float *row, const float *scale, int c, int width,
    float *target, float *sums) {
    size_t stride = (size_t)(width + 2) * ms_block;
    for (int block = 0; block < c / ms_block; block++, weights += 9 * ms_block) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            vector w[9];
            UNROLL for (int t = 0; t < 9; t++) w[t] = load(weights + t * ms_block + lane);
            size_t at = block * stride + lane;
            const float *top = gradient[0] + at, *middle = gradient[1] + at, *bottom = gradient[2] + at;
            const float *in = row + at + ms_block;
            float *out = target + at + ms_block;
            vector factor = load(scale + block * ms_block + lane), sum = load(sums + block * ms_block + lane);
            vector done = {0}, old = {0}, new = {0};
            for (int x = -2; x < width; x++) {
                vector next = {0};
                ADD_ROW(load(top), 0, old, new, next);
                ADD_ROW(load(middle), 1, old, new, next);
                ADD_ROW(load(bottom), 2, old, new, next);
                done = old;
                old = new;
                new = next;
                if (x >= 0) {
                    sum = MULTIPLY_ADD(load(in + (size_t)x * ms_block), done, sum);
                    store(out + (size_t)x * ms_block, done * factor);
                }
                top += ms_block;
                middle += ms_block;
                bottom += ms_block;
            }
            store(sums + block * ms_block + lane, sum);
        }
    }
}

static void backward_scale(const float *row, const float *scale, int m, int width, float *gradient, float *sums) {
    size_t stride = (size_t)(width + 2) * ms_block;
    for (int block = 0; block < m / ms_block; block++) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            size_t at = block * stride + ms_block + lane;
            vector factor = load(scale + block * ms_block + lane), sum = load(sums + block * ms_block + lane);
            for (int x = 0; x < width; x++, at += ms_block) {
                vector value = load(gradient + at);
                sum = MULTIPLY_ADD(load(row + at), value, sum);
                store(gradient + at, value * factor);
            }
            store(sums + block * ms_block + lane, sum);
        }
    }
}

static void backward_upsample(
    const float *upper, const float *lower, const float *row, const float *scale, int c, int width, float *target,
    float *sums) {
    size_t out_stride = (size_t)(width + 2) * ms_block, in_stride = (size_t)(2 * width + 2) * ms_block;
    size_t band = (size_t)(c / ms_block) * out_stride;
    for (int block = 0; block < c / ms_block; block++) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            const float *up = upper + block * in_stride + ms_block + lane;
            const float *down = lower + block * in_stride + ms_block + lane;
            const float *in = row + block * out_stride + ms_block + lane;
            float *out = target + block * out_stride + ms_block + lane;
            const float *s = scale + block * ms_block + lane;
            float *total = sums + block * ms_block + lane;
            vector sum[4], factor[4];
            UNROLL for (int i = 0; i < 4; i++) sum[i] = load(total + i * c), factor[i] = load(s + i * c);
            for (int x = 0; x < width; x++) {
                size_t at = (size_t)x * 2 * ms_block;
                vector a = load(up + at), b = load(up + at + ms_block);
                vector d = load(down + at), e = load(down + at + ms_block);
                vector bands[4] = {(a + b) + (d + e), (a + b) - (d + e), (a - b) + (d - e), (a - b) - (d - e)};
                UNROLL for (int i = 0; i < 4; i++) {
                    size_t place = (size_t)x * ms_block + i * band;
                    sum[i] = MULTIPLY_ADD(load(in + place), bands[i], sum[i]);
                    store(out + place, bands[i] * factor[i]);
                }
            }
            UNROLL for (int i = 0; i < 4; i++) store(total + i * c, sum[i]);
        }
    }
}
