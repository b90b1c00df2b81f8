import Core
import Foundation

/// NumPy's arrays and scalars as pickles hold them (`numpy.ndarray.__reduce__`, protocols 2 to 5).
struct PickledArrays {
    let name: String
    /// Bytes of arrays that may still be made.
    private var budget: Int

    /// - Parameters:
    ///   - name: Stands in error messages.
    ///   - size: Bytes of the file: all arrays together may have no more than four times as many.
    init(name: String, size: Int) {
        self.name = name
        budget = size > Int.max / 8 ? Int.max : size * 4 + (1 << 20)
    }

    /// What such pickles may ask for.
    static let globals: Set<String> = Set(
        ["numpy.ndarray", "numpy.dtype", "_codecs.encode", "builtins.bytearray", "__builtin__.bytearray"]
            + ["numpy.core", "numpy._core"].flatMap { module in
                ["multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer"].map { "\(module).\($0)" }
            })

    private func failure(_ problem: String) -> Failure {
        Failure(name, problem, "the file is damaged, hostile, or not of a kind this program reads")
    }

    /// The array, or nil when the value is not one.
    ///
    /// - Throws: ``Failure`` for an array of Python objects, of an unknown type, or whose bytes do not fit its shape.
    mutating func array(_ value: PickleValue) throws -> TensorData? {
        guard let node = value.node, let global = node.global else { return nil }
        switch global.split(separator: ".").last {
        case "_reconstruct":
            // State: version, shape, type, whether in Fortran's order, bytes.
            guard let state = node.state?.elements, state.count >= 5, let shape = state[1].integers else {
                throw failure("has an array without its state")
            }
            let isFortran = if case .bool(true) = state[3] { true } else { false }
            return try make(shape, state[2], bytes(state[4]), isFortran: isFortran)
        case "scalar":
            guard node.items.count >= 2 else { throw failure("has a number without its bytes") }
            return try make([], node.items[0], bytes(node.items[1]), isFortran: false)
        case "_frombuffer":
            // Arguments: bytes, type, shape, order.
            guard node.items.count >= 3, let shape = node.items[2].integers else {
                throw failure("has an array without its shape")
            }
            let isFortran = node.items.count > 3 && node.items[3].text == "F"
            return try make(shape, node.items[1], bytes(node.items[0]), isFortran: isFortran)
        default: return nil
        }
    }

    private mutating func make(_ shape: [Int], _ type: PickleValue, _ bytes: Data, isFortran: Bool) throws -> TensorData
    {
        let type = try element(type)
        guard shape.count <= 16, bytes.count <= budget else { throw failure("has arrays that add up to too much") }
        budget -= bytes.count
        guard TensorData.byteCount(shape: shape, type: type) == bytes.count else {
            throw failure("has an array of shape \(shape) with \(bytes.count) bytes")
        }
        if isFortran && shape.count > 1 {
            return try TensorData(
                shape: shape, type: type, bytes: NumpyFile.transposed(bytes, shape: shape, size: type.size))
        }
        return try TensorData(shape: shape, type: type, bytes: Data(bytes))
    }

    /// Bytes, or the text of Latin-1 that Python 3 makes of them for protocol 2.
    private func bytes(_ value: PickleValue) throws -> Data {
        if case .bytes(let data) = value { return data }
        guard let node = value.node else { throw failure("has an array without its bytes") }
        if node.global == "_codecs.encode", case .string(let text)? = node.items.first {
            var result = Data(capacity: text.utf8.count)
            for scalar in text.unicodeScalars {
                guard scalar.value < 256 else { throw failure("has bytes that are not Latin-1") }
                result.append(UInt8(scalar.value))
            }
            return result
        }
        if node.global?.hasSuffix(".bytearray") == true, let first = node.items.first { return try bytes(first) }
        throw failure("has an array without its bytes")
    }

    /// The element type of `numpy.dtype('f4', …)` with its state (version, byte order, …).
    private func element(_ value: PickleValue) throws -> ElementType {
        guard let node = value.node, node.global == "numpy.dtype", let text = node.items.first?.text else {
            throw failure("has an array of an unknown type")
        }
        if let order = node.state?.elements?.dropFirst().first?.text, order == ">" {
            throw failure("has big-endian arrays")
        }
        let types: [String: ElementType] = [
            "f4": .float32, "f8": .float64, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
            "u1": .uint8, "b1": .bool,
        ]
        guard let type = types[text.trimmingCharacters(in: ["<", "|", "="])] else {
            throw failure("has an array of type \(text.prefix(20))")
        }
        return type
    }
}
