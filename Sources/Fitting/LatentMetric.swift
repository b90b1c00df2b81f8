import CLinearAlgebra
import Core

/// How latents are spread: their covariance, and the length of vectors in standard deviations (the distance of Mahalanobis).
public struct LatentMetric: Sendable {
    /// Components of a latent.
    public let dimension: Int
    /// [dimension, dimension].
    private let covariance: [Double]
    private let inverse: [Double]

    /// - Parameters:
    ///   - samples: [count, dimension].
    ///   - dimension: Components of a latent.
    ///   - ridge: Added to the covariance's diagonal before it is inverted, as a share of its mean, so that directions in which
    ///     latents hardly differ do not count for everything.
    /// - Throws: `Failure` when there are fewer than two or they do not differ.
    public init(_ samples: [Float], dimension: Int, ridge: Double = 0.05) throws {
        let count = samples.count / max(dimension, 1)
        guard dimension > 0, count > 1, samples.count == count * dimension, samples.allSatisfy(\.isFinite) else {
            throw Failure("the latents", "are too few for a covariance, or not finite", "sample more")
        }
        var centred = samples.map(Double.init)
        for i in 0..<dimension {
            let mean = stride(from: i, to: centred.count, by: dimension).reduce(0) { $0 + centred[$1] } / Double(count)
            for j in stride(from: i, to: centred.count, by: dimension) { centred[j] -= mean }
        }
        let n = blasint(dimension)
        var matrix = [Double](repeating: 0, count: dimension * dimension)
        cblas_dgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, n, n, blasint(count), 1 / Double(count - 1), centred, n, centred,
            n,
            0, &matrix, n)
        let mean = (0..<dimension).reduce(0) { $0 + matrix[$1 * dimension + $1] } / Double(dimension)
        guard mean > 0 else { throw Failure("the latents", "do not differ", "sample others") }
        self.dimension = dimension
        covariance = matrix
        for i in 0..<dimension { matrix[i * dimension + i] += ridge * mean }
        let upper = CChar(UInt8(ascii: "U"))
        guard LAPACKE_dpotrf(LAPACK_COL_MAJOR, upper, n, &matrix, n) == 0,
            LAPACKE_dpotri(LAPACK_COL_MAJOR, upper, n, &matrix, n) == 0
        else { throw Failure("the latents", "have no covariance that can be inverted", "sample more") }
        for row in 0..<dimension {
            for column in 0..<row { matrix[column * dimension + row] = matrix[row * dimension + column] }
        }
        inverse = matrix
    }

    /// The covariance times a vector: where a gradient leads when every standard deviation is as far.
    public func spread(_ vector: [Double]) -> [Double] { product(covariance, vector) }

    /// The inverse covariance times a vector.
    public func whitened(_ vector: [Double]) -> [Double] { product(inverse, vector) }

    /// A vector's length in standard deviations.
    public func length(_ vector: [Double]) -> Double {
        max(0, zip(vector, whitened(vector)).reduce(0) { $0 + $1.0 * $1.1 }).squareRoot()
    }

    private func product(_ matrix: [Double], _ vector: [Double]) -> [Double] {
        precondition(vector.count == dimension, "a vector of the latents' dimension")
        var result = [Double](repeating: 0, count: dimension)
        let n = blasint(dimension)
        cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, matrix, n, vector, 1, 0, &result, 1)
        return result
    }
}
