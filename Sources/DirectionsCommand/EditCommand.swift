import ArgumentParser
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
            """)

    @Option(help: "Directions, separated by commas, a column each; + joins those applied together.")
    var direction: String

    @Option(parsing: .unconditional, help: "Strengths, separated by commas, a row each.") var strength = "0,1,2,3"

    @Option(help: "What a strength of 1 is: raw (one unit of the unit normal) or sigma (the direction's natural step).")
    var unit: StrengthUnit = .raw

    @Option(help: "Change only these rows of the W+ code, such as 0-7 (W codes become StyleGAN2's W+).")
    var layers: String?

    @Option(help: "The picture to write: PNG, or JPEG by its ending.") var out: String?

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
                rendering: out == nil ? nil : try synthesis.rendering, generator: faces.generator)
        }
    }

    func validate() throws {
        guard out != nil || codesOut != nil else {
            throw Failure(
                "--out", "is missing", "say where the picture goes, for example --out grid.png", kind: .usage)
        }
        try request.validate()
    }

    func run() throws {
        let edited = try workspace.session.edit(request)
        if let codesOut {
            let codes = edited.codes
            try NumpyFile.write(TensorData(codes.values, shape: [codes.count, codes.rows, codes.size]), to: codesOut)
        }
        if let out {
            let picture = try edited.grid()
            try picture.write(to: out)
            let (rows, columns) = (edited.rowLabels.count, edited.columnLabels.count)
            print("\(out): \(rows) x \(columns) faces, \(picture.width) x \(picture.height) pixels")
        }
    }
}

extension StrengthUnit: ExpressibleByArgument {}
