// MobileStyleGAN against its naive twin: images, features, and gradients against differences of the twin.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin.h"

// A code of `rows` rows, and the seam's arrays if it has one, as the twin takes them.
static double *twin_of(const ms_network *network, const float *style, int rows, int noise, const ms_seam *seam) {
    double *exact = malloc(sizeof(double) * (size_t)rows * latent);
    for (int i = 0; i < rows * latent; i++) exact[i] = style[i];
    double *image = twin(network, exact, rows, noise, seam);
    free(exact);
    return image;
}

// The seam of one image of several.
static ms_seam seam_of(const ms_seam *all, int image, size_t values) {
    ms_seam one = *all;
    if (one.scale) one.scale += image * values;
    if (one.shift) one.shift += image * values;
    if (one.features) one.features += image * values;
    return one;
}

// MARK: images

// One path with some threads against full images of the twin; returns the largest difference.
static double check_path(
    const ms_network *network, const char *path, int threads, const ms_request *all, double *const *expected,
    float *out, float *again) {
    int full = 4 << (network->layer_count + 1);
    double worst = 0;
    ms_context *context = NULL;
    expect(ms_create(network, threads, path, &context) == ms_ok, "creation");
    if (!context) return 0;
    expect(strcmp(ms_path(context), path) == 0, "the path asked for");
    ms_request request = *all;
    for (int size = full; size >= 4; size /= 2) {
        size_t pixels = 3 * (size_t)size * (size_t)size;
        request.size = size;
        expect(ms_synthesize(context, &request, out) == ms_ok, "synthesis");
        for (int i = 0; i < images; i++) {
            double apart = difference(out + (size_t)i * pixels, expected[i], full, size);
            if (!(apart <= worst)) worst = apart;
        }
        ms_request last = request;
        last.styles += (size_t)(images - 1) * (size_t)(request.rows * latent);
        last.count = 1;
        expect(ms_synthesize(context, &last, again) == ms_ok, "one image");
        expect(memcmp(again, out + (images - 1) * pixels, pixels * sizeof(float)) == 0, "the batch changes nothing");
        ms_tape *tape = NULL;
        expect(ms_record(context, &last, again, &tape) == ms_ok, "a tape");
        expect(memcmp(again, out + (images - 1) * pixels, pixels * sizeof(float)) == 0, "a tape changes nothing");
        ms_release_tape(tape);
    }
    ms_request bad = request;
    bad.rows = 2;
    expect(ms_synthesize(context, &bad, out) == ms_bad_argument, "two rows are refused");
    bad = request;
    bad.size = full - 1;
    expect(ms_synthesize(context, &bad, out) == ms_bad_argument, "odd sizes are refused");
    bad = request;
    bad.count = -1;
    expect(ms_synthesize(context, &bad, out) == ms_bad_argument, "negative counts are refused");
    bad = request;
    bad.seam = &(ms_seam){.side = 4};
    expect(ms_synthesize(context, &bad, out) == ms_bad_argument, "features of no layer are refused");
    bad = request;
    bad.count = 0;
    expect(ms_synthesize(context, &bad, out) == ms_ok, "nothing to do");
    sg_request other = {all->styles, 1, 1, 1, NULL, 1, NULL};
    expect(sg_synthesize(context, &other, out) == ms_bad_argument, "another network is refused");
    ms_destroy(context);
    return worst;
}

static void check_network(char *const *paths, int path_count, int start, const int *channels, int count) {
    ms_layer layers[most_layers];
    ms_network network = random_network(layers, start, channels, count);
    int full = 4 << (count + 1), own_rows = 3 * count + 1;
    size_t values = (size_t)images * (size_t)own_rows * latent, floats = (size_t)images * 3 * (size_t)full * (size_t)full;
    const float *styles = random_array(values, 1);
    float *out = malloc(sizeof(float) * floats), *again = malloc(sizeof(float) * floats);
    double worst = 0;
    for (int noise = 0; noise < 2; noise++) {
        ms_request request = {.styles = styles, .count = images, .rows = noise ? own_rows : 1, .noise = noise};
        double *expected[images];
        for (int i = 0; i < images; i++) {
            expected[i] = twin_of(&network, styles + (size_t)(i * request.rows * latent), request.rows, noise, NULL);
        }
        for (int path = 0; path < path_count; path++) {
            for (int threads = 1; threads <= 3; threads += 2) {
                double apart = check_path(&network, paths[path], threads, &request, expected, out, again);
                if (!(apart <= worst)) worst = apart;
            }
        }
        for (int i = 0; i < images; i++) free(expected[i]);
    }
    printf("%d layers from %d channels: largest difference %.2g of values up to %.2g\n", count, start, worst, largest);
    expect(worst < 5e-6, "the naive twin agrees");
    free(out);
    free(again);
    free_arrays();
}

