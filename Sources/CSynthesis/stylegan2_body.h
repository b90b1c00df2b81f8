// A template, the part of kernels_body.h for StyleGAN2, which includes it; not a header for anybody else.

// One dimension of the transforms, in place or to a stride.
#define WINOGRAD_INPUT(D, OUT)                                                                                         \
    do {                                                                                                               \
        vector a_ = D(4) - 4 * D(2), b_ = D(3) - 4 * D(1), c_ = D(4) - D(2), e_ = 2 * (D(3) - D(1));                   \
        OUT(0, 4 * D(0) - 5 * D(2) + D(4));                                                                            \
        OUT(1, a_ + b_);                                                                                               \
        OUT(2, a_ - b_);                                                                                               \
        OUT(3, c_ + e_);                                                                                               \
        OUT(4, c_ - e_);                                                                                               \
        OUT(5, 4 * D(1) - 5 * D(3) + D(5));                                                                            \
    } while (0)

static void winograd_input(
    const float *plane, size_t row, const float *scale, int tiles, float *points, size_t point_stride) {
    for (int tile = 0; tile < tiles; tile++, plane += 4 * ms_block, points += ms_block) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            vector factor = load(scale + lane), columns[6][6];
            UNROLL for (int x = 0; x < 6; x++) {
                vector d[6];
                UNROLL for (int y = 0; y < 6; y++) d[y] = load(plane + y * row + x * ms_block + lane) * factor;
#define FROM(k) d[k]
#define TO(k, value) columns[k][x] = (value)
                WINOGRAD_INPUT(FROM, TO);
#undef FROM
#undef TO
            }
            UNROLL for (int y = 0; y < 6; y++) {
                float *out = points + (size_t)(6 * y) * point_stride + lane;
#define FROM(k) columns[y][k]
#define TO(k, value) store(out + (k) * point_stride, value)
                WINOGRAD_INPUT(FROM, TO);
#undef FROM
#undef TO
            }
        }
    }
}

INLINE vector finished(vector x, vector scale, vector bias, float noise, const ms_finish *finish) {
    x = scale * x + (bias + finish->gain * noise);
    x = MAXIMUM(x, finish->slope * x);
    vector limit = finish->limit - (vector){0};
    return MAXIMUM(-MAXIMUM(-x, -limit), -limit);
}

#define WINOGRAD_OUTPUT(D, OUT)                                                                                        \
    do {                                                                                                               \
        vector a_ = D(1) + D(2), b_ = D(1) - D(2), c_ = D(3) + D(4), e_ = D(3) - D(4);                                 \
        OUT(0, D(0) + a_ + c_);                                                                                        \
        OUT(1, b_ + 2 * e_);                                                                                           \
        OUT(2, a_ + 4 * c_);                                                                                           \
        OUT(3, b_ + 8 * e_ + D(5));                                                                                    \
    } while (0)

static void winograd_output(
    const float *points, size_t point_stride, const ms_finish *finish, const float *noise, size_t noise_row, int tiles,
    float *plane, size_t row) {
    for (int tile = 0; tile < tiles; tile++, plane += 4 * ms_block, points += ms_block) {
        for (int lane = 0; lane < ms_block; lane += LANES) {
            vector scale = load(finish->scale + lane), bias = load(finish->bias + lane), rows[4][6];
            UNROLL for (int x = 0; x < 6; x++) {
#define FROM(k) load(points + (size_t)(6 * (k) + x) * point_stride + lane)
#define TO(k, value) rows[k][x] = (value)
                WINOGRAD_OUTPUT(FROM, TO);
#undef FROM
#undef TO
            }
            UNROLL for (int y = 0; y < 4; y++) {
                float *out = plane + y * row + lane;
                const float *line = noise ? noise + y * noise_row + 4 * tile : no_bias;
#define FROM(k) rows[y][k]
#define TO(k, value) store(out + (k) * ms_block, finished(value, scale, bias, line[k], finish))
                WINOGRAD_OUTPUT(FROM, TO);
#undef FROM
#undef TO
            }
        }
    }
}

static void blur(
    const float *const *even, const float *const *odd, const float *down, const float *across, const ms_finish *finish,
    const float *noise, int width, float *target) {
    for (int lane = 0; lane < ms_block; lane += LANES) {
        vector scale = load(finish->scale + lane), bias = load(finish->bias + lane);
        const float *e0 = even[0] + lane, *e1 = even[1] + lane, *e2 = even[2] + lane, *e3 = even[3] + lane;
        const float *o0 = odd[0] + lane, *o1 = odd[1] + lane, *o2 = odd[2] + lane, *o3 = odd[3] + lane;
#define DOWN(A, B, C, D, AT)                                                                                           \
    (down[0] * load(A + (AT)) + down[1] * load(B + (AT)) + down[2] * load(C + (AT)) + down[3] * load(D + (AT)))
        vector before = DOWN(o0, o1, o2, o3, 0), middle = DOWN(e0, e1, e2, e3, ms_block);
        vector here = DOWN(o0, o1, o2, o3, ms_block);
        for (int x = 0; x < width; x++) {
            size_t at = (size_t)(x + 2) * ms_block;
            vector next = DOWN(e0, e1, e2, e3, at), after = DOWN(o0, o1, o2, o3, at);
            vector left = across[0] * before + across[1] * middle + across[2] * here + across[3] * next;
            vector right = across[0] * middle + across[1] * here + across[2] * next + across[3] * after;
            float *out = target + (size_t)(2 * x) * ms_block + lane;
            store(out, finished(left, scale, bias, noise ? noise[2 * x] : 0, finish));
            store(out + ms_block, finished(right, scale, bias, noise ? noise[2 * x + 1] : 0, finish));
            before = here;
            middle = next;
            here = after;
        }
#undef DOWN
    }
}
