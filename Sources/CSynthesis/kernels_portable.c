// What the compiler makes of four-float vectors on any processor; also the twin that the other paths are held to.
#include "kernels.h"

#define LANES 4
#define PANELS 1
#define WIDE 4
#define NEXT_GROUP(n) ((void)(n), 4)
#define MAXIMUM(a, b) larger(a, b)
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define KERNELS ms_kernels_portable
#define KERNELS_NAME "portable"
#include "larger.h"
#include "kernels_body.h"
