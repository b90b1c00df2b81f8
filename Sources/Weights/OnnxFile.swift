import Core
import Foundation

/// The convolutions of a network in ONNX's format, in the order in which it runs them.
///
/// Only what small published detectors need is read: nodes `Conv` with their float32 initialisers. Whoever builds the network
/// knows what lies between them. The file is data: nothing of it is run, and every length is checked.
public struct OnnxFile: Sendable {
    /// A convolution and its weights.
    public struct Convolution: Sendable {
        /// [output, input / groups, height, width].
        public let weight: TensorData
        /// [output].
        public let bias: TensorData
        /// Step between outputs.
        public let stride: Int
        /// Zeros on every side.
        public let padding: Int
        /// Groups that the channels are divided into.
        public let groups: Int
    }

    /// In the order of the graph.
    public let convolutions: [Convolution]

    private static let maximumBytes = 256 << 20

    /// Reads a file.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its convolutions.
    /// - Throws: ``Core/Failure`` naming it: missing, damaged, or with convolutions of another kind.
    public static func read(_ path: String) throws -> OnnxFile { try OnnxFile(MappedFile(path).data, name: path) }

    /// - Parameters:
    ///   - data: A file's bytes.
    ///   - name: What it is called in messages.
    /// - Throws: ``Core/Failure`` naming it: damaged, or with convolutions of another kind.
    public init(_ data: Data, name: String) throws {
        guard data.count <= OnnxFile.maximumBytes else {
            throw Failure(name, "has \(data.count) bytes, too many for a small network", "give another file")
        }
        let damaged = Failure(name, "is no network in ONNX's format, or damaged", "get the file again")
        var graph: Data?
        for field in try ProtocolFields(data, damaged) where field.number == 7 { graph = field.bytes }
        guard let graph else { throw damaged }
        var tensors: [String: TensorData] = [:]
        var nodes: [Data] = []
        for field in try ProtocolFields(graph, damaged) {
            guard let bytes = field.bytes else { continue }
            if field.number == 5, let (name, tensor) = try OnnxFile.tensor(bytes, damaged) { tensors[name] = tensor }
            if field.number == 1 { nodes.append(bytes) }
        }
        convolutions = try nodes.compactMap { try OnnxFile.convolution($0, tensors, damaged) }
        if convolutions.isEmpty { throw damaged }
    }

    /// A float32 initialiser; nil for another type.
    private static func tensor(_ bytes: Data, _ damaged: Failure) throws -> (String, TensorData)? {
        var (shape, type, name, raw): ([Int], UInt64, String, Data) = ([], 0, "", Data())
        for field in try ProtocolFields(bytes, damaged) {
            switch (field.number, field.bytes) {
            case (1, nil): shape.append(try size(field.value, damaged))
            case (1, let packed?):
                var reader = ProtocolReader(packed, damaged)
                while !reader.isAtEnd { shape.append(try size(reader.integer(), damaged)) }
            case (2, nil): type = field.value
            case (8, let text?): name = String(decoding: text, as: UTF8.self)
            case (9, let data?): raw = data
            default: break
            }
        }
        guard type == 1, !raw.isEmpty else { return nil }
        guard shape.count <= 8, TensorData.byteCount(shape: shape, type: .float32) == raw.count else { throw damaged }
        return (name, try TensorData(shape: shape, type: .float32, bytes: raw))
    }

    private static func size(_ value: UInt64, _ damaged: Failure) throws -> Int {
        guard value <= 1 << 24 else { throw damaged }
        return Int(value)
    }

    /// The convolution of a node; nil for a node that is none.
    private static func convolution(
        _ bytes: Data, _ tensors: [String: TensorData], _ damaged: Failure
    ) throws -> Convolution? {
        var (inputs, operation): ([String], String) = ([], "")
        var attributes: [String: [Int]] = [:]
        for field in try ProtocolFields(bytes, damaged) {
            guard let bytes = field.bytes else { continue }
            if field.number == 1 { inputs.append(String(decoding: bytes, as: UTF8.self)) }
            if field.number == 4 { operation = String(decoding: bytes, as: UTF8.self) }
            if field.number == 5 {
                let (name, values) = try attribute(bytes, damaged)
                attributes[name] = values
            }
        }
        guard operation == "Conv" else { return nil }
        let (strides, pads) = (attributes["strides"] ?? [1, 1], attributes["pads"] ?? [0, 0, 0, 0])
        guard inputs.count == 3, let weight = tensors[inputs[1]], let bias = tensors[inputs[2]],
            weight.shape.count == 4, bias.shape == [weight.shape[0]], Set(strides).count == 1, Set(pads).count == 1,
            (attributes["dilations"] ?? [1]).allSatisfy({ $0 == 1 })
        else { throw damaged }
        return Convolution(
            weight: weight, bias: bias, stride: strides[0], padding: pads[0], groups: attributes["group"]?.first ?? 1)
    }

    /// A node's attribute: its whole numbers.
    private static func attribute(_ bytes: Data, _ damaged: Failure) throws -> (String, [Int]) {
        var (name, values): (String, [Int]) = ("", [])
        for field in try ProtocolFields(bytes, damaged) {
            switch (field.number, field.bytes) {
            case (1, let text?): name = String(decoding: text, as: UTF8.self)
            case (3, nil), (8, nil): values.append(try size(field.value, damaged))
            case (8, let packed?):
                var reader = ProtocolReader(packed, damaged)
                while !reader.isAtEnd { values.append(try size(reader.integer(), damaged)) }
            default: break
            }
        }
        return (name, values)
    }
}

/// The fields of a message of protocol buffers.
private struct ProtocolFields: Sequence {
    struct Field {
        let number: UInt64
        /// Of a whole number.
        let value: UInt64
        /// Of anything with a length.
        let bytes: Data?
    }

    private var fields: [Field] = []

    init(_ data: Data, _ damaged: Failure) throws {
        var reader = ProtocolReader(data, damaged)
        while !reader.isAtEnd {
            let key = try reader.integer()
            switch key & 7 {
            case 0: fields.append(Field(number: key >> 3, value: try reader.integer(), bytes: nil))
            case 1: try reader.skip(8)
            case 2: fields.append(Field(number: key >> 3, value: 0, bytes: try reader.bytes()))
            case 5: try reader.skip(4)
            default: throw damaged
            }
        }
    }

    func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }
}

private struct ProtocolReader {
    private let data: Data
    private let damaged: Failure
    private var position: Int

    init(_ data: Data, _ damaged: Failure) {
        self.data = data
        self.damaged = damaged
        position = data.startIndex
    }

    var isAtEnd: Bool { position >= data.endIndex }

    mutating func integer() throws -> UInt64 {
        var (result, shift): (UInt64, UInt64) = (0, 0)
        while true {
            guard position < data.endIndex, shift < 64 else { throw damaged }
            let byte = data[position]
            position += 1
            result |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return result }
            shift += 7
        }
    }

    mutating func bytes() throws -> Data {
        let length = try integer()
        guard length <= UInt64(data.endIndex - position) else { throw damaged }
        defer { position += Int(length) }
        return data[position..<position + Int(length)]
    }

    mutating func skip(_ count: Int) throws {
        guard data.endIndex - position >= count else { throw damaged }
        position += count
    }
}
