import Core
import Foundation
import Generators
import Images
import Latents
import Tensors
import Testing

/// What both architectures offer through the protocols, the engine against libtorch.
@Suite("Synthesizers of an architecture") struct SynthesizerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var network: any GeneratorNetwork
        var side: Int
        var testDescription: String { type(of: network).architecture }
    }

    /// Networks of 128 and 256 pixels, so that 64 is an average, and codes in StyleGAN2's rows.
    static let cases = [
        Case(network: RandomNetwork.make(start: 24, channels: [40, 32, 36, 48, 20], seed: 7), side: 64),
        Case(network: RandomStyleGAN2.make(channels: [24, 40, 32, 36, 20, 12], seed: 3), side: 32),
    ]

    private static func pair(_ given: Case) throws -> (any FeatureSynthesizer, any FeatureSynthesizer) {
        let network = given.network
        let identity = try identity(
            type(of: network).architecture, resolution: network.resolution, latent: network.latentSize,
            rows: network.layout.rows, styleGAN2Rows: network.layout.canonicalRows)
        let engine = try network.engine(identity: identity, threads: 2) as? any FeatureSynthesizer
        let tensors = try network.differentiable(identity: identity, device: .cpu, isHalf: false)
        return (try #require(engine), try #require(tensors))
    }

    @Test("features, changed images and gradients agree", arguments: cases)
    func agreement(_ given: Case) throws {
        let (engine, tensors) = try Self.pair(given)
        var source = RandomNetwork.Source(seed: 11)
        let (count, rows, size) = (3, given.network.layout.canonicalRows, given.network.latentSize)
        let codes = try LatentCodes(source.values(count * rows * size), rows: rows, size: size)
        let features = try engine.features(codes, side: given.side, noise: .constant)
        let theirs = try tensors.features(codes, side: given.side, noise: .constant)
        #expect(features.count == count && features.channels == tensors.featureChannels(side: given.side))
        #expect(distance(features.values, theirs.values) < 1e-5)
        let shape = features.values.count
        let change = try FeatureChange(
            side: given.side,
            scale: FeatureMaps(source.values(shape, scale: 0.4), channels: features.channels, side: given.side),
            shift: FeatureMaps(source.values(shape, scale: 0.4), channels: features.channels, side: given.side))
        let images = try engine.synthesize(codes, size: 64, noise: .constant, change: change)
        let others = try tensors.synthesize(codes, size: 64, noise: .constant, change: change)
        #expect(images.side == 64 && distance(images.planes, others.planes) < 1e-4)
        let plain = try engine.synthesize(codes, size: 64, noise: .constant)
        #expect(distance(images.planes, plain.planes) > 1e-2)
        let weights = ImageBatch(source.values(count * 3 * 64 * 64), side: 64)
        let ours = try engine.backward(codes, size: 64, noise: .constant, change: change, gradients: weights)
        let expected = try tensors.backward(codes, size: 64, noise: .constant, change: change, gradients: weights)
        #expect(ours.codes.count == codes.values.count)
        #expect(distance(ours.codes, expected.codes) < 2e-3)
        #expect(distance(ours.scale.values, expected.scale.values) < 2e-3)
        #expect(distance(ours.shift.values, expected.shift.values) < 2e-3)
    }

    @Test("recorded images are those that are synthesized, and so is their way back", arguments: cases)
    func recorded(_ given: Case) throws {
        for synthesizer in try [Self.pair(given).0, Self.pair(given).1] {
            var source = RandomNetwork.Source(seed: 12)
            let codes = try LatentCodes(source.values(2 * given.network.latentSize), size: given.network.latentSize)
            let weights = ImageBatch(source.values(2 * 3 * 64 * 64), side: 64)
            let recorded = try synthesizer.record(codes, size: 64, noise: .none)
            #expect(try recorded.images == synthesizer.synthesize(codes, size: 64, noise: .none))
            let gradients = try recorded.backward(weights)
            #expect(try gradients == synthesizer.backward(codes, size: 64, noise: .none, gradients: weights))
            #expect(gradients.contains { $0 != 0 })
            #expect(throws: Failure.self) { try recorded.backward(weights[0..<1]) }
            #expect(throws: Failure.self) {
                try synthesizer.synthesize(codes, size: 64, noise: .none, change: FeatureChange(side: 4))
            }
        }
    }
}
