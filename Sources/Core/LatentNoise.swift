import Foundation

/// The latent codes z of a seed: standard normal numbers addressed by (latent index, component).
///
/// Component pair (2j, 2j+1) of latent i comes from one Philox block with key = seed and counter words
/// (i low, i high, j, 0): Box–Muller on two 53-bit uniforms, u₁ from words 0 and 1 in (0, 1], u₂ from words 2 and 3 in
/// [0, 1). So latent 417,003 of seed 7 is the same on every machine, in every shard, whatever was drawn before it.
public struct LatentNoise: Sendable {
    /// The seed that names this set of latents.
    public let seed: UInt64
    /// Components of one latent; even.
    public let size: Int
    private let key: SIMD2<UInt32>

    /// - Parameters:
    ///   - seed: Names the set of latents.
    ///   - size: Components of one latent, 512 for StyleGAN; must be even and positive.
    public init(seed: UInt64, size: Int = 512) {
        precondition(size > 0 && size % 2 == 0, "latent size must be even")
        self.seed = seed
        self.size = size
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    }

    /// Writes z of one latent.
    ///
    /// - Parameters:
    ///   - index: Which latent of the seed.
    ///   - output: Receives `size` values; must hold at least as many.
    public func fill(index: UInt64, into output: UnsafeMutableBufferPointer<Float>) {
        precondition(output.count >= size)
        let low = UInt32(truncatingIfNeeded: index)
        let high = UInt32(truncatingIfNeeded: index >> 32)
        for pair in 0..<size / 2 {
            let bits = Philox.block(counter: Philox.Block(low, high, UInt32(pair), 0), key: key)
            let first = (UInt64(bits[1]) << 32 | UInt64(bits[0])) >> 11
            let second = (UInt64(bits[3]) << 32 | UInt64(bits[2])) >> 11
            let u1 = Double(first &+ 1) * 0x1p-53
            let u2 = Double(second) * 0x1p-53
            let radius = (-2 * log(u1)).squareRoot()
            let angle = 2 * Double.pi * u2
            output[2 * pair] = Float(radius * cos(angle))
            output[2 * pair + 1] = Float(radius * sin(angle))
        }
    }

    /// z of the latents in `range`, row-major [range.count, size], drawn on all cores.
    public func rows(_ range: Range<UInt64>) -> [Float] {
        let count = range.count
        return [Float](unsafeUninitializedCapacity: count * size) { buffer, initialized in
            let base = SendableBuffer(buffer)
            DispatchQueue.concurrentPerform(iterations: (count + 255) / 256) { chunk in
                for row in chunk * 256..<min(count, chunk * 256 + 256) {
                    let slice = UnsafeMutableBufferPointer(rebasing: base.value[row * size..<(row + 1) * size])
                    fill(index: range.lowerBound + UInt64(row), into: slice)
                }
            }
            initialized = count * size
        }
    }
}

/// Lets disjoint parts of one buffer be written from several threads; the user guarantees that they are disjoint.
public struct SendableBuffer<Element>: @unchecked Sendable {
    public let value: UnsafeMutableBufferPointer<Element>

    public init(_ value: UnsafeMutableBufferPointer<Element>) { self.value = value }
}
