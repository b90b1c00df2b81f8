// What the checks of both networks share: random numbers, and parts of the naive twins.
#pragma once

#include "CSynthesis.h"

enum { latent = 20, images = 3 };

// In [-1, 1).
float next_random(void);

// Random values, freed by `free_arrays`.
const float *random_array(size_t count, float scale);
void free_arrays(void);

// A pixel of a plane, zero outside; and a 3×3 kernel's result there.
double twin_pixel(const double *plane, int side, int y, int x);
double twin_kernel(const double *plane, const float *kernel, int side, int y, int x);

extern int failures;
extern double largest;  // value of any twin

void expect(int holds, const char *what);

// The largest difference of an image from the box average of its full twin.
double difference(const float *image, const double *full, int full_size, int size);

void check_mobilestylegan(char *const *paths, int path_count);
void check_stylegan2(char *const *paths, int path_count);
