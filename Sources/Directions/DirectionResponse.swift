import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Generators
import Latents
import Scoring

/// Measures in a few seconds what directions do to the attributes that they are named after.
struct ResponseMeter {
    /// Faces that are measured; 16 tell a direction from none.
    static let faces = 16
    /// How far each face is moved to both sides, in sigma.
    static let reach: Float = 2

    private let generator: Generator
    private let judge: AttributeClassifier
    private let synthesizer: any Synthesizer
    private let codes: LatentCodes
    /// Logits of the faces as they are, [faces, attributes].
    private let base: [Float]
    private let context: RunContext

    /// Scores the faces as they are.
    ///
    /// - Throws: ``Core/Failure`` of synthesis or classifier, or a stop.
    init(_ generator: Generator, judge: AttributeClassifier, context: RunContext) throws {
        self.generator = generator
        self.judge = judge
        self.context = context.quiet
        synthesizer = try generator.synthesizer()
        codes = try LatentCodes(
            generator.latents(seed: DirectionEvaluator.seed, indices: 0..<UInt64(ResponseMeter.faces)),
            size: generator.identity.latentSize)
        base = try LatentScorer.logits(of: codes, synthesizer: synthesizer, classifier: judge, context: self.context)
    }

    /// What a direction does to an attribute's logit.
    ///
    /// - Throws: ``Core/Failure`` when the direction does not fit the generator, or a stop.
    func response(of file: DirectionFile, attribute: Attribute) throws -> DirectionMetadata.Response {
        let column = try judge.columns([attribute])[0]
        let direction = EditDirection(file)
        let plan = EditPlan(
            codes: codes, labels: (0..<codes.count).map { "\($0)" }, mixtures: [EditMixture(direction)],
            strengths: [-ResponseMeter.reach, ResponseMeter.reach], unit: .sigma,
            layerCount: generator.identity.styleGAN2Layers)
        let edited = try LatentScorer.logits(
            of: plan.edited(), synthesizer: synthesizer, classifier: judge, context: context)
        let width = judge.attributes.count
        func own(_ logits: [Float]) -> [Double] {
            stride(from: column, to: logits.count, by: width).map { Double(logits[$0]) }
        }
        let (before, after) = (own(base), own(edited))
        let count = Double(codes.count)
        let mean = before.reduce(0, +) / count
        let spread = (before.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        let low = after.prefix(codes.count).reduce(0, +)
        let high = after.suffix(codes.count).reduce(0, +)
        // What is told and stored, to four digits behind the point: the sums' last bits are no news.
        func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
        return DirectionMetadata.Response(
            attribute: judge.attributes[column].name,
            perSigma: rounded((high - low) / count / Double(2 * ResponseMeter.reach)), spread: rounded(spread),
            faces: codes.count, classifierSHA256: judge.sha256)
    }
}

/// The attribute that a direction is judged by.
struct ResponseSubject {
    /// The attribute.
    let attribute: Attribute
    /// Whether the direction's name stands for less of it, as `age` of `young`.
    let isLowered: Bool

    /// The attribute of a direction's name, else that of the file that it came from; nil where neither is one that is known.
    init?(_ file: DirectionFile, among known: [Attribute] = Attribute.celebA) {
        if let found = known.first(where: { $0.slug == file.attribute }) {
            (attribute, isLowered) = (found, false)
        } else if let said = NamedOrigin(file.attribute).attribute
            ?? file.metadata.source.flatMap({
                NamedOrigin($0.name).attribute
            }), let found = known.first(where: { $0.slug == said.slug })
        {
            (attribute, isLowered) = (found, said.isLowered)
        } else {
            return nil
        }
    }
}

extension DirectionMetadata.Response {
    /// What was found, for people, such as `a sigma changes the logit of Smiling by +1.24 (16 faces)`.
    public var summary: String {
        func text(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
        return "a sigma changes the logit of \(attribute) by \(perSigma < 0 ? "" : "+")\(text(perSigma)), "
            + "its spread is \(text(spread)) (\(faces) faces)"
    }

    /// What speaks against using the direction for its attribute; nil where it does what it should.
    ///
    /// - Parameter isLowered: Whether its name stands for less of the attribute, as `age` of `young`.
    /// - Returns: It, for people.
    func problem(isLowered: Bool) -> String? {
        if isNone { return "it does no more for \(attribute) than a random direction would" }
        guard (perSigma < 0) != isLowered else { return nil }
        return "it goes the other way: use it with negative strengths"
    }
}
