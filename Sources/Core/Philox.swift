/// Philox4x32-10, the counter-based random generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
/// as 1, 2, 3" (SC 2011): a pure function from a 128-bit counter and a 64-bit key to 128 random bits.
public enum Philox {
    /// Four 32-bit words, the counter or the output, least significant word first as in Random123.
    public typealias Block = SIMD4<UInt32>

    /// Ten rounds of Philox4x32.
    ///
    /// - Parameters:
    ///   - counter: The position in the stream.
    ///   - key: The stream, low word first.
    /// - Returns: Four uniformly distributed 32-bit words.
    @inlinable
    public static func block(counter: Block, key: SIMD2<UInt32>) -> Block {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let p0 = UInt64(0xD251_1F53) &* UInt64(c[0])
            let p1 = UInt64(0xCD9E_8D57) &* UInt64(c[2])
            c = Block(
                UInt32(truncatingIfNeeded: p1 >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: p1),
                UInt32(truncatingIfNeeded: p0 >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: p0))
            k[0] &+= 0x9E37_79B9
            k[1] &+= 0xBB67_AE85
        }
        return c
    }
}

/// A random stream addressed by position, not by history: any number of it can be had without drawing those before.
///
/// Latents use domain 0 (see ``LatentNoise``); every other use takes a domain of its own so that no two share numbers.
public struct CounterRandom: Sendable {
    private let key: SIMD2<UInt32>
    private let domain: UInt32
    private var position: UInt64 = 0
    private var buffered = Philox.Block()
    private var available = 0

    /// - Parameters:
    ///   - seed: The user's seed.
    ///   - domain: Separates uses of one seed; 0 is reserved for latents.
    ///   - position: Where in the stream to begin.
    public init(seed: UInt64, domain: UInt32, position: UInt64 = 0) {
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        self.domain = domain
        self.position = position
    }
}

extension CounterRandom: RandomNumberGenerator {
    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        if available == 0 {
            let counter = Philox.Block(
                UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32), 0, domain)
            buffered = Philox.block(counter: counter, key: key)
            position &+= 1
            available = 2
        }
        available -= 1
        return available == 1
            ? UInt64(buffered[0]) | UInt64(buffered[1]) << 32
            : UInt64(buffered[2]) | UInt64(buffered[3]) << 32
    }
}
