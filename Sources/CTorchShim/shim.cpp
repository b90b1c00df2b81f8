// libTorchShim.so: the functions of CTorch.h over libtorch. It shows one symbol, so that its functions and those of the
// same names that pass calls on to them don't get in each other's way.
#include "support.h"

const char *ct_last_error(void) { return last_error; }
const char *ct_version(void) { return TORCH_VERSION; }

int ct_cuda_count(void) { CT_GUARD(0, return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;) }

int ct_cuda_synchronize(int device) { CT_GUARD(-1, torch::cuda::synchronize(device); return 0;) }

int ct_set_threads(int count) {
    CT_GUARD(-1, if (count < 1) throw std::invalid_argument("thread count below 1"); at::set_num_threads(count); return 0;)
}

int ct_threads(void) { CT_GUARD(-1, return at::get_num_threads();) }

int ct_set_grad_enabled(int enabled) {
    CT_GUARD(-1, const bool before = at::GradMode::is_enabled(); at::GradMode::set_enabled(enabled != 0); return before;)
}

int ct_set_cuda_modes(int deterministic, int tf32) {
    CT_GUARD(-1,
        at::globalContext().setDeterministicCuDNN(deterministic != 0);
        at::globalContext().setBenchmarkCuDNN(deterministic == 0);
        at::globalContext().setAllowTF32CuDNN(tf32 != 0);
        at::globalContext().setAllowTF32CuBLAS(tf32 != 0);
        return 0;)
}

void ct_release(ct_tensor tensor) { CT_GUARD(, delete tensor;) }

// Making and reading

ct_tensor ct_from_data(const void *bytes, const int64_t *shape, int dimensions, int type, int device) {
    CT_GUARD(nullptr,
        auto options = at::TensorOptions().dtype(scalar_type(type));
        auto view = at::from_blob(const_cast<void *>(bytes), list(shape, dimensions), options);
        return own(device == CT_CPU ? view.clone() : view.to(device_of(device)));)
}

ct_tensor ct_full(const int64_t *shape, int dimensions, double value, int type, int device) {
    CT_GUARD(nullptr,
        auto options = at::TensorOptions().dtype(scalar_type(type)).device(device_of(device));
        return own(at::full(list(shape, dimensions), value, options));)
}

int ct_copy_to_host(ct_tensor tensor, void *bytes, int64_t count) {
    CT_GUARD(-1,
        auto source = get(tensor).detach().to(at::kCPU).contiguous();
        if (static_cast<int64_t>(source.nbytes()) != count) throw std::invalid_argument("buffer and tensor differ in size");
        if (count > 0) std::memcpy(bytes, source.data_ptr(), static_cast<size_t>(count));
        return 0;)
}

int ct_dimensions(ct_tensor tensor) { CT_GUARD(-1, return static_cast<int>(get(tensor).dim());) }

int ct_shape(ct_tensor tensor, int64_t *shape) {
    CT_GUARD(-1, auto sizes = get(tensor).sizes(); std::copy(sizes.begin(), sizes.end(), shape); return 0;)
}

int64_t ct_count(ct_tensor tensor) { CT_GUARD(-1, return get(tensor).numel();) }
int ct_type(ct_tensor tensor) { CT_GUARD(-1, return type_number(get(tensor).scalar_type());) }

int ct_device(ct_tensor tensor) {
    CT_GUARD(-2, const auto device = get(tensor).device(); return device.is_cuda() ? device.index() : CT_CPU;)
}

ct_tensor ct_to(ct_tensor tensor, int type, int device) {
    CT_GUARD(nullptr, return own(get(tensor).to(device_of(device), scalar_type(type)));)
}

ct_tensor ct_clone(ct_tensor tensor) { CT_GUARD(nullptr, return own(get(tensor).clone());) }
ct_tensor ct_detach(ct_tensor tensor) { CT_GUARD(nullptr, return own(get(tensor).detach());) }

ct_tensor ct_contiguous(ct_tensor tensor, int channels_last) {
    CT_GUARD(nullptr, return own(get(tensor).contiguous(
        channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous));)
}

