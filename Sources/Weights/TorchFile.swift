import Core
import Foundation

/// What `torch.save` put into a file: tensors in plain containers.
public indirect enum TorchValue: Sendable, Equatable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case tensor(TensorData)
    case list([TorchValue])
    /// Text keys with their values, in order; keys of other types are left out.
    case dictionary([Entry])
    /// Something that is neither number, text, tensor nor container, by its global's name.
    case other(String)

    /// One key of a dictionary.
    public struct Entry: Sendable, Equatable {
        public var key: String
        public var value: TorchValue

        public init(key: String, value: TorchValue) {
            self.key = key
            self.value = value
        }
    }

    /// The tensor, when it is one.
    public var tensor: TensorData? {
        if case .tensor(let tensor) = self { return tensor }
        return nil
    }

    /// The value of a key, when it is a dictionary that has it.
    public subscript(key: String) -> TorchValue? {
        guard case .dictionary(let entries) = self else { return nil }
        return entries.last { $0.key == key }?.value
    }
}

/// Files of `torch.save`: the zip archives that PyTorch writes since 1.6 and the sequence of pickles of before.
///
/// Nothing in a file is run: see ``PickleReader``. Tensors come out contiguous, whatever strides they were saved with.
public enum TorchFile {
    /// Reads a file.
    ///
    /// - Throws: ``Failure`` naming the file: neither form, damaged, hostile, or asking for things that are not data.
    public static func read(_ path: String) throws -> TorchValue { try decode(AtomicFile.read(path), name: path) }

    /// Decodes a file's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public static func decode(_ data: Data, name: String) throws -> TorchValue {
        let data = data.startIndex == 0 ? data : Data(data)
        if data.starts(with: Data("PK".utf8)) { return try decodeArchive(data, name: name) }
        return try LegacyTorchFile(data: data, name: name).value()
    }

    /// What a pickle of tensors may ask for.
    public static let globals: Set<String> = Set(
        [
            "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
            "torch._utils._rebuild_parameter", "torch._tensor._rebuild_from_type_v2", "torch.Size", "torch.device",
            "torch.Tensor", "torch.nn.parameter.Parameter", "torch.serialization._get_layout",
            "builtins.set", "__builtin__.set", "argparse.Namespace",
        ] + storageTypes.keys + tensorTypes)

    /// Classes of storages with their element type.
    static let storageTypes: [String: ElementType] = [
        "torch.FloatStorage": .float32, "torch.HalfStorage": .float16, "torch.BFloat16Storage": .bfloat16,
        "torch.DoubleStorage": .float64, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
        "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
        "torch.BoolStorage": .bool, "torch.storage.UntypedStorage": .uint8,
    ]

    private static let tensorTypes = [
        "float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool",
    ].map { "torch.\($0)" }

    private static func decodeArchive(_ data: Data, name: String) throws -> TorchValue {
        let archive = try ZipArchive(data, name: name)
        guard let entry = archive.entries.first(where: { $0.name.hasSuffix("/data.pkl") || $0.name == "data.pkl" })
        else {
            throw Failure(name, "is a zip archive without data.pkl", "save it with torch.save")
        }
        if archive.entries.contains(where: { $0.name.hasSuffix("/constants.pkl") }) {
            throw Failure(name, "is a TorchScript program", "save its state_dict() with torch.save")
        }
        let folder = String(entry.name.dropLast("data.pkl".count))
        if let order = archive.entries.first(where: { $0.name == folder + "byteorder" }) {
            guard try archive.read(order) == Data("little".utf8) else {
                throw Failure(name, "was saved on a big-endian machine", "save it on another machine")
            }
        }
        let document = try PickleReader.read(archive.read(entry), name: name, globals: globals)
        let entries = Dictionary(archive.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var builder = TorchBuilder(name: name, budget: data.count) { key in
            guard let entry = entries["\(folder)data/\(key)"] else { return nil }
            return try archive.read(entry)
        }
        return try builder.value(document.root)
    }
}

