import Core

/// A random perspective view of square planes, as if a picture on a wall were seen from aside: what an alignment has to undo.
///
/// Each corner moves inwards by up to half of `distortion` of a side, both ways; what comes from outside is 0.
package struct PerspectiveWarp {
    /// From the result's places in [0, 1] to the source's: a projective map, row by row, its last entry 1.
    private let map: [Double]

    /// Draws a warp.
    package init(distortion: Float, random: inout CounterRandom) {
        let reach = distortion / 2
        let corners = [(0.0, 0.0), (1, 0), (1, 1), (0, 1)].map { x, y in
            let dx = Double(random.uniform(0, reach))
            let dy = Double(random.uniform(0, reach))
            return SIMD2(x + (x < 0.5 ? dx : -dx), y + (y < 0.5 ? dy : -dy))
        }
        self.init(corners: corners)
    }

    /// - Parameter corners: Where the source's top left, top right, bottom right and bottom left corners are seen.
    package init(corners: [SIMD2<Double>]) {
        // The map from the unit square to the corners in closed form (Heckbert, "Fundamentals of Texture Mapping", 1989).
        let (a, b, c, d) = (corners[0], corners[1], corners[2], corners[3])
        let (u, v, s) = (b - c, d - c, a - b + c - d)
        let determinant = u.x * v.y - v.x * u.y
        let g = (s.x * v.y - v.x * s.y) / determinant
        let h = (u.x * s.y - s.x * u.y) / determinant
        let forward = [
            b.x - a.x + g * b.x, d.x - a.x + h * d.x, a.x, b.y - a.y + g * b.y, d.y - a.y + h * d.y, a.y, g, h, 1,
        ]
        map = PerspectiveWarp.inverse(forward)
    }

    /// The adjugate, which as a projective map is the inverse.
    private static func inverse(_ m: [Double]) -> [Double] {
        let (a, b, c, d, e, f, g, h, i) = (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8])
        return [
            e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g,
            b * g - a * h, a * e - b * d,
        ]
    }

    /// Planes seen so, linear between pixels.
    ///
    /// - Parameters:
    ///   - planes: [n, side, side].
    ///   - side: Pixels along a side.
    /// - Returns: Of the same shape.
    package func applied(to planes: [Float], side: Int) -> [Float] {
        let area = side * side
        var result = [Float](repeating: 0, count: planes.count)
        for y in 0..<side {
            for x in 0..<side {
                let (px, py) = ((Double(x) + 0.5) / Double(side), (Double(y) + 0.5) / Double(side))
                let w = map[6] * px + map[7] * py + map[8]
                let sx = Float((map[0] * px + map[1] * py + map[2]) / w * Double(side) - 0.5)
                let sy = Float((map[3] * px + map[4] * py + map[5]) / w * Double(side) - 0.5)
                guard sx > -1, sy > -1, sx < Float(side), sy < Float(side) else { continue }
                let (left, top) = (Int(sx.rounded(.down)), Int(sy.rounded(.down)))
                let (fx, fy) = (sx - Float(left), sy - Float(top))
                for (dx, dy, weight) in [
                    (0, 0, (1 - fx) * (1 - fy)), (1, 0, fx * (1 - fy)), (0, 1, (1 - fx) * fy), (1, 1, fx * fy),
                ] {
                    let (cx, cy) = (left + dx, top + dy)
                    guard 0..<side ~= cx, 0..<side ~= cy else { continue }
                    for start in stride(from: 0, to: planes.count, by: area) {
                        result[start + y * side + x] += weight * planes[start + cy * side + cx]
                    }
                }
            }
        }
        return result
    }
}
