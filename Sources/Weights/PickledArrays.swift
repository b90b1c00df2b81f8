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
        [
            "numpy.ndarray", "numpy.dtype", "_codecs.encode", "builtins.bytearray", "__builtin__.bytearray",
            "builtins.bytes", "__builtin__.bytes",
        ]
            + ["numpy.core", "numpy._core"].flatMap { module in
                ["multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer"].map { "\(module).\($0)" }
            })

    private func failure(_ problem: String) -> Failure {
        Failure(name, problem, "the file is damaged, hostile, or not of a kind this program reads")
    }

    /// What stands where an array does.
    enum Found {
        case array(TensorData)
        /// An array of Python objects (its elements, and its shape), or of a type that is no number.
        case objects([PickleValue], shape: [Int])
    }

    /// The array, or nil when the value is not one.
    ///
    /// - Throws: ``Failure`` for an array whose bytes do not fit its shape.
    mutating func array(_ value: PickleValue) throws -> Found? {
        guard let node = value.node, let global = node.global else { return nil }
        switch global.split(separator: ".").last {
        case "_reconstruct":
            // State: version, shape, type, whether in Fortran's order, bytes.
            guard let state = node.state?.elements, state.count >= 5, let shape = state[1].integers else {
                throw failure("has an array without its state")
            }
            let isFortran = if case .bool(true) = state[3] { true } else { false }
            if isObjects(state[2]) { return .objects(state[4].elements ?? [], shape: shape) }
            return .array(try make(shape, state[2], bytes(state[4]), isFortran: isFortran))
        case "scalar":
            guard node.items.count >= 2 else { throw failure("has a number without its bytes") }
            if isObjects(node.items[0]) { return .objects([node.items[1]], shape: []) }
            return .array(try make([], node.items[0], bytes(node.items[1]), isFortran: false))
        case "_frombuffer":
            // Arguments: bytes, type, shape, order.
            guard node.items.count >= 3, let shape = node.items[2].integers else {
                throw failure("has an array without its shape")
            }
            let isFortran = node.items.count > 3 && node.items[3].text == "F"
            return .array(try make(shape, node.items[1], bytes(node.items[0]), isFortran: isFortran))
        default: return nil
        }
    }

    private mutating func make(_ shape: [Int], _ type: PickleValue, _ bytes: Data, isFortran: Bool) throws -> TensorData
    {
        let isBigEndian = type.node?.state?.elements?.dropFirst().first?.text == ">"
        let type = try element(type)
        guard shape.count <= 16, bytes.count <= budget else { throw failure("has arrays that add up to too much") }
        budget -= bytes.count
        guard TensorData.byteCount(shape: shape, type: type) == bytes.count else {
            throw failure("has an array of shape \(shape) with \(bytes.count) bytes")
        }
        var elements = bytes.rebased()
        if isBigEndian { elements = Elements.swapped(elements, size: type.size) }
        if isFortran && shape.count > 1 {
            elements = NumpyFile.transposed(elements, shape: shape, size: type.size)
        }
        return try TensorData(shape: shape, type: type, bytes: elements)
    }

    private func bytes(_ value: PickleValue) throws -> Data {
        guard let bytes = PickledArrays.bytes(value) else { throw failure("has an array without its bytes") }
        return bytes
    }

    /// Bytes, or the text of Latin-1 that Python 3 makes of them for protocols up to 2; nil for anything else.
    static func bytes(_ value: PickleValue) -> Data? {
        if case .bytes(let data) = value { return data }
        guard let node = value.node else { return nil }
        switch node.global {
        case "_codecs.encode":
            if case .string(let text)? = node.items.first { return latin1(Data(text.utf8)) }
            if case .longText(let text)? = node.items.first { return latin1(text) }
            return nil
        case "builtins.bytearray", "__builtin__.bytearray", "builtins.bytes", "__builtin__.bytes":
            guard let first = node.items.first else { return Data() }
            // A bytearray of protocol 2 names its encoding.
            if case .string(let text) = first { return latin1(Data(text.utf8)) }
            if case .longText(let text) = first { return latin1(text) }
            return first.node === node ? nil : bytes(first)
        default: return nil
        }
    }

    /// Characters below 256 as bytes, from their UTF-8; nil where there are others.
    private static func latin1(_ text: Data) -> Data? {
        var result = Data(count: text.count)
        var count = 0
        let isGood = result.withUnsafeMutableBytes { (target: UnsafeMutableRawBufferPointer) in
            text.withUnsafeBytes { (source: UnsafeRawBufferPointer) in
                var i = 0
                while i < source.count {
                    let byte = source[i]
                    if byte < 0x80 {
                        target[count] = byte
                    } else {
                        guard byte & 0xFC == 0xC0, i + 1 < source.count, source[i + 1] & 0xC0 == 0x80 else {
                            return false
                        }
                        target[count] = byte << 6 | source[i + 1] & 0x3F
                        i += 1
                    }
                    i += 1
                    count += 1
                }
                return true
            }
        }
        return isGood ? result.prefix(count) : nil
    }

    private static let types: [String: ElementType] = [
        "f4": .float32, "f8": .float64, "f2": .float16, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
        "u1": .uint8, "b1": .bool,
    ]

    private static func code(_ type: PickleValue) -> String? {
        guard let node = type.node, node.global == "numpy.dtype", let text = node.items.first?.text else { return nil }
        return text.trimmingCharacters(in: CharacterSet(charactersIn: "<|=>"))
    }

    /// Whether a type is none of the numbers' that are read: Python objects, texts, dates, records, unsigned counters.
    private func isObjects(_ type: PickleValue) -> Bool {
        PickledArrays.code(type).map { PickledArrays.types[$0] == nil } ?? false
    }

    /// The element type of `numpy.dtype('f4', …)` with its state (version, byte order, …).
    private func element(_ value: PickleValue) throws -> ElementType {
        guard let code = PickledArrays.code(value) else { throw failure("has an array of an unknown type") }
        guard let type = PickledArrays.types[code] else { throw failure("has an array of type \(code.prefix(20))") }
        return type
    }
}
