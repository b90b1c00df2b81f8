// A template, included once by each kernels_<path>.c, which dispatches to it; not a header for anybody else.
// The inner loops in terms of a vector of LANES floats. The including file defines
//   LANES       4, 8 or 16
//   PANELS      panels of 16 output channels that a wide tile takes at once, 1 or 2
//   WIDE, NEXT_GROUP(n)   pixels in the largest tile; pixels to take next when n (a multiple of 4) remain
//   MAXIMUM(a, b), MULTIPLY_ADD(a, b, c)   of vectors, the latter a · b + c rounded once where the path can
//   KERNELS     the table's name, KERNELS_NAME its text
#include <string.h>

typedef float vector __attribute__((vector_size(LANES * 4)));
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4)));

enum { parts = ms_block / LANES };

#ifndef ASSEMBLED_PIXELS
#define ASSEMBLED_PIXELS 0
#define ASSEMBLED_BLOCK(sum, pixels, weights)
#endif

#define UNROLL _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const float *p) { return *(const vector *)p; }
INLINE vector load_loose(const float *p) { return *(const loose *)p; }
INLINE void store(float *p, vector v) { *(vector *)p = v; }

// Where one tile of a product reads and writes.
typedef struct {
    const float *pixels;   // [depth/16][·][16]
    size_t pixel_stride;   // floats from a block of pixels to the next
    const float *weights;  // [panels][·][16]
    size_t weight_stride;  // floats from a panel to the next
    float *target;         // [panels][·][16]
    size_t target_stride;
    const float *bias;     // [panels][16]
    const float *noise;    // of these pixels, or NULL
    int blocks;            // depth/16
    float slope;
} tile_place;

// Keeps the compiler from loading ahead of the products, which would spill the sums.
#define IN_ORDER __asm__ volatile("" ::: "memory")

