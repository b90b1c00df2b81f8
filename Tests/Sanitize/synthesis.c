// Holds the synthesis engine to a naive twin on small random networks: the paths named on the command line, batches,
// thread counts, sizes and style layouts. scripts/sanitize compiles it with the engine under the sanitizers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CSynthesis.h"

enum { latent = 20, most_layers = 6 };

// MARK: a random network

static unsigned state = 1;

static float next_random(void) {
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 8388608.0f - 1.0f;
}

static float *arrays[256];
static int array_count;

static const float *random_array(size_t count, float scale) {
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = scale * next_random();
    arrays[array_count++] = values;
    return values;
}

static ms_modulation random_modulation(int channels) {
    return (ms_modulation){random_array((size_t)channels * latent, 0.5f), random_array((size_t)channels, 1), 0.75f};
}

static ms_convolution random_convolution(int c, int m, int side, int has_noise) {
    return (ms_convolution){
        .modulation = random_modulation(c),
        .depthwise = random_array((size_t)c * 9, 0.5f),
        .pointwise = random_array((size_t)m * c, 1.5f / sqrtf((float)c)),
        .noise = has_noise ? random_array((size_t)side * side, 0.3f) : NULL,
        .bias = random_array((size_t)m, 0.2f),
    };
}

static ms_network random_network(ms_layer *layers, int start, const int *channels, int count) {
    int side = 4, input = start;
    for (int k = 0; k < count; k++) {
        side *= 2;
        layers[k] = (ms_layer){
            .channels = channels[k],
            .up = random_modulation(input),
            .first = random_convolution(input / 4, channels[k], side, 1),
            .second = random_convolution(channels[k], channels[k], side, k % 2),
        };
        input = channels[k];
    }
    return (ms_network){
        .latent = latent,
        .start_resolution = 4,
        .start_channels = start,
        .layer_count = count,
        .slope = 0.2f,
        .constant = random_array((size_t)start * 16, 1),
        .start_modulation = random_modulation(start),
        .start_weight = random_array((size_t)start * start * 9, 0.5f / sqrtf((float)start)),
        .start_noise = random_array(16, 0.3f),
        .start_bias = random_array((size_t)start, 0.2f),
        .layers = layers,
        .image_modulation = random_modulation(input),
        .image_weight = random_array(12 * (size_t)input, 1 / sqrtf((float)input)),
        .image_bias = random_array(12, 0.2f),
    };
}

// MARK: the naive twin, in double

static double *modulated(const double *x, const ms_modulation *modulation, const float *style, int c, int pixels) {
    double *result = malloc(sizeof(double) * (size_t)c * (size_t)pixels);
    for (int k = 0; k < c; k++) {
        double sum = modulation->bias[k];
        for (int i = 0; i < latent; i++) sum += (double)modulation->weight[k * latent + i] * style[i];
        for (int p = 0; p < pixels; p++) result[k * pixels + p] = x[k * pixels + p] * sum * modulation->scale;
    }
    return result;
}

static double at(const double *plane, int side, int y, int x) {
    return y < 0 || x < 0 || y >= side || x >= side ? 0 : plane[y * side + x];
}

static double near(const double *plane, const float *kernel, int side, int y, int x) {
    double sum = 0;
    for (int t = 0; t < 9; t++) sum += kernel[t] * at(plane, side, y + t / 3 - 1, x + t % 3 - 1);
    return sum;
}

static double *twin_convolution(
    const double *x, const ms_convolution *from, const float *style, int c, int m, int side, int noise, float slope) {
    int pixels = side * side;
    double *in = modulated(x, &from->modulation, style, c, pixels);
    double *spatial = malloc(sizeof(double) * (size_t)c * (size_t)pixels);
    double *out = malloc(sizeof(double) * (size_t)m * (size_t)pixels);
    for (int k = 0; k < c; k++) {
        for (int p = 0; p < pixels; p++) {
            spatial[k * pixels + p] = near(in + k * pixels, from->depthwise + k * 9, side, p / side, p % side);
        }
    }
    for (int j = 0; j < m; j++) {
        for (int p = 0; p < pixels; p++) {
            double sum = from->bias[j] + (noise && from->noise ? from->noise[p] : 0);
            for (int k = 0; k < c; k++) sum += (double)from->pointwise[j * c + k] * spatial[k * pixels + p];
            out[j * pixels + p] = sum > 0 ? sum : slope * sum;
        }
    }
    free(in);
    free(spatial);
    return out;
}

