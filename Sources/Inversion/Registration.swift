import Images

/// Finds how a picture has to be displaced to lie over another: Horn and Schunck's optical flow (1981), coarse to fine, all
/// channels at once, with less say for pixels that can't be matched.
struct Registration {
    /// What smoothness counts against likeness; pictures are in [-1, 1].
    var smoothness: Float = 0.4
    /// Differences from here on are taken for something else rather than for something displaced.
    var robust: Float = 0.2
    /// The side at which matching begins, and that at which it ends.
    var coarsest = 16
    var finest = 256
    /// Times that the picture is displaced anew at each size, and the steps between.
    var warps = 4
    var steps = 24
    /// What is taken as lighting and left out, in shares of a side.
    var lighting: Float = 0.05

    /// The displacement by which `moving` looks like `fixed`.
    ///
    /// - Parameters:
    ///   - moving: One picture.
    ///   - fixed: Another of the same size.
    /// - Returns: At the pictures' size: `displacement.warped(moving)` is about `fixed`.
    func displacement(of moving: ImageBatch, onto fixed: ImageBatch) -> Displacement {
        let side = fixed.side
        var sizes: [Int] = []
        var size = min(finest, side)
        while size >= coarsest {
            sizes.append(size)
            size /= 2
        }
        var found: Displacement?
        for size in sizes.reversed() {
            let (a, b) = (detail(moving.resized(to: size)), detail(fixed.resized(to: size)))
            var field = found?.resized(to: size) ?? Displacement(side: size)
            for _ in 0..<warps { refine(&field, moving: a, fixed: b) }
            found = field
        }
        return (found ?? Displacement(side: side)).resized(to: side)
    }

    /// The planes without slow changes of lighting.
    private func detail(_ picture: ImageBatch) -> [Float] {
        let low = PlaneFilters.blurred(picture.planes, side: picture.side, sigma: lighting * Float(picture.side))
        // A little blur, so that slopes say something about a pixel's surroundings.
        let soft = PlaneFilters.blurred(picture.planes, side: picture.side, sigma: 1)
        return zip(soft, low).map { $0 - $1 }
    }

    /// The sums over channels that the flow's equations have at each pixel.
    private struct Equations {
        var xx: [Float]
        var xy: [Float]
        var yy: [Float]
        var xt: [Float]
        var yt: [Float]
    }

    private func refine(_ field: inout Displacement, moving: [Float], fixed: [Float]) {
        let side = field.side
        let equations = equations(field.warped(moving), fixed, side: side)
        let start = field
        var next = field
        for _ in 0..<steps {
            relax(from: field, to: &next, start: start, equations: equations)
            swap(&field, &next)
        }
    }

    private func equations(_ moved: [Float], _ fixed: [Float], side: Int) -> Equations {
        let area = side * side
        let zero = [Float](repeating: 0, count: area)
        var result = Equations(xx: zero, xy: zero, yy: zero, xt: zero, yt: zero)
        let difference = PlaneFilters.blurred(
            PlaneFilters.largestDifference(moved, fixed, area: area), side: side, sigma: 1)
        for y in 0..<side {
            let (up, down) = (max(0, y - 1) * side, min(side - 1, y + 1) * side)
            for x in 0..<side {
                let (left, right, i) = (max(0, x - 1), min(side - 1, x + 1), y * side + x)
                let share = difference[i] / robust
                let weight = 1 / (1 + share * share)
                for plane in stride(from: 0, to: moved.count, by: area) {
                    func mean(_ k: Int) -> Float { 0.5 * (moved[plane + k] + fixed[plane + k]) }
                    let gx = 0.5 * (mean(y * side + right) - mean(y * side + left))
                    let gy = 0.5 * (mean(down + x) - mean(up + x))
                    let gt = moved[plane + i] - fixed[plane + i]
                    result.xx[i] += weight * gx * gx
                    result.xy[i] += weight * gx * gy
                    result.yy[i] += weight * gy * gy
                    result.xt[i] += weight * gx * gt
                    result.yt[i] += weight * gy * gt
                }
            }
        }
        return result
    }

    /// One of Jacobi's steps: each pixel's displacement is what its neighbours' mean and its own slopes ask for.
    private func relax(
        from field: Displacement, to next: inout Displacement, start: Displacement, equations e: Equations
    ) {
        let side = field.side
        let s = smoothness * smoothness
        for y in 0..<side {
            let (up, down) = (max(0, y - 1) * side, min(side - 1, y + 1) * side)
            for x in 0..<side {
                let (left, right, i) = (max(0, x - 1), min(side - 1, x + 1), y * side + x)
                let (l, r) = (y * side + left, y * side + right)
                let meanX = 0.25 * (field.x[l] + field.x[r] + field.x[up + x] + field.x[down + x])
                let meanY = 0.25 * (field.y[l] + field.y[r] + field.y[up + x] + field.y[down + x])
                // (s + A) d = s · mean + A · start − b, solved for the two components.
                let (a, b, c) = (s + e.xx[i], e.xy[i], s + e.yy[i])
                let p = s * meanX + e.xx[i] * start.x[i] + b * start.y[i] - e.xt[i]
                let q = s * meanY + b * start.x[i] + e.yy[i] * start.y[i] - e.yt[i]
                let determinant = a * c - b * b
                next.x[i] = (p * c - q * b) / determinant
                next.y[i] = (a * q - b * p) / determinant
            }
        }
    }
}
