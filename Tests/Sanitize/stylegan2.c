// StyleGAN2 against its naive twin.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { most_levels = 5 };

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
    const double *x, const sg_convolution *from, const float *style, int side, int doubles, const float *filter,
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

static double *gan_twin(const sg_network *network, const float *style, int rows, const float *const *noise) {
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

static void check_gan(char *const *paths, int path_count, const int *channels, int count, int has_images, float clamp) {
    sg_level levels[most_levels];
    sg_convolution firsts[most_levels];
    sg_image parts[most_levels];
    const float *noise[2 * most_levels];
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
    sg_network network = {
        .latent = latent,
        .level_count = count,
        .constant = random_array((size_t)channels[0] * 16, 1),
        .levels = levels,
        .filter = {0.1f, 0.4f, 0.3f, 0.2f},
        .clamp = clamp,
    };
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
            expected[i] = gan_twin(&network, styles + i * rows * latent, rows, noisy ? noise : NULL);
        }
        for (int path = 0; path < path_count; path++) {
            for (int threads = 1; threads <= 3; threads += 2) {
                ms_context *context = NULL;
                expect(sg_create(&network, threads, paths[path], &context) == ms_ok, "creation");
                if (!context) continue;
                expect(strcmp(ms_path(context), paths[path]) == 0, "the path asked for");
                expect(sg_synthesize(context, styles, many, rows, count, noisy ? noise : NULL, 1, out) == ms_ok, "synthesis");
                for (int i = 0; i < images; i++) {
                    double apart = difference(out + (size_t)i * pixels, expected[i], side, side);
                    if (!(apart <= worst)) worst = apart;
                }
                const float *last = styles + (many - 1) * rows * latent;
                expect(sg_synthesize(context, last, 1, rows, count, noisy ? noise : NULL, 1, again) == ms_ok, "one image");
                expect(
                    memcmp(again, out + (size_t)(many - 1) * pixels, pixels * sizeof(float)) == 0, "the batch changes nothing");
                expect(sg_synthesize(context, styles, 1, 1, 1, NULL, 1, again) == ms_ok, "one level");
                expect(sg_synthesize(context, styles, 1, 2, 1 + (count == 1), NULL, 1, out) == ms_bad_argument, "bad rows");
                expect(sg_synthesize(context, styles, 3, 1, count, noise, 2, out) == ms_bad_argument, "bad noise");
                ms_destroy(context);
            }
        }
        for (int i = 0; i < images; i++) free(expected[i]);
    }
    printf("StyleGAN2 of %d levels: largest difference %.2g of values up to %.2g\n", count, worst, largest);
    expect(worst < 2e-5 * fmax(1, largest), "the naive twin agrees");
    levels[count - 1].image = NULL;
    ms_context *context;
    expect(sg_create(&network, 1, NULL, &context) == ms_bad_network, "no image at the end is refused");
    free(styles);
    free(out);
    free(again);
    free_arrays();
}

void check_stylegan2(char *const *paths, int path_count) {
    check_gan(paths, path_count, (int[]){20, 24, 40, 12}, 4, 1, 0);
    check_gan(paths, path_count, (int[]){4, 272, 16}, 3, 0, 1.5f);
    check_gan(paths, path_count, (int[]){8}, 1, 1, 0);
}
