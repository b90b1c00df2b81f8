import ArgumentParser
import Core
import DirectionFiles
import Editing
import Evaluation
import Foundation
import Generators
import Images
import Latents

/// `directions pack`: directions to send on.
struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Make a versioned pack of directions, or files for other tools.",
        discussion: """
            native: a folder (or one .zip with --zip) of direction files, previews, a manifest with checksums and a model card. \
            npy: InterFaceGAN's boundaries [1,512]. pt: the tensors that e4e, pSp and HFGI read. npz: all in one.

            Examples:
              directions pack --name faces-v1
              directions pack --name faces-v1 --format pt
            """)

    /// What is written.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case native, npy, pt, npz
    }

    @Option(help: "The pack's name, also its folder's in the workspace's packs/.")
    var name: String

    @Option(help: "native, npy, pt or npz.")
    var format: Format = .native

    @Option(help: "Directions, separated by commas (default: the newest version of each).")
    var direction: String?

    @Flag(help: "Write one .zip instead of a folder (native).")
    var zip = false

    @Option(help: "The seed of the face in the previews.")
    var previewSeed: UInt64 = 6

    @Flag(inversion: .prefixedNo, help: "Draw a preview strip of each direction (native).")
    var previews = true

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        try DirectionFile.checkName(name)
        let place = workspace.value
        let library = DirectionLibrary(place.directions)
        let wanted =
            try direction.map { try $0.split(separator: ",").map { try library.load(String($0)) } } ?? library.newest()
        guard !wanted.isEmpty else {
            throw Failure(place.directions, "holds no directions", "fit some with `directions fit`")
        }
        if format != .native { return try export(wanted, place: place) }
        let loaded = try Generator.load(folder: place.generator(generator))
        let identity = loaded.identity
        for file in wanted { try file.requireGenerator(sha256: identity.sha256, name: identity.name) }
        let strips = try previews ? strips(wanted, generator: loaded) : [:]
        let metrics = try Dictionary(
            wanted.compactMap { file in try library.metricsData(of: file).map { (file.label, $0) } },
            uniquingKeysWith: { $1 })
        let pack = try DirectionPack(
            name: name, directions: wanted, previews: strips, metrics: metrics,
            generator: PackManifest.Generator(
                name: identity.name, sha256: identity.sha256, architecture: identity.architecture,
                resolution: identity.resolution, source: identity.sourceName, sourceSHA256: identity.sourceSHA256),
            licence: identity.licence, created: wanted.compactMap(\.metadata.created).max() ?? "",
            measurements: try PackCommand.measurements(wanted, library: library))
        let path = "\(place.packs)/\(name)\(zip ? ".zip" : "")"
        if zip { try pack.write(zip: path) } else { try pack.write(folder: path) }
        print("\(path): \(wanted.count) directions, \(pack.files.count + 1) files")
    }

    /// A table of what `evaluate` measured of these very versions; empty where it measured none.
    private static func measurements(_ directions: [DirectionFile], library: DirectionLibrary) throws -> String {
        var lines: [String] = []
        for file in directions {
            guard let metrics = try library.metrics(of: file) else { continue }
            for level in metrics.levels {
                let flipped = level.flipped.map { String(format: "%.0f %%", 100 * $0.value) } ?? ""
                lines.append(
                    String(
                        format: "| %@ | %d | %+.1f | %+.2f (%+.2f … %+.2f) | %.2f | %@ |", file.label, metrics.faces,
                        level.strength, level.target.value, level.target.low, level.target.high, level.others.value,
                        flipped))
            }
        }
        if lines.isEmpty { return "" }
        return """
            ## Measured on fresh faces

            Faces that no direction was fitted on, edited and scored again by the shipped classifier (`directions evaluate`): mean \
            change of the attribute's own logit with its 95 % interval, mean absolute change of the other logits, and the share \
            of faces without the attribute that get it.

            | direction | faces | sigma | own logit | others | get it |
            |---|---|---|---|---|---|
            \(lines.joined(separator: "\n"))

            """
    }

    private func export(_ directions: [DirectionFile], place: Workspace) throws {
        guard let foreign = ForeignDirection.Format(rawValue: format.rawValue) else { return }
        let folder = "\(place.packs)/\(name)-\(format.rawValue)"
        for (file, data) in try ForeignDirection.export(directions, as: foreign, stem: name).sorted(by: {
            $0.key < $1.key
        }) {
            try AtomicFile.write(data, to: "\(folder)/\(file)")
            print("\(folder)/\(file)")
        }
    }

    /// A strip of five faces for each direction, from -3 to 3 sigma.
    private func strips(_ directions: [DirectionFile], generator: Generator) throws -> [String: Data] {
        let synthesizer = try generator.synthesizer()
        let w = try generator.latents(seed: previewSeed, indices: 0..<1, psi: 0.7)
        let progress = Terminal.context.progress(
            "pack", unit: "previews", total: directions.count, isShown: directions.count >= 3)
        var result: [String: Data] = [:]
        let strengths: [Float] = [-3, -1.5, 0, 1.5, 3]
        let size = generator.size(256)
        for file in directions {
            try Terminal.context.check()
            let direction = EditDirection(file)
            var codes: [Float] = []
            var rows = 1
            for strength in strengths {
                let edited = try LatentEdit([.init(direction, strength: strength)], unit: .sigma)
                    .apply(to: w, rows: 1, size: w.count, layerCount: generator.identity.styleGAN2Layers)
                codes += edited.codes
                rows = edited.rows
            }
            let faces = try synthesizer.synthesize(
                LatentCodes(codes, rows: rows, size: w.count), size: size, noise: .none)
            let labels = strengths.map { String(format: "%+g sigma", $0) }
            let grid = Grid(
                [faces.images.map { Optional($0) }], columnLabels: labels,
                rowLabels: [file.attribute]
            )
            result[file.label] = try grid.rendered().encodedPNG()
            progress.advance(1)
        }
        progress.finish()
        return result
    }
}
