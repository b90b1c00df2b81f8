import Core
import Foundation

/// Element types of stored arrays, with safetensors' and NumPy's spelling.
public enum ElementType: String, Sendable, CaseIterable {
    case float32, float16, bfloat16, float64, int64, int32, int16, int8, uint8, bool

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }
}

/// An array as files hold it: a shape, an element type and little-endian bytes in C order.
public struct TensorData: Sendable, Equatable {
    /// Dimensions, outermost first; empty for a scalar.
    public var shape: [Int]
    /// What an element is.
    public var type: ElementType
    /// Elements in C order, little endian.
    public var bytes: Data

    /// - Throws: ``Failure`` when the shape is negative, overflows, or does not fit the bytes.
    public init(shape: [Int], type: ElementType, bytes: Data) throws {
        guard let count = TensorData.byteCount(shape: shape, type: type) else {
            throw Failure("array", "has the impossible shape \(shape)", "the file is damaged or hostile")
        }
        guard count == bytes.count else {
            throw Failure(
                "array", "of shape \(shape) and type \(type.rawValue) needs \(count) bytes, has \(bytes.count)",
                "the file is damaged")
        }
        self.shape = shape
        self.type = type
        self.bytes = bytes
    }

    /// An array of float32; `shape` must fit the number of values.
    public init(_ floats: [Float], shape: [Int]) {
        precondition(
            TensorData.byteCount(shape: shape, type: .float32) == floats.count * 4, "shape must fit the values")
        self.shape = shape
        type = .float32
        bytes = floats.withUnsafeBytes { Data($0) }
    }

    /// Number of elements.
    public var count: Int { bytes.count / type.size }

    /// Bytes of an array, or nil when a dimension is negative or the product does not fit in an `Int`.
    public static func byteCount(shape: [Int], type: ElementType) -> Int? {
        var total = type.size
        for dimension in shape {
            if dimension < 0 { return nil }
            let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            total = product
        }
        return total
    }

    /// The elements as float32, whatever number type they have.
    ///
    /// - Throws: ``Failure`` for booleans.
    public func floats() throws -> [Float] {
        try bytes.withUnsafeBytes { bytes in
            switch type {
            case .float32: Elements.floats(bytes)
            case .float16: Elements.floats(halves: bytes)
            case .bfloat16: Elements.floats(brain: bytes)
            case .float64: Elements.floats(doubles: bytes)
            case .int64: Elements.floats(int64: bytes)
            case .int32: Elements.floats(int32: bytes)
            case .int16: Elements.floats(int16: bytes)
            case .int8: Elements.floats(int8: bytes)
            case .uint8: Elements.floats(uint8: bytes)
            case .bool: throw Failure("array", "holds truth values, not numbers", "use an array of numbers")
            }
        }
    }

    /// The elements rounded to float16, to the nearest even; a value beyond its range becomes infinite.
    ///
    /// - Throws: As ``floats()``.
    public func half() throws -> TensorData {
        let values = try Elements.halves(floats())
        return try TensorData(shape: shape, type: .float16, bytes: values.withUnsafeBytes { Data($0) })
    }
}
