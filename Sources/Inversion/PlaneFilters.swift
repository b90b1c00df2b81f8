import Core
import Foundation
import Images

/// What the transfer of edits needs of pictures' planes: blurs, steps and displaced copies.
enum PlaneFilters {
    /// About a Gaussian blur: three box averages, each over the part of its window that is inside.
    ///
    /// - Parameters:
    ///   - planes: [n, side, side].
    ///   - side: Pixels along a side.
    ///   - sigma: The Gaussian's deviation in pixels.
    /// - Returns: Of the same shape.
    static func blurred(_ planes: [Float], side: Int, sigma: Float) -> [Float] {
        let radius = min(side - 1, Int((((4 * sigma * sigma + 1).squareRoot() - 1) / 2).rounded()))
        if radius < 1 { return planes }
        // What each window holds, as the windows at the rim are smaller.
        let shares = (0..<side).map { 1 / Float(min(side - 1, $0 + radius) - max(0, $0 - radius) + 1) }
        let area = side * side
        return [Float](unsafeUninitializedCapacity: planes.count) { buffer, initialized in
            let result = SendableBuffer(buffer)
            DispatchQueue.concurrentPerform(iterations: planes.count / area) { plane in
                var values = Array(planes[plane * area..<(plane + 1) * area])
                var other = values
                for _ in 0..<3 {
                    boxRows(values, &other, side: side, radius: radius, shares: shares)
                    boxColumns(other, &values, side: side, radius: radius, shares: shares)
                }
                for i in values.indices { result.value[plane * area + i] = values[i] }
            }
            initialized = planes.count
        }
    }

    private static func boxRows(_ input: [Float], _ output: inout [Float], side: Int, radius: Int, shares: [Float]) {
        input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                shares.withUnsafeBufferPointer { shares in
                    // Four rows at once: a row's sums wait for each other.
                    for start in stride(from: 0, to: input.count, by: 4 * side) {
                        let rows = SIMD4<Int>(0, 1, 2, 3) &* side &+ start
                        let last = SIMD4<Int>(repeating: input.count - side)
                        let row = rows.replacing(with: last, where: rows .> last)
                        func values(_ x: Int) -> SIMD4<Float> {
                            SIMD4(input[row[0] + x], input[row[1] + x], input[row[2] + x], input[row[3] + x])
                        }
                        var sum = SIMD4<Float>.zero
                        for x in 0..<radius { sum += values(x) }
                        for x in 0..<side {
                            if x + radius < side { sum += values(x + radius) }
                            let mean = sum * shares[x]
                            for lane in 0..<4 { output[row[lane] + x] = mean[lane] }
                            if x >= radius { sum -= values(x - radius) }
                        }
                    }
                }
            }
        }
    }

    private static func boxColumns(_ input: [Float], _ output: inout [Float], side: Int, radius: Int, shares: [Float]) {
        var sums = [Float](repeating: 0, count: side)
        input.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                for plane in stride(from: 0, to: input.count, by: side * side) {
                    for x in 0..<side { sums[x] = 0 }
                    for y in 0..<radius { for x in 0..<side { sums[x] += input[plane + y * side + x] } }
                    for y in 0..<side {
                        let row = plane + y * side
                        if y + radius < side {
                            for x in 0..<side { sums[x] += input[row + radius * side + x] }
                        }
                        for x in 0..<side { output[row + x] = sums[x] * shares[y] }
                        if y >= radius { for x in 0..<side { sums[x] -= input[row - radius * side + x] } }
                    }
                }
            }
        }
    }

    /// The largest absolute difference of the channels at each pixel.
    ///
    /// - Parameters:
    ///   - a: [channels, side, side].
    ///   - b: Of the same shape.
    ///   - area: Pixels of a plane.
    /// - Returns: [side, side].
    static func largestDifference(_ a: [Float], _ b: [Float], area: Int) -> [Float] {
        var result = [Float](repeating: 0, count: area)
        for channel in stride(from: 0, to: a.count, by: area) {
            for i in 0..<area {
                let difference = abs(a[channel + i] - b[channel + i])
                result[i] = difference > result[i] ? difference : result[i]
            }
        }
        return result
    }

    /// 0 up to `low`, 1 from `high` on, and smooth between.
    static func step(_ values: [Float], from low: Float, to high: Float) -> [Float] {
        values.map { value in
            let t = min(1, max(0, (value - low) / (high - low)))
            return t * t * (3 - 2 * t)
        }
    }
}

/// For each pixel of a square picture the place that it shows of another picture, as a displacement in pixels.
struct Displacement: Sendable, Equatable {
    /// Pixels along a side.
    let side: Int
    /// [side, side]: how far to the right.
    var x: [Float]
    /// [side, side]: how far down.
    var y: [Float]

    /// No displacement.
    init(side: Int) {
        self.side = side
        x = [Float](repeating: 0, count: side * side)
        y = x
    }

    /// The same at another size.
    func resized(to target: Int) -> Displacement {
        if target == side { return self }
        let scale = Float(target) / Float(side)
        var result = Displacement(side: target)
        result.x = AreaResampling.resize(x, from: side, to: target).map { $0 * scale }
        result.y = AreaResampling.resize(y, from: side, to: target).map { $0 * scale }
        return result
    }

    /// Pictures read at the displaced places, linearly between pixels; beyond the rim the rim's pixels.
    ///
    /// - Parameter planes: [n, side, side].
    /// - Returns: Of the same shape.
    func warped(_ planes: [Float]) -> [Float] {
        let area = side * side
        return [Float](unsafeUninitializedCapacity: planes.count) { buffer, initialized in
            let result = SendableBuffer(buffer)
            DispatchQueue.concurrentPerform(iterations: Displacement.parts) { part in
                planes.withUnsafeBufferPointer { planes in
                    let (first, end) = (area * part / Displacement.parts, area * (part + 1) / Displacement.parts)
                    warp(planes, into: result.value, places: first..<end)
                }
            }
            initialized = planes.count
        }
    }

    /// Parts of a picture that are warped at once.
    private static let parts = 4

    private func warp(
        _ planes: UnsafeBufferPointer<Float>, into result: UnsafeMutableBufferPointer<Float>, places: Range<Int>
    ) {
        let (area, last) = (side * side, Float(side - 1))
        for i in places {
            let (dx, dy) = (x[i], y[i])
            let px = min(last, max(0, Float(i % side) + dx))
            let py = min(last, max(0, Float(i / side) + dy))
            let (x0, y0) = (min(side - 2, Int(px)), min(side - 2, Int(py)))
            let (fx, fy) = (px - Float(x0), py - Float(y0))
            let at = y0 * side + x0
            for plane in stride(from: 0, to: planes.count, by: area) {
                let (a, b) = (planes[plane + at], planes[plane + at + 1])
                let (c, d) = (planes[plane + at + side], planes[plane + at + side + 1])
                let (top, bottom) = (a + fx * (b - a), c + fx * (d - c))
                result[plane + i] = top + fy * (bottom - top)
            }
        }
    }
}
