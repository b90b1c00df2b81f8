import Core
import Foundation
import Generators
import Latents
import Tensors
import Testing

/// The paths of the engine that this processor has.
private let paths: [String] = ["portable", "avx2", "avx512"].filter { (path: String) -> Bool in
    (try? StyleGAN2Engine(parameters: RandomStyleGAN2.make(channels: [4], seed: 1), threads: 1, path: path)) != nil
}

@Suite("The StyleGAN2 engine")
struct StyleGAN2EngineTests {
    /// Channels that fill no block of 16, that fill several, and one over 256, where a product is split in depth.
    private static let network = RandomStyleGAN2.make(channels: [24, 40, 272, 36, 20, 12], seed: 3)

    private static func styles(_ count: Int, rows: Int) -> [Float] {
        var source = RandomNetwork.Source(seed: 11)
        return source.values(count * rows * network.latentSize)
    }

    @Test("agrees with the Tensors implementation on every path", arguments: paths)
    func reference(path: String) throws {
        for (network, count) in [
            (Self.network, 3),
            (RandomStyleGAN2.make(channels: [16, 48, 32, 16], seed: 5, architecture: .orig, clamp: 2), 11),
        ] {
            let engine = try StyleGAN2Engine(parameters: network, threads: 2, path: path)
            #expect(engine.path == path)
            let reference = try StyleGAN2Tensors(
                identity: identity(
                    "stylegan2", resolution: network.resolution, latent: network.latentSize, rows: network.styleRows),
                network: network)
            for rows in [1, network.styleRows] {
                let codes = try LatentCodes(Self.styles(count, rows: rows), rows: rows, size: network.latentSize)
                for noise in [NoiseMode.none, .constant] {
                    let ours = try engine.synthesize(
                        .init(codes.values, count: count, rows: rows, noise: noise == .none ? .none : .constant))
                    let theirs = try reference.synthesize(codes, size: network.resolution, noise: noise).planes
                    let spread = theirs.map(abs).max() ?? 0
                    let apart = largestDifference(ours, theirs)
                    #expect(spread > 0.1)
                    #expect(apart <= 2e-5 * spread, "\(path), \(rows) rows, \(noise): \(apart) of \(spread)")
                }
            }
        }
    }

    @Test("gives the same bits whatever the batch, the order and the threads", arguments: paths)
    func deterministic(path: String) throws {
        let network = Self.network
        let styles = Self.styles(11, rows: 1)
        let all = try StyleGAN2Engine(parameters: network, threads: 1, path: path)
            .synthesize(.init(styles, count: 11))
        let image = all.count / 11
        let several = try StyleGAN2Engine(parameters: network, threads: 3, path: path)
        for range in [0..<11, 3..<4, 4..<9, 10..<11] {
            let part = try several.synthesize(
                .init(Array(styles[range.lowerBound * 32..<range.upperBound * 32]), count: range.count))
            #expect(part == Array(all[range.lowerBound * image..<range.upperBound * image]), "codes \(range)")
        }
    }

