import Core
import DirectionFiles
import Foundation
import Generators
import Inversion
import Latents

/// Which directions to import.
public struct ImportDirectionsRequest: Sendable {
    /// Another tool's direction (.npy, .npz, .pt, .safetensors), a direction file of this program, or a pack.
    public var file: String
    /// The attribute of a single direction; nil for what it says itself, else the file's name.
    public var attribute: String?
    /// The generator that the directions belong to, by its name in the workspace.
    public var generator: String
    /// Whether another tool's direction of a known attribute is tried on a few faces.
    public var isMeasured: Bool

    /// Asks for the directions of a file or pack.
    public init(_ file: String, attribute: String? = nil, generator: String = "default", isMeasured: Bool = true) {
        self.file = file
        self.attribute = attribute
        self.generator = generator
        self.isMeasured = isMeasured
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
    /// What its file says that it does to its attribute; nil where that was not measured.
    public let response: DirectionMetadata.Response?
}

extension Session {
    /// Makes directions the next versions in the library, once all of them are read and found sound.
    ///
    /// This program's own files and packs keep all that they say of themselves. Of another tool's, notices tell what its name
    /// says against it, and what it does to 16 faces where its attribute is known.
    ///
    /// - Throws: ``Core/Failure``: a file that is damaged or no direction, or one of another generator (conflict).
    @discardableResult
    public func importDirections(_ request: ImportDirectionsRequest) throws -> [ImportedDirection] {
        try request.validate()
        return try (ownDirections(request) ?? foreignDirections(request)).map { direction in
            let stored = try library.add(direction)
            return ImportedDirection(
                direction: stored.direction.label, path: stored.path, isNew: stored.isNew,
                response: stored.direction.metadata.response)
        }
    }

    /// The directions of another tool's file, sigma measured on latents of the generator.
    private func foreignDirections(_ request: ImportDirectionsRequest) throws -> [DirectionFile] {
        let loaded = try generator(request.generator)
        let identity = loaded.identity
        let found = try ForeignDirection.read(request.file)
        let w = try loaded.latents(seed: .max, indices: 0..<4096)
        let source = DirectionMetadata.Reference(
            name: (request.file as NSString).lastPathComponent, sha256: try Hashing.sha256(file: request.file))
        let origin = NamedOrigin(source.name)
        try found.forEach { try checkShape($0, file: request.file, for: loaded) }
        if let warning = origin.warning(
            file: source.name, rows: found.map(\.rows).max() ?? 1, generator: identity.name,
            source: identity.architecture == "mobilestylegan" ? "ffhq" : identity.sourceName)
        {
            context.notice(warning)
        }
        let directions = try found.map { foreign in
            var metadata = DirectionMetadata(space: foreign.rows == 1 ? .w : .wPlus)
            metadata.generator = .init(name: identity.name, sha256: identity.sha256)
            metadata.source = source
            if !origin.description.isEmpty { metadata.namedOrigin = origin.description }
            metadata.program = "directions \(Version.current)"
            metadata.inputs = DirectionMetadata.fingerprint([
                "source": source.sha256, "name": foreign.name, "generator": identity.sha256,
            ])
            let name = found.count == 1 ? request.attribute ?? foreign.name : foreign.name
            return try DirectionFile(
                attribute: Attribute.normalised(name), values: foreign.values, rows: foreign.rows, intercept: 0,
                sigma: Session.sigma(foreign, latents: w), metadata: metadata)
        }
        return request.isMeasured ? try measured(directions, of: loaded) : directions
    }

    /// Refuses arrays that are no directions of the generator: other components or rows, or latent codes.
    private func checkShape(_ foreign: ForeignDirection, file: String, for generator: Generator) throws {
        let identity = generator.identity
        let size = foreign.values.count / foreign.rows
        guard size == identity.latentSize else {
            throw Failure(
                file, "has \(size) components, generator \(identity.name) has \(identity.latentSize)",
                "import it for a generator of its own family", kind: .conflict)
        }
        let areCodes = try Session.areCodes(foreign, of: generator)
        if areCodes {
            let count = foreign.rows == 1 ? "a code" : "\(foreign.rows) codes"
            throw Failure(
                file, "holds \(count) of W of generator \(identity.name), not a direction",
                "a direction is the difference of two, as [\(size)], [1, \(size)] or [\(identity.styleGAN2Layers), "
                    + "\(size)]; edit and synthesize codes as `code FILE`", kind: .conflict)
        }
        guard [1, identity.styleGAN2Layers, identity.layers].contains(foreign.rows) else {
            throw Failure(
                file,
                "has \(foreign.rows) rows of \(size), W+ of generator \(identity.name) has \(identity.styleGAN2Layers)",
                "give one row, or \(identity.styleGAN2Layers); a direction of \(foreign.rows) rows is for a generator of "
                    + "\(Session.pixels(rows: foreign.rows))another size, and as many codes are no direction",
                kind: .conflict)
        }
    }

    /// Whether all rows of an array are w of a generator: those lie around the mean of W, a direction around zero.
    private static func areCodes(_ foreign: ForeignDirection, of generator: Generator) throws -> Bool {
        let distance = try CodeDistance(generator)
        let (mean, size) = (generator.meanLatent, generator.identity.latentSize)
        let rows = foreign.values.map { Float(Double($0) * foreign.length) }
        func lengths(_ values: [Float]) throws -> [Double] {
            distance.measures(try LatentCodes(values, size: size)).map(\.fromMean)
        }
        // Where the mean of W is hardly distinct from zero, the two can't be told apart.
        guard try lengths([Float](repeating: 0, count: size))[0] > 0.25 else { return false }
        let fromMean = try lengths(rows)
        let fromZero = try lengths(rows.indices.map { rows[$0] + mean[$0 % size] })
        return zip(fromMean, fromZero).allSatisfy { $0 < CodeDistance.fromMeanLimit && $0 < $1 }
    }

    /// The size of a StyleGAN2 whose W+ has so many rows, such as `1024 pixels, `; empty where there is none.
    private static func pixels(rows: Int) -> String {
        rows % 2 == 0 && 4...20 ~= rows ? "\(1 << (rows / 2 + 1)) pixels, " : ""
    }

    /// The same directions with what they do to the attribute of their name, where the shipped classifier knows it; notices
    /// tell what was found.
    private func measured(_ directions: [DirectionFile], of generator: Generator) throws -> [DirectionFile] {
        let wanted = directions.map { ResponseSubject($0) }
        guard wanted.contains(where: { $0 != nil }) else { return directions }
        let meter: ResponseMeter
        do {
            meter = try ResponseMeter(generator, judge: classifier(nil), context: context)
        } catch let failure as Failure where failure.kind != .cancelled {
            context.notice("not measured: \(failure)")
            return directions
        }
        return try zip(directions, wanted).map { direction, subject in
            guard let subject else { return direction }
            var result = direction
            let response = try meter.response(of: direction, attribute: subject.attribute)
            result.metadata.response = response
            let problem = response.problem(isLowered: subject.isLowered).map { "; \($0)" } ?? ""
            context.notice("\(direction.attribute): \(response.summary)\(problem)")
            return result
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
        return Float(Vectors.deviation(of: w, along: mean) ?? 1)
    }
}