// Autograd

int ct_set_requires_grad(ct_tensor tensor, int on) { CT_GUARD(-1, get(tensor).requires_grad_(on != 0); return 0;) }
int ct_requires_grad(ct_tensor tensor) { CT_GUARD(-1, return get(tensor).requires_grad();) }
int ct_backward(ct_tensor loss) { CT_GUARD(-1, get(loss).backward(); return 0;) }

ct_tensor ct_grad(ct_tensor tensor) {
    CT_GUARD(nullptr,
        const auto &grad = get(tensor).grad();
        if (!grad.defined()) throw std::runtime_error("no gradient has been computed for this tensor");
        return own(grad);)
}

int ct_clear_grad(ct_tensor tensor) { CT_GUARD(-1, get(tensor).mutable_grad() = at::Tensor(); return 0;) }

int ct_gradients(
    ct_tensor output, ct_tensor cotangent, const ct_tensor *inputs, int count, int keep_graph, ct_tensor *result) {
    CT_GUARD(-1,
        std::vector<at::Tensor> seeds;
        seeds.push_back(cotangent ? get(cotangent) : at::ones_like(get(output)));
        auto found = torch::autograd::grad({get(output)}, gather(inputs, count), seeds, keep_graph != 0);
        for (int i = 0; i < count; i++) result[i] = own(found[static_cast<size_t>(i)]);
        return 0;)
}

// Element by element

ct_tensor ct_add(ct_tensor a, ct_tensor b) { CT_GUARD(nullptr, return own(get(a) + get(b));) }
ct_tensor ct_subtract(ct_tensor a, ct_tensor b) { CT_GUARD(nullptr, return own(get(a) - get(b));) }
ct_tensor ct_multiply(ct_tensor a, ct_tensor b) { CT_GUARD(nullptr, return own(get(a) * get(b));) }
ct_tensor ct_divide(ct_tensor a, ct_tensor b) { CT_GUARD(nullptr, return own(get(a) / get(b));) }

ct_tensor ct_affine(ct_tensor a, double scale, double offset) {
    CT_GUARD(nullptr,
        at::Tensor result = get(a);
        if (scale != 1) result = result * scale;
        if (offset != 0 || scale == 1) result = result + offset;
        return own(result);)
}

ct_tensor ct_unary(int operation, ct_tensor a) {
    CT_GUARD(nullptr,
        switch (operation) {
        case CT_NEGATE: return own(at::neg(get(a)));
        case CT_ABS: return own(at::abs(get(a)));
        case CT_SQUARE: return own(at::square(get(a)));
        case CT_SQRT: return own(at::sqrt(get(a)));
        case CT_RSQRT: return own(at::rsqrt(get(a)));
        case CT_EXP: return own(at::exp(get(a)));
        case CT_LOG: return own(at::log(get(a)));
        case CT_SIGMOID: return own(at::sigmoid(get(a)));
        case CT_TANH: return own(at::tanh(get(a)));
        case CT_RELU: return own(at::relu(get(a)));
        }
        throw std::invalid_argument("unknown operation");)
}

int ct_relu_in_place(ct_tensor a) { CT_GUARD(-1, at::relu_(const_cast<at::Tensor &>(get(a))); return 0;) }
int ct_add_in_place(ct_tensor a, ct_tensor b) { CT_GUARD(-1, get(a).add_(get(b)); return 0;) }

ct_tensor ct_leaky_relu(ct_tensor a, double slope) { CT_GUARD(nullptr, return own(at::leaky_relu(get(a), slope));) }
// hardtanh is clamp with a gradient of one pass instead of four.
ct_tensor ct_clamp(ct_tensor a, double low, double high) { CT_GUARD(nullptr, return own(at::hardtanh(get(a), low, high));) }

int ct_blend(ct_tensor target, ct_tensor source, double keep, double take) {
    CT_GUARD(-1,
        no_grad off;
        if (keep == 0 && take == 1) {
            get(target).copy_(get(source));
        } else {
            get(target).mul_(keep).add_(get(source), take);
        }
        return 0;)
}

// Sums, means and shapes

