import Core
import Foundation

/// A small network in TensorFlow Lite's format: its operations in order, and its constants.
///
/// Only what small published networks of convolutions need is read; an operation of another kind is an error. The file is data:
/// nothing of it is run, and every place is checked. Arrays lie as TensorFlow has them, channels last.
public struct TFLiteFile: Sendable {
    /// What an operation does with its inputs.
    public enum Kind: Sendable, Equatable {
        /// Half precision becomes single precision.
        case dequantize
        /// Inputs x, weight [out, k, k, in], bias; `isPadded`: as many outputs as there are steps.
        case convolution(stride: Int, isPadded: Bool)
        /// Inputs x, weight [1, k, k, channels], bias.
        case depthwiseConvolution(stride: Int, isPadded: Bool)
        /// Inputs x, weight [out, 2, 2, in], bias; twice the size.
        case doublingConvolution
        case relu, hardSwish, logistic, add, multiply
        /// The mean over all pixels.
        case average
        /// Bilinear, pixel centres at half-integers, to a size.
        case resize(height: Int, width: Int)
    }

    /// One operation; arrays are told by their numbers.
    public struct Operation: Sendable {
        public let kind: Kind
        public let inputs: [Int]
        public let output: Int
    }

    /// In the order in which they run.
    public let operations: [Operation]
    /// The arrays that the file holds, by number.
    public let constants: [Int: TensorData]
    /// The number of the network's input, its shape, and the number of its output.
    public let input: Int, inputShape: [Int], output: Int

    private static let maximumBytes = 64 << 20

    /// - Parameters:
    ///   - data: A file's bytes.
    ///   - name: What it is called in messages.
    /// - Throws: ``Core/Failure`` naming it: damaged, no such file, or with operations that this program does not know.
    public init(_ data: Data, name: String) throws {
        let damaged = Failure(name, "is no network in TensorFlow Lite's format, or damaged", "get the file again")
        guard data.count >= 8, data.count <= TFLiteFile.maximumBytes,
            data.dropFirst(4).prefix(4).elementsEqual("TFL3".utf8)
        else { throw damaged }
        let model = try FlatTable(bytes: FlatBytes(Data(data), damaged), root: ())
        let codes = try model.tables(1).map { code in
            let number = max(try code.byte(0), try code.integer(3))
            return number == 32 ? try code.text(1) ?? "" : "\(number)"
        }
        let graphs = try model.tables(2), buffers = try model.tables(4)
        guard graphs.count == 1, let graph = graphs.first else { throw damaged }
        let tensors = try graph.tables(0)
        let shapes = try tensors.map { try $0.integers(0) }
        var constants: [Int: TensorData] = [:]
        var total = 0
        for (index, tensor) in tensors.enumerated() {
            let buffer = try tensor.integer(2)
            guard buffers.indices.contains(buffer) else { throw damaged }
            guard let bytes = try buffers[buffer].data(0), !bytes.isEmpty else { continue }
            guard let type: ElementType = [0: .float32, 1: .float16, 2: .int32][try tensor.byte(1)],
                shapes[index].count <= 8, shapes[index].allSatisfy({ 0...1 << 24 ~= $0 }),
                TensorData.byteCount(shape: shapes[index], type: type) == bytes.count
            else { throw damaged }
            // Each lies in the file once.
            total += bytes.count
            guard total <= data.count else { throw damaged }
            constants[index] = try TensorData(shape: shapes[index], type: type, bytes: bytes)
        }
        let known = 0..<tensors.count
        self.constants = constants
        operations = try graph.tables(3).map { operation in
            let (inputs, outputs) = (try operation.integers(1), try operation.integers(2))
            let code = try operation.integer(0)
            guard codes.indices.contains(code), outputs.count == 1, !inputs.isEmpty,
                (inputs + outputs).allSatisfy(known.contains)
            else { throw damaged }
            let kind = try TFLiteFile.kind(codes[code], operation, inputs, constants, damaged)
            guard let kind else {
                throw Failure(
                    name, "has the operation \(codes[code]) in a form that this program does not know",
                    "get the published file")
            }
            return Operation(kind: kind, inputs: inputs, output: outputs[0])
        }
        let (inputs, outputs) = (try graph.integers(1), try graph.integers(2))
        guard inputs.count == 1, outputs.count == 1, (inputs + outputs).allSatisfy(known.contains) else {
            throw damaged
        }
        (input, inputShape, output) = (inputs[0], shapes[inputs[0]], outputs[0])
    }

