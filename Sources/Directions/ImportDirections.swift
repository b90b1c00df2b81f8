import Core
import DirectionFiles
import Foundation
import Generators

/// Which directions to import.
public struct ImportDirectionsRequest: Sendable {
    /// Another tool's direction (.npy, .npz, .pt, .safetensors), a direction file of this program, or a pack.
    public var file: String
    /// The attribute of a single direction; nil for what it says itself, else the file's name.
    public var attribute: String?
    /// The generator that the directions belong to, by its name in the workspace.
    public var generator: String

    /// Asks for the directions of a file or pack.
    public init(_ file: String, attribute: String? = nil, generator: String = "default") {
        self.file = file
        self.attribute = attribute
        self.generator = generator
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for an attribute of a whole pack.
    public func validate() throws {
        guard !isPack || attribute == nil else {
            throw Failure("attribute", "is for a single direction", "leave it out for a pack", kind: .usage)
        }
    }

    /// Whether the file is a whole pack: a folder or an archive.
    var isPack: Bool {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: file, isDirectory: &isFolder)
        return isFolder.boolValue || file.lowercased().hasSuffix(".zip")
    }
}

/// A direction that came in.
public struct ImportedDirection: Sendable, Encodable {
    /// Its name with its version, such as `smiling@v1`.
    public let direction: String
    /// Its file.
    public let path: String
    /// Whether a new version was made; false where the same was there.
    public let isNew: Bool
}

extension Session {
    /// Makes directions the next versions in the library, once all of them are read and found sound.
    ///
    /// This program's own files and packs keep all that they say of themselves.
    ///
    /// - Throws: ``Core/Failure``: a file that is damaged or no direction, or one of another generator (conflict).
    @discardableResult
    public func importDirections(_ request: ImportDirectionsRequest) throws -> [ImportedDirection] {
        try request.validate()
        return try (ownDirections(request) ?? foreignDirections(request)).map { direction in
            let stored = try library.add(direction)
            return ImportedDirection(direction: stored.direction.label, path: stored.path, isNew: stored.isNew)
        }
    }

    /// The directions of another tool's file, sigma measured on latents of the generator.
    private func foreignDirections(_ request: ImportDirectionsRequest) throws -> [DirectionFile] {
        let loaded = try generator(request.generator)
        let found = try ForeignDirection.read(request.file)
        let w = try loaded.latents(seed: .max, indices: 0..<4096)
        return try found.map { foreign in
            let size = foreign.values.count / foreign.rows
            guard size == loaded.identity.latentSize else {
                throw Failure(
                    request.file,
                    "has \(size) components, generator \(request.generator) has \(loaded.identity.latentSize)",
                    "import it for a generator of its own family", kind: .conflict)
            }
            var metadata = DirectionMetadata(space: foreign.rows == 1 ? .w : .wPlus)
            metadata.generator = .init(name: loaded.identity.name, sha256: loaded.identity.sha256)
            metadata.source = .init(
                name: (request.file as NSString).lastPathComponent, sha256: try Hashing.sha256(file: request.file))
            metadata.program = "directions \(Version.current)"
            metadata.inputs = DirectionMetadata.fingerprint([
                "source": metadata.source?.sha256 ?? "", "name": foreign.name, "generator": loaded.identity.sha256,
            ])
            let name = found.count == 1 ? request.attribute ?? foreign.name : foreign.name
            return try DirectionFile(
                attribute: Attribute.normalised(name), values: foreign.values, rows: foreign.rows, intercept: 0,
                sigma: Session.sigma(foreign, latents: w), metadata: metadata)
        }
    }

    /// The directions of a pack or of this program's own file, with all that they say of themselves; nil for another tool's.
    private func ownDirections(_ request: ImportDirectionsRequest) throws -> [DirectionFile]? {
        var directions: [DirectionFile]
        if request.isPack {
            directions = try DirectionPack(at: request.file).directions()
        } else {
            guard let direction = try DirectionFile.readOwn(request.file) else { return nil }
            directions = [direction]
        }
        let identity = try generatorIdentity(request.generator)
        for index in directions.indices {
            try directions[index].requireGenerator(sha256: identity.sha256, name: identity.name)
            if let attribute = request.attribute {
                directions[index].attribute = Attribute.normalised(attribute)
                try DirectionFile.checkName(directions[index].attribute)
            }
            if directions[index].metadata.inputs == nil {
                directions[index].metadata.inputs = DirectionMetadata.fingerprint([
                    "source": Hashing.sha256(try directions[index].encoded())
                ])
            }
        }
        return directions
    }

    /// Standard deviation of latents' projections on a direction; of a W+ direction, on its first row's direction.
    private static func sigma(_ foreign: ForeignDirection, latents w: [Float]) -> Float {
        let size = foreign.values.count / foreign.rows
        var mean = [Float](repeating: 0, count: size)
        for row in 0..<foreign.rows { for i in 0..<size { mean[i] += foreign.values[row * size + i] } }
        let length = mean.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
        if length == 0 { return 1 }
        let projections = stride(from: 0, to: w.count, by: size).map { (start: Int) -> Double in
            var sum = 0.0
            for i in 0..<size { sum += Double(w[start + i] * mean[i]) }
            return sum / length
        }
        let count = Double(projections.count)
        let centre = projections.reduce(0, +) / count
        let squares: Double = projections.reduce(0) { sum, value in sum + (value - centre) * (value - centre) }
        return Float((squares / count).squareRoot())
    }
}
