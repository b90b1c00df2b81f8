// A template, the part of kernels_body.h for StyleGAN2's doubling convolutions, which includes it; not a header for anybody else.

// The transforms of a doubling convolution along an axis on which a phase is even, by Toom and Cook's points 0, 1, -1, 2 and
// infinity: four pixels to points, the points' products to five results, and the way back through either.
enum { evaluate, interpolate, back_interpolate, back_evaluate };

INLINE void along(int kind, const vector *d, vector *out) {
    if (kind == evaluate) {
        vector even = d[0] + d[2], odd = d[1] + d[3];
        out[0] = d[0];
        out[1] = even + odd;
        out[2] = even - odd;
        out[3] = d[0] + 2 * d[1] + 4 * d[2] + 8 * d[3];
        out[4] = d[3];
    } else if (kind == interpolate) {
        vector half = 0.5f * d[0];
        out[0] = d[0];
        out[1] = 2 * (d[1] - d[2] + d[4]) - d[3] - half;
        out[2] = d[1] + 3 * d[2] - d[0] - d[4];
        out[3] = half - d[1] - d[2] + d[3] - 2 * d[4];
        out[4] = d[4];
    } else if (kind == back_interpolate) {
        vector less = d[2] - d[3];
        out[0] = d[0] - d[2] + 0.5f * (d[3] - d[1]);
        out[1] = 2 * d[1] + less;
        out[2] = 3 * d[2] - 2 * d[1] - d[3];
        out[3] = d[3] - d[1];
        out[4] = 2 * (d[1] - d[3]) - d[2] + d[4];
    } else {
        vector sum = d[1] + d[2], apart = d[1] - d[2];
        out[0] = d[0] + sum + d[3];
        out[1] = apart + 2 * d[3];
        out[2] = sum + 4 * d[3];
        out[3] = apart + 8 * d[3] + d[4];
    }
}

// Both axes of a tile, whose values lie `down` and `across` floats apart. On odd axes there are four values, which stay.
INLINE void transform(
    int kind, int even_rows, int even_columns, const float *in, size_t down, size_t across, vector factor,
    vector out[5][5]) {
    int count = kind == evaluate ? 4 : 5, rows = even_rows ? count : 4, columns = even_columns ? count : 4;
    int results = !even_rows || kind == back_evaluate ? 4 : 5;
    vector half[5][5];
    UNROLL for (int x = 0; x < columns; x++) {
        vector d[5], sums[5];
        UNROLL for (int y = 0; y < rows; y++) d[y] = load(in + y * down + x * across) * factor;
        if (even_rows) along(kind, d, sums);
        UNROLL for (int y = 0; y < results; y++) half[y][x] = even_rows ? sums[y] : d[y];
    }
    UNROLL for (int y = 0; y < results; y++) {
        if (even_columns) along(kind, half[y], out[y]);
        else UNROLL for (int x = 0; x < 4; x++) out[y][x] = half[y][x];
    }
}

// Calls a transform that is compiled for each phase.
#define BY_PHASE(CALL)                                                                                                 \
    do {                                                                                                               \
        if (phase->even_rows && phase->even_columns) CALL(1, 1);                                                       \
        else if (phase->even_rows) CALL(1, 0);                                                                         \
        else if (phase->even_columns) CALL(0, 1);                                                                      \
        else CALL(0, 0);                                                                                               \
    } while (0)

INLINE void points_of(
    int kind, int even_rows, int even_columns, const float *plane, size_t row, const float *scale,
    const ms_phase *phase, int tiles, float *points) {
    for (int tile = 0; tile < tiles; tile++, plane += 4 * ms_block, points += ms_block) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            vector out[5][5];
            transform(
                kind, even_rows, even_columns, plane + lane, row, ms_block, scale ? load(scale + lane) : 1 - (vector){0}, out);
            UNROLL for (int y = 0; y < 4 + even_rows; y++) {
                UNROLL for (int x = 0; x < 4 + even_columns; x++) {
                    store(points + y * phase->down + x * phase->across + lane, out[y][x]);
                }
            }
        }
    }
}

static void doubling_input(
    const float *plane, size_t row, const float *scale, const ms_phase *phase, int tiles, float *points) {
#define CALL(R, C) points_of(evaluate, R, C, plane, row, scale, phase, tiles, points)
    BY_PHASE(CALL);
#undef CALL
}

static void backward_doubling_input(
    const float *plane, size_t row, const ms_phase *phase, int tiles, float *points) {
#define CALL(R, C) points_of(back_interpolate, R, C, plane, row, NULL, phase, tiles, points)
    BY_PHASE(CALL);
#undef CALL
}

// Neighbouring tiles share a column of an even phase, as tiles above each other share a row.
INLINE void add_results(
    int even_rows, int even_columns, const float *products, const ms_phase *phase, int tiles, int grows, float *plane,
    size_t row, float *last) {
    vector shared[parts][5] = {0};
    for (int tile = 0; tile <= tiles; tile++, plane += 4 * ms_block, last += 4 * ms_block, products += ms_block) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            vector out[5][5], *before = shared[lane / LANES];
            if (tile < tiles) {
                transform(
                    interpolate, even_rows, even_columns, products + lane, phase->down, phase->across, 1 - (vector){0}, out);
            }
            UNROLL for (int y = 0; y < 4 + even_rows; y++) {
                float *target = (y < 4 ? plane + y * row : last) + lane;
                int adds = even_rows && y == 0 && grows;
                if (tile == tiles) {
                    store(target, adds ? before[y] + load(target) : before[y]);
                    continue;
                }
                if (even_columns) {
                    out[y][0] += before[y];
                    before[y] = out[y][4];
                }
                UNROLL for (int x = 0; x < 4; x++) {
                    store(target + x * ms_block, adds ? out[y][x] + load(target + x * ms_block) : out[y][x]);
                }
            }
        }
    }
}

static void doubling_output(
    const float *products, const ms_phase *phase, int tiles, int grows, float *plane, size_t row, float *last) {
#define CALL(R, C) add_results(R, C, products, phase, tiles, grows, plane, row, last)
    BY_PHASE(CALL);
#undef CALL
}

INLINE void add_pixels(
    int even_rows, int even_columns, const float *products, const ms_phase *phase, int tiles, int grows, float *plane,
    size_t row) {
    for (int tile = 0; tile < tiles; tile++, plane += 4 * ms_block, products += ms_block) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            vector out[5][5];
            transform(
                back_evaluate, even_rows, even_columns, products + lane, phase->down, phase->across, 1 - (vector){0}, out);
            UNROLL for (int y = 0; y < 4; y++) {
                float *target = plane + y * row + lane;
                UNROLL for (int x = 0; x < 4; x++) {
                    store(target + x * ms_block, grows ? out[y][x] + load(target + x * ms_block) : out[y][x]);
                }
            }
        }
    }
}

static void backward_doubling_output(
    const float *products, const ms_phase *phase, int tiles, int grows, float *plane, size_t row) {
#define CALL(R, C) add_pixels(R, C, products, phase, tiles, grows, plane, row)
    BY_PHASE(CALL);
#undef CALL
}
