import Core
import DirectionFiles
import Editing
import Evaluation
import Foundation
import Generators
import Images
import Latents

/// Which directions to hand on, and in what form.
public struct PackRequest: Sendable {
    /// What is made.
    public enum Format: String, Sendable, CaseIterable {
        /// A pack of this program: direction files, previews, a manifest with checksums and a model card.
        case native
        /// InterFaceGAN's boundaries, [1, 512], one file a direction.
        case npy
        /// The tensors that e4e, pSp and HFGI read, one file a direction.
        case pt
        /// All directions in one NumPy archive.
        case npz
    }

    /// The pack's name.
    public var name: String
    /// What is made.
    public var format: Format
    /// Names, names with versions, or direction files; nil for the newest version of each name.
    public var directions: [String]?
    /// The seed of the face in the previews; nil for no previews.
    public var previewSeed: UInt64?
    /// A paragraph of the model card on how to use a direction, in Markdown.
    public var hints: @Sendable (DirectionFile) -> String
    /// The generator's name in the workspace.
    public var generator: String

    /// - Parameters:
    ///   - name: The pack's name.
    ///   - format: What is made.
    ///   - directions: Which; nil for the newest version of each name.
    ///   - previewSeed: The seed of the face in the previews; nil for no previews.
    ///   - generator: The generator's name in the workspace.
    ///   - hints: A paragraph of the model card on how to use a direction, in Markdown.
    public init(
        name: String, format: Format = .native, directions: [String]? = nil, previewSeed: UInt64? = 6,
        generator: String = "default", hints: @escaping @Sendable (DirectionFile) -> String = { _ in "" }
    ) {
        self.name = name
        self.format = format
        self.directions = directions
        self.previewSeed = previewSeed
        self.generator = generator
        self.hints = hints
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a name that can't be a folder's, or directions that are none.
    public func validate() throws {
        try DirectionFile.checkName(name)
        if let directions, directions.isEmpty {
            throw Failure("directions", "are none", "name at least one", kind: .usage)
        }
    }
}

/// Directions to hand on, in memory.
public enum PackResult: Sendable {
    /// A pack of this program, to be written as a folder or an archive.
    case pack(DirectionPack)
    /// Files for other programs, by name.
    case files([String: Data])
}

extension Session {
    /// Makes a pack of directions, or files for other programs; nothing is written.
    ///
    /// - Throws: ``Core/Failure``: a bad name, no such direction (usage), no direction at all (not found), directions of another
    ///   generator (conflict), or a stop.
    public func pack(_ request: PackRequest) throws -> PackResult {
        try request.validate()
        let identity = try generatorIdentity(request.generator)
        let wanted =
            try request.directions.map { try $0.map { try direction($0, of: identity) } }
            ?? library(of: identity).newest()
        guard !wanted.isEmpty else {
            throw Failure(
                library.folder, "holds no directions of generator \(identity.name)", "fit some with `directions fit`",
                kind: .notFound)
        }
        if let format = ForeignDirection.Format(rawValue: request.format.rawValue) {
            return .files(try ForeignDirection.export(wanted, as: format, stem: request.name))
        }
        let generator = try generator(request.generator)
        let previews = try request.previewSeed.map { try strips(wanted, generator: generator, seed: $0) } ?? [:]
        let metrics = try Dictionary(
            wanted.compactMap { file in try library.metricsData(of: file).map { (file.label, $0) } },
            uniquingKeysWith: { $1 })
        return .pack(
            try DirectionPack(
                name: request.name, directions: wanted, previews: previews, metrics: metrics,
                generator: PackManifest.Generator(
                    name: identity.name, sha256: identity.sha256, architecture: identity.architecture,
                    resolution: identity.resolution, source: identity.sourceName, sourceSHA256: identity.sourceSHA256),
                licence: identity.licence, created: wanted.compactMap(\.metadata.created).max() ?? "",
                measurements: try measurements(wanted), hints: request.hints(wanted[0])))
    }

    /// A table of what was measured of these very versions; empty where nothing was.
    private func measurements(_ directions: [DirectionFile]) throws -> String {
        var lines: [String] = []
        for file in directions {
            guard let metrics = try library.metrics(of: file) else { continue }
            for level in metrics.levels {
                let success = level.successRate.map { String(format: "%.0f %%", 100 * $0.value) } ?? ""
                lines.append(
                    String(
                        format: "| %@ | %d | %+.1f | %+.2f (%+.2f … %+.2f) | %.2f | %@ |", file.label, metrics.faces,
                        level.strength, level.target.value, level.target.low, level.target.high,
                        level.offTargetChange.value, success))
            }
        }
        if lines.isEmpty { return "" }
        return """
            ## Measured on fresh faces

            Faces that no direction was fitted on, edited and scored again by the shipped classifier (`directions evaluate`): mean \
            change of the attribute's own logit with its 95 % interval; off-target change, the mean absolute change of the other \
            logits; and success rate, the share of faces without the attribute that get it.

            | direction | faces | sigma | own logit | off-target change | success rate |
            |---|---|---|---|---|---|
            \(lines.joined(separator: "\n"))

            """
    }

    /// A strip of five faces for each direction, from -3 to 3 sigma, as PNG files by the directions' labels.
    private func strips(
        _ directions: [DirectionFile], generator: Generator, seed: UInt64
    ) throws -> [String: Data] {
        let synthesizer = try generator.synthesizer()
        let w = try LatentCodes(
            generator.latents(seed: seed, indices: 0..<1, psi: 0.7), size: generator.identity.latentSize)
        let progress = context.progress(
            "pack", unit: "previews", total: directions.count, isShown: directions.count >= 3)
        defer { progress.finish() }
        var result: [String: Data] = [:]
        let strengths: [Float] = [-3, -1.5, 0, 1.5, 3]
        for file in directions {
            try context.check()
            let plan = EditPlan(
                codes: w, labels: [file.attribute], mixtures: [EditMixture(EditDirection(file))], strengths: strengths,
                unit: .sigma, layerCount: generator.identity.styleGAN2Layers)
            let faces = try synthesizer.synthesize(plan.edited(), size: generator.size(256), noise: .none)
            let strip = Grid(
                [faces.images.map { Optional($0) }], columnLabels: plan.rowLabels, rowLabels: [file.attribute])
            result[file.label] = try strip.rendered().encodedPNG()
            progress.advance(1)
        }
        return result
    }
}