static double *twin_haar(const double *x, int groups, int side) {
    int pixels = side * side;
    double *out = malloc(sizeof(double) * (size_t)groups * 4 * (size_t)pixels);
    for (int g = 0; g < groups; g++) {
        for (int p = 0; p < pixels; p++) {
            const double *high = x + (groups + 3 * g) * pixels + p;
            double low = x[g * pixels + p], v = high[0], h = high[pixels], d = high[2 * pixels];
            for (int i = 0; i < 4; i++) {
                double s = i & 2 ? -1 : 1, t = i & 1 ? -1 : 1;
                size_t y = (size_t)(2 * (p / side) + i / 2), at_x = (size_t)(2 * (p % side) + i % 2);
                out[((size_t)g * 2 * (size_t)side + y) * 2 * (size_t)side + at_x] = 0.5 * (low + s * v + t * (h + s * d));
            }
        }
    }
    return out;
}

// One full image; `style` has `rows` rows.
static double *twin(const ms_network *network, const float *style, int rows, int noise) {
#define ROW(I) (style + (rows == 1 ? 0 : (I) * latent))
    int c = network->start_channels, side = 4, pixels = 16;
    double *constant = malloc(sizeof(double) * (size_t)c * 16);
    for (int i = 0; i < c * 16; i++) constant[i] = network->constant[i];
    double *in = modulated(constant, &network->start_modulation, ROW(0), c, 16);
    double *x = malloc(sizeof(double) * (size_t)c * 16);
    for (int j = 0; j < c; j++) {
        for (int p = 0; p < 16; p++) {
            double sum = network->start_bias[j] + (noise ? network->start_noise[p] : 0);
            for (int k = 0; k < c; k++) sum += near(in + k * 16, network->start_weight + (j * c + k) * 9, 4, p / 4, p % 4);
            x[j * 16 + p] = sum > 0 ? sum : network->slope * sum;
        }
    }
    free(constant);
    free(in);
    for (int k = 0; k < network->layer_count; k++) {
        const ms_layer *layer = &network->layers[k];
        double *raised = modulated(x, &layer->up, ROW(3 * k + 1), c, pixels);
        double *grown = twin_haar(raised, c / 4, side);
        side *= 2;
        pixels = side * side;
        double *first = twin_convolution(
            grown, &layer->first, ROW(3 * k + 1), c / 4, layer->channels, side, noise, network->slope);
        free(x);
        x = twin_convolution(
            first, &layer->second, ROW(3 * k + 2), layer->channels, layer->channels, side, noise, network->slope);
        free(raised);
        free(grown);
        free(first);
        c = layer->channels;
    }
    double *last = modulated(x, &network->image_modulation, ROW(3 * network->layer_count), c, pixels);
    double *bands = malloc(sizeof(double) * 12 * (size_t)pixels);
    for (int j = 0; j < 12; j++) {
        for (int p = 0; p < pixels; p++) {
            double sum = network->image_bias[j];
            for (int k = 0; k < c; k++) sum += (double)network->image_weight[j * c + k] * last[k * pixels + p];
            bands[j * pixels + p] = sum;
        }
    }
    double *image = twin_haar(bands, 3, side);
    free(x);
    free(last);
    free(bands);
    return image;
}

// MARK: comparison

static int failures;
static double largest;  // value of any twin

static void expect(int holds, const char *what) {
    if (holds) return;
    printf("failed: %s\n", what);
    failures++;
}

// The largest difference of an image from the box average of its full twin.
static double difference(const float *image, const double *full, int full_size, int size) {
    int box = full_size / size;
    double most = 0;
    for (int colour = 0; colour < 3; colour++) {
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                double sum = 0;
                for (int i = 0; i < box * box; i++) {
                    sum += full[(colour * full_size + y * box + i / box) * full_size + x * box + i % box];
                }
                double apart = fabs(sum / (box * box) - image[(colour * size + y) * size + x]);
                if (!(apart <= most)) most = apart;
                largest = fmax(largest, fabs(sum / (box * box)));
            }
        }
    }
    return most;
}

enum { images = 3 };