/// Turns a pickle's nodes into ``TorchValue``.
struct TorchBuilder {
    let name: String
    /// The bytes of a storage by its key, or nil when the file has no such storage.
    private let load: (String) throws -> Data?
    private var storages: [String: Data] = [:]
    /// Storages that are files of `torch.save` inside of the pickle, by their node.
    private var enclosed: [ObjectIdentifier: (bytes: Data, type: ElementType)] = [:]
    /// Bytes of tensors that may still be made: shared storages must not add up without bound.
    private var budget: Int
    private var steps = 0

    init(name: String, budget: Int, load: @escaping (String) throws -> Data?) {
        self.name = name
        self.load = load
        self.budget = budget > Int.max / 8 ? Int.max : budget * 4 + (1 << 20)
    }

    private func failure(_ problem: String) -> Failure {
        Failure(name, problem, "the file is damaged, hostile, or not of a kind this program reads")
    }

    /// - Throws: ``Failure`` for nests deeper than 64, more than a million values, or tensors that do not fit their storage.
    mutating func value(_ value: PickleValue, depth: Int = 0) throws -> TorchValue {
        steps += 1
        guard depth <= 64, steps <= 1_000_000 else {
            throw failure("nests its values too deeply or repeats them too often")
        }
        switch value {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .largeInteger: return .other("large integer")
        case .float(let value): return .float(value)
        case .string(let text): return .string(text)
        case .bytes: return value.text.map { .string($0) } ?? .other("bytes")
        case .global(let name): return .other(name)
        case .node(let node): return try self.value(of: node, depth: depth)
        }
    }

    private mutating func value(of node: PickleNode, depth: Int) throws -> TorchValue {
        switch node.kind {
        case .list, .tuple, .set: return .list(try node.items.map { try value($0, depth: depth + 1) })
        case .dictionary: return .dictionary(try entries(node, depth: depth))
        case .persistent: return .other("storage")
        case .object(let global): return try object(node, global: global, depth: depth)
        }
    }

    private mutating func object(_ node: PickleNode, global: String, depth: Int) throws -> TorchValue {
        switch global {
        case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
            return .tensor(try tensor(node.items))
        case "torch._utils._rebuild_parameter":
            guard let first = node.items.first else { throw failure("has a parameter without a tensor") }
            return try value(first, depth: depth + 1)
        case "torch._tensor._rebuild_from_type_v2":
            // (function, type, its arguments, state)
            guard node.items.count >= 3, case .global(let inner) = node.items[0], let arguments = node.items[2].node,
                inner != "torch._tensor._rebuild_from_type_v2"
            else { throw failure("has a tensor of a class that can't be understood") }
            let made = PickleNode(.object(global: inner), arguments.items)
            return try object(made, global: inner, depth: depth + 1)
        case "collections.OrderedDict":
            var result = try entries(node, depth: depth)
            for pair in node.items.first?.elements ?? [] {
                guard let parts = pair.elements, parts.count == 2, let key = parts[0].text else { continue }
                result.append(.init(key: key, value: try value(parts[1], depth: depth + 1)))
            }
            return .dictionary(result)
        case "torch.Size":
            return try value(node.items.first ?? .none, depth: depth + 1)
        case "argparse.Namespace":
            return try value(node.state ?? .none, depth: depth + 1)
        default: return .other(global)
        }
    }

    private mutating func entries(_ node: PickleNode, depth: Int) throws -> [TorchValue.Entry] {
        try node.pairs.compactMap { pair in
            guard let key = pair.key.text else { return nil }
            return TorchValue.Entry(key: key, value: try value(pair.value, depth: depth + 1))
        }
    }

    // MARK: Tensors

