import Images

/// Smooths planes without crossing the edges of a guide (He, Sun and Tang, "Guided Image Filtering", 2010).
///
/// In every window the result is a straight line of the guide; the time does not depend on the radius. Pixels can be trusted by
/// different amounts: then lines are fitted to those that are, and reach into windows with few of them.
///
/// For example:
///
/// ```swift
/// let filter = GuidedFilter(guide: grey, radius: 8, epsilon: 60)
/// let clean = filter.filtered(chroma)
/// ```
public struct GuidedFilter: Sendable {
    private let guide: Plane
    private let radius: Int
    private let epsilon: Float
    private let weights: Plane?
    /// Mean weight of every window; nil where all are 1.
    private let shares: Plane?
    private let mean: Plane
    private let variance: Plane

    /// - Parameters:
    ///   - guide: Whose edges are kept.
    ///   - radius: Pixels on each side of a window's middle.
    ///   - epsilon: The guide's variance, in squares of its steps, below which a window is smoothed.
    ///   - weights: How much each pixel of what is filtered can be trusted, from 0; nil for all alike.
    public init(guide: Plane, radius: Int, epsilon: Float, weights: Plane? = nil) {
        self.guide = guide
        self.radius = radius
        self.epsilon = epsilon
        self.weights = weights
        shares = weights?.boxMean(radius: radius)
        let average = GuidedFilter.mean(guide, radius, weights, shares)
        mean = average
        variance = GuidedFilter.mean(guide.map { $0 * $0 }, radius, weights, shares)
            .map(with: average) { max(0, $0 - $1 * $1) }
    }

    /// The mean weight of every pixel's window: how much of what is there can be trusted.
    public var confidence: Plane { shares ?? Plane(filledWith: 1, width: guide.width, height: guide.height) }

    /// A plane of the guide's shape, smoothed.
    public func filtered(_ plane: Plane) -> Plane {
        let average = GuidedFilter.mean(plane, radius, weights, shares)
        let product = GuidedFilter.mean(plane.map(with: guide, *), radius, weights, shares)
        var (slope, offset) = (average, average)
        for i in slope.values.indices {
            let covariance = product.values[i] - average.values[i] * mean.values[i]
            slope.values[i] = covariance / (variance.values[i] + epsilon)
            offset.values[i] = average.values[i] - slope.values[i] * mean.values[i]
        }
        let slopes = GuidedFilter.mean(slope, radius, shares, nil)
        let offsets = GuidedFilter.mean(offset, radius, shares, nil)
        var result = offsets
        for i in result.values.indices { result.values[i] += slopes.values[i] * guide.values[i] }
        return result
    }

    /// Both planes of a chroma, smoothed.
    public func filtered(_ chroma: Chroma) -> Chroma { chroma.map { filtered($0) } }

    /// The windows' means, each pixel counting what its weight is.
    private static func mean(_ plane: Plane, _ radius: Int, _ weights: Plane?, _ shares: Plane?) -> Plane {
        guard let weights else { return plane.boxMean(radius: radius) }
        let sums = plane.map(with: weights, *).boxMean(radius: radius)
        return sums.map(with: shares ?? weights.boxMean(radius: radius)) { $0 / max($1, 1e-6) }
    }
}
