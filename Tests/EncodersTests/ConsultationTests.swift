import Core
import EncoderTraining
import Encoders
import Foundation
import Generators
import Images
import Inversion
import Latents
import Tensors
import Testing
import Weights

/// An encoder that always gives the same code.
private struct ConstantEncoder: PhotographEncoder {
    let code: LatentCodes
    let asked: AskCounter

    func codes(of photographs: ImageBatch) throws -> LatentCodes {
        asked.add()
        let values = (0..<photographs.count).flatMap { _ in code.values }
        return try LatentCodes(values, rows: code.rows, size: code.size)
    }
}

@Suite(.serialized) struct ConsultationTests {
    private let folder: String
    private let generator: Generator

    /// A StyleGAN2 of 32 pixels with rows of 64: features of 8 pixels are changed.
    init() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        folder = NSTemporaryDirectory() + "consultation-\(UUID().uuidString)"
        _ = try Generator.importFile(fixtures + "/Fixtures/stylegan2/rosinality.pt", folder: folder + "/generator")
        generator = try Generator.load(folder: folder + "/generator")
    }

    private func faces(_ count: Int, seed: UInt64) throws -> (codes: LatentCodes, images: ImageBatch) {
        let latents = try generator.latents(seed: seed, indices: 0..<UInt64(count))
        let rows = generator.identity.styleGAN2Layers
        let values = (0..<count).flatMap { index in
            (0..<rows).flatMap { _ in latents[index * 64..<(index + 1) * 64] }
        }
        let codes = try LatentCodes(values, rows: rows, size: 64)
        return (codes, try generator.synthesizer().synthesize(codes, size: 32, noise: .none))
    }

    private func configuration() throws -> ConsultationConfiguration {
        let synthesizer = try generator.featureSynthesizer()
        var result = ConsultationConfiguration(
            [.colour, .luminance], channels: try #require(synthesizer.featureChannels(side: 8)), deviation: 1)
        (result.side, result.size, result.width, result.hidden, result.alignmentWidth) = (8, 32, 16, 24, 8)
        return result
    }

    @Test func residualsAreWhatPhotographsHaveBeyondTheirReconstructions() throws {
        let (_, faces) = try faces(2, seed: 5)
        let (a, b) = (faces[0..<1], faces[1..<2])
        let colour = ConsultationConfiguration.Residual.colour.distortion(a, b)
        for i in colour.planes.indices { #expect(abs(colour.planes[i] + b.planes[i] - a.planes[i]) < 1e-6) }
        let luminance = ConsultationConfiguration.Residual.luminance.distortion(a, b).planes
        let area = 32 * 32
        #expect(Array(luminance[..<area]) == Array(luminance[area..<2 * area]), "one residual in three channels")
        // A picture's own grey has no luminance residual; the paper's residual then asks for its colours to go.
        #expect(ConsultationConfiguration.Residual.luminance.distortion(a, a).planes.allSatisfy { abs($0) < 1e-5 })
        #expect(ConsultationConfiguration.Residual.grey.distortion(a, a).planes.contains { abs($0) > 0.05 })
    }

    @Test func aFreshNetworkChangesNothingAndLearnsInBothParts() throws {
        let network = try ConsultationNetwork(configuration(), seed: 3)
        var random = CounterRandom(seed: 1, domain: 0x951)
        let shape = [2, 3, 32, 32]
        let distortion = try Tensor((0..<2 * 3 * 32 * 32).map { _ in random.uniform(-1, 1) }, shape: shape)
        let pictures = try Tensor((0..<2 * 3 * 32 * 32).map { _ in random.uniform(-1, 1) }, shape: shape)
        let (scale, shift) = try network.change(distortion)
        #expect(scale.shape == shift.shape && scale.shape[2] == 8)
        #expect(try scale.floats().allSatisfy { $0 == 0 } && shift.floats().allSatisfy { $0 == 0 })
        let aligned = try network.aligned(distortion, to: pictures)
        #expect(try aligned.floats() == distortion.floats())
        try aligned.squared().sum().added(to: scale.sum()).added(to: shift.sum()).backward()
        for name in ["consultation.head.weight", "alignment.head.weight"] {
            let tensor = try #require(network.parameters.first { $0.name == name }).tensor
            #expect(try tensor.gradient().floats().contains { $0 != 0 }, "\(name) learns nothing")
        }
    }

    private func plan(_ name: String, steps: Int, warped: Double = 0.5) throws -> ConsultationPlan {
        var settings = ConsultationSettings()
        (settings.steps, settings.batch, settings.warped) = (steps, 3, warped)
        settings.losses.lpips = 0
        settings.validationInterval = 1000
        settings.rate = 4e-3
        let pictures = folder + "/pictures"
        try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
        let files = try faces(6, seed: 8).images.images.enumerated().map { index, image in
            let path = "\(pictures)/\(index).png"
            try image.write(to: path)
            return path
        }
        return ConsultationPlan(
            settings, name: name, photographs: Array(files.prefix(4)), validation: Array(files.suffix(2)),
            folder: "\(folder)/\(name)", encoder: "none", licence: "none")
    }

    private func trainer(
        _ plan: ConsultationPlan, asked: AskCounter = AskCounter(), context: RunContext = .silent
    ) throws -> ConsultationTrainer {
        try ConsultationTrainer(
            plan, generator: generator, encoder: ConstantEncoder(code: faces(1, seed: 30).codes, asked: asked),
            judges: .init(perceptual: nil, embedder: nil), context: context)
    }

    /// Asks for a stop once so many updates of progress have come.
    private static func stopping(after count: Int) -> RunContext {
        let seen = AskCounter()
        return RunContext(isCancelled: { seen.value >= count }, notice: { _ in }, progress: { _ in seen.add() })
    }

    @Test func aStoppedTrainingGoesOnBitForBit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let whole = try trainer(plan("whole", steps: 6))
        try whole.run()
        let parts = try plan("parts", steps: 6)
        let asked = AskCounter()
        let first = try trainer(parts, asked: asked, context: ConsultationTests.stopping(after: 4))
        #expect(throws: Failure.self) { try first.run() }
        let second = try trainer(parts, asked: asked)
        try second.resume()
        try second.run()
        let (a, b) = try (ConsultationFile.read(whole.bestPath), ConsultationFile.read(second.bestPath))
        let (left, right) = (try a.network.state(), try b.network.state())
        #expect(left.keys.sorted() == right.keys.sorted())
        for (name, data) in left { #expect(try data.floats() == right[name]?.floats(), "\(name) differs") }
        // Each of four photographs in colour and in grey, and two for validation, are looked at once in both runs together.
        #expect(asked.value <= 12)
        var other = parts
        other.settings.seed = 9
        let failure = #expect(throws: Failure.self) { try trainer(other).resume() }
        #expect(failure?.kind == .conflict)
    }

    @Test func trainingBringsFacesNearerAndTheAlignmentUndoesWarps() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try trainer(plan("long", steps: 150))
        try trainer.run()
        let record = try #require(trainer.records.last)
        for residual in ["colour", "luminance"] {
            let (with, without) = (
                try #require(record.figures[residual]), try #require(record.figures["plain \(residual)"])
            )
            #expect(with.l2 < 0.7 * without.l2, "\(residual): \(with.l2) of \(without.l2)")
        }
        #expect(record.aligned < record.askew)

        // One that begins from it is as near at once.
        var further = try plan("further", steps: 1)
        (further.start, further.settings.rate) = (trainer.bestPath, 1e-6)
        let second = try self.trainer(further)
        try second.run()
        let begun = try #require(second.records.last?.figures["colour"]?.l2)
        #expect(abs(begun - (record.figures["colour"]?.l2 ?? 0)) < 0.02 * begun, "\(begun)")

        // At work: the file, colour photographs, and an edit that the details follow.
        let consultation = try FaceConsultation(trainer.bestPath, generator: generator)
        #expect(consultation.fits(isGrey: true) && consultation.fits(isGrey: false))
        let code = try faces(1, seed: 30).codes
        let photograph = try faces(6, seed: 8).images[4..<5]
        let consulted = try consultation.faces(of: code, photographs: photograph, isGrey: false)
        let plain = try generator.synthesizer().synthesize(code, size: 32, noise: .none)
        func error(_ images: ImageBatch) -> Float {
            zip(images.planes, photograph.planes).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        let found = try consulted.faces(size: 32)
        #expect(error(found) < 0.8 * error(plain))
        #expect(try consulted.faces(code, size: 32) == found, "nothing edited, nothing moved")
        var edited = code
        for i in edited.values.indices { edited.values[i] += 0.4 * (i % 64 < 32 ? 1 : -1) }
        #expect(try consulted.faces(edited, size: 32) != found)
    }

    @Test func aFileOfAnotherGeneratorOrDamagedIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let network = try ConsultationNetwork(configuration(), seed: 3)
        var card = ConsultationCard(
            name: "tiny", configuration: network.configuration, generator: String(repeating: "0", count: 64),
            generatorName: "another", encoder: "none")
        let path = folder + "/tiny.consultation.safetensors"
        try ConsultationFile.write(card, weights: network.state(), to: path)
        let failure = #expect(throws: Failure.self) { try FaceConsultation(path, generator: generator) }
        #expect(failure?.kind == .conflict)
        var plan = try plan("foreign", steps: 1)
        plan.start = path
        let foreign = #expect(throws: Failure.self) { try trainer(plan) }
        #expect(foreign?.kind == .conflict && "\(foreign as Any)".contains("tiny.consultation"))
        card.configuration.width = 0
        try ConsultationFile.write(card, weights: network.state(), to: path)
        #expect(throws: Failure.self) { try ConsultationFile.read(path) }
        var settings = ConsultationSettings([])
        #expect(throws: Failure.self) { try settings.validate() }
        settings.residuals = [.grey, .grey]
        #expect(throws: Failure.self) { try settings.validate() }
    }
}

