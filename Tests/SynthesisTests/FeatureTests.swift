import Core
import Foundation
import Generators
import Tensors
import Testing

/// The paths of the engine that this processor has.
private let paths: [String] = ["portable", "avx2", "avx512"].filter { (path: String) -> Bool in
    (try? MobileStyleGANEngine(parameters: RandomNetwork.make(start: 4, channels: [4], seed: 1), threads: 1, path: path))
        != nil
}

@Suite("Features of MobileStyleGAN on the engine")
struct FeatureTests {
    /// Features at 32 pixels are those of a layer computed whole, those at 64 and 128 of layers that go row by row.
    private static let network = RandomNetwork.make(start: 24, channels: [40, 272, 36, 48, 20], seed: 7)
    private static let channels = [8: 40, 16: 272, 32: 36, 64: 48, 128: 20]

    private static func styles(_ count: Int, rows: Int = 1) -> [Float] {
        var source = RandomNetwork.Source(seed: 11)
        return source.values(count * rows * network.latentSize)
    }

    private static func change(_ count: Int, side: Int) throws -> FeatureChange {
        var source = RandomNetwork.Source(seed: 23)
        let channels = try #require(channels[side])
        let size = count * channels * side * side
        return try FeatureChange(
            side: side, scale: FeatureMaps(source.values(size, scale: 0.4), channels: channels, side: side),
            shift: FeatureMaps(source.values(size, scale: 0.4), channels: channels, side: side))
    }

    private static func reference() throws -> MobileStyleGANTensors {
        try MobileStyleGANTensors(
            identity: identity(
                "mobilestylegan", resolution: network.resolution, latent: network.latentSize, rows: network.styleRows),
            network: network)
    }

