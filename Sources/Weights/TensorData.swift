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
        switch type {
        case .float32: load(Float.self) { $0 }
        case .float16: load(UInt16.self) { Half.float(fromHalf: $0) }
        case .bfloat16: load(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .float64: load(Double.self) { Float($0) }
        case .int64: load(Int64.self) { Float($0) }
        case .int32: load(Int32.self) { Float($0) }
        case .int16: load(Int16.self) { Float($0) }
        case .int8: load(Int8.self) { Float($0) }
        case .uint8: load(UInt8.self) { Float($0) }
        case .bool: throw Failure("array", "holds truth values, not numbers", "use an array of numbers")
        }
    }

    /// The elements rounded to float16, to the nearest even; a value beyond its range becomes infinite.
    ///
    /// - Throws: As ``floats()``.
    public func half() throws -> TensorData {
        let values = try floats().map(Half.half(from:))
        return try TensorData(shape: shape, type: .float16, bytes: values.withUnsafeBytes { Data($0) })
    }

    private func load<T>(_ type: T.Type, _ convert: (T) -> Float) -> [Float] {
        let count = bytes.count / MemoryLayout<T>.size
        return bytes.withUnsafeBytes { raw in
            [Float](unsafeUninitializedCapacity: count) { output, initialized in
                for i in 0..<count {
                    output[i] = convert(raw.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self))
                }
                initialized = count
            }
        }
    }
}

/// IEEE 754 half precision, which Swift's `Float16` does not offer on every platform.
public enum Half {
    /// The value of a half's bits.
    public static func float(fromHalf bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1F)
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    /// The bits of the nearest half, ties to even.
    public static func half(from value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(bits >> 16 & 0x8000)
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude >= 0x7F80_0000 { return sign | (magnitude > 0x7F80_0000 ? 0x7E00 : 0x7C00) }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            let scaled = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
            return sign | UInt16(scaled)
        }
        let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1)
        return sign | UInt16((rounded >> 13) - (112 << 10))
    }
}
