import CLinearAlgebra
import Core

/// Latents in coordinates of their own spread: along the principal axes, each counted in its standard deviation.
///
/// Samples have mean 0 and variance 1 in every coordinate, so that a step of a given length is as likely in one direction as
/// in any other, and the length of a difference is its distance of Mahalanobis. What is measured is not w itself but w before
/// the last leaky ReLU of the mapping network, which is much nearer to a normal distribution (Zhu and others, "Improved
/// StyleGAN Embedding: Where are the Good Latents?", 2020).
public struct PrincipalCoordinates: Sendable {
    /// The slope of the mapping network's leaky ReLU for negative numbers.
    private static let slope: Float = 0.2

    /// Components of a latent, and of its coordinates.
    public let dimension: Int
    /// [dimension]: the mean of w before the last leaky ReLU.
    public let mean: [Float]
    /// [dimension, dimension]: a row for each coordinate, the axis times its deviation; the largest first.
    public let axes: [Float]
    /// [dimension, dimension]: a row for each coordinate, the axis divided by its deviation.
    private let inverse: [Float]
    /// The standard deviation along each axis, the largest first; none below the floor.
    public let deviations: [Float]

    /// - Parameters:
    ///   - samples: [count, dimension], such as w of many seeds.
    ///   - dimension: Components of a latent.
    ///   - floor: Deviations below this share of the largest count as this share, so that directions in which samples hardly
    ///     differ can still be gone.
    /// - Throws: `Failure` when there are too few samples or they do not differ.
    public init(_ samples: [Float], dimension: Int, floor: Float = 0.01) throws {
        let count = samples.count / max(dimension, 1)
        guard dimension > 0, count > 1, samples.count == count * dimension, samples.allSatisfy(\.isFinite) else {
            throw Failure("the latents", "are too few for a covariance, or not finite", "sample more")
        }
        let raised = samples.map { Double($0 < 0 ? $0 / PrincipalCoordinates.slope : $0) }
        let middle = (0..<dimension).map { i in
            Swift.stride(from: i, to: raised.count, by: dimension).reduce(0.0) { $0 + raised[$1] } / Double(count)
        }
        let centred = raised.enumerated().map { $1 - middle[$0 % dimension] }
        let n = blasint(dimension)
        var matrix = [Double](repeating: 0, count: dimension * dimension)
        cblas_dgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, n, n, blasint(count), 1 / Double(count - 1), centred, n, centred,
            n, 0, &matrix, n)
        var variances = [Double](repeating: 0, count: dimension)
        // Column-major eigenvectors are row-major rows, in ascending order of their values.
        let status = LAPACKE_dsyevd(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "U")), n, &matrix, n, &variances)
        let largest = max(0, variances.last ?? 0).squareRoot()
        guard status == 0, largest > 0 else { throw Failure("the latents", "do not differ", "sample others") }
        let deviations = variances.map { max(max(0, $0).squareRoot(), Double(floor) * largest) }
        let order = Array((0..<dimension).reversed())
        self.dimension = dimension
        self.deviations = order.map { Float(deviations[$0]) }
        mean = middle.map(Float.init)
        axes = order.flatMap { k in
            matrix[k * dimension..<(k + 1) * dimension].map { Float($0 * deviations[k]) }
        }
        inverse = order.flatMap { k in
            matrix[k * dimension..<(k + 1) * dimension].map { Float($0 / deviations[k]) }
        }
    }

    /// Coordinates as a file keeps them: the axes' signs are a library's choice, so whoever learns in them keeps them.
    ///
    /// - Parameters:
    ///   - mean: As ``mean``.
    ///   - axes: As ``axes``.
    /// - Throws: `Failure` when the shapes do not fit, or an axis has no length.
    public init(mean: [Float], axes: [Float]) throws {
        let size = mean.count
        let squares = (0..<size).map { row in
            axes.count == size * size
                ? axes[row * size..<(row + 1) * size].reduce(0.0) { $0 + Double($1) * Double($1) } : 0
        }
        guard size > 0, axes.count == size * size, squares.allSatisfy({ $0 > 0 && $0.isFinite }),
            mean.allSatisfy(\.isFinite)
        else { throw Failure("principal coordinates", "have axes that do not fit", "get the file again") }
        dimension = size
        deviations = squares.map { Float($0.squareRoot()) }
        self.mean = mean
        self.axes = axes
        inverse = axes.indices.map { Float(Double(axes[$0]) / squares[$0 / size]) }
    }

    /// The latents of coordinates.
    ///
    /// - Parameter coordinates: [count, dimension].
    /// - Returns: Of the same shape.
    public func latents(_ coordinates: [Float]) -> [Float] {
        raised(coordinates).map { $0 < 0 ? $0 * PrincipalCoordinates.slope : $0 }
    }

    /// The coordinates of latents.
    ///
    /// - Parameter latents: [count, dimension].
    /// - Returns: Of the same shape.
    public func coordinates(_ latents: [Float]) -> [Float] {
        let centred = latents.enumerated().map { index, value in
            (value < 0 ? value / PrincipalCoordinates.slope : value) - mean[index % dimension]
        }
        return product(centred, inverse, transposed: true)
    }

    /// Gradients with respect to coordinates, given those with respect to their latents.
    ///
    /// - Parameters:
    ///   - gradients: [count, dimension].
    ///   - coordinates: Where they are, [count, dimension].
    /// - Returns: Of the same shape.
    public func backward(_ gradients: [Float], at coordinates: [Float]) -> [Float] {
        let scaled = zip(gradients, raised(coordinates)).map { $1 < 0 ? $0 * PrincipalCoordinates.slope : $0 }
        return product(scaled, axes, transposed: true)
    }

    /// w before the last leaky ReLU.
    private func raised(_ coordinates: [Float]) -> [Float] {
        var result = product(coordinates, axes, transposed: false)
        for i in result.indices { result[i] += mean[i % dimension] }
        return result
    }

    /// rows · matrix, or rows · matrixᵀ.
    private func product(_ rows: [Float], _ matrix: [Float], transposed: Bool) -> [Float] {
        precondition(rows.count % dimension == 0, "vectors of the latents' dimension")
        var result = [Float](repeating: 0, count: rows.count)
        let n = blasint(dimension)
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, blasint(rows.count / dimension), n, n,
            1, rows, n, matrix, n, 0, &result, n)
        return result
    }
}
