import Core
import Foundation

/// NumPy's `.npy` (format 1.0 to 3.0; https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) and `.npz`.
public enum NumpyFile {
    /// Reads a `.npy` file; Fortran order is turned into C order, big endian into little.
    ///
    /// - Throws: ``Failure`` naming the file: another format, cut short, objects inside, a shape that does not fit.
    public static func read(_ path: String) throws -> TensorData { try decode(MappedFile(path).data, name: path) }

    /// Decodes `.npy` bytes, also those of an array of Python objects, which is a pickle: its one object, or the list of them.
    ///
    /// - Throws: ``Failure`` naming the file: as ``decode(_:name:)``, hostile, or asking for things that act.
    public static func open(_ data: Data, name: String) throws -> TorchValue {
        let data = data.rebased()
        let (header, start) = try header(data, name: name)
        guard header.isObject else { return .tensor(try decode(data, name: name)) }
        return try TorchFile.objects(data[start...].rebased(), name: name)
    }

    /// Decodes `.npy` bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public static func decode(_ data: Data, name: String) throws -> TensorData {
        let data = data.rebased()
        let (header, start) = try header(data, name: name)
        guard !header.isObject else {
            throw Failure(name, "holds Python objects, not numbers", "save numbers, such as float32")
        }
        guard let size = TensorData.byteCount(shape: header.shape, type: header.type), size == data.count - start else {
            throw Failure(name, "has shape \(header.shape), which does not fit its \(data.count - start) bytes", advice)
        }
        var bytes = data[start..<data.count].rebased()
        if header.isBigEndian { bytes = Elements.swapped(bytes, size: header.type.size) }
        if header.isFortran { bytes = transposed(bytes, shape: header.shape, size: header.type.size) }
        return try TensorData(shape: header.shape, type: header.type, bytes: bytes)
    }

    private static let advice = "save it again with numpy.save"

    /// What stands before the elements, and where they begin.
    private static func header(_ data: Data, name: String) throws -> (header: NumpyHeader, start: Int) {
        guard data.count >= 10, data.starts(with: magic) else {
            let kind = FileKind(data).name.map { "is \($0), not a .npy file" }
            throw Failure(name, kind ?? "is not a .npy file", advice)
        }
        let major = data[6]
        guard (1...3).contains(major) else { throw Failure(name, "has .npy format \(major), known are 1 to 3", advice) }
        let lengthSize = major == 1 ? 2 : 4
        guard data.count >= 8 + lengthSize else { throw Failure(name, "is cut short", advice) }
        let length = (0..<lengthSize).reduce(0) { $0 | Int(data[8 + $1]) << (8 * $1) }
        let start = 8 + lengthSize + length
        guard length <= 1 << 20, start <= data.count else {
            throw Failure(name, "says its header has \(length) bytes, the file has \(data.count)", advice)
        }
        return (
            try NumpyHeader(String(decoding: data[8 + lengthSize..<start], as: UTF8.self), name: name), start
        )
    }

    /// A `.npy` file of format 1.0 in C order.
    ///
    /// - Throws: ``Failure`` for bfloat16, which NumPy does not have.
    public static func encode(_ tensor: TensorData) throws -> Data {
        guard let code = NumpyHeader.codes.first(where: { $0.value == tensor.type })?.key else {
            throw Failure("array", "of type \(tensor.type.rawValue) has no NumPy type", "convert it to float32")
        }
        let shape = tensor.shape.map { "\($0)" }.joined(separator: ", ") + (tensor.shape.count == 1 ? "," : "")
        let mark = tensor.type.size == 1 ? "|" : "<"
        var header = "{'descr': '\(mark)\(code)', 'fortran_order': False, 'shape': (\(shape)), }"
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        let length = header.utf8.count
        return magic + Data([1, 0, UInt8(length & 255), UInt8(length >> 8)]) + Data(header.utf8) + tensor.bytes
    }

    /// Checks before any work that a file to be written is a `.npy` by its ending.
    ///
    /// - Throws: ``Failure`` (usage) naming the file.
    public static func checkEnding(_ path: String) throws {
        guard path.lowercased().hasSuffix(".npy") else {
            throw Failure(path, "is no .npy file by its ending", "name one, such as codes.npy", kind: .usage)
        }
    }

    /// Writes a `.npy` file whole or not at all.
    ///
    /// - Throws: ``Failure`` naming the file.
    public static func write(_ tensor: TensorData, to path: String) throws {
        try AtomicFile.write(encode(tensor), to: path)
    }

    /// Reads a `.npz` archive: arrays by name, without the `.npy`.
    ///
    /// - Throws: ``Failure`` naming the file, or the array in it.
    public static func readArchive(_ path: String) throws -> [String: TensorData] {
        let archive = try ZipArchive(MappedFile(path).data, name: path)
        var result: [String: TensorData] = [:]
        for entry in archive.entries where entry.name.hasSuffix(".npy") {
            let data = try archive.read(entry)
            result[String(entry.name.dropLast(4))] = try decode(data, name: "\(path): \(entry.name)")
        }
        return result
    }

    /// The arrays of `.npz` bytes by name, those of Python objects too.
    ///
    /// - Throws: ``Failure`` naming the file, or the array in it.
    public static func openArchive(_ data: Data, name: String) throws -> [String: TorchValue] {
        let archive = try ZipArchive(data, name: name)
        var result: [String: TorchValue] = [:]
        for entry in archive.entries where entry.name.hasSuffix(".npy") {
            result[String(entry.name.dropLast(4))] = try open(archive.read(entry), name: "\(name): \(entry.name)")
        }
        return result
    }

    /// A `.npz` archive as `numpy.savez` writes it: stored entries, sorted by name.
    ///
    /// - Throws: As ``encode(_:)``.
    public static func encodeArchive(_ tensors: [String: TensorData]) throws -> Data {
        var writer = ZipWriter()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            try writer.add(name: name + ".npy", encode(tensor))
        }
        return writer.finish()
    }

    private static let magic = Data([0x93] + Array("NUMPY".utf8))

    /// Fortran order to C order.
    static func transposed(_ bytes: Data, shape: [Int], size: Int) -> Data {
        // Without elements the strides mean nothing, and may not even be numbers.
        if bytes.isEmpty { return bytes }
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropFirst() { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        return Elements.gathered(bytes, shape: shape, strides: strides, size: size)
    }
}

