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

    /// Each value times a factor.
    package static func scaled(_ values: [Float], by factor: Float) -> [Float] { values.map { $0 * factor } }

    /// Each value times a factor, and an offset added.
    package static func scaled(_ values: [Float], by factor: Float, plus offset: Float) -> [Float] {
        values.map { $0 * factor + offset }
    }

    /// Each row times a factor of its own.
    ///
    /// - Parameters:
    ///   - rows: [factors' count, n].
    ///   - factors: A number for each row.
    /// - Returns: [factors' count, n].
    package static func scaled(rows: [Float], by factors: [Float]) -> [Float] {
        let width = rows.count / max(1, factors.count)
        var result = rows
        for (row, factor) in factors.enumerated() {
            for i in row * width..<(row + 1) * width { result[i] *= factor }
        }
        return result
    }

    /// The sums of two vectors' values; the shorter one's length where they differ.
    package static func added(_ one: [Float], _ other: [Float]) -> [Float] { zip(one, other).map { $0 + $1 } }

    /// Whether no value is infinite or not a number.
    package static func areFinite(_ values: [Float]) -> Bool { values.allSatisfy(\.isFinite) }

    /// Moves rows towards one row in place: row = centre + share · (row − centre).
    ///
    /// - Parameters:
    ///   - rows: [count, size].
    ///   - centre: [size].
    ///   - share: What is left of the distance.
    package static func move(_ rows: inout [Float], to centre: [Float], share: Float) {
        for i in rows.indices {
            let mean = centre[i % centre.count]
            rows[i] = mean + share * (rows[i] - mean)
        }
    }

    /// Scales each row so that its largest magnitude becomes 1 / √(its length); one of zeros stays.
    ///
    /// - Parameters:
    ///   - rows: [count, size].
    ///   - count: How many.
    package static func limit(_ rows: inout [Float], count: Int) {
        let size = rows.count / count
        for start in stride(from: 0, to: rows.count, by: size) {
            let most = rows[start..<start + size].reduce(0) { max($0, abs($1)) }
            let factor = most > 0 ? 1 / (most * Float(size).squareRoot()) : 1
            for i in start..<start + size { rows[i] *= factor }
        }
    }
}