    @Test("stops at a level when asked to")
    func truncation() throws {
        let network = Self.network
        var short = network
        short.levels.removeLast(2)
        let styles = Self.styles(2, rows: 1)
        let engine = try StyleGAN2Engine(parameters: network, threads: 2)
        let cut = try engine.synthesize(.init(styles, count: 2), truncatedAt: 32)
        #expect(try cut == StyleGAN2Engine(parameters: short, threads: 2).synthesize(.init(styles, count: 2)))
        #expect(throws: Failure.self) {
            try engine.synthesize(.init(styles, count: 2), truncatedAt: 256)
        }
    }

    @Test("gradients reach styles, scale and shift as autograd's do", arguments: paths)
    func gradients(path: String) throws {
        for (network, side, rows, count, noise) in [
            (Self.network, 64, 1, 2, false), (Self.network, 16, Self.network.styleRows, 5, true),
            (RandomStyleGAN2.make(channels: [16, 48, 32, 16], seed: 5, architecture: .orig, clamp: 4), 8, 1, 3, true),
        ] {
            let engine = try StyleGAN2Engine(parameters: network, threads: 2, path: path)
            let reference = try StyleGAN2Tensors(
                identity: identity(
                    "stylegan2", resolution: network.resolution, latent: network.latentSize, rows: network.styleRows),
                network: network)
            var source = RandomNetwork.Source(seed: 5)
            let values = source.values(count * rows * network.latentSize)
            let channels = try #require(engine.featureChannels(side: side))
            #expect(reference.featureChannels(side: side) == channels && engine.featureChannels(side: 4) == nil)
            func maps() -> FeatureMaps {
                FeatureMaps(
                    source.values(count * channels * side * side, scale: 0.4), channels: channels, side: side)
            }
            let change = try FeatureChange(side: side, scale: maps(), shift: maps())
            let (resolution, mode) = (network.resolution, noise ? NoiseMode.constant : .none)
            let cotangent = source.values(count * 3 * resolution * resolution)
            let styles = StyleGAN2Engine.Styles(values, count: count, rows: rows, noise: noise ? .constant : .none)
            let ours = try engine.backward(styles, change: change, imageGradients: cotangent)
            let leaf = try Tensor(values, shape: [count, rows, network.latentSize]).requiringGradient()
            let tensors = try TensorFeatureChange(change, device: .cpu, requiresGradient: true)
            let (scale, shift) = (try #require(tensors.scale), try #require(tensors.shift))
            let images = try reference.synthesize(leaf, size: resolution, noise: mode, change: tensors)
            let mine = try engine.synthesize(styles, change: change)
            let theirs = try images.detached().floats()
            #expect(largestDifference(mine, theirs) <= 5e-5 * (theirs.map(abs).max() ?? 0), "\(path), \(side)")
            let expected = try images.gradients(
                of: [leaf, scale, shift], cotangent: Tensor(cotangent, shape: [count, 3, resolution, resolution])
            ).map { try $0.floats() }
            for (name, mine, other) in [
                ("styles", ours.codes, expected[0]), ("scale", ours.scale.values, expected[1]),
                ("shift", ours.shift.values, expected[2]),
            ] {
                #expect(distance(mine, other) <= 2e-3, "\(path), \(side), \(name): \(distance(mine, other))")
            }
            let plain = try engine.backward(styles, imageGradients: cotangent)
            let still = try reference.synthesize(leaf, size: resolution, noise: mode)
            let known = try still.gradients(
                of: [leaf], cotangent: Tensor(cotangent, shape: [count, 3, resolution, resolution]))[0].floats()
            #expect(distance(plain, known) <= 2e-3, "\(path): \(distance(plain, known))")
        }
    }

    @Test("gradients are the same bits whatever the batch and the threads")
    func gradientBits() throws {
        let network = Self.network
        let styles = Self.styles(6, rows: 1)
        var source = RandomNetwork.Source(seed: 5)
        let image = 3 * network.resolution * network.resolution
        let cotangent = source.values(6 * image)
        let all = try StyleGAN2Engine(parameters: network, threads: 1)
            .backward(.init(styles, count: 6), imageGradients: cotangent)
        let one = try StyleGAN2Engine(parameters: network, threads: 4).backward(
            .init(Array(styles[5 * 32..<6 * 32]), count: 1), imageGradients: Array(cotangent[5 * image..<6 * image]))
        #expect(one == Array(all[5 * 32..<6 * 32]))
    }

    @Test(
        "an image of unchanged features, or of its own put back, is the plain one to the last bit", arguments: [16, 64])
    func featureIdentities(side: Int) throws {
        let engine = try StyleGAN2Engine(parameters: Self.network, threads: 2)
        let styles = StyleGAN2Engine.Styles(Self.styles(3, rows: 1), count: 3, noise: .constant)
        let plain = try engine.synthesize(styles)
        let features = try engine.features(styles, side: side)
        #expect(features.values.contains { $0 > 0.1 })
        #expect(try engine.synthesize(styles, change: FeatureChange(side: side)) == plain)
        #expect(try engine.synthesize(styles, change: FeatureChange(replacing: features)) == plain)
        let zeros = FeatureMaps(
            [Float](repeating: 0, count: features.values.count), channels: features.channels, side: side)
        #expect(try engine.synthesize(styles, change: FeatureChange(side: side, scale: zeros, shift: zeros)) == plain)
        #expect(throws: Failure.self) { try engine.features(styles, side: 4) }
        #expect(throws: Failure.self) { try engine.backward(styles, imageGradients: [1]) }
    }

    @Test("says what is wrong")
    func refusals() throws {
        let engine = try StyleGAN2Engine(parameters: Self.network, threads: 1)
        let styles = Self.styles(2, rows: 1)
        #expect(throws: Failure.self) { try engine.synthesize(.init(styles, count: 1, rows: 2)) }
        #expect(throws: Failure.self) { try engine.synthesize(.init(styles, count: 3)) }
        #expect(throws: Failure.self) {
            try engine.synthesize(.init(styles, count: 2, noise: .given([[0]])))
        }
        #expect(throws: Failure.self) { try StyleGAN2Engine(parameters: Self.network, path: "sse9") }
        var cut = Self.network
        cut.levels[1].second.bias.removeLast()
        #expect(throws: Failure.self) { try StyleGAN2Engine(parameters: cut) }
        let residual = RandomStyleGAN2.make(channels: [4, 4], seed: 1, architecture: .resnet)
        #expect(!StyleGAN2Engine.runs(residual))
        #expect(throws: Failure.self) { try StyleGAN2Engine(parameters: residual) }
        #expect(try engine.synthesize(.init([], count: 0)).isEmpty)
    }
}

/// StyleGAN2 networks with random weights and any channels, for tests.
enum RandomStyleGAN2 {
    /// A network of latent size 32; each of `channels` is a level, from 4×4 up.
    static func make(
        channels: [Int], seed: UInt64, architecture: StyleGAN2Parameters.Architecture = .skip, clamp: Float? = nil
    ) -> StyleGAN2Parameters {
        typealias Parameters = StyleGAN2Parameters
        var source = RandomNetwork.Source(seed: seed)
        let latent = 32
        func modulation(_ channels: Int) -> Parameters.Modulation {
            Parameters.Modulation(
                weight: source.values(channels * latent, scale: 0.3), bias: source.values(channels).map { $0 + 1 })
        }
        func convolution(from inputs: Int, to outputs: Int, side: Int) -> Parameters.Convolution {
            Parameters.Convolution(
                modulation: modulation(inputs), weight: source.values(outputs * inputs * 9),
                noise: source.values(side * side), noiseStrength: 0.3, bias: source.values(outputs, scale: 0.3))
        }
        let levels = channels.enumerated().map { k, outputs in
            let inputs = channels[max(0, k - 1)]
            return Parameters.Level(
                first: k == 0 ? nil : convolution(from: inputs, to: outputs, side: 4 << k),
                second: convolution(from: outputs, to: outputs, side: 4 << k),
                image: architecture == .skip || k == channels.count - 1
                    ? Parameters.Image(
                        modulation: modulation(outputs), weight: source.values(3 * outputs), bias: source.values(3))
                    : nil,
                residual: architecture == .resnet && k > 0 ? source.values(inputs * outputs) : nil)
        }
        return Parameters(
            architecture: architecture, latentSize: latent, constant: source.values(channels[0] * 16), levels: levels,
            filter: Parameters.usualFilter, clamp: clamp)
    }
}
