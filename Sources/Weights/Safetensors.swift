import Core
import Foundation

/// A safetensors file: eight bytes of header length, a JSON header with each tensor's type, shape and byte range, and the
/// bytes (https://github.com/huggingface/safetensors, "Format").
public struct SafetensorsFile: Sendable, Equatable {
    /// Tensors by name.
    public var tensors: [String: TensorData]
    /// The header's `__metadata__`.
    public var metadata: [String: String]

    /// The longest header accepted, as in the reference implementation.
    public static let maximumHeader = 100_000_000

    public init(tensors: [String: TensorData] = [:], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// Reads a file.
    ///
    /// - Throws: ``Failure`` naming the file: cut short, bad header, ranges that overlap, leave holes or leave the file,
    ///   shapes that overflow or do not fit their range, unknown types.
    public static func read(_ path: String) throws -> SafetensorsFile {
        try decode(MappedFile(path).data, name: path)
    }

    /// Decodes a file's bytes, whose memory the tensors share; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public static func decode(_ data: Data, name: String) throws -> SafetensorsFile {
        let data = data.rebased()
        let advice = "the file is damaged or not safetensors; get it again"
        guard data.count >= 8 else { throw Failure(name, "has \(data.count) bytes, too few for safetensors", advice) }
        let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(min(data.count - 8, maximumHeader)) else {
            let kind = FileKind(data)
            if kind != .other, kind != .safetensors, let text = kind.name {
                throw Failure(
                    name, "is \(text), not safetensors",
                    "give a .safetensors file; another tool's direction is imported as a direction with `directions import`"
                )
            }
            throw Failure(name, "says its header has \(length) bytes, the file has \(data.count)", advice)
        }
        let start = 8 + Int(length)
        guard let header = try? JSONSerialization.jsonObject(with: data[8..<start]) as? [String: Any] else {
            throw Failure(name, "has a header that is no JSON object", advice)
        }
        var file = SafetensorsFile()
        var ranges: [(begin: Int, end: Int, tensor: String)] = []
        for (key, value) in header {
            if key == "__metadata__" {
                guard let texts = value as? [String: String] else {
                    throw Failure(name, "has metadata that are not strings", advice)
                }
                file.metadata = texts
                continue
            }
            let entry = try Entry(value, tensor: key, file: name, available: data.count - start)
            ranges.append((entry.begin, entry.end, key))
            let bytes = data[start + entry.begin..<start + entry.end].rebased()
            file.tensors[key] = try TensorData(shape: entry.shape, type: entry.type, bytes: bytes)
        }
        var expected = 0
        for range in ranges.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
            guard range.begin == expected else {
                throw Failure(name, "has tensor \(range.tensor) overlapping another or after a hole", advice)
            }
            expected = range.end
        }
        guard expected == data.count - start else {
            throw Failure(
                name, "has \(data.count - start) bytes of tensors, its header accounts for \(expected)", advice)
        }
        return file
    }

    private struct Entry {
        let type: ElementType
        let shape: [Int]
        let begin: Int
        let end: Int

        init(_ value: Any, tensor: String, file: String, available: Int) throws {
            let subject = "\(file): tensor \(tensor)"
            guard let fields = value as? [String: Any], let code = fields["dtype"] as? String,
                let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int],
                offsets.count == 2
            else { throw Failure(subject, "has no dtype, shape and data_offsets", "the file is damaged") }
            guard let type = SafetensorsFile.codes.first(where: { $0.value == code })?.key else {
                throw Failure(subject, "has the unknown type \(code)", "convert it to float32")
            }
            guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= available else {
                throw Failure(
                    subject, "lies at \(offsets[0])..<\(offsets[1]) of \(available) bytes", "the file is damaged")
            }
            guard shape.count <= 16, TensorData.byteCount(shape: shape, type: type) == offsets[1] - offsets[0] else {
                throw Failure(subject, "has shape \(shape), which does not fit its bytes", "the file is damaged")
            }
            self.type = type
            self.shape = shape
            begin = offsets[0]
            end = offsets[1]
        }
    }

    private static let codes: [ElementType: String] = [
        .float32: "F32", .float16: "F16", .bfloat16: "BF16", .float64: "F64", .int64: "I64", .int32: "I32",
        .int16: "I16",
        .int8: "I8", .uint8: "U8", .bool: "BOOL",
    ]

    /// The file's bytes; equal contents give equal bytes (names and keys sorted, header padded to 8 bytes).
    ///
    /// Tensors are laid out by falling element size, then name, as the reference implementation does.
    ///
    /// - Throws: ``Failure`` when the header can't be written as JSON.
    public func encoded() throws -> Data {
        let order = tensors.sorted { ($1.value.type.size, $0.key) < ($0.value.type.size, $1.key) }
        var result = try SafetensorsFile.header(
            order.map { ($0.key, $0.value.shape, $0.value.bytes.count, SafetensorsFile.codes[$0.value.type] ?? "F32") },
            metadata: metadata)
        result.reserveCapacity(order.reduce(result.count) { $0 + $1.value.bytes.count })
        for (_, tensor) in order { result.append(tensor.bytes) }
        return result
    }

    /// Writes the file whole or not at all.
    ///
    /// - Throws: ``Failure`` naming the file.
    public func write(to path: String) throws {
        try AtomicFile.write(encoded(), to: path)
    }

    /// Writes arrays of float32 one after the other, with no second copy of them in memory; the bytes are those of ``encoded()``.
    ///
    /// - Parameters:
    ///   - arrays: By name: the values in C order, and their shape.
    ///   - metadata: The header's `__metadata__`.
    ///   - path: The file.
    /// - Throws: ``Failure`` naming the file.
    public static func write(
        _ arrays: [String: (values: [Float], shape: [Int])], metadata: [String: String], to path: String
    ) throws {
        let order = arrays.sorted { $0.key < $1.key }
        let empty = order.map { (name: $0.key, shape: $0.value.shape, size: 4 * $0.value.values.count, type: "F32") }
        let header = try header(empty, metadata: metadata)
        try AtomicFile.write(to: path) { descriptor in
            try header.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
            for (_, array) in order {
                try array.values.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
            }
        }
    }

    /// Writes arrays that lie in another file as float32, one after the other: only one of them is in memory at a time.
    ///
    /// - Parameters:
    ///   - arrays: By name.
    ///   - metadata: The header's `__metadata__`.
    ///   - path: The file.
    ///   - release: Called after each array, to give its place in memory back.
    /// - Throws: ``Failure`` naming the file, or as ``StoredTensor/floats()``.
    public static func write(
        stored arrays: [String: StoredTensor], metadata: [String: String], to path: String,
        release: () -> Void = {}
    ) throws {
        let order = arrays.sorted { $0.key < $1.key }
        let empty = order.map { (name: $0.key, shape: $0.value.shape, size: 4 * $0.value.count, type: "F32") }
        let header = try header(empty, metadata: metadata)
        try AtomicFile.write(to: path) { descriptor in
            try header.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
            for (_, array) in order {
                try array.floats().withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
                release()
            }
        }
    }

    /// The length and the header of a file whose tensors lie in this order.
    private static func header(
        _ order: [(name: String, shape: [Int], size: Int, type: String)], metadata: [String: String]
    ) throws -> Data {
        var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
        var offset = 0
        for (name, shape, size, type) in order {
            header[name] = ["dtype": type, "shape": shape, "data_offsets": [offset, offset + size]] as [String: Any]
            offset += size
        }
        var json = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
        json.append(Data(repeating: 0x20, count: (8 - json.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json
    }
}
