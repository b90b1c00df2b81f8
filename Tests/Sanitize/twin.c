#include "twin.h"

#include <math.h>
#include <stdlib.h>

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

ms_network random_network(ms_layer *layers, int start, const int *channels, int count) {
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

static double *modulated(const double *x, const ms_modulation *modulation, const double *style, int c, int pixels) {
    double *result = malloc(sizeof(double) * (size_t)c * (size_t)pixels);
    for (int k = 0; k < c; k++) {
        double sum = modulation->bias[k];
        for (int i = 0; i < latent; i++) sum += (double)modulation->weight[k * latent + i] * style[i];
        for (int p = 0; p < pixels; p++) result[k * pixels + p] = x[k * pixels + p] * sum * modulation->scale;
    }
    return result;
}

static double *twin_convolution(
    const double *x, const ms_convolution *from, const double *style, int c, int m, int side, int noise, float slope) {
    int pixels = side * side;
    double *in = modulated(x, &from->modulation, style, c, pixels);
    double *spatial = malloc(sizeof(double) * (size_t)c * (size_t)pixels);
    double *out = malloc(sizeof(double) * (size_t)m * (size_t)pixels);
    for (int k = 0; k < c; k++) {
        for (int p = 0; p < pixels; p++) {
            spatial[k * pixels + p] = twin_kernel(in + k * pixels, from->depthwise + k * 9, side, p / side, p % side);
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
double *twin(const ms_network *network, const double *style, int rows, int noise, const ms_seam *seam) {
#define ROW(I) (style + (rows == 1 ? 0 : (I) * latent))
    int c = network->start_channels, side = 4, pixels = 16;
    double *constant = malloc(sizeof(double) * (size_t)c * 16);
    for (int i = 0; i < c * 16; i++) constant[i] = network->constant[i];
    double *in = modulated(constant, &network->start_modulation, ROW(0), c, 16);
    double *x = malloc(sizeof(double) * (size_t)c * 16);
    for (int j = 0; j < c; j++) {
        for (int p = 0; p < 16; p++) {
            double sum = network->start_bias[j] + (noise ? network->start_noise[p] : 0);
            for (int k = 0; k < c; k++) sum += twin_kernel(in + k * 16, network->start_weight + (j * c + k) * 9, 4, p / 4, p % 4);
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
        for (int i = 0; seam && seam->side == side && i < layer->channels * pixels; i++) {
            if (seam->features) seam->features[i] = (float)first[i];
            first[i] = first[i] * (1 + (seam->scale ? seam->scale[i] : 0)) + (seam->shift ? seam->shift[i] : 0);
        }
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

