// A template, the part of kernels_body.h for the way back, which includes it; not a header for anybody else.

typedef int bits __attribute__((vector_size(LANES * 4)));

// A gradient through a leaky ReLU, whose result's sign is that of `result`.
INLINE vector through(vector result, vector gradient, float slope) {
    bits positive = result > 0;
    vector less = slope * gradient;
    return (vector)((positive & (bits)gradient) | (~positive & (bits)less));
}

static void backward_product(
    const float *const *source, float *const *target, const float *weights, int c, int m, int rows, int width) {
    size_t stride = (size_t)(width + 2) * ms_block;
    for (int k0 = 0; k0 < c; k0 += ms_depth) {
        int depth = c - k0 < ms_depth ? c - k0 : ms_depth;
        for (int panel = 0; panel < m / ms_block;) {
            int taken = panel + PANELS <= m / ms_block ? PANELS : 1;
            for (int row = 0; row < rows; row++) {
                tile_place place = {
                    .pixels = source[row] + (size_t)(k0 / ms_block) * stride + ms_block,
                    .pixel_stride = stride,
                    .weights = weights + ((size_t)panel * c + k0) * ms_block,
                    .weight_stride = (size_t)c * ms_block,
                    .target = target[row] + panel * stride + ms_block,
                    .target_stride = stride,
                    .bias = no_bias,
                    .blocks = depth / ms_block,
                };
                run_panels(&place, width, taken, k0 == 0, 0);
            }
            panel += taken;
        }
    }
}

// What becomes of a result of the depthwise part: with a source it is summed, scaled and taken through the activation.
INLINE void put_depthwise(
    vector result, const float *source, vector factor, float slope, int has_source, vector *sum, float *target,
    size_t at) {
    if (has_source) {
        vector value = load(source + at);
        *sum = MULTIPLY_ADD(value, result, *sum);
        result = through(value, result * factor, slope);
    }
    store(target + at, result);
}

INLINE void add_sum(float *sums, vector sum) { store(sums, load(sums) + sum); }

INLINE void depthwise_back_row(
    const float *weights, const float *const *gradient, const float *source, vector factor, float slope, int has_source,
    int width, float *target, float *sums) {
    vector w[9], done = {0}, old = {0}, new = {0}, sum = {0};
    UNROLL for (int t = 0; t < 9; t++) w[t] = load(weights + t * ms_block);
    for (int x = -2; x < width; x++) {
        vector next = {0};
        size_t at = (size_t)(x + 2) * ms_block, out = (size_t)(x + 1) * ms_block;
        ADD_ROW(load(gradient[0] + at), 0, old, new, next);
        ADD_ROW(load(gradient[1] + at), 1, old, new, next);
        ADD_ROW(load(gradient[2] + at), 2, old, new, next);
        done = old;
        old = new;
        new = next;
        if (x >= 0) put_depthwise(done, source, factor, slope, has_source, &sum, target, out);
    }
    if (has_source) add_sum(sums, sum);
}

INLINE void depthwise_back_pair(
    const float *weights, const float *const *gradient, const float *const *source, vector factor, float slope,
    int has_source, int width, float *const *target, float *const *sums) {
    vector w[9], sum[2] = {{0}};
    UNROLL for (int t = 0; t < 9; t++) w[t] = load(weights + t * ms_block);
    vector up_old = {0}, up_new = {0}, low_old = {0}, low_new = {0};
    for (int x = -2; x < width; x++) {
        vector up_next = {0}, low_next = {0};
        size_t at = (size_t)(x + 2) * ms_block, out = (size_t)(x + 1) * ms_block;
        vector first = load(gradient[0] + at), second = load(gradient[1] + at);
        vector third = load(gradient[2] + at), fourth = load(gradient[3] + at);
        ADD_ROW(first, 0, up_old, up_new, up_next);
        ADD_ROW(second, 1, up_old, up_new, up_next);
        ADD_ROW(third, 2, up_old, up_new, up_next);
        ADD_ROW(second, 0, low_old, low_new, low_next);
        ADD_ROW(third, 1, low_old, low_new, low_next);
        ADD_ROW(fourth, 2, low_old, low_new, low_next);
        if (x >= 0) {
            put_depthwise(up_old, source[0], factor, slope, has_source, &sum[0], target[0], out);
            put_depthwise(low_old, source[1], factor, slope, has_source, &sum[1], target[1], out);
        }
        up_old = up_new;
        up_new = up_next;
        low_old = low_new;
        low_new = low_next;
    }
    if (has_source) {
        add_sum(sums[0], sum[0]);
        add_sum(sums[1], sum[1]);
    }
}

// One block of channels, from `at` on in every row.
INLINE void depthwise_back_block(
    const ms_depthwise_back *step, int at_block, int lane, size_t stride, int has_source) {
    size_t at = at_block * stride + lane, channel = (size_t)at_block * ms_block + lane;
    const float *gradient[4], *source[2] = {0};
    float *target[2], *sums[2] = {0};
    vector factor = {0};
    if (has_source) factor = load(step->scale + channel);
    for (int i = 0; i < step->rows + 2; i++) gradient[i] = step->gradient[i] + at;
    for (int i = 0; i < step->rows; i++) {
        target[i] = step->target[i] + at;
        if (has_source) source[i] = step->source[i] + at, sums[i] = step->sums[i] + channel;
    }
    const float *weights = step->weights + (size_t)at_block * 9 * ms_block + lane;
    if (step->rows == 2) {
        depthwise_back_pair(
            weights, gradient, source, factor, step->slope, has_source, step->width, target, sums);
    } else {
        depthwise_back_row(
            weights, gradient, source[0], factor, step->slope, has_source, step->width, target[0], sums[0]);
    }
}