ct_tensor ct_sum(ct_tensor a, const int64_t *axes, int count, int keep) {
    CT_GUARD(nullptr, return own(count ? at::sum(get(a), list(axes, count), keep != 0) : at::sum(get(a)));)
}

ct_tensor ct_mean(ct_tensor a, const int64_t *axes, int count, int keep) {
    CT_GUARD(nullptr, return own(count ? at::mean(get(a), list(axes, count), keep != 0) : at::mean(get(a)));)
}

ct_tensor ct_reshape(ct_tensor a, const int64_t *shape, int count) {
    CT_GUARD(nullptr, return own(at::reshape(get(a), list(shape, count)));)
}

ct_tensor ct_expand(ct_tensor a, const int64_t *shape, int count) {
    CT_GUARD(nullptr, return own(get(a).expand(list(shape, count)));)
}

ct_tensor ct_permute(ct_tensor a, const int64_t *axes, int count) {
    CT_GUARD(nullptr, return own(at::permute(get(a), list(axes, count)));)
}

ct_tensor ct_slice(ct_tensor a, int axis, int64_t start, int64_t end, int64_t step) {
    CT_GUARD(nullptr, return own(at::slice(get(a), axis, start, end, step));)
}

ct_tensor ct_select(ct_tensor a, int axis, ct_tensor indices) {
    CT_GUARD(nullptr, return own(at::index_select(get(a), axis, get(indices)));)
}

ct_tensor ct_flip(ct_tensor a, int axis) { CT_GUARD(nullptr, return own(at::flip(get(a), {axis}));) }

ct_tensor ct_concatenate(const ct_tensor *tensors, int count, int axis) {
    CT_GUARD(nullptr, return own(at::cat(gather(tensors, count), axis));)
}

ct_tensor ct_stack(const ct_tensor *tensors, int count, int axis) {
    CT_GUARD(nullptr, return own(at::stack(gather(tensors, count), axis));)
}

ct_tensor ct_pad(ct_tensor a, const int64_t *amounts, int count, double value) {
    CT_GUARD(nullptr, return own(at::constant_pad_nd(get(a), list(amounts, count), value));)
}

// Layers

ct_tensor ct_matmul(ct_tensor a, ct_tensor b) { CT_GUARD(nullptr, return own(at::matmul(get(a), get(b)));) }

ct_tensor ct_linear(ct_tensor x, ct_tensor weight, ct_tensor bias) {
    CT_GUARD(nullptr, return own(at::linear(get(x), get(weight), maybe(bias)));)
}

ct_tensor ct_conv2d(ct_tensor x, ct_tensor weight, ct_tensor bias, int stride, int padding, int dilation, int groups) {
    CT_GUARD(nullptr,
        const int64_t s[2] = {stride, stride};
        const int64_t p[2] = {padding, padding};
        const int64_t d[2] = {dilation, dilation};
        return own(at::conv2d(get(x), get(weight), maybe(bias), list(s, 2), list(p, 2), list(d, 2), groups));)
}

ct_tensor ct_conv_transpose2d(
    ct_tensor x, ct_tensor weight, ct_tensor bias, int stride, int padding, int output_padding, int groups) {
    CT_GUARD(nullptr,
        const int64_t s[2] = {stride, stride};
        const int64_t p[2] = {padding, padding};
        const int64_t o[2] = {output_padding, output_padding};
        return own(at::conv_transpose2d(get(x), get(weight), maybe(bias), list(s, 2), list(p, 2), list(o, 2), groups));)
}

ct_tensor ct_batch_norm(
    ct_tensor x, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, int training, double momentum,
    double epsilon) {
    CT_GUARD(nullptr, return own(at::batch_norm(
        get(x), maybe(weight), maybe(bias), maybe(mean), maybe(variance), training != 0, momentum, epsilon, true));)
}

ct_tensor ct_max_pool2d(ct_tensor x, int size, int stride, int padding) {
    CT_GUARD(nullptr,
        const int64_t k[2] = {size, size};
        const int64_t s[2] = {stride, stride};
        const int64_t p[2] = {padding, padding};
        return own(at::max_pool2d(get(x), list(k, 2), list(s, 2), list(p, 2)));)
}

