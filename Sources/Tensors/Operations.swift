import CTorch

extension Tensor {
    /// Element by element; shapes broadcast as in NumPy.
    ///
    /// All operations throw ``Core/Failure`` with libtorch's reason.
    public func added(to other: Tensor) throws -> Tensor { try Tensor(owning: ct_add(raw, other.raw)) }
    /// self − other, element by element.
    public func subtracting(_ other: Tensor) throws -> Tensor { try Tensor(owning: ct_subtract(raw, other.raw)) }
    /// self · other, element by element.
    public func multiplied(by other: Tensor) throws -> Tensor { try Tensor(owning: ct_multiply(raw, other.raw)) }
    /// self / other, element by element.
    public func divided(by other: Tensor) throws -> Tensor { try Tensor(owning: ct_divide(raw, other.raw)) }
    /// self · scale + offset.
    public func scaled(by scale: Double, plus offset: Double = 0) throws -> Tensor {
        try Tensor(owning: ct_affine(raw, scale, offset))
    }

    /// −self.
    public func negated() throws -> Tensor { try unary(CT_NEGATE) }
    /// |self|.
    public func absolute() throws -> Tensor { try unary(CT_ABS) }
    /// self².
    public func squared() throws -> Tensor { try unary(CT_SQUARE) }
    /// √self.
    public func squareRoot() throws -> Tensor { try unary(CT_SQRT) }
    /// 1 / √self.
    public func reciprocalSquareRoot() throws -> Tensor { try unary(CT_RSQRT) }
    /// e to the power of self.
    public func exponential() throws -> Tensor { try unary(CT_EXP) }
    /// The natural logarithm.
    public func logarithm() throws -> Tensor { try unary(CT_LOG) }
    /// 1 / (1 + e^−self).
    public func sigmoid() throws -> Tensor { try unary(CT_SIGMOID) }
    /// The hyperbolic tangent.
    public func tanh() throws -> Tensor { try unary(CT_TANH) }
    /// max(self, 0).
    public func relu() throws -> Tensor { try unary(CT_RELU) }
    /// max(self, 0) written over this tensor, which stays in the gradient's history; saves the memory of a copy.
    ///
    /// - Throws: ``Core/Failure`` for a leaf that requires gradients.
    public func reluInPlace() throws -> Tensor {
        try Torch.check(ct_relu_in_place(raw))
        return self
    }
    /// self + other written over this tensor; see ``reluInPlace()``.
    public func addingInPlace(_ other: Tensor) throws -> Tensor {
        try Torch.check(ct_add_in_place(raw, other.raw))
        return self
    }
    /// self where positive, slope · self elsewhere.
    public func leakyReLU(slope: Double = 0.2) throws -> Tensor { try Tensor(owning: ct_leaky_relu(raw, slope)) }
    /// Limited to low … high.
    public func clamped(_ low: Double, _ high: Double) throws -> Tensor { try Tensor(owning: ct_clamp(raw, low, high)) }

    private func unary(_ operation: some BinaryInteger) throws -> Tensor {
        try Tensor(owning: ct_unary(Int32(operation), raw))
    }
}

extension Tensor {
    /// The sum along `axes`, or of everything.
    public func sum(_ axes: [Int] = [], keeping: Bool = false) throws -> Tensor {
        try Tensor(owning: ct_sum(raw, axes.map(Int64.init), Int32(axes.count), keeping ? 1 : 0))
    }

    /// The mean along `axes`, or of everything.
    public func mean(_ axes: [Int] = [], keeping: Bool = false) throws -> Tensor {
        try Tensor(owning: ct_mean(raw, axes.map(Int64.init), Int32(axes.count), keeping ? 1 : 0))
    }

    /// The same elements in C order under another shape; one length may be −1.
    public func reshaped(_ shape: [Int]) throws -> Tensor {
        try Tensor(owning: ct_reshape(raw, shape.map(Int64.init), Int32(shape.count)))
    }

    /// Axes of length 1 (or missing in front) repeated to `shape`, without copying.
    public func expanded(_ shape: [Int]) throws -> Tensor {
        try Tensor(owning: ct_expand(raw, shape.map(Int64.init), Int32(shape.count)))
    }

    /// The axes in another order.
    public func permuted(_ axes: [Int]) throws -> Tensor {
        try Tensor(owning: ct_permute(raw, axes.map(Int64.init), Int32(axes.count)))
    }

    /// The elements start, start + step, … below end of one axis.
    public func sliced(axis: Int, _ range: Range<Int>, step: Int = 1) throws -> Tensor {
        try Tensor(
            owning: ct_slice(raw, Int32(axis), Int64(range.lowerBound), Int64(range.upperBound), Int64(step)))
    }

