import Images
import Latents

/// Images of changed features and the way back from them; what it keeps of their making goes with it.
public struct RecordedChange: Sendable {
    /// The images, as ``FeatureSynthesizer/synthesize(_:size:noise:change:)`` gives them.
    public let images: ImageBatch
    private let way: @Sendable (ImageBatch) throws -> FeatureGradients

    /// - Parameters:
    ///   - images: What was made.
    ///   - backward: From gradients with respect to the images to those with respect to codes and change.
    public init(images: ImageBatch, backward: @escaping @Sendable (ImageBatch) throws -> FeatureGradients) {
        self.images = images
        way = backward
    }

    /// Gradients with respect to the codes and to the change of features of a function of the images.
    ///
    /// - Parameter gradients: Of the function with respect to the images, of their shape.
    /// - Returns: Gradients of codes and of the change.
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    public func backward(_ gradients: ImageBatch) throws -> FeatureGradients {
        try gradients.check(count: images.count, side: images.side)
        return try way(gradients)
    }
}

extension FeatureSynthesizer {
    public func record(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange
    ) throws -> RecordedChange {
        try recomputed(codes, size: size, noise: noise, change: change)
    }

    /// Images with a way back that computes them once more.
    func recomputed(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange
    ) throws -> RecordedChange {
        RecordedChange(images: try synthesize(codes, size: size, noise: noise, change: change)) {
            try backward(codes, size: size, noise: noise, change: change, gradients: $0)
        }
    }
}