// MARK: features and gradients

// A function of the twin's image, and what it is a function of; each part may be moved along its gradient.
typedef struct {
    const ms_network *network;
    int rows, noise, size;
    const float *style, *cotangent;
    ms_seam seam;
    size_t feature_values;
} problem;

// The function's value when a part (0 styles, 1 scale, 2 shift) is moved by step · direction.
static double moved(const problem *given, int part, const double *direction, double step) {
    size_t lengths[3] = {(size_t)given->rows * latent, given->feature_values, given->feature_values};
    double *style = malloc(sizeof(double) * lengths[0]);
    for (size_t i = 0; i < lengths[0]; i++) style[i] = given->style[i] + (part == 0 ? step * direction[i] : 0);
    // Scale and shift are floats: the step is one that they can take.
    ms_seam seam = given->seam;
    float *change = NULL;
    if (part > 0) {
        const float *from = part == 1 ? seam.scale : seam.shift;
        change = malloc(sizeof(float) * lengths[part]);
        for (size_t i = 0; i < lengths[part]; i++) change[i] = from[i] + (float)(step * direction[i]);
        if (part == 1) seam.scale = change;
        else seam.shift = change;
    }
    double *image = twin(given->network, style, given->rows, given->noise, &seam), value = 0;
    int full = 4 << (given->network->layer_count + 1), box = full / given->size;
    for (int p = 0; p < 3 * full * full; p++) {
        int colour = p / (full * full), y = p / full % full / box, x = p % full / box;
        value += image[p] * given->cotangent[(colour * given->size + y) * given->size + x] / (box * box);
    }
    free(image);
    free(style);
    free(change);
    return value;
}

// The gradient's length against the slope of the function along it; returns how far they are apart.
static double slope_error(const problem *given, int part, const float *gradient, size_t count) {
    double square = 0;
    double *direction = malloc(sizeof(double) * count);
    for (size_t i = 0; i < count; i++) square += (double)gradient[i] * gradient[i];
    for (size_t i = 0; i < count; i++) direction[i] = gradient[i] / sqrt(square);
    double step = part == 0 ? 1e-5 : 1e-3;
    double slope = (moved(given, part, direction, step) - moved(given, part, direction, -step)) / (2 * step);
    free(direction);
    return square > 0 ? fabs(slope / sqrt(square) - 1) : 1;
}

