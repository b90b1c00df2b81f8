// What the functions of libTorchShim.so share: headers, handles, the gate that no exception passes. Included once, by shim.cpp.
#pragma once

#pragma GCC visibility push(hidden)
#include "../CTorch/include/CTorch.h"
#pragma GCC visibility pop
#include "CTorchShim.h"

// PyTorch 2 keeps names that 1.13 needs, as deprecated ones.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
// By their full path: the folder that they expect to be found in needs a search path, which a package may not give.
#include <torch/csrc/api/include/torch/cuda.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cmath>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

struct ct_tensor_s {
    at::Tensor value;
};

namespace {

thread_local char last_error[2048] = "";

void remember(const char *text) noexcept {
    std::strncpy(last_error, text ? text : "unknown error", sizeof last_error - 1);
    last_error[sizeof last_error - 1] = 0;
}

// Called inside a catch-all: turns whatever is in flight into the thread's error text.
void remember_current_exception() noexcept {
    try {
        throw;
    } catch (const c10::Error &error) {
        remember(error.what_without_backtrace());
    } catch (const std::bad_alloc &) {
        remember("out of memory");
    } catch (const std::exception &error) {
        remember(error.what());
    } catch (...) {
        remember("an exception of unknown type");
    }
}

// The one gate: no body of this file runs outside it, and nothing gets past it.
#define CT_GUARD(failure, ...)            \
    try {                                 \
        __VA_ARGS__                       \
    } catch (...) {                       \
        remember_current_exception();     \
        return failure;                   \
    }

ct_tensor own(at::Tensor value) { return new ct_tensor_s{std::move(value)}; }

const at::Tensor &get(ct_tensor tensor) {
    if (!tensor) throw std::invalid_argument("a tensor handle is null");
    return tensor->value;
}

c10::optional<at::Tensor> maybe(ct_tensor tensor) {
    if (!tensor) return c10::nullopt;
    return tensor->value;
}

at::ScalarType scalar_type(int type) {
    switch (type) {
    case CT_FLOAT32: return at::kFloat;
    case CT_FLOAT16: return at::kHalf;
    case CT_BFLOAT16: return at::kBFloat16;
    case CT_FLOAT64: return at::kDouble;
    case CT_INT64: return at::kLong;
    case CT_UINT8: return at::kByte;
    case CT_BOOL: return at::kBool;
    }
    throw std::invalid_argument("unknown element type");
}

int type_number(at::ScalarType type) {
    switch (type) {
    case at::kFloat: return CT_FLOAT32;
    case at::kHalf: return CT_FLOAT16;
    case at::kBFloat16: return CT_BFLOAT16;
    case at::kDouble: return CT_FLOAT64;
    case at::kLong: return CT_INT64;
    case at::kByte: return CT_UINT8;
    case at::kBool: return CT_BOOL;
    default: throw std::invalid_argument("an element type this interface does not carry");
    }
}

at::Device device_of(int device) {
    if (device == CT_CPU) return at::Device(at::kCPU);
    if (device < 0 || device > 127) throw std::invalid_argument("no such device");
    return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
}

at::IntArrayRef list(const int64_t *values, int count) { return at::IntArrayRef(values, static_cast<size_t>(count)); }

std::vector<at::Tensor> gather(const ct_tensor *tensors, int count) {
    std::vector<at::Tensor> result;
    result.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; i++) result.push_back(get(tensors[i]));
    return result;
}

struct no_grad {
    bool before = at::GradMode::is_enabled();
    no_grad() { at::GradMode::set_enabled(false); }
    ~no_grad() { at::GradMode::set_enabled(before); }
};

}  // namespace
