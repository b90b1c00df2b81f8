import Classifiers
import Core
import Generators
import Images
import Latents

/// The classifier's logits of codes' noise-free faces, as a function that can be differentiated.
public struct FaceLogits: Sendable {
    private let synthesizer: any GradientSynthesizer
    private let classifier: AttributeClassifier
    /// The size at which faces are synthesized.
    private let size: Int

    public init(synthesizer: any GradientSynthesizer, classifier: AttributeClassifier) {
        self.synthesizer = synthesizer
        self.classifier = classifier
        size = synthesizer.sizes.smallest(covering: classifier.inputSize)
    }

    /// Gradients with respect to codes of a function of their logits.
    ///
    /// - Parameters:
    ///   - codes: W or W+.
    ///   - gradients: From the logits [count, attributes] to the gradients of the function with respect to them.
    /// - Returns: Of the codes' shape.
    /// - Throws: ``Core/Failure`` of synthesis and classifier, and what `gradients` throws.
    public func backward(_ codes: LatentCodes, gradients: ([Float]) throws -> [Float]) throws -> [Float] {
        let faces = try synthesizer.record(codes, size: size, noise: .none)
        return try faces.backward(classifier.gradients(of: faces.images, gradients: gradients))
    }
}
