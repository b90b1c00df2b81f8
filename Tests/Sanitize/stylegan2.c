// StyleGAN2 against its naive twin.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { most_levels = 6 };

static sg_convolution random_gan_convolution(int inputs, int outputs) {
    return (sg_convolution){
        .inputs = inputs,
        .outputs = outputs,
        .modulation_weight = random_array((size_t)inputs * latent, 0.3f),
        .modulation_bias = random_array((size_t)inputs, 1),
        .weight = random_array((size_t)outputs * (size_t)inputs * 9, 1),
        .bias = random_array((size_t)outputs, 0.3f),
    };
}

// Modulated, convolved (doubled and blurred where `doubles`), demodulated and finished.
static double *gan_twin_convolution(
    const double *x, const sg_convolution *from, const double *style, int side, int doubles, const float *filter,
    const float *noise, double clamp) {
    int out_side = doubles ? 2 * side : side, pixels = out_side * out_side, wide = 2 * side + 1;
    double *scales = malloc(sizeof(double) * (size_t)from->inputs);
    for (int k = 0; k < from->inputs; k++) {
        scales[k] = from->modulation_bias[k];
        for (int i = 0; i < latent; i++) scales[k] += (double)from->modulation_weight[k * latent + i] * style[i];
    }
    double *out = malloc(sizeof(double) * (size_t)from->outputs * (size_t)pixels);
    double *large = malloc(sizeof(double) * (size_t)(wide * wide));
    for (int j = 0; j < from->outputs; j++) {
        double power = 1e-8, *plane = out + j * pixels;
        memset(large, 0, sizeof(double) * (size_t)(wide * wide));
        for (int p = 0; p < pixels; p++) plane[p] = 0;
        for (int k = 0; k < from->inputs; k++) {
            const float *w = from->weight + (j * from->inputs + k) * 9;
            const double *in = x + k * side * side;
            for (int t = 0; t < 9; t++) power += scales[k] * scales[k] * (double)w[t] * w[t];
            for (int p = 0; p < side * side; p++) {
                if (!doubles) {
                    plane[p] += scales[k] * twin_kernel(in, w, side, p / side, p % side);
                    continue;
                }
                for (int t = 0; t < 9; t++) {
                    large[(2 * (p / side) + t / 3) * wide + 2 * (p % side) + t % 3] += scales[k] * in[p] * w[t];
                }
            }
        }
        for (int p = 0; p < pixels; p++) {
            double sum = plane[p];
            for (int t = 0; doubles && t < 16; t++) {
                sum += 4 * (double)filter[3 - t / 4] * filter[3 - t % 4]
                    * twin_pixel(large, wide, p / out_side - 1 + t / 4, p % out_side - 1 + t % 4);
            }
            sum = sum / sqrt(power) + (noise ? noise[p] : 0) + from->bias[j];
            sum = sqrt(2) * (sum > 0 ? sum : 0.2 * sum);
            plane[p] = clamp > 0 ? fmin(fmax(sum, -clamp), clamp) : sum;
        }
    }
    free(scales);
    free(large);
    return out;
}

#define ROW(I) (style + (rows == 1 ? 0 : (I) * latent))

static double *gan_twin(
    const sg_network *network, const double *style, int rows, const float *const *noise, const ms_seam *seam) {
    int side = 4, c = network->levels[0].second.inputs;
    double *x = malloc(sizeof(double) * (size_t)c * 16), *image = NULL;
    for (int i = 0; i < c * 16; i++) x[i] = network->constant[i];
    for (int k = 0; k < network->level_count; k++) {
        const sg_level *level = &network->levels[k];
        double *next;
        if (level->first) {
            next = gan_twin_convolution(
                x, level->first, ROW(2 * k - 1), side, 1, network->filter, noise ? noise[2 * k - 1] : NULL, network->clamp);
            free(x);
            x = next;
            side *= 2;
            for (int i = 0; seam && seam->side == side && i < level->first->outputs * side * side; i++) {
                if (seam->features) seam->features[i] = (float)x[i];
                x[i] = x[i] * (1 + (seam->scale ? seam->scale[i] : 0)) + (seam->shift ? seam->shift[i] : 0);
            }
        }
        next = gan_twin_convolution(
            x, &level->second, ROW(2 * k), side, 0, network->filter, noise ? noise[2 * k] : NULL, network->clamp);
        free(x);
        x = next;
        c = level->second.outputs;
        double *grown = calloc(3 * (size_t)(side * side), sizeof(double));
        for (int p = 0; image && p < 3 * side * side; p++) {
            int half = side / 2, colour = p / (side * side), y = p / side % side, at_x = p % side;
            for (int a = 0; a < half; a++) {
                for (int b = 0; b < half; b++) {
                    int t = y + 1 - 2 * a, u = at_x + 1 - 2 * b;
                    if (t < 0 || t > 3 || u < 0 || u > 3) continue;
                    grown[p] += 4 * (double)network->filter[t] * network->filter[u]
                        * image[(colour * half + a) * half + b];
                }
            }
        }
        if (level->image) {
            const sg_image *part = level->image;
            for (int p = 0; p < 3 * side * side; p++) {
                int colour = p / (side * side);
                double sum = part->bias[colour];
                for (int m = 0; m < c; m++) {
                    double scale = part->modulation_bias[m];
                    for (int i = 0; i < latent; i++) {
                        scale += (double)part->modulation_weight[m * latent + i] * ROW(2 * k + 1)[i];
                    }
                    sum += part->weight[colour * c + m] * scale * x[m * side * side + p % (side * side)];
                }
                if (network->clamp > 0) sum = fmin(fmax(sum, -network->clamp), network->clamp);
                grown[p] += sum;
            }
        }
        free(image);
        image = grown;
    }
    free(x);
    return image;
}

