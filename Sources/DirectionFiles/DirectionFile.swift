import Core
import Foundation
import Weights

/// A direction in latent space with everything known about it: the content of one `v<N>.safetensors`.
public struct DirectionFile: Sendable, Equatable {
    /// What it is a direction of, in the spelling of file names: `eyeglasses`.
    public var attribute: String
    /// Its number among the attribute's versions, from 1; 0 before it has one, and of one that comes with the program.
    public var version: Int
    /// [rows, size], row by row; the root mean square of the rows' lengths is 1, so a single row is a unit vector.
    public var values: [Float]
    /// 1 for Z and W, the number of layers for W+.
    public var rows: Int
    /// Makes direction · w + intercept a signed distance from the boundary.
    public var intercept: Float
    /// Standard deviation of the training set's projections: the natural step.
    public var sigma: Float
    /// Where it comes from.
    public var metadata: DirectionMetadata
    /// Whether it is one that comes with the program: its file says version 0.
    public internal(set) var isShipped = false

    /// Components of a row.
    public var size: Int { values.count / rows }

    /// What people call it: `eyeglasses@v2`, or `eyeglasses@v0` for the one that comes with the program.
    public var label: String { version > 0 || isShipped ? "\(attribute)@v\(version)" : attribute }

    /// - Parameters:
    ///   - attribute: What it is a direction of; letters, digits, `_`, `-` and `.`.
    ///   - version: Its number among the attribute's versions; 0 before it has one.
    ///   - values: [rows, size].
    ///   - rows: 1 for Z and W, the number of layers for W+.
    ///   - intercept: Makes direction · w + intercept a signed distance from the boundary.
    ///   - sigma: The natural step.
    ///   - metadata: Where it comes from.
    /// - Throws: `Failure` when the name can't be a file's, or values are not finite, not of unit length or not in rows.
    public init(
        attribute: String, version: Int = 0, values: [Float], rows: Int = 1, intercept: Float, sigma: Float,
        metadata: DirectionMetadata
    ) throws {
        self.attribute = attribute
        self.version = version
        self.values = values
        self.rows = rows
        self.intercept = intercept
        self.sigma = sigma
        self.metadata = metadata
        try DirectionFile.checkName(attribute)
        if let problem { throw Failure(label, problem, "fit or import the direction again") }
    }

    /// What is wrong with the numbers, or nil.
    public var problem: String? {
        guard rows > 0, !values.isEmpty, values.count % rows == 0, rows <= 64, size <= 16_384 else {
            return "has \(values.count) values in \(rows) rows"
        }
        guard values.allSatisfy(\.isFinite), intercept.isFinite, sigma.isFinite else {
            return "has values that are not finite"
        }
        let length = DirectionFile.length(values, rows: rows)
        guard abs(length - 1) < 1e-4 else { return "has length \(length) instead of 1" }
        guard sigma > 0 else { return "has sigma \(sigma), which must be positive" }
        guard (metadata.space == .wPlus) == (rows > 1) else {
            return "has \(rows) rows in space \(metadata.space.rawValue)"
        }
        return nil
    }

    /// Root mean square of the rows' lengths.
    static func length(_ values: [Float], rows: Int) -> Double {
        (Vectors.square(values) / Double(rows)).squareRoot()
    }

    /// - Throws: `Failure` (usage) when a text can't name a direction.
    public static func checkName(_ name: String) throws {
        let allowed = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        guard allowed, !name.isEmpty, name.utf8.count <= 64, !name.hasPrefix(".") else {
            throw Failure(
                name, "cannot name a direction or a pack",
                "use up to 64 of a-z, 0-9, `_`, `-` and `.`\(suggestion(for: name).map { ", such as \($0)" } ?? "")",
                kind: .usage)
        }
    }

    /// The nearest name that is allowed, such as `my-pack` for `My Pack`; nil where nothing is left of it.
    private static func suggestion(for name: String) -> String? {
        let plain = name.lowercased().unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "0"..."9", "_", "-", ".": Character(scalar)
            default: "-"
            }
        }
        let words = String(plain).split(whereSeparator: { $0 == "-" }).joined(separator: "-")
        let result = String(words.drop { $0 == "." }.prefix(64))
        return result.isEmpty ? nil : result
    }

    /// - Parameters:
    ///   - sha256: The digest of the generator it is to be used on.
    ///   - name: The generator's name, for the message.
    /// - Throws: `Failure` when the direction belongs to another generator.
    public func requireGenerator(sha256: String, name: String) throws {
        guard let own = metadata.generator, !own.sha256.isEmpty, own.sha256 != sha256 else { return }
        throw Failure(
            label,
            "belongs to generator \(own.name) (\(own.sha256.prefix(12))…), not to \(name) (\(sha256.prefix(12))…)",
            "use a direction fitted on \(name), or force it if both share one latent space", kind: .conflict)
    }
}

