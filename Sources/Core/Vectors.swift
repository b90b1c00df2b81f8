/// Arithmetic of vectors as they lie in files and databases.
package enum Vectors {
    /// The dot product of two vectors of float32 that lie in memory, in float64.
    ///
    /// - Parameters:
    ///   - x: One, not necessarily aligned.
    ///   - y: Another of the same length.
    /// - Returns: The product.
    package static func dot(_ x: UnsafeRawBufferPointer, _ y: UnsafeRawBufferPointer) -> Double {
        var sum = SIMD8<Double>()
        let blocks = x.count / 32
        for i in 0..<blocks {
            let u = x.loadUnaligned(fromByteOffset: 32 * i, as: SIMD8<Float>.self)
            let v = y.loadUnaligned(fromByteOffset: 32 * i, as: SIMD8<Float>.self)
            sum += SIMD8<Double>(u) * SIMD8<Double>(v)
        }
        var total = sum.sum()
        for i in blocks * 8..<x.count / 4 {
            let u = x.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
            total += Double(u) * Double(y.loadUnaligned(fromByteOffset: 4 * i, as: Float.self))
        }
        return total
    }

    /// The sum of a vector's squares, in float64.
    package static func square(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }

    /// Standard deviation of vectors' projections on a direction; nil where that is zero.
    ///
    /// - Parameters:
    ///   - vectors: [count, size].
    ///   - direction: [size], of any length.
    /// - Returns: In the vectors' measure.
    package static func deviation(of vectors: [Float], along direction: [Float]) -> Double? {
        let (size, length) = (direction.count, direction.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot())
        if length == 0 { return nil }
        let projections = stride(from: 0, to: vectors.count, by: size).map { (start: Int) -> Double in
            var sum = 0.0
            for i in 0..<size { sum += Double(vectors[start + i] * direction[i]) }
            return sum / length
        }
        let count = Double(projections.count)
        let centre = projections.reduce(0, +) / count
        let squares: Double = projections.reduce(0) { sum, value in sum + (value - centre) * (value - centre) }
        return (squares / count).squareRoot()
    }
}