    /// The tensor of `_rebuild_tensor_v2(storage, offset, size, stride, …)`.
    private mutating func tensor(_ arguments: [PickleValue]) throws -> TensorData {
        guard arguments.count >= 4, let storage = arguments[0].node, let offset = arguments[1].integer,
            let shape = arguments[2].integers, let strides = arguments[3].integers,
            shape.count == strides.count, shape.count <= 16, offset >= 0
        else { throw failure("has a tensor that can't be understood") }
        let (bytes, type) = try self.storage(storage)
        guard let size = TensorData.byteCount(shape: shape, type: type), size <= bytes.count else {
            throw failure("has a tensor of shape \(shape) in a storage of \(bytes.count) bytes")
        }
        guard size <= budget else { throw failure("has tensors that add up to more than the file") }
        budget -= size
        if size == 0 { return try TensorData(shape: shape, type: type, bytes: Data()) }
        try checkReach(offset: offset, shape: shape, strides: strides, count: bytes.count / type.size)
        return try TensorData(
            shape: shape, type: type,
            bytes: TorchBuilder.gathered(bytes, offset: offset, shape: shape, strides: strides, size: type.size))
    }

    /// Every element must lie inside of the storage.
    private func checkReach(offset: Int, shape: [Int], strides: [Int], count: Int) throws {
        var last = offset
        for (dimension, stride) in zip(shape, strides) {
            let (reach, overflow) = (dimension - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflowToo) = last.addingReportingOverflow(reach)
            guard stride >= 0, !overflow, !overflowToo else { throw failure("has a tensor with impossible strides") }
            last = sum
        }
        guard last < count else { throw failure("has a tensor that reaches beyond its storage") }
    }

    /// The storage of a `('storage', type, key, location, count[, view])` reference.
    private mutating func storage(_ node: PickleNode) throws -> (bytes: Data, type: ElementType) {
        if node.global == TorchBuilder.enclosedStorage { return try enclosedStorage(node) }
        guard node.kind == .persistent, let parts = node.items.first?.elements, parts.count >= 5,
            parts[0].text == "storage",
            case .global(let className) = parts[1], let type = TorchFile.storageTypes[className],
            let key = parts[2].text, let count = parts[4].integer, count >= 0
        else { throw failure("has a storage that can't be understood") }
        if parts.count > 5, parts[5].elements != nil { throw failure("has a view of a storage, which is not read") }
        let bytes = try storages[key] ?? load(key)
        guard let bytes else { throw failure("has no storage \(key)") }
        storages[key] = bytes
        guard TensorData.byteCount(shape: [count], type: type) == bytes.count else {
            throw failure("has storage \(key) of \(bytes.count) bytes for \(count) elements of \(type.rawValue)")
        }
        return (bytes, type)
    }

    /// What a tensor's storage is in a plain pickle: a function of the bytes of a file of `torch.save`.
    static let enclosedStorage = "torch.storage._load_from_bytes"

    private mutating func enclosedStorage(_ node: PickleNode) throws -> (bytes: Data, type: ElementType) {
        let key = ObjectIdentifier(node)
        if let known = enclosed[key] { return known }
        guard case .bytes(let bytes)? = node.items.first else {
            throw failure("has a tensor whose storage can't be understood")
        }
        let storage = try LegacyTorchFile(data: Data(bytes), name: name).storage()
        enclosed[key] = storage
        return storage
    }

    /// Elements in C order.
    private static func gathered(_ bytes: Data, offset: Int, shape: [Int], strides: [Int], size: Int) -> Data {
        var expected = 1
        var isContiguous = true
        for (dimension, stride) in zip(shape, strides).reversed() where dimension > 1 {
            isContiguous = isContiguous && stride == expected
            expected *= dimension
        }
        let count = shape.reduce(1, *)
        let start = bytes.startIndex
        if isContiguous { return Data(bytes[start + offset * size..<start + (offset + count) * size]) }
        var result = Data(count: count * size)
        var index = [Int](repeating: 0, count: shape.count)
        var source = offset
        for target in 0..<count {
            for k in 0..<size { result[target * size + k] = bytes[start + source * size + k] }
            for axis in shape.indices.reversed() {
                index[axis] += 1
                source += strides[axis]
                if index[axis] < shape[axis] { break }
                source -= shape[axis] * strides[axis]
                index[axis] = 0
            }
        }
        return result
    }
}