static void check_gradients(
    char *const *paths, int path_count, int start, const int *channels, int count, int layer, int noise, int size) {
    ms_layer layers[most_layers];
    ms_network network = random_network(layers, start, channels, count);
    int side = 8 << layer, rows = noise ? 3 * count + 1 : 1, code = rows * latent;
    size_t features = (size_t)channels[layer] * (size_t)(side * side), pixels = 3 * (size_t)(size * size);
    ms_seam all = {
        .side = side, .scale = random_array(images * features, 0.4f), .shift = random_array(images * features, 0.4f),
        .features = malloc(sizeof(float) * images * features),
    };
    ms_request request = {
        .styles = random_array((size_t)(images * code), 1), .count = images, .rows = rows, .size = size,
        .noise = noise, .seam = &all,
    };
    const float *cotangent = random_array(images * pixels, 1);
    size_t total = (size_t)(images * code) + 2 * images * features;
    float *first = NULL, *out = malloc(sizeof(float) * images * pixels);
    double worst = 0, apart = 0, feature_apart = 0;
    for (int path = 0; path < path_count; path++) {
        float *last = NULL;
        for (int threads = 1; threads <= 4; threads += 3) {
            ms_context *context;
            expect(ms_create(&network, threads, paths[path], &context) == ms_ok, "creation");
            float *values = malloc(sizeof(float) * total);
            ms_results results = {values, values + images * code, values + images * code + images * features};
            expect(ms_gradients(context, &request, cotangent, &results) == ms_ok, "gradients");
            expect(ms_synthesize(context, &request, out) == ms_ok, "changed images");
            ms_tape *tape = NULL;
            float *again = malloc(sizeof(float) * total);
            ms_results taped = {again, again + images * code, again + images * code + images * features};
            expect(ms_record(context, &request, NULL, &tape) == ms_ok, "a tape");
            expect(ms_backward(tape, cotangent, &taped) == ms_ok, "the way back");
            expect(memcmp(values, again, sizeof(float) * total) == 0, "a tape gives the same gradients");
            ms_release_tape(tape);
            ms_request up_to = request;
            float *alone = malloc(sizeof(float) * images * features);
            ms_seam seam = {.side = side, .features = alone};
            up_to.seam = &seam;
            expect(ms_synthesize(context, &up_to, NULL) == ms_ok, "features alone");
            expect(memcmp(alone, all.features, sizeof(float) * images * features) == 0, "features are those of images");
            up_to.seam = NULL;
            expect(ms_synthesize(context, &up_to, NULL) == ms_bad_argument, "neither images nor features");
            expect(ms_gradients(context, &up_to, cotangent, &results) == ms_bad_argument, "a seam's gradients without one");
            ms_destroy(context);
            free(again);
            free(alone);
            if (last) expect(memcmp(last, values, sizeof(float) * total) == 0, "threads change no gradient");
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
    for (int i = 0; i < images; i++) {
        problem given = {
            .network = &network, .rows = rows, .noise = noise, .size = size, .style = request.styles + i * code,
            .cotangent = cotangent + i * pixels, .seam = seam_of(&all, i, features), .feature_values = features,
        };
        float *exact = malloc(sizeof(float) * features);
        ms_seam seam = given.seam;
        seam.features = exact;
        double *image = twin_of(&network, given.style, rows, noise, &seam);
        worst = fmax(worst, difference(out + i * pixels, image, 4 << (count + 1), size));
        for (size_t f = 0; f < features; f++) {
            feature_apart = fmax(feature_apart, fabs(exact[f] - (double)all.features[i * features + f]));
        }
        free(image);
        free(exact);
        given.seam.features = NULL;
        const float *parts[3] = {
            first + i * code, first + images * code + i * features, first + images * (code + features) + i * features,
        };
        for (int part = 0; part < 3; part++) {
            double error = slope_error(&given, part, parts[part], part == 0 ? (size_t)code : features);
            if (!(error < 2e-3)) printf("part %d of image %d: %.2g\n", part, i, error);
            expect(error < 2e-3, "gradients are the slopes of the twin");
        }
    }
    printf("features at %d of %d layers: images %.2g, features %.2g, paths %.2g apart\n", side, count, worst,
        feature_apart, apart);
    expect(worst < 5e-6 && feature_apart < 1e-5 && apart < 2e-3, "the naive twin agrees");
    free(first);
    free(out);
    free(all.features);
    free_arrays();
}

void check_mobilestylegan(char *const *paths, int path_count) {
    check_network(paths, path_count, 24, (int[]){40, 272, 36, 20, 24}, 5);
    check_network(paths, path_count, 64, (int[]){8}, 1);
    check_network(paths, path_count, 4, (int[]){16, 4}, 2);
    check_gradients(paths, path_count, 24, (int[]){20, 12, 8, 12}, 4, 3, 0, 64);
    check_gradients(paths, path_count, 24, (int[]){20, 12, 8, 12}, 4, 1, 1, 128);
    check_gradients(paths, path_count, 8, (int[]){272, 12}, 2, 0, 1, 16);
    check_gradients(paths, path_count, 64, (int[]){8}, 1, 0, 0, 8);
}
