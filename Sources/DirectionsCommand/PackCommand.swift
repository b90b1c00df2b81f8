import ArgumentParser
import CommandSupport
import Core
import DirectionFiles
import Directions

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
              directions pack --name faces-v1 --zip
              directions pack --name faces-v1 --format pt
            """)

    @Option(help: "The pack's name, also its folder's in the workspace's packs/.") var name: String
    @Option(help: "native, npy, pt or npz.") var format: PackRequest.Format = .native
    @Option(help: "Directions, separated by commas (default: the newest version of each).") var direction: String?
    @Flag(help: "Write one .zip instead of a folder (native).") var zip = false
    @Option(help: "The seed of the face in the previews.") var previewSeed: UInt64 = 6
    @Flag(inversion: .prefixedNo, help: "Draw a preview strip of each direction (native).") var previews = true
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption

    private var request: PackRequest {
        PackRequest(
            name: name, format: format, directions: direction.map { $0.split(separator: ",").map(String.init) },
            previewSeed: previews ? previewSeed : nil, generator: generator, hints: PackCommand.hints)
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let folder = workspace.value.packs
        switch try workspace.session.pack(request) {
        case .pack(let pack):
            let path = "\(folder)/\(name)\(zip ? ".zip" : "")"
            if zip { try pack.write(zip: path) } else { try pack.write(folder: path) }
            let count = pack.manifest.contents.count { $0.kind == .direction }
            print("\(path): \(count) directions, \(pack.files.count + 1) files")
        case .files(let files):
            for (file, data) in files.sorted(by: { $0.key < $1.key }) {
                let path = "\(folder)/\(name)-\(format.rawValue)/\(file)"
                try AtomicFile.write(data, to: path)
                print(path)
            }
        }
    }

    /// How to go on with a direction of the pack on the command line.
    private static func hints(_ file: DirectionFile) -> String {
        """
        `directions edit --direction \(file.attribute) --strength 0,1,2,3 --unit sigma --seed 1-4 --out grid.png` shows it. \
        `directions pack --format npy`, `pt` or `npz` writes the same directions as InterFaceGAN's boundaries, as the editing \
        folders of e4e, pSp and HFGI read them, or as one NumPy archive.
        """
    }
}

extension PackRequest.Format: ExpressibleByArgument {}
