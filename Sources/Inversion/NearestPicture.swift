import Foundation

/// The picture among many that comes nearest to another.
package enum NearestPicture {
    /// Values in [-1, 1] in eight bits.
    package static func bytes(_ values: [Float]) -> [UInt8] { values.map { UInt8(min(max(($0 + 1) * 127.5, 0), 255)) } }

    /// The number of the picture with the smallest squared error.
    ///
    /// - Parameters:
    ///   - picture: Its bytes.
    ///   - pictures: As many for each picture, one after the other.
    /// - Returns: From 0.
    package static func index(of picture: [UInt8], among pictures: Data) -> Int {
        var best = (error: Int32.max, index: 0)
        let count = picture.count
        pictures.withUnsafeBytes { pictures in
            picture.withUnsafeBytes { picture in
                for index in 0..<pictures.count / max(1, count) {
                    let other = UnsafeRawBufferPointer(rebasing: pictures[index * count..<(index + 1) * count])
                    let error = squaredError(picture, other)
                    if error < best.error { best = (error, index) }
                }
            }
        }
        return best.index
    }

    /// At most 33,000 bytes, so that the sum fits.
    private static func squaredError(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int32 {
        var sums = SIMD8<Int32>()
        let blocks = a.count / 8
        for block in 0..<blocks {
            let u = a.loadUnaligned(fromByteOffset: 8 * block, as: SIMD8<UInt8>.self)
            let v = b.loadUnaligned(fromByteOffset: 8 * block, as: SIMD8<UInt8>.self)
            let d = SIMD8<Int32>(truncatingIfNeeded: u) &- SIMD8<Int32>(truncatingIfNeeded: v)
            sums &+= d &* d
        }
        var sum = sums.wrappedSum()
        for i in 8 * blocks..<a.count {
            let d = Int32(a[i]) - Int32(b[i])
            sum &+= d * d
        }
        return sum
    }
}
