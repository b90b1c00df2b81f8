import CTorch
import Core

/// The number type of a tensor's elements.
public enum ScalarType: Int32, Sendable {
    case float32 = 0
    case float16 = 1
    case bfloat16 = 2
    case float64 = 3
    case int64 = 4
    case uint8 = 5
    case bool = 6

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .float32: 4
        case .float16, .bfloat16: 2
        case .float64, .int64: 8
        case .uint8, .bool: 1
        }
    }
}

/// Where a tensor lies and its operations run.
public enum Device: Sendable, Hashable, CustomStringConvertible {
    case cpu
    case cuda(Int)

    var number: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(clamping: index)
        }
    }

    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// The device of a name: `cpu`, `cuda`, `cuda:1`, or `auto` (CUDA when there is one).
    ///
    /// - Throws: ``Core/Failure`` (usage) for an unknown name or a CUDA device that this libtorch does not have.
    public static func named(_ text: String) throws -> Device {
        if text == "cpu" { return .cpu }
        if text == "auto" { return Torch.cudaDevices > 0 ? .cuda(0) : .cpu }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        if parts.first == "cuda", parts.count <= 2, let index = parts.count == 2 ? Int(parts[1]) : 0, index >= 0 {
            if index < Torch.cudaDevices { return .cuda(index) }
            let problem = Torch.cudaDevices == 0 ? "there is no CUDA device here" : "there is no such CUDA device"
            throw Failure(
                text, problem, "use the device cpu, or build with LIBTORCH set to a CUDA build of PyTorch 2",
                kind: .usage)
        }
        throw Failure(text, "is not a device", "use cpu, cuda, cuda:N or auto", kind: .usage)
    }
}

/// A multi-dimensional array of libtorch with its gradient history.
///
/// A value of this type is a handle that is given back when its last copy goes; operations make new tensors, except those
/// that say "in place". Safe to hand to another thread, not to change from two at once.
///
/// For example:
///
/// ```swift
/// let x = try Tensor([1, 2, 3, 4], shape: [2, 2]).requiringGradient()
/// try x.multiplied(by: x).sum().backward()
/// let slope = try x.gradient().floats()  // [2, 4, 6, 8]
/// ```
public struct Tensor: @unchecked Sendable {
    final class Handle {
        let pointer: ct_tensor

        init(_ pointer: ct_tensor) { self.pointer = pointer }

        deinit { ct_release(pointer) }
    }

    let storage: Handle
    var raw: ct_tensor { storage.pointer }

    init(owning pointer: ct_tensor?) throws {
        guard let pointer else { throw Torch.failure() }
        storage = Handle(pointer)
    }

    /// A float32 tensor with a copy of `values` in C order.
    ///
    /// - Throws: ``Core/Failure`` when `shape` and the number of values differ.
    public init(_ values: [Float], shape: [Int], device: Device = .cpu) throws {
        self = try values.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, type: .float32, device: device) }
    }

    /// A float32 tensor with a copy of a buffer in C order.
    ///
    /// - Throws: ``Core/Failure`` when `shape` and the number of values differ.
    public init(_ values: UnsafeBufferPointer<Float>, shape: [Int], device: Device = .cpu) throws {
        try self.init(bytes: UnsafeRawBufferPointer(values), shape: shape, type: .float32, device: device)
    }

    /// A tensor of any type with a copy of little-endian `bytes` in C order.
    ///
    /// - Throws: ``Core/Failure`` when `shape` and the number of bytes differ, or memory runs out.
    public init(bytes: UnsafeRawBufferPointer, shape: [Int], type: ScalarType, device: Device = .cpu) throws {
        var count = type.size
        for length in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            guard length >= 0, !overflow else { throw Failure("tensor", "cannot have the shape \(shape)") }
            count = product
        }
        guard count == bytes.count else {
            throw Failure("tensor", "of shape \(shape) needs \(count) bytes, not \(bytes.count)")
        }
        let sizes = shape.map(Int64.init)
        var none: UInt8 = 0
        let pointer = withUnsafePointer(to: &none) { empty in
            ct_from_data(
                bytes.baseAddress ?? UnsafeRawPointer(empty), sizes, Int32(sizes.count), type.rawValue, device.number)
        }
        try self.init(owning: pointer)
    }

    /// A tensor filled with one value.
    public init(filledWith value: Double, shape: [Int], type: ScalarType = .float32, device: Device = .cpu) throws {
        let sizes = shape.map(Int64.init)
        try self.init(owning: ct_full(sizes, Int32(sizes.count), value, type.rawValue, device.number))
    }

    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], type: ScalarType = .float32, device: Device = .cpu) throws -> Tensor {
        try Tensor(filledWith: 0, shape: shape, type: type, device: device)
    }

    /// A tensor of ones.
    public static func ones(_ shape: [Int], type: ScalarType = .float32, device: Device = .cpu) throws -> Tensor {
        try Tensor(filledWith: 1, shape: shape, type: type, device: device)
    }
}

