import Classifiers
import Core
import Editing
import Images
import Inversion
import Latents

/// Where the edits of a plan change faces: what all faces have in common is found once for each mixture.
struct PhotographRegions {
    private let editor: PhotographEditor
    private let classifier: AttributeClassifier?
    private let plan: EditPlan
    private var known: [Key: [Float]] = [:]
    /// The last photograph's regions, with its code.
    private var last: [Key: (code: [Float], region: EditRegion)] = [:]
    /// Whether the last photograph wears a hat, with its code.
    private var hat: (code: [Float], isWorn: Bool)?

    private struct Key: Hashable {
        let mixture: Int
        let isNegative: Bool
    }

    /// - Parameters:
    ///   - editor: Makes faces.
    ///   - plan: The mixtures, and all strengths that they will be asked for.
    ///   - classifier: Knows where attributes live; nil keeps changes wherever they are.
    init(_ editor: PhotographEditor, _ plan: EditPlan, classifier: AttributeClassifier?) {
        self.editor = editor
        self.plan = plan
        self.classifier = classifier
    }

    /// A region that was found before; nil where none was.
    func found(mixture: Int, strength: Float, of code: LatentCodes) -> EditRegion? {
        let found = last[Key(mixture: mixture, isNegative: strength < 0)]
        return found?.code == code.values ? found?.region : nil
    }

    /// The region of a mixture in a photograph, at the largest of the strengths to that side; nil where all changes are kept, as
    /// they are of an attribute that the classifier does not know.
    ///
    /// - Parameters:
    ///   - mixture: Which of the plan's mixtures.
    ///   - strength: Says to which side.
    ///   - code: The photograph's code.
    ///   - face: The photograph's square: where it wears a hat, nothing above the eyebrows is changed, but
    ///     by an edit of hats.
    /// - Returns: The region.
    /// - Throws: ``Core/Failure`` as synthesis throws.
    mutating func region(mixture: Int, strength: Float, of code: LatentCodes, face: Image) throws -> EditRegion? {
        guard let classifier, strength != 0 else { return nil }
        let columns = plan.mixtures[mixture].parts.map { part in
            part.direction.attribute.flatMap { try? Attribute.named($0) }.flatMap {
                classifier.attributes.firstIndex(of: $0)
            }
        }
        guard !columns.contains(nil) else { return nil }
        let key = Key(mixture: mixture, isNegative: strength < 0)
        if let found = last[key], found.code == code.values { return found.region }
        let side = plan.strengths.filter { ($0 < 0) == key.isNegative }
        let largest = side.max { abs($0) < abs($1) } ?? strength
        let start = try plan.codes.slice(0..<1)
        let edited = try plan.edited(face: 0, mixture: mixture, strength: largest)
        let parts =
            try known[key]
            ?? editor.parts(
                of: edited, from: start, columns: columns.compactMap(\.self), classifier: classifier)
        known[key] = parts
        let own = try editor.parts(
            of: edited, from: start, at: code, columns: columns.compactMap(\.self), classifier: classifier)
        var region = EditRegion(parts: parts, own: own, side: classifier.inputSize)
        if try keepsHat(of: face, code, columns, classifier) { region = region.belowBrows }
        last[key] = (code.values, region)
        return region
    }

    /// Whether a photograph wears a hat that an edit of these logits should not cost it: any edit but one of hats.
    private mutating func keepsHat(
        of face: Image, _ code: LatentCodes, _ columns: [Int?], _ classifier: AttributeClassifier
    ) throws -> Bool {
        guard let attribute = try? Attribute.named("wearing_hat"),
            let column = classifier.attributes.firstIndex(of: attribute), !columns.contains(column)
        else { return false }
        if let hat, hat.code == code.values { return hat.isWorn }
        let seen = face.centredSquare(size: classifier.inputSize)
        let picture = ImageBatch([seen], side: classifier.inputSize)
        let isWorn = try classifier.probabilities(classifier.logits(picture))[column] > PhotographRegions.hatProbability
        hat = (code.values, isWorn)
        return isWorn
    }

    /// From what probability on a photograph counts as wearing a hat.
    ///
    /// The classifier has learnt few caps and scarves: half of one would miss three in ten of those that photographs show
    /// (Reports/photographs).
    private static let hatProbability: Float = 0.1
}
