import Images

/// A scan of a grey photograph that has one tint (sepia, yellowed paper, a blue toner) made neutral.
public enum TintRemoval {
    /// Deviation of chroma about what its luminance explains, in 8-bit steps, up to which a picture is a tinted grey one.
    static let limit: Float = 5

    /// How far a picture's colours are from those of a tinted grey one, in 8-bit steps.
    ///
    /// The deviation of chroma about its mean at each luminance: a tint gives each grey one colour, so that nothing is left, while
    /// a colour photograph has many colours of one luminance.
    ///
    /// - Parameter image: A picture.
    /// - Returns: 0 for a tinted grey picture but for the file's noise; about 10 and more for a colour photograph.
    public static func colourDeviation(of image: Image) -> Float {
        // Small, so that neither grain nor JPEG's blocks count as colours.
        let longest = max(image.width, image.height)
        let scale = max(1, Double(longest) / 128)
        let small = image.resized(
            width: max(1, Int(Double(image.width) / scale)), height: max(1, Int(Double(image.height) / scale)))
        let chroma = Chroma(of: small)
        let tint = LuminanceTint([(FilmStock.panchromatic.grey(of: small), chroma)])
        let plain = tint.chroma(for: FilmStock.panchromatic.grey(of: small))
        var sum = 0.0
        for i in chroma.cb.values.indices {
            let (b, r) = (chroma.cb.values[i] - plain.cb.values[i], chroma.cr.values[i] - plain.cr.values[i])
            sum += Double(b * b + r * r)
        }
        return Float((sum / Double(chroma.cb.values.count)).squareRoot())
    }

    /// Whether a picture is a grey photograph, be it tinted.
    public static func isGrey(_ image: Image) -> Bool { colourDeviation(of: image) <= limit }
}

extension LuminanceTint {
    /// The tint of a grey photograph; nil where the picture is in colour (see ``TintRemoval/isGrey(_:)``).
    ///
    /// - Parameter image: A picture.
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
