import Core
import Foundation

extension TorchFile {
    /// A file that `torch.load(…, weights_only=True)` reads: the zip form, as PyTorch 1.6 and later write it.
    ///
    /// - Parameters:
    ///   - value: Tensors, numbers and texts in lists and dictionaries.
    ///   - folder: The name of the folder inside of the archive; `torch.save` uses the file's name.
    /// - Returns: The file's bytes.
    /// - Throws: ``Failure`` for a value of kind `other`.
    public static func encode(_ value: TorchValue, folder: String = "archive") throws -> Data {
        var pickle = TorchPickler()
        try pickle.write(value)
        var writer = ZipWriter(alignment: 64)
        try writer.add(name: "\(folder)/data.pkl", pickle.finish())
        try writer.add(name: "\(folder)/byteorder", Data("little".utf8))
        for (key, storage) in pickle.storages.enumerated() {
            try writer.add(name: "\(folder)/data/\(key)", storage)
        }
        try writer.add(name: "\(folder)/version", Data("3\n".utf8))
        return writer.finish()
    }

    /// Writes a file whole or not at all.
    ///
    /// - Throws: As ``encode(_:folder:)``, or ``Failure`` naming the file.
    public static func write(_ value: TorchValue, to path: String) throws {
        try AtomicFile.write(encode(value), to: path)
    }
}

/// Writes the pickle (protocol 2) of a ``TorchValue``; the tensors' bytes are collected aside.
private struct TorchPickler {
    private(set) var storages: [Data] = []
    private var bytes = Data([0x80, 2])

    func finish() -> Data { bytes + Data(".".utf8) }

    mutating func write(_ value: TorchValue) throws {
        switch value {
        case .none: put("N")
        case .bool(let value): bytes.append(value ? 0x88 : 0x89)
        case .integer(let value): write(value)
        case .float(let value):
            put("G")
            bytes.append(contentsOf: withUnsafeBytes(of: value.bitPattern.bigEndian, Array.init))
        case .string(let text): write(text)
        case .tensor(let tensor): try write(tensor)
        case .stored(let tensor): try write(tensor.load())
        case .list(let items):
            put("](")
            for item in items { try write(item) }
            put("e")
        case .dictionary(let entries):
            put("}(")
            for entry in entries {
                write(entry.key)
                try write(entry.value)
            }
            put("u")
        case .network: throw Failure("network", "can't be written by torch.save's form", "write its tensors")
        case .other(let name): throw Failure(name, "cannot be written to a torch file", "leave it out")
        }
    }

    private mutating func put(_ text: String) { bytes.append(Data(text.utf8)) }

    private mutating func write(_ value: Int) {
        if let small = UInt8(exactly: value) {
            put("K")
            bytes.append(small)
        } else if let medium = Int32(exactly: value) {
            put("J")
            bytes.append(contentsOf: withUnsafeBytes(of: medium.littleEndian, Array.init))
        } else {
            bytes.append(contentsOf: [0x8A, 8])
            bytes.append(contentsOf: withUnsafeBytes(of: Int64(value).littleEndian, Array.init))
        }
    }

    private mutating func write(_ text: String) {
        put("X")
        bytes.append(contentsOf: withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian, Array.init))
        put(text)
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`.
    private mutating func write(_ tensor: TensorData) throws {
        guard
            let storage = TorchFile.storageTypes.first(where: {
                $0.value == tensor.type && $0.key != "torch.storage.UntypedStorage"
            })?.key.dropFirst("torch.".count)
        else {
            throw Failure("array", "of type \(tensor.type.rawValue) has no torch storage", "convert it to float32")
        }
        put("ctorch._utils\n_rebuild_tensor_v2\n((")
        write("storage")
        put("ctorch\n\(storage)\n")
        write("\(storages.count)")
        write("cpu")
        write(tensor.count)
        put("tQK")
        bytes.append(0)
        writeTuple(tensor.shape)
        var strides = tensor.shape
        var step = 1
        for axis in tensor.shape.indices.reversed() {
            strides[axis] = step
            step *= max(1, tensor.shape[axis])
        }
        writeTuple(strides)
        bytes.append(0x89)
        put("ccollections\nOrderedDict\n)RtR")
        storages.append(tensor.bytes)
    }

    private mutating func writeTuple(_ values: [Int]) {
        put("(")
        for value in values { write(value) }
        put("t")
    }
}
