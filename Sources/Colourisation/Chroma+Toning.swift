extension Chroma {
    /// Face and hair in FFHQ's frame, in shares of a side: an oval's middle, its half axes, and from where to where, in these,
    /// the surroundings begin.
    private static let oval = (
        middle: SIMD2<Float>(0.5, 0.57), axes: SIMD2<Float>(0.27, 0.36), rim: Float(1.2)...Float(1.7)
    )

    /// Colours of an aligned face times a factor on the face, and times another around it.
    package func toned(face: Float, around: Float) -> Chroma {
        let oval = Chroma.oval
        var result = self
        for i in result.cb.values.indices {
            let place = SIMD2((Float(i % width) + 0.5) / Float(width), (Float(i / width) + 0.5) / Float(height))
            let d = (place - oval.middle) / oval.axes
            let reach = (d * d).sum().squareRoot()
            let outside = (reach - oval.rim.lowerBound) / (oval.rim.upperBound - oval.rim.lowerBound)
            let factor = face + (around - face) * min(max(outside, 0), 1)
            result.cb.values[i] *= factor
            result.cr.values[i] *= factor
        }
        return result
    }
}
