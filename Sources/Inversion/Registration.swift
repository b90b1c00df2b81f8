import Images

/// Finds how a picture has to be displaced to lie over another: Horn and Schunck's optical flow (1981), coarse to fine, all
/// channels at once, with less say for pixels that can't be matched.
public struct Registration: Sendable {
    /// What smoothness counts against likeness; pictures are in [-1, 1].
    private let smoothness: Float = 0.4
    /// Differences from here on are taken for something else rather than for something displaced.
    private let robust: Float = 0.2
    /// The side at which matching begins, and that at which it ends.
    private let coarsest = 16
    private let finest: Int
    /// Times that the picture is displaced anew at each size, and the steps between.
    private let warps = 4
    private let steps = 24
    /// What is taken as lighting and left out, in shares of a side.
    private let lighting: Float = 0.05

    /// As exact as pictures of 256 pixels allow.
    public static let exact = Registration(finest: 256)
    /// Many times as fast, for previews.
    public static let quick = Registration(finest: 64)

    /// Whether it is the one for previews.
    var isQuick: Bool { finest < Registration.exact.finest }

    private init(finest: Int) { self.finest = finest }

    /// A picture as matching sees it, at all its sizes.
    struct Pyramid: Sendable {
        let side: Int
        /// From the coarsest size to the finest: [channels, size, size].
        fileprivate let levels: [(size: Int, planes: [Float])]
    }

    /// Makes a picture ready to be matched.
    func pyramid(_ picture: ImageBatch) -> Pyramid {
        var levels: [(size: Int, planes: [Float])] = []
        var size = min(finest, picture.side)
        while size >= coarsest {
            levels.insert((size, detail(picture.resized(to: size))), at: 0)
            size /= 2
        }
        return Pyramid(side: picture.side, levels: levels)
    }

    /// The displacement by which `moving` looks like `fixed`.
    ///
    /// - Parameters:
    ///   - moving: One picture.
    ///   - fixed: Another of the same size.
    /// - Returns: At the pictures' size: `displacement.warped(moving)` is about `fixed`.
    func displacement(of moving: Pyramid, onto fixed: Pyramid) -> Displacement {
        var found: Displacement?
        for (a, b) in zip(moving.levels, fixed.levels) {
            var field = found?.resized(to: a.size) ?? Displacement(side: a.size)
            for _ in 0..<warps { refine(&field, moving: a.planes, fixed: b.planes) }
            found = field
        }
        return (found ?? Displacement(side: fixed.side)).resized(to: fixed.side)
    }

    /// The planes without slow changes of lighting.
    private func detail(_ picture: ImageBatch) -> [Float] {
        let low = PlaneFilters.blurred(picture.planes, side: picture.side, sigma: lighting * Float(picture.side))
        // A little blur, so that slopes say something about a pixel's surroundings.
        let soft = PlaneFilters.blurred(picture.planes, side: picture.side, sigma: 1)
        return zip(soft, low).map { $0 - $1 }
    }

    private func refine(_ field: inout Displacement, moving: [Float], fixed: [Float]) {
        let system = system(at: field, moved: field.warped(moving), fixed: fixed)
        var next = field
        for _ in 0..<steps {
            relax(from: field, to: &next, system: system)
            swap(&field, &next)
        }
    }

    /// What each pixel asks of its displacement, given the mean of its neighbours': m · mean + (x, y), m symmetric.
    private struct System {
        var xx: [Float]
        var xy: [Float]
        var yy: [Float]
        var x: [Float]
        var y: [Float]
    }