// One path with some threads against full images of the twin; returns the largest difference.
static double check_path(
    const ms_network *network, const char *path, int threads, const float *styles, int rows, int noise,
    double *const *expected, float *out, float *again) {
    int full = 4 << (network->layer_count + 1);
    double worst = 0;
    ms_context *context = NULL;
    expect(ms_create(network, threads, path, &context) == ms_ok, "creation");
    if (!context) return 0;
    expect(strcmp(ms_path(context), path) == 0, "the path asked for");
    for (int size = full; size >= 4; size /= 2) {
        size_t pixels = 3 * (size_t)size * (size_t)size;
        expect(ms_synthesize(context, styles, images, rows, size, noise, out) == ms_ok, "synthesis");
        for (int i = 0; i < images; i++) {
            double apart = difference(out + (size_t)i * pixels, expected[i], full, size);
            if (!(apart <= worst)) worst = apart;
        }
        const float *last = styles + (size_t)(images - 1) * (size_t)(rows * latent);
        expect(ms_synthesize(context, last, 1, rows, size, noise, again) == ms_ok, "one image");
        expect(memcmp(again, out + (images - 1) * pixels, pixels * sizeof(float)) == 0, "the batch changes nothing");
    }
    expect(ms_synthesize(context, styles, 1, 2, full, 0, out) == ms_bad_argument, "two rows are refused");
    expect(ms_synthesize(context, styles, 1, 1, full - 1, 0, out) == ms_bad_argument, "odd sizes are refused");
    expect(ms_synthesize(context, styles, -1, 1, full, 0, out) == ms_bad_argument, "negative counts are refused");
    expect(ms_synthesize(context, styles, 0, 1, full, 0, out) == ms_ok, "nothing to do");
    ms_destroy(context);
    return worst;
}

static void check_network(char *const *paths, int path_count, int start, const int *channels, int count) {
    ms_layer layers[most_layers];
    ms_network network = random_network(layers, start, channels, count);
    int full = 4 << (count + 1), own_rows = 3 * count + 1;
    size_t values = (size_t)images * (size_t)own_rows * latent, floats = (size_t)images * 3 * (size_t)full * (size_t)full;
    float *styles = malloc(sizeof(float) * values);
    for (size_t i = 0; i < values; i++) styles[i] = next_random();
    float *out = malloc(sizeof(float) * floats), *again = malloc(sizeof(float) * floats);
    double worst = 0;
    for (int noise = 0; noise < 2; noise++) {
        int rows = noise ? own_rows : 1;
        double *expected[images];
        for (int i = 0; i < images; i++) expected[i] = twin(&network, styles + (size_t)(i * rows * latent), rows, noise);
        for (int path = 0; path < path_count; path++) {
            for (int threads = 1; threads <= 3; threads += 2) {
                double apart = check_path(&network, paths[path], threads, styles, rows, noise, expected, out, again);
                if (!(apart <= worst)) worst = apart;
            }
        }
        for (int i = 0; i < images; i++) free(expected[i]);
    }
    printf("%d layers from %d channels: largest difference %.2g of values up to %.2g\n", count, start, worst, largest);
    expect(worst < 5e-6, "the naive twin agrees");
    free(styles);
    free(out);
    free(again);
    while (array_count > 0) free((void *)arrays[--array_count]);
}

// MARK: StyleGAN2

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
                    plane[p] += scales[k] * near(in, w, side, p / side, p % side);
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
                    * at(large, wide, p / out_side - 1 + t / 4, p % out_side - 1 + t % 4);
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
    while (array_count > 0) free((void *)arrays[--array_count]);
}

int main(int count, char **arguments) {
    check_gan(arguments + 1, count - 1, (int[]){20, 24, 40, 12}, 4, 1, 0);
    check_gan(arguments + 1, count - 1, (int[]){4, 272, 16}, 3, 0, 1.5f);
    check_gan(arguments + 1, count - 1, (int[]){8}, 1, 1, 0);
    check_network(arguments + 1, count - 1, 24, (int[]){40, 272, 36, 20, 24}, 5);
    check_network(arguments + 1, count - 1, 64, (int[]){8}, 1);
    check_network(arguments + 1, count - 1, 4, (int[]){16, 4}, 2);
    ms_context *context;
    expect(ms_create(NULL, 1, NULL, &context) == ms_bad_argument, "no network is refused");
    ms_layer layers[most_layers];
    ms_network network = random_network(layers, 8, (int[]){6}, 1);
    expect(ms_create(&network, 1, NULL, &context) == ms_bad_network, "six channels are refused");
    layers[0].channels = 8;
    expect(ms_create(&network, 1, "sse9", &context) == ms_no_such_path, "an unknown path is refused");
    while (array_count > 0) free((void *)arrays[--array_count]);
    return failures ? 1 : 0;
}
