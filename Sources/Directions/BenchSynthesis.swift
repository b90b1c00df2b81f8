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

    /// What is measured.
    public enum Work: Int, Sendable {
        /// Images.
        case images = 0
        /// Gradients of images with respect to their latents.
        case gradients = 1
        /// Images and then their gradients, as an optimisation asks for them.
        case both = 2
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
    ///   - work: What is measured; images where the synthesizer has no gradients.
    /// - Returns: Seconds by the clock and on all processors.
    /// - Throws: ``Core/Failure`` as synthesis throws.
    public func measure(count: Int, size: Int, noise: NoiseMode, work: Work = .images) throws -> Figures {
        let backward = synthesizer as? any GradientSynthesizer
        let codes = try LatentCodes(generator.latents(seed: 0, indices: 0..<UInt64(count)))
        let ones = ImageBatch(
            [Float](repeating: 1, count: work == .images ? 0 : count * 3 * size * size), side: max(1, size))
        let (wall, processor) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
        let values: Int
        switch (work, backward) {
        case (.gradients, let backward?):
            values = try backward.backward(codes, size: size, noise: noise, gradients: ones).count
        case (.both, let backward?):
            values = try backward.record(codes, size: size, noise: noise).backward(ones).count
        default: values = try synthesizer.synthesize(codes, size: size, noise: noise).planes.count
        }
        return Figures(
            values: values, wall: seconds(CLOCK_MONOTONIC) - wall,
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