    /// What an operation of a code does; nil for one that is not known.
    private static func kind(
        _ code: String, _ operation: FlatTable, _ inputs: [Int], _ constants: [Int: TensorData], _ damaged: Failure
    ) throws -> Kind? {
        let options = try operation.table(4)
        /// Whether nothing follows the operation within it.
        func isPlain(_ field: Int) throws -> Bool { try options?.byte(field) ?? 0 == 0 }
        func stride(_ count: Int, activation: Int) throws -> (stride: Int, isPadded: Bool)? {
            guard let options, inputs.count == count, try isPlain(activation) else { return nil }
            let steps = (try options.integer(1), try options.integer(2))
            return steps.0 == steps.1 && 1...4 ~= steps.0 ? (steps.0, try options.byte(0) == 0) : nil
        }
        switch (code, inputs.count) {
        case ("0", 2): return try isPlain(0) ? .add : nil
        case ("1", 1): return try isPlain(5) ? .average : nil
        case ("3", 3):
            return try stride(3, activation: 3).map { .convolution(stride: $0.stride, isPadded: $0.isPadded) }
        case ("4", 3):
            return try stride(3, activation: 4).map { .depthwiseConvolution(stride: $0.stride, isPadded: $0.isPadded) }
        case ("6", 1): return .dequantize
        case ("14", 1): return .logistic
        case ("18", 2): return try isPlain(0) ? .multiply : nil
        case ("19", 1): return .relu
        case ("23", 2):
            guard let size = try constants[inputs[1]]?.floats(), size.count == 2, size.allSatisfy({ 1...4096 ~= $0 }),
                let options, try options.byte(2) == 0, try options.byte(3) == 1
            else { return nil }
            return .resize(height: Int(size[0]), width: Int(size[1]))
        case ("117", 1): return .hardSwish
        case ("Convolution2DTransposeBias", 3): return .doublingConvolution
        default: return nil
        }
    }
}

/// The bytes of a file of FlatBuffers; whole numbers are little-endian.
private struct FlatBytes {
    let data: Data
    let damaged: Failure

    init(_ data: Data, _ damaged: Failure) {
        self.data = data
        self.damaged = damaged
    }

    func unsigned(_ at: Int, size: Int) throws -> Int {
        guard at >= 0, at <= data.count - size else { throw damaged }
        return (0..<size).reduce(0) { $0 | Int(data[at + $1]) << (8 * $1) }
    }

    /// Where an offset that stands at a place leads.
    func target(_ at: Int) throws -> Int { at + (try unsigned(at, size: 4)) }

    /// The elements of a vector: where the first lies, and how many.
    func vector(_ at: Int, size: Int) throws -> (start: Int, count: Int) {
        let start = try target(at)
        let count = try unsigned(start, size: 4)
        guard count <= (data.count - start - 4) / size else { throw damaged }
        return (start + 4, count)
    }
}

/// A table of FlatBuffers: fields by their numbers, absent ones at their defaults.
private struct FlatTable {
    /// Tables in a vector, at most.
    private static let most = 1 << 16

    let bytes: FlatBytes
    private let at: Int
    private let fields: Int
    private let size: Int

    init(bytes: FlatBytes, root: Void) throws { try self.init(bytes, try bytes.target(0)) }

    private init(_ bytes: FlatBytes, _ at: Int) throws {
        self.bytes = bytes
        self.at = at
        let back = Int(Int32(truncatingIfNeeded: try bytes.unsigned(at, size: 4)))
        fields = at - back
        size = try bytes.unsigned(fields, size: 2)
    }

    /// Where a field lies; nil for an absent one.
    private func place(_ field: Int) throws -> Int? {
        guard 4 + 2 * field + 2 <= size else { return nil }
        let offset = try bytes.unsigned(fields + 4 + 2 * field, size: 2)
        return offset == 0 ? nil : at + offset
    }

    func byte(_ field: Int) throws -> Int { try place(field).map { try bytes.unsigned($0, size: 1) } ?? 0 }

    func integer(_ field: Int) throws -> Int {
        try place(field).map { Int(Int32(truncatingIfNeeded: try bytes.unsigned($0, size: 4))) } ?? 0
    }

    func integers(_ field: Int) throws -> [Int] {
        guard let place = try place(field) else { return [] }
        let (start, count) = try bytes.vector(place, size: 4)
        return try (0..<count).map { Int(Int32(truncatingIfNeeded: try bytes.unsigned(start + 4 * $0, size: 4))) }
    }

    func data(_ field: Int) throws -> Data? {
        guard let place = try place(field) else { return nil }
        let (start, count) = try bytes.vector(place, size: 1)
        return Data(bytes.data[start..<start + count])
    }

    func text(_ field: Int) throws -> String? { try data(field).map { String(decoding: $0, as: UTF8.self) } }

    func table(_ field: Int) throws -> FlatTable? {
        try place(field).map { try FlatTable(bytes, try bytes.target($0)) }
    }

    func tables(_ field: Int) throws -> [FlatTable] {
        guard let place = try place(field) else { return [] }
        let (start, count) = try bytes.vector(place, size: 4)
        guard count <= FlatTable.most else { throw bytes.damaged }
        return try (0..<count).map { try FlatTable(bytes, try bytes.target(start + 4 * $0)) }
    }
}
