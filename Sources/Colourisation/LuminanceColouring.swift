import Images

extension Plane {
    /// A photograph's own grey with given colours: seen through the film it is the photograph again.
    ///
    /// Where a colour leaves the gamut it is drawn towards grey along its hue, as far as it must be; no channel is clipped, so the
    /// grey is kept everywhere. After rounding to 8 bits it differs by at most half of what the heaviest channel counts: 0.3 steps
    /// for panchromatic film. Values are in 8-bit steps, and those outside of 0…255 count as black and white.
    ///
    /// - Parameters:
    ///   - chroma: The colours, of the same shape.
    ///   - film: What the grey is of; for ``FilmStock/panchromatic`` it is Y' of the result (Rec. 601).
    /// - Returns: The coloured picture.
    public func coloured(by chroma: Chroma, film: FilmStock = .panchromatic) -> Image {
        precondition(chroma.width == width && chroma.height == height, "shapes differ")
        let weights = film.weights
        // The channel that counts most is rounded last, so that it makes up for the others' rounding.
        let heaviest = (0..<3).max { weights[$0] < weights[$1] } ?? 1
        let pixels = [UInt8](unsafeUninitializedCapacity: 3 * values.count) { output, count in
            for i in values.indices {
                let grey = min(max(values[i], 0), 255)
                var steps = chroma.differences(i)
                steps -= (steps * weights).sum()
                let share = Plane.gamutShare(grey: grey, steps)
                let colour = grey + share * steps
                var remaining = grey
                for c in 0..<3 where c != heaviest {
                    let value = Plane.byte(colour[c])
                    remaining -= weights[c] * Float(value)
                    output[3 * i + c] = value
                }
                output[3 * i + heaviest] = Plane.byte(remaining / weights[heaviest])
            }
            count = 3 * values.count
        }
        return Image(width: width, height: height, pixels: pixels)
    }

    /// The largest share, at most 1, at which a grey with a colour added has no channel outside of 0…255.
    static func gamutShare(grey: Float, _ steps: SIMD3<Float>) -> Float {
        var share: Float = 1
        for c in 0..<3 {
            let reach = steps[c] > 0 ? 255 - grey : grey
            if abs(steps[c]) * share > reach { share = reach / abs(steps[c]) }
        }
        return share
    }

    private static func byte(_ value: Float) -> UInt8 { UInt8(min(max(value, 0), 255) + 0.5) }
}