    private func system(at start: Displacement, moved: [Float], fixed: [Float]) -> System {
        let side = start.side
        let area = side * side
        let zero = [Float](repeating: 0, count: area)
        // The sums over channels of slopes' products with each other and with the pictures' difference.
        var e = System(xx: zero, xy: zero, yy: zero, x: zero, y: zero)
        let difference = PlaneFilters.blurred(
            PlaneFilters.largestDifference(moved, fixed, area: area), side: side, sigma: 1)
        let means = zip(moved, fixed).map { 0.5 * ($0 + $1) }
        for plane in stride(from: 0, to: moved.count, by: area) {
            for y in 0..<side {
                let (up, down) = (plane + max(0, y - 1) * side, plane + min(side - 1, y + 1) * side)
                let row = plane + y * side
                for x in 0..<side {
                    let (left, right, i) = (max(0, x - 1), min(side - 1, x + 1), y * side + x)
                    let gx = 0.5 * (means[row + right] - means[row + left])
                    let gy = 0.5 * (means[down + x] - means[up + x])
                    let gt = moved[row + x] - fixed[row + x]
                    e.xx[i] += gx * gx
                    e.xy[i] += gx * gy
                    e.yy[i] += gy * gy
                    e.x[i] += gx * gt
                    e.y[i] += gy * gt
                }
            }
        }
        let s = smoothness * smoothness
        for i in 0..<area {
            let share = difference[i] / robust
            let weight = 1 / (1 + share * share)
            // (s + A) d = s · mean + A · start − b, solved for the two components.
            let (xx, b, yy) = (weight * e.xx[i], weight * e.xy[i], weight * e.yy[i])
            let p = xx * start.x[i] + b * start.y[i] - weight * e.x[i]
            let q = b * start.x[i] + yy * start.y[i] - weight * e.y[i]
            let (a, c) = (s + xx, s + yy)
            let inverse = 1 / (a * c - b * b)
            (e.x[i], e.y[i]) = ((p * c - q * b) * inverse, (a * q - b * p) * inverse)
            (e.xx[i], e.xy[i], e.yy[i]) = (s * c * inverse, -s * b * inverse, s * a * inverse)
        }
        return e
    }

    /// One of Jacobi's steps: each pixel's displacement is what its neighbours' mean and its own slopes ask for.
    private func relax(from field: Displacement, to next: inout Displacement, system: System) {
        let side = field.side
        func row(_ y: Int, _ nextX: UnsafeMutablePointer<Float>, _ nextY: UnsafeMutablePointer<Float>) {
            let (up, down) = (max(0, y - 1) * side, min(side - 1, y + 1) * side)
            func pixel(_ x: Int) {
                let (l, r, i) = (y * side + max(0, x - 1), y * side + min(side - 1, x + 1), y * side + x)
                let meanX = 0.25 * (field.x[l] + field.x[r] + field.x[up + x] + field.x[down + x])
                let meanY = 0.25 * (field.y[l] + field.y[r] + field.y[up + x] + field.y[down + x])
                nextX[i] = system.xx[i] * meanX + system.xy[i] * meanY + system.x[i]
                nextY[i] = system.xy[i] * meanX + system.yy[i] * meanY + system.y[i]
            }
            pixel(0)
            var x = 1
            let width = Lanes.scalarCount
            while x + width < side {
                let (i, u, d) = (y * side + x, up + x, down + x)
                let meanX =
                    0.25 * ((field.x.lanes(i - 1) + field.x.lanes(i + 1)) + (field.x.lanes(u) + field.x.lanes(d)))
                let meanY =
                    0.25 * ((field.y.lanes(i - 1) + field.y.lanes(i + 1)) + (field.y.lanes(u) + field.y.lanes(d)))
                let xy = system.xy.lanes(i)
                store(system.xx.lanes(i) * meanX + xy * meanY + system.x.lanes(i), nextX + i)
                store(xy * meanX + system.yy.lanes(i) * meanY + system.y.lanes(i), nextY + i)
                x += width
            }
            while x < side {
                pixel(x)
                x += 1
            }
        }
        next.x.withUnsafeMutableBufferPointer { x in
            next.y.withUnsafeMutableBufferPointer { y in
                guard let (x, y) = x.baseAddress.flatMap({ x in y.baseAddress.map { (x, $0) } }) else { return }
                for line in 0..<side { row(line, x, y) }
            }
        }
    }

    private typealias Lanes = SIMD8<Float>

    private func store(_ lanes: Lanes, _ place: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(place).storeBytes(of: lanes, as: Lanes.self)
    }
}

extension [Float] {
    /// Eight neighbours from an index on.
    @inline(__always)
    fileprivate func lanes(_ index: Int) -> SIMD8<Float> {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<Float>.self) }
    }
}
