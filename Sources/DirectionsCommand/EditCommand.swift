import ArgumentParser
import CommandSupport
import Core
import Directions
import Editing
import Weights

/// `directions edit`: directions applied to latents, as a labelled grid.
struct EditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Apply directions to faces: a grid of strengths by directions, and the edited codes.",
        discussion: """
            One column a direction (or, with one direction, one column a face), one row a strength. Directions joined by + are \
            applied together: smiling+male, or with weights smiling+male*-0.5. A direction is a name, a name@version, or a file.

            Examples:
              directions edit --direction eyeglasses,smiling --strength 0,1,2,3 --unit sigma --seed 7 --out table.png
              directions edit --direction smiling --strength -2,0,2 --unit sigma --latent 17,40 --layers 0-7 --out smile.png
              directions edit --direction smiling --strength -3:3:0.25 --unit sigma --seed 7 --frames smile
            """)

    @Option(help: "Directions, separated by commas, a column each; + joins those applied together.")
    var direction: String

    @Option(parsing: .unconditional, help: "Strengths, a row each: 0,1,2 or a range -3:3:0.5 (first:last:step).")
    var strength = "0,1,2,3"

    @Option(help: "What a strength of 1 is: raw (one unit of the unit normal) or sigma (the direction's natural step).")
    var unit: StrengthUnit = .raw

    @Option(help: "Change only these rows of the W+ code, such as 0-7 (W codes become StyleGAN2's W+).")
    var layers: String?

    @OptionGroup var pictures: PictureOptions
    @Option(help: "Write the edited codes as .npy: [rows x columns, 1, 512], or [.., layers, 512] for W+.")
    var codesOut: String?

    @Flag(help: "Apply directions that belong to another generator all the same.") var force = false
    @OptionGroup var faces: FaceOptions
    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    private var request: EditRequest {
        get throws {
            EditRequest(
                directions: direction, faces: try faces.source,
                strengths: try Numbers.reals(strength, subject: "--strength"),
                unit: unit, layers: try layers.map { try LayerSelection($0) }, isForced: force,
                rendering: pictures.value.isEmpty ? nil : try synthesis.rendering, generator: faces.generator,
                towardMean: faces.inside.towardMean)
        }
    }

    func validate() throws {
        try pictures.value.validate(besides: codesOut, isNeeded: true)
        try request.validate()
    }

    func run() throws {
        let edited = try workspace.session.edit(request)
        if let codesOut {
            let codes = edited.codes
            try NumpyFile.write(TensorData(codes.values, shape: [codes.count, codes.rows, codes.size]), to: codesOut)
        }
        for line in try edited.write(to: pictures.value) { print(line) }
    }
}
