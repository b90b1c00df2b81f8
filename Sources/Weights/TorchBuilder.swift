import Core
import Foundation

/// Turns a pickle's nodes into ``TorchValue``.
struct TorchBuilder {
    let name: String
    /// A storage by its key, or nil when the file has no such storage.
    private let load: (String) throws -> TorchStorage?
    private var storages: [String: TorchStorage] = [:]
    /// Storages that are files of `torch.save` inside of the pickle, by their node.
    private var enclosed: [ObjectIdentifier: (storage: TorchStorage, type: ElementType)] = [:]
    private let budget: TorchBudget
    var arrays: PickledArrays
    private var steps = 0

    init(name: String, budget: Int, load: @escaping (String) throws -> TorchStorage?) {
        self.name = name
        self.load = load
        self.budget = TorchBudget(name: name, size: budget)
        arrays = PickledArrays(name: name, size: budget)
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
        case .longText: return .other("long text")
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
            return .stored(try tensor(node.items))
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
        case "collections.OrderedDict", "collections.defaultdict", "dnnlib.util.EasyDict", "dnnlib.EasyDict":
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
        default:
            if NetworkPickle.isNetwork(node) { return .network(try NetworkPickle(node, builder: &self)) }
            if let array = try array(node, depth: depth) { return array }
            // Another class that is filled like a dictionary, such as a configuration.
            if !node.pairs.isEmpty { return .dictionary(try entries(node, depth: depth)) }
            return .other(global)
        }
    }

    /// NumPy's arrays, and its scalars as the numbers that they are; nil for anything else.
    private mutating func array(_ node: PickleNode, depth: Int) throws -> TorchValue? {
        guard let found = try arrays.array(.node(node)) else { return nil }
        guard case .array(let array) = found else {
            guard case .objects(let items, let shape) = found, !items.isEmpty else { return .other("array of objects") }
            let values = try items.map { try value($0, depth: depth + 1) }
            return shape.isEmpty && values.count == 1 ? values[0] : .list(values)
        }
        guard array.shape.isEmpty else { return .tensor(array) }
        if array.type == .bool { return .bool(array.bytes.first != 0) }
        guard let value = try array.floats().first else { return nil }
        switch array.type {
        case .float64: return .float(array.bytes.withUnsafeBytes { $0.loadUnaligned(as: Double.self) })
        case .int64: return .integer(Int(array.bytes.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) }))
        case .int32, .int16, .int8, .uint8: return .integer(Int(value))
        default: return .float(Double(value))
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
    private mutating func tensor(_ arguments: [PickleValue]) throws -> StoredTensor {
        guard arguments.count >= 4, let node = arguments[0].node, let offset = arguments[1].integer,
            let shape = arguments[2].integers, let strides = arguments[3].integers,
            shape.count == strides.count, shape.count <= 16, offset >= 0
        else { throw failure("has a tensor that can't be understood") }
        let (storage, type) = try self.storage(node)
        guard let size = TensorData.byteCount(shape: shape, type: type), budget.allows(size) else {
            throw failure("has a tensor of shape \(shape) in a storage of \(storage.count) bytes")
        }
        if size == 0 { return StoredTensor(try TensorData(shape: shape, type: type, bytes: Data())) }
        try checkReach(offset: offset, shape: shape, strides: strides, count: storage.count / type.size)
        let budget = self.budget
        return StoredTensor(shape: shape, type: type) {
            try budget.take(size)
            let bytes = TorchBuilder.gathered(
                try storage.bytes(), offset: offset, shape: shape, strides: strides, size: type.size)
            return try TensorData(shape: shape, type: type, bytes: bytes)
        }
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
    private mutating func storage(_ node: PickleNode) throws -> (storage: TorchStorage, type: ElementType) {
        if node.global == TorchBuilder.enclosedStorage { return try enclosedStorage(node) }
        guard node.kind == .persistent, let parts = node.items.first?.elements, parts.count >= 5,
            parts[0].text == "storage",
            case .global(let className) = parts[1], let type = TorchFile.storageTypes[className],
            let key = parts[2].text, let count = parts[4].integer, count >= 0
        else { throw failure("has a storage that can't be understood") }
        if parts.count > 5, parts[5].elements != nil { throw failure("has a view of a storage, which is not read") }
        guard let storage = try storages[key] ?? load(key) else { throw failure("has no storage \(key)") }
        storages[key] = storage
        guard TensorData.byteCount(shape: [count], type: type) == storage.count else {
            throw failure("has storage \(key) of \(storage.count) bytes for \(count) elements of \(type.rawValue)")
        }
        return (storage, type)
    }

    /// What a tensor's storage is in a plain pickle: a function of the bytes of a file of `torch.save`.
    static let enclosedStorage = "torch.storage._load_from_bytes"

    private mutating func enclosedStorage(_ node: PickleNode) throws -> (storage: TorchStorage, type: ElementType) {
        let key = ObjectIdentifier(node)
        if let known = enclosed[key] { return known }
        guard let first = node.items.first, let bytes = PickledArrays.bytes(first) else {
            throw failure("has a tensor whose storage can't be understood")
        }
        let (data, type) = try LegacyTorchFile(data: bytes.rebased(), name: name).storage()
        enclosed[key] = (TorchStorage(data), type)
        return (TorchStorage(data), type)
    }

    /// Elements in C order; those that lie so already share the storage's memory.
    private static func gathered(_ bytes: Data, offset: Int, shape: [Int], strides: [Int], size: Int) -> Data {
        var expected = 1
        var isContiguous = true
        for (dimension, stride) in zip(shape, strides).reversed() where dimension > 1 {
            isContiguous = isContiguous && stride == expected
            expected *= dimension
        }
        let count = shape.reduce(1, *)
        let start = bytes.startIndex
        if isContiguous { return bytes[start + offset * size..<start + (offset + count) * size].rebased() }
        return Elements.gathered(bytes, offset: offset, shape: shape, strides: strides, size: size)
    }
}