// A random network and what it points to.
typedef struct {
    sg_network network;
    sg_level levels[most_levels];
    sg_convolution firsts[most_levels];
    sg_image parts[most_levels];
    const float *noise[2 * most_levels];
} random_gan;

static void make_gan(random_gan *gan, const int *channels, int count, int has_images, float clamp) {
    sg_level *levels = gan->levels;
    sg_convolution *firsts = gan->firsts;
    sg_image *parts = gan->parts;
    const float **noise = gan->noise;
    for (int k = 0; k < count; k++) {
        int inputs = channels[k > 0 ? k - 1 : 0];
        size_t pixels = (size_t)16 << (2 * k);
        if (k > 0) firsts[k] = random_gan_convolution(inputs, channels[k]);
        parts[k] = (sg_image){
            .inputs = channels[k],
            .modulation_weight = random_array((size_t)channels[k] * latent, 0.3f),
            .modulation_bias = random_array((size_t)channels[k], 1),
            .weight = random_array(3 * (size_t)channels[k], 0.3f),
            .bias = random_array(3, 0.3f),
        };
        levels[k] = (sg_level){
            .first = k > 0 ? &firsts[k] : NULL,
            .second = random_gan_convolution(channels[k], channels[k]),
            .image = has_images || k == count - 1 ? &parts[k] : NULL,
        };
        if (k > 0) noise[2 * k - 1] = k % 2 ? random_array(pixels, 0.3f) : NULL;
        noise[2 * k] = random_array(pixels, 0.3f);
    }
    gan->network = (sg_network){
        .latent = latent,
        .level_count = count,
        .constant = random_array((size_t)channels[0] * 16, 1),
        .levels = levels,
        .filter = {0.1f, 0.4f, 0.3f, 0.2f},
        .clamp = clamp,
    };
}

// The twin's image of a float style.
static double *gan_twin_of(
    const sg_network *network, const float *style, int rows, const float *const *noise, const ms_seam *seam) {
    double *exact = malloc(sizeof(double) * (size_t)rows * latent);
    for (int i = 0; i < rows * latent; i++) exact[i] = style[i];
    double *image = gan_twin(network, exact, rows, noise, seam);
    free(exact);
    return image;
}

