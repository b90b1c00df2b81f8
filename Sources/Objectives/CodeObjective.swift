import Core
import Generators
import Images
import Latents

/// An objective as a function of latent codes: pulled back through a generator.
public struct CodeObjective: Sendable {
    private let objective: any Objective
    private let synthesizer: any GradientSynthesizer
    private let noise: NoiseMode
    /// The size at which pictures are synthesized: the smallest on offer at which the objective sees all that it can.
    public let size: Int

    /// - Parameter noise: Whether the noise takes part.
    public init(_ objective: any Objective, synthesizer: any GradientSynthesizer, noise: NoiseMode = .none) {
        self.objective = objective
        self.synthesizer = synthesizer
        self.noise = noise
        size = synthesizer.sizes.smallest(covering: objective.side)
    }

    /// The values at some codes, and their gradients.
    ///
    /// - Parameter codes: W or W+.
    /// - Returns: [count]; and of the codes' shape, each code's gradient of its own value.
    /// - Throws: ``Core/Failure`` of synthesis and objective.
    public func evaluate(_ codes: LatentCodes) throws -> (values: [Float], gradients: [Float]) {
        let images = try synthesizer.synthesize(codes, size: size, noise: noise)
        let found = try objective.evaluate(images)
        return (
            found.values, try synthesizer.backward(codes, size: size, noise: noise, gradients: found.gradients)
        )
    }
}