static void backward_depthwise(const ms_depthwise_back *step) {
    size_t stride = (size_t)(step->width + 2) * ms_block;
    for (int block = 0; block < step->c / ms_block; block++) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            if (step->source) depthwise_back_block(step, block, lane, stride, 1);
            else depthwise_back_block(step, block, lane, stride, 0);
        }
    }
}

static void backward_upsample(
    const float *upper, const float *lower, const float *row, const float *scale, const float *factor, float slope,
    int c, int width, float *target, float *sums) {
    size_t out_stride = (size_t)(width + 2) * ms_block, in_stride = (size_t)(2 * width + 2) * ms_block;
    size_t band = (size_t)(c / ms_block) * out_stride;
    for (int block = 0; block < c / ms_block; block++) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            const float *up = upper + block * in_stride + ms_block + lane;
            const float *down = lower + block * in_stride + ms_block + lane;
            const float *in = row + block * out_stride + ms_block + lane;
            float *out = target + block * out_stride + ms_block + lane;
            const float *s = scale + block * ms_block + lane;
            vector sum[4] = {{0}}, both[4], first = load(factor + block * ms_block + lane);
            UNROLL for (int i = 0; i < 4; i++) both[i] = first * load(s + i * c);
            for (int x = 0; x < width; x++) {
                size_t at = (size_t)x * 2 * ms_block;
                vector a = load(up + at), b = load(up + at + ms_block);
                vector d = load(down + at), e = load(down + at + ms_block);
                vector bands[4] = {(a + b) + (d + e), (a + b) - (d + e), (a - b) + (d - e), (a - b) - (d - e)};
                UNROLL for (int i = 0; i < 4; i++) {
                    size_t place = (size_t)x * ms_block + i * band;
                    vector value = load(in + place);
                    sum[i] = MULTIPLY_ADD(value, bands[i], sum[i]);
                    store(out + place, through(value, bands[i] * both[i], slope));
                }
            }
            UNROLL for (int i = 0; i < 4; i++) add_sum(sums + i * c + block * ms_block + lane, sum[i]);
        }
    }
}

static void backward_image(
    const float *columns, int box, const float *row, const float *scale, float slope, int m, int width, float *target,
    float *sums) {
    size_t stride = (size_t)(width + 2) * ms_block, column_stride = (size_t)(width / box) * ms_block;
    for (int block = 0; block < m / ms_block; block++) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            const float *column = columns + block * column_stride + lane, *in = row + block * stride + ms_block + lane;
            float *out = target + block * stride + ms_block + lane;
            vector factor = load(scale + block * ms_block + lane), sum = {0};
            for (int x = 0; x < width / box; x++, column += ms_block) {
                vector gradient = load(column), scaled = gradient * factor;
                for (int i = 0; i < box; i++, in += ms_block, out += ms_block) {
                    vector value = load(in);
                    sum = MULTIPLY_ADD(value, gradient, sum);
                    store(out, through(value, scaled, slope));
                }
            }
            add_sum(sums + block * ms_block + lane, sum);
        }
    }
}

// COUNT vectors of values by a matrix, read once, for some of its columns.
#define DEFINE_COLUMNS(NAME, COUNT)                                                                                    \
    static void NAME(                                                                                                  \
        const float *weight, const float *values, size_t value_stride, int rows, int length, int columns, float *out,  \
        size_t out_stride) {                                                                                           \
        int k = 0;                                                                                                     \
        for (; k + 4 * LANES <= columns; k += 4 * LANES) {                                                             \
            vector total[COUNT][4];                                                                                    \
            UNROLL for (int i = 0; i < COUNT; i++) {                                                                   \
                UNROLL for (int t = 0; t < 4; t++) total[i][t] = load_loose(out + i * out_stride + k + t * LANES);     \
            }                                                                                                          \
            for (int j = 0; j < rows; j++) {                                                                           \
                const float *w = weight + (size_t)j * length + k;                                                      \
                UNROLL for (int t = 0; t < 4; t++) {                                                                   \
                    vector column = load_loose(w + t * LANES);                                                         \
                    UNROLL for (int i = 0; i < COUNT; i++) {                                                           \
                        vector value = values[i * value_stride + j] - (vector){0};                                     \
                        total[i][t] = MULTIPLY_ADD(column, value, total[i][t]);                                        \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
            UNROLL for (int i = 0; i < COUNT; i++) {                                                                   \
                UNROLL for (int t = 0; t < 4; t++) {                                                                   \
                    *(loose *)(out + i * out_stride + k + t * LANES) = total[i][t];                                    \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        for (; k < columns; k++) {                                                                                     \
            for (int i = 0; i < COUNT; i++) {                                                                          \
                float total = out[i * out_stride + k];                                                                 \
                for (int j = 0; j < rows; j++) total += weight[(size_t)j * length + k] * values[i * value_stride + j]; \
                out[i * out_stride + k] = total;                                                                       \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_COLUMNS(columns_2, 2)
DEFINE_COLUMNS(columns_1, 1)

static void backward_linear(
    const float *weight, const float *values, size_t value_stride, int count, int rows, int length, int columns,
    float *out, size_t out_stride) {
    int i = 0;
    for (; i + 2 <= count; i += 2) {
        columns_2(
            weight, values + i * value_stride, value_stride, rows, length, columns, out + i * out_stride, out_stride);
    }
    if (i < count) {
        columns_1(
            weight, values + i * value_stride, value_stride, rows, length, columns, out + i * out_stride, out_stride);
    }
}
