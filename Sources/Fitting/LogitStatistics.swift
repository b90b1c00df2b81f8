import Core
import Foundation

/// How strange a face's logits are together, by those of unedited faces of the same generator.
///
/// A face that an edit has pushed to where the generator has none, such as a bearded woman with a bald child's skin, may score
/// well on each attribute and still be strange: its logits lie far from their mean in the metric of their covariance
/// (Mahalanobis). This sees what the classifier sees, not the picture's sharpness.
public struct LogitStatistics: Sendable {
    private let mean: [Double]
    /// Lower triangle of the covariance's Cholesky factor, row-major [a, a].
    private let factor: [Double]
    /// The squared distance that 99 of 100 unedited faces do not exceed.
    public let limit: Double

    /// The fewest faces that statistics are made of: ten for each attribute.
    public static func least(attributes: Int) -> Int { 10 * attributes }

    /// Nil for fewer faces than ``least(attributes:)``, or logits that do not vary.
    ///
    /// - Parameters:
    ///   - logits: Of unedited faces: [count, attributes].
    ///   - a: Logits a face.
    ///   - weights: How many faces each of them stands for; nil for one.
    public init?(_ logits: [Float], attributes a: Int, weights: [Double]? = nil) {
        let count = a > 0 ? logits.count / a : 0
        guard a > 0, count >= LogitStatistics.least(attributes: a) else { return nil }
        var mean = [Double](repeating: 0, count: a)
        let weights = weights ?? [Double](repeating: 1, count: count)
        let total = weights.reduce(0, +)
        for (i, value) in logits.enumerated() { mean[i % a] += weights[i / a] * Double(value) / total }
        var covariance = [Double](repeating: 0, count: a * a)
        for row in stride(from: 0, to: count * a, by: a) {
            let centred = (0..<a).map { Double(logits[row + $0]) - mean[$0] }
            let share = weights[row / a] / total * Double(count) / Double(count - 1)
            for i in 0..<a { for j in 0...i { covariance[i * a + j] += share * centred[i] * centred[j] } }
        }
        var factor = [Double](repeating: 0, count: a * a)
        for i in 0..<a {
            for j in 0...i {
                var sum = covariance[i * a + j]
                for k in 0..<j { sum -= factor[i * a + k] * factor[j * a + k] }
                if i == j {
                    guard sum > 1e-12 * covariance[i * a + i], sum > 0 else { return nil }
                    factor[i * a + i] = sum.squareRoot()
                } else {
                    factor[i * a + j] = sum / factor[j * a + j]
                }
            }
        }
        self.mean = mean
        self.factor = factor
        let distances = stride(from: 0, to: count * a, by: a).map {
            LogitStatistics.distance(logits[$0..<$0 + a], mean: mean, factor: factor)
        }
        var below = 0.0
        let order = distances.indices.sorted { distances[$0] < distances[$1] }
        let last = order.first { face in
            below += weights[face]
            return 100 * below > 99 * total
        }
        limit = distances[last ?? order[count - 1]]
    }

    /// Squared Mahalanobis distance of a face's logits from the mean.
    public func distance(_ logits: ArraySlice<Float>) -> Double {
        LogitStatistics.distance(logits, mean: mean, factor: factor)
    }

    private static func distance(_ logits: ArraySlice<Float>, mean: [Double], factor: [Double]) -> Double {
        let a = mean.count
        var solved = [Double](repeating: 0, count: a)
        var total = 0.0
        for (i, value) in logits.enumerated() {
            var sum = Double(value) - mean[i]
            for k in 0..<i { sum -= factor[i * a + k] * solved[k] }
            solved[i] = sum / factor[i * a + i]
            total += solved[i] * solved[i]
        }
        return total
    }
}
