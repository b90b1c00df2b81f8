import Core
import EncoderTraining
import Encoders
import Fitting
import Foundation
import Generators
import Images
import Latents
import Networks
import Tensors
import Testing
import Weights

@Suite(.serialized) struct EncoderTests {
    private let folder: String
    private let generator: Generator

    /// A StyleGAN2 of 32 pixels with rows of 64.
    init() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        folder = NSTemporaryDirectory() + "encoder-\(UUID().uuidString)"
        _ = try Generator.importFile(fixtures + "/Fixtures/stylegan2/rosinality.pt", folder: folder + "/generator")
        generator = try Generator.load(folder: folder + "/generator")
    }

    private func configuration(_ kind: EncoderConfiguration.Kind) throws -> EncoderConfiguration {
        var backbone = try Architecture.named("tiny")
        backbone.inputSize = 64
        var result = EncoderConfiguration(kind, backbone: backbone, rows: 8, latentSize: 64)
        (result.width, result.hidden, result.rank, result.reconstructionSize) = (16, 24, 32, 32)
        return result
    }

    private func coordinates() throws -> PrincipalCoordinates {
        try PrincipalCoordinates(generator.latents(seed: 3, indices: 0..<400), dimension: 64)
    }

    private func faces(_ count: Int) throws -> (codes: LatentCodes, images: ImageBatch) {
        let codes = try LatentCodes(generator.latents(seed: 8, indices: 0..<UInt64(count)), rows: 1, size: 64)
        return (codes, try generator.synthesizer().synthesize(codes, size: 32, noise: .none))
    }

    @Test(arguments: EncoderConfiguration.Kind.allCases)
    func everyKindGivesRowsOfItsOwnAndLearnsInAllOfThem(_ kind: EncoderConfiguration.Kind) throws {
        let network = try EncoderNetwork(configuration(kind), seed: 2)
        var random = CounterRandom(seed: 1, domain: 0x950)
        let values = (0..<2 * 3 * 64 * 64).map { _ in random.uniform(-1, 1) }
        let pictures = try Tensor(values, shape: [2, 3, 64, 64])
        let shown = kind == .restyle ? try Tensor.zeros([2, 3, 32, 32]) : nil
        let found = try network.coordinates(pictures, reconstructions: shown)
        #expect(found.shape == [2, 8, 64])
        // A picture's answer does not depend on the others of the batch.
        let alone = try network.coordinates(
            Tensor(Array(values.prefix(3 * 64 * 64)), shape: [1, 3, 64, 64]),
            reconstructions: kind == .restyle ? Tensor.zeros([1, 3, 32, 32]) : nil)
        let pairs = zip(try alone.floats(), try found.floats())
        #expect(pairs.allSatisfy { abs($0 - $1) < 1e-4 })
        if kind != .psp {
            let rows = try found.floats()
            #expect(Array(rows[..<64]) == Array(rows[64..<128]), "a fresh network gives codes of W")
        }
        let cotangent = try Tensor((0..<2 * 8 * 64).map { _ in random.uniform(-1, 1) }, shape: [2, 8, 64])
        try found.multiplied(by: cotangent).sum().backward()
        for (name, tensor) in network.parameters where name.hasPrefix("heads.") && !name.hasSuffix("bias") {
            // What comes before offsets that are still zero learns through the common part.
            #expect(try tensor.gradient().floats().contains { $0 != 0 }, "\(name) learns nothing")
        }
    }

    @Test func aFileGivesTheSameCodesAndIsRefusedForAnotherGenerator() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let network = try EncoderNetwork(configuration(.restyle), seed: 4)
        var state = try network.state()
        // Half precision holds these exactly.
        for (name, data) in state where data.shape.count > 1 {
            state[name] = TensorData(try data.half().floats(), shape: data.shape)
        }
        try network.load(state, from: "test")
        let coordinates = try coordinates()
        var card = EncoderCard(
            name: "tiny", configuration: network.configuration, generator: generator.identity.sha256,
            generatorName: "tiny")
        let path = folder + "/tiny.encoder.safetensors"
        try EncoderFile.write(card, weights: state, coordinates: coordinates, to: path)
        let (_, images) = try faces(3)
        let encoder = try FaceEncoder(path, generator: generator)
        #expect(encoder.passes == 3)
        let codes = try encoder.codes(of: images)
        #expect(codes.count == 3 && codes.rows == 8)
        let direct = try FaceEncoder(
            card: card, network: network, coordinates: coordinates, synthesizer: generator.synthesizer())
        let again = try direct.codes(of: images)
        #expect(zip(codes.values, again.values).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(throws: Failure.self) { try FaceEncoder(path, generator: generator, passes: 17) }

        card.generator = String(repeating: "0", count: 64)
        try EncoderFile.write(card, weights: state, coordinates: coordinates, to: path)
        let failure = #expect(throws: Failure.self) { try FaceEncoder(path, generator: generator) }
        #expect(failure?.kind == .conflict)

        card.configuration.rank = 65
        try EncoderFile.write(card, weights: state, coordinates: coordinates, to: path)
        #expect(throws: Failure.self) { try EncoderFile.read(path) }
    }

    private func plan(_ name: String, latentSteps: Int, imageSteps: Int) throws -> EncoderPlan {
        var settings = EncoderSettings(try configuration(.restyle))
        (settings.latentSteps, settings.imageSteps, settings.imageSize) = (latentSteps, imageSteps, 32)
        (settings.latentBatch, settings.imageBatch, settings.generated) = (8, 4, 1)
        (settings.pairs, settings.firstPairs, settings.freshPairs) = (24, 8, 4)
        settings.losses.lpips = 0
        settings.validationInterval = 1000
        let pictures = folder + "/pictures"
        try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
        let files = try faces(6).images.images.enumerated().map { index, image in
            let path = "\(pictures)/\(index).png"
            try image.write(to: path)
            return path
        }
        return EncoderPlan(
            settings, name: name, photographs: Array(files.prefix(4)), validation: Array(files.suffix(2)),
            folder: "\(folder)/\(name)", backboneWeights: nil, licence: "none")
    }

    /// Asks for a stop once so many updates of progress have come.
    private static func stopping(after count: Int) -> RunContext {
        let seen = Counter()
        return RunContext(isCancelled: { seen.value >= count }, notice: { _ in }, progress: { _ in seen.add() })
    }

    @Test func aStoppedTrainingGoesOnBitForBit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let judges = EncoderTrainer.Judges(perceptual: nil, embedder: nil)
        let whole = try EncoderTrainer(
            plan("whole", latentSteps: 6, imageSteps: 4), generator: generator, judges: judges)
        try whole.run()
        let parts = try plan("parts", latentSteps: 6, imageSteps: 4)
        let first = try EncoderTrainer(
            parts, generator: generator, judges: judges, context: EncoderTests.stopping(after: 8))
        #expect(throws: Failure.self) { try first.run() }
        #expect(FileManager.default.fileExists(atPath: parts.folder + "/checkpoint.safetensors"))
        let second = try EncoderTrainer(parts, generator: generator, judges: judges)
        try second.resume()
        try second.run()
        let (a, b) = try (EncoderFile.read(whole.bestPath), EncoderFile.read(second.bestPath))
        let (left, right) = (try a.network.state(), try b.network.state())
        #expect(left.keys.sorted() == right.keys.sorted())
        for (name, data) in left { #expect(try data.floats() == right[name]?.floats(), "\(name) differs") }
    }

    @Test func trainingLowersTheLoss() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var plan = try plan("long", latentSteps: 180, imageSteps: 60)
        plan.settings.validationInterval = 30
        plan.settings.latentRate = 4e-3
        plan.settings.averageDecay = 0.8
        let trainer = try EncoderTrainer(plan, generator: generator, judges: .init(perceptual: nil, embedder: nil))
        try trainer.run()
        let losses = trainer.records.map(\.loss)
        #expect(losses.count == 8)
        #expect(losses[5] < 0.9 * losses[0], "on pairs: \(losses)")
        #expect(losses[7] < losses[6], "on pictures: \(losses)")
    }
}

/// Counts from any thread.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    var value: Int { lock.withLock { count } }
    func add() { lock.withLock { count += 1 } }
}
