import ArgumentParser
import Core
import Directions
import Generators
import Weights

/// How faces are made; shared by the verbs that show some.
struct SynthesisOptions: ParsableArguments {
    @Option(help: "Pixels along a side of each face: 64 to the generator's own, a power of two (default: 256).")
    var size: Int?

    @Option(
        help: """
            none: noise inputs left out; constant: the network's own noise constants; random: drawn from the code \
            (StyleGAN2 only).
            """)
    var noise: NoiseMode = .none

    @Option(help: "engine: the CPU engine; tensors: libtorch, the reference.") var engine: Generator.Engine = .engine
    @Option(help: "Threads that synthesize; 0 for one a processor.") var threads = 0
    @OptionGroup var device: DeviceOption
    @OptionGroup var half: HalfOption

    /// How faces are to be made.
    ///
    /// - Throws: `Failure` (usage) for a device that there is not.
    var rendering: FaceRendering {
        get throws {
            FaceRendering(
                size: size, noise: noise, engine: engine, threads: threads, device: try device.value,
                isHalf: half.isHalf)
        }
    }
}

/// Where faces go as pictures; shared by the verbs that show some.
struct PictureOptions: ParsableArguments {
    @Option(
        name: [.customLong("out"), .customLong("grid")], help: "The picture of all faces: a .png, .jpg or .webp file.")
    var out: String?
    @Option(help: ArgumentHelp("Write each face by itself, a PNG in this folder.", valueName: "folder")) var frames:
        String?
    @Flag(help: "Leave out the labels and gaps of --out: a single face is all of the picture.") var noLabels = false
    var value: PictureOutput { PictureOutput(out, frames: frames, hasLabels: !noLabels) }
}

extension NoiseMode: ExpressibleByArgument {}
extension Generator.Engine: ExpressibleByArgument {}

/// `directions synth`: the faces of some codes, unedited.
struct SynthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synth",
        abstract: "Synthesize faces from seeds, latents or codes, without any edit.",
        discussion: """
            Faces are noise-free by default: each depends on its code alone.

            Example: directions synth --seed 1-16 --out faces.png
            """)

    @OptionGroup var faces: FaceOptions
    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    @OptionGroup var pictures: PictureOptions
    @Option(help: "Write the images as float32 .npy [n,3,size,size] in about [-1,1].") var npy: String?

    private var request: SynthRequest {
        get throws {
            SynthRequest(
                try faces.source, rendering: try synthesis.rendering, generator: faces.generator,
                towardMean: faces.inside.towardMean)
        }
    }

    func validate() throws {
        try pictures.value.validate(besides: npy, isNeeded: true)
        try request.validate()
    }

    func run() throws {
        let result = try workspace.session.synth(request)
        let (count, side) = (result.images.count, result.images.side)
        if let npy { try NumpyFile.write(TensorData(result.images.planes, shape: [count, 3, side, side]), to: npy) }
        for line in try result.write(to: pictures.value) { print(line) }
    }
}
