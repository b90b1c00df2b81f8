import Core
import Generators
import LatentStore
import Latents

/// Which faces a verb works on.
public enum FaceSource: Sendable, Equatable {
    /// Latent 0 of each seed, as sampling draws it, truncated: w = mean + psi · (w − mean).
    case seeds([UInt64], psi: Float = 1)
    /// Latents of the database, by id.
    case latents([Int64])
    /// The W or W+ codes of a file: [n, 512], [n, 18, 512] or one of them; the key of one where several are inside, and the space
    /// of an array of two dimensions where that is not told by its shape.
    case codes(String, key: String? = nil, space: CodeFile.Space? = nil)
    /// The faces of photographs, whose codes are found where the database has none.
    case photographs(PhotographSource)
    /// W or W+ codes that are at hand, with a label each.
    case given(LatentCodes, labels: [String])

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) when no face is named, a number is out of range, or labels are missing.
    public func validate() throws {
        switch self {
        case .seeds(let seeds, let psi):
            guard psi.isFinite else { throw Failure("psi \(psi)", "is not finite", "for example 0.7", kind: .usage) }
            if seeds.isEmpty { throw FaceSource.empty }
        case .latents(let ids): if ids.isEmpty { throw FaceSource.empty }
        case .codes: break
        case .photographs(let source): try source.validate()
        case .given(let codes, let labels):
            if codes.count == 0 { throw FaceSource.empty }
            guard labels.count == codes.count else {
                throw Failure(
                    "labels", "are \(labels.count) for \(codes.count) codes", "give one for each", kind: .usage)
            }
        }
    }

    private static let empty = Failure("faces", "are none", "name at least one", kind: .usage)
}

extension Session {
    /// The codes of some faces, with a label each.
    ///
    /// - Parameters:
    ///   - source: Which faces.
    ///   - generator: Whose faces they are; a notice tells where codes that are given lie far from its W.
    ///   - name: The generator's name in the workspace.
    ///   - towardMean: What is left of their distance from the mean of W: w = mean + t · (w − mean).
    /// - Returns: W codes of seeds and latents, W or W+ of files.
    /// - Throws: ``Core/Failure`` naming what there is not, or can't be read.
    public func codes(
        _ source: FaceSource, of generator: Generator, named name: String = "default", towardMean: Float = 1
    ) throws -> (codes: LatentCodes, labels: [String]) {
        try source.validate()
        let size = generator.identity.latentSize
        switch source {
        case .seeds(let seeds, let psi):
            var values = try seeds.flatMap { try generator.latents(seed: $0, indices: 0..<1, psi: psi) }
            generator.truncate(&values, psi: towardMean)
            return (try LatentCodes(values, size: size), seeds.map { "seed \($0)" })
        case .latents(let ids):
            let store = try readOnlyStore()
            var codes = try latents(ids, of: generator.identity, in: store)
            generator.truncate(&codes.values, psi: towardMean)
            return (codes, ids.map { "latent \($0)" })
        case .codes(let path, let key, let space):
            return try codes(of: path, key: key, space: space, for: generator, towardMean: towardMean)
        case .photographs(let source):
            let photographs = try codedPhotographs(source, generator: name)
            var values = photographs.flatMap(\.code)
            generator.truncate(&values, psi: towardMean)
            return (
                try LatentCodes(values, rows: generator.identity.styleGAN2Layers, size: size), photographs.map(\.label)
            )
        case .given(let codes, let labels):
            guard codes.size == size else {
                throw Failure(
                    "codes", "have \(codes.size) components, the generator's have \(size)",
                    "give codes of this generator", kind: .conflict)
            }
            return (try checked(codes, name: "codes", for: generator, towardMean: towardMean), labels)
        }
    }

    /// Latents of the database, which mean nothing to another generator than their own.
    ///
    /// - Parameters:
    ///   - ids: Which latents.
    ///   - identity: The generator that is to make faces of them.
    ///   - store: The database.
    /// - Returns: W codes, in the order asked for.
    /// - Throws: ``Core/Failure`` naming a latent that is not there, or (conflict) the generator that they belong to.
    func latents(_ ids: [Int64], of identity: GeneratorIdentity, in store: LatentStore) throws -> LatentCodes {
        let values = try store.latents(ids: ids)
        try requireOwner(identity.sha256, name: identity.name, ofLatents: ids, in: store)
        return try LatentCodes(values, size: identity.latentSize)
    }

    /// Checks that latents are a generator's.
    ///
    /// - Throws: ``Core/Failure`` (conflict) with the name of the generator that they belong to.
    func requireOwner(_ sha256: String, name: String, ofLatents ids: [Int64], in store: LatentStore) throws {
        guard let owner = try store.generators(ofLatents: ids).first(where: { $0.sha256 != sha256 }) else { return }
        let imported = generatorNames.first { (try? generatorIdentity($0).sha256) == owner.sha256 }
        let former = "a former generator \(owner.name) (SHA-256 \(owner.sha256.prefix(12))…)"
        throw Failure(
            "latents", "belong to \(imported.map { "generator \($0)" } ?? former), not to \(name)",
            imported == nil
                ? "import that one under another name, or name latents of this one"
                : "name their generator, or latents of this one", kind: .conflict)
    }
}
