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

    /// - Parameters:
    ///   - objective: A function of pictures.
    ///   - synthesizer: Makes pictures of codes, with a way back.
    ///   - noise: Whether the noise takes part.
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
        // Each code's value is its own, so that no more are taken at once than the generator keeps its work on.
        let step = synthesizer.recordedAtOnce > 0 ? synthesizer.recordedAtOnce : max(1, codes.count)
        var (values, gradients): ([Float], [Float]) = ([], [])
        for start in stride(from: 0, to: codes.count, by: step) {
            let recorded = try synthesizer.record(
                codes.slice(start..<min(codes.count, start + step)), size: size, noise: noise)
            let found = try objective.evaluate(recorded.images)
            values += found.values
            gradients += try recorded.backward(found.gradients)
        }
        return (values, gradients)
    }
}
