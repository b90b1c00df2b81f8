// MobileStyleGAN's naive twin, in double.
#pragma once

#include "common.h"

enum { most_layers = 6 };

// A random network; `layers` must live as long.
ms_network random_network(ms_layer *layers, int start, const int *channels, int count);

// One full image; `style` has `rows` rows, and the seam's arrays, if any, are those of this image.
double *twin(const ms_network *network, const double *style, int rows, int noise, const ms_seam *seam);