/// Counts from any thread.
private final class AskCounter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    var value: Int { lock.withLock { count } }
    func add() { lock.withLock { count += 1 } }
}

struct PerspectiveWarpTests {
    private let side = 32

    /// A smooth picture, whose values tell places apart.
    private func picture() -> [Float] {
        (0..<side * side).map { Float($0 % side) / 32 + 2 * Float($0 / side) / 32 }
    }

    @Test func cornersThatStayLeaveAPicture() {
        let same = PerspectiveWarp(corners: [SIMD2(0, 0), SIMD2(1, 0), SIMD2(1, 1), SIMD2(0, 1)])
        #expect(zip(same.applied(to: picture(), side: side), picture()).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// Each corner of the source is seen where it was asked for, and nothing outside of the four.
    @Test func cornersAreSeenWhereTheyWereAskedFor() {
        let corners = [SIMD2(0.2, 0.1), SIMD2(0.9, 0.2), SIMD2(0.8, 0.95), SIMD2(0.1, 0.8)]
        var planes = [Float](repeating: 0, count: 4 * side * side)
        let own = [(0, 0), (side - 1, 0), (side - 1, side - 1), (0, side - 1)]
        for (index, place) in own.enumerated() {
            // A blot of a few pixels in each corner, a plane each.
            for y in 0..<side {
                for x in 0..<side where abs(x - place.0) < 4 && abs(y - place.1) < 4 {
                    planes[(index * side + y) * side + x] = 1
                }
            }
        }
        let seen = PerspectiveWarp(corners: corners).applied(to: planes, side: side)
        for (index, corner) in corners.enumerated() {
            var (sum, middle) = (Float(0), SIMD2<Float>.zero)
            for y in 0..<side {
                for x in 0..<side {
                    let value = seen[(index * side + y) * side + x]
                    sum += value
                    middle += value * SIMD2(Float(x) + 0.5, Float(y) + 0.5) / Float(side)
                }
            }
            #expect(sum > 2)
            let distance = middle / sum - SIMD2(Float(corner.x), Float(corner.y))
            #expect((distance * distance).sum().squareRoot() < 0.1, "corner \(index)")
        }
        #expect(seen[0] == 0, "what comes from outside is 0")
    }

    @Test func drawnWarpsMoveByNoMoreThanAsked() {
        var random = CounterRandom(seed: 4, domain: 0x952)
        for _ in 0..<5 {
            let warp = PerspectiveWarp(distortion: 0.15, random: &random)
            let seen = warp.applied(to: picture(), side: side)
            // A pixel moves by 0.075 of a side at most: values, with their two slopes, by 3 times that.
            let middle = (8..<24).flatMap { y in (8..<24).map { y * side + $0 } }
            #expect(middle.allSatisfy { abs(seen[$0] - picture()[$0]) < 0.075 * 3 * 1.2 })
        }
        var still = CounterRandom(seed: 4, domain: 0x952)
        let none = PerspectiveWarp(distortion: 0, random: &still).applied(to: picture(), side: side)
        #expect(zip(none, picture()).allSatisfy { abs($0 - $1) < 1e-4 })
    }
}
