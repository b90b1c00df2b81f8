import ArgumentParser
import Core
import Foundation
import Generators
import Images
import Latents
import Weights

/// How faces are made; shared by the verbs that show some.
struct SynthesisOptions: ParsableArguments {
    @Option(help: "Pixels along a side of each face: 64 to the generator's own, a power of two (default: 256).")
    var size: Int?

    /// The size that was asked for, or 256 where the generator has as many.
    func size(of generator: Generator) -> Int { size ?? generator.size(256) }

    @Option(
        help: """
            none: noise inputs left out; constant: the network's own noise constants; random: drawn from the code \
            (StyleGAN2 only).
            """)
    var noise: NoiseMode = .none

    @Option(help: "engine: the CPU engine; tensors: libtorch, the reference.")
    var engine: Generator.Engine = .engine

    @Option(help: "Threads that synthesize; 0 for one a processor.")
    var threads = 0

    @OptionGroup var device: DeviceOption
    @OptionGroup var half: HalfOption

    /// Images of codes, in batches of eight with a progress line.
    ///
    /// - Returns: RGB in about [-1, 1].
    func images(_ codes: LatentCodes, generator: Generator, label: String) throws -> ImageBatch {
        let synthesizer = try generator.synthesizer(engine, threads: threads, device: device.value, isHalf: half.isHalf)
        let progress = Terminal.context.progress(label, unit: "faces", total: codes.count, isShown: codes.count > 8)
        var planes: [Float] = []
        for start in stride(from: 0, to: codes.count, by: 8) {
            try Terminal.context.check()
            let end = min(codes.count, start + 8)
            planes += try synthesizer.synthesize(
                codes.slice(start..<end), size: size(of: generator), noise: noise
            ).planes
            progress.advance(end - start)
        }
        progress.finish()
        return ImageBatch(planes, side: size(of: generator))
    }
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

    @OptionGroup var faces: FaceSource
    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    @Option(help: "The picture to write: a PNG, or a JPEG by its ending; a labelled grid when there are several faces.")
    var out: String?

    @Option(help: "Write the images as float32 .npy [n,3,size,size] in about [-1,1].")
    var npy: String?

    func run() throws {
        guard out != nil || npy != nil else {
            throw Failure(
                "--out", "is missing", "say where the picture goes, for example --out faces.png", kind: .usage)
        }
        let generator = try Generator.load(folder: workspace.value.generator(faces.generator))
        let (codes, labels) = try faces.load(generator, workspace: workspace.value)
        let faces = try synthesis.images(codes, generator: generator, label: "synth")
        if let npy {
            try NumpyFile.write(TensorData(faces.planes, shape: [codes.count, 3, faces.side, faces.side]), to: npy)
        }
        if let out {
            let images = faces.images
            let picture = try images.count == 1 ? images[0] : Grid(images, captions: labels).rendered()
            try picture.write(to: out)
            print("\(out): \(images.count) faces, \(picture.width) x \(picture.height) pixels")
        }
    }
}
