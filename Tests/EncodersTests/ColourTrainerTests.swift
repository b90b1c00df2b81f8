import ColourNetworks
import Colourisation
import Core
import EncoderTraining
import Foundation
import Images
import Networks
import Testing

@Suite(.serialized) struct ColourTrainerTests {
    private let folder = NSTemporaryDirectory() + "colours-\(UUID().uuidString)"

    /// Pictures whose dark side is warm and whose light side is cold.
    private func pictures(_ count: Int, from first: Int = 0) throws -> [String] {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return try (first..<first + count).map { index in
            var image = Image(width: 64, height: 64, fill: (0, 0, 0))
            let edge = 16 + 8 * (index % 4)
            for i in 0..<64 * 64 {
                let isDark = i % 64 < edge
                let colour: [UInt8] = isDark ? [110, 60, 40] : [150, 180, 220]
                for c in 0..<3 { image.pixels[3 * i + c] = colour[c] }
            }
            let path = "\(folder)/\(index).png"
            try image.write(to: path)
            return path
        }
    }

    private func plan(_ name: String, steps: Int) throws -> ColourPlan {
        var settings = ColourSettings()
        (settings.inputSize, settings.steps, settings.batch) = (64, steps, 4)
        (settings.rate, settings.averageDecay, settings.validationInterval) = (4e-3, 0.8, 1000)
        var plan = ColourPlan(
            settings, name: name, photographs: try pictures(4), validation: try pictures(2, from: 4),
            folder: "\(folder)/\(name)", backboneWeights: nil, licence: "none")
        plan.backbone = "tiny"
        return plan
    }

    @Test func coloursAreLearntAndTheFileGivesThem() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trainer = try ColourTrainer(plan("long", steps: 120))
        try trainer.run()
        let record = try #require(trainer.records.last)
        #expect(record.error < 12, "off by \(record.error) steps")
        let colours = try FaceColours(trainer.bestPath)
        let picture = try Image.read("\(folder)/5.png")
        let chroma = try colours.chroma(of: ImageBatch([picture], side: 64))[0]
        #expect(chroma.width == 16)
        let (dark, light) = (8 * 16 + 1, 8 * 16 + 14)
        #expect(chroma.cr.values[dark] > chroma.cb.values[dark] + 10, "the dark side is warm")
        #expect(chroma.cb.values[light] > chroma.cr.values[light] + 10, "the light side is cold")
        // Its own colours are not looked at.
        let grey = FilmStock.panchromatic.grey(of: picture).greyImage
        let again = try colours.chroma(of: ImageBatch([grey], side: 64))[0]
        #expect(zip(chroma.cb.values, again.cb.values).allSatisfy { abs($0 - $1) < 1 })
    }

    @Test func aTrainingBeginsFromOneOfAnotherSize() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try ColourTrainer(plan("small", steps: 60))
        try first.run()
        var larger = try plan("larger", steps: 4)
        (larger.settings.inputSize, larger.settings.rate) = (96, 1e-6)
        larger.start = first.bestPath
        let second = try ColourTrainer(larger)
        try second.run()
        let (a, b) = (try #require(first.records.last), try #require(second.records.last))
        #expect(abs(a.error - b.error) < 3, "\(a.error) and \(b.error) steps")
        #expect(try FaceColours(second.bestPath).card.configuration.side == 24)
    }

    @Test func aStoppedTrainingGoesOnBitForBit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let whole = try ColourTrainer(plan("whole", steps: 6))
        try whole.run()
        let parts = try plan("parts", steps: 6)
        let counter = StepCounter()
        let first = try ColourTrainer(
            parts,
            context: RunContext(
                isCancelled: { counter.value >= 4 }, notice: { _ in }, progress: { _ in counter.add() }))
        #expect(throws: Failure.self) { try first.run() }
        let second = try ColourTrainer(parts)
        try second.resume()
        try second.run()
        let (a, b) = try (ColourFile.read(whole.bestPath), ColourFile.read(second.bestPath))
        let (left, right) = (try a.network.state(), try b.network.state())
        #expect(left.keys.sorted() == right.keys.sorted())
        for (name, data) in left { #expect(try data.floats() == right[name]?.floats(), "\(name) differs") }
    }

    @Test func binsShareColoursAndRareOnesCountMore() throws {
        var frequencies = ColourFrequencies()
        let plain = Chroma(of: Image(width: 30, height: 30, fill: (128, 128, 128)))
        frequencies.add(plain)
        let red = Chroma(of: Image(width: 3, height: 3, fill: (200, 60, 60)))
        frequencies.add(red)
        let bins = try frequencies.bins()
        let weights = frequencies.weights(of: bins, uniform: 0.5)
        #expect(bins.count == weights.count && bins.count >= 5)
        var shares = [Float](repeating: 0, count: bins.count)
        let colour = SIMD2(red.cb.values[0], red.cr.values[0])
        bins.add(colour, to: &shares)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-4)
        // The mean of the colours by these shares is the colour.
        let mean = zip(bins.colours, shares).reduce(SIMD2<Float>.zero) { $0 + $1.0 * $1.1 }
        #expect(abs(mean.x - colour.x) < 0.05 && abs(mean.y - colour.y) < 0.05)
        let grey = try #require(bins.colours.firstIndex(of: SIMD2(0, 0)))
        let rare = try #require(shares.indices.max { shares[$0] < shares[$1] })
        #expect(weights[rare] > 5 * weights[grey])
        #expect(throws: Failure.self) { try ColourBins(nodes: [7, 3]) }
        #expect(throws: Failure.self) { try ColourBins(nodes: []) }
    }
}

/// Counts from any thread.
private final class StepCounter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    var value: Int { lock.withLock { count } }
    func add() { lock.withLock { count += 1 } }
}
