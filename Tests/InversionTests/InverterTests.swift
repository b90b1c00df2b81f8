import Core
import Fitting
import Foundation
import Generators
import Images
import Inversion
import Latents
import Networks
import Testing
import Weights

@Suite(.serialized) struct InverterTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// `$DIRECTIONS_WHEEL`, or the one that `make setup` fetched; nil when neither is there.
    static let wheel: String? = {
        let given = ProcessInfo.processInfo.environment["DIRECTIONS_WHEEL"]
        let path = given ?? repository + "/.cache/random_face-2021.7.21.1-py3-none-any.whl"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    static let hasWheel = wheel != nil

    /// AlexNet's shape with drawn weights: what is asked here is whether the search makes its loss smaller.
    static func perceptual() throws -> PerceptualNetwork {
        var random = CounterRandom(seed: 11, domain: 0x906)
        func tensor(_ shape: [Int], _ scale: Float, above low: Float = -1) -> TorchValue {
            let values = (0..<shape.reduce(1, *)).map { _ in random.uniform(low, 1) * scale }
            return .tensor(TensorData(values, shape: shape))
        }
        var channels = 3
        let shapes = [(11, 64), (5, 192), (3, 384), (3, 256), (3, 256)]
        let layers = shapes.enumerated().map { index, layer in
            let (size, output) = layer
            let scale = (6 / Float(size * size * channels)).squareRoot()
            defer { channels = output }
            return TorchValue.Entry(
                key: "Conv_\(index)",
                value: .dictionary([
                    .init(key: "kernel", value: tensor([size, size, channels, output], scale)),
                    .init(key: "bias", value: tensor([output], 0.1)),
                ]))
        }
        let heads = shapes.enumerated().map { index, layer in
            let kernel = TorchValue.Entry(key: "kernel", value: tensor([1, 1, layer.1, 1], 0.01, above: 0))
            return TorchValue.Entry(
                key: "NetLinLayer_\(index)",
                value: .dictionary([.init(key: "Conv_0", value: .dictionary([kernel]))]))
        }
        return try PerceptualNetwork(
            .alexnet, .dictionary([.init(key: "AlexNet_0", value: .dictionary(layers))] + heads), name: "drawn")
    }

    @Test(.enabled(if: wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
    func codesAreFoundFromTheMeanAndFromAStart() throws {
        let folder = NSTemporaryDirectory() + "inversion-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try Generator.importWheel(#require(Self.wheel), folder: folder)
        let generator = try Generator.load(folder: folder)
        let synthesizer = try generator.gradientSynthesizer()
        let truth = try LatentCodes(generator.latents(seed: 5, indices: 0..<2, psi: 0.7))
        let photographs = try synthesizer.synthesize(truth, size: 256, noise: .none)
        let middle = try synthesizer.synthesize(
            LatentCodes(generator.meanLatent), size: 256, noise: .none)
        let inverter = try Inverter(generator, synthesizer: synthesizer, perceptual: Self.perceptual())
        let found = try inverter.invert(photographs, budget: InversionBudget(steps: 14))
        #expect(found.count == 2 && found.allSatisfy { $0.steps == 14 && $0.identity == nil })
        for (index, result) in found.enumerated() {
            #expect(result.code.rows == 18 && result.own.rows == 22 && result.code.count == 1)
            // The canonical code says all: the network's rows are gathered from it.
            #expect(try generator.layout.gather(result.code) == result.own)
            let before = Self.error(middle.planes, photographs[index..<index + 1].planes)
            #expect(result.error < 0.65 * before, "\(result.error), \(before)")
            let face = try synthesizer.synthesize(result.own, size: 256, noise: .none)
            #expect(abs(Self.error(face.planes, photographs[index..<index + 1].planes) - result.error) < 1e-4)
            #expect(result.offsetSquare > 0 && result.offsetSquare < result.commonSquare)
        }
        // With steps alone the same photograph gives the same code; from the truth on it stays near it.
        let again = try inverter.invert(photographs[0..<1], budget: InversionBudget(steps: 14))
        #expect(abs(again[0].error - found[0].error) < 0.2 * found[0].error)
        let near = try inverter.invert(photographs[0..<1], start: truth.slice(0..<1), budget: InversionBudget(steps: 6))
        #expect(near[0].error < 1.5 * found[0].error, "\(near[0].error), \(found[0].error)")
        #expect(throws: Failure.self) { try inverter.invert(photographs, budget: InversionBudget()) }
        #expect(throws: Failure.self) {
            try inverter.invert(photographs, start: truth.slice(0..<1), budget: InversionBudget(steps: 1))
        }
    }

    private static func error(_ a: [Float], _ b: [Float]) -> Float {
        Float(zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(a.count))
    }
}

@Suite struct CoordinatesTests {
    private let samples: [Float]

    /// Correlated numbers behind a leaky ReLU, as w is.
    init() {
        var random = CounterRandom(seed: 2, domain: 0x907)
        samples = (0..<4000).flatMap { _ -> [Float] in
            let (a, b, c) = (random.normal(), random.normal(), random.normal())
            return [a, 0.5 * a + b, 0.3 * b + 0.2 * c + 1].map { $0 < 0 ? 0.2 * $0 : $0 }
        }
    }

    @Test func samplesHaveUnitVarianceInTheirCoordinates() throws {
        let space = try PrincipalCoordinates(samples, dimension: 3)
        let found = space.coordinates(samples)
        for i in 0..<3 {
            for j in 0...i {
                let product = (0..<4000).reduce(0.0) { $0 + Double(found[3 * $1 + i] * found[3 * $1 + j]) } / 4000
                #expect(abs(product - (i == j ? 1 : 0)) < 0.02)
            }
        }
        #expect(zip(space.latents(found), samples).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(space.deviations == space.deviations.sorted(by: >))
        #expect(throws: Failure.self) { try PrincipalCoordinates([1, 2, 3], dimension: 3) }
    }

    @Test func gradientsAreSlopes() throws {
        let space = try PrincipalCoordinates(samples, dimension: 3)
        let (place, weights): ([Float], [Float]) = ([0.3, -0.8, 1.1, -0.4, 0.2, -1.2], [1, -2, 0.5, 0.7, 1.5, -1])
        let gradient = space.backward(weights, at: place)
        for i in place.indices {
            func value(_ step: Float) -> Float {
                var moved = place
                moved[i] += step
                return zip(space.latents(moved), weights).reduce(0) { $0 + $1.0 * $1.1 }
            }
            #expect(abs((value(1e-2) - value(-1e-2)) / 2e-2 - gradient[i]) < 1e-2)
        }
    }
}
