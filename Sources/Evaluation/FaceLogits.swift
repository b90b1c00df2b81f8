import Classifiers
import Core
import Generators
import Images
import Scoring

/// The classifier's logits of codes' noise-free faces, as a function that can be differentiated.
public struct FaceLogits: Sendable {
    private let synthesizer: any GradientSynthesizer
    private let classifier: AttributeClassifier
    /// The size at which faces are synthesized.
    private let size: Int

    public init(synthesizer: any GradientSynthesizer, classifier: AttributeClassifier) {
        self.synthesizer = synthesizer
        self.classifier = classifier
        size = LatentScorer.synthesisSize(synthesizer.sizes, input: classifier.inputSize)
    }

    /// Gradients with respect to codes of a function of their logits.
    ///
    /// - Parameters:
    ///   - codes: W or W+.
    ///   - gradients: From the logits [count, attributes] to the gradients of the function with respect to them.
    /// - Returns: Of the codes' shape.
    /// - Throws: ``Core/Failure`` of synthesis and classifier, and what `gradients` throws.
    public func pullBack(_ codes: LatentCodes, gradients: ([Float]) throws -> [Float]) throws -> [Float] {
        let planes = try synthesizer.synthesize(codes, size: size, noise: .none)
        let pictures = LatentScorer.fit(planes, size: size, to: classifier.inputSize)
        let logits = try classifier.logits(pictures, count: codes.count)
        let pulled = try classifier.pullBack(pictures, count: codes.count, gradients: gradients(logits))
        let images =
            size == classifier.inputSize
            ? pulled : AreaResampling.pullBack(pulled, from: size, to: classifier.inputSize)
        return try synthesizer.pullBack(codes, size: size, noise: .none, gradients: images)
    }
}
