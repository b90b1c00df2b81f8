import Classifiers
import Core
import Editing
import Inversion
import Latents

/// Where the edits of a plan change faces, each mixture's region found when it is first asked for.
struct PhotographRegions {
    private let editor: PhotographEditor
    private let classifier: AttributeClassifier?
    private let plan: EditPlan
    private var known: [Key: EditRegion] = [:]

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

    /// The region of a mixture, at the largest of the strengths to that side; nil where all changes are kept, as they are of an
    /// attribute that the classifier does not know.
    ///
    /// - Throws: ``Core/Failure`` as synthesis throws.
    mutating func region(mixture: Int, strength: Float) throws -> EditRegion? {
        guard let classifier, strength != 0 else { return nil }
        let columns = plan.mixtures[mixture].parts.map { part in
            part.direction.attribute.flatMap { try? Attribute.named($0) }.flatMap {
                classifier.attributes.firstIndex(of: $0)
            }
        }
        guard !columns.contains(nil) else { return nil }
        let key = Key(mixture: mixture, isNegative: strength < 0)
        if let found = known[key] { return found }
        let side = plan.strengths.filter { ($0 < 0) == key.isNegative }
        let largest = side.max { abs($0) < abs($1) } ?? strength
        let found = try editor.region(
            of: plan.edited(face: 0, mixture: mixture, strength: largest), from: plan.codes.slice(0..<1),
            columns: columns.compactMap(\.self), classifier: classifier)
        known[key] = found
        return found
    }
}