// A tile of PIXELS × (COUNT · 16) outputs over one stretch of depth: `begins` starts from the bias, else from what the
// target holds; `ends` applies the activation.
#define DEFINE_TILE(NAME, PIXELS, COUNT)                                                                               \
    INLINE void NAME(const tile_place *place, int x, int begins, int ends) {                                           \
        enum { columns = parts * (COUNT) };                                                                            \
        vector sum[PIXELS][columns];                                                                                   \
        float *target = place->target + (size_t)x * ms_block;                                                          \
        size_t target_stride = place->target_stride;                                                                   \
        if (begins) {                                                                                                  \
            UNROLL for (int j = 0; j < columns; j++) {                                                                 \
                vector bias = load(place->bias + j * LANES);                                                           \
                UNROLL for (int i = 0; i < PIXELS; i++) sum[i][j] = bias;                                              \
            }                                                                                                          \
            if (place->noise) {                                                                                        \
                UNROLL for (int i = 0; i < PIXELS; i++) {                                                              \
                    float noise = place->noise[x + i];                                                                 \
                    UNROLL for (int j = 0; j < columns; j++) sum[i][j] += noise;                                       \
                }                                                                                                      \
            }                                                                                                          \
        } else {                                                                                                       \
            UNROLL for (int i = 0; i < PIXELS; i++) {                                                                  \
                UNROLL for (int j = 0; j < columns; j++) {                                                             \
                    sum[i][j] = load(target + (j / parts) * target_stride + i * ms_block + (j % parts) * LANES);       \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        const float *pixels = place->pixels + (size_t)x * ms_block, *weights = place->weights;                         \
        size_t pixel_stride = place->pixel_stride, weight_stride = place->weight_stride;                               \
        for (int block = place->blocks; block > 0; block--) {                                                          \
            if (PIXELS == ASSEMBLED_PIXELS && (COUNT) == 1) {                                                          \
                ASSEMBLED_BLOCK(sum, pixels, weights);                                                                 \
            } else {                                                                                                   \
                UNROLL for (int k = 0; k < ms_block; k++) {                                                            \
                    vector weight[columns];                                                                            \
                    UNROLL for (int j = 0; j < columns; j++) {                                                         \
                        weight[j] = load(weights + (j / parts) * weight_stride + k * ms_block + (j % parts) * LANES);  \
                    }                                                                                                  \
                    UNROLL for (int i = 0; i < PIXELS; i++) {                                                          \
                        float pixel = pixels[i * ms_block + k];                                                        \
                        UNROLL for (int j = 0; j < columns; j++) sum[i][j] += pixel * weight[j];                       \
                        IN_ORDER;                                                                                      \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
            pixels += pixel_stride;                                                                                    \
            weights += ms_block * ms_block;                                                                            \
        }                                                                                                              \
        if (ends) {                                                                                                    \
            float slope = place->slope;                                                                                \
            UNROLL for (int i = 0; i < PIXELS; i++) {                                                                  \
                UNROLL for (int j = 0; j < columns; j++) sum[i][j] = MAXIMUM(sum[i][j], slope * sum[i][j]);            \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int i = 0; i < PIXELS; i++) {                                                                      \
            UNROLL for (int j = 0; j < columns; j++) {                                                                 \
                store(target + (j / parts) * target_stride + i * ms_block + (j % parts) * LANES, sum[i][j]);           \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_TILE(tile_wide, WIDE, 1)
DEFINE_TILE(tile_4, 4, 1)
#if WIDE > 8
DEFINE_TILE(tile_8, 8, 1)
#endif
#if PANELS == 2
DEFINE_TILE(pair_wide, WIDE, 2)
DEFINE_TILE(pair_4, 4, 2)
DEFINE_TILE(pair_8, 8, 2)
#endif

// `width` pixels by one panel.
static __attribute__((noinline)) void run_panel(const tile_place *place, int width, int begins, int ends) {
    for (int x = 0; x < width;) {
        int group = NEXT_GROUP(width - x);
        if (group == WIDE) tile_wide(place, x, begins, ends);
#if WIDE > 8
        else if (group == 8) tile_8(place, x, begins, ends);
#endif
        else tile_4(place, x, begins, ends);
        x += group;
    }
}

#if PANELS == 2
static __attribute__((noinline)) void run_pair(const tile_place *place, int width, int begins, int ends) {
    for (int x = 0; x < width;) {
        int group = NEXT_GROUP(width - x);
        if (group == WIDE) pair_wide(place, x, begins, ends);
        else if (group == 8) pair_8(place, x, begins, ends);
        else pair_4(place, x, begins, ends);
        x += group;
    }
}
#endif

INLINE void run_panels(const tile_place *place, int width, int panels, int begins, int ends) {
#if PANELS == 2
    if (panels == 2) {
        run_pair(place, width, begins, ends);
        return;
    }
#endif
    (void)panels;
    run_panel(place, width, begins, ends);
}

// Depthwise 3×3 slides along a row: of three neighbouring results, the oldest lacks one column of the source, the newest
// two. Rows are added from the top and columns from the left, so that one row and two at once give the same bits.
#define ADD_ROW(X, ROW, OLD, MIDDLE, NEW)                                                                              \
    OLD = MULTIPLY_ADD(X, w[3 * (ROW) + 2], OLD);                                                                      \
    MIDDLE = MULTIPLY_ADD(X, w[3 * (ROW) + 1], MIDDLE);                                                                \
    NEW = MULTIPLY_ADD(X, w[3 * (ROW)], NEW)

// One block of channels: a row of `width` results from three rows that begin one pixel to the left.
static void depthwise_row(const float *weights, const float *const *source, float *target, int width) {
    for (int lane = 0; lane < ms_block; lane += LANES) {
        vector w[9];
        UNROLL for (int t = 0; t < 9; t++) w[t] = load(weights + t * ms_block + lane);
        const float *top = source[0] + lane, *middle = source[1] + lane, *bottom = source[2] + lane;
        float *out = target + lane;
        vector done = {0}, old = {0}, new = {0};
        for (int x = -2; x < width; x++) {
            vector next = {0};
            ADD_ROW(load(top), 0, old, new, next);
            ADD_ROW(load(middle), 1, old, new, next);
            ADD_ROW(load(bottom), 2, old, new, next);
            done = old;
            old = new;
            new = next;
            if (x >= 0) store(out + (size_t)x * ms_block, done);
            top += ms_block;
            middle += ms_block;
            bottom += ms_block;
        }
    }
}

// The same for two rows of results from four rows, each of which is read once.
static void depthwise_pair(
    const float *weights, const float *const *source, float *upper, float *lower, int width) {
    for (int lane = 0; lane < ms_block; lane += LANES) {
        vector w[9];
        UNROLL for (int t = 0; t < 9; t++) w[t] = load(weights + t * ms_block + lane);
        const float *a = source[0] + lane, *b = source[1] + lane, *c = source[2] + lane, *d = source[3] + lane;
        vector up_old = {0}, up_new = {0}, low_old = {0}, low_new = {0};
        for (int x = -2; x < width; x++) {
            vector up_next = {0}, low_next = {0};
            size_t at = (size_t)(x + 2) * ms_block;
            vector first = load(a + at), second = load(b + at), third = load(c + at), fourth = load(d + at);
            ADD_ROW(first, 0, up_old, up_new, up_next);
            ADD_ROW(second, 1, up_old, up_new, up_next);
            ADD_ROW(third, 2, up_old, up_new, up_next);
            ADD_ROW(second, 0, low_old, low_new, low_next);
            ADD_ROW(third, 1, low_old, low_new, low_next);
            ADD_ROW(fourth, 2, low_old, low_new, low_next);
            if (x >= 0) {
                store(upper + (size_t)x * ms_block + lane, up_old);
                store(lower + (size_t)x * ms_block + lane, low_old);
            }
            up_old = up_new;
            up_new = up_next;
            low_old = low_new;
            low_new = low_next;
        }
    }
}

static void convolve(
    const ms_product *product, const float *depthwise, const float *const *source, float *const *target,
    const float *const *noise, int rows, int width, float *scratch) {
    int c = product->c, m = product->m, blocks = c / ms_block, panels = m / ms_block;
    int chunk = ms_tile_floats / c / rows;
    chunk = chunk > 96 ? 96 : chunk / 4 * 4;
    if (chunk > width) chunk = width;
    size_t row_stride = (size_t)(width + 2) * ms_block;
    for (int x0 = 0; x0 < width; x0 += chunk) {
        int n = width - x0 < chunk ? width - x0 : chunk;
        size_t block_stride = (size_t)rows * n * ms_block;
        for (int block = 0; block < blocks; block++) {
            size_t at = block * row_stride + (size_t)x0 * ms_block;
            const float *weights = depthwise + (size_t)block * 9 * ms_block;
            for (int s = 0; s < rows;) {
                const float *from[4];
                for (int i = 0; i < 4 && s + i < rows + 2; i++) from[i] = source[s + i] + at;
                float *out = scratch + block * block_stride + (size_t)s * n * ms_block;
                if (s + 1 < rows) depthwise_pair(weights, from, out, out + (size_t)n * ms_block, n);
                else depthwise_row(weights, from, out, n);
                s += 2;
            }
        }
        for (int k0 = 0; k0 < c; k0 += ms_depth) {
            int depth = c - k0 < ms_depth ? c - k0 : ms_depth;
            for (int panel = 0; panel < panels;) {
                int taken = panel + PANELS <= panels ? PANELS : 1;
                for (int s = 0; s < rows; s++) {
                    tile_place place = {
                        .pixels = scratch + (k0 / ms_block) * block_stride + (size_t)s * n * ms_block,
                        .pixel_stride = block_stride,
                        .weights = product->weights + ((size_t)panel * c + k0) * ms_block,
                        .weight_stride = (size_t)c * ms_block,
                        .target = target[s] + panel * row_stride + (size_t)(x0 + 1) * ms_block,
                        .target_stride = row_stride,
                        .bias = product->bias + panel * ms_block,
                        .noise = noise ? noise[s] + x0 : NULL,
                        .blocks = depth / ms_block,
                        .slope = product->slope,
                    };
                    run_panels(&place, n, taken, k0 == 0, k0 + depth == c);
                }
                panel += taken;
            }
        }
    }
}

static void upsample(const float *row, const float *scale, float *upper, float *lower, int c, int width) {
    size_t in_stride = (size_t)(width + 2) * ms_block, out_stride = (size_t)(2 * width + 2) * ms_block;
    size_t band = (size_t)(c / ms_block) * in_stride;
    for (int block = 0; block < c / ms_block; block++) {
        for (int part = 0; part < parts; part++) {
            int lane = part * LANES;
            const float *in = row + block * in_stride + ms_block + lane, *s = scale + block * ms_block + lane;
            float *up = upper + block * out_stride + ms_block + lane;
            float *down = lower + block * out_stride + ms_block + lane;
            vector s0 = load(s), s1 = load(s + c), s2 = load(s + 2 * c), s3 = load(s + 3 * c);
            for (int x = 0; x < width; x++) {
                const float *p = in + (size_t)x * ms_block;
                vector low = load(p) * s0, vertical = load(p + band) * s1;
                vector horizontal = load(p + 2 * band) * s2, diagonal = load(p + 3 * band) * s3;
                vector a = low + vertical, b = low - vertical;
                vector d = horizontal + diagonal, e = horizontal - diagonal;
                float *q = up + (size_t)x * 2 * ms_block, *t = down + (size_t)x * 2 * ms_block;
                store(q, a + d);
                store(q + ms_block, a - d);
                store(t, b + e);
                store(t + ms_block, b - e);
            }
        }
    }
}

static void pool(const float *row, int m, int width, int box, int begins, float *sums) {
    size_t in_stride = (size_t)(width + 2) * ms_block, out_stride = (size_t)(width / box + 2) * ms_block;
    for (int block = 0; block < m / ms_block; block++) {
        const float *in = row + block * in_stride + ms_block;
        float *out = sums + block * out_stride + ms_block;
        for (int x = 0; x < width / box; x++, out += ms_block) {
            UNROLL for (int lane = 0; lane < ms_block; lane += LANES) {
                vector sum = load(in + lane);
                for (int i = 1; i < box; i++) sum += load(in + (size_t)i * ms_block + lane);
                store(out + lane, begins ? sum : load(out + lane) + sum);
            }
            in += (size_t)box * ms_block;
        }
    }
}

static void project(
    const float *row, const float *weights, const float *bias, int m, int width, float *pixels) {
    tile_place place = {
        .pixels = row + ms_block,
        .pixel_stride = (size_t)(width + 2) * ms_block,
        .weights = weights,
        .target = pixels,
        .bias = bias,
        .blocks = m / ms_block,
    };
    run_panel(&place, width, 1, 0);
}

// COUNT dot products with one row of weights, which is read once.
#define DEFINE_DOTS(NAME, COUNT)                                                                                       \
    INLINE void NAME(const float *weight, const float *in, size_t in_stride, int length, float *sums) {                \
        vector total[COUNT] = {0};                                                                                     \
        int k = 0;                                                                                                     \
        for (; k + LANES <= length; k += LANES) {                                                                      \
            vector w = load_loose(weight + k);                                                                         \
            UNROLL for (int i = 0; i < COUNT; i++) total[i] += w * load_loose(in + i * in_stride + k);                 \
        }                                                                                                              \
        UNROLL for (int i = 0; i < COUNT; i++) {                                                                       \
            float sum = 0;                                                                                             \
            UNROLL for (int lane = 0; lane < LANES; lane++) sum += total[i][lane];                                     \
            for (int rest = k; rest < length; rest++) sum += weight[rest] * in[i * in_stride + rest];                  \
            sums[i] = sum;                                                                                             \
        }                                                                                                              \
    }

DEFINE_DOTS(dots_4, 4)
DEFINE_DOTS(dots_1, 1)

static void linear(
    const float *weight, const float *bias, float scale, const float *in, size_t in_stride, int count, int rows,
    int length, float *out, size_t out_stride) {
    for (int j = 0; j < rows; j++) {
        const float *w = weight + (size_t)j * length;
        float sums[4];
        for (int i = 0; i < count;) {
            int taken = count - i >= 4 ? 4 : 1;
            if (taken == 4) dots_4(w, in + i * in_stride, in_stride, length, sums);
            else dots_1(w, in + i * in_stride, in_stride, length, sums);
            for (int t = 0; t < taken; t++) {
                out[(i + t) * out_stride + j] = scale * (sums[t] + (bias ? bias[j] : 0));
            }
            i += taken;
        }
    }
}

static const float no_bias[2 * ms_block] __attribute__((aligned(64)));

static void multiply(
    const float *pixels, size_t pixel_stride, const float *weights, float *target, size_t target_stride, int c, int m,
    int n, int begins) {
    for (int k0 = 0; k0 < c; k0 += ms_depth) {
        int depth = c - k0 < ms_depth ? c - k0 : ms_depth;
        for (int panel = 0; panel < m / ms_block;) {
            int taken = panel + PANELS <= m / ms_block ? PANELS : 1;
            tile_place place = {
                .pixels = pixels + (size_t)(k0 / ms_block) * pixel_stride,
                .pixel_stride = pixel_stride,
                .weights = weights + ((size_t)panel * c + k0) * ms_block,
                .weight_stride = (size_t)c * ms_block,
                .target = target + panel * target_stride,
                .target_stride = target_stride,
                .bias = no_bias,
                .blocks = depth / ms_block,
            };
            run_panels(&place, n, taken, begins && k0 == 0, 0);
            panel += taken;
        }
    }
}

#include "stylegan2_body.h"
#include "stylegan2_doubling_body.h"
#include "backward_body.h"
#include "stylegan2_back_body.h"

const ms_kernels KERNELS = {
    .name = KERNELS_NAME,
    .convolve = convolve,
    .upsample = upsample,
    .pool = pool,
    .project = project,
    .linear = linear,
    .multiply = multiply,
    .winograd_input = winograd_input, .winograd_output = winograd_output,
    .doubling_input = doubling_input, .doubling_output = doubling_output,
    .blur = blur,
    .backward_product = backward_product, .backward_depthwise = backward_depthwise,
    .backward_upsample = backward_upsample, .backward_image = backward_image,
    .backward_linear = backward_linear,
    .backward_finish = backward_finish,
    .backward_doubling_input = backward_doubling_input, .backward_doubling_output = backward_doubling_output,
    .backward_blur = backward_blur,
};
