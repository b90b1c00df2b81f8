import Classifiers
import Core
import Editing
import Encoders
import Generators
import Images
import Inversion
import Latents

/// Edits photographs that were coloured, as `edit --photo` edits photographs in colour.
///
/// What it learns of an edit's region serves all faces; one thread at a time may use it.
final class ColouredEdits {
    private let session: Session
    private let encoder: (any PhotographEncoder)?
    private let inverter: Inverter
    private let editor: PhotographEditor
    private var regions: PhotographRegions
    private let budget: InversionBudget
    private let mixtures: [EditMixture]
    private let strength: Float
    private let unit: StrengthUnit

    /// - Parameters:
    ///   - session: Whose networks are used.
    ///   - generator: Makes the edited faces.
    ///   - mixtures: The directions.
    ///   - request: How far, and how long codes are looked for.
    /// - Throws: ``Core/Failure`` when networks are missing or damaged.
    init(_ session: Session, _ generator: Generator, _ mixtures: [EditMixture], _ request: ColorizeRequest) throws {
        self.session = session
        self.mixtures = mixtures
        (strength, unit) = (request.strength, request.unit)
        encoder =
            session.encoderPath(for: generator.identity) == nil ? nil : try session.photographEncoder(for: generator)
        inverter = try session.inverter(generator)
        var source = PhotographSource([])
        source.isConsulted = request.isConsulted
        editor = try session.editor(of: source, generator, FaceRendering())
        // An edit moves all codes alike, so that one of any code tells where it changes faces.
        let code = try Session.spread(LatentCodes(generator.meanLatent), rows: generator.layout.canonicalRows)
        let plan = ColouredEdits.plan(code, mixtures, request.strength, request.unit)
        regions = try PhotographRegions(editor, plan, classifier: session.classifier(nil))
        budget = InversionBudget(
            steps: request.budget.steps, seconds: request.budget.seconds.map { min($0, PhotographSource.seconds) })
    }

    /// A coloured photograph with its faces edited.
    ///
    /// - Parameters:
    ///   - picture: The photograph.
    ///   - places: Where its faces are.
    /// - Returns: A photograph of the same size.
    /// - Throws: ``Core/Failure`` when memory runs out, or a stop.
    func edited(_ picture: Image, places: [PictureSquare]) throws -> Image {
        try places.reduce(picture) { picture, place in
            let face = PhotographFace(picture, at: place)
            let seen = ImageBatch([face.square.centredSquare(size: Inverter.side)], side: Inverter.side)
            let found = try inverter.invert(
                seen, start: encoder?.codes(of: seen), budget: budget, context: session.context.quiet)[0]
            let plan = ColouredEdits.plan(found.code, mixtures, strength, unit)
            let region = try regions.region(mixture: 0, strength: strength, of: plan.codes, face: face.square)
            return try editor.edits(of: face, code: plan.codes)
                .picture(of: plan.edited(), region: region, isCropped: false)
        }
    }

    private static func plan(
        _ code: LatentCodes, _ mixtures: [EditMixture], _ strength: Float, _ unit: StrengthUnit
    ) -> EditPlan {
        EditPlan(
            codes: code, labels: [""], mixtures: mixtures, strengths: [strength], unit: unit, layers: nil,
            layerCount: code.rows)
    }
}
