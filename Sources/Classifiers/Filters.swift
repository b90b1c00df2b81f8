import Core
import Foundation
import Images

/// Changes of a picture given as planes [3, size, size] in about [-1, 1], in place.
package enum Filters {
    /// A Gaussian blur, edges repeated.
    package static func gaussianBlur(_ planes: UnsafeMutableBufferPointer<Float>, size: Int, sigma: Float) {
        let kernel = kernel(sigma: sigma)
        let radius = kernel.count / 2
        var line = [Float](repeating: 0, count: size + 2 * radius)
        line.withUnsafeMutableBufferPointer { line in
            for channel in 0..<3 {
                for vertical in [false, true] {
                    let stride = vertical ? size : 1
                    for row in 0..<size {
                        let base = channel * size * size + row * (vertical ? 1 : size)
                        for i in 0..<line.count { line[i] = planes[base + min(max(i - radius, 0), size - 1) * stride] }
                        for i in 0..<size {
                            var sum: Float = 0
                            for k in 0..<kernel.count { sum += kernel[k] * line[i + k] }
                            planes[base + i * stride] = sum
                        }
                    }
                }
            }
        }
    }

    /// The adjoint of ``gaussianBlur(_:size:sigma:)``: what would have fallen beyond the edges comes back to them.
    package static func gaussianBlurBackward(
        _ planes: UnsafeMutableBufferPointer<Float>, size: Int, sigma: Float
    ) {
        let kernel = kernel(sigma: sigma)
        let radius = kernel.count / 2
        var line = [Float](repeating: 0, count: size)
        line.withUnsafeMutableBufferPointer { line in
            for channel in 0..<3 {
                for vertical in [true, false] {
                    let stride = vertical ? size : 1
                    for row in 0..<size {
                        let base = channel * size * size + row * (vertical ? 1 : size)
                        for i in 0..<size { line[i] = 0 }
                        for i in 0..<size {
                            let value = planes[base + i * stride]
                            for k in 0..<kernel.count {
                                line[min(max(i + k - radius, 0), size - 1)] += kernel[k] * value
                            }
                        }
                        for i in 0..<size { planes[base + i * stride] = line[i] }
                    }
                }
            }
        }
    }

    /// A Gaussian cut at two and a half deviations, whose sum is 1.
    private static func kernel(sigma: Float) -> [Float] {
        let radius = max(1, Int((2.5 * sigma).rounded(.up)))
        let values = (-radius...radius).map { exp(-Float($0 * $0) / (2 * sigma * sigma)) }
        let total = values.reduce(0, +)
        return values.map { $0 / total }
    }

    /// Unsharp masking: adds `amount` times the difference to a blurred copy.
    static func sharpen(_ planes: UnsafeMutableBufferPointer<Float>, size: Int, amount: Float, sigma: Float) {
        var soft = Array(planes)
        soft.withUnsafeMutableBufferPointer { gaussianBlur($0, size: size, sigma: sigma) }
        for i in planes.indices {
            planes[i] = min(max(planes[i] + amount * (planes[i] - soft[i]), -1), 1)
        }
    }

    /// A pass through JPEG.
    package static func jpeg(_ planes: UnsafeMutableBufferPointer<Float>, size: Int, quality: Int) {
        let image = Image(planes: UnsafeBufferPointer(planes), width: size, height: size)
        guard let data = try? image.encodedJPEG(quality: quality),
            let decoded = try? Image.decode(data, name: "augmentation")
        else { return }
        for (i, value) in decoded.planes().enumerated() { planes[i] = value }
    }

    /// Covers a rectangle of 12…35 % of the side with one colour (DeVries and Taylor, 2017).
    static func cutout(_ planes: UnsafeMutableBufferPointer<Float>, size: Int, random: inout CounterRandom) {
        let width = max(1, Int(random.uniform(0.12, 0.35) * Float(size)))
        let height = max(1, Int(random.uniform(0.12, 0.35) * Float(size)))
        let x = random.index(size - width + 1)
        let y = random.index(size - height + 1)
        for channel in 0..<3 {
            let fill = random.uniform(-0.7, 0.7)
            for row in y..<y + height {
                for column in x..<x + width { planes[(channel * size + row) * size + column] = fill }
            }
        }
    }
}
