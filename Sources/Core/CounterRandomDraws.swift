import Foundation

/// What networks' weights and changes of pictures are drawn from.
extension CounterRandom {
    /// Uniform in low…high.
    package mutating func uniform(_ low: Float, _ high: Float) -> Float {
        low + (high - low) * Float(next() >> 40) * 0x1p-24
    }

    /// True with the given chance.
    package mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    /// Standard normal (Box–Muller, one of the pair).
    package mutating func normal() -> Float {
        let bits = next()
        let u = (Float(bits >> 40) + 1) * 0x1p-24
        let v = Float(bits & 0xFF_FFFF) * 0x1p-24
        return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
    }

    /// Draws of ``normal()``, each times a deviation.
    package mutating func normals(_ count: Int, deviation: Float) -> [Float] {
        (0..<count).map { _ in normal() * deviation }
    }

    /// Draws of ``uniform(_:_:)``.
    package mutating func uniforms(_ count: Int, _ low: Float, _ high: Float) -> [Float] {
        (0..<count).map { _ in uniform(low, high) }
    }

    /// Uniform in 0 ..< count.
    package mutating func index(_ count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }
}
