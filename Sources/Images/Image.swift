import Core
import Foundation

/// An 8-bit RGB picture in memory.
public struct Image: Sendable, Equatable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Interleaved RGB, row by row from the top: [height, width, 3].
    public var pixels: [UInt8]

    /// The largest picture that is read from a file, in pixels: 134,217,728, which take 403 MB.
    public static let maximumPixels = 1 << 27

    /// - Parameters:
    ///   - width: Columns.
    ///   - height: Rows.
    ///   - pixels: [height, width, 3].
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * 3, "pixels must be [height, width, 3]")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// A picture of one colour.
    public init(width: Int, height: Int, fill: (UInt8, UInt8, UInt8)) {
        var pixels = [UInt8](repeating: fill.0, count: width * height * 3)
        if fill.1 != fill.0 || fill.2 != fill.0 {
            for i in 0..<width * height {
                pixels[3 * i + 1] = fill.1
                pixels[3 * i + 2] = fill.2
            }
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// A picture from planes of floats, as generators make them: -1 is black, 1 is full, values outside are clipped.
    ///
    /// - Parameters:
    ///   - planes: [3, height, width] in C order.
    ///   - width: Columns.
    ///   - height: Rows.
    public init(planes: UnsafeBufferPointer<Float>, width: Int, height: Int) {
        let area = width * height
        precondition(planes.count == 3 * area, "planes must be [3, height, width]")
        var pixels = [UInt8](repeating: 0, count: 3 * area)
        for channel in 0..<3 {
            for i in 0..<area {
                let value = (planes[channel * area + i] + 1) * 127.5
                pixels[3 * i + channel] = value >= 255 ? 255 : value > 0 ? UInt8(value + 0.5) : 0
            }
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// The picture as planes of floats in [-1, 1]: [3, height, width].
    public func planes() -> [Float] {
        let area = width * height
        return [Float](unsafeUninitializedCapacity: 3 * area) { output, count in
            for channel in 0..<3 {
                for i in 0..<area { output[channel * area + i] = Float(pixels[3 * i + channel]) / 127.5 - 1 }
            }
            count = 3 * area
        }
    }
}
