import Core
import Foundation
import Synchronization

/// Files of `torch.save` (the zip archives that PyTorch writes since 1.6, the sequence of pickles of before) and of
/// `pickle.dump`.
///
/// Nothing in a file is run: see ``PickleReader``. Tensors come out contiguous, whatever strides they were saved with.
public enum TorchFile {
    /// Reads a file with all of its tensors.
    ///
    /// - Throws: ``Failure`` naming the file: none of these forms, damaged, hostile, or asking for things that act.
    public static func read(_ path: String) throws -> TorchValue { try decode(MappedFile(path).data, name: path) }

    /// Decodes a file's bytes with all of its tensors; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public static func decode(_ data: Data, name: String) throws -> TorchValue { try open(data, name: name).loaded() }

    /// Decodes what a file says of its contents; its tensors stay where they are until they are asked for.
    ///
    /// - Throws: As ``read(_:)``.
    public static func open(_ data: Data, name: String) throws -> TorchValue {
        let data = data.rebased()
        if data.starts(with: Data("PK".utf8)) { return try openArchive(data, name: name) }
        guard isPickle(data) else { throw Failure(name, "is not a file of torch.save", "save it with torch.save") }
        let first = try pickle(data, name: name)
        if LegacyTorchFile.isMagic(first.root) { return try LegacyTorchFile(data: data, name: name).value() }
        guard first.root.node != nil else {
            throw Failure(name, "is a pickle, but not one of torch.save", "save it with torch.save")
        }
        var builder = TorchBuilder(name: name, budget: data.count) { _ in nil }
        return try builder.value(first.root)
    }

    /// What a pickle of tensors may ask for.
    public static let globals: Set<String> = Set(
        [
            "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
            "torch._utils._rebuild_parameter", "torch._tensor._rebuild_from_type_v2", "torch.Size", "torch.device",
            "torch.Tensor", "torch.nn.parameter.Parameter", "torch.serialization._get_layout",
            "builtins.set", "__builtin__.set", "argparse.Namespace",
        ] + storageTypes.keys + tensorTypes)

    /// All names that a reader here makes something of.
    static let understood: Set<String> = globals.union(PickledArrays.globals).union(NetworkPickle.globals)
        .union([TorchBuilder.enclosedStorage])

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

    /// Whether bytes look like a pickle: those of protocol 2 and later begin with their number, older ones with what they
    /// build and end with a full stop.
    private static func isPickle(_ data: Data) -> Bool {
        guard data.count > 1 else { return false }
        if data[0] == 0x80 { return true }
        return "(c]})NIFGSVXKJMLU".utf8.contains(data[0]) && data[data.count - 1] == UInt8(ascii: ".")
    }

    /// One pickle, in which other names than those that are understood are only names.
    static func pickle(_ data: Data, name: String, from start: Int = 0) throws -> PickleDocument {
        try PickleReader.read(data, name: name, globals: understood, allowsOthers: true, from: start)
    }

    /// The pickle of a NumPy array of Python objects: its one object, or the list of them.
    static func objects(_ data: Data, name: String) throws -> TorchValue {
        var builder = TorchBuilder(name: name, budget: data.count) { _ in nil }
        return try builder.value(pickle(data, name: name).root)
    }

    private static func openArchive(_ data: Data, name: String) throws -> TorchValue {
        let archive = try ZipArchive(data, name: name, kind: .weights)
        guard let entry = archive.entries.first(where: { $0.name.hasSuffix("/data.pkl") || $0.name == "data.pkl" })
        else {
            let isNumpy = archive.entries.contains { $0.name.hasSuffix(".npy") }
            throw Failure(
                name, isNumpy ? "is an archive of NumPy's (.npz)" : "is a zip archive without data.pkl",
                isNumpy ? "call it .npz" : "save it with torch.save")
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
        let document = try pickle(archive.read(entry), name: name)
        let entries = Dictionary(archive.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var builder = TorchBuilder(name: name, budget: data.count) { key in
            guard let entry = entries["\(folder)data/\(key)"] else { return nil }
            return TorchStorage(count: entry.size) { try archive.read(entry) }
        }
        return try builder.value(document.root)
    }
}

/// The bytes of a storage, which are taken out and checked once, when they are first asked for.
final class TorchStorage: Sendable {
    let count: Int
    private let source: @Sendable () throws -> Data
    private let known = Mutex<Data?>(nil)

    init(count: Int, source: @escaping @Sendable () throws -> Data) {
        self.count = count
        self.source = source
    }

    /// Bytes that lie open.
    convenience init(_ data: Data) { self.init(count: data.count) { data } }

    func bytes() throws -> Data {
        try known.withLock { known in
            if let known { return known }
            let data = try source()
            known = data
            return data
        }
    }
}

/// Bytes of tensors that may still be made of a file: shared storages must not add up without bound.
final class TorchBudget: Sendable {
    private let name: String
    private let rest: Mutex<Int>

    init(name: String, size: Int) {
        self.name = name
        rest = Mutex(size > Int.max / 8 ? Int.max : size * 4 + (1 << 20))
    }

    /// Whether so many bytes could be taken now.
    func allows(_ size: Int) -> Bool { rest.withLock { size <= $0 } }

    func take(_ size: Int) throws {
        try rest.withLock { rest in
            guard size <= rest else {
                throw Failure(
                    name, "has tensors that add up to more than the file",
                    "the file is damaged, hostile, or not of a kind this program reads")
            }
            rest -= size
        }
    }
}
