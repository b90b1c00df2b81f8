import CLinearAlgebra
import Core

/// Conditional directions: what remains of a direction when others are projected out of it.
///
/// Moving along it leaves the others' scores, as far as they are linear, where they are (InterFaceGAN: Shen, Gu, Tang and
/// Zhou, 2020, section 3.3).
public enum Conditioning {
    /// The unit vector of `direction` minus its component in the span of `others`.
    ///
    /// The span's basis comes from a QR factorisation with column pivoting (LAPACK dgeqp3), so others that depend on each
    /// other do no harm.
    ///
    /// - Parameters:
    ///   - direction: [d].
    ///   - others: Directions of the same dimension; none leaves `direction` as it is.
    /// - Returns: The conditional direction and how much of the original is left in it, from 0 to 1.
    /// - Throws: `Failure` when a dimension differs, a vector is zero, or less than a thousandth of `direction` remains.
    public static func project(
        _ direction: [Float], out others: [[Float]]
    ) throws -> (direction: [Float], remaining: Double) {
        let d = direction.count
        guard others.allSatisfy({ $0.count == d }) else {
            throw Failure(
                "conditioning", "mixes directions of different dimensions",
                "use directions of one generator and space", kind: .conflict)
        }
        var v = try normalised(direction)
        for _ in 0..<2 {
            // Twice: the second pass removes what rounding left.
            for q in try orthonormalBasis(others, dimension: d) {
                let component = FeatureFrame.dot(q, v)
                for j in 0..<d { v[j] -= component * q[j] }
            }
        }
        let remaining = FeatureFrame.dot(v, v).squareRoot()
        guard remaining > 1e-3 else {
            throw Failure(
                "conditioning", "leaves nothing of the direction: it lies in the span of the others",
                "condition on fewer attributes", kind: .usage)
        }
        return (FeatureFrame.unit(v), remaining)
    }

    /// An orthonormal basis of the span of some vectors of the dimension.
    private static func orthonormalBasis(_ vectors: [[Float]], dimension d: Int) throws -> [[Double]] {
        if vectors.isEmpty { return [] }
        let count = vectors.count
        let size = Int32(d)
        var matrix = try vectors.flatMap(normalised)
        let rankLimit = min(count, d)
        var pivots = [Int32](repeating: 0, count: count)
        var tau = [Double](repeating: 0, count: rankLimit)
        guard LAPACKE_dgeqp3(LAPACK_COL_MAJOR, size, Int32(count), &matrix, size, &pivots, &tau) == 0 else {
            throw Failure("conditioning", "has directions that cannot be factorised", "check them for NaN")
        }
        let rank = (0..<rankLimit).prefix { abs(matrix[$0 * d + $0]) > 1e-6 }.count
        guard LAPACKE_dorgqr(LAPACK_COL_MAJOR, size, Int32(rank), Int32(rank), &matrix, size, tau) == 0 else {
            throw Failure("conditioning", "has directions that cannot be factorised", "check them for NaN")
        }
        return (0..<rank).map { Array(matrix[$0 * d..<($0 + 1) * d]) }
    }

    private static func normalised(_ vector: [Float]) throws -> [Double] {
        let v = vector.map(Double.init)
        let length = FeatureFrame.dot(v, v).squareRoot()
        guard length > 0, length.isFinite else {
            throw Failure("conditioning", "has a direction of length \(length)", "check the direction files")
        }
        return v.map { $0 / length }
    }
}

extension Boundary {
    /// A boundary with another normal, its intercept half way between the class means and its sigma measured anew.
    ///
    /// - Parameters:
    ///   - direction: Unit normal of the samples' dimension.
    ///   - samples: What the boundary was fitted to.
    /// - Returns: The boundary with that normal.
    public func replacing(direction: [Float], on samples: LabelledSamples) -> Boundary {
        let kernels = RowKernels(features: samples.features, dimension: samples.dimension)
        let projections = kernels.forward(direction.map(Double.init), offset: 0, rows: samples.rows)
        var sums = (positive: 0.0, negative: 0.0)
        let positives = Double(samples.positives)
        for (row, value) in zip(samples.rows, projections) {
            if samples.labels[row] == 1 { sums.positive += value } else { sums.negative += value }
        }
        let negatives = Double(samples.count) - positives
        var result = self
        result.direction = direction
        result.weights = direction.map { Double($0) * record.norm }
        result.intercept = -0.5 * (sums.positive / positives + sums.negative / negatives)
        result.sigma = FeatureFrame.standardDeviation(projections)
        return result
    }
}