    /// The elements of one axis at `indices`, in that order.
    public func selecting(axis: Int, _ indices: [Int]) throws -> Tensor {
        let positions = try indices.map(Int64.init).withUnsafeBytes {
            try Tensor(bytes: $0, shape: [indices.count], type: .int64, device: device)
        }
        return try Tensor(owning: ct_select(raw, Int32(axis), positions.raw))
    }

    /// One axis in reverse order.
    public func flipped(axis: Int) throws -> Tensor { try Tensor(owning: ct_flip(raw, Int32(axis))) }

    /// The tensors one after another along an axis.
    public static func concatenated(_ tensors: [Tensor], axis: Int) throws -> Tensor {
        let handles: [ct_tensor?] = tensors.map(\.raw)
        return try Tensor(owning: ct_concatenate(handles, Int32(handles.count), Int32(axis)))
    }

    /// The tensors as slices of a new axis.
    public static func stacked(_ tensors: [Tensor], axis: Int) throws -> Tensor {
        let handles: [ct_tensor?] = tensors.map(\.raw)
        return try Tensor(owning: ct_stack(handles, Int32(handles.count), Int32(axis)))
    }

    /// A constant border: `amounts` are (before, after) pairs, last axis first.
    public func padded(_ amounts: [Int], value: Double = 0) throws -> Tensor {
        try Tensor(owning: ct_pad(raw, amounts.map(Int64.init), Int32(amounts.count), value))
    }
}

extension Tensor {
    /// The matrix product of the last two axes; the others broadcast.
    public func matrixProduct(_ other: Tensor) throws -> Tensor { try Tensor(owning: ct_matmul(raw, other.raw)) }

    /// x · weightᵀ + bias with x [N, in], weight [out, in], bias [out].
    public func linear(_ weight: Tensor, bias: Tensor? = nil) throws -> Tensor {
        try Tensor(owning: ct_linear(raw, weight.raw, bias?.raw))
    }

    /// Cross-correlation of [N, C, H, W] with weight [out, C/groups, k, k].
    public func convolved(
        _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1
    ) throws -> Tensor {
        try Tensor(
            owning: ct_conv2d(
                raw, weight.raw, bias?.raw, Int32(stride), Int32(padding), Int32(dilation), Int32(groups)))
    }

    /// The transpose of ``convolved(_:bias:stride:padding:dilation:groups:)``, with weight [C, out/groups, k, k].
    public func transposeConvolved(
        _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        groups: Int = 1
    ) throws -> Tensor {
        try Tensor(
            owning: ct_conv_transpose2d(
                raw, weight.raw, bias?.raw, Int32(stride), Int32(padding), Int32(outputPadding), Int32(groups)))
    }

    /// Batch normalisation of [N, C, …] (Ioffe and Szegedy, 2015); in training the running moments change in place.
    public func batchNormalised(
        weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, training: Bool, momentum: Double = 0.1,
        epsilon: Double = 1e-5
    ) throws -> Tensor {
        try Tensor(
            owning: ct_batch_norm(
                raw, weight.raw, bias.raw, mean.raw, variance.raw, training ? 1 : 0, momentum, epsilon))
    }

    /// The largest value of each window.
    public func maxPooled(size: Int, stride: Int, padding: Int = 0) throws -> Tensor {
        try Tensor(owning: ct_max_pool2d(raw, Int32(size), Int32(stride), Int32(padding)))
    }

    /// The mean of each window; what lies outside the image is not counted.
    public func averagePooled(size: Int, stride: Int, padding: Int = 0) throws -> Tensor {
        try Tensor(owning: ct_average_pool2d(raw, Int32(size), Int32(stride), Int32(padding)))
    }

    /// [N, C, H, W] → [N, C], the mean over all pixels.
    public func globalAverage() throws -> Tensor { try Tensor(owning: ct_global_average(raw)) }

    /// How ``resized(height:width:mode:)`` finds a new pixel.
    public enum ResizeMode: Int32, Sendable {
        case nearest = 0
        case bilinear = 1
        case area = 2
    }

    /// [N, C, H, W] at another size; pixel centres at half-integers, `area` averages whole windows.
    public func resized(height: Int, width: Int, mode: ResizeMode = .bilinear) throws -> Tensor {
        try Tensor(owning: ct_resize2d(raw, Int64(height), Int64(width), mode.rawValue))
    }

    /// The mean binary cross-entropy of these logits against targets in 0…1, each element times `weight`.
    public func crossEntropy(_ targets: Tensor, weight: Tensor? = nil) throws -> Tensor {
        try Tensor(owning: ct_bce_with_logits(raw, targets.raw, weight?.raw))
    }
}
