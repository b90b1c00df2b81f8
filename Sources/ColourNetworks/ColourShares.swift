import Colourisation
import Foundation
import Images

/// How likely each colour is at each place of a face, as a network tells it.
public struct ColourShares: Sendable {
    /// The colours.
    public let bins: ColourBins
    /// Pixels along a side.
    public let side: Int
    /// [colours, side, side], with the sum 1 at each place.
    public let values: [Float]

    /// - Parameters:
    ///   - values: [colours, side, side], with the sum 1 at each place.
    ///   - bins: The colours.
    ///   - side: Pixels along a side.
    public init(_ values: [Float], bins: ColourBins, side: Int) {
        precondition(values.count == bins.count * side * side, "shapes differ")
        (self.values, self.bins, self.side) = (values, bins, side)
    }

    /// The mean colours: Cb and Cr in 8-bit steps.
    public var chroma: Chroma { mean(bins.colours) }

    private func mean(_ colours: [SIMD2<Float>]) -> Chroma {
        var result = Chroma(width: side, height: side)
        let area = side * side
        for (bin, colour) in colours.enumerated() {
            for i in 0..<area {
                result.cb.values[i] += values[bin * area + i] * colour.x
                result.cr.values[i] += values[bin * area + i] * colour.y
            }
        }
        return result
    }

    /// The mean colours of a face that is told another picture's: as often as there, each where the network finds it likeliest.
    ///
    /// The shares of each colour get a factor, the same at all places, such that in the mean over the face the colour has the share
    /// that it has in the picture: the entropic transport (Cuturi, "Sinkhorn distances", 2013) whose cost of a colour at a place is
    /// minus the logarithm of its share there. So the picture's colours of lips come to the lips.
    ///
    /// - Parameters:
    ///   - told: The colours of the picture, of any shape.
    ///   - weights: What each of them counts, of its shape; nil for all alike.
    ///   - places: What each place counts, of this shape; nil for all alike.
    ///   - insistence: How much the told shares count, against those that the network finds, of the told colours: 1 for no others,
    ///     0 for which colours there are alone.
    /// - Returns: Cb and Cr of this shape.
    public func chroma(
        told: Chroma, weights: Plane? = nil, places: Plane? = nil, insistence: Double = 1
    ) -> Chroma {
        let wanted = ToldShares(told, weights, bins)
        return transported(to: wanted.shares, places, insistence).mean(wanted.colours)
    }

    /// The power of the shares before they are moved: more gives a place fewer colours, and the face more nearly the told ones.
    private static let sharpness = 7.0
    /// Rounds of the factors; three times as many make hardly a difference.
    private static let rounds = 30

    private func transported(to wanted: [Float], _ places: Plane?, _ insistence: Double) -> ColourShares {
        let area = side * side
        // Places by row, so that a round reads the shares once.
        // In double precision, as factors of what is unlikely everywhere are large.
        var kernel = [Double](repeating: 0, count: values.count)
        for place in 0..<area {
            for bin in 0..<bins.count {
                let share = Double(values[bin * area + place])
                kernel[place * bins.count + bin] = pow(share + 1e-7, ColourShares.sharpness)
            }
        }
        let wanted = wanted.map(Double.init)
        let weights = places?.values.map(Double.init) ?? [Double](repeating: 1, count: area)
        let total = weights.reduce(0, +)
        var factors = wanted
        for round in 0...ColourShares.rounds {
            var means = [Double](repeating: 0, count: bins.count)
            for place in 0..<area {
                let row = place * bins.count
                var sum = 0.0
                for bin in 0..<bins.count { sum += factors[bin] * kernel[row + bin] }
                let scale = 1 / max(sum, 1e-100)
                if round == ColourShares.rounds {
                    for bin in 0..<bins.count { kernel[row + bin] *= scale * factors[bin] }
                } else {
                    for bin in 0..<bins.count { means[bin] += weights[place] * scale * kernel[row + bin] }
                }
            }
            if round == ColourShares.rounds { break }
            for bin in 0..<bins.count where wanted[bin] > 0 {
                factors[bin] = pow(wanted[bin] * total / max(means[bin], 1e-100), insistence)
            }
        }
        var result = [Float](repeating: 0, count: values.count)
        for place in 0..<area {
            for bin in 0..<bins.count {
                result[bin * area + place] = Float(kernel[place * bins.count + bin])
            }
        }
        return ColourShares(result, bins: bins, side: side)
    }
}

/// How often a picture has each colour that a network tells apart, and which it has of each in the mean.
private struct ToldShares {
    /// By bin, with the sum 1.
    private(set) var shares: [Float]
    /// By bin: Cb and Cr, also beyond the colours that the network knows.
    private(set) var colours: [SIMD2<Float>]

    init(_ chroma: Chroma, _ weights: Plane?, _ bins: ColourBins) {
        let count = chroma.cb.values.count
        let total = weights?.values.reduce(0, +) ?? Float(count)
        shares = [Float](repeating: 0, count: bins.count)
        var (blue, red) = (shares, shares)
        for i in 0..<count {
            let colour = SIMD2(chroma.cb.values[i], chroma.cr.values[i])
            let weight = (weights?.values[i] ?? 1) / max(total, 1e-12)
            bins.add(colour, weight: weight, to: &shares)
            bins.add(colour, weight: weight * colour.x, to: &blue)
            bins.add(colour, weight: weight * colour.y, to: &red)
        }
        colours = bins.colours
        for bin in shares.indices where shares[bin] > 0 {
            colours[bin] = SIMD2(blue[bin], red[bin]) / shares[bin]
        }
    }
}
