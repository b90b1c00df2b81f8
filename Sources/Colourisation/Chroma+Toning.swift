extension Chroma {
    /// From where to where the surroundings of face and hair begin, as ``FaceMatte`` measures.
    private static let rim: ClosedRange<Float> = 1.2...1.7

    /// Colours of an aligned face times a factor on the face, and times another around it.
    package func toned(face: Float, around: Float) -> Chroma {
        let rim = Chroma.rim
        var result = self
        for i in result.cb.values.indices {
            let place = SIMD2((Float(i % width) + 0.5) / Float(width), (Float(i / width) + 0.5) / Float(height))
            let outside = (FaceMatte.reach(place) - rim.lowerBound) / (rim.upperBound - rim.lowerBound)
            let factor = face + (around - face) * min(max(outside, 0), 1)
            result.cb.values[i] *= factor
            result.cr.values[i] *= factor
        }
        return result
    }
}
