import CLinearAlgebra
import Core

/// Inner products under the inverse of a covariance: those of the distance of Mahalanobis.
public struct InverseCovariance {
    /// Added to the covariance's diagonal, as a share of its mean, so that directions in which samples hardly differ do not
    /// count for everything.
    private static let ridge = 0.05

    public let dimension: Int
    /// Lower triangle, with the ridge.
    private let covariance: [Double]

    /// - Parameter samples: [count, dimension].
    /// - Throws: `Failure` when there are fewer than two or they do not differ.
    public init(_ samples: [Float], dimension: Int) throws {
        let count = samples.count / max(dimension, 1)
        guard dimension > 0, count > 1, samples.count == count * dimension, samples.allSatisfy(\.isFinite) else {
            throw Failure("the latents", "are too few for a covariance, or not finite", "sample more")
        }
        self.dimension = dimension
        var centred = samples.map(Double.init)
        for i in 0..<dimension {
            let mean = stride(from: i, to: centred.count, by: dimension).reduce(0) { $0 + centred[$1] } / Double(count)
            for j in stride(from: i, to: centred.count, by: dimension) { centred[j] -= mean }
        }
        var matrix = [Double](repeating: 0, count: dimension * dimension)
        cblas_dsyrk(
            CblasRowMajor, CblasLower, CblasTrans, blasint(dimension), blasint(count), 1 / Double(count - 1), centred,
            blasint(dimension), 0, &matrix, blasint(dimension))
        let mean = (0..<dimension).reduce(0) { $0 + matrix[$1 * dimension + $1] } / Double(dimension)
        guard mean > 0 else { throw Failure("the latents", "do not differ", "sample others") }
        for i in 0..<dimension { matrix[i * dimension + i] += InverseCovariance.ridge * mean }
        covariance = matrix
    }

    /// Inner products of vectors of ``dimension``: [vectors, vectors].
    ///
    /// - Throws: `Failure` when the linear system has no solution.
    public func products(_ vectors: [[Double]]) throws -> [Double] {
        let count = vectors.count
        var scratch = covariance
        var result = [Double](repeating: 0, count: count * count)
        for (a, vector) in vectors.enumerated() {
            let solved = try SymmetricSystem.solve(scratch: &scratch, right: vector) { matrix in
                for i in 0..<dimension * dimension { matrix[i] = covariance[i] }
            }
            for (b, other) in vectors.enumerated() {
                result[a * count + b] = zip(solved, other).reduce(0) { $0 + $1.0 * $1.1 }
            }
        }
        return result
    }
}