/// The Python literal at the start of a `.npy` file, of which only three keys with plain values are understood.
struct NumpyHeader {
    let type: ElementType
    let isBigEndian: Bool
    let isFortran: Bool
    let shape: [Int]
    /// Whether the elements are Python objects, in a pickle.
    let isObject: Bool

    static let codes: [String: ElementType] = [
        "f4": .float32, "f2": .float16, "f8": .float64, "i8": .int64, "i4": .int32, "i2": .int16, "i1": .int8,
        "u1": .uint8, "b1": .bool,
    ]

    init(_ text: String, name: String) throws {
        let failure = Failure(name, "has a header that can't be understood", "save it again with numpy.save")
        guard let descr = text.firstMatch(of: /'descr'\s*:\s*'([<>|=]?)([A-Za-z]\d*)'/),
            let order = text.firstMatch(of: /'fortran_order'\s*:\s*(True|False)/),
            let dimensions = text.firstMatch(of: /'shape'\s*:\s*\(([\d,\sL]*)\)/)
        else { throw failure }
        isObject = descr.2 == "O"
        guard let type = isObject ? .uint8 : NumpyHeader.codes[String(descr.2)] else {
            throw Failure(name, "holds elements of type \(descr.2)", "save numbers, such as float32")
        }
        let parts = dimensions.1.split(separator: ",").map { $0.filter { !$0.isWhitespace && $0 != "L" } }.filter {
            !$0.isEmpty
        }
        let shape = parts.compactMap { Int($0) }
        guard shape.count == parts.count, shape.count <= 32 else { throw failure }
        self.type = type
        self.shape = shape
        isBigEndian = descr.1 == ">" && type.size > 1
        isFortran = order.1 == "True"
    }
}
