import Core
import Generators
import Latents
import Testing

/// The mapping's kernel against a plain one in double precision, and its bits against themselves.
struct MappingTests {
    static let size = 64
    static let layers: [MappingNetwork.Layer] = {
        var random = CounterRandom(seed: 5, domain: 77)
        func values(_ count: Int, _ range: ClosedRange<Float>) -> [Float] {
            (0..<count).map { _ in Float.random(in: range, using: &random) }
        }
        return (0..<8).map { _ in
            MappingNetwork.Layer(weight: values(size * size, -0.3...0.3), bias: values(size, -0.1...0.1))
        }
    }()
    let network = MappingNetwork(latentSize: size, layers: layers)

    private func plain(_ z: ArraySlice<Float>) -> [Double] {
        var x = z.map(Double.init)
        let power = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        x = x.map { $0 / (power + 1e-8).squareRoot() }
        for layer in Self.layers {
            x = (0..<Self.size).map { out in
                var sum = Double(layer.bias[out])
                for k in 0..<Self.size { sum += Double(layer.weight[out * Self.size + k]) * x[k] }
                return (sum > 0 ? sum : 0.2 * sum) * 2.0.squareRoot()
            }
        }
        return x
    }

    @Test func agreesWithDoublePrecision() throws {
        let z = LatentNoise(seed: 1, size: Self.size).rows(0..<101)
        let w = try network.map(z, count: 101)
        for row in 0..<101 {
            let range = row * Self.size..<(row + 1) * Self.size
            let expected = plain(z[range]).map(Float.init)
            let scale = expected.map(abs).max() ?? 1
            #expect(largestDifference(Array(w[range]), expected) <= 1e-5 * max(1, scale), "row \(row)")
        }
    }

    @Test(arguments: [1, 2, 7, 47, 48, 49, 95, 192, 193, 400])
    func bitsDoNotDependOnTheBatch(batch: Int) throws {
        let noise = LatentNoise(seed: 9, size: Self.size)
        let all = try network.map(noise.rows(0..<400), count: 400)
        var pieces: [Float] = []
        for start in stride(from: 0, to: 400, by: batch) {
            let end = min(400, start + batch)
            pieces += try network.map(noise.rows(UInt64(start)..<UInt64(end)), count: end - start)
        }
        #expect(pieces.map(\.bitPattern) == all.map(\.bitPattern))
    }

    @Test func wrongLengthsAreRefused() throws {
        #expect(try network.map([], count: 0).isEmpty)
        #expect(throws: Failure.self) { try network.map([1, 2, 3], count: 1) }
        #expect(throws: Failure.self) { try network.map([], count: -1) }
    }
}
