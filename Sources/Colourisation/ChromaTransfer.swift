import Foundation

/// Mean and covariance of colours, and the shortest way from one such distribution to another: Monge's and Kantorovich's linear
/// map (Pitié and Kokaram, 2007), in closed form for two dimensions.
public struct ChromaStatistics: Sendable, Equatable {
    /// Cb and Cr.
    public var mean: SIMD2<Double>
    /// The covariance's two variances and the covariance of Cb and Cr.
    public var (blue, red, both): (Double, Double, Double)

    /// - Parameters:
    ///   - mean: Cb and Cr.
    ///   - blue: The variance of Cb.
    ///   - red: The variance of Cr.
    ///   - both: Their covariance.
    public init(mean: SIMD2<Double>, blue: Double, red: Double, both: Double) {
        self.mean = mean
        (self.blue, self.red, self.both) = (blue, red, both)
    }

    /// Those of a picture's colours, each pixel counting what its weight is.
    public init(of chroma: Chroma, weights: Plane? = nil) {
        var (total, sum, squares, product) = (0.0, SIMD2<Double>.zero, SIMD2<Double>.zero, 0.0)
        for i in chroma.cb.values.indices {
            let weight = weights.map { Double($0.values[i]) } ?? 1
            let colour = SIMD2(Double(chroma.cb.values[i]), Double(chroma.cr.values[i]))
            total += weight
            sum += weight * colour
            squares += weight * colour * colour
            product += weight * colour.x * colour.y
        }
        total = max(total, 1e-12)
        mean = sum / total
        let variances = squares / total - mean * mean
        (blue, red, both) = (max(0, variances.x), max(0, variances.y), product / total - mean.x * mean.y)
    }

    /// Colours of one distribution moved so that they have another's mean and covariance.
    ///
    /// - Parameters:
    ///   - chroma: Colours that have these statistics.
    ///   - target: The mean and covariance that are wanted.
    ///   - strength: 0 leaves the colours, 1 moves them all the way.
    /// - Returns: The moved colours.
    public func moved(_ chroma: Chroma, to target: ChromaStatistics, strength: Float = 1) -> Chroma {
        let map = transport(to: target)
        var result = chroma
        for i in chroma.cb.values.indices {
            let colour = SIMD2(Double(chroma.cb.values[i]), Double(chroma.cr.values[i])) - mean
            let moved = SIMD2((map.rows.0 * colour).sum(), (map.rows.1 * colour).sum()) + target.mean
            result.cb.values[i] += strength * (Float(moved.x) - chroma.cb.values[i])
            result.cr.values[i] += strength * (Float(moved.y) - chroma.cr.values[i])
        }
        return result
    }

    /// A^(−1/2) (A^(1/2) B A^(1/2))^(1/2) A^(−1/2) of the two covariances.
    private func transport(to target: ChromaStatistics) -> Symmetric2 {
        // A distribution that is a point can't be stretched; a tiny variance keeps the map finite.
        let floor = 0.05
        let a = Symmetric2(blue + floor, both, red + floor).squareRoot
        let inner = Symmetric2.product(a, Symmetric2(target.blue + floor, target.both, target.red + floor), a)
        let inverse = a.inverse
        return Symmetric2.product(inverse, inner.squareRoot, inverse)
    }
}

/// A symmetric matrix of two rows.
private struct Symmetric2 {
    let (a, b, c): (Double, Double, Double)

    init(_ a: Double, _ b: Double, _ c: Double) { (self.a, self.b, self.c) = (a, b, c) }

    var rows: (SIMD2<Double>, SIMD2<Double>) { (SIMD2(a, b), SIMD2(b, c)) }
    private var determinant: Double { a * c - b * b }

    /// Of a positive definite matrix, by Cayley and Hamilton.
    var squareRoot: Symmetric2 {
        let s = max(0, determinant).squareRoot()
        let t = (a + c + 2 * s).squareRoot()
        return Symmetric2((a + s) / t, b / t, (c + s) / t)
    }

    var inverse: Symmetric2 { Symmetric2(c / determinant, -b / determinant, a / determinant) }

    /// x · y · x, which is symmetric.
    static func product(_ x: Symmetric2, _ y: Symmetric2, _ z: Symmetric2) -> Symmetric2 {
        let (p, q) = (
            SIMD2((x.rows.0 * y.rows.0).sum(), (x.rows.0 * y.rows.1).sum()),
            SIMD2((x.rows.1 * y.rows.0).sum(), (x.rows.1 * y.rows.1).sum())
        )
        return Symmetric2((p * z.rows.0).sum(), (p * z.rows.1).sum(), (q * z.rows.1).sum())
    }
}
