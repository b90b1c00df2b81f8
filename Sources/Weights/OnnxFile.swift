import Core
import Foundation

/// The weights of a network in ONNX's format.
///
/// Only what small published networks need is read: float32 initialisers, those of `DequantizeLinear` in blocks of int8, and
/// nodes `Conv`. Whoever builds the network knows what lies between them. The file is data: nothing of it is run, and every
/// length is checked.
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

    /// Float32 arrays by name: initialisers, and what nodes `DequantizeLinear` make of int8 ones.
    public let tensors: [String: TensorData]
    private let nodes: [Node]
    private let damaged: Failure

    private static let maximumBytes = 256 << 20

    /// Reads a file.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its weights.
    /// - Throws: ``Core/Failure`` naming it: missing or damaged.
    public static func read(_ path: String) throws -> OnnxFile { try OnnxFile(MappedFile(path).data, name: path) }

    /// - Parameters:
    ///   - data: A file's bytes.
    ///   - name: What it is called in messages.
    /// - Throws: ``Core/Failure`` naming it: damaged, or no such file.
    public init(_ data: Data, name: String) throws {
        guard data.count <= OnnxFile.maximumBytes else {
            throw Failure(name, "has \(data.count) bytes, too many for a small network", "give another file")
        }
        let damaged = Failure(name, "is no network in ONNX's format, or damaged", "get the file again")
        var graph: Data?
        for field in try ProtocolFields(data, damaged) where field.number == 7 { graph = field.bytes }
        guard let graph else { throw damaged }
        var tensors: [String: TensorData] = [:]
        var nodes: [Node] = []
        for field in try ProtocolFields(graph, damaged) {
            guard let bytes = field.bytes else { continue }
            if field.number == 5, let (name, tensor) = try OnnxFile.tensor(bytes, damaged) { tensors[name] = tensor }
            if field.number == 1 { nodes.append(try Node(bytes, damaged)) }
        }
        for node in nodes where node.operation == "DequantizeLinear" {
            if let output = node.outputs.first { tensors[output] = try node.dequantized(tensors, damaged) }
        }
        self.tensors = tensors.filter { $1.type == .float32 }
        self.nodes = nodes.filter { $0.operation == "Conv" }
        self.damaged = damaged
        if nodes.isEmpty { throw damaged }
    }

    /// The convolutions with a bias, in the order of the graph.
    ///
    /// - Throws: ``Core/Failure`` naming the file, whose convolutions are of another kind.
    public func convolutions() throws -> [Convolution] { try nodes.map { try $0.convolution(tensors, damaged) } }

    /// A float32 or int8 initialiser; nil for another type.
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
            case (4, let data?), (9, let data?): raw = data
            default: break
            }
        }
        guard let element: ElementType = [1: .float32, 3: .int8][type], !raw.isEmpty else { return nil }
        guard shape.count <= 8, TensorData.byteCount(shape: shape, type: element) == raw.count else { throw damaged }
        return (name, try TensorData(shape: shape, type: element, bytes: raw))
    }

    private static func size(_ value: UInt64, _ damaged: Failure) throws -> Int {
        guard value <= 1 << 24 else { throw damaged }
        return Int(value)
    }

    /// What a node does with which arrays.
    private struct Node: Sendable {
        private(set) var inputs: [String] = []
        private(set) var outputs: [String] = []
        private(set) var operation = ""
        private var attributes: [String: [Int]] = [:]

        init(_ bytes: Data, _ damaged: Failure) throws {
            for field in try ProtocolFields(bytes, damaged) {
                guard let bytes = field.bytes else { continue }
                if field.number == 1 { inputs.append(String(decoding: bytes, as: UTF8.self)) }
                if field.number == 2 { outputs.append(String(decoding: bytes, as: UTF8.self)) }
                if field.number == 4 { operation = String(decoding: bytes, as: UTF8.self) }
                if field.number == 5 {
                    let (name, values) = try OnnxFile.attribute(bytes, damaged)
                    attributes[name] = values
                }
            }
        }

        func convolution(_ tensors: [String: TensorData], _ damaged: Failure) throws -> Convolution {
            let (strides, pads) = (attributes["strides"] ?? [1, 1], attributes["pads"] ?? [0, 0, 0, 0])
            guard inputs.count == 3, let weight = tensors[inputs[1]], let bias = tensors[inputs[2]],
                weight.shape.count == 4, bias.shape == [weight.shape[0]], Set(strides).count == 1,
                Set(pads).count == 1, (attributes["dilations"] ?? [1]).allSatisfy({ $0 == 1 })
            else { throw damaged }
            return Convolution(
                weight: weight, bias: bias, stride: strides[0], padding: pads[0],
                groups: attributes["group"]?.first ?? 1)
        }

        /// (q − zero) · scale, where each block of an array's last dimension has its own zero and scale.
        func dequantized(_ tensors: [String: TensorData], _ damaged: Failure) throws -> TensorData {
            guard inputs.count == 3, let values = tensors[inputs[0]], let scales = tensors[inputs[1]],
                let zeros = tensors[inputs[2]], values.type == .int8, zeros.type == .int8, scales.type == .float32,
                let last = values.shape.last, let block = attributes["block_size"]?.first, block > 0, last > 0,
                attributes["axis"]?.first ?? 1 == values.shape.count - 1,
                scales.shape == Array(values.shape.dropLast()) + [(last + block - 1) / block],
                zeros.shape == scales.shape
            else { throw damaged }
            let floats = try Elements.dequantized(
                values.floats(), factors: scales.floats(), shifts: zeros.floats(), width: last, block: block)
            return TensorData(floats, shape: values.shape)
        }
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
