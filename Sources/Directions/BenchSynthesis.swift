import Core
import Foundation
import Generators
import Images
import Latents

/// Measures how fast faces are synthesized here.
public struct SynthesisBenchmark: Sendable {
    /// What one measurement took.
    public struct Figures: Sendable, Encodable {
        /// How many numbers came out: of the images, or of the latents' gradients.
        public let values: Int
        /// Seconds by the clock.
        public let wall: Double
        /// Seconds on all processors together.
        public let processor: Double
    }

    private let generator: Generator
    private let synthesizer: any Synthesizer

    init(generator: Generator, synthesizer: any Synthesizer) {
        self.generator = generator
        self.synthesizer = synthesizer
    }

    /// Synthesizes latents of seed 0, or their gradients, and says how long it took.
    ///
    /// - Parameters:
    ///   - count: How many images.
    ///   - size: Pixels along a side.
    ///   - noise: Whether noise takes part.
    ///   - asksForGradients: Gradients with respect to the latents instead of images.
    /// - Throws: ``Core/Failure`` as synthesis throws.
    public func measure(count: Int, size: Int, noise: NoiseMode, asksForGradients: Bool = false) throws -> Figures {
        let backward = asksForGradients ? synthesizer as? any GradientSynthesizer : nil
        let codes = try LatentCodes(generator.latents(seed: 0, indices: 0..<UInt64(count)))
        let ones = ImageBatch(
            [Float](repeating: 1, count: asksForGradients ? count * 3 * size * size : 0), side: max(1, size))
        let (wall, processor) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
        let values =
            try backward?.backward(codes, size: size, noise: noise, gradients: ones)
            ?? synthesizer.synthesize(codes, size: size, noise: noise).planes
        return Figures(
            values: values.count, wall: seconds(CLOCK_MONOTONIC) - wall,
            processor: seconds(CLOCK_PROCESS_CPUTIME_ID) - processor)
    }

    private func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

extension Session {
    /// A measurement of a generator of the workspace.
    ///
    /// - Throws: ``Core/Failure``: there is no such generator, or memory or threads run out.
    public func synthesisBenchmark(
        generator name: String = "default", engine: Generator.Engine = .engine, threads: Int = 0
    ) throws -> SynthesisBenchmark {
        let generator = try generator(name)
        return SynthesisBenchmark(
            generator: generator, synthesizer: try generator.synthesizer(engine, threads: threads))
    }
}