ct_tensor ct_average_pool2d(ct_tensor x, int size, int stride, int padding) {
    CT_GUARD(nullptr,
        const int64_t k[2] = {size, size};
        const int64_t s[2] = {stride, stride};
        const int64_t p[2] = {padding, padding};
        return own(at::avg_pool2d(get(x), list(k, 2), list(s, 2), list(p, 2), false, false));)
}

ct_tensor ct_global_average(ct_tensor x) { CT_GUARD(nullptr, return own(at::mean(get(x), {2, 3}));) }

ct_tensor ct_resize2d(ct_tensor x, int64_t height, int64_t width, int mode) {
    CT_GUARD(nullptr,
        const int64_t size[2] = {height, width};
        switch (mode) {
        case CT_NEAREST: return own(at::upsample_nearest2d(get(x), list(size, 2)));
        case CT_BILINEAR: return own(at::upsample_bilinear2d(get(x), list(size, 2), false));
        case CT_AREA: return own(at::adaptive_avg_pool2d(get(x), list(size, 2)));
        }
        throw std::invalid_argument("unknown resize mode");)
}

ct_tensor ct_bce_with_logits(ct_tensor logits, ct_tensor targets, ct_tensor weight) {
    CT_GUARD(nullptr, return own(at::binary_cross_entropy_with_logits(
        get(logits), get(targets), maybe(weight), c10::nullopt, at::Reduction::Mean));)
}

// Optimisers

int ct_adamw_step(
    const ct_tensor *parameters, const ct_tensor *first, const ct_tensor *second, const double *decays, int count,
    int64_t step, double rate, double beta1, double beta2, double epsilon) {
    CT_GUARD(-1,
        no_grad off;
        const double correction1 = 1 - std::pow(beta1, static_cast<double>(step));
        const double correction2 = std::sqrt(1 - std::pow(beta2, static_cast<double>(step)));
        for (int i = 0; i < count; i++) {
            const auto &p = get(parameters[i]);
            const auto &g = p.grad();
            if (!g.defined()) continue;
            if (decays[i] != 0) p.mul_(1 - rate * decays[i]);
            get(first[i]).mul_(beta1).add_(g, 1 - beta1);
            get(second[i]).mul_(beta2).addcmul_(g, g, 1 - beta2);
            auto scale = get(second[i]).sqrt().div_(correction2).add_(epsilon);
            p.addcdiv_(get(first[i]), scale, -rate / correction1);
        }
        return 0;)
}

int ct_sgd_step(
    const ct_tensor *parameters, const ct_tensor *velocity, const double *decays, int count, double rate,
    double momentum) {
    CT_GUARD(-1,
        no_grad off;
        for (int i = 0; i < count; i++) {
            const auto &p = get(parameters[i]);
            if (!p.grad().defined()) continue;
            auto g = decays[i] != 0 ? p.grad().add(p, decays[i]) : p.grad();
            get(velocity[i]).mul_(momentum).add_(g);
            p.add_(get(velocity[i]), -rate);
        }
        return 0;)
}

int ct_clip_gradients(const ct_tensor *parameters, int count, double limit, double *norm) {
    CT_GUARD(-1,
        no_grad off;
        double total = 0;
        for (int i = 0; i < count; i++) {
            const auto &g = get(parameters[i]).grad();
            if (g.defined()) total += std::pow(g.norm().item<double>(), 2);
        }
        *norm = std::sqrt(total);
        if (std::isfinite(*norm) && *norm > limit) {
            for (int i = 0; i < count; i++) {
                const auto &g = get(parameters[i]).grad();
                if (g.defined()) g.mul_(limit / *norm);
            }
        }
        return 0;)
}

extern "C" const struct ct_table *ct_torch_table(size_t size) {
    static const struct ct_table table = {
        ct_last_error,
#define CT_FUNCTION(type, failure, name, parameters, arguments) name,
#include "../CTorch/functions.def"
#undef CT_FUNCTION
    };
    return size == sizeof table ? &table : nullptr;
}