    @Test(
        "an image of unchanged features, or of its own put back, is the plain one to the last bit", arguments: [32, 64])
    func identities(side: Int) throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 2)
        let channels = try #require(Self.channels[side])
        #expect(engine.featureChannels(side: side) == channels && engine.featureChannels(side: 4) == nil)
        let styles = MobileStyleGANEngine.Styles(Self.styles(3), count: 3, addsNoise: true)
        let plain = try engine.synthesize(styles, size: 128)
        let zeros = FeatureMaps(
            [Float](repeating: 0, count: 3 * channels * side * side), channels: channels, side: side)
        #expect(try engine.synthesize(styles, size: 128, change: FeatureChange(side: side)) == plain)
        #expect(
            try engine.synthesize(styles, size: 128, change: FeatureChange(side: side, scale: zeros, shift: zeros))
                == plain)
        let features = try engine.features(styles, side: side)
        #expect(features.values.contains { $0 > 0.1 })
        #expect(try engine.synthesize(styles, size: 128, change: FeatureChange(replacing: features)) == plain)
        // From there on, what came before is of no account but by the styles of later layers, which these share.
        let changed = try engine.synthesize(styles, size: 128, change: Self.change(3, side: side))
        #expect(largestDifference(changed, plain) > 0.01)
    }

    @Test("features and changed images are those of the Tensors implementation", arguments: paths)
    func agreement(path: String) throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 3, path: path)
        let reference = try Self.reference()
        for (side, rows, noise) in [(16, 1, false), (64, Self.network.styleRows, true), (128, 1, true)] {
            let values = Self.styles(2, rows: rows)
            let styles = MobileStyleGANEngine.Styles(values, count: 2, rows: rows, addsNoise: noise)
            let leaf = try Tensor(values, shape: [2, rows, Self.network.latentSize])
            let mode: NoiseMode = noise ? .constant : .none
            let change = try Self.change(2, side: side)
            let (features, images) = try Torch.withoutGradients {
                (
                    try reference.features(leaf, side: side, noise: mode).floats(),
                    try reference.synthesize(
                        leaf, size: 64, noise: mode, change: TensorFeatureChange(change, device: .cpu)
                    ).floats()
                )
            }
            let (spread, apart) = (features.map(abs).max() ?? 0, try engine.features(styles, side: side))
            #expect(largestDifference(apart.values, features) <= 1e-5 * spread, "\(path), \(side)")
            let ours = try engine.synthesize(styles, size: 64, change: change)
            #expect(largestDifference(ours, images) <= 1e-5 * (images.map(abs).max() ?? 0), "\(path), \(side)")
        }
    }

    @Test("gradients reach styles, scale and shift as autograd's do", arguments: paths)
    func gradients(path: String) throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 2, path: path)
        let reference = try Self.reference()
        for (side, rows, count) in [(32, 1, 2), (64, Self.network.styleRows, 1), (128, 1, 3)] {
            let values = Self.styles(count, rows: rows)
            let change = try Self.change(count, side: side)
            var source = RandomNetwork.Source(seed: 5)
            let cotangent = source.values(count * 3 * 64 * 64)
            let styles = MobileStyleGANEngine.Styles(values, count: count, rows: rows)
            let ours = try engine.backward(styles, size: 64, change: change, imageGradients: cotangent)
            let leaf = try Tensor(values, shape: [count, rows, Self.network.latentSize]).requiringGradient()
            let tensors = try TensorFeatureChange(change, device: .cpu, requiresGradient: true)
            let (scale, shift) = (try #require(tensors.scale), try #require(tensors.shift))
            let images = try reference.synthesize(leaf, size: 64, noise: .none, change: tensors)
            let theirs = try images.gradients(
                of: [leaf, scale, shift], cotangent: Tensor(cotangent, shape: [count, 3, 64, 64])
            ).map { try $0.floats() }
            for (name, mine, other) in [
                ("styles", ours.codes, theirs[0]), ("scale", ours.scale.values, theirs[1]),
                ("shift", ours.shift.values, theirs[2]),
            ] {
                #expect(distance(mine, other) <= 2e-3, "\(path), \(side), \(name): \(distance(mine, other))")
            }
            // A recording gives the same images and the same gradients to the last bit.
            let recording = try engine.record(styles, size: 64, change: change)
            #expect(try recording.images == engine.synthesize(styles, size: 64, change: change))
            #expect(try recording.backward(cotangent).change == ours)
        }
    }

    @Test("gradients are those of differences")
    func differences() throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 2)
        let styles = MobileStyleGANEngine.Styles(Self.styles(1), count: 1)
        let change = try Self.change(1, side: 64)
        var source = RandomNetwork.Source(seed: 5)
        let cotangent = source.values(3 * 64 * 64)
        let gradients = try engine.backward(styles, size: 64, change: change, imageGradients: cotangent)
        func total(_ step: Float, _ move: (Float, inout FeatureChange) -> Void) throws -> Double {
            var moved = change
            move(step, &moved)
            return zip(try engine.synthesize(styles, size: 64, change: moved), cotangent)
                .reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        for (gradient, move) in [
            (
                gradients.scale.values,
                { (step: Float, change: inout FeatureChange) in
                    for i in gradients.scale.values.indices {
                        change.scale?.values[i] += step * gradients.scale.values[i]
                    }
                }
            ),
            (
                gradients.shift.values,
                { (step: Float, change: inout FeatureChange) in
                    for i in gradients.shift.values.indices {
                        change.shift?.values[i] += step * gradients.shift.values[i]
                    }
                }
            ),
        ] {
            let square = gradient.reduce(0) { $0 + Double($1) * Double($1) }
            let step = Float(0.02 / square.squareRoot())
            let rise = try (total(step, move) - total(-step, move)) / Double(2 * step)
            #expect(abs(rise / square - 1) < 0.02, "\(rise), \(square)")
        }
    }

    @Test("a recording outlives later calls, and its memory is used again")
    func recordings() throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 2)
        let styles = MobileStyleGANEngine.Styles(Self.styles(5), count: 5)
        var source = RandomNetwork.Source(seed: 5)
        let cotangent = source.values(5 * 3 * 64 * 64)
        let expected = try engine.backward(styles, size: 64, imageGradients: cotangent)
        let first = try engine.record(styles, size: 64)
        let second = try engine.record(
            MobileStyleGANEngine.Styles(Self.styles(1), count: 1), size: 128, change: Self.change(1, side: 64))
        _ = try engine.synthesize(.init(Self.styles(9), count: 9), size: 64)
        #expect(try first.backward(cotangent).styles == expected)
        #expect(try first.backward(cotangent).styles == expected)
        #expect(try second.backward([Float](repeating: 0, count: 3 * 128 * 128)).styles.allSatisfy { $0 == 0 })
        #expect(throws: Failure.self) { try first.backward([0]) }
        #expect(engine.recordedBytes > 1_000_000)
        #expect(try engine.record(.init([], count: 0), size: 64).images.isEmpty)
    }

    @Test("says what is wrong")
    func refusals() throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 1)
        let styles = MobileStyleGANEngine.Styles(Self.styles(2), count: 2)
        #expect(throws: Failure.self) { try engine.features(styles, side: 4) }
        #expect(throws: Failure.self) { try engine.synthesize(styles, size: 64, change: Self.change(1, side: 64)) }
        let narrow = FeatureMaps([Float](repeating: 0, count: 2 * 64 * 64), channels: 1, side: 64)
        #expect(throws: Failure.self) {
            try engine.synthesize(styles, size: 64, change: FeatureChange(side: 64, shift: narrow))
        }
        #expect(throws: Failure.self) { try FeatureChange(side: 32, shift: narrow) }
        let leaf = try Tensor(Self.styles(1), shape: [1, 1, Self.network.latentSize])
        #expect(throws: Failure.self) { try Self.reference().features(leaf, side: 4, noise: .none) }
    }
}