// MARK: - The file

extension DirectionFile {
    /// The format's name and version in the metadata.
    static let formatName = "directions.direction"
    static let formatVersion = "1"

    /// The file's bytes: equal directions give equal bytes.
    public func encoded() throws -> Data {
        let shape = rows == 1 ? [size] : [rows, size]
        var file = SafetensorsFile(
            tensors: [
                "direction": TensorData(values, shape: shape), "intercept": TensorData([intercept], shape: [1]),
                "sigma": TensorData([sigma], shape: [1]),
            ],
            metadata: metadata.texts)
        file.metadata["format"] = DirectionFile.formatName
        file.metadata["format_version"] = DirectionFile.formatVersion
        file.metadata["attribute"] = attribute
        file.metadata["version"] = "\(version)"
        file.metadata["checksum"] = DirectionFile.checksum(file)
        return try file.encoded()
    }

    /// Reads a direction file.
    ///
    /// - Throws: `Failure` naming the file: unreadable, another format, a bad checksum, wrong shapes or numbers.
    public static func read(_ path: String) throws -> DirectionFile {
        try decode(AtomicFile.read(path), name: path)
    }

    /// Reads a direction file of this program; nil for a file of another kind.
    ///
    /// - Throws: As ``read(_:)``, for what says that it is one.
    public static func readOwn(_ path: String) throws -> DirectionFile? {
        guard path.lowercased().hasSuffix(".safetensors") else { return nil }
        let data = try AtomicFile.read(path)
        guard try SafetensorsFile.decode(data, name: path).metadata["format"] == formatName else { return nil }
        return try decode(data, name: path)
    }

    /// Decodes a direction file's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public static func decode(_ data: Data, name: String) throws -> DirectionFile {
        guard data.count <= 64 << 20 else {
            throw Failure(
                name, "has \(data.count) bytes, too many for a direction", "check that it is a direction file")
        }
        if let failure = MisplacedFile.failure(data, name: name) { throw failure }
        let file = try SafetensorsFile.decode(data, name: name)
        var texts = file.metadata
        guard texts.removeValue(forKey: "format") == formatName else {
            throw Failure(name, "is no direction file", "import it as a direction with `directions import`")
        }
        let version = texts.removeValue(forKey: "format_version") ?? "none"
        guard version == formatVersion else {
            throw Failure(
                name, "has direction format \(version), this program reads \(formatVersion)", "use a newer program",
                kind: .conflict)
        }
        guard texts.removeValue(forKey: "checksum") == checksum(file) else {
            throw Failure(name, "does not match its own checksum", "the file was changed or is damaged; get it again")
        }
        guard let attribute = texts.removeValue(forKey: "attribute"),
            let number = Int(texts.removeValue(forKey: "version") ?? ""), number >= 0
        else { throw Failure(name, "does not say its attribute and version", "fit or import the direction again") }
        let direction = try tensor("direction", of: file, name: name)
        guard direction.shape.count == 1 || direction.shape.count == 2 else {
            throw Failure(
                name, "has a direction of shape \(direction.shape)", "a direction is [size] or [layers, size]")
        }
        var result = try DirectionFile(
            attribute: attribute, version: number, values: direction.floats(),
            rows: direction.shape.count == 2 ? direction.shape[0] : 1,
            intercept: scalar("intercept", of: file, name: name), sigma: scalar("sigma", of: file, name: name),
            metadata: DirectionMetadata(texts: texts, file: name))
        result.isShipped = number == 0
        return result
    }

    private static func tensor(_ key: String, of file: SafetensorsFile, name: String) throws -> TensorData {
        guard let tensor = file.tensors[key], tensor.type == .float32 else {
            throw Failure(name, "has no float32 tensor `\(key)`", "fit or import the direction again")
        }
        return tensor
    }

    private static func scalar(_ key: String, of file: SafetensorsFile, name: String) throws -> Float {
        let tensor = try tensor(key, of: file, name: name)
        guard tensor.shape == [1] else { throw Failure(name, "has \(key) of shape \(tensor.shape)", "expected [1]") }
        return try tensor.floats()[0]
    }

    /// SHA-256 over all metadata but the checksum itself, and all tensors.
    private static func checksum(_ file: SafetensorsFile) -> String {
        var parts = file.metadata.filter { $0.key != "checksum" }.reduce(into: [String: String]()) {
            $0["text " + $1.key] = $1.value
        }
        for (name, tensor) in file.tensors {
            parts["tensor " + name] = "\(tensor.type.rawValue) \(tensor.shape) \(Hashing.sha256(tensor.bytes))"
        }
        return DirectionMetadata.fingerprint(parts)
    }
}
