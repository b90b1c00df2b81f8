import Foundation

/// A square in a picture, at any turn: where an aligned face lies in its photograph.
///
/// Points are in pixels, (0, 0) the top left corner of the first pixel. In the square itself u and v go from 0 to 1, to the right
/// and down.
public struct PictureSquare: Sendable, Codable, Equatable {
    /// The middle.
    public var x: Double
    public var y: Double
    /// Half a side, to the square's right.
    public var halfX: Double
    public var halfY: Double

    /// - Parameters:
    ///   - x: The middle.
    ///   - y: The middle.
    ///   - halfX: Half a side, to the square's right.
    ///   - halfY: The same, downwards.
    public init(x: Double, y: Double, halfX: Double, halfY: Double) {
        (self.x, self.y, self.halfX, self.halfY) = (x, y, halfX, halfY)
    }

    /// Pixels along a side.
    public var side: Double { 2 * (halfX * halfX + halfY * halfY).squareRoot() }

    /// The turn in radians, clockwise as pictures are looked at.
    public var angle: Double { atan2(halfY, halfX) }

    /// The picture's point at a place of the square.
    public func point(u: Double, v: Double) -> (x: Double, y: Double) {
        let (a, b) = (2 * u - 1, 2 * v - 1)
        return (x + a * halfX - b * halfY, y + a * halfY + b * halfX)
    }

    /// The place in the square of a picture's point.
    public func place(x px: Double, y py: Double) -> (u: Double, v: Double) {
        let square = halfX * halfX + halfY * halfY
        let (dx, dy) = (px - x, py - y)
        return (
            0.5 + 0.5 * (dx * halfX + dy * halfY) / square, 0.5 + 0.5 * (dy * halfX - dx * halfY) / square
        )
    }

    /// The same square with another side, around the same middle.
    public func scaled(by factor: Double) -> PictureSquare {
        PictureSquare(x: x, y: y, halfX: halfX * factor, halfY: halfY * factor)
    }

    /// Whether it is a square whose middle lies in a picture of a size.
    public func isIn(width: Int, height: Int) -> Bool {
        0...Double(width) ~= x && 0...Double(height) ~= y && side.isFinite && side >= 1
            && side < 64 * Double(max(width, height))
    }

    /// The upright box around it.
    public var bounds: (left: Double, top: Double, right: Double, bottom: Double) {
        let corners = [(0.0, 0.0), (1, 0), (0, 1), (1, 1)].map { point(u: $0.0, v: $0.1) }
        let (xs, ys) = (corners.map(\.x), corners.map(\.y))
        return (xs.min() ?? x, ys.min() ?? y, xs.max() ?? x, ys.max() ?? y)
    }
}

extension Image {
    /// What a square of the picture shows, `size` pixels along a side.
    ///
    /// Where it is larger than that, whole factors are averaged away first; then every pixel is a bilinear sample. Outside of the
    /// picture it goes on mirrored, fading to blur and to the square's mean colour, as FFHQ's recipe does.
    public func sampled(_ square: PictureSquare, size: Int) -> Image {
        let factor = max(1, Int(square.side / Double(size)))
        let bounds = square.bounds
        // The part of the picture that the square can see, mirrored parts included.
        let reach = Int(square.side.rounded(.up)) + 2 * factor
        let left = min(max(0, Int(bounds.left) - reach), width - 1) / factor * factor
        let top = min(max(0, Int(bounds.top) - reach), height - 1) / factor * factor
        let right = max(left + 1, min(width, Int(bounds.right) + reach))
        let bottom = max(top + 1, min(height, Int(bounds.bottom) + reach))
        var source = cropped(x: left, y: top, width: right - left, height: bottom - top)
        let (full, scale): ((Int, Int), Double)
        if factor > 1 {
            full = (source.width, source.height)
            source = source.resized(
                width: max(1, source.width / factor), height: max(1, source.height / factor))
            scale = Double(source.width) / Double(full.0)
        } else {
            scale = 1
        }
        var result = Image(width: size, height: size, fill: (0, 0, 0))
        var outside = [Float](repeating: 0, count: size * size)
        var isOutside = false
        for row in 0..<size {
            for column in 0..<size {
                let (px, py) = square.point(
                    u: (Double(column) + 0.5) / Double(size), v: (Double(row) + 0.5) / Double(size))
                let beyond = max(-px, px - Double(width), -py, py - Double(height))
                if beyond > 0 {
                    outside[row * size + column] = Float(beyond / square.side)
                    isOutside = true
                }
                let colour = source.bilinear(
                    x: (px - Double(left)) * scale - 0.5, y: (py - Double(top)) * scale - 0.5)
                let at = 3 * (row * size + column)
                for c in 0..<3 { result.pixels[at + c] = UInt8(min(max(colour[c] + 0.5, 0), 255)) }
            }
        }
        return isOutside ? result.faded(outside) : result
    }

