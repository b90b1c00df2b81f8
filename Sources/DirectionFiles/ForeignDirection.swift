import Core
import Foundation
import Weights

/// A direction as other tools keep it: an array and no more.
public struct ForeignDirection: Sendable, Equatable {
    /// The name in its file, or the file's name.
    public var name: String
    /// [rows, size], row by row, with the root mean square of the rows' lengths brought to 1.
    public var values: [Float]
    /// 1 for W, the number of layers for W+.
    public var rows: Int
    /// That root mean square in the file: the factor between strengths there and here.
    public var length: Double

    /// Formats of other tools.
    public enum Format: String, Sendable, CaseIterable {
        /// InterFaceGAN's boundaries: float32 [1, 512], one file a direction.
        case npy
        /// The editing folders of e4e, pSp and HFGI: `torch.save` of a tensor [1, 512], one file a direction.
        case pt
        /// One NumPy archive of all directions.
        case npz
    }

    /// The directions of a `.npy`, `.pt`, `.npz` or `.safetensors` file: one, or one for each array of an archive.
    ///
    /// Arrays are [512], [1, 512], [18, 512] or [1, 18, 512]; equal rows of W+ become one of W.
    ///
    /// - Throws: `Failure` naming the file: unreadable, another shape, not finite, or all zero.
    public static func read(_ path: String) throws -> [ForeignDirection] {
        let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let data = try AtomicFile.read(path)
        switch (path as NSString).pathExtension.lowercased() {
        case "npy": return [try ForeignDirection(NumpyFile.decode(data, name: path), name: stem, file: path)]
        case "npz": return try named(NumpyFile.readArchive(path), file: path)
        case "safetensors": return try named(SafetensorsFile.decode(data, name: path).tensors, file: path)
        case "pt", "pth": return try torch(TorchFile.decode(data, name: path), stem: stem, file: path)
        default:
            throw Failure(
                path, "has an ending that no known direction file has", "use .npy, .npz, .pt or .safetensors",
                kind: .usage)
        }
    }

    private static func torch(_ value: TorchValue, stem: String, file: String) throws -> [ForeignDirection] {
        switch value {
        case .tensor(let tensor): return [try ForeignDirection(tensor, name: stem, file: file)]
        case .dictionary(let entries):
            let tensors = entries.compactMap { entry in entry.value.tensor.map { (entry.key, $0) } }
            guard !tensors.isEmpty else { throw Failure(file, "holds no tensor", "save the direction's tensor alone") }
            return try named(Dictionary(tensors, uniquingKeysWith: { $1 }), file: file)
        default: throw Failure(file, "holds no tensor", "save the direction's tensor alone")
        }
    }

    private static func named(_ tensors: [String: TensorData], file: String) throws -> [ForeignDirection] {
        guard !tensors.isEmpty else { throw Failure(file, "holds no array", "check that it is the right file") }
        return try tensors.sorted { $0.key < $1.key }.map {
            try ForeignDirection($0.value, name: $0.key, file: "\(file): \($0.key)")
        }
    }

    private init(_ tensor: TensorData, name: String, file: String) throws {
        var shape = tensor.shape
        while shape.count > 1 && shape[0] == 1 { shape.removeFirst() }
        guard (1...2).contains(shape.count), let size = shape.last, (2...16_384).contains(size),
            shape.count == 1 || (2...64).contains(shape[0])
        else {
            throw Failure(
                file, "has shape \(tensor.shape)", "a direction is [512], [1, 512], [18, 512] or [1, 18, 512]")
        }
        var values = try tensor.floats()
        var rows = shape.count == 2 ? shape[0] : 1
        guard values.allSatisfy(\.isFinite) else {
            throw Failure(file, "has values that are not finite", "get the file again")
        }
        if (1..<rows).allSatisfy({ values[..<size] == values[$0 * size..<($0 + 1) * size] }) {
            values = Array(values[..<size])
            rows = 1
        }
        let length = DirectionFile.length(values, rows: rows)
        guard length > 1e-12, length.isFinite else { throw Failure(file, "is zero", "check that it is a direction") }
        self.name = name
        self.rows = rows
        self.length = length
        // A unit vector in float32 is as long as this; its values stay what they are.
        self.values = abs(length - 1) < 1e-6 ? values : values.map { Float(Double($0) / length) }
    }

    // MARK: Export

    /// Files of directions for another tool, by name.
    ///
    /// - Parameters:
    ///   - directions: What to write; W directions as [1, size], W+ as [1, layers, size].
    ///   - format: The tool's format.
    ///   - stem: Stands at the start of InterFaceGAN's file names, and is the archive's name.
    /// - Returns: The files' bytes by name.
    /// - Throws: `Failure` when an array can't be written.
    public static func export(
        _ directions: [DirectionFile], as format: Format, stem: String
    ) throws -> [String: Data] {
        let tensors = directions.map { direction in
            let shape = direction.rows == 1 ? [1, direction.size] : [1, direction.rows, direction.size]
            return (direction, TensorData(direction.values, shape: shape))
        }
        switch format {
        case .npz:
            let arrays = Dictionary(tensors.map { ($0.0.attribute, $0.1) }, uniquingKeysWith: { $1 })
            return ["\(stem).npz": try NumpyFile.encodeArchive(arrays)]
        case .npy:
            return try tensors.reduce(into: [:]) { result, item in
                let (direction, tensor) = item
                let others = direction.metadata.orthogonalTo.map { String($0.prefix { $0 != "@" }) }
                let condition = others.isEmpty ? "" : "_c_" + others.joined(separator: "_")
                let space = direction.metadata.space == .z ? "" : "_w"
                result["\(stem)_\(direction.attribute)\(condition)\(space)_boundary.npy"] = try NumpyFile.encode(tensor)
            }
        case .pt:
            return try tensors.reduce(into: [:]) { result, item in
                result["\(item.0.attribute).pt"] = try TorchFile.encode(.tensor(item.1), folder: item.0.attribute)
            }
        }
    }
}
