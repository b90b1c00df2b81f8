// A C face of libtorch: the operations this project uses, and no more (functions.def lists them).
//
// libtorch is some 300 shared libraries, which nobody should wait for who asks for a version number. So the functions
// declared here only pass on to a library of their own, libTorchShim.so, which is opened when the first of them is
// called; where it or libtorch is missing, every call fails and ct_last_error() says what is missing.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;

// Element types, numbered for both sides of this interface.
enum { CT_FLOAT32 = 0, CT_FLOAT16 = 1, CT_BFLOAT16 = 2, CT_FLOAT64 = 3, CT_INT64 = 4, CT_UINT8 = 5, CT_BOOL = 6 };
// Devices: -1 is the CPU, n >= 0 is CUDA device n.
enum { CT_CPU = -1 };
enum { CT_NEGATE, CT_ABS, CT_SQUARE, CT_SQRT, CT_RSQRT, CT_EXP, CT_LOG, CT_SIGMOID, CT_TANH, CT_RELU };
enum { CT_NEAREST, CT_BILINEAR, CT_AREA };

#define CT_FUNCTION(type, failure, name, parameters, arguments) type name parameters;
#include "../functions.def"
#undef CT_FUNCTION

// Why the last call on this thread failed.
const char *ct_last_error(void);

// The functions as libTorchShim.so hands them out.
struct ct_table {
    const char *(*last_error)(void);
#define CT_FUNCTION(type, failure, name, parameters, arguments) type(*name) parameters;
#include "../functions.def"
#undef CT_FUNCTION
};

// The one symbol of libTorchShim.so: NULL where its table is of another size than the caller's.
typedef const struct ct_table *(*ct_table_getter)(size_t size);
#define CT_TABLE_SYMBOL "ct_torch_table"

// 0 where libtorch is loaded or can be; else -1, with the reason in ct_last_error().
int ct_load(void);
// Lets the C library keep freed memory for the next tensor instead of handing it back to the system each time; the page
// faults that this saves are a fifth of a training step's time. Loads nothing.
int ct_keep_freed_memory(void);

#ifdef __cplusplus
}
#endif
