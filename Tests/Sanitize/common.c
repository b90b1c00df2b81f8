#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned state = 1;

float next_random(void) {
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 8388608.0f - 1.0f;
}

static float *arrays[256];
static int array_count;

const float *random_array(size_t count, float scale) {
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = scale * next_random();
    arrays[array_count++] = values;
    return values;
}

void free_arrays(void) {
    while (array_count > 0) free((void *)arrays[--array_count]);
}

double twin_pixel(const double *plane, int side, int y, int x) {
    return y < 0 || x < 0 || y >= side || x >= side ? 0 : plane[y * side + x];
}

double twin_kernel(const double *plane, const float *kernel, int side, int y, int x) {
    double sum = 0;
    for (int t = 0; t < 9; t++) sum += kernel[t] * twin_pixel(plane, side, y + t / 3 - 1, x + t % 3 - 1);
    return sum;
}

int failures;
double largest;  // value of any twin

void expect(int holds, const char *what) {
    if (holds) return;
    printf("failed: %s\n", what);
    failures++;
}

// The largest difference of an image from the box average of its full twin.
double difference(const float *image, const double *full, int full_size, int size) {
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