static void check_gan(char *const *paths, int path_count, const int *channels, int count, int has_images, float clamp) {
    random_gan gan;
    make_gan(&gan, channels, count, has_images, clamp);
    int side = 4 << (count - 1), own_rows = 2 * count, many = 10;
    size_t pixels = 3 * (size_t)(side * side);
    float *styles = malloc(sizeof(float) * (size_t)(many * own_rows * latent));
    for (int i = 0; i < many * own_rows * latent; i++) styles[i] = next_random();
    float *out = malloc(sizeof(float) * pixels * (size_t)many), *again = malloc(sizeof(float) * pixels);
    double worst = 0;
    largest = 0;
    for (int noisy = 0; noisy < 2; noisy++) {
        int rows = noisy ? own_rows : 1;
        double *expected[images];
        for (int i = 0; i < images; i++) {
            expected[i] = gan_twin_of(&gan.network, styles + i * rows * latent, rows, noisy ? gan.noise : NULL, NULL);
        }
        for (int path = 0; path < path_count; path++) {
            for (int threads = 1; threads <= 3; threads += 2) {
                ms_context *context = NULL;
                expect(sg_create(&gan.network, threads, paths[path], &context) == ms_ok, "creation");
                if (!context) continue;
                expect(strcmp(ms_path(context), paths[path]) == 0, "the path asked for");
                sg_request request = {styles, many, rows, count, noisy ? gan.noise : NULL, 1, NULL};
                expect(sg_synthesize(context, &request, out) == ms_ok, "synthesis");
                for (int i = 0; i < images; i++) {
                    double apart = difference(out + (size_t)i * pixels, expected[i], side, side);
                    if (!(apart <= worst)) worst = apart;
                }
                request.styles = styles + (many - 1) * rows * latent;
                request.count = 1;
                expect(sg_synthesize(context, &request, again) == ms_ok, "one image");
                expect(
                    memcmp(again, out + (size_t)(many - 1) * pixels, pixels * sizeof(float)) == 0, "the batch changes nothing");
                request = (sg_request){styles, 1, 1, 1, NULL, 1, NULL};
                expect(sg_synthesize(context, &request, again) == ms_ok, "one level");
                request = (sg_request){styles, 1, 2, 1 + (count == 1), NULL, 1, NULL};
                expect(sg_synthesize(context, &request, out) == ms_bad_argument, "bad rows");
                request = (sg_request){styles, 3, 1, count, gan.noise, 2, NULL};
                expect(sg_synthesize(context, &request, out) == ms_bad_argument, "bad noise");
                request = (sg_request){styles, 1, 1, count, NULL, 1, &(ms_seam){.side = 4}};
                expect(sg_synthesize(context, &request, out) == ms_bad_argument, "features of no level are refused");
                ms_destroy(context);
            }
        }
        for (int i = 0; i < images; i++) free(expected[i]);
    }
    printf("StyleGAN2 of %d levels: largest difference %.2g of values up to %.2g\n", count, worst, largest);
    expect(worst < 2e-5 * fmax(1, largest), "the naive twin agrees");
    gan.levels[count - 1].image = NULL;
    ms_context *context;
    expect(sg_create(&gan.network, 1, NULL, &context) == ms_bad_network, "no image at the end is refused");
    free(styles);
    free(out);
    free(again);
    free_arrays();
}

// MARK: gradients

// A function of the twin's image, and what it is a function of.
typedef struct {
    const random_gan *gan;
    int rows, noisy;
    const float *style, *cotangent;
    ms_seam seam;
    size_t features;
} problem;

// The function's value when a part (0 styles, 1 scale, 2 shift) is moved by step · direction.
static double moved(const problem *given, int part, const double *direction, double step) {
    size_t length = part == 0 ? (size_t)given->rows * latent : given->features;
    double *style = malloc(sizeof(double) * (size_t)given->rows * latent), value = 0;
    for (int i = 0; i < given->rows * latent; i++) style[i] = given->style[i] + (part ? 0 : step * direction[i]);
    ms_seam seam = given->seam;
    float *change = malloc(sizeof(float) * length);
    for (size_t i = 0; part && i < length; i++) {
        change[i] = (part == 1 ? seam.scale : seam.shift)[i] + (float)(step * direction[i]);
    }
    if (part == 1) seam.scale = change;
    if (part == 2) seam.shift = change;
    const sg_network *network = &given->gan->network;
    double *image = gan_twin(network, style, given->rows, given->noisy ? given->gan->noise : NULL, &seam);
    int side = 4 << (network->level_count - 1);
    for (int p = 0; p < 3 * side * side; p++) value += image[p] * given->cotangent[p];
    free(image);
    free(style);
    free(change);
    return value;
}

// How far the gradient's length and the function's slope along it are apart.
static double slope_error(const problem *given, int part, const float *gradient) {
    size_t count = part == 0 ? (size_t)given->rows * latent : given->features;
    double square = 0, *direction = malloc(sizeof(double) * count), step = part == 0 ? 1e-5 : 1e-3;
    for (size_t i = 0; i < count; i++) square += (double)gradient[i] * gradient[i];
    for (size_t i = 0; i < count; i++) direction[i] = gradient[i] / sqrt(square);
    double slope = (moved(given, part, direction, step) - moved(given, part, direction, -step)) / (2 * step);
    free(direction);
    return square > 0 ? fabs(slope / sqrt(square) - 1) : 1;
}

