import Core
import Fitting

/// Data that a few integer operations define, so that other programs can make the same: the reference figures in these
/// tests are scikit-learn 1.9's for `formula`.
enum Fixtures {
    /// x[i][j] = ((7i² + 13ij + 3j² + 101i + 57j) mod 257) / 128 − 1; the label is the sign of x₀ + x₁/2 − x₂/4 + (37i
    /// mod 101)/50 − 1.
    ///
    /// [300, 10].
    static func formula() throws -> LabelledSamples {
        var features: [Float] = []
        var labels: [Int8] = []
        for i in 0..<300 {
            let row = (0..<10).map { j in
                Float(Double((i * i * 7 + i * j * 13 + j * j * 3 + i * 101 + j * 57) % 257) / 128 - 1)
            }
            let score = Double(row[0]) + 0.5 * Double(row[1]) - 0.25 * Double(row[2]) + Double(i * 37 % 101) / 50 - 1
            features += row
            labels.append(score > 0 ? 1 : -1)
        }
        return try LabelledSamples(features: features, dimension: 10, labels: labels)
    }

    /// Two Gaussian clouds whose means differ by 2·shift in the first eight components.
    ///
    /// Component j has the deviation (j + 1)^-½ where `decays` is set. Every `every`-th row is positive.
    static func clouds(
        count: Int, dimension: Int, shift: Float, seed: UInt64 = 3, decays: Bool = false, every: Int = 2,
        scale: Float = 1,
        offset: Float = 0
    ) -> (features: [Float], labels: [Int8]) {
        var features = LatentNoise(seed: seed, size: dimension).rows(0..<UInt64(count))
        let labels = (0..<count).map { Int8($0 % every == 0 ? 1 : -1) }
        for i in 0..<count {
            for j in 0..<dimension {
                let deviation = decays ? 1 / Float(j + 1).squareRoot() : 1
                let value = features[i * dimension + j] * deviation
                let mean = j < 8 ? Float(labels[i]) * shift * deviation : 0
                features[i * dimension + j] = (value + mean + offset) * scale
            }
        }
        return (features, labels)
    }

    static func samples(_ data: (features: [Float], labels: [Int8]), _ dimension: Int) throws -> LabelledSamples {
        try LabelledSamples(features: data.features, dimension: dimension, labels: data.labels)
    }

    /// ½‖w‖² + C Σ hinge of a boundary's weights, straight from the definition.
    static func hingeObjective(_ boundary: Boundary, _ samples: LabelledSamples, c: Double) -> Double {
        let bias = boundary.intercept * boundary.record.norm
        var sum = 0.0
        for row in samples.rows {
            var decision = bias
            for j in 0..<samples.dimension {
                decision += boundary.weights[j] * Double(samples.features[row * samples.dimension + j])
            }
            sum += max(0, 1 - Double(samples.labels[row]) * decision)
        }
        return 0.5 * boundary.weights.reduce(0) { $0 + $1 * $1 } + c * sum
    }

    static func cosine(_ a: [Float], _ b: [Double]) -> Double {
        let dot = zip(a, b).reduce(0.0) { $0 + Double($1.0) * $1.1 }
        let lengths = a.reduce(0.0) { $0 + Double($1 * $1) } * b.reduce(0) { $0 + $1 * $1 }
        return dot / lengths.squareRoot()
    }
}