extension Tensor {
    /// The length of each axis.
    public var shape: [Int] {
        var sizes = [Int64](repeating: 0, count: max(0, Int(ct_dimensions(raw))))
        _ = ct_shape(raw, &sizes)
        return sizes.map(Int.init)
    }

    /// The number of elements.
    public var count: Int { Int(ct_count(raw)) }

    /// The element type.
    public var type: ScalarType { ScalarType(rawValue: ct_type(raw)) ?? .float32 }

    /// Where the tensor lies.
    public var device: Device {
        let number = ct_device(raw)
        return number < 0 ? .cpu : .cuda(Int(number))
    }

    /// All elements in C order, converted to float32.
    ///
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func floats() throws -> [Float] {
        let source = type == .float32 ? self : try to(type: .float32)
        let total = source.count
        return try [Float](unsafeUninitializedCapacity: total) { buffer, initialized in
            if total > 0 { try Torch.check(ct_copy_to_host(source.raw, buffer.baseAddress, Int64(total * 4))) }
            initialized = total
        }
    }

    /// Copies all elements in C order into memory; the buffer's size must be the tensor's in bytes.
    ///
    /// - Throws: ``Core/Failure`` when the sizes differ.
    public func copy(into buffer: UnsafeMutableRawBufferPointer) throws {
        try Torch.check(ct_copy_to_host(raw, buffer.baseAddress, Int64(buffer.count)))
    }

    /// The value of a tensor with one element.
    ///
    /// - Throws: ``Core/Failure`` when it has more or fewer.
    public func item() throws -> Float {
        let values = try floats()
        guard values.count == 1 else { throw Failure("tensor", "of shape \(shape) is not a single number") }
        return values[0]
    }

    /// The same numbers in another type or on another device; the tensor itself when nothing changes.
    public func to(type: ScalarType? = nil, device: Device? = nil) throws -> Tensor {
        try Tensor(owning: ct_to(raw, (type ?? self.type).rawValue, (device ?? self.device).number))
    }

    /// A copy with memory of its own that stays in the gradient's history.
    public func clone() throws -> Tensor { try Tensor(owning: ct_clone(raw)) }

    /// The same memory outside the gradient's history.
    public func detached() throws -> Tensor { try Tensor(owning: ct_detach(raw)) }

    /// The same numbers in C order, or with channels innermost (`channelsLast`, [N, C, H, W] only), which convolutions like.
    public func contiguous(channelsLast: Bool = false) throws -> Tensor {
        try Tensor(owning: ct_contiguous(raw, channelsLast ? 1 : 0))
    }
}

extension Tensor {
    /// Switches gradient recording for this leaf on or off, in place, and returns it.
    @discardableResult
    public func requiringGradient(_ on: Bool = true) throws -> Tensor {
        try Torch.check(ct_set_requires_grad(raw, on ? 1 : 0))
        return self
    }

    /// Computes the gradients of this single number with respect to every leaf that asks for one, adding to theirs.
    public func backward() throws { try Torch.check(ct_backward(raw)) }

    /// The gradient that ``backward()`` left.
    ///
    /// - Throws: ``Core/Failure`` when there is none.
    public func gradient() throws -> Tensor { try Tensor(owning: ct_grad(raw)) }

    /// Forgets the gradient, in place.
    public func clearGradient() throws { try Torch.check(ct_clear_grad(raw)) }

    /// Gradients of Σ self · cotangent with respect to `inputs`; nothing is accumulated.
    ///
    /// - Parameters:
    ///   - inputs: Tensors that this one was computed from and that require gradients.
    ///   - cotangent: Same shape as this tensor; nil means ones.
    ///   - keepingGraph: Whether the history stays for another call.
    /// - Returns: A gradient for each input, of its shape.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func gradients(of inputs: [Tensor], cotangent: Tensor? = nil, keepingGraph: Bool = false) throws -> [Tensor]
    {
        var found = [ct_tensor?](repeating: nil, count: inputs.count)
        let handles: [ct_tensor?] = inputs.map(\.raw)
        try Torch.check(
            ct_gradients(raw, cotangent?.raw, handles, Int32(inputs.count), keepingGraph ? 1 : 0, &found))
        return try found.map { try Tensor(owning: $0) }
    }

    /// In place, outside the gradient's history: self · keep + source · take.
    public func blend(_ source: Tensor, keep: Double, take: Double) throws {
        try Torch.check(ct_blend(raw, source.raw, keep, take))
    }

    /// In place, outside the gradient's history: takes over the numbers of `source`.
    public func assign(_ source: Tensor) throws { try blend(source, keep: 0, take: 1) }
}