static void check_gan_gradients(
    char *const *paths, int path_count, const int *channels, int count, int has_images, float clamp, int level,
    int noisy) {
    random_gan gan;
    make_gan(&gan, channels, count, has_images, clamp);
    int side = 4 << level, full = 4 << (count - 1), rows = noisy ? 2 * count : 1, code = rows * latent, many = 5;
    size_t features = (size_t)channels[level] * (size_t)(side * side), pixels = 3 * (size_t)(full * full);
    ms_seam all = {
        .side = side, .scale = random_array(many * features, 0.4f), .shift = random_array(many * features, 0.4f),
        .features = malloc(sizeof(float) * many * features),
    };
    sg_request request = {
        .styles = random_array((size_t)(many * code), 1), .count = many, .rows = rows, .levels = count,
        .noise = noisy ? gan.noise : NULL, .noise_images = 1, .seam = &all,
    };
    const float *cotangent = random_array(many * pixels, 1);
    size_t total = (size_t)(many * code) + 2 * many * features;
    float *first = NULL, *out = malloc(sizeof(float) * many * pixels);
    double apart = 0, worst = 0, image_apart = 0, feature_apart = 0;
    largest = 0;
    for (int path = 0; path < path_count; path++) {
        float *last = NULL;
        for (int threads = 1; threads <= 3; threads += 2) {
            ms_context *context;
            expect(sg_create(&gan.network, threads, paths[path], &context) == ms_ok, "creation");
            float *values = malloc(sizeof(float) * total), *alone = malloc(sizeof(float) * many * features);
            ms_results results = {values, values + many * code, values + many * code + many * features};
            expect(sg_gradients(context, &request, cotangent, &results) == ms_ok, "gradients");
            expect(sg_synthesize(context, &request, out) == ms_ok, "changed images");
            ms_seam seam = {.side = side, .features = alone};
            sg_request up_to = request;
            up_to.seam = &seam;
            expect(sg_synthesize(context, &up_to, NULL) == ms_ok, "features alone");
            expect(memcmp(alone, all.features, sizeof(float) * many * features) == 0, "features are those of images");
            ms_destroy(context);
            if (last) expect(memcmp(last, values, sizeof(float) * total) == 0, "threads change no gradient");
            free(alone);
            free(last);
            last = values;
        }
        if (!first) first = last;
        double square = 0, sum = 0;
        for (size_t i = 0; i < total; i++) {
            sum += ((double)last[i] - first[i]) * ((double)last[i] - first[i]);
            square += (double)first[i] * first[i];
        }
        apart = fmax(apart, sqrt(sum / square));
        if (last != first) free(last);
    }
    for (int i = 0; i < many; i += 2) {
        problem given = {
            .gan = &gan, .rows = rows, .noisy = noisy, .style = request.styles + i * code,
            .cotangent = cotangent + i * pixels, .features = features,
            .seam = {.side = side, .scale = all.scale + i * features, .shift = all.shift + i * features},
        };
        float *exact = malloc(sizeof(float) * features);
        ms_seam seam = given.seam;
        seam.features = exact;
        double *image = gan_twin_of(&gan.network, given.style, rows, request.noise, &seam);
        image_apart = fmax(image_apart, difference(out + i * pixels, image, full, full));
        for (size_t f = 0; f < features; f++) {
            feature_apart = fmax(feature_apart, fabs(exact[f] - (double)all.features[i * features + f]));
        }
        free(image);
        free(exact);
        const float *parts[3] = {
            first + i * code, first + many * code + i * features, first + many * (code + features) + i * features,
        };
        for (int part = 0; part < 3; part++) worst = fmax(worst, slope_error(&given, part, parts[part]));
    }
    printf("StyleGAN2 of %d levels, features at %d: images %.2g, features %.2g, slopes %.2g, paths %.2g apart\n", count,
        side, image_apart, feature_apart, worst, apart);
    expect(image_apart < 2e-5 * fmax(1, largest) && feature_apart < 2e-5, "the naive twin agrees");
    expect(worst < 2e-3 && apart < 2e-3, "gradients are the slopes of the twin");
    free(first);
    free(out);
    free(all.features);
    free_arrays();
}

void check_stylegan2(char *const *paths, int path_count) {
    check_gan(paths, path_count, (int[]){20, 24, 40, 12}, 4, 1, 0);
    check_gan(paths, path_count, (int[]){4, 272, 16}, 3, 0, 1.5f);
    check_gan(paths, path_count, (int[]){8}, 1, 1, 0);
    check_gan_gradients(paths, path_count, (int[]){20, 24, 40, 12, 8}, 5, 1, 0, 2, 0);
    check_gan_gradients(paths, path_count, (int[]){20, 24, 40, 12, 8}, 5, 1, 0, 4, 1);
    check_gan_gradients(paths, path_count, (int[]){4, 272, 16}, 3, 0, 3, 1, 1);
    check_gan_gradients(paths, path_count, (int[]){8, 12, 8}, 3, 1, 1.5f, 2, 1);
    // From 64×64 up, several tasks share a phase.
    check_gan_gradients(paths, path_count, (int[]){20, 8, 8, 8, 4, 4}, 6, 1, 0, 5, 0);
}
