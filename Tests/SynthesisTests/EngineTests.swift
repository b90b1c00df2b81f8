import Core
import Foundation
import Generators
import Images
import Latents
import Tensors
import Testing

/// The paths of the engine that this processor has.
private let paths: [String] = ["portable", "avx2", "avx512"].filter { (path: String) -> Bool in
    (try? MobileStyleGANEngine(parameters: RandomNetwork.make(start: 4, channels: [4], seed: 1), threads: 1, path: path))
        != nil
}

@Suite("The synthesis engine")
struct EngineTests {
    /// Channels that fill no block of 16, that fill several, and one over 256, where a product is split in depth.
    private static let network = RandomNetwork.make(start: 24, channels: [40, 272, 36, 48, 20], seed: 7)

    private static func styles(_ count: Int, rows: Int) -> [Float] {
        var source = RandomNetwork.Source(seed: 11)
        return source.values(count * rows * network.latentSize)
    }

    @Test("agrees with the Tensors implementation on every path", arguments: paths)
    func reference(path: String) throws {
        let network = Self.network
        let engine = try MobileStyleGANEngine(parameters: network, threads: 2, path: path)
        #expect(engine.path == path)
        let reference = try MobileStyleGANTensors(
            identity: identity(
                "mobilestylegan", resolution: network.resolution, latent: network.latentSize, rows: network.styleRows),
            network: network)
        for rows in [1, network.styleRows] {
            let codes = try LatentCodes(Self.styles(3, rows: rows), rows: rows, size: network.latentSize)
            for (size, noise) in [(256, NoiseMode.none), (256, .constant), (128, .none), (64, .constant)] {
                let ours = try engine.synthesize(
                    .init(codes.values, count: 3, rows: rows, addsNoise: noise == .constant), size: size)
                let theirs = try reference.synthesize(codes, size: size, noise: noise).planes
                let spread = theirs.map(abs).max() ?? 0
                let apart = largestDifference(ours, theirs)
                #expect(spread > 0.1)
                #expect(apart <= 1e-5 * spread, "\(path), \(rows) rows, size \(size): \(apart) of \(spread)")
            }
        }
    }

    @Test("gradients are those of the Tensors implementation", arguments: paths)
    func gradients(path: String) throws {
        let network = Self.network
        let engine = try MobileStyleGANEngine(parameters: network, threads: 3, path: path)
        let reference = try MobileStyleGANTensors(
            identity: identity(
                "mobilestylegan", resolution: network.resolution, latent: network.latentSize, rows: network.styleRows),
            network: network)
        for (rows, size, noise) in [(1, 64, false), (network.styleRows, 128, true), (1, 256, false)] {
            var source = RandomNetwork.Source(seed: 5)
            let styles = source.values(2 * rows * network.latentSize)
            let cotangents = source.values(2 * 3 * size * size)
            let ours = try engine.backward(
                .init(styles, count: 2, rows: rows, addsNoise: noise), size: size, imageGradients: cotangents)
            let leaf = try Tensor(styles, shape: [2, rows, network.latentSize]).requiringGradient()
            let images = try reference.synthesize(leaf, size: size, noise: noise ? .constant : .none)
            let theirs = try images.gradients(of: [leaf], cotangent: Tensor(cotangents, shape: [2, 3, size, size]))[0]
                .floats()
            // Where an activation is nearly zero its sign may differ, and a little of the gradient with it.
            let apart = zip(ours, theirs).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            let size = theirs.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(size > 1)
            #expect(apart <= 2e-3 * size, "\(path), \(rows) rows: \(apart) of \(size)")
        }
    }

    @Test("gradients of StyleGAN2's rows are sums over the network's own")
    func gradientRows() throws {
        let network = Self.network
        let rows = 2 * network.layers.count + 4
        let synthesizer = try MobileStyleGANTensors(
            identity: identity(
                "mobilestylegan", resolution: network.resolution, latent: network.latentSize, rows: network.styleRows,
                styleGAN2Rows: rows),
            network: network)
        let codes = try LatentCodes(Self.styles(2, rows: rows), rows: rows, size: network.latentSize)
        var source = RandomNetwork.Source(seed: 5)
        let weights = source.values(2 * 3 * 64 * 64)
        let gradients = try synthesizer.backward(
            codes, size: 64, noise: .none, gradients: ImageBatch(weights, side: 64))
        #expect(gradients.count == codes.values.count)
        let square = gradients.reduce(0) { $0 + Double($1) * Double($1) }
        func total(_ step: Double) throws -> Double {
            let moved = try LatentCodes(
                zip(codes.values, gradients).map { $0 + Float(step * Double($1)) }, rows: rows, size: codes.size)
            return try zip(synthesizer.synthesize(moved, size: 64, noise: .none).planes, weights).reduce(0) {
                $0 + Double($1.0) * Double($1.1)
            }
        }
        let step = 0.01 / square.squareRoot()
        let rise = try (total(step) - total(-step)) / (2 * step)
        #expect(abs(rise / square - 1) < 0.02, "\(rise), \(square)")
    }

