import ArgumentParser
import Core
import Foundation
import Generators

/// `directions import`: a published generator becomes a model folder.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import a generator into the workspace.",
        discussion: """
            `default` is MobileStyleGAN-FFHQ from the Python wheel random-face, which has StyleGAN2-FFHQ's W space. The wheel \
            is taken from --wheel, from .cache/ here or in the workspace, or downloaded with pip, and is checked against its \
            SHA-256.

            Example: directions import default
            """)

    @Argument(help: "`default`, or a generator's file.")
    var source: String

    @Option(help: "What to call it in the workspace (default: `default`, or the file's name).")
    var name: String?

    @Option(help: "The random-face wheel, when it is not to be downloaded.")
    var wheel: String?

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let place = workspace.value
        guard source == "default" || source.hasSuffix(".whl") else {
            throw Failure(source, "is not a generator this version reads", "use `default` or a random-face wheel", isUsage: true)
        }
        let file = try source == "default" ? wheel ?? ImportCommand.findWheel(place) : source
        let folder = place.generator(name ?? "default")
        let identity = try Generator.importWheel(file, folder: folder)
        if json { return try printJSON(identity) }
        print(
            """
            imported \(identity.name): \(identity.architecture), \(identity.resolution) x \(identity.resolution) pixels, \
            latent size \(identity.latentSize), \(identity.layers) style rows
              weights  \(folder)/weights.safetensors
              SHA-256  \(identity.sha256)
              source   \(identity.sourceName), SHA-256 \(identity.sourceSHA256)
              licence  \(identity.licence)
            """)
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
        FileHandle.standardError.write(Data("import: downloading the random-face wheel (37.6 MB) with pip\n".utf8))
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
