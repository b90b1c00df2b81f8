import Images

extension PictureSquare {
    /// The largest centred square of a picture: the place of a face that is all of it.
    public init(allOf image: Image) {
        self.init(
            x: Double(image.width) / 2, y: Double(image.height) / 2,
            halfX: Double(min(image.width, image.height)) / 2, halfY: 0)
    }

    /// The square of a plane at another size, averaged where it shrinks, the rim repeated outside.
    public func cut(_ plane: Plane, side: Int) -> Plane {
        // More samples than pixels where it shrinks, then averaged.
        let times = max(1, Int((self.side / Double(side)).rounded(.up)))
        let fine = side * times
        var result = Plane(filledWith: 0, width: fine, height: fine)
        for y in 0..<fine {
            for x in 0..<fine {
                let p = point(u: (Double(x) + 0.5) / Double(fine), v: (Double(y) + 0.5) / Double(fine))
                result.values[y * fine + x] = plane.sample(p.x - 0.5, p.y - 0.5)
            }
        }
        return result.resized(width: side, height: side)
    }

    /// A square plane laid into a picture's shape, and how much each pixel of it counts: 1 inside, falling to 0 at the
    /// square's rim, 0 outside.
    ///
    /// - Parameters:
    ///   - planes: Square, of one size.
    ///   - width: The picture's columns.
    ///   - height: The picture's rows.
    ///   - rim: The width of the fall in shares of a side; 0 where the square's side is the picture's.
    /// - Returns: Of the picture's shape; what lies outside repeats the rim.
    public func laid(_ planes: [Plane], width: Int, height: Int, rim: Double) -> (planes: [Plane], share: Plane) {
        var share = Plane(filledWith: 0, width: width, height: height)
        var results = planes.map { _ in share }
        let size = Double(planes.first?.width ?? 1)
        for y in 0..<height {
            for x in 0..<width {
                let (u, v) = place(x: Double(x) + 0.5, y: Double(y) + 0.5)
                let i = y * width + x
                let edge = 1 - 2 * max(abs(u - 0.5), abs(v - 0.5))
                let t = rim > 0 ? min(1, max(0, edge / (2 * rim))) : (edge >= -1e-9 ? 1 : 0)
                share.values[i] = Float(t * t * (3 - 2 * t))
                for k in planes.indices {
                    results[k].values[i] = planes[k].sample(u * size - 0.5, v * size - 0.5)
                }
            }
        }
        return (results, share)
    }
}

extension Plane {
    /// The value between pixel centres, linearly; the rim's beyond it.
    func sample(_ x: Double, _ y: Double) -> Float {
        let (px, py) = (min(max(x, 0), Double(width - 1)), min(max(y, 0), Double(height - 1)))
        let (x0, y0) = (min(Int(px), max(0, width - 2)), min(Int(py), max(0, height - 2)))
        let (x1, y1) = (min(x0 + 1, width - 1), min(y0 + 1, height - 1))
        let (fx, fy) = (Float(px - Double(x0)), Float(py - Double(y0)))
        let top = values[y0 * width + x0] + fx * (values[y0 * width + x1] - values[y0 * width + x0])
        let bottom = values[y1 * width + x0] + fx * (values[y1 * width + x1] - values[y1 * width + x0])
        return top + fy * (bottom - top)
    }
}

extension Image {
    /// Red, green and blue, in [-1, 1].
    package var planes: [Plane] {
        (0..<3).map { c in
            Plane((0..<width * height).map { Float(pixels[3 * $0 + c]) / 127.5 - 1 }, width: width, height: height)
        }
    }

    /// The picture with differences added, rounded and clipped.
    ///
    /// - Parameters:
    ///   - change: Of red, green and blue in [-1, 1], of the picture's size.
    ///   - share: Above 0 where they are added.
    /// - Returns: The changed picture.
    package func adding(_ change: [Plane], where share: Plane) -> Image {
        var result = self
        for i in 0..<width * height where share.values[i] > 0 {
            for c in 0..<3 {
                let value = Float(pixels[3 * i + c]) + 127.5 * change[c].values[i]
                result.pixels[3 * i + c] = UInt8(min(max(value, 0), 255) + 0.5)
            }
        }
        return result
    }
}