    @Test("gradients are the same bits whatever the batch and the threads")
    func gradientBits() throws {
        let network = Self.network
        let (styles, size) = (Self.styles(3, rows: 1), 128)
        var source = RandomNetwork.Source(seed: 5)
        let cotangents = source.values(3 * 3 * size * size)
        let all = try MobileStyleGANEngine(parameters: network, threads: 1).backward(
            .init(styles, count: 3), size: size, imageGradients: cotangents)
        let one = try MobileStyleGANEngine(parameters: network, threads: 4).backward(
            .init(Array(styles[32..<64]), count: 1), size: size,
            imageGradients: Array(cotangents[3 * size * size..<6 * size * size]))
        #expect(one == Array(all[32..<64]))
    }

    @Test("gives the same bits whatever the batch, the order and the threads", arguments: paths)
    func deterministic(path: String) throws {
        let network = Self.network
        let styles = Self.styles(11, rows: 1)
        let all = try MobileStyleGANEngine(parameters: network, threads: 1, path: path)
            .synthesize(.init(styles, count: 11), size: 128)
        let image = 3 * 128 * 128
        let several = try MobileStyleGANEngine(parameters: network, threads: 3, path: path)
        for range in [0..<11, 3..<4, 4..<9, 10..<11] {
            let part = try several.synthesize(
                .init(Array(styles[range.lowerBound * 32..<range.upperBound * 32]), count: range.count), size: 128)
            #expect(part == Array(all[range.lowerBound * image..<range.upperBound * image]), "codes \(range)")
        }
    }

    @Test("smaller sizes are box averages of the full image")
    func averages() throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 2)
        let styles = Self.styles(1, rows: 1)
        #expect(engine.sizes == [256, 128, 64, 32, 16, 8, 4])
        var expected = try engine.synthesize(.init(styles, count: 1, rows: 1, addsNoise: true), size: 256)
        for size in engine.sizes.dropFirst() {
            expected = Self.halved(expected, size: size)
            let small = try engine.synthesize(.init(styles, count: 1, rows: 1, addsNoise: true), size: size)
            #expect(largestDifference(small, expected) <= 1e-5, "size \(size)")
        }
    }

    /// [3, 2·size, 2·size] to [3, size, size] by the mean of four.
    private static func halved(_ image: [Float], size: Int) -> [Float] {
        (0..<3 * size * size).map { index in
            let (x, row) = (index % size, index / size)
            let at = row * 4 * size + 2 * x
            return (image[at] + image[at + 1] + image[at + 2 * size] + image[at + 2 * size + 1]) / 4
        }
    }

    @Test("several threads may share an engine")
    func shared() async throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 2)
        let styles = Self.styles(4, rows: 1)
        let all = try engine.synthesize(.init(styles, count: 4), size: 64)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for code in 0..<4 {
                group.addTask {
                    let one = try engine.synthesize(
                        .init(Array(styles[code * 32..<(code + 1) * 32]), count: 1), size: 64)
                    return one == Array(all[code * one.count..<(code + 1) * one.count])
                }
            }
            for try await same in group { #expect(same) }
        }
    }

    @Test("says what is wrong")
    func refusals() throws {
        let engine = try MobileStyleGANEngine(parameters: Self.network, threads: 1)
        let styles = Self.styles(2, rows: 1)
        func fails(_ text: String, _ body: () throws -> Void) {
            #expect { try body() } throws: { "\($0)".contains(text) }
        }
        fails("has 2 rows") {
            _ = try engine.synthesize(.init(styles, count: 1, rows: 2), size: 64)
        }
        fails("has 64 values") {
            _ = try engine.synthesize(.init(styles, count: 3), size: 64)
        }
        fails("image size: cannot be 100") {
            _ = try engine.synthesize(.init(styles, count: 2), size: 100)
        }
        fails("lacks the path") { _ = try MobileStyleGANEngine(parameters: Self.network, path: "sse9") }
        var cut = Self.network
        cut.layers[1].second.bias.removeLast()
        fails("layers.1.second.bias") { _ = try MobileStyleGANEngine(parameters: cut) }
        #expect(try engine.synthesize(.init([], count: 0), size: 64).isEmpty)
    }
}
