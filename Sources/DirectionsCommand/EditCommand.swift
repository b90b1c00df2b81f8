import ArgumentParser
import Core
import DirectionFiles
import Editing
import Foundation
import Generators
import Images
import Latents
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

    @Option(parsing: .unconditional, help: "Strengths, separated by commas, a row each.")
    var strength = "0,1,2,3"

    @Option(help: "What a strength of 1 is: raw (one unit of the unit normal) or sigma (the direction's natural step).")
    var unit: StrengthUnit = .raw

    @Option(help: "Change only these rows of the W+ code, such as 0-7 (W codes become StyleGAN2's W+).")
    var layers: String?

    @Option(help: "The picture to write: PNG, or JPEG by its ending.")
    var out: String?

    @Option(help: "Write the edited codes as .npy: [rows x columns, 512], or [.., layers, 512] for W+.")
    var codesOut: String?

    @Flag(help: "Apply directions that belong to another generator all the same.")
    var force = false

    @OptionGroup var faces: FaceSource
    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        guard out != nil || codesOut != nil else {
            throw Failure(
                "--out", "is missing", "say where the picture goes, for example --out grid.png", kind: .usage)
        }
        let strengths = try Numbers.reals(strength, flag: "--strength")
        let generator = try Generator.load(folder: workspace.value.generator(faces.generator))
        let mixtures = try DirectionReference.mixtures(
            direction, workspace: workspace.value, identity: generator.identity, force: force)
        let (codes, labels) = try faces.load(generator, workspace: workspace.value)
        let layerCount = codes.rows == 1 ? generator.identity.styleGAN2Layers : codes.rows
        let range = try layers.map { try LayerRange($0, rows: layerCount) }
        let plan = EditPlan(
            codes: codes, labels: labels, mixtures: mixtures, strengths: strengths, unit: unit, layers: range,
            layerCount: layerCount)
        let edited = try plan.edited()
        if let codesOut {
            let shape = edited.rows == 1 ? [edited.count, edited.size] : [edited.count, edited.rows, edited.size]
            try NumpyFile.write(TensorData(edited.values, shape: shape), to: codesOut)
        }
        if let out {
            let faces = try synthesis.images(edited, generator: generator, label: "edit")
            let grid = plan.grid(faces.images)
            let picture = try grid.rendered()
            try picture.write(to: out)
            print(
                "\(out): \(plan.rowLabels.count) x \(plan.columnLabels.count) faces, \(picture.width) x \(picture.height) pixels"
            )
        }
    }
}

extension StrengthUnit: ExpressibleByArgument {}

/// Directions as the command line names them.
enum DirectionReference {
    /// One column of a grid: a label, and directions with weights that are applied together.
    typealias Mixture = (label: String, parts: [(direction: EditDirection, weight: Float)])

    /// Parses `a,b+c*-0.5`.
    ///
    /// - Throws: `Failure` for unknown directions, bad weights, or a direction of another generator unless forced.
    static func mixtures(_ text: String, workspace: Workspace, identity: GeneratorIdentity, force: Bool) throws
        -> [Mixture]
    {
        let library = DirectionLibrary(workspace.directions)
        return try text.split(separator: ",").map { column in
            var label = String(column)
            let parts = try column.split(separator: "+").map { part in
                let pieces = part.split(separator: "*", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                let weight = pieces.count == 2 ? try Numbers.reals(pieces[1], flag: "--direction")[0] : 1
                let file = try library.load(pieces[0])
                if !force { try file.requireGenerator(sha256: identity.sha256, name: identity.name) }
                // A column is too narrow for a path.
                if pieces[0].contains("/") { label = label.replacing(pieces[0], with: file.label) }
                return (direction: EditDirection(file), weight: weight)
            }
            guard !parts.isEmpty else {
                throw Failure("--direction \(text)", "names no direction", "for example smiling,male", kind: .usage)
            }
            return (label, parts)
        }
    }
}

/// Which codes stand where in an edit's grid.
struct EditPlan {
    let codes: LatentCodes
    let labels: [String]
    let mixtures: [DirectionReference.Mixture]
    let strengths: [Float]
    let unit: StrengthUnit
    let layers: LayerRange?
    let layerCount: Int

    /// With one direction faces stand side by side; with several each face has a block of rows of its own.
    private var isByFace: Bool { mixtures.count == 1 }

    var columnLabels: [String] { isByFace ? labels : mixtures.map(\.label) }

    var rowLabels: [String] {
        let texts = strengths.map { String(format: unit == .sigma ? "%+g sigma" : "%+g", $0) }
        if isByFace || labels.count == 1 { return texts }
        return labels.flatMap { label in texts.map { "\(label) \($0)" } }
    }

    /// The codes of all cells, row by row.
    func edited() throws -> LatentCodes {
        var cells: [(codes: [Float], rows: Int)] = []
        func add(face: Int, mixture: Int, strength: Float) throws {
            let steps = mixtures[mixture].parts.map { LatentEdit.Step($0.direction, strength: strength * $0.weight) }
            cells.append(
                try LatentEdit(steps, unit: unit, layers: layers).apply(
                    to: codes.slice(face..<face + 1).values, rows: codes.rows, size: codes.size, layerCount: layerCount)
            )
        }
        if isByFace {
            for strength in strengths {
                for face in 0..<codes.count { try add(face: face, mixture: 0, strength: strength) }
            }
        } else {
            for face in 0..<codes.count {
                for strength in strengths {
                    for mixture in mixtures.indices { try add(face: face, mixture: mixture, strength: strength) }
                }
            }
        }
        // A direction of W+ beside one of W: all become W+.
        let rows = cells.map(\.rows).max() ?? 1
        let values = cells.flatMap {
            $0.rows == rows ? $0.codes : LatentEdit.repeatRows($0.codes, size: codes.size, rows: rows)
        }
        return try LatentCodes(values, rows: rows, size: codes.size)
    }

    func grid(_ images: [Image]) -> Grid {
        let width = columnLabels.count
        let cells = stride(from: 0, to: images.count, by: width).map {
            Array(images[$0..<$0 + width]).map { Optional($0) }
        }
        return Grid(cells, columnLabels: columnLabels, rowLabels: rowLabels)
    }
}
