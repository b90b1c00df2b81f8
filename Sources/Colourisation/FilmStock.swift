import Images

/// What a black-and-white film saw: how much of red, green and blue went into its grey.
///
/// The mixes are those of Luo and others, "Time-Travel Rephotography", 2021: plates of before about 1873 saw blue alone,
/// orthochromatic ones (to about 1906) green and blue, panchromatic film all colours.
public enum FilmStock: String, Sendable, Codable, CaseIterable {
    /// All colours, taken as Rec. 601's luma, which is also what programs make grey pictures by.
    case panchromatic
    /// Green and blue: lips are dark, blue eyes light.
    case orthochromatic
    /// Blue alone: skin is dark, blond hair too, skies are white.
    case blue

    /// Shares of R', G' and B' that add up to 1.
    public var weights: SIMD3<Float> {
        switch self {
        case .panchromatic: Chroma.lumaWeights
        case .orthochromatic: SIMD3(0, Chroma.lumaWeights.y, Chroma.lumaWeights.z) / 0.701
        case .blue: SIMD3(0, 0, 1)
        }
    }

    /// The grey that this film makes of a picture, in 8-bit steps.
    public func grey(of image: Image) -> Plane {
        var result = Plane(filledWith: 0, width: image.width, height: image.height)
        let weights = weights
        for i in result.values.indices {
            let rgb = SIMD3(
                Float(image.pixels[3 * i]), Float(image.pixels[3 * i + 1]), Float(image.pixels[3 * i + 2]))
            result.values[i] = (rgb * weights).sum()
        }
        return result
    }
}

extension Plane {
    /// The values, which are in 8-bit steps, as a grey picture.
    public var greyImage: Image {
        let bytes = values.map { UInt8(min(max($0, 0), 255) + 0.5) }
        return Image(width: width, height: height, pixels: bytes.flatMap { [$0, $0, $0] })
    }
}
