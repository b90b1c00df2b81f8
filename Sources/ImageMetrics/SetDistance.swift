import CLinearAlgebra
import Core
import Foundation

/// Distances between two sets of pictures by their features: Fréchet's (FID; Heusel and others, 2017) and the kernel one (KID;
/// Bińkowski and others, 2018).
///
/// Everything is taken from the rows' products with one another. With A and B the centred rows over √(n − 1), the trace of
/// (Σ₁Σ₂)^½ is the sum of the singular values of A Bᵀ, so that no covariance of 2,048² is needed and nothing singular has its root
/// taken.
///
/// For example:
///
/// ```swift
/// let distance = SetDistance(features, realFeatures)
/// let fid = try distance.frechet()
/// let interval = try distance.frechetInterval(seed: 0)
/// ```
public struct SetDistance: Sendable {
    private let first: Int
    private let second: Int
    private let size: Int
    /// Products within the first set, within the second, and across.
    private let (own, other, across): ([Double], [Double], [Double])

    /// - Parameters:
    ///   - a: Features of two pictures or more.
    ///   - b: Features of two pictures or more.
    /// - Throws: ``Core/Failure`` for fewer.
    public init(_ a: FeatureSet, _ b: FeatureSet) throws {
        guard a.count > 1, b.count > 1 else {
            throw Failure("distance of sets", "needs two pictures in each", "give more pictures")
        }
        (first, second, size) = (a.count, b.count, a.size)
        (own, other, across) = (a.products(a), b.products(b), a.products(b))
    }

    /// Fréchet's distance, with covariances over n − 1.
    ///
    /// - Throws: ``Core/Failure`` when the singular values can't be found.
    public func frechet() throws -> Double { try frechet(Array(0..<first), Array(0..<second)) }

    /// Fréchet's distance of some rows of each set, which may be taken more than once.
    func frechet(_ a: [Int], _ b: [Int]) throws -> Double {
        let (n, m) = (a.count, b.count)
        var cross = [Double](repeating: 0, count: n * m)
        for (i, row) in a.enumerated() {
            for (j, column) in b.enumerated() { cross[i * m + j] = across[row * second + column] }
        }
        let (ownMean, otherMean, crossMean) = (
            SetDistance.mean(own, first, a), SetDistance.mean(other, second, b), cross.reduce(0, +) / Double(n * m)
        )
        let traces =
            (a.reduce(0) { $0 + own[$1 * first + $1] } - Double(n) * ownMean) / Double(n - 1)
            + (b.reduce(0) { $0 + other[$1 * second + $1] } - Double(m) * otherMean) / Double(m - 1)
        SetDistance.centre(&cross, n, m)
        let nuclear = try SetDistance.singularSum(&cross, n, m) / (Double(n - 1) * Double(m - 1)).squareRoot()
        return ownMean + otherMean - 2 * crossMean + traces - 2 * nuclear
    }

    /// The mean of the products of some rows with one another: the squared length of their mean.
    private static func mean(_ products: [Double], _ count: Int, _ rows: [Int]) -> Double {
        var times = [Double](repeating: 0, count: count)
        for row in rows { times[row] += 1 }
        var sum = 0.0
        for i in 0..<count where times[i] > 0 {
            var part = 0.0
            for j in 0..<count { part += times[j] * products[i * count + j] }
            sum += times[i] * part
        }
        return sum / Double(rows.count * rows.count)
    }

    /// Takes the rows' and the columns' means away.
    private static func centre(_ matrix: inout [Double], _ rows: Int, _ columns: Int) {
        var means = [Double](repeating: 0, count: columns)
        for i in 0..<rows {
            let mean = matrix[i * columns..<(i + 1) * columns].reduce(0, +) / Double(columns)
            for j in 0..<columns {
                matrix[i * columns + j] -= mean
                means[j] += matrix[i * columns + j] / Double(rows)
            }
        }
        for i in 0..<rows { for j in 0..<columns { matrix[i * columns + j] -= means[j] } }
    }

    private static func singularSum(_ matrix: inout [Double], _ rows: Int, _ columns: Int) throws -> Double {
        var values = [Double](repeating: 0, count: min(rows, columns))
        var nothing = [0.0]
        var nothingElse = [0.0]
        let status = LAPACKE_dgesdd(
            LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "N")), Int32(rows), Int32(columns), &matrix, Int32(columns), &values,
            &nothing, 1, &nothingElse, Int32(columns))
        guard status == 0 else { throw Failure("features", "have no singular values: LAPACK's \(status)") }
        return values.reduce(0, +)
    }

    /// The unbiased squared kernel distance, with the kernel (x·y / size + 1)³.
    public func kernel() -> Double { kernel(Array(0..<first), Array(0..<second)) }

    func kernel(_ a: [Int], _ b: [Int]) -> Double {
        func power(_ product: Double) -> Double { pow(product / Double(size) + 1, 3) }
        /// The mean over pairs of two draws; a picture that was drawn twice makes no pair with itself.
        func within(_ products: [Double], _ count: Int, _ rows: [Int]) -> Double {
            var (sum, pairs) = (0.0, 0)
            for i in rows {
                for j in rows where i != j {
                    sum += power(products[i * count + j])
                    pairs += 1
                }
            }
            return sum / Double(max(1, pairs))
        }
        var sum = 0.0
        for i in a { for j in b { sum += power(across[i * second + j]) } }
        return within(own, first, a) + within(other, second, b) - 2 * sum / Double(a.count * b.count)
    }

    /// An interval of 95 % about Fréchet's distance: 1.96 deviations of draws with replacement to each side.
    ///
    /// The draws' own middle is not used, since a set with repetitions lies farther away than the set itself.
    ///
    /// - Parameters:
    ///   - draws: How many.
    ///   - seed: Of the draws.
    /// - Returns: The interval, with the distance in its middle.
    /// - Throws: As ``frechet()``.
    public func frechetInterval(draws: Int = 30, seed: UInt64 = 0) throws -> ClosedRange<Double> {
        try interval(draws, seed, about: frechet()) { try frechet($0, $1) }
    }

    /// An interval of 95 % about the kernel distance, as ``frechetInterval(draws:seed:)``.
    public func kernelInterval(draws: Int = 30, seed: UInt64 = 0) -> ClosedRange<Double> {
        interval(draws, seed, about: kernel()) { kernel($0, $1) }
    }

    private func interval(
        _ draws: Int, _ seed: UInt64, about middle: Double, _ value: ([Int], [Int]) throws -> Double
    ) rethrows -> ClosedRange<Double> {
        var random = CounterRandom(seed: seed, domain: Bootstrap.domain)
        let found = try (0..<draws).map { _ in
            try value(Bootstrap.draw(first, &random), Bootstrap.draw(second, &random))
        }
        let mean = found.reduce(0, +) / Double(draws)
        let variance = found.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, draws - 1))
        return middle - 1.96 * variance.squareRoot()...middle + 1.96 * variance.squareRoot()
    }
}
