import Images

/// Colours of many pictures in the mean: what a colouriser without a network would give every photograph.
public protocol Tint: Sendable {
    /// The colours for a photograph's grey, in 8-bit steps.
    func chroma(for grey: Plane) -> Chroma
}

/// One colour for all: sepia.
public struct MeanTint: Tint, Equatable {
    /// Cb and Cr.
    public let colour: SIMD2<Float>

    public init(_ colour: SIMD2<Float>) { self.colour = colour }

    public func chroma(for grey: Plane) -> Chroma {
        Chroma(
            cb: Plane(filledWith: colour.x, width: grey.width, height: grey.height),
            cr: Plane(filledWith: colour.y, width: grey.width, height: grey.height))
    }
}

/// A colour for each place of an aligned face.
public struct PlaceTint: Tint, Equatable {
    /// The mean of many aligned faces.
    public let colours: Chroma

    public init(_ colours: Chroma) { self.colours = colours }

    public func chroma(for grey: Plane) -> Chroma { colours.resized(width: grey.width, height: grey.height) }
}

/// A colour for each grey.
public struct LuminanceTint: Tint, Equatable {
    /// Bins that greys are put into.
    public static let bins = 16
    /// Cb and Cr of each bin.
    public let colours: [SIMD2<Float>]

    public init(_ colours: [SIMD2<Float>]) {
        precondition(colours.count == LuminanceTint.bins, "every bin has a colour")
        self.colours = colours
    }

    /// The mean colour at each grey of some pictures; greys that none has take the nearest one's.
    public init(_ pictures: [(grey: Plane, chroma: Chroma)]) {
        var sums = LuminanceSums()
        for (grey, chroma) in pictures { sums.add(grey, chroma) }
        self = sums.tint
    }

    static func bin(_ grey: Float) -> Int { min(bins - 1, max(0, Int(grey * Float(bins) / 256))) }

    public func chroma(for grey: Plane) -> Chroma {
        var result = Chroma(width: grey.width, height: grey.height)
        for i in grey.values.indices {
            // Linear between the bins' middles, as steps would be seen.
            let place = min(
                max(grey.values[i] * Float(LuminanceTint.bins) / 256 - 0.5, 0), Float(LuminanceTint.bins - 1))
            let low = min(Int(place), LuminanceTint.bins - 2)
            let colour = colours[low] + (place - Float(low)) * (colours[low + 1] - colours[low])
            result.cb.values[i] = colour.x
            result.cr.values[i] = colour.y
        }
        return result
    }
}

/// Sums of colours at each grey.
struct LuminanceSums {
    private var sums = [SIMD2<Double>](repeating: .zero, count: LuminanceTint.bins)
    private var counts = [Double](repeating: 0, count: LuminanceTint.bins)

    mutating func add(_ grey: Plane, _ chroma: Chroma, weights: Plane? = nil) {
        for i in grey.values.indices {
            let bin = LuminanceTint.bin(grey.values[i])
            let weight = Double(weights?.values[i] ?? 1)
            sums[bin] += weight * SIMD2(Double(chroma.cb.values[i]), Double(chroma.cr.values[i]))
            counts[bin] += weight
        }
    }

    var tint: LuminanceTint {
        let filled = counts.indices.filter { counts[$0] > 0 }
        return LuminanceTint(
            counts.indices.map { bin in
                guard let nearest = filled.min(by: { abs($0 - bin) < abs($1 - bin) }) else { return .zero }
                let mean = sums[nearest] / counts[nearest]
                return SIMD2(Float(mean.x), Float(mean.y))
            })
    }
}

/// The mean colours of aligned faces, gathered picture by picture.
///
/// For example:
///
/// ```swift
/// var statistics = TintStatistics()
/// for picture in pictures { statistics.add(picture) }
/// let sepia = statistics.mean, places = statistics.byPlace, greys = statistics.byLuminance
/// ```
public struct TintStatistics: Sendable {
    /// Pixels along a side at which faces are added up.
    public static let side = 256
    /// How many faces were added.
    public private(set) var count = 0
    private var sums = [SIMD2<Double>](repeating: .zero, count: TintStatistics.side * TintStatistics.side)
    private var luminance = LuminanceSums()

    public init() {}

    /// Adds an aligned face in colour.
    public mutating func add(_ picture: Image) {
        let face = picture.centredSquare(size: TintStatistics.side)
        let chroma = Chroma(of: face)
        for i in sums.indices { sums[i] += SIMD2(Double(chroma.cb.values[i]), Double(chroma.cr.values[i])) }
        luminance.add(FilmStock.panchromatic.grey(of: face), chroma)
        count += 1
    }

    /// One colour for all.
    public var mean: MeanTint {
        let mean = sums.reduce(.zero, +) / Double(max(1, count * sums.count))
        return MeanTint(SIMD2(Float(mean.x), Float(mean.y)))
    }

    /// A colour for each place.
    public var byPlace: PlaceTint {
        let share = 1 / Double(max(1, count))
        func plane(_ value: (SIMD2<Double>) -> Double) -> Plane {
            Plane(sums.map { Float(value($0) * share) }, width: TintStatistics.side, height: TintStatistics.side)
        }
        return PlaceTint(Chroma(cb: plane(\.x), cr: plane(\.y)))
    }

    /// A colour for each grey.
    public var byLuminance: LuminanceTint { luminance.tint }
}
