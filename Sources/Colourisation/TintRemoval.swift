import Images

/// Whether a face is one of a grey photograph that has one tint (sepia, yellowed paper, a blue toner).
public enum TintRemoval {
    /// How far chroma may be from what luminance explains, in 8-bit steps, for a face of a tinted grey photograph.
    ///
    /// Between the most of faces of tinted scans (3.1) and the least of 3,800 faces of colour photographs (6.2), some of them
    /// dark-haired before black, with hardly a colour but their skin's (`Benchmarks/tints.py`).
    static let limit: Float = 4.7
    /// Pixels along the longer side that a face is measured at.
    public static let side = 128
    /// The same of what its differences are averaged to: neither grain nor JPEG's blocks count as colours.
    private static let averaged = 32
    /// The share of places that may be farther: stains.
    private static let stains = 0.02

    /// How far a face's colours are from those of a tinted grey photograph, in 8-bit steps.
    ///
    /// How far chroma is from its mean at each luminance where it is farthest, but for a few places: a tint gives each grey one colour,
    /// so that nothing is left but the file's noise, while in colour lips, eyes, hair and what lies behind differ from skin as light as
    /// they are. That is little of the picture, which is why the mean over all does not tell.
    ///
    /// - Parameter face: The square of a face.
    /// - Returns: 0 for a grey photograph, about 10 and more for most colour photographs.
    public static func colourDeviation(of face: Image) -> Float {
        func size(_ longest: Int) -> (Int, Int) {
            let scale = max(1, Double(max(face.width, face.height)) / Double(longest))
            return (max(1, Int(Double(face.width) / scale)), max(1, Int(Double(face.height) / scale)))
        }
        let (width, height) = size(side)
        let small = face.resized(width: width, height: height)
        let (grey, chroma) = (FilmStock.panchromatic.grey(of: small), Chroma(of: small))
        let bins = grey.values.map { min(63, max(0, Int($0 / 4))) }
        let (across, down) = size(averaged)
        func rest(_ plane: Plane) -> [Float] {
            var (sums, counts) = ([Float](repeating: 0, count: 64), [Float](repeating: 0, count: 64))
            for (value, bin) in zip(plane.values, bins) {
                sums[bin] += value
                counts[bin] += 1
            }
            return Plane(zip(plane.values, bins).map { $0 - sums[$1] / counts[$1] }, width: width, height: height)
                .resized(width: across, height: down).values
        }
        let far = zip(rest(chroma.cb), rest(chroma.cr)).map { ($0 * $0 + $1 * $1).squareRoot() }.sorted()
        return far[min(far.count - 1, Int(Double(far.count) * (1 - stains)))]
    }

    /// Whether a face is one of a grey photograph, be it tinted.
    ///
    /// - Parameter face: The square of a face.
    /// - Returns: False for a face in colour.
    public static func isGrey(_ face: Image) -> Bool { colourDeviation(of: face) <= limit }
}

extension LuminanceTint {
    /// The tint of a grey photograph's face; nil where that is in colour (see ``TintRemoval/isGrey(_:)``).
    ///
    /// - Parameter image: The square of a face.
    public init?(of image: Image) {
        guard TintRemoval.isGrey(image) else { return nil }
        self.init([(FilmStock.panchromatic.grey(of: image), Chroma(of: image))])
    }

    /// What is left of a change where a photograph keeps its tint: that of light and shade, in the tint's colours.
    ///
    /// - Parameters:
    ///   - change: What is to be added to the photograph: one picture's differences of RGB.
    ///   - photograph: The photograph, RGB in [-1, 1], of the same size.
    /// - Returns: Differences of RGB, exactly 0 where the change is.
    public func tinted(_ change: ImageBatch, of photograph: ImageBatch) -> ImageBatch {
        precondition(change.count == 1 && photograph.count == 1 && change.side == photograph.side, "one size")
        let side = photograph.side
        func colours(_ picture: ImageBatch) -> (luma: [Float], chroma: Chroma) {
            let luma = picture.luma().planes
            let grey = Plane(luma.map { min(max(127.5 * ($0 + 1), 0), 255) }, width: side, height: side)
            return (luma, chroma(for: grey))
        }
        let (before, after) = (colours(photograph), colours(photograph + change))
        func difference(_ a: [Float], _ b: [Float], unit: Float) -> [Float] { zip(a, b).map { ($0 - $1) / unit } }
        let planes =
            difference(after.luma, before.luma, unit: 1)
            + difference(after.chroma.cb.values, before.chroma.cb.values, unit: 127.5)
            + difference(after.chroma.cr.values, before.chroma.cr.values, unit: 127.5)
        return ImageBatch(planes, side: side).rgbFromYCbCr()
    }
}
