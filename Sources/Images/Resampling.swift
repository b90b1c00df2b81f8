import Foundation

extension Image {
    /// The window with its top left corner at (x, y); where it leaves the picture the nearest edge pixel is repeated.
    public func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int) -> Image {
        var result = [UInt8](repeating: 0, count: newWidth * newHeight * 3)
        for row in 0..<newHeight {
            let source = min(max(y + row, 0), height - 1) * width
            for column in 0..<newWidth {
                let from = 3 * (source + min(max(x + column, 0), width - 1))
                let to = 3 * (row * newWidth + column)
                result[to] = pixels[from]
                result[to + 1] = pixels[from + 1]
                result[to + 2] = pixels[from + 2]
            }
        }
        return Image(width: newWidth, height: newHeight, pixels: result)
    }

    /// The picture at another size: area average where it shrinks, bilinear (pixel centres aligned) where it grows, each
    /// axis on its own.
    public func resized(width newWidth: Int, height newHeight: Int) -> Image {
        if newWidth == width && newHeight == height { return self }
        let columns = Taps.axis(from: width, to: newWidth)
        let rows = Taps.axis(from: height, to: newHeight)
        var middle = [Float](repeating: 0, count: height * newWidth * 3)
        for y in 0..<height {
            for (x, taps) in columns.enumerated() {
                var sum = SIMD3<Float>()
                for (k, weight) in taps.weights.enumerated() {
                    let at = 3 * (y * width + taps.first + k)
                    sum += weight * SIMD3(Float(pixels[at]), Float(pixels[at + 1]), Float(pixels[at + 2]))
                }
                for c in 0..<3 { middle[3 * (y * newWidth + x) + c] = sum[c] }
            }
        }
        var result = [UInt8](repeating: 0, count: newWidth * newHeight * 3)
        let stride = newWidth * 3
        for (y, taps) in rows.enumerated() {
            for i in 0..<stride {
                var sum: Float = 0.5
                for (k, weight) in taps.weights.enumerated() { sum += weight * middle[(taps.first + k) * stride + i] }
                result[y * stride + i] = UInt8(min(max(sum, 0), 255))
            }
        }
        return Image(width: newWidth, height: newHeight, pixels: result)
    }

    /// The largest centred square, resized to `size`².
    public func centredSquare(size: Int) -> Image {
        let side = min(width, height)
        return cropped(x: (width - side) / 2, y: (height - side) / 2, width: side, height: side)
            .resized(width: size, height: size)
    }
}

/// The source samples that make one output sample, with weights that sum to 1.
struct Taps {
    let first: Int
    let weights: [Float]

    /// Taps of every output sample when an axis of `from` samples becomes one of `to`.
    static func axis(from: Int, to: Int) -> [Taps] {
        let scale = Double(from) / Double(to)
        return (0..<to).map { index in
            if scale > 1 {
                let low = Double(index) * scale
                let high = min(low + scale, Double(from))
                let first = Int(low)
                let last = min(Int(high.rounded(.up)), from)
                let weights = (first..<last).map {
                    Float((min(high, Double($0 + 1)) - max(low, Double($0))) / (high - low))
                }
                return Taps(first: first, weights: weights)
            }
            let centre = min(max((Double(index) + 0.5) * scale - 0.5, 0), Double(from - 1))
            let first = min(Int(centre), max(from - 2, 0))
            let fraction = Float(centre - Double(first))
            return from == 1 ? Taps(first: 0, weights: [1]) : Taps(first: first, weights: [1 - fraction, fraction])
        }
    }
}

/// Planes of floats at a smaller size.
public enum AreaResampling {
    /// Area average of square planes, each output pixel the mean of exactly the source area it covers.
    ///
    /// - Parameters:
    ///   - planes: [n, from, from], any number of planes.
    ///   - from: Pixels along a side before.
    ///   - to: Pixels along a side after.
    /// - Returns: [n, to, to].
    public static func resize(_ planes: [Float], from: Int, to: Int) -> [Float] {
        let taps = Taps.axis(from: from, to: to)
        let count = planes.count / (from * from)
        var result = [Float](repeating: 0, count: count * to * to)
        var row = [Float](repeating: 0, count: from)
        for plane in 0..<count {
            for y in 0..<to {
                for x in 0..<from { row[x] = 0 }
                for (k, weight) in taps[y].weights.enumerated() {
                    let start = plane * from * from + (taps[y].first + k) * from
                    for x in 0..<from { row[x] += weight * planes[start + x] }
                }
                for x in 0..<to {
                    var sum: Float = 0
                    for (k, weight) in taps[x].weights.enumerated() { sum += weight * row[taps[x].first + k] }
                    result[(plane * to + y) * to + x] = sum
                }
            }
        }
        return result
    }

    /// Gradients with respect to planes of a function of their averages at a smaller size.
    ///
    /// - Parameters:
    ///   - gradients: [n, to, to].
    ///   - from: Pixels along a side before.
    ///   - to: Pixels along a side after.
    /// - Returns: [n, from, from].
    public static func backward(_ gradients: [Float], from: Int, to: Int) -> [Float] {
        let taps = Taps.axis(from: from, to: to)
        let count = gradients.count / (to * to)
        var result = [Float](repeating: 0, count: count * from * from)
        var row = [Float](repeating: 0, count: from)
        for plane in 0..<count {
            for y in 0..<to {
                for x in 0..<from { row[x] = 0 }
                for x in 0..<to {
                    let value = gradients[(plane * to + y) * to + x]
                    for (k, weight) in taps[x].weights.enumerated() { row[taps[x].first + k] += weight * value }
                }
                for (k, weight) in taps[y].weights.enumerated() {
                    let start = plane * from * from + (taps[y].first + k) * from
                    for x in 0..<from { result[start + x] += weight * row[x] }
                }
            }
        }
        return result
    }
}

extension Image {
    /// Left and right exchanged.
    public func mirrored() -> Image {
        var result = self
        for y in 0..<height {
            for x in 0..<width {
                let (to, from) = (3 * (y * width + x), 3 * (y * width + width - 1 - x))
                for c in 0..<3 { result.pixels[to + c] = pixels[from + c] }
            }
        }
        return result
    }
}
