import Images

/// Where an aligned face lies in a photograph: an upright or turned square.
///
/// Middle and half sides are in pixels, with pixel (0, 0) covering 0…1. What finds faces makes these; a picture that is an
/// aligned face has one that is all of it.
public struct FacePlacement: Sendable, Equatable {
    /// The square's middle.
    public var middle: SIMD2<Double>
    /// From the middle to the right side's middle.
    public var right: SIMD2<Double>

    public init(middle: SIMD2<Double>, right: SIMD2<Double>) {
        self.middle = middle
        self.right = right
    }

    /// The largest centred square of a picture.
    public init(allOf image: Image) {
        let half = Double(min(image.width, image.height)) / 2
        self.init(
            middle: SIMD2(Double(image.width) / 2, Double(image.height) / 2), right: SIMD2(half, 0))
    }

    /// From the middle to the lower side's middle.
    private var down: SIMD2<Double> { SIMD2(-right.y, right.x) }
    /// Half a side in pixels.
    public var half: Double { (right * right).sum().squareRoot() }

    /// The square of a plane at another size, averaged where it shrinks, the rim repeated outside.
    public func cut(_ plane: Plane, side: Int) -> Plane {
        // More samples than pixels where it shrinks, then averaged.
        let times = max(1, Int((2 * half / Double(side)).rounded(.up)))
        let fine = side * times
        var result = Plane(filledWith: 0, width: fine, height: fine)
        for y in 0..<fine {
            for x in 0..<fine {
                let u = (Double(x) + 0.5) / Double(fine) * 2 - 1
                let v = (Double(y) + 0.5) / Double(fine) * 2 - 1
                let p = middle + u * right + v * down
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
        let square = (right * right).sum()
        let side = Double(planes.first?.width ?? 1)
        for y in 0..<height {
            for x in 0..<width {
                let d = SIMD2(Double(x) + 0.5, Double(y) + 0.5) - middle
                let (u, v) = ((d * right).sum() / square, (d * down).sum() / square)
                let i = y * width + x
                let edge = 1 - max(abs(u), abs(v))
                let t = rim > 0 ? min(1, max(0, edge / (2 * rim))) : (edge >= -1e-9 ? 1 : 0)
                share.values[i] = Float(t * t * (3 - 2 * t))
                for k in planes.indices {
                    results[k].values[i] = planes[k].sample((u + 1) / 2 * side - 0.5, (v + 1) / 2 * side - 0.5)
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
