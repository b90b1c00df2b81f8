import Core
import Evaluation
import Fitting
import Testing

@Suite struct LogitStatisticsTests {
    @Test func strangeFacesAreTold() throws {
        let noise = LatentNoise(seed: 3, size: 4).rows(0..<600)
        // Two logits that always agree, and a third on its own.
        var logits: [Float] = []
        for face in stride(from: 0, to: noise.count, by: 4) {
            let (a, b, c) = (noise[face], noise[face + 1], noise[face + 2])
            logits += [a, a + 0.1 * b, c]
        }
        let statistics = try #require(LogitStatistics(logits, attributes: 3))
        #expect(statistics.distance([2, 2, 0]) < statistics.limit)
        #expect(statistics.distance([2, -2, 0]) > statistics.limit)
        let beyond = stride(from: 0, to: logits.count, by: 3).count {
            statistics.distance(logits[$0..<$0 + 3]) > statistics.limit
        }
        #expect((1...7).contains(beyond))
        // A face that stands for three counts as three faces do.
        let weights = (0..<600).map { Double($0 % 3 == 0 ? 3 : 1) }
        let repeated = (0..<600).flatMap { face in
            (0..<Int(weights[face])).flatMap { _ in logits[3 * face..<3 * face + 3] }
        }
        let weighted = try #require(LogitStatistics(logits, attributes: 3, weights: weights))
        let counted = try #require(LogitStatistics(repeated, attributes: 3))
        // But for n - 1 of n, which follows the number of faces.
        let ratio = (600.0 / 599) / (1000.0 / 999)
        #expect(abs(weighted.limit * ratio / counted.limit - 1) < 1e-6)
        #expect(abs(weighted.distance([2, -2, 0]) * ratio / counted.distance([2, -2, 0]) - 1) < 1e-6)
        #expect(LogitStatistics(Array(logits.prefix(60)), attributes: 3) == nil)
        #expect(LogitStatistics([Float](repeating: 1, count: 900), attributes: 3) == nil)
    }
}
