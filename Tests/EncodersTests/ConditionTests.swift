import Colourisation
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

@Suite(.serialized) struct ConditionTests {
    private let folder: String
    private let generator: Generator

    /// A StyleGAN2 of 32 pixels with rows of 64.
    init() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        folder = NSTemporaryDirectory() + "condition-\(UUID().uuidString)"
        _ = try Generator.importFile(fixtures + "/Fixtures/stylegan2/rosinality.pt", folder: folder + "/generator")
        generator = try Generator.load(folder: folder + "/generator")
    }

    private func configuration(_ condition: EncoderCondition?) throws -> EncoderConfiguration {
        var backbone = try Architecture.named("tiny")
        backbone.inputSize = 64
        var result = EncoderConfiguration(.pspLight, backbone: backbone, rows: 8, latentSize: 64)
        (result.width, result.hidden, result.rank, result.reconstructionSize) = (16, 24, 32, 32)
        result.condition = condition
        result.condition?.firstRow = 4
        return result
    }

    private func faces(_ count: Int) throws -> ImageBatch {
        let codes = try LatentCodes(generator.latents(seed: 8, indices: 0..<UInt64(count)), rows: 1, size: 64)
        return try generator.synthesizer().synthesize(codes, size: 32, noise: .none)
    }

    /// Every way to tell colours, at every map.
    private static let conditions =
        EncoderCondition.Merge.allCases.flatMap { merge in
            [16, 32, 64].flatMap { size in
                [EncoderCondition.Kind.histogram2d, .histogram1d].map {
                    EncoderCondition($0, merge: merge, mergeSize: size)
                }
            }
        } + [EncoderCondition(.chroma)]

    @Test(arguments: conditions)
    func whatIsToldBeginsAtNothingAndIsLearnt(_ condition: EncoderCondition) throws {
        let network = try EncoderNetwork(configuration(condition), seed: 2)
        let told = try #require(network.configuration.condition)
        let faces = try faces(2)
        let pictures = try Tensor(faces.resized(to: 64).planes, shape: [2, 3, 64, 64])
        let values = told.values(of: faces)
        #expect(values.count == 2 && values[0] != values[1])
        let shape: [Int] =
            switch condition.kind {
            case .histogram2d: [2, 3, 16, 16]
            case .histogram1d: [2, 768]
            case .chroma: [2, 1024]
            }
        let tensor = try Tensor(values.flatMap(\.self), shape: shape)
        let untold = try network.coordinates(pictures, reconstructions: nil)
        let found = try network.coordinates(pictures, reconstructions: nil, told: tensor)
        #expect(try zip(untold.floats(), found.floats()).allSatisfy { abs($0 - $1) < 1e-4 })
        var random = CounterRandom(seed: 1, domain: 0x953)
        let cotangent = try Tensor((0..<2 * 8 * 64).map { _ in random.uniform(-1, 1) }, shape: [2, 8, 64])
        try found.multiplied(by: cotangent).sum().backward()
        let name = condition.kind == .chroma ? "heads.condition.linear2.weight" : "heads.condition.merge.weight"
        let weight = try #require(network.parameters.first { $0.name == name }).tensor
        #expect(try weight.gradient().floats().contains { $0 != 0 }, "\(name) learns nothing")
    }

    @Test func chromaChangesTheRowsOfColoursAlone() throws {
        let network = try EncoderNetwork(configuration(EncoderCondition(.chroma)), seed: 2)
        let bias = try #require(network.parameters.first { $0.name == "heads.condition.linear2.bias" }).tensor
        try bias.assign(Tensor([Float](repeating: 1, count: bias.count), shape: bias.shape))
        let pictures = try Tensor(faces(1).resized(to: 64).planes, shape: [1, 3, 64, 64])
        let untold = try network.coordinates(pictures, reconstructions: nil).floats()
        let found = try network.coordinates(
            pictures, reconstructions: nil, told: Tensor.zeros([1, 1024])
        ).floats()
        #expect(Array(untold[..<(4 * 64)]) == Array(found[..<(4 * 64)]))
        #expect(zip(untold[(4 * 64)...], found[(4 * 64)...]).contains { $0 != $1 })
    }

    private func plan(_ condition: EncoderCondition, steps: Int) throws -> EncoderPlan {
        var settings = EncoderSettings(try configuration(condition))
        (settings.latentSteps, settings.imageSteps, settings.imageSize) = (4, steps, 32)
        (settings.latentBatch, settings.imageBatch, settings.generated) = (8, 4, 0)
        (settings.pairs, settings.firstPairs, settings.freshPairs) = (24, 8, 4)
        (settings.losses.lpips, settings.losses.l2, settings.losses.histogram) = (0, 0.1, 1)
        settings.validationInterval = 1000
        settings.imageRate = 4e-3
        settings.averageDecay = 0.5
        let pictures = folder + "/pictures"
        try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
        let files = try faces(6).images.enumerated().map { index, image in
            let path = "\(pictures)/\(index).png"
            try image.write(to: path)
            return path
        }
        return EncoderPlan(
            settings, name: "told", photographs: Array(files.prefix(4)), validation: Array(files.suffix(2)),
            folder: "\(folder)/\(condition.kind.rawValue)-\(steps)", backboneWeights: nil, licence: "none")
    }

    @Test(arguments: EncoderCondition.Kind.allCases)
    func anEncoderLearnsToGiveToldColours(_ kind: EncoderCondition.Kind) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try EncoderTrainer(
            plan(EncoderCondition(kind, mergeSize: 16), steps: 24), generator: generator,
            judges: .init(perceptual: nil, embedder: nil))
        try trainer.run()
        let encoder = try FaceEncoder(trainer.bestPath, generator: generator)
        let condition = try #require(encoder.card.configuration.condition)
        let faces = try faces(4)
        let others = faces.gathered([1, 2, 3, 0])
        let synthesizer = try generator.synthesizer()
        func distance(_ codes: LatentCodes) throws -> Float {
            let shown = try synthesizer.synthesize(codes, size: 32, noise: .none)
            return (0..<4).reduce(0) { sum, index in
                sum
                    + ChromaHistogram(of: Chroma(of: shown, index: index))
                    .distance(to: ChromaHistogram(of: Chroma(of: others, index: index)))
            }
        }
        let untold = try encoder.codes(of: faces)
        let told = try encoder.codes(of: faces, told: condition.values(of: others))
        #expect(untold != told)
        #expect(try distance(told) < distance(untold), "\(kind)")
        #expect(throws: Failure.self) { try encoder.codes(of: faces, told: [[1]]) }
    }

    @Test func aTrainingBeginsFromAnEncoderThatWasToldNothing() throws {
        let plain = try EncoderNetwork(configuration(nil), seed: 6)
        let pictures = try Tensor(faces(1).resized(to: 64).planes, shape: [1, 3, 64, 64])
        let wanted = try plain.coordinates(pictures, reconstructions: nil).floats()
        for condition in [EncoderCondition(.histogram2d), EncoderCondition(.chroma)] {
            let network = try EncoderNetwork(configuration(condition), seed: 7)
            #expect(network.configuration.canBegin(from: plain.configuration))
            #expect(!plain.configuration.canBegin(from: network.configuration))
            try network.begin(with: plain.state(), from: "test")
            let told = try #require(network.configuration.condition).values(of: faces(1))
            let shape = condition.kind == .chroma ? [1, 1024] : [1, 3, 16, 16]
            let found = try network.coordinates(
                pictures, reconstructions: nil, told: Tensor(told[0], shape: shape)
            ).floats()
            #expect(zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-4 }, "\(condition.kind)")
            #expect(throws: Failure.self) { try network.load(plain.state(), from: "test") }
        }
    }

    @Test func filesWithoutConditionsAreReadAsBefore() throws {
        let plain = try configuration(nil)
        let text = String(decoding: try JSONEncoder().encode(plain), as: UTF8.self)
        #expect(!text.contains("condition"))
        #expect(try JSONDecoder().decode(EncoderConfiguration.self, from: Data(text.utf8)) == plain)
        var odd = try configuration(EncoderCondition(.histogram2d, mergeSize: 24))
        #expect(throws: Failure.self) { try odd.validate() }
        odd.condition = EncoderCondition(.histogram2d, mergeSize: 32)
        try odd.validate()
    }
}
