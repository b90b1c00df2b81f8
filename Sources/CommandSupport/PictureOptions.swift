import ArgumentParser
import Directions
import Generators

/// How faces are made; shared by the verbs that show some.
package struct SynthesisOptions: ParsableArguments {
    package init() {}

    @Option(
        help: """
            Pixels along a side of each face: 16 to the generator's own (default: 256). Of edited photographs the longer side.
            """)
    package var size: Int?

    @Option(
        help: """
            none: noise inputs left out; constant: the network's own noise constants; random: drawn from the code \
            (StyleGAN2 only).
            """)
    package var noise: NoiseMode = .none

    @Option(help: "engine: the CPU engine; tensors: libtorch, the reference.") package var engine: Generator.Engine =
        .engine
    @Option(help: "Threads that synthesize; 0 for one a processor.") package var threads = 0
    @OptionGroup package var device: DeviceOption
    @OptionGroup package var half: HalfOption

    /// How faces are to be made.
    ///
    /// - Throws: `Failure` (usage) for a device that there is not.
    package var rendering: FaceRendering {
        get throws {
            FaceRendering(
                size: size, noise: noise, engine: engine, threads: threads, device: try device.value,
                isHalf: half.isHalf)
        }
    }
}

/// Where faces go as pictures; shared by the verbs that show some.
package struct PictureOptions: ParsableArguments {
    package init() {}

    @Option(
        name: [.customLong("out"), .customLong("grid")], help: "The picture of all faces: a .png, .jpg or .webp file.")
    package var out: String?
    @Option(help: ArgumentHelp("Write each face by itself, a PNG in this folder.", valueName: "folder")) package
        var frames: String?
    @Flag(help: "Leave out the labels and gaps of --out: a single face is all of the picture.") package var noLabels =
        false
    package var value: PictureOutput { PictureOutput(out, frames: frames, hasLabels: !noLabels) }
}

extension NoiseMode: ExpressibleByArgument {}
extension Generator.Engine: ExpressibleByArgument {}
