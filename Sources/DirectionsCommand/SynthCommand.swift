import ArgumentParser
import CommandSupport
import Core
import Directions
import Weights

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
        try pictures.value.validate(besides: npy, isNeeded: true, photographs: faces.photographs.photo)
        try request.validate()
    }

    func run() throws {
        let result = try workspace.session.synth(request)
        let (count, side) = (result.images.count, result.images.side)
        if let npy { try NumpyFile.write(TensorData(result.images.planes, shape: [count, 3, side, side]), to: npy) }
        for line in try result.write(to: pictures.value) { print(line) }
    }
}
