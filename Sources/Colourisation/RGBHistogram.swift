import Images

/// How often values of red, green and blue occur in a picture: each alone, or in pairs (red and green, red and blue, green and
/// blue), as the paper conditions its encoders.
///
/// A value is shared by its two neighbouring bins, so that counts have slopes; hard bins have none.
public struct RGBHistogram: Sendable, Equatable {
    /// Bins from black to full.
    public let bins: Int
    /// Whether pairs of channels are counted rather than channels.
    public let isJoint: Bool
    /// [3, bins], or [3, bins, bins]; each of the three adds up to 1.
    public let shares: [Float]

    private static let pairs = [(0, 1), (0, 2), (1, 2)]

    /// - Parameters:
    ///   - picture: One picture, RGB in [-1, 1].
    ///   - bins: Bins from black to full.
    ///   - isJoint: Whether pairs of channels are counted.
    public init(of picture: ImageBatch, bins: Int, isJoint: Bool) {
        precondition(picture.count == 1 && picture.channels == 3 && bins > 1, "a histogram is of one colour picture")
        self.bins = bins
        self.isJoint = isJoint
        let area = picture.side * picture.side
        let one = isJoint ? bins * bins : bins
        var sums = [Double](repeating: 0, count: 3 * one)
        for i in 0..<area {
            let places = (0..<3).map { Place(picture.planes[$0 * area + i], bins) }
            for k in 0..<3 {
                if isJoint {
                    let (a, b) = (places[RGBHistogram.pairs[k].0], places[RGBHistogram.pairs[k].1])
                    for (da, wa) in [(0, 1 - a.share), (1, a.share)] {
                        for (db, wb) in [(0, 1 - b.share), (1, b.share)] {
                            sums[k * one + (a.low + da) * bins + b.low + db] += Double(wa * wb)
                        }
                    }
                } else {
                    sums[k * one + places[k].low] += Double(1 - places[k].share)
                    sums[k * one + places[k].low + 1] += Double(places[k].share)
                }
            }
        }
        shares = sums.map { Float($0 / Double(area)) }
    }

    /// The paper's loss: the sum of absolute differences of shares, in the mean over the three histograms, and its gradient.
    ///
    /// - Parameter picture: One picture, RGB in [-1, 1].
    /// - Returns: From 0 to 2; and for every value of the picture how that changes with it.
    public func absoluteDifference(of picture: ImageBatch) -> (value: Float, gradient: [Float]) {
        let found = RGBHistogram(of: picture, bins: bins, isJoint: isJoint)
        let area = picture.side * picture.side
        let one = isJoint ? bins * bins : bins
        var value: Float = 0
        var slopes = [Float](repeating: 0, count: shares.count)
        for i in shares.indices {
            let difference = found.shares[i] - shares[i]
            value += abs(difference) / 3
            slopes[i] = difference == 0 ? 0 : (difference > 0 ? 1 : -1) / Float(3 * area)
        }
        var gradient = [Float](repeating: 0, count: 3 * area)
        for i in 0..<area {
            let places = (0..<3).map { Place(picture.planes[$0 * area + i], bins) }
            for k in 0..<3 {
                guard isJoint else {
                    let at = k * one + places[k].low
                    gradient[k * area + i] += places[k].slope * (slopes[at + 1] - slopes[at])
                    continue
                }
                let (first, second) = RGBHistogram.pairs[k]
                let (a, b) = (places[first], places[second])
                func slope(_ da: Int, _ db: Int) -> Float { slopes[k * one + (a.low + da) * bins + b.low + db] }
                gradient[first * area + i] +=
                    a.slope
                    * ((1 - b.share) * (slope(1, 0) - slope(0, 0)) + b.share * (slope(1, 1) - slope(0, 1)))
                gradient[second * area + i] +=
                    b.slope
                    * ((1 - a.share) * (slope(0, 1) - slope(0, 0)) + a.share * (slope(1, 1) - slope(1, 0)))
            }
        }
        return (value, gradient)
    }

    /// Between which two bins a value lies.
    private struct Place {
        let low: Int
        /// What the upper bin has of it.
        let share: Float
        /// How that changes with the value.
        let slope: Float

        init(_ value: Float, _ bins: Int) {
            let place = (value + 1) / 2 * Float(bins) - 0.5
            let inside = min(max(place, 0), Float(bins - 1))
            low = min(Int(inside), bins - 2)
            share = inside - Float(low)
            slope = place == inside ? Float(bins) / 2 : 0
        }
    }
}
