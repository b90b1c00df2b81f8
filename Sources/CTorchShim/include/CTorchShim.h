// A C face of libtorch: the operations this project uses, and no more.
//
// A function that makes a tensor returns an owned handle (release it with ct_release) or NULL; any other returns 0, or
// -1 on failure. After a failure ct_last_error() tells the reason; it is kept per thread. No C++ exception leaves.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;

// Element types, numbered for both sides of this interface.
enum { CT_FLOAT32 = 0, CT_FLOAT16 = 1, CT_BFLOAT16 = 2, CT_FLOAT64 = 3, CT_INT64 = 4, CT_UINT8 = 5, CT_BOOL = 6 };
// Devices: -1 is the CPU, n >= 0 is CUDA device n.
enum { CT_CPU = -1 };

const char *ct_last_error(void);
const char *ct_version(void);
int ct_cuda_count(void);
int ct_cuda_synchronize(int device);
int ct_set_threads(int count);
int ct_threads(void);
// Lets the C library keep freed memory for the next tensor instead of handing it back to the system each time; the page
// faults that this saves are a fifth of a training step's time.
int ct_keep_freed_memory(void);
// Switches gradient recording of this thread; returns what it was (0 or 1).
int ct_set_grad_enabled(int enabled);
// Chooses between deterministic and fastest kernels on CUDA; TF32 speeds float32 convolutions and products up.
int ct_set_cuda_modes(int deterministic, int tf32);

void ct_release(ct_tensor tensor);

// Making and reading.
ct_tensor ct_from_data(const void *bytes, const int64_t *shape, int dimensions, int type, int device);
ct_tensor ct_full(const int64_t *shape, int dimensions, double value, int type, int device);
int ct_copy_to_host(ct_tensor tensor, void *bytes, int64_t count);
int ct_dimensions(ct_tensor tensor);
int ct_shape(ct_tensor tensor, int64_t *shape);
int64_t ct_count(ct_tensor tensor);
int ct_type(ct_tensor tensor);
int ct_device(ct_tensor tensor);
ct_tensor ct_to(ct_tensor tensor, int type, int device);
ct_tensor ct_clone(ct_tensor tensor);
ct_tensor ct_detach(ct_tensor tensor);
ct_tensor ct_contiguous(ct_tensor tensor, int channels_last);

// Autograd.
int ct_set_requires_grad(ct_tensor tensor, int on);
int ct_requires_grad(ct_tensor tensor);
int ct_backward(ct_tensor loss);
ct_tensor ct_grad(ct_tensor tensor);
int ct_clear_grad(ct_tensor tensor);
// Gradients of sum(output · cotangent) (cotangent NULL: ones) with respect to inputs, not accumulated anywhere.
int ct_gradients(ct_tensor output, ct_tensor cotangent, const ct_tensor *inputs, int count, int keep_graph, ct_tensor *result);

// Element by element; tensors broadcast.
ct_tensor ct_add(ct_tensor a, ct_tensor b);
ct_tensor ct_subtract(ct_tensor a, ct_tensor b);
ct_tensor ct_multiply(ct_tensor a, ct_tensor b);
ct_tensor ct_divide(ct_tensor a, ct_tensor b);
// a · scale + offset
ct_tensor ct_affine(ct_tensor a, double scale, double offset);
enum { CT_NEGATE, CT_ABS, CT_SQUARE, CT_SQRT, CT_RSQRT, CT_EXP, CT_LOG, CT_SIGMOID, CT_TANH, CT_RELU };
ct_tensor ct_unary(int operation, ct_tensor a);
// max(a, 0) written over a, inside autograd; and a + b written over a.
int ct_relu_in_place(ct_tensor a);
int ct_add_in_place(ct_tensor a, ct_tensor b);
ct_tensor ct_leaky_relu(ct_tensor a, double slope);
ct_tensor ct_clamp(ct_tensor a, double low, double high);
// In place, outside autograd: target = target · keep + source · take; copies when keep is 0 and take is 1.
int ct_blend(ct_tensor target, ct_tensor source, double keep, double take);

// Sums, means and shapes.
ct_tensor ct_sum(ct_tensor a, const int64_t *axes, int count, int keep);
ct_tensor ct_mean(ct_tensor a, const int64_t *axes, int count, int keep);
ct_tensor ct_reshape(ct_tensor a, const int64_t *shape, int count);
ct_tensor ct_expand(ct_tensor a, const int64_t *shape, int count);
ct_tensor ct_permute(ct_tensor a, const int64_t *axes, int count);
ct_tensor ct_slice(ct_tensor a, int axis, int64_t start, int64_t end, int64_t step);
ct_tensor ct_select(ct_tensor a, int axis, ct_tensor indices);
ct_tensor ct_flip(ct_tensor a, int axis);
ct_tensor ct_concatenate(const ct_tensor *tensors, int count, int axis);
ct_tensor ct_stack(const ct_tensor *tensors, int count, int axis);
// Zero padding; `amounts` as torch.nn.functional.pad: last axis first, (before, after) each.
ct_tensor ct_pad(ct_tensor a, const int64_t *amounts, int count, double value);

// Layers. x is [N, C, H, W]; bias may be NULL.
ct_tensor ct_matmul(ct_tensor a, ct_tensor b);
ct_tensor ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias);
ct_tensor ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor bias, int stride, int padding, int dilation, int groups);
ct_tensor ct_conv_transpose2d(
    ct_tensor x, ct_tensor weight, ct_tensor bias, int stride, int padding, int output_padding, int groups);
ct_tensor ct_batch_norm(
    ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, int training, double momentum,
    double epsilon);
ct_tensor ct_max_pool2d(ct_tensor x, int size, int stride, int padding);
ct_tensor ct_average_pool2d(ct_tensor x, int size, int stride, int padding);
ct_tensor ct_global_average(ct_tensor x);
enum { CT_NEAREST, CT_BILINEAR, CT_AREA };
ct_tensor ct_resize2d(ct_tensor x, int64_t height, int64_t width, int mode);
// Binary cross-entropy of logits [N, A] against targets, each element times weight (may be NULL), averaged.
ct_tensor ct_bce_with_logits(ct_tensor logits, ct_tensor targets, ct_tensor weight);

// Optimiser steps over `count` parameters, in place, outside autograd. Parameters without gradients are left alone.
int ct_adamw_step(
    const ct_tensor *parameters, const ct_tensor *first, const ct_tensor *second, const double *decays, int count,
    int64_t step, double rate, double beta1, double beta2, double epsilon);
int ct_sgd_step(
    const ct_tensor *parameters, const ct_tensor *velocity, const double *decays, int count, double rate,
    double momentum);
// Scales all gradients so that their common norm is at most `limit`; gives the norm before.
int ct_clip_gradients(const ct_tensor *parameters, int count, double limit, double *norm);

#ifdef __cplusplus
}
#endif
