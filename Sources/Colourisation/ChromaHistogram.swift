import Foundation

/// How often each colour occurs in a picture, whatever its luminance, as a smooth function of the colours.
///
/// Each pixel is spread over three bins along Cb and Cr by a quadratic B-spline, so that counts have gradients; they add up to 1.
public struct ChromaHistogram: Sendable, Equatable {
    /// Bins along each axis.
    public static let bins = 32
    /// Cb and Cr go from −reach to reach, in 8-bit steps; colours beyond it count as on the rim.
    public static let reach: Float = 96

    /// [bins of Cb, bins of Cr], with the sum 1.
    public let shares: [Float]

    /// The histogram of a picture's colours, each pixel counting what its weight is.
    public init(of chroma: Chroma, weights: Plane? = nil) {
        var shares = [Double](repeating: 0, count: ChromaHistogram.bins * ChromaHistogram.bins)
        var total = 0.0
        for i in chroma.cb.values.indices {
            let weight = Double(weights?.values[i] ?? 1)
            let (b, r) = (BinSpline(chroma.cb.values[i]), BinSpline(chroma.cr.values[i]))
            for j in 0..<3 {
                for k in 0..<3 {
                    shares[(b.first + j) * ChromaHistogram.bins + r.first + k] +=
                        weight * Double(b.values[j] * r.values[k])
                }
            }
            total += weight
        }
        self.shares = shares.map { Float($0 / max(total, 1e-12)) }
    }

    /// The histogram of a few colours, each counting what its weight is; as wide as colours of one thing are in photographs.
    ///
    /// - Parameters:
    ///   - colours: Cb and Cr of each, with its weight.
    ///   - deviation: How far colours of one thing differ, in 8-bit steps.
    public init(colours: [(colour: SIMD2<Float>, weight: Float)], deviation: Float = 6) {
        var (blue, red, weights): ([Float], [Float], [Float]) = ([], [], [])
        for (colour, weight) in colours {
            for j in -2...2 {
                for k in -2...2 {
                    blue.append(colour.x + Float(j) * deviation)
                    red.append(colour.y + Float(k) * deviation)
                    weights.append(weight * exp(-Float(j * j + k * k) / 2))
                }
            }
        }
        self.init(
            of: Chroma(
                cb: Plane(blue, width: blue.count, height: 1), cr: Plane(red, width: red.count, height: 1)),
            weights: Plane(weights, width: weights.count, height: 1))
    }

    /// Hellinger's distance: 0 for equal histograms, 1 for ones that have no colour in common.
    public func distance(to other: ChromaHistogram) -> Float {
        var shared = 0.0
        for (p, q) in zip(shares, other.shares) { shared += (Double(p) * Double(q)).squareRoot() }
        return Float(max(0, 1 - shared).squareRoot())
    }

    /// The squared Hellinger distance of a picture's colours from this histogram, and its gradient with respect to them.
    ///
    /// The square, since the distance itself has no slope where it is 0.
    ///
    /// - Parameters:
    ///   - chroma: The colours.
    ///   - weights: What each pixel counts; nil for all alike.
    /// - Returns: A value from 0 to 1, and for every pixel how it changes with Cb and Cr.
    public func squaredDistance(
        of chroma: Chroma, weights: Plane? = nil
    ) -> (value: Float, gradient: Chroma) {
        let found = ChromaHistogram(of: chroma, weights: weights)
        // A bin that is empty has an infinite slope; this much in each keeps it finite.
        let empty: Float = 1e-6
        var shared: Float = 0
        var slopes = [Float](repeating: 0, count: shares.count)
        for i in shares.indices {
            let (p, q) = (found.shares[i] + empty, shares[i] + empty)
            shared += (p * q).squareRoot()
            slopes[i] = -0.5 * (q / p).squareRoot()
        }
        let full = 1 + empty * Float(shares.count)
        let total = weights.map { $0.values.reduce(0, +) } ?? Float(chroma.cb.values.count)
        var gradient = Chroma(width: chroma.width, height: chroma.height)
        for i in chroma.cb.values.indices {
            let (b, r) = (BinSpline(chroma.cb.values[i]), BinSpline(chroma.cr.values[i]))
            let weight = (weights?.values[i] ?? 1) / max(total, 1e-12)
            for j in 0..<3 {
                for k in 0..<3 {
                    let slope = weight * slopes[(b.first + j) * ChromaHistogram.bins + r.first + k]
                    gradient.cb.values[i] += slope * b.slopes[j] * r.values[k]
                    gradient.cr.values[i] += slope * b.values[j] * r.slopes[k]
                }
            }
        }
        return (full - shared, gradient)
    }
}

/// What a value adds to three neighbouring bins, and how that changes with it.
private struct BinSpline {
    let first: Int
    let values: SIMD3<Float>
    let slopes: SIMD3<Float>

    init(_ value: Float) {
        let bins = Float(ChromaHistogram.bins)
        let width = 2 * ChromaHistogram.reach / bins
        // In bins, with centres at whole numbers; the spline reaches one and a half to each side.
        let place = (value + ChromaHistogram.reach) / width - 0.5
        let inside = min(max(place, 0.5), bins - 1.5)
        let middle = min(max(inside.rounded(), 1), bins - 2)
        let d = inside - middle
        first = Int(middle) - 1
        values = SIMD3(0.5 * (0.5 - d) * (0.5 - d), 0.75 - d * d, 0.5 * (0.5 + d) * (0.5 + d))
        slopes = place == inside ? SIMD3(d - 0.5, -2 * d, d + 0.5) / width : .zero
    }
}