    /// A bilinear sample at pixel centres; outside, the picture is mirrored.
    private func bilinear(x: Double, y: Double) -> SIMD3<Float> {
        let (x0, y0) = (x.rounded(.down), y.rounded(.down))
        let (fx, fy) = (Float(x - x0), Float(y - y0))
        func pixel(_ x: Int, _ y: Int) -> SIMD3<Float> {
            let at = 3 * (Image.mirrored(y, height) * width + Image.mirrored(x, width))
            return SIMD3(Float(pixels[at]), Float(pixels[at + 1]), Float(pixels[at + 2]))
        }
        let (column, row) = (Int(x0), Int(y0))
        let top = pixel(column, row) * (1 - fx) + pixel(column + 1, row) * fx
        let bottom = pixel(column, row + 1) * (1 - fx) + pixel(column + 1, row + 1) * fx
        return top * (1 - fy) + bottom * fy
    }

    /// A place mirrored at both ends of a row of `count`, the end pixels not repeated.
    private static func mirrored(_ place: Int, _ count: Int) -> Int {
        if count == 1 { return 0 }
        let period = 2 * (count - 1)
        let inside = ((place % period) + period) % period
        return inside < count ? inside : period - inside
    }

    /// Blurred where it is outside, the more so the farther, and then of the mean colour.
    private func faded(_ outside: [Float]) -> Image {
        let blurred = resized(width: max(1, width / 16), height: max(1, height / 16)).resized(
            width: width, height: height)
        let mean = resized(width: 1, height: 1).pixels.map(Float.init)
        var result = self
        for i in outside.indices where outside[i] > 0 {
            let (blur, fade) = (min(1, outside[i] / 0.05), min(1, outside[i] / 0.5))
            for c in 0..<3 {
                let soft = Float(pixels[3 * i + c]) * (1 - blur) + Float(blurred.pixels[3 * i + c]) * blur
                result.pixels[3 * i + c] = UInt8(soft * (1 - fade) + mean[c] * fade + 0.5)
            }
        }
        return result
    }

    /// The picture with what was changed in a square of it.
    ///
    /// The difference is put onto the picture's own pixels, fading out towards the square's rim: where nothing was changed, and
    /// everywhere outside of the square, every pixel stays as it is, and detail finer than the square's stays too.
    ///
    /// - Parameters:
    ///   - changed: The square after the change.
    ///   - original: The same square before it, as ``sampled(_:size:)`` gave it.
    ///   - square: Where it lies.
    /// - Returns: A picture of this one's size.
    public func pasting(_ changed: Image, over original: Image, at square: PictureSquare) -> Image {
        precondition(changed.width == original.width && changed.height == original.height, "one square, twice")
        if changed == original { return self }
        let size = changed.width
        var result = self
        let bounds = square.bounds
        let (left, right) = (max(0, Int(bounds.left)), min(width, Int(bounds.right) + 1))
        let (top, bottom) = (max(0, Int(bounds.top)), min(height, Int(bounds.bottom) + 1))
        for y in stride(from: top, to: bottom, by: 1) {
            for x in stride(from: left, to: right, by: 1) {
                let (u, v) = square.place(x: Double(x) + 0.5, y: Double(y) + 0.5)
                let rim = min(u, v, 1 - u, 1 - v)
                if rim <= 0 { continue }
                let share = Float(min(1, rim / Image.feather))
                let mask = share * share * (3 - 2 * share)
                let (sx, sy) = (
                    min(max(u * Double(size) - 0.5, 0), Double(size - 1)),
                    min(max(v * Double(size) - 0.5, 0), Double(size - 1))
                )
                let difference = changed.bilinear(x: sx, y: sy) - original.bilinear(x: sx, y: sy)
                let at = 3 * (y * width + x)
                for c in 0..<3 {
                    let value = Float(pixels[at + c]) + mask * difference[c]
                    result.pixels[at + c] = UInt8(min(max(value + 0.5, 0), 255))
                }
            }
        }
        return result
    }

    /// The share of a side over which changes fade out towards the rim.
    private static let feather = 0.08
}
